"""The tables of the views, made by their own role in whichever schema they are built in."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final, LiteralString, NamedTuple

from psycopg import Connection as AnyConnection
from psycopg import sql

from infrastructure.postgres.database import Connection, Row
from projections import records

LIVE: Final = "views"
NEXT: Final = "views_next"
FORMER: Final = "views_former"
CHECK: Final = "views_check"

LOCKS: Final = 0x74767773
"""The class of our advisory locks: `tvws` in ASCII."""
LEAD: Final = 1
"""Held by the one follower that works, for as long as its connection lasts."""
WRITE: Final = 2
"""Held while rows are written and while schemas are swapped, so that no transaction writes into both."""
REBUILD: Final = 3
"""Held by the one rebuild or check that is under way."""

TABLES: Final[LiteralString] = """
CREATE TABLE {schema}.progress (
    name text COLLATE "C" PRIMARY KEY,
    version int NOT NULL,
    digest text COLLATE "C" NOT NULL,
    position bigint NOT NULL CHECK (position >= 0),
    failed_at bigint,
    failure text,
    CHECK ((failed_at IS NULL) = (failure IS NULL))
);
CREATE TABLE {schema}.records (
    kind text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version int NOT NULL,
    status text COLLATE "C",
    new_city text COLLATE "C",
    township text COLLATE "C",
    first_on date NOT NULL,
    first_position bigint NOT NULL,
    last_position bigint NOT NULL,
    latest_on date NOT NULL,
    names text COLLATE "C" NOT NULL,
    formerly text[] COLLATE "C",
    grams int[] NOT NULL,
    state text COLLATE "C"
);
ALTER TABLE {schema}.records
    ALTER names SET STATISTICS 0, ALTER grams SET STATISTICS 0, ALTER state SET STATISTICS 0;
COMMENT ON COLUMN {schema}.records.names IS 'Every name it has had, casefolded, one a line.';
COMMENT ON COLUMN {schema}.records.formerly IS 'What it was at some (position, day) and is no longer.';
COMMENT ON COLUMN {schema}.records.grams IS 'Numbers for the units of its names in UTF-16 and for their pairs.';
COMMENT ON COLUMN {schema}.records.state IS 'Null where it is retracted, and where one entry is all there is to fold.';
"""

_GRAMS: Final[LiteralString] = " ON {schema}.records USING gin (grams) WITH (gin_pending_list_limit = 256)"
"""With a short pending list, so that searches needn't read a long one."""

# Most records are villages: what their names have in common is not to be met in a search of others, nor the other way
# round. Former rows are few, and looked for in three ways.
INDEXES: Final[Sequence[LiteralString]] = (
    "CREATE INDEX records_villages_grams" + _GRAMS + " WHERE kind = 'villages'",
    "CREATE INDEX records_others_grams" + _GRAMS + " WHERE kind <> 'villages'",
    "CREATE UNIQUE INDEX records_key ON {schema}.records (kind, id)",
    "CREATE INDEX records_new_city ON {schema}.records (kind, new_city, id)",
    "CREATE INDEX records_township ON {schema}.records (kind, township, id)",
    "CREATE INDEX records_status ON {schema}.records (kind, status, id)",
    "CREATE INDEX records_first ON {schema}.records USING brin (first_position, first_on) WITH (pages_per_range = 16)",
    "CREATE INDEX records_formerly ON {schema}.records (kind, id) WHERE formerly IS NOT NULL",
    "CREATE INDEX records_formerly_last ON {schema}.records (kind, last_position) WHERE formerly IS NOT NULL",
    "CREATE INDEX records_formerly_latest ON {schema}.records (kind, latest_on) WHERE formerly IS NOT NULL",
)


class Progress(NamedTuple):
    """How far the rows follow the log, by which fold, and what stopped them."""

    position: int
    version: int
    digest: str
    failed_at: int | None
    failure: str | None

    @property
    def is_ours(self) -> bool:
        """Whether the rows were made by the fold that this program has."""
        return (self.version, self.digest) == (records.VERSION, records.DIGEST)


def at(statement: LiteralString, schema: str) -> sql.Composed:
    """Return a statement about the tables of a schema."""
    return sql.SQL(statement).format(schema=sql.Identifier(schema))


def create(connection: Connection, schema: str) -> None:
    """Make a schema's tables anew, without indexes; what was there goes."""
    with connection.transaction():
        connection.execute(at("DROP SCHEMA IF EXISTS {schema} CASCADE", schema))
        connection.execute(at("CREATE SCHEMA {schema}", schema))
        connection.execute(at(TABLES, schema))


def begin(connection: Connection, schema: str, position: int) -> None:
    """Say that the schema's rows follow the log up to a position, by our fold."""
    connection.execute(
        at("INSERT INTO {schema}.progress (name, version, digest, position) VALUES (%s, %s, %s, %s)", schema),
        [records.NAME, records.VERSION, records.DIGEST, position],
    )


def ensure(connection: Connection) -> None:
    """Make the live tables, empty, where there are none."""
    with connection.transaction():
        acquire(connection, WRITE)
        if connection.execute("SELECT to_regclass('views.progress')").fetchone() == (None,):
            connection.execute(at("CREATE SCHEMA IF NOT EXISTS {schema}", LIVE))
            connection.execute(at(TABLES, LIVE))
            for index in INDEXES:
                connection.execute(at(index, LIVE))
            begin(connection, LIVE, 0)


def progress(connection: AnyConnection[Row], schema: str = LIVE) -> Progress | None:
    """Return how far the schema's rows are; None where there are none yet."""
    if connection.execute("SELECT to_regclass(%s)", [f"{schema}.progress"]).fetchone() == (None,):
        return None
    row = connection.execute(
        at("SELECT position, version, digest, failed_at, failure FROM {schema}.progress WHERE name = %s", schema),
        [records.NAME],
    ).fetchone()
    return None if row is None else Progress(*row)


def swap(connection: Connection) -> None:
    """Put the tables of `views_next` in the place of the live ones, in one transaction, and drop those.

    Whoever reads the old ones finishes reading: they are dropped only then, under another name, and nobody waits.
    """
    with connection.transaction():
        connection.execute(at("DROP SCHEMA IF EXISTS {schema} CASCADE", FORMER))
        connection.execute("ALTER SCHEMA views RENAME TO views_former; ALTER SCHEMA views_next RENAME TO views")
    connection.execute(at("DROP SCHEMA {schema} CASCADE", FORMER))


def acquire(connection: Connection, lock: int) -> None:
    """Wait for a lock that lasts until the transaction ends."""
    connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCKS, lock])


def leads(connection: Connection) -> bool:
    """Become the one that works, where nobody else is, for as long as the connection lasts."""
    return connection.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCKS, LEAD]).fetchone() == (True,)


@contextmanager
def holding(connection: Connection, lock: int) -> Generator[None]:
    """Wait for a lock, and hold it until the block ends."""
    connection.execute("SELECT pg_advisory_lock(%s, %s)", [LOCKS, lock])
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCKS, lock])
