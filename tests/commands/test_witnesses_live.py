"""Witnesses as processes of their own: enough of them make a checkpoint witnessed, none of them holds recording up."""

from __future__ import annotations

import io
import json
import shutil
import socket
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from psycopg import sql

from api.administration import issue_key
from api.command_line import main
from api.composition import URL_VARIABLE, initialise, open_witness, opened
from infrastructure.postgres.database import Database, create

PATIENCE = 30.0
"""Seconds until something is found to have failed."""


class Witnesses:
    """Three witnesses, of which two are to sign."""

    def __init__(self, home_in: Callable[[Path], Any], directory: Path, log: str) -> None:
        self._directory, self._log, self._home_in = directory, log, home_in
        self._running: dict[int, subprocess.Popen[str]] = {}
        self._ports = [_free_port() for _ in range(3)]
        self.keys: list[str] = []
        for number in range(3):
            witness = open_witness(directory / f"w{number}", f"witness.test/w{number}", (log,))
            self.keys.append(witness.verifier_key)
            witness.close()
        self.policy = directory / "witnesses.policy"
        lines = [f"witness w{n} {self.keys[n]} http://127.0.0.1:{self._ports[n]}" for n in range(3)]
        self.policy.write_text("\n".join([*lines, "group two 2 w0 w1 w2", "quorum two", ""]))

    def start(self, *numbers: int) -> None:
        for number in numbers:
            home = self._home_in(self._directory / f"w{number}")
            named = ("--name", f"witness.test/w{number}", "--log", self._log)
            self._running[number] = home.start("witness", *named, "--port", self._ports[number], "--json")
        for number in numbers:
            said = self._running[number].stdout
            assert said is not None
            assert json.loads(said.readline())["verifier_key"] == self.keys[number]

    def stop(self, *numbers: int) -> None:
        for number in numbers or tuple(self._running):
            with self._running.pop(number) as process:
                process.terminate()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@pytest.fixture
def watch(bare: Any, home_in: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Witnesses]:
    monkeypatch.setenv(URL_VARIABLE, bare.database.conninfo)
    key, _ = initialise(bare.directory, "witnessed.test")
    witnesses = Witnesses(home_in, tmp_path, key)
    yield witnesses
    witnesses.stop()


class Office:
    """An office that records New Cities, and looks whether that was witnessed."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def record(self, new_city: str) -> httpx.Response:
        data = {"name": new_city, "kind": "new-city"}
        said = {"type": "NewCityRegistered", "effective_on": "2019-12-10", "data": data}
        return self._client.post(f"/api/v1/new-cities/{new_city}/events?wait=sealed", json=said)

    def seen_once(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """What is said of the last checkpoint, once it is so."""
        return _once(lambda: self._client.get("/api/v1/log/checkpoint").json()["data"], holds)

    def refused_once(self) -> str:
        """Why nothing more is written, once that is so."""
        found = _once(lambda: self._client.get("/readyz").json(), lambda seen: seen["writing"]["refused"] is not None)
        return str(found["writing"]["refused"])

    def bundle(self, new_city: str) -> bytes:
        return self._client.get(f"/api/v1/new-cities/{new_city}/bundle").raise_for_status().content


def _once(ask: Callable[[], dict[str, Any]], holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while not holds(found := ask()):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


@pytest.fixture
def office(bare: Any, watch: Witnesses, serving: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Serves the ledger, or a copy of it with another database, and asks the witnesses."""
    with opened(bare.directory, follow=False) as ledger:
        token = issue_key(ledger, "office", "new-area", None, ("recorder",))

    @contextmanager
    def served(directory: Path = bare.directory, database: Database = bare.database) -> Iterator[Office]:
        monkeypatch.setenv(URL_VARIABLE, database.conninfo)
        with (
            opened(directory, witnesses=watch.policy) as ledger,
            serving(ledger) as url,
            httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=20) as client,
        ):
            yield Office(client)

    return served


@pytest.fixture
def copy(bare: Any, tmp_path: Path) -> Iterator[Callable[[], tuple[Path, Database]]]:
    """Copies everything there is of the ledger, as it is then: its database, and what it keeps beside its keys."""
    old = Database.embedded(bare.database.server, f"{bare.database.name}_old")

    def copied() -> tuple[Path, Database]:
        create(old, template=bare.database.name)
        return shutil.copytree(bare.directory, tmp_path / "copy"), old

    yield copied
    with old.connect(None, dbname="postgres") as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(old.name)))


def test_two_of_three_are_enough_one_is_not_and_a_rollback_of_everything_is_theirs_to_tell(
    office: Any, watch: Witnesses, copy: Any
) -> None:
    watch.start(0, 1)
    with office() as at:
        assert at.record("n1").status_code == 201
        seen = at.seen_once(lambda seen: seen["witnessed"])
        assert sorted(seen["cosigned_by"]) == sorted(watch.keys[:2])
    watch.stop(1)
    rolled_back = copy()
    with office() as at:
        assert at.record("n2").status_code == 201
        seen = at.seen_once(lambda seen: watch.keys[0] in seen["cosigned_by"])
        assert (seen["witnessed"], seen["cosigned_by"]) == (False, [watch.keys[0]])
        watch.start(2)
        at.seen_once(lambda seen: seen["witnessed"])
        assert at.record("n3").status_code == 201
    with office(*rolled_back) as at:
        assert "witness.test/w" in at.refused_once()
        refused = at.record("n4")
        assert (refused.status_code, refused.json()["code"]) == (503, "rolled-back")


def test_a_bundle_names_the_witnesses_and_holds_by_the_policy_it_carries(
    office: Any, watch: Witnesses, tmp_path: Path
) -> None:
    watch.start(0, 1)
    with office() as at:
        assert at.record("n1").status_code == 201
        content = at.bundle("n1")
    bundle, policy, stricter = (tmp_path / name for name in ("bundle.zip", "trust.policy", "stricter.policy"))
    bundle.write_bytes(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        policy.write_bytes(archive.read("trust.policy"))
    log, _, witnesses = policy.read_text().partition("\n")
    assert witnesses == watch.policy.read_text()
    stricter.write_text(policy.read_text().replace("group two 2", "group two 3"))
    arguments = ["verify-bundle", str(bundle), "--key", log.removeprefix("log "), "--json"]
    for asked, code, told in ((policy, 0, "witness.test/w1"), (stricter, 1, "unwitnessed")):
        done = CliRunner().invoke(main, [*arguments, "--policy", str(asked)])
        assert (done.exit_code, told in done.output) == (code, True), done.output
