"""The log read in stretches and examined on all cores, handed on in its order."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing
from itertools import pairwise
from typing import Any, Final, cast

from psycopg.rows import args_row

from domain.examination import STRETCH, Row, Stretch, examine
from infrastructure.postgres.database import Connection, Database

WORTH_PROCESSES: Final = 20_000
"""Entries from which on more processes save more than their start costs."""
AHEAD: Final = 4
"""Stretches that each process may be ahead of whoever takes them: each has its leaf hashes, 256 KiB."""
STREAMED: Final = 200
"""Rows the server's answer is taken in at a time."""
ROWS: Final = (
    "SELECT l.entry, l.leaf_hash, l.position, l.record, l.version, l.name,"
    " round(date_part('epoch', l.recorded_at) * 1e6)::bigint, l.closes, l.idempotency"
    " FROM ledger.log AS l WHERE l.position > %s AND l.position <= %s ORDER BY l.position"
)

_connection: Connection | None = None


def stretches(database: Database, until: int, *, facts: bool = True) -> Generator[Stretch]:
    """The log's entries up to a position, examined, in their order; ends with the first stretch that has a fault."""
    bounds = [*pairwise([*range(0, until, STRETCH), until])]
    if until < WORTH_PROCESSES:
        with database.connect("reader") as connection:
            for after, end in bounds:
                yield _examined(connection, after, end, facts=facts)
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with ProcessPoolExecutor(
        cores, multiprocessing.get_context("spawn"), initializer=_begin, initargs=(database.conninfo,)
    ) as pool:
        waiting: deque[Future[Stretch]] = deque()
        try:
            for after, end in bounds:
                waiting.append(pool.submit(_examine, after, end, facts=facts))
                if len(waiting) >= AHEAD * cores:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()


def _begin(conninfo: str) -> None:
    global _connection  # noqa: PLW0603  # one a process, for as long as it lives
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this one stops it
    gc.disable()  # nothing here refers to itself
    _connection = Database.at(conninfo).connect("reader")


def _examine(after: int, until: int, *, facts: bool) -> Stretch:
    if _connection is None:
        raise AssertionError
    return _examined(_connection, after, until, facts=facts)


def _examined(connection: Connection, after: int, until: int, *, facts: bool) -> Stretch:
    connection.answer_within = None
    with connection.transaction():
        connection.execute("SET LOCAL statement_timeout = 0; SET LOCAL max_parallel_workers_per_gather = 0")
        with (
            connection.cursor(binary=True, row_factory=args_row(cast("Any", Row))) as cursor,
            closing(cast("Generator[Row]", cursor.stream(ROWS, [after, until], size=STREAMED))) as rows,
        ):
            return examine(rows, after, until, facts=facts)
