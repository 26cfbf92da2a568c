"""What rules look at: a New City and its records as they were known, on the day on which it is judged."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import cached_property
from itertools import chain
from types import MappingProxyType
from typing import Any, TypeVar

from domain.community import CommunityDissolved, CommunityEstablished, CommunityMerged, CommunitySplit
from domain.fact import Fact, JsonValue
from domain.history import History
from domain.state import Step

FactT = TypeVar("FactT", bound=Fact)
T = TypeVar("T")

ENDED: frozenset[type[Fact]] = frozenset({CommunitySplit, CommunityMerged, CommunityDissolved})


class Subject:
    """A record by its standing steps up to the judged day, oldest first and never none.

    Rules read steps, not the folded state: they ask for first times, and since when something has held. The steps are
    sorted by fact once, and every rule looks at its own alone.
    """

    __slots__ = ("_by_fact", "_worked_out", "record", "steps")

    def __init__(self, record: str, steps: Sequence[Step[Fact]]) -> None:
        self.record = record
        self.steps = steps
        self._by_fact: dict[type[Fact], list[Step[Any]]] = defaultdict(list)
        for step in steps:
            self._by_fact[type(step.fact)].append(step)
        self._worked_out: dict[Callable[[Subject], object], Any] = {}

    @property
    def opened(self) -> Step[Fact]:
        """The step that opened the record."""
        return self.steps[0]

    def of(self, fact: type[FactT]) -> Sequence[Step[FactT]]:
        """Its steps of that fact, oldest first."""
        return self._by_fact.get(fact, ())

    def first(self, fact: type[FactT]) -> Step[FactT] | None:
        """The oldest of that fact, if any."""
        steps = self._by_fact.get(fact)
        return steps[0] if steps else None

    def last(self, fact: type[FactT]) -> Step[FactT] | None:
        """The newest of that fact, if any."""
        steps = self._by_fact.get(fact)
        return steps[-1] if steps else None

    def standing(self, given: type[FactT], taken: type[Fact]) -> Step[FactT] | None:
        """The newest of what gives something, where no later step took it away."""
        last, end = self.last(given), self.last(taken)
        return last if last is not None and (end is None or rank(end) < rank(last)) else None

    def once(self, work_out: Callable[[Subject], T]) -> T:
        """What the function says of this record, worked out for the first rule that asks."""
        if work_out not in self._worked_out:
            self._worked_out[work_out] = work_out(self)
        worked_out: T = self._worked_out[work_out]
        return worked_out

    def has_none_of(self, facts: frozenset[type[Fact]]) -> bool:
        """Whether it has no step of those facts."""
        return facts.isdisjoint(self._by_fact)


def rank(step: Step[Any]) -> tuple[date, int]:
    """Where a step stands among others, of whatever record: its day, then its position."""
    return step[1:3]  # as rank is asked for every step of a sort, it had better be cheap


def in_order(*several: Iterable[Step[Any]]) -> list[Step[Any]]:
    """The steps of several facts in one order."""
    return sorted(chain.from_iterable(several), key=rank)


def judged_day(year: int, on: date) -> date:
    """The day whose state a year is judged by: the asked one, or the year's last."""
    return min(on, date(year, 12, 31))


def subject_on(record: str, history: History, day: date) -> Subject | None:
    """The record of a history as it stood on a day; None where it isn't open by then."""
    steps = history.steps
    steps = steps[: bisect_right(steps, day, key=lambda step: step.effective_on)]
    return Subject(record, steps) if steps else None


_NO_RECORDS: Mapping[str, Subject] = MappingProxyType({})


class City:
    """One New City, or the park office, with its records by their path; those not open by then left out."""

    def __init__(  # noqa: PLR0913  # a New City has that many kinds of record
        self,
        new_city: str,
        subject: Subject | None,
        *,
        year: int,
        on: date,
        communities: Mapping[str, Subject] = _NO_RECORDS,
        villages: Mapping[str, Subject] = _NO_RECORDS,
        cases: Mapping[str, Subject] = _NO_RECORDS,
        estates: Mapping[str, Subject] = _NO_RECORDS,
        allocations: Mapping[str, Subject] = _NO_RECORDS,
    ) -> None:
        self.new_city = new_city
        self.subject = subject
        self.year = year
        self.day = judged_day(year, on)
        self.communities = communities
        self.villages = villages
        self.cases = cases
        self.estates = estates
        self.allocations = allocations

    @property
    def year_is_over(self) -> bool:
        """Whether it is judged by the year's last day, so that what was to be done in the year is known."""
        return self.day == date(self.year, 12, 31)

    @property
    def pending_in_year(self) -> dict[str, JsonValue]:
        """What findings show of something that may still be done in the year."""
        return {"due_on": date(self.year, 12, 31).isoformat(), "pending": True}

    @cached_property
    def active(self) -> Sequence[Subject]:
        """The communities that have not been split, merged or dissolved."""
        return [community for community in self.communities.values() if community.has_none_of(ENDED)]

    @cached_property
    def converted(self) -> Sequence[Subject]:
        """The active communities that came from a village."""
        return [one for one in self.active if one.of(CommunityEstablished)[0].fact.origin == "converted"]

    @cached_property
    def existing(self) -> Sequence[Subject]:
        """The active communities that were there before the policy."""
        return [one for one in self.active if one.of(CommunityEstablished)[0].fact.origin == "existing"]
