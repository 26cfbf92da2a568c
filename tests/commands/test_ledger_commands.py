"""A ledger is founded once; keys work at once; a command that can't tell says so and what to do."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from api.command_line import main
from infrastructure.keys.key_ring import KeyRing


def test_a_ledger_is_founded_once(bare: Any) -> None:
    founded = bare.ask("init", "--origin", "taizhang.test/once")
    assert founded["verifier_key"].startswith("taizhang.test/once+")
    assert founded["key"].startswith("tz_")
    head = bare.head()

    again = bare.run("init", "--json")
    assert (again.code, again.answer["error"]) == (1, "already-initialised")
    assert "已有台账" in bare.run("init").err
    assert bare.head() == head


@pytest.mark.parametrize(
    "words",
    [
        ("serve", "--port", 0),
        ("rebuild",),
        ("rebuild", "--check"),
        ("key", "add", "--account", "abc", "--office", "new-area"),
    ],
)
def test_without_a_ledger_a_command_can_not_tell_and_says_what_to_do(bare: Any, words: tuple[str, ...]) -> None:
    run = bare.run(*words)
    assert (run.code, run.out) == (3, "")
    assert "taizhang init" in run.err
    assert len(run.err.splitlines()) == 1


def test_without_its_database_a_command_can_not_tell(tmp_path: Path, bare: Any) -> None:
    bare.environment["TAIZHANG_DATABASE_URL"] = f"host={tmp_path} dbname=nowhere"
    run = bare.run("init", "--json")
    assert (run.code, run.answer["error"]) == (3, "unavailable")


def test_what_makes_no_sense_is_a_matter_of_usage(bare: Any) -> None:
    assert bare.run("init", "--origin", "two words").code == 2
    bare.ask("init")
    head = bare.head()
    for words in (
        ("key", "add", "--account", "abc"),
        ("key", "add", "--account", "abc", "--office", "nowhere"),
        ("key", "add", "--account", "610112199001011234", "--office", "new-area"),
        ("key", "add", "--account", "abc", "--office", "township:610112002", "--role", "arbiter"),
        ("import", "no-such-file.csv"),
        ("nonsense",),
    ):
        assert bare.run(*words).code == 2, words
    assert bare.head() == head


def test_a_key_issued_beside_a_running_server_works_at_once(home: Any) -> None:
    with home.serving() as server:
        issued = home.ask("key", "add", "--account", "sanqiao", "--office", "township:610112002", "--role", "recorder")
        asked = {"Authorization": f"Bearer {issued['key']}"}
        answer = httpx.get(f"{server['url']}/api/v1/new-area/xixian", headers=asked)
        assert (answer.status_code, answer.json()["data"]["status"]) == (200, "registered")

        more = home.ask("key", "add", "--account", "sanqiao", "--office", "township:610112002", "--role", "inspector")
        assert more["key"] != issued["key"]
        moved = home.run("key", "add", "--account", "sanqiao", "--office", "new-area", "--json")
        assert (moved.code, moved.answer["error"]) == (1, "already-open")
        account = httpx.get(
            f"{server['url']}/api/v1/accounts/sanqiao", headers={"Authorization": f"Bearer {more['key']}"}
        ).json()["data"]
        assert (account["roles"], len(account["keys"])) == (["inspector", "recorder"], 2)


def test_a_taken_port_is_told_before_anything_is_started(home: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run = home.run("serve", "--port", taken.getsockname()[1], "--json")
    assert (run.code, run.answer["error"]) == (3, "address")


@pytest.mark.parametrize(
    "words", [(), ("init",), ("key",), ("key", "add"), ("import",), ("serve",), ("demo",), ("rebuild",)]
)
def test_every_command_has_help(words: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(main, [*words, "--help"])
    assert shown.exit_code == 0
    if words not in {(), ("key",)}:
        assert "--data" in shown.stdout
        assert "--json" in shown.stdout


def test_a_directory_without_the_ledgers_own_keys_opens_nothing(home, tmp_path):
    elsewhere = type(home)(tmp_path / "elsewhere", home.database)
    again = elsewhere.run("init", "--json")
    assert (again.code, again.answer["error"]) == (1, "already-initialised")
    assert not (elsewhere.directory / "keys").exists()

    KeyRing.create(elsewhere.directory, "taizhang.local/another")
    added = elsewhere.run("key", "add", "--account", "someone", "--office", "new-area", "--json")
    assert (added.code, added.answer["error"]) == (3, "foreign-keys")
