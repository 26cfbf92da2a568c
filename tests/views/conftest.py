"""Small ledgers as users might leave them: late entries, corrections, retractions, ids opened again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from hypothesis import strategies as st

from domain.conversion_case import ConversionProposed
from domain.corrections import EventCorrected, EventRetracted
from domain.entry import Entry
from domain.fact import Fact
from domain.history import History
from domain.log import Draft
from domain.records import AGGREGATES, VOCABULARY
from domain.state import State
from infrastructure.postgres.database import Database
from infrastructure.postgres.writer import LogWriter
from infrastructure.views.follower import Follower
from infrastructure.views.record_views import RecordViews
from projections.records import seen

FIRST_DAY = date(2020, 1, 1)
DAYS = [FIRST_DAY + timedelta(days=days) for days in range(8)]
CITIES, TOWNSHIPS, NAMES = (
    ("fengdong", "fengxi"),
    ("610112002", "610112003"),
    ("甲村", "Ⅰ号Straße", "火车站社区", "a\\b"),
)


class Said(NamedTuple):
    """An event that somebody recorded."""

    record: str
    event: str
    day: date
    data: dict[str, Any]

    @property
    def kind(self) -> str:
        return self.record.partition("/")[0]


class Ledger:
    """What has been recorded, in memory, and asked in the plainest way."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def history(self, record: str, position: int | None = None) -> History:
        of_record = [entry for entry in self.entries if entry.record == record]
        history = History(AGGREGATES[record.partition("/")[0]], of_record)
        return history if position is None else history.until(position)

    def records(self, kind: str) -> list[str]:
        return sorted({entry.record for entry in self.entries if entry.record.startswith(f"{kind}/")})

    def state(self, record: str, position: int, day: date) -> State | None:
        kind, _, record_id = record.partition("/")
        state = self.history(record, position).on(day)
        if state is None or AGGREGATES[kind].seen_with is None:
            return state
        others = (self.state(one, position, day) for one in self.records(str(AGGREGATES[kind].seen_with)))
        return seen(AGGREGATES[kind], record_id, state, others)

    def place(self, record: str, position: int, day: date) -> tuple[str | None, str | None]:
        """New City and township at a moment, those of a case being its village's."""
        state = self.state(record, position, day)
        if state is not None and record.startswith("conversion-cases/"):
            state = self.history(f"villages/{state.value('village')}", position).state
        return (None, None) if state is None else (state.value("new_city"), state.value("township_code"))


def drafts(events: Sequence[Said], version_of: Callable[[str], int]) -> list[Draft]:
    """Events as the append function takes them, one transaction for all."""
    drafted: list[Draft] = []
    versions: dict[str, int] = {}
    correlation = str(uuid4())
    for index, one in enumerate(events):
        versions[one.record] = versions.get(one.record, version_of(one.record)) + 1
        fact = VOCABULARY.fact(one.kind, one.event)
        assert fact is not None, one
        body = json.dumps({"effective_on": one.day.isoformat(), "data": one.data}, ensure_ascii=False).encode()
        header = {
            "entry": str(uuid4()),
            "record": one.record,
            "version": versions[one.record],
            "name": fact.stored_as,
            "recorded_by": {"account": "recorder"},
            "correlation": correlation,
            "part": [index + 1, len(events)],
            "body": {"length": len(body), "sha256": hashlib.sha256(body).hexdigest()},
        }
        named: Fact = VOCABULARY.content(one.kind, fact.stored_as).model_validate_json(body).data
        drafted.append(
            Draft(
                one.record,
                versions[one.record],
                fact.stored_as,
                json.dumps(header, ensure_ascii=False)[1:-1],
                body,
                closes=index + 1 == len(events),
                refers_to=tuple(record for _, record in named.referred()),
            )
        )
    return drafted


