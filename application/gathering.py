"""A New City's records as rules look at them: as known at a position, on the day by which a year is judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from application.histories import Histories
from domain.history import History
from domain.new_city import REGISTERED
from domain.rules.city import City, Subject, judged_day, subject_on

OWNED: Final = ("communities", "villages", "estates", "funding-allocations")
"""Kinds of record that name their New City when they open."""
CASES: Final = "conversion-cases"


class Gathered(NamedTuple):
    """The histories of a New City and of all that has belonged to it, up to a position."""

    new_city: str
    histories: Mapping[str, History]

    @property
    def last_position(self) -> int:
        """The last entry of any of them: until the next one they are the same."""
        return max((one.entries[-1].position for one in self.histories.values() if one.entries), default=0)

    def city(self, year: int, on: date) -> City:
        """The New City as a year is judged on a day."""
        day = judged_day(year, on)
        path = f"new-cities/{self.new_city}"
        kinds: dict[str, dict[str, Subject]] = {kind: {} for kind in (*OWNED, CASES)}
        for record, history in self.histories.items():
            subject = None if record == path else subject_on(record, history, day)
            if subject is not None:
                kinds[record.partition("/")[0]][record] = subject
        for kind in OWNED:
            # An id may have been opened again for another New City.
            for record in [one for one, subject in kinds[kind].items() if _named(subject, "new_city") != self.new_city]:
                del kinds[kind][record]
        cases = {
            record: subject
            for record, subject in kinds[CASES].items()
            if f"villages/{_named(subject, 'village')}" in kinds["villages"]
        }
        return City(
            self.new_city,
            subject_on(path, self.histories[path], day),
            year=year,
            on=on,
            communities=kinds["communities"],
            villages=kinds["villages"],
            cases=cases,
            estates=kinds["estates"],
            allocations=kinds["funding-allocations"],
        )


def _named(subject: Subject, field: str) -> str:
    """The record that its opening names."""
    named: str = subject.opened.fact.value(field)
    return named


class Gathering:
    """Finds what belongs to New Cities by what the log's entries name, so that it is never behind the log."""

    def __init__(self, histories: Histories) -> None:
        self._histories = histories

    def new_cities(self, position: int) -> list[str]:
        """The ids of the New Cities that were registered by a position, in order; whether they stand is not asked."""
        found = self._histories.references([REGISTERED], position)
        return [one.partition("/")[2] for one in _of_kinds(found.get(REGISTERED, ()), ("new-cities",))]

    def gather(self, new_cities: Sequence[str], position: int, *, passing: bool = False) -> list[Gathered]:
        """What belongs to each of the New Cities, as known at a position, read at once; `passing`: for once only."""
        paths = [f"new-cities/{one}" for one in new_cities]
        named = self._histories.references(paths, position)
        owned = {path: _of_kinds(named.get(path, ()), OWNED) for path in paths}
        villages = [one for records in owned.values() for one in records if one.startswith("villages/")]
        cases = self._histories.references(villages, position)
        for records in owned.values():
            records += [case for one in records for case in _of_kinds(cases.get(one, ()), (CASES,))]
        wanted = dict.fromkeys([*paths, *(one for records in owned.values() for one in records)])
        histories = (self._histories.passing if passing else self._histories.many)(wanted, position)
        return [
            Gathered(new_city, {one: histories[one] for one in (path, *owned[path])})
            for new_city, path in zip(new_cities, paths, strict=True)
        ]


def _of_kinds(records: Iterable[str], kinds: Sequence[str]) -> list[str]:
    return [one for one in records if one.partition("/")[0] in kinds]
