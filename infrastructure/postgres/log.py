"""The log as the application sees it: one object behind the ports of recording, asking and access."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime

from domain.heads import Head
from domain.log import Draft, Stored
from infrastructure.postgres.database import Database
from infrastructure.postgres.outcomes import Behind
from infrastructure.postgres.reader import LogReader
from infrastructure.postgres.writer import LogWriter


class Log:
    """Reads over a pool, appends over one connection."""

    def __init__(self, database: Database, *, on_lost: Callable[[], object] | None = None, readers: int = 8) -> None:
        """Connect. `on_lost` is called before connecting again, and may restart an embedded server."""
        self.reader = LogReader(database, readers=readers)
        self.writer = LogWriter(database, on_lost=on_lost)

    def close(self) -> None:
        """Close all connections."""
        self.writer.close()
        self.reader.close()

    def append(self, drafted: Sequence[Draft], *, expected: int) -> Sequence[Stored]:
        """Make the drafts durable if the log ends at `expected`; see `LogWriter.append`.

        Without drafts it still answers whether the head has moved. Raises Behind or Unsettled.
        """
        if not drafted:
            if self.head()[0] != expected:
                raise Behind
            return ()
        return self.writer.append(drafted, expected=expected)

    @contextmanager
    def locked(self) -> Generator[Callable[[Sequence[Draft]], Sequence[Stored]]]:
        """Hold the log's turn: nobody else appends until the block ends, and what it appends is durable then."""
        with self.writer.locked() as append:
            yield append

    def head(self) -> tuple[int, datetime | None]:
        """The last position and its instant; 0 and None for an empty log."""
        return self.reader.head()

    def whole(self, position: int) -> int:
        """The greatest position up to this one that ends a transaction; 0 where none does."""
        return self.reader.whole(position)

    def resolve(self, instant: datetime) -> int:
        """The greatest position recorded by then, a commit in flight awaited. Raises FutureInstant."""
        return self.reader.resolve(instant)

    def recorded_at(self, position: int) -> datetime | None:
        """When the entry at the position was recorded; None where there is none."""
        rows = self.reader.rows("SELECT l.recorded_at FROM ledger.log AS l WHERE l.position = %s", position)
        return rows[0][0] if rows else None

    def wait(self, after: int, timeout: float) -> int:
        """The head's position as soon as it is past `after`, or the last one seen after so many seconds."""
        return self.reader.wait(after, timeout)

    def containing(self, text: str, after: int, until: int, limit: int) -> Sequence[Stored]:
        """The last entries between two positions whose bytes contain the text, the newest first, at most `limit`."""
        return self.reader.containing(text, after, until, limit)

    def with_leaf(self, leaf_hash: bytes, until: int) -> int | None:
        """The position of the entry with that leaf hash, up to a position; None where there is none."""
        return self.reader.with_leaf(leaf_hash, until)

    def at(self, position: int) -> Stored | None:
        """The entry at a position."""
        return self.reader.at(position)

    def entries(self, after: int, limit: int, *, until: int | None = None) -> Sequence[Stored]:
        """The entries after a position, in order."""
        return self.reader.entries(after, limit, until=until)

    def of_record(self, record: str, after_version: int, limit: int, *, until: int | None = None) -> Sequence[Stored]:
        """A record's next entries after a version, up to a position, oldest first."""
        return self.reader.of_record(record, after_version, limit, until=until)

    def of_records(self, records: Sequence[str], *, until: int | None = None) -> dict[str, list[Stored]]:
        """The entries of each record that count at a position, oldest first."""
        return self.reader.of_records(records, until=until)

    def heads(self, after: int, until: int) -> Sequence[Head]:
        """The last entry of each record that has one after a position and up to another."""
        return self.reader.heads(after, until)

    def sealed_after(self, position: int) -> Stored | None:
        """The first HeadsSealed after a position."""
        return self.reader.sealed_after(position)

    def referring(self, target: str, kind: str, until: int, limit: int) -> Sequence[str]:
        """The records of a kind whose entries up to a position name the target, by id."""
        rows = self.reader.rows(
            "SELECT DISTINCT source FROM ledger.refs WHERE target = %s AND source >= %s AND source < %s"
            " AND position <= %s ORDER BY source LIMIT %s",
            target, f"{kind}/", f"{kind}0", until, limit,
        )  # fmt: skip
        return [row[0] for row in rows]

    def references(self, targets: Sequence[str], until: int) -> dict[str, list[str]]:
        """The records that name each target in entries up to a position, by id; absent where there is none."""
        found: dict[str, list[str]] = {}
        for target, source in self.reader.rows(
            "SELECT DISTINCT target, source FROM ledger.refs WHERE target = ANY(%s::text[]) AND position <= %s"
            " ORDER BY target, source",
            list(targets), until,
        ):  # fmt: skip
            found.setdefault(target, []).append(source)
        return found

    def command(self, idempotency: str) -> Sequence[Stored]:
        """The entries of the command recorded under an account's idempotency key; none where there is none."""
        return self.reader.by_idempotency(idempotency)
