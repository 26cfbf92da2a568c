"""Scoreboards: the scores of all New Cities at once, kept from question to question and brought up to date.

What a New City's row shows changes with the entries that concern the New City, and with nothing else: a board at
another position is a board at hand but for the rows that the entries between concern.
"""

from __future__ import annotations

import json
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillAtIt
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

from application.assessing import NEW_CITIES_KEPT, Assessing, Place, Scored
from application.histories import Histories
from application.moments import Moment
from domain.refusals import Code, Refused
from domain.rules.city import judged_day

BOARDS_KEPT: Final = 12
"""Boards that are kept; those near each other share their rows, of about 1 KB each."""
PATIENCE: Final = 1.5
"""Seconds that a question waits for a board of many New Cities before it is told how far it is."""
HOPS: Final = 4
"""Steps from an entry's record to its New City, by the records that records name: at most case, village, New City."""

_UNCONCERNED: Final = frozenset({"ledger", "accounts", "new-area"})
"""Kinds whose entries no score looks at."""


class Tally(NamedTuple):
    """What a board orders and adds up, without a New City's lines."""

    official: Decimal | None
    indicative: Decimal
    undeterminable: Decimal
    found: int
    in_force: int
    """Deductions that stand."""
    published: Decimal | None
    published_at: int | None


class Row(NamedTuple):
    """One New City on a board."""

    place: Place
    tally: Tally
    on: date | None
    """The day that it is about; None where only the judged day matters, since no assessment is open."""
    is_public: bool
    """Whether everybody may see the published result in it."""
    body: bytes

    @classmethod
    def of(cls, scored: Scored, tally: Tally, body: Mapping[str, Any], on: date) -> Row:
        """The row of a score, its JSON packed: names of persons in it are still sealed."""
        packed = zlib.compress(json.dumps(body, ensure_ascii=False).encode(), 1)
        about = on if scored.standing.assessment.entries else None
        is_public = scored.place.is_published and not scored.standing.simulated
        return cls(scored.place, tally, about, is_public, packed)

    def unpacked(self) -> dict[str, Any]:
        """The JSON."""
        body: dict[str, Any] = json.loads(zlib.decompress(self.body))
        return body


class Asked(NamedTuple):
    """What a board answers, but for the position."""

    year: int
    judged: date
    scheme: str | None
    on: date

    def alike(self, other: Asked) -> bool:
        """Whether rows of one may be rows of the other: the day itself matters to some of them only."""
        return self._replace(on=other.on) == other


class Board(NamedTuple):
    """The rows of all New Cities on record on the asked day, by id."""

    scheme: str
    """That judges the year, or that was asked for."""
    position: int
    rows: Mapping[str, Row]


class _Job(NamedTuple):
    asked: Asked
    position: int
    future: Future[Board]
    done: list[str]
    """The New Cities that have been judged."""
    of: int


