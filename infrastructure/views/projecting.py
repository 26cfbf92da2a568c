"""Bringing rows up to date: which records the next entries touch, what they become, and the position, all at once."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Final

from domain.aggregate import Aggregate
from domain.entry import Entry, InvalidEntry
from domain.log import BATCH_LIMIT, Stored
from domain.records import AGGREGATES, VOCABULARY
from infrastructure.postgres.database import Connection
from infrastructure.postgres.reader import LogReader
from infrastructure.views.rows import upsert
from infrastructure.views.tables import WRITE, acquire, at, progress
from projections.records import NAME, Course, FoldFailed, Row, fold, owners, row, row_alone

BATCH: Final = 2_000
"""Entries of one transaction at most."""
CACHED_ENTRIES: Final = 50_000
"""Entries of folded records that are kept at most: about 100 MB."""
REFERRING: Final = (
    "SELECT DISTINCT r.target, r.source FROM ledger.refs AS r"
    " WHERE r.target = ANY (%s::text[]) AND r.position <= coalesce(%s, 9223372036854775807)"
)


class AnotherFold(RuntimeError):  # noqa: N818  # says what was found
    """The rows were made by another version of the fold, and are not to be mixed with ours."""


class Projector:
    """Folds entries into the rows of one schema. Belongs to one thread."""

    def __init__(self, reader: LogReader, schema: str) -> None:
        self._reader = reader
        self._schema = schema
        self._kept: OrderedDict[str, Course] = OrderedDict()
        self._size = 0
        self._position = -1
        """Where the courses kept stand; -1 where they are not to be relied on."""

    def advance(self, connection: Connection, *, limit: int | None = None, until: int | None = None) -> int:
        """Take the next entries (BATCH, or `limit`) into the rows, exactly once, and return the position reached.

        Rows and position change in one transaction, whoever else does the same: a failure changes neither.

        Raises:
            AnotherFold: The rows are not of our fold.
            FoldFailed: An entry can't be read or folded.
            psycopg.Error: As the database has it.
        """
        with connection.transaction():
            acquire(connection, WRITE)
            standing = progress(connection, self._schema)
            if standing is None or not standing.is_ours:
                raise AnotherFold("the views were made by another version of their fold: rebuild them")
            if standing.position != self._position:
                self._forget()
            self._position = -1
            stored = self._transactions(standing.position, limit or BATCH, until)
            position = stored[-1].position if stored else standing.position
            if stored:
                upsert(connection, self._schema, self._rows(stored))
                connection.execute(
                    at(
                        "UPDATE {schema}.progress SET position = %s, failed_at = NULL, failure = NULL WHERE name = %s",
                        self._schema,
                    ),
                    [position, NAME],
                )
                connection.execute("SELECT pg_notify('views', %s)", [str(position)])
        self._position = position
        return position

    def _transactions(self, after: int, limit: int, until: int | None) -> list[Stored]:
        """The next entries in whole transactions, so that the rows never show a cause without its consequence.

        At most `limit` of them; where the next transaction has more, that one.
        """
        stored = self._reader.entries(after, limit, until=until)
        ends = [number for number, one in enumerate(stored, 1) if one.closes]
        if stored and not ends:
            stored = self._reader.entries(after, BATCH_LIMIT, until=until)
            ends = [number for number, one in enumerate(stored, 1) if one.closes][:1]
        return stored[: ends[-1]] if ends else []

    def renew(self, connection: Connection, touched: Iterable[str], until: int) -> None:
        """Write the rows of these records, and of those that are seen with them, as at a position."""
        with connection.transaction():
            upsert(connection, self._schema, self._renewed(list(touched), until))

    def _rows(self, stored: Sequence[Stored]) -> list[Row]:
        fresh: dict[str, list[Entry]] = defaultdict(list)
        for one in stored:
            entry = read(one)
            fresh[entry.record].append(entry)
        alone = self._alone(fresh, stored[-1].position)
        touched = [record for record in fresh if record not in alone]
        for record in touched:
            entries = fresh[record]
            held = Course() if entries[0].version == 1 else self._kept.get(record)
            if held is not None:
                self._keep(record, fold(_kind(record), _id(record), held, entries))
        rows = [row_alone(_kind(record), _id(record), fresh[record]) for record in alone]
        return rows + self._renewed(touched, stored[-1].position)

    def _alone(self, fresh: Mapping[str, Sequence[Entry]], until: int) -> set[str]:
        """The records that one entry is all of, and that no other record has to do with: nearly all of an import."""
        first = {
            record
            for record, entries in fresh.items()
            if entries[0].version == 1 and len(entries) == 1 and _kind(record).parent is None
        }
        referring = self._referring([record for record in first if _kind(record).seen_with], until)
        return {record for record in first if not referring.get(record)}

    def _renewed(self, touched: Sequence[str], until: int) -> list[Row]:
        """The rows of these records as at a position, and of those whose rows change with theirs."""
        courses = self._courses(touched, until)
        owned_by = {record: owners(_kind(record), courses[record].entries) for record in touched}
        referring = self._referring([record for record in touched if _kind(record).seen_with], until)
        dirty = dict.fromkeys(chain(touched, *owned_by.values(), *referring.values()))
        more = self._referring([one for one in dirty if one not in referring and _kind(one).seen_with], until)
        referring = {**referring, **more}
        courses = self._courses(dict.fromkeys(chain(dirty, *more.values())), until)
        owned_by = {record: owners(_kind(record), courses[record].entries) for record in dirty}
        courses |= self._courses(dict.fromkeys(chain(*owned_by.values())), until)
        return [
            row(
                _kind(record),
                _id(record),
                courses[record],
                {owner: courses[owner] for owner in owned_by[record] if courses[owner].entries},
                [courses[other] for other in referring.get(record, ())],
            )
            for record in dirty
            if courses[record].entries
        ]

    def _courses(self, wanted: Iterable[str], until: int) -> dict[str, Course]:
        """The records' courses up to a position, read in one query where they are not kept."""
        found: dict[str, Course] = {}
        missing: list[str] = []
        for record in wanted:
            held = self._kept.get(record)
            if held is None:
                missing.append(record)
            else:
                self._kept.move_to_end(record)
                found[record] = held
        if missing:
            for record, stored in self._reader.of_records(missing, until=until).items():
                entries = [read(one) for one in stored]
                found[record] = fold(_kind(record), _id(record), Course(), entries)
                self._keep(record, found[record])
        return found

    def _referring(self, targets: Sequence[str], until: int) -> Mapping[str, list[str]]:
        """The records that each of the targets is seen with, by id."""
        found: dict[str, list[str]] = {target: [] for target in targets}
        if targets:
            for target, source in self._reader.rows(REFERRING, list(targets), until):
                if source.partition("/")[0] == _kind(target).seen_with:
                    found[target].append(source)
        return {target: sorted(sources) for target, sources in found.items()}

    def _keep(self, record: str, course: Course) -> None:
        replaced = self._kept.pop(record, None)
        self._size += len(course.entries) - (0 if replaced is None else len(replaced.entries))
        self._kept[record] = course
        while self._size > CACHED_ENTRIES and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._size -= len(dropped.entries)

    def _forget(self) -> None:
        self._kept.clear()
        self._size = 0


def read(stored: Stored) -> Entry:
    """Return the entry, validated. Raises FoldFailed."""
    try:
        return VOCABULARY.read(stored.entry)
    except InvalidEntry as fault:
        raise FoldFailed(stored.position, fault.reason) from fault


def _kind(record: str) -> Aggregate:
    return AGGREGATES[record.partition("/")[0]]


def _id(record: str) -> str:
    return record.partition("/")[2]