class Recorder:
    """Appends events to a log in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._writer = LogWriter(database)
        self._versions: dict[str, int] = {}

    def record(self, *events: Said) -> int:
        """Append the events as one transaction; returns the last position."""
        drafted = drafts(events, lambda record: self._versions.get(record, 0))
        self._versions |= {one.record: one.version for one in drafted}
        return self._writer.append(drafted, expected=None)[-1].position

    def close(self) -> None:
        self._writer.close()


@pytest.fixture
def recorder(database: Database) -> Iterator[Recorder]:
    made = Recorder(database)
    yield made
    made.close()


@pytest.fixture
def villages() -> Callable[..., list[Said]]:
    """Villages just registered, by number."""

    def some(numbers: Iterable[int]) -> list[Said]:
        return [
            Said(f"villages/v-{one:05}", "VillageRegistered", FIRST_DAY, opening("villages/", one)) for one in numbers
        ]

    return some


@pytest.fixture
def follower(database: Database) -> Iterator[Follower]:
    made = Follower(database)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def views(database: Database) -> Iterator[RecordViews]:
    made = RecordViews(database)
    made.position()  # its pool connects in a thread that draws from `random`, which hypothesis takes for the test's
    yield made
    made.close()


@pytest.fixture
def rows_of(database: Database) -> Callable[[], list[tuple[Any, ...]]]:
    """All rows, and how far they go."""

    def rows() -> list[tuple[Any, ...]]:
        with database.connect("reader") as connection:
            found = connection.execute("SELECT * FROM views.records ORDER BY kind, id").fetchall()
            return [*connection.execute("SELECT position, failed_at FROM views.progress"), *found]

    return rows


def opening(record: str, pick: int) -> dict[str, Any]:
    kind = record.partition("/")[0]
    city = pick % 2
    place = {"township_code": TOWNSHIPS[city], "township": "三桥街道", "new_city": CITIES[city]}
    match kind:
        case "villages":
            return {"name": NAMES[pick % 4], **place}
        case "communities":
            return {"name": NAMES[pick % 4], "origin": "existing", **place}
        case _:
            prefix, _, own = record.rpartition("/")[2].rpartition("-")
            return {"village": f"{prefix}-{pick % 2}", "community": f"c-{own}", "community_name": NAMES[pick % 4]}


def following(kind: str, pick: int) -> tuple[str, dict[str, Any]]:
    choices: list[tuple[str, dict[str, Any]]]
    match kind:
        case "villages":
            choices = [("AssetsVerified", {"total": "10"}), ("VillageDemolished", {})]
        case "communities":
            choices = [
                ("CommunityRenamed", {"name": NAMES[pick % 4]}),
                ("HouseholdsCounted", {"households": pick}),
                ("CommunityDissolved", {"reason": "并入"}),
            ]
        case _:
            choices = [
                ("VillagersAssented", {"meeting": "villagers-assembly", "eligible": 9, "present": 8, "in_favour": 7}),
                ("ProcedurePassed", {}),
                ("ConversionApproved", {}),
                ("ConversionWithdrawn", {"reasons": "有误"}),
            ]
    return choices[pick % len(choices)]


class Player:
    """Turns lists of numbers into events that the procedure might have admitted, and remembers them."""

    def __init__(self, prefix: str, ledger: Ledger) -> None:
        self.ledger = ledger
        self.said: list[Said] = []
        self._names = [f"villages/{prefix}-{one}" for one in "01"] + [f"communities/{prefix}-0"]
        self._cases = [f"conversion-cases/{prefix}-{one}" for one in "01"]

    def play(self, moves: Sequence[tuple[int, int, int, int]]) -> None:
        for which, what, days, pick in moves:
            record = [*self._names, *self._cases][which]
            history = self.ledger.history(record)
            steps = history.steps
            opens = history.aggregate.opening
            if not steps:
                said = Said(record, opens.event, DAYS[days], opening(record, pick))
            elif what == 0:
                version = steps[pick % len(steps)].version
                said = Said(record, EventRetracted.event, DAYS[days], {"version": version, "reasons": "误"})
            elif what == 1:
                step = steps[pick % len(steps)]
                data = {"version": step.version, "reasons": "误", "effective_on": DAYS[pick].isoformat()}
                named = "name" in type(step.fact).model_fields
                said = Said(
                    record,
                    EventCorrected.event,
                    DAYS[days],
                    data | ({"data": {"name": NAMES[pick % 4]}} if named else {}),
                )
            else:
                said = Said(
                    record,
                    following(history.aggregate.kind, pick)[0],
                    DAYS[days],
                    following(history.aggregate.kind, pick)[1],
                )
            entry = entry_of(len(self.ledger.entries) + 1, said, history.version + 1)
            if self._admitted(history.and_then(entry)):
                self.ledger.entries.append(entry)
                self.said.append(said)

    def _admitted(self, longer: History) -> bool:
        kind, record_id = longer.entries[0].record.split("/")
        if not longer.steps:
            cases = [self.ledger.history(case).state for case in self._cases]
            return kind != "villages" or not any(case and case.value("village") == record_id for case in cases)
        first, *others = longer.steps
        opens = longer.aggregate.opening
        village = first.fact.village if isinstance(first.fact, ConversionProposed) else None
        on_record = village is None or self.ledger.history(f"villages/{village}").state is not None
        return on_record and isinstance(first.fact, opens) and not any(isinstance(one.fact, opens) for one in others)


def entry_of(position: int, said: Said, version: int) -> Entry:
    fact = VOCABULARY.fact(said.kind, said.event)
    assert fact is not None, said
    body = json.dumps({"effective_on": said.day.isoformat(), "data": said.data})
    content = VOCABULARY.content(said.kind, fact.stored_as).model_validate_json(body)
    return Entry(position, said.record, version, "recorder", None, content)


moves = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5), st.integers(0, 7), st.integers(0, 7)), max_size=30)


@pytest.fixture(scope="session")
def some_moves() -> st.SearchStrategy[list[tuple[int, int, int, int]]]:
    return moves


@pytest.fixture(scope="session")
def said() -> type[Said]:
    return Said


@pytest.fixture(scope="session")
def days() -> list[date]:
    return DAYS


@pytest.fixture(scope="session")
def played() -> Callable[[str, Sequence[tuple[int, int, int, int]]], Player]:
    """What moves come to, in memory, of records whose ids begin with a prefix."""

    def play(prefix: str, some: Sequence[tuple[int, int, int, int]]) -> Player:
        player = Player(prefix, Ledger())
        player.play(some)
        return player

    return play
