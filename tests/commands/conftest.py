"""The command, run as people run it: as a process of its own, on a database of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString, NamedTuple

import psycopg
import pytest

from infrastructure.postgres.database import Database

COMMAND = str(Path(sys.executable).with_name("taizhang"))
URL = "TAIZHANG_DATABASE_URL"


class Run(NamedTuple):
    """What a run came to."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> Any:
        """The one line of JSON."""
        (line,) = self.out.splitlines()
        return json.loads(line)


class Home:
    """A directory for a ledger, and the database behind it: the embedded one where none is given."""

    def __init__(self, directory: Path, database: Database | None) -> None:
        self.directory = directory
        self.database = database
        self.environment = {name: value for name, value in os.environ.items() if name != URL}
        if database is not None:
            self.environment[URL] = database.conninfo

    def arguments(self, words: Sequence[object]) -> list[str]:
        return [COMMAND, *map(str, words), "--data", str(self.directory)]

    def run(self, *words: object) -> Run:
        done = subprocess.run(
            self.arguments(words), env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Run(done.returncode, done.stdout, done.stderr)

    def ask(self, *words: object) -> Any:
        """The answer of a run that is done."""
        run = self.run(*words, "--json")
        assert run.code == 0, run
        return run.answer

    def start(self, *words: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.arguments(words), env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    @contextmanager
    def serving(self, command: str = "serve", *words: object) -> Iterator[dict[str, Any]]:
        """What a server says once it answers; told to stop, it ends well."""
        port = () if "--port" in words else ("--port", 0)
        with self.start(command, *words, *port, "--json") as process:
            try:
                assert process.stdout is not None
                yield json.loads(process.stdout.readline())
                process.send_signal(signal.SIGTERM)
                assert process.wait(30) == 0
            finally:
                process.kill()

    def rows(self, query: LiteralString) -> list[tuple[Any, ...]]:
        assert self.database is not None
        with psycopg.connect(self.database.conninfo) as connection:
            return connection.execute(query).fetchall()

    def head(self) -> int:
        return int(self.rows("SELECT coalesce(max(position), 0) FROM ledger.log")[0][0])


@pytest.fixture
def bare(tmp_path: Path, database: Database) -> Home:
    """A directory without a ledger."""
    return Home(tmp_path / "ledger", database)


@pytest.fixture(scope="session")
def home_in() -> Callable[[Path], Home]:
    """A directory without a ledger, and without a database of its own yet."""
    return lambda directory: Home(directory, None)


@pytest.fixture
def home(bare: Home) -> Home:
    """A directory with a new ledger."""
    bare.ask("init")
    return bare


@pytest.fixture(scope="session")
def divisions() -> Path:
    """The table of Xixian that comes with the product."""
    return Path(__file__).parents[2] / "api" / "demo" / "divisions.csv"


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Writes a table of divisions with these lines."""

    def written(
        *lines: str | bytes, header: str = "code,name,kind,township_code,township,new_city,new_city_name"
    ) -> Path:
        path = tmp_path_factory.mktemp("table") / "divisions.csv"
        path.write_bytes(
            b"".join((line if isinstance(line, bytes) else line.encode()) + b"\n" for line in (header, *lines))
        )
        return path

    return written
