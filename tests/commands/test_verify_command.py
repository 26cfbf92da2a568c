"""`taizhang verify`: exit 0 for a ledger that holds, 1 with the first fault, 3 where nobody can tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.commands.conftest import Home

UNGUARDED = (
    "SET session_replication_role = replica; SET taizhang.migrating = 'on'; ALTER TABLE ledger.log DISABLE TRIGGER ALL"
)


@pytest.fixture
def tampered(home: Home) -> int:
    assert home.database is not None
    with psycopg.connect(home.database.conninfo) as connection:
        connection.execute(UNGUARDED)
        connection.execute(
            "UPDATE ledger.log SET entry = convert_to(replace(convert_from(entry, 'UTF8'), '陕西省', '山西省'), 'UTF8')"
            " WHERE name = 'NewAreaRegistered/1'"
        )
        connection.execute("ALTER TABLE ledger.log ENABLE ALWAYS TRIGGER only_grows")
        row = connection.execute("SELECT position FROM ledger.log WHERE name = 'NewAreaRegistered/1'").fetchone()
    assert row is not None
    return int(row[0])


def test_a_ledger_that_holds_is_said_to(home: Home) -> None:
    answer = home.ask("verify")
    assert (answer["holds"], answer["size"], len(answer["root_hash"])) == (True, home.head(), 64)
    run = home.run("verify")
    assert run.code == 0
    assert answer["root_hash"] in run.out


def test_tampering_is_named_by_position_and_kind(home: Home, tampered: int) -> None:
    run = home.run("verify", "--json")
    assert run.code == 1
    assert run.answer["holds"] is False
    assert (run.answer["position"], run.answer["kind"]) == (tampered, "body")
    spoken = home.run("verify")
    assert spoken.code == 1
    assert f"第 {tampered} 号记录：正文与摘要不符" in spoken.err


def test_it_works_beside_a_running_server(home: Home) -> None:
    with home.serving():
        assert home.ask("verify")["holds"] is True


@pytest.fixture
def served(home: Home) -> Iterator[tuple[str, ...]]:
    """The words that verify what this ledger's server serves."""
    home.environment["TAIZHANG_PUBLIC_ENTRIES"] = "1"
    with home.serving() as said:
        yield ("verify", "--url", said["url"], "--key", said["verifier_key"])


@pytest.fixture
def elsewhere(home_in: Callable[[Path], Home], tmp_path: Path) -> Home:
    """A directory that has nothing of the ledger."""
    return home_in(tmp_path / "elsewhere")


def test_what_is_served_is_verified_by_url_and_key_alone(
    served: tuple[str, ...], elsewhere: Home, home: Home, tmp_path: Path
) -> None:
    answer = elsewhere.ask(*served)
    assert (answer["holds"], answer["size"], answer["read"]) == (True, home.head(), home.head())
    kept = tmp_path / "kept"
    kept.write_text(answer["checkpoint"], encoding="utf-8")
    assert elsewhere.ask(*served, "--since", kept)["holds"] is True
    assert not elsewhere.directory.exists()


def test_what_is_served_and_was_tampered_with_is_named_by_position_and_kind(
    served: tuple[str, ...], elsewhere: Home, tampered: int
) -> None:
    run = elsewhere.run(*served, "--json")
    assert (run.code, run.answer["position"], run.answer["kind"]) == (1, tampered, "body")


def test_where_nobody_answers_nobody_can_tell(elsewhere: Home, home: Home) -> None:
    with home.serving() as said:
        key = said["verifier_key"]
    run = elsewhere.run("verify", "--url", said["url"], "--key", key, "--json")
    assert (run.code, run.answer["error"]) == (3, "unreachable")
    for words in (("--url", said["url"]), ("--key", key), ("--url", said["url"], "--key", "none")):
        assert elsewhere.run("verify", *words).code == 2


def test_where_there_is_no_ledger_nobody_can_tell(bare: Home) -> None:
    run = bare.run("verify", "--json")
    assert (run.code, run.answer["error"]) == (3, "not-initialised")
