"""Rows of the whole log in tables of their own: shares of the records side by side, then indexes."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import IO, Final, LiteralString

from domain.records import AGGREGATES
from infrastructure.postgres.database import Connection, Database
from infrastructure.postgres.reader import LogReader
from infrastructure.views import share, tables
from infrastructure.views.projecting import Projector
from projections.records import FoldFailed

SHARES: Final = 2
"""Of the records, each written by a process of its own."""
WORTH_A_PROCESS: Final = 20_000
"""Entries from which on another process saves more than its start costs."""
OWNED: Final = 500
"""Records with an owner that are written together."""
OF_A_KIND: Final = (
    "SELECT DISTINCT l.record FROM ledger.log AS l"
    " WHERE l.record >= %s || '/' AND l.record < %s || '0' AND l.position <= %s ORDER BY l.record"
)

Advance = Callable[[int], None]


class ShareFailed(RuntimeError):  # noqa: N818  # says what happened
    """A process that wrote a share of the rows ended before its time."""


def build(
    database: Database, connection: Connection, reader: LogReader, schema: str, until: int, done: Advance
) -> None:
    """Make a schema's tables, with indexes, of the log up to a position; `done` hears how many more entries are in.

    `done` is called from several threads. Raises FoldFailed, ShareFailed and psycopg.Error.
    """
    tables.create(connection, schema)
    shares = SHARES if until >= WORTH_A_PROCESS else 1
    with _others(database, schema, until, shares, done):
        share.write(database, schema, until, part=0, parts=shares, done=done)
    _index(database, schema)
    tables.begin(connection, schema, until)
    projector = Projector(reader, schema)
    for kind in (one.kind for one in AGGREGATES.values() if one.parent is not None):
        records = [row[0] for row in reader.rows(OF_A_KIND, kind, kind, until)]
        for first in range(0, len(records), OWNED):
            projector.renew(connection, records[first : first + OWNED], until)
    connection.execute(tables.at("ANALYZE {schema}.records", schema))


@contextmanager
def _others(database: Database, schema: str, until: int, shares: int, done: Advance) -> Generator[None]:
    """Have the other shares written by other processes while the block writes one."""
    asked = {"conninfo": database.conninfo, "schema": schema, "until": until, "parts": shares}
    with tempfile.TemporaryFile("w+") as complaints, ThreadPoolExecutor() as pool:
        processes = [_other({**asked, "part": part}, complaints) for part in range(1, shares)]
        try:
            heard = [pool.submit(_hear, process, done) for process in processes]
            yield
            for one in heard:
                one.result()
        except ShareFailed:
            complaints.seek(0)
            raise ShareFailed(complaints.read()) from None
        finally:
            for process in processes:
                process.kill()


def _other(asked: dict[str, object], complaints: IO[str]) -> subprocess.Popen[str]:
    process = subprocess.Popen(  # noqa: S603  # ourselves
        [sys.executable, "-m", share.__name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=complaints,
        text=True,
    )
    if process.stdin is None:
        raise AssertionError
    with process.stdin:
        json.dump(asked, process.stdin)
    return process


def _hear(process: subprocess.Popen[str], done: Advance) -> None:
    """Take what a process tells, until it ends. Raises FoldFailed, and ShareFailed for whatever else went wrong."""
    if process.stdout is None:
        raise AssertionError
    with process.stdout:
        for told in process.stdout:
            match json.loads(told):
                case [int(position), str(reason)]:
                    raise FoldFailed(position, reason)
                case size:
                    done(size)
    if process.wait():
        raise ShareFailed


def _index(database: Database, schema: str) -> None:
    """Make the indexes, two at a time."""

    def make(statement: LiteralString) -> None:
        with database.connect("projector") as connection:
            connection.execute("SET maintenance_work_mem = '256MB'; SET max_parallel_maintenance_workers = 0")
            connection.execute(tables.at(statement, schema))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(make, tables.INDEXES))
