"""The read side of the log: entries by position, by record and by reference, and where a reader may stop."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing
from datetime import datetime
from itertools import islice
from typing import Final, LiteralString, cast

import psycopg
from psycopg.rows import args_row
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from domain.heads import Head
from domain.log import Stored
from infrastructure.postgres.database import Database, Row
from infrastructure.postgres.outcomes import FutureInstant
from infrastructure.postgres.watch import HeadWatch

STORED: Final = "SELECT l.position, l.entry, l.leaf_hash, l.closes FROM ledger.log AS l "
LEDGER: Final = "ledger/ledger"
OF_LEDGER: Final = (
    STORED  # constants only
    + "WHERE l.record = 'ledger/ledger' AND l.name <> 'HeadsSealed/1'"
    " AND l.position <= coalesce(%s, 9223372036854775807) UNION ALL (" + STORED + "WHERE l.name = 'HeadsSealed/1'"
    " AND l.position <= coalesce(%s, 9223372036854775807) ORDER BY l.position DESC LIMIT 1) ORDER BY position"
)
"""One record has an entry a minute for ever, of which the last alone counts (`HeadsSealed`, the one such fact)."""
HEADS: Final = (
    "SELECT l.record, max(l.version), max(l.position) FROM ledger.log AS l"
    " WHERE l.position > %s AND l.position <= %s GROUP BY l.record"
)
WITH_LEAF: Final = (
    "SELECT l.position FROM ledger.log AS l WHERE l.leaf_hash = %b AND l.position <= %s AND l.position = ANY(ARRAY("
    "SELECT t.number * 256 + (position(%b in t.hashes) + 31) / 32 FROM tree.tiles AS t"
    " WHERE t.level = 0 AND position(%b in t.hashes) > 0))"
    " UNION ALL SELECT l.position FROM ledger.log AS l WHERE l.leaf_hash = %b AND l.position <= %s"
    " AND l.position > (SELECT coalesce(max(c.size), 0) FROM tree.checkpoints AS c)"
)
"""By the tiles, which are a thirtieth of the log's size, and past them in the log itself."""
BROKEN: Final = ("08", "57P")
"""Classes of SQLSTATE where the connection ended, and not the statement."""
STREAMED: Final = 200
"""Rows the server's answer is taken in at a time while streaming: measured."""