class Boards:
    """Boards at three times. Safe for threads.

    A few New Cities are judged while the question waits. Many are judged by one thread beside the questions, which are
    refused meanwhile with how far it is: being-judged.
    """

    def __init__(self, assessing: Assessing, histories: Histories, row: Callable[[Scored, Moment], Row]) -> None:
        self._assessing = assessing
        self._histories = histories
        self._row = row
        self._kept: OrderedDict[tuple[Asked, int], Board] = OrderedDict()
        self._turn = threading.Lock()
        self._worker = ThreadPoolExecutor(1, "boards")
        self._job: _Job | None = None
        self._stopping = False

    def close(self) -> None:
        """Leave what is being judged."""
        self._stopping = True
        self._worker.shutdown(wait=True, cancel_futures=True)

    def board(self, year: int, moment: Moment, scheme: str | None) -> Board:
        """The board of a year. Raises Refused: as scores do, and being-judged."""
        asked = Asked(year, judged_day(year, moment.on), scheme, moment.on)
        with self._turn:
            board = self._kept.get((asked, moment.position))
            if board is not None:
                self._kept.move_to_end((asked, moment.position))
                return board
        self._assessing.scheme(year, moment, scheme)
        new_cities = self._assessing.registered(moment)
        holding = self._holding(asked, moment.position, few=len(new_cities) <= NEW_CITIES_KEPT)
        rows = {one: holding[one] for one in new_cities if one in holding}
        missing = [one for one in new_cities if one not in rows]
        if len(missing) > NEW_CITIES_KEPT:
            return self._awaited(asked, moment, rows, missing)
        return self._judged(asked, moment, rows, missing, [])

    def _holding(self, asked: Asked, position: int, *, few: bool) -> Mapping[str, Row]:
        """The rows of the nearest board that hold at a position as well; none of a few, which are soon judged."""
        if few:
            return {}
        with self._turn:
            alike = [board for (other, _), board in self._kept.items() if asked.alike(other)]
        if not alike:
            return {}
        nearest = min(alike, key=lambda board: abs(board.position - position))
        concerned = self._concerned(*sorted((nearest.position, position)))
        if concerned is None:
            return {}
        return {one: row for one, row in nearest.rows.items() if one not in concerned and row.on in {None, asked.on}}

    def _concerned(self, after: int, until: int) -> frozenset[str] | None:
        """The New Cities that entries between two positions may concern; None where that is all, or too much to tell.

        Found by what records name, however an entry of them was corrected since; more than are concerned, never fewer.
        """
        between = self._histories.recorded_between(after, until)
        if between is None or any(record.startswith("schemes/") for record in between):
            return None
        found: set[str] = set()
        seen: set[str] = set()
        frontier = set(between)
        for _ in range(HOPS):
            frontier = {one for one in frontier if one.partition("/")[0] not in _UNCONCERNED} - seen
            seen |= frontier
            found |= {new_city for record in frontier if (new_city := _named_by(record)) is not None}
            frontier = self._named({one for one in frontier if _named_by(one) is None}, until)
        return frozenset(found)

    def _named(self, records: Iterable[str], position: int) -> set[str]:
        """The records that the records name, as they were recorded and as they were corrected."""
        return {
            target
            for history in self._histories.many(records, position).values()
            for fact in (*(entry.fact for entry in history.entries), *(step.fact for step in history.steps))
            for _, target in fact.referred()
        }

    def _judged(
        self, asked: Asked, moment: Moment, rows: Mapping[str, Row], missing: Sequence[str], done: list[str]
    ) -> Board:
        """The board with the missing rows, each told as it is done; kept."""
        found = dict(rows)
        for scored in self._assessing.of(missing, asked.year, moment, asked.scheme):
            found[scored.score.new_city] = self._row(scored, moment)
            done.append(scored.score.new_city)
            if self._stopping:
                raise Refused(Code.BEING_JUDGED, "the service is stopping")
        scheme = self._assessing.scheme(asked.year, moment, asked.scheme)
        board = Board(scheme, moment.position, dict(sorted(found.items())))
        with self._turn:
            self._kept[asked, moment.position] = board
            while len(self._kept) > BOARDS_KEPT:
                self._kept.popitem(last=False)
        return board

    def _awaited(self, asked: Asked, moment: Moment, rows: Mapping[str, Row], missing: Sequence[str]) -> Board:
        """The board once it is judged. Raises Refused (being-judged) where that takes longer than anybody waits."""
        with self._turn:
            job = self._job
            if job is None or job.future.done():
                done: list[str] = []
                future = self._worker.submit(self._judged, asked, moment, rows, missing, done)
                job = self._job = _Job(asked, moment.position, future, done, len(missing))
        try:
            board = job.future.result(PATIENCE)
        except StillAtIt:
            board = None
        if board is None or (job.asked, job.position) != (asked, moment.position):
            raise Refused(Code.BEING_JUDGED, f"{len(job.done)} of {job.of} New Cities have been judged; ask again")
        return board


def _named_by(record: str) -> str | None:
    """The New City that a record's own id names."""
    kind, _, record_id = record.partition("/")
    if kind == "new-cities":
        return record_id
    return record_id.partition("-")[2] if kind == "assessments" else None
