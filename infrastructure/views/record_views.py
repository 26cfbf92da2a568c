"""Lists of records from their current rows: short index scans in the order of ids, whatever the filters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Final, LiteralString, NamedTuple

import psycopg
from psycopg.sql import SQL, Composed, Identifier

from application.listing import Candidate, Filters
from domain.records import AGGREGATES, VOCABULARY
from infrastructure.postgres.database import Database, Row
from infrastructure.postgres.watch import HeadWatch
from infrastructure.views.rows import grams_of_search
from projections.records import state_of

POSITION: Final[LiteralString] = "SELECT position FROM views.progress WHERE name = 'records'"
STRETCH: Final = 2_000
"""Rows in the order of ids that are looked through before those that match are sought by themselves."""
IN_ORDER: Final = SQL(
    "SELECT {arm}, r.id, r.version, r.last_position, r.latest_on, r.state FROM"
    " (SELECT * FROM views.records AS r WHERE {driven} AND r.id > {after} ORDER BY r.id LIMIT {stretch}) AS r"
    " WHERE {rest} ORDER BY r.id LIMIT {limit}"
)
BEYOND: Final = SQL(
    "SELECT {arm}, NULL, NULL, NULL, NULL, NULL FROM views.records AS r WHERE {driven} AND r.id > {after}"
    " ORDER BY r.id OFFSET {stretch} LIMIT 1"
)
"""Tells by a row without an id that there is more than a stretch."""
SOUGHT: Final = SQL(
    "SELECT {arm}, r.id, r.version, r.last_position, r.latest_on, r.state FROM"
    " (SELECT * FROM views.records AS r WHERE {conditions} OFFSET 0) AS r"
    " WHERE r.id > {after} AND {rest} ORDER BY r.id LIMIT {limit}"
)
"""The fence keeps the order and the limit outside from making the planner walk all ids for a few that match."""
FIRST_ENTRIES: Final = SQL(
    "SELECT l.record, l.entry FROM ledger.log AS l WHERE l.record = ANY ({}::text[]) AND l.version = 1"
)
FORMER: Final = SQL(
    "SELECT -1, r.id, r.version, r.last_position, r.latest_on, r.state FROM views.records AS r"
    " WHERE {conditions} AND r.id > {after} ORDER BY r.id LIMIT {limit}"
)


class RecordViews:
    """The current rows, read over a pool of reader connections (`application.listing.Views`).

    Every method raises psycopg.OperationalError where the database can't be reached.
    """

    def __init__(self, database: Database, *, readers: int = 8) -> None:
        """Open a pool of at most `readers` connections, and one more once somebody waits."""
        self._pool = database.pool("reader", 1, readers)
        self._watch = HeadWatch(database, "views", POSITION)

    def close(self) -> None:
        """Close all connections, and let go whoever waits."""
        self._watch.close()
        self._pool.close()

    def position(self) -> int:
        """The last position that the rows take account of; 0 where there are none yet."""
        rows = self._rows(SQL(POSITION))
        return int(rows[0][0]) if rows else 0

    def wait(self, position: int, timeout: float) -> bool:
        """Whether the rows take account of that position within so many seconds."""
        if self.position() >= position:
            return True
        # A server's crash may have taken back what the watch saw.
        return self._watch.wait(position - 1, timeout) >= position and self.position() >= position

    def new_cities_of(self, level: str, unit: str) -> frozenset[str]:
        """The New Cities that a township (by code) or a community (by id) belongs to."""
        match level:
            case "township":
                condition = SQL("kind IN ('communities', 'villages') AND township = {}").format(unit)
            case "community":
                condition = SQL("kind = 'communities' AND id = {}").format(unit)
            case _:
                return frozenset({unit}) if level == "new-city" else frozenset()
        query = SQL("SELECT DISTINCT new_city FROM views.records WHERE new_city IS NOT NULL AND {}")
        return frozenset(row[0] for row in self._rows(query.format(condition)))

    def candidates(
        self,
        kind: str,
        filters: Filters,
        *,
        readable: frozenset[str] | None,
        position: int,
        on: date,
        after: str,
        limit: int,
    ) -> Sequence[Candidate]:
        """Records of a kind that may match at (position, on), by id after `after`, at most `limit`."""
        if "\0" in "".join((after, *(one for one in filters if one is not None))):
            return []
        if readable is not None and not readable:
            return []
        asked = _Asked(kind, filters._replace(q=filters.q or None), readable, position, on, after, limit)
        rows = self._rows(asked.in_order())
        if asked.is_short(rows) and (asked.is_narrowed or not filters.q):
            rows = self._rows(asked.in_order(beyond=True))
            to_be_sought = asked.is_short(rows) and any(row[1] is None for row in rows)
        else:
            to_be_sought = asked.is_short(rows)
        if to_be_sought:
            rows = self._rows(asked.sought())
        return self._candidates(kind, sorted(row[1:] for row in rows if row[1] is not None)[:limit])

    def _candidates(self, kind: str, rows: Sequence[Row]) -> list[Candidate]:
        """Rows with their states; one that a single entry is all of has none kept, and that entry is folded here."""
        single = [f"{kind}/{row[0]}" for row in rows if row[1] == 1 and row[-1] is None]
        entries: dict[str, bytes] = dict(self._rows(FIRST_ENTRIES.format(single))) if single else {}
        found: list[Candidate] = []
        for record_id, _, last_position, latest_on, kept in rows:
            entry = entries.get(f"{kind}/{record_id}")
            state = kept if entry is None else state_of(AGGREGATES[kind], record_id, VOCABULARY.read(entry))
            found.append(Candidate(record_id, last_position, latest_on, state))
        return found

    def _rows(self, query: Composed | SQL) -> list[Row]:
        # Values stand in the query, and it is planned for them: no plan fits both rare and frequent ones.
        with self._pool.connection() as connection, connection.cursor(binary=True) as cursor:
            try:
                return cursor.execute(query, prepare=False).fetchall()
            except psycopg.errors.UndefinedTable:
                return []  # nothing has been projected yet


class _Asked(NamedTuple):
    """What `candidates` is asked, as statements of one snapshot each, whose arms are each in the order of ids."""

    kind: str
    filters: Filters
    readable: frozenset[str] | None
    position: int
    on: date
    after: str
    limit: int

    @property
    def is_narrowed(self) -> bool:
        """Whether an index leads to a part of the records of the kind, which a stretch may be all of."""
        return self.filters._replace(q=None) != Filters() or self.arms != [None]

    @property
    def arms(self) -> list[str | None]:
        """The New Cities to look in, one by one, for records that match as they stand; None is any."""
        new_city = self.filters.new_city
        if new_city is None:
            return [None] if self.readable is None else [*sorted(self.readable)]
        return [new_city] if self.readable is None or new_city in self.readable else []

    def is_short(self, rows: Sequence[Row]) -> bool:
        """Whether an arm gave less than a page."""
        sizes = Counter(row[0] for row in rows if row[1] is not None)
        return any(sizes[arm] < self.limit for arm in range(len(self.arms)))

    def in_order(self, *, beyond: bool = False) -> Composed:
        """The rows that match within a stretch of ids, and former ones; `beyond` tells whether there is more."""
        queries: list[Composed] = []
        for arm, new_city in enumerate(self.arms):
            wanted = _wanted(self.filters._replace(new_city=new_city))
            driven = SQL(" AND ").join([self._of_kind, *_equal(wanted[:1])])
            stretch = {"arm": arm, "driven": driven, "after": self.after, "stretch": STRETCH}
            rest = _all([*_equal(wanted[1:]), *self._open, *self._named])
            queries.append(IN_ORDER.format(**stretch, rest=rest, limit=self.limit))
            if beyond:
                queries.append(BEYOND.format(**stretch))
        return self._with_former(queries)

    def sought(self) -> Composed:
        """The rows that match, wherever they are, and former ones."""
        queries: list[Composed] = []
        for arm, new_city in enumerate(self.arms):
            conditions = [self._of_kind, *_equal(_wanted(self.filters._replace(new_city=new_city, status=None)))]
            rest = [*_equal(_wanted(Filters(status=self.filters.status))), *self._open]
            if self.filters.q is None:
                conditions, rest = [*conditions, *rest], []
            else:  # statuses and days tell less than names do
                conditions.append(SQL("r.grams @> {}::int[]").format(grams_of_search(self.filters.q.casefold())))
            queries.append(
                SOUGHT.format(
                    arm=arm,
                    conditions=_all(conditions),
                    after=self.after,
                    rest=_all([*rest, *self._named]),
                    limit=self.limit,
                )
            )
        return self._with_former(queries)

    def _with_former(self, queries: list[Composed]) -> Composed:
        """The queries, and rows that don't match as they stand, but may have before what came later."""
        wanted = _wanted(self.filters)
        if wanted:
            known_later = SQL("r.last_position > {}").format(self.position)
            effective_later = SQL("r.latest_on > {} AND NOT {}").format(self.on, known_later)
            conditions = [self._of_kind, SQL("r.formerly IS NOT NULL"), *self._open, *self._named]
            conditions.append(SQL("({}) IS NOT TRUE").format(_all(_equal(wanted))))
            conditions += [
                SQL("(r.{0} = {1} OR {2} = ANY (r.formerly))").format(Identifier(column), value, f"{column} {value}")
                for column, value in wanted
            ]
            if self.readable is not None:
                conditions.append(SQL("r.new_city = ANY ({})").format(sorted(self.readable)))
            queries += [
                FORMER.format(conditions=_all([*conditions, later]), after=self.after, limit=self.limit)
                for later in (known_later, effective_later)
            ]
        return SQL(" UNION ALL ").join([SQL("({})").format(query) for query in queries])

    @property
    def _of_kind(self) -> Composed:
        return SQL("r.kind = {}").format(self.kind)

    @property
    def _open(self) -> list[SQL | Composed]:
        """On record at the position, and maybe open on the day."""
        return [SQL("r.first_position <= {} AND r.first_on <= {}").format(self.position, self.on)]

    @property
    def _named(self) -> list[SQL | Composed]:
        q = self.filters.q
        return [] if q is None else [SQL("strpos(r.names, {}) > 0").format(q.casefold())]


def _wanted(filters: Filters) -> list[tuple[str, str]]:
    """The columns that rows are narrowed by, the narrowest first."""
    columns = (("township", filters.township), ("new_city", filters.new_city), ("status", filters.status))
    return [(column, value) for column, value in columns if value is not None]


def _equal(wanted: Sequence[tuple[str, str]]) -> list[SQL | Composed]:
    return [SQL("r.{} = {}").format(Identifier(column), value) for column, value in wanted]


def _all(conditions: Sequence[SQL | Composed]) -> Composed:
    return SQL(" AND ").join(conditions or [SQL("true")])