class LogReader:
    """Reads committed entries over a pool of reader connections.

    Every method raises psycopg.OperationalError where the database cannot be reached. `until` is the last position to
    be read, None for all there are.
    """

    def __init__(self, database: Database, *, readers: int = 4) -> None:
        """Open a pool of at most `readers` connections, and one more once somebody waits."""
        self._pool = database.pool("reader", 1, readers)
        self._watch = HeadWatch(database)

    def close(self) -> None:
        """Close all connections, and let go whoever waits."""
        self._watch.close()
        self._pool.close()

    def wait(self, after: int, timeout: float) -> int:
        """Return the head's position as soon as it is past `after`, or the last one seen after `timeout` seconds."""
        return self._watch.wait(after, timeout)

    def head(self) -> tuple[int, datetime | None]:
        """Return the last position and its instant; 0 and None for an empty log."""
        rows = self.rows("SELECT position, recorded_at FROM ledger.head")
        return (rows[0][0], rows[0][1]) if rows else (0, None)

    def whole(self, position: int) -> int:
        """Return the greatest position up to `position` that ends a transaction, 0 where none does."""
        return int(self.rows("SELECT ledger.whole(%s)", position)[0][0])

    def resolve(self, instant: datetime) -> int:
        """Return the greatest position recorded at or before the instant, once no later entry can be.

        Raises:
            FutureInstant: The instant is past both the clock and the last entry.
        """
        position = self.rows("SELECT ledger.resolve(%s)", instant)[0][0]
        if position is None:
            raise FutureInstant(instant.isoformat())
        return int(position)

    def at(self, position: int) -> Stored | None:
        """Return the entry at a position."""
        found = self._stored(STORED + "WHERE l.position = %s", position)
        return found[0] if found else None

    def entries(self, after: int, limit: int, *, until: int | None = None) -> list[Stored]:
        """Return the next `limit` entries after a position, by position."""
        return self._stored(
            STORED + "WHERE l.position > %s AND l.position <= coalesce(%s, 9223372036854775807)"
            " ORDER BY l.position LIMIT %s",
            after, until, limit,
        )  # fmt: skip

    def of_record(
        self, record: str, after_version: int = 0, limit: int | None = None, *, until: int | None = None
    ) -> list[Stored]:
        """Return a record's next entries after a version, by version; all of them where there is no limit."""
        return self._stored(
            STORED + "WHERE l.record = %s AND l.version > %s AND l.position <= coalesce(%s, 9223372036854775807)"
            " ORDER BY l.version LIMIT %s",
            record, after_version, until, limit,
        )  # fmt: skip

    def of_records(self, records: Iterable[str], *, until: int | None = None) -> dict[str, list[Stored]]:
        """Return the entries of each of the records that count, by version, in one query."""
        found: dict[str, list[Stored]] = {record: [] for record in records}
        if LEDGER in found:
            found[LEDGER] = self._stored(OF_LEDGER, until, until)
        for record, *stored in self.rows(
            "SELECT l.record, l.position, l.entry, l.leaf_hash, l.closes FROM ledger.log AS l"
            " WHERE l.record = ANY(%s::text[]) AND l.position <= coalesce(%s, 9223372036854775807)"
            " ORDER BY l.record, l.version",
            [record for record in found if record != LEDGER], until,
        ):  # fmt: skip
            found[record].append(Stored(*stored))
        return found

    def sealed_after(self, position: int) -> Stored | None:
        """Return the first HeadsSealed after a position."""
        found = self._stored(
            STORED + "WHERE l.name = 'HeadsSealed/1' AND l.position > %s ORDER BY l.position LIMIT 1", position
        )
        return found[0] if found else None

    def referring(self, target: str, limit: int) -> list[str]:
        """Return the first `limit` records that refer to a target, in the order of their ids."""
        rows = self.rows(
            "SELECT DISTINCT source FROM ledger.refs WHERE target = %s ORDER BY source LIMIT %s", target, limit
        )
        return [row[0] for row in rows]

    def containing(self, text: str, after: int, until: int, limit: int) -> list[Stored]:
        """Return the last `limit` entries between two positions whose bytes contain the text, the newest first."""
        return self._stored(
            STORED + "WHERE l.position > %s AND l.position <= %s AND position(%b in l.entry) > 0"
            " ORDER BY l.position DESC LIMIT %s",
            after, until, text.encode(), limit,
        )  # fmt: skip

    def with_leaf(self, leaf_hash: bytes, until: int) -> int | None:
        """Return the position of the entry with that leaf hash, up to a position; None where there is none."""
        rows = self.rows(WITH_LEAF, leaf_hash, until, leaf_hash, leaf_hash, leaf_hash, until)
        return int(rows[0][0]) if rows else None

    def by_idempotency(self, scope: str) -> list[Stored]:
        """Return all entries of the command that came with an account's key, by position."""
        first = self.rows("SELECT l.position FROM ledger.log AS l WHERE l.idempotency = %s", scope)
        if not first:
            return []
        return self._stored(
            STORED  # noqa: S608  # constants only
            + "WHERE l.position >= %s AND l.position <= (SELECT c.position FROM ledger.log AS c"
            " WHERE c.position >= %s AND c.closes ORDER BY c.position LIMIT 1) ORDER BY l.position",
            first[0][0], first[0][0],
        )  # fmt: skip

    def heads(self, after: int, until: int) -> list[Head]:
        """Return the last entry of each record that has one after a position and up to another."""
        return [Head(*row) for row in self.rows(HEADS, after, until)]

    def scan(self, after: int = 0, until: int | None = None, batch: int = 1_000) -> Generator[list[Stored]]:
        """Return the entries after a position in batches, by position, from one snapshot, as fast as they come."""
        return self._scan(
            STORED + "WHERE l.position > %s AND l.position <= coalesce(%s, 9223372036854775807) ORDER BY l.position",
            [after, until], batch,
        )  # fmt: skip

    def scan_records(
        self, after: int = 0, until: int | None = None, batch: int = 1_000, *, part: int = 0, parts: int = 1
    ) -> Generator[list[Stored]]:
        """Return the same by record and version; of `parts` shares of the records, only the one numbered `part`."""
        return self._scan(
            STORED + "WHERE l.position > %s AND l.position <= coalesce(%s, 9223372036854775807)"
            " AND (%s = 1 OR (hashtextextended(l.record, 0) & 2147483647) %% %s = %s) ORDER BY l.record, l.version",
            [after, until, parts, parts, part], batch,
        )  # fmt: skip

    def _scan(self, query: LiteralString, arguments: list[int | None], batch: int) -> Generator[list[Stored]]:
        with self._pool.connection() as connection, connection.transaction():
            # Whoever folds the entries sets the pace, and a large sort comes before the first of them.
            connection.answer_within = None
            connection.execute(
                "SET LOCAL statement_timeout = 0; SET LOCAL work_mem = '64MB';"
                " SET LOCAL max_parallel_workers_per_gather = 0"  # they would take the processors from who folds
            )
            try:
                with (
                    connection.cursor(binary=True, row_factory=args_row(Stored)) as cursor,
                    # Left half way, a stream holds its connection's lock until it is closed, and cancels.
                    closing(cast("Generator[Stored]", cursor.stream(query, arguments, size=STREAMED))) as rows,
                ):
                    while stored := list(islice(rows, batch)):
                        yield stored
            finally:
                del connection.answer_within

    def _stored(self, query: LiteralString, *arguments: object) -> list[Stored]:
        return [Stored(*row) for row in self.rows(query, *arguments)]

    def rows(self, query: LiteralString, *arguments: object) -> list[Row]:
        """Return the rows of a query; ask once more where the connection broke, since reading changes nothing."""
        try:
            return self._rows(query, arguments)
        except (PoolClosed, PoolTimeout, TooManyRequests):
            raise
        except psycopg.OperationalError as error:
            if error.sqlstate is not None and not error.sqlstate.startswith(BROKEN):
                raise
            return self._rows(query, arguments)

    def _rows(self, query: LiteralString, arguments: tuple[object, ...]) -> list[Row]:
        with self._pool.connection() as connection, connection.cursor(binary=True) as cursor:
            return cursor.execute(query, arguments).fetchall()
