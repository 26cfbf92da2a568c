"""Rows of the whole log in tables of their own: shares of the records side by side, then indexes."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Thread
from typing import IO, Final, LiteralString

from domain.records import AGGREGATES
from infrastructure.postgres.database import Connection, Database
from infrastructure.postgres.reader import LogReader
from infrastructure.views import share, tables
from infrastructure.views.projecting import Projector

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


def build(
    database: Database, connection: Connection, reader: LogReader, schema: str, until: int, done: Advance
) -> None:
    """Make a schema's tables, with indexes, of the log up to a position; `done` hears how many more entries are in.

    `done` is called from several threads. Raises BuildFailed where an entry can't be folded, and psycopg.Error.
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
    with tempfile.TemporaryFile("w+") as failures:
        asked = {"conninfo": database.conninfo, "schema": schema, "until": until, "parts": shares}
        processes = [_other({**asked, "part": part}, failures) for part in range(1, shares)]
        listeners = [Thread(target=_listen, args=[process.stdout, done]) for process in processes]
        try:
            for listener in listeners:
                listener.start()
            yield
            codes = [process.wait() for process in processes]
        finally:
            for process in processes:
                process.kill()
                process.wait()
            for listener in listeners:
                listener.join()
        if any(codes):
            failures.seek(0)
            raise share.BuildFailed(failures.read().strip() or f"a process ended with {codes}")


def _other(asked: dict[str, object], failures: IO[str]) -> subprocess.Popen[str]:
    process = subprocess.Popen(  # noqa: S603  # ourselves
        [sys.executable, "-m", share.__name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=failures,
        text=True,
    )
    if process.stdin is None:
        raise AssertionError
    with process.stdin:
        json.dump(asked, process.stdin)
    return process


def _listen(output: IO[str], done: Advance) -> None:
    with output:
        for size in output:
            done(int(size))


def _index(database: Database, schema: str) -> None:
    """Make the indexes, the largest beside the others."""

    def make(statements: Sequence[LiteralString]) -> None:
        with database.connect("projector") as connection:
            connection.execute("SET maintenance_work_mem = '256MB'; SET max_parallel_maintenance_workers = 0")
            for statement in statements:
                connection.execute(tables.at(statement, schema))

    largest, *others = tables.INDEXES
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(make, ([largest], others)))
