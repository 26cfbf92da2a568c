"""`taizhang backup` and `restore`: the ledger as it stood, all of it or nothing, without any key."""

from __future__ import annotations

import itertools
import json
import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from infrastructure.postgres.database import Database, create
from infrastructure.postgres.embedded import EmbeddedServer
from tests.commands.conftest import Home

NAME = "欧阳清源"
_numbers = itertools.count(1)

Elsewhere = Callable[..., Home]


@pytest.fixture(scope="module")
def elsewhere(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Elsewhere:
    """Makes a directory with another, empty database, and with the keys of a ledger where one is given."""

    def made(ledger: Home | None = None) -> Home:
        database = Database.embedded(server, f"elsewhere_{next(_numbers)}")
        create(database)
        other = Home(tmp_path_factory.mktemp("ledger"), database)
        if ledger is not None:
            for name in ("keys", "vault"):
                shutil.copytree(ledger.directory / name, other.directory / name)
        return other

    return made


@pytest.fixture(scope="module")
def ledger(elsewhere: Elsewhere) -> Home:
    """A ledger of some entries."""
    made = elsewhere()
    made.ask("init")
    made.ask("key", "add", "--account", "visitor", "--office", "new-area", "--role", "inspector", "--name", NAME)
    return made


@pytest.fixture(scope="module")
def kept(ledger: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of it, made while it is served."""
    file = tmp_path_factory.mktemp("backups") / "kept.zip"
    with ledger.serving():
        answer = ledger.ask("backup", file)
    assert answer["position"] == ledger.head()
    assert file.stat().st_mode & 0o777 == 0o600
    return file


def test_what_was_backed_up_is_there_again_and_goes_on(ledger: Home, kept: Path, elsewhere: Elsewhere) -> None:
    other = elsewhere(ledger)
    answer = other.ask("restore", kept)
    assert (answer["holds"], answer["position"], answer["missing"]) == (True, ledger.head(), [])
    log = "SELECT position, entry, leaf_hash FROM ledger.log ORDER BY position"
    assert other.rows(log) == ledger.rows(log)
    assert other.ask("verify")["root_hash"] == answer["root_hash"]
    assert other.ask("rebuild", "--check")["holds"] is True
    other.ask("key", "add", "--account", "visitor", "--office", "new-area", "--role", "inspector")
    assert other.head() == ledger.head() + 1


def test_no_key_and_no_name_is_in_it(ledger: Home, kept: Path, elsewhere: Elsewhere) -> None:
    keys = [path.read_bytes() for path in (ledger.directory / "keys").glob("*.key")]
    vault = [path.read_bytes() for path in (ledger.directory / "vault").iterdir()]
    with zipfile.ZipFile(kept) as archive:
        content = b"".join(archive.read(name) for name in archive.namelist())
    assert b'"AccountOpened/1"' in content
    assert keys
    assert vault
    for secret in [*keys, *vault]:
        assert secret not in content
        assert secret.hex().encode() not in content
    assert NAME.encode() not in content
    bare = elsewhere()
    assert bare.ask("restore", kept)["missing"] == ["keys", "vault"]
    assert bare.ask("verify")["holds"] is True


def test_a_file_that_was_altered_restores_nothing(kept: Path, elsewhere: Elsewhere, tmp_path: Path) -> None:
    altered = tmp_path / "altered.zip"
    with zipfile.ZipFile(kept) as old, zipfile.ZipFile(altered, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace("陕西省".encode(), "山西省".encode()))
    other = elsewhere()
    for file in (altered, Path(__file__)):
        run = other.run("restore", file, "--json")
        assert (run.code, run.answer["error"]) == (1, "unrestorable"), run
    assert other.head() == 0


def test_one_whose_entries_make_another_tree_restores_nothing(kept: Path, elsewhere: Elsewhere, tmp_path: Path) -> None:
    altered = tmp_path / "altered.zip"
    with zipfile.ZipFile(kept) as old, zipfile.ZipFile(altered, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        manifest = json.loads(old.read("manifest.json"))
        manifest["position"] -= 1
        with pytest.warns(UserWarning, match="Duplicate name"):
            new.writestr("manifest.json", json.dumps(manifest))
    other = elsewhere()
    assert other.run("restore", altered).code == 1
    assert other.head() == 0


def test_neither_a_ledger_nor_a_file_is_overwritten(ledger: Home, kept: Path) -> None:
    before, content = ledger.head(), kept.read_bytes()
    assert ledger.run("restore", kept, "--json").answer["error"] == "unrestorable"
    assert ledger.run("backup", kept, "--json").code == 3
    assert (ledger.head(), kept.read_bytes()) == (before, content)
    assert [path.name for path in kept.parent.iterdir()] == ["kept.zip"]


def test_a_backup_older_than_what_was_published_is_found_out(ledger: Home, kept: Path, elsewhere: Elsewhere) -> None:
    other = elsewhere(ledger)
    other.ask("restore", kept)
    other.ask("key", "add", "--account", "later", "--office", "new-area", "--role", "inspector")
    with other.serving() as served:
        deadline = time.monotonic() + 20
        while int(httpx.get(f"{served['url']}/checkpoint").text.splitlines()[1]) < other.head():
            assert time.monotonic() < deadline
            time.sleep(0.1)
    run = elsewhere(other).run("restore", kept, "--json")
    assert run.code == 1
    assert (run.answer["kind"], run.answer["position"]) == ("gap", ledger.head() + 1)


def test_another_ledgers_keys_are_not_put_beside_it(kept: Path, elsewhere: Elsewhere) -> None:
    stranger = elsewhere()
    stranger.ask("init", "--origin", "stranger.test")
    third = elsewhere(stranger)
    run = third.run("restore", kept, "--json")
    assert (run.code, run.answer["error"]) == (3, "foreign-keys")
