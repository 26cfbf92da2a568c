"""`taizhang verify`: exit 0 for a ledger that holds, 1 with the first fault, 3 where nobody can tell."""

from __future__ import annotations

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


def test_where_there_is_no_ledger_nobody_can_tell(bare: Home) -> None:
    run = bare.run("verify", "--json")
    assert (run.code, run.answer["error"]) == (3, "not-initialised")
