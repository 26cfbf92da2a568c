"""given(…).when(…).then(…) or .refused(…): records in memory, judged as a recording is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import pytest

from domain.aggregate import Whereabouts
from domain.corrections import EventCorrected, EventRetracted
from domain.entry import Entry
from domain.history import History
from domain.records import aggregate, new_city_of, state_json
from domain.refusals import Code, Refused
from domain.scheme import ADOPTED
from domain.schemes import FIRST, first_scheme
from domain.state import State


class Event(NamedTuple):
    day: str
    record: str
    type: str
    data: dict[str, Any]
    person: str


class World:
    def __init__(self, entry_of: Callable[..., Entry]) -> None:
        self._entry_of, self.histories, self._named, self._last = entry_of, dict[str, History](), set[Any](), 0
        self._asked: Event | None = None

    def state(self, record: str, on: date | None = None) -> State | None:
        history = self.history(record)
        return history.state if on is None else history.on(on)

    def history(self, record: str) -> History:
        return self.histories.get(record) or History(aggregate(record.partition("/")[0]))

    def referring(self, target: str, kind: str) -> list[str]:
        return sorted(by for named, by in self._named if named == target and by.startswith(f"{kind}/"))

    def entry_at(self, position: int) -> Whereabouts | None:
        found = (one for one, history in self.histories.items() if position in {e.position for e in history.entries})
        return next((Whereabouts(one, datetime(2022, 1, 1, tzinfo=UTC)) for one in found), None)

    def new_city_of(self, record: str) -> str | None:
        return new_city_of(record, self)

    def record(self, event: Event, causation: int | None = None) -> None:
        if event.record.startswith("assessments/") and not self.referring(ADOPTED, "schemes"):
            last, self._last = self._last, 0
            adopted = first_scheme().model_dump(mode="json", exclude_none=True)
            self.record(Event(adopted["effective_from"], f"schemes/{FIRST}", "SchemeAdopted", adopted, "system"))
            self._last = last  # it comes with every ledger, and takes no position of what a test tells
        before, kind = self.history(event.record), aggregate(event.record.partition("/")[0])
        self._last += 1
        entry = self._entry_of(self._last, event.record, before.version + 1, *_rest(event), event.person, causation)
        self.histories[event.record] = after = before.and_then(entry)
        after.admitted_after(before)
        if isinstance(entry.fact, EventCorrected | EventRetracted):
            for step in after.steps:
                kind.conditions(event.record, after.state, step, self)
            return
        self._named |= {(named, event.record) for _, named in entry.fact.referred()}
        self._named |= {(claim, event.record) for claim in entry.fact.claims()}
        step = next(step for step in after.steps if step.position == entry.position)
        if causation is None:
            kind.conditions(event.record, before.state, step, self)
        for one in kind.consequences(event.record, after.state, step, self) if after.state else ():
            data = one.fact.model_dump(mode="json", exclude_none=True)
            brought = Event(one.effective_on.isoformat(), one.record, one.fact.event, data, event.person)
            self.record(brought, entry.position)

    def when(self, event: Event) -> World:
        self._asked = event
        return self

    def then(self, record: str, on: str | None = None, **expected: object) -> World:
        if self._asked is not None:
            self.record(self._asked)
            self._asked = None
        state = self.state(record, date.fromisoformat(on) if on else None)
        assert state is not None, f"{record} is not on record"
        shown = state_json(aggregate(record.partition("/")[0]), record.partition("/")[2], 0, state)
        assert {name: shown[name] for name in expected} == expected
        return self

    def refused(self, code: Code, *, saying: str = "", positions: tuple[int, ...] = ()) -> None:
        assert self._asked is not None
        kept, last, asked, self._asked = dict(self.histories), self._last, self._asked, None
        with pytest.raises(Refused) as caught:
            self.record(asked)
        self.histories, self._last = kept, last
        assert (caught.value.code, caught.value.positions) == (code, positions or caught.value.positions)
        assert saying in caught.value.detail


def _rest(event: Event) -> tuple[str, str, dict[str, Any]]:
    return event.day, event.type, event.data


@pytest.fixture
def given(entry_of: Callable[..., Entry]) -> Callable[..., World]:
    def recorded(*events: Event) -> World:
        world = World(entry_of)
        for event in events:
            world.record(event)
        return world

    return recorded


@pytest.fixture(scope="session")
def on() -> Callable[..., Event]:
    def event(day: str, record: str, type_: str, person: str = "recorder", /, **data: object) -> Event:
        return Event(day, record, type_, data, person)

    return event


@pytest.fixture(scope="session")
def assessed(on: Callable[..., Event]) -> list[Event]:
    """Fengdong's 2020 is open by the first scheme, with a community and arbiters for two panels of three."""
    place = {"township_code": "610112002", "township": "三桥街道", "new_city": "fengdong"}
    scheme = first_scheme().model_dump(mode="json", exclude_none=True)
    return [
        on("2019-12-10", "schemes/opinions-2019", "SchemeAdopted", **scheme),
        *(
            on("2020-01-01", f"accounts/arbiter-{number}", "AccountOpened", office="new-area", roles=["arbiter"],
               person={"id": f"arbiter-{number}", "name": "某"})
            for number in range(1, 7)
        ),
        on("2019-12-10", "communities/c1", "CommunityEstablished", name="甲", origin="existing", **place),
        on("2020-06-30", "communities/c1", "HouseholdsCounted", households=600),
        on("2019-12-10", "communities/other", "CommunityEstablished", name="乙", origin="existing",
           **(place | {"new_city": "fengxi"})),
        on("2021-01-04", "assessments/2020-fengdong", "AssessmentOpened", year=2020, new_city="fengdong",
           scheme="opinions-2019"),
    ]  # fmt: skip


@pytest.fixture(scope="session")
def imposed(on: Callable[..., Event]) -> Callable[..., Event]:
    """A deduction of one point from community-size, about community c1; recorded by `inspector`."""

    def event(day: str = "2021-01-10", **changes: object) -> Event:
        fields = {
            "deduction": "k1", "indicator": "community-size", "points": "1.00", "about": "communities/c1",
            "grounds": "户数不足", "evidence_positions": [9], "computed_at": 11,
        }  # fmt: skip
        return on(day, "assessments/2020-fengdong", "DeductionImposed", "inspector", **(fields | changes))

    return event


@pytest.fixture(scope="session")
def served(on: Callable[..., Event]) -> Callable[..., Event]:
    """Notice of deduction k1; recorded by `messenger`. The scheme gives 15 days to dispute."""

    def event(day: str = "2021-01-11", dispute_by: str = "2021-01-26", **changes: object) -> Event:
        fields = {"deduction": "k1", "recipient": {"id": "clerk", "name": "某"}, "states_right": True}
        return on(day, "assessments/2020-fengdong", "NoticeServed", "messenger", dispute_by=dispute_by,
                  **(fields | changes))  # fmt: skip

    return event


@pytest.fixture(scope="session")
def corrected() -> Callable[..., Event]:
    def event(record: str, version: int, effective_on: str | None = None, **data: object) -> Event:
        fields = {"version": version, "data": data, "reasons": "登记有误"}
        return Event("2021-06-01", record, "EventCorrected", fields | {"effective_on": effective_on}, "recorder")

    return event


@pytest.fixture(scope="session")
def retracted() -> Callable[..., Event]:
    def event(record: str, version: int) -> Event:
        fields = {"version": version, "reasons": "并无此事"}
        return Event("2021-06-01", record, "EventRetracted", fields, "recorder")

    return event
