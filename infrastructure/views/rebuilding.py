"""Rebuilding the views beside the live ones, and checking the live ones against what a rebuild would give."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final, LiteralString, NamedTuple, cast

from infrastructure.postgres.database import Connection, Database
from infrastructure.postgres.reader import LogReader
from infrastructure.views import tables
from infrastructure.views.building import WORTH_A_PROCESS, build
from infrastructure.views.projecting import BATCH, Projector
from infrastructure.views.tables import CHECK, LIVE, NEXT, REBUILD, WRITE

COMPARED: Final[LiteralString] = """
SELECT coalesce(a.kind, b.kind), coalesce(a.id, b.id), to_json(a), to_json(b)
FROM views.records AS a FULL JOIN {schema}.records AS b ON a.kind = b.kind AND a.id = b.id
WHERE (a.*) IS DISTINCT FROM (b.*) ORDER BY 1, 2 LIMIT 1
"""

Told = Callable[[int, int], None]
"""Is told of entries taken in, and of how many there are."""

SPEED_UP: Final = 2
"""Entries of the whole log that are built in the time in which one is followed."""


class Difference(NamedTuple):
    """Where the live views differ from what the log gives."""

    record: str
    """`KIND/id`: the first one by kind and id."""
    columns: tuple[str, ...]
    """The columns that differ; all of them where the record is missing on either side."""


def is_quicker(position: int, head: int) -> bool:
    """Whether views that stand at a position reach the log's head sooner by being rebuilt than by following it."""
    return head >= WORTH_A_PROCESS and head < SPEED_UP * (head - position)


def rebuild(database: Database, progress: Told) -> int:
    """Build the views anew from the log and put them in the place of the live ones; returns their position.

    Reading never stops, and following only while the last entries are taken in. Killed at any moment, it leaves the
    live views as they were, and the next one begins anew.

    Raises FoldFailed where the log can't be folded, ShareFailed where a process died, and psycopg.Error.
    """
    with _beside(database, NEXT) as (connection, reader):
        projector = _built(database, connection, reader, NEXT, reader.head()[0], progress)
        while projector.advance(connection) < reader.head()[0] - BATCH:
            pass
        with tables.holding(connection, WRITE):
            position = _advance_to(reader.head()[0], connection, projector)
            tables.swap(connection)
    return position


def check(database: Database, progress: Told) -> Difference | None:
    """Compare the live views with what the log gives at their position; None where they are the same.

    Raises FoldFailed where the log can't be folded, ShareFailed where a process died, and psycopg.Error.
    """
    with _beside(database, CHECK) as (connection, reader):
        tables.ensure(connection)
        projector = _built(database, connection, reader, CHECK, _live(connection), progress)
        with tables.holding(connection, WRITE):
            _advance_to(_live(connection), connection, projector)
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            connection.execute("SELECT FROM views.progress")  # from here on, what is compared stands still
        row = connection.execute(tables.at(COMPARED, CHECK)).fetchone()
        connection.execute("COMMIT")
    if row is None:
        return None
    kind, record_id, *sides = row
    live, built = cast("list[dict[str, object] | None]", sides)
    differing = [one for one in built or live or {} if live is None or built is None or live[one] != built[one]]
    return Difference(f"{kind}/{record_id}", tuple(differing))


@contextmanager
def _beside(database: Database, schema: str) -> Generator[tuple[Connection, LogReader]]:
    """Have a schema to oneself, and leave none behind."""
    reader = LogReader(database, readers=1)
    try:
        with database.connect("projector") as connection:
            connection.execute("SET synchronous_commit = off")
            with tables.holding(connection, REBUILD):
                try:
                    yield connection, reader
                finally:
                    if not connection.closed:
                        connection.rollback()
                        connection.execute(tables.at("DROP SCHEMA IF EXISTS {schema} CASCADE", schema))
    finally:
        reader.close()


def _built(
    database: Database, connection: Connection, reader: LogReader, schema: str, until: int, progress: Told
) -> Projector:
    turn = threading.Lock()
    taken_in = 0

    def done(size: int) -> None:
        nonlocal taken_in
        with turn:
            taken_in += size
            progress(taken_in, until)

    build(database, connection, reader, schema, until, done)
    return Projector(reader, schema)


def _advance_to(position: int, connection: Connection, projector: Projector) -> int:
    while projector.advance(connection, until=position) < position:
        pass
    return position


def _live(connection: Connection) -> int:
    standing = tables.progress(connection, LIVE)
    return 0 if standing is None else standing.position
