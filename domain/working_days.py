"""工作日: deadlines counted in days of the calendar or in working days, by the State Council's arrangements.

Working days are known for the years that a calendar holds; another year is never guessed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Literal, NamedTuple

from domain.state_council_calendar import STATE_COUNCIL_1, Year

_SATURDAY = 5


class UnknownYear(NamedTuple):
    """A year that the calendar does not hold, so that nothing can be counted through it."""

    year: int


class Calendar:
    """The working days of some years in a row."""

    def __init__(self, years: Mapping[int, Year]) -> None:
        self._years = years

    @cached_property
    def _working(self) -> Sequence[int]:
        """The working days of all years that it holds, as ordinals."""
        return [
            day
            for year, apart in sorted(self._years.items())
            for day in range(date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() + 1)
            if _works(date.fromordinal(day), apart)
        ]

    def working_day_after(self, start: date, days: int) -> date | UnknownYear:
        """The day on which that many working days after `start` have passed; `start` itself is not counted.

        UnknownYear where the count runs through a year that the calendar does not hold.
        """
        if start.year not in self._years:
            return UnknownYear(start.year)
        if days == 0:
            return start
        at = bisect_right(self._working, start.toordinal()) + days - 1
        if at >= len(self._working):
            return UnknownYear(max(self._years) + 1)
        return date.fromordinal(self._working[at])


def _works(day: date, apart: Year) -> bool:
    written = f"{day:%m%d}"
    if day.weekday() < _SATURDAY:
        return written not in apart.off
    return written in apart.working


_CALENDARS: Mapping[str, Calendar] = MappingProxyType({"working": Calendar(STATE_COUNCIL_1)})

DaysAre = Literal["calendar", "working"]
"""What a figure of days counts: days of the calendar, or working days by one permanent list of years.

Years that become known later make another list with a name of its own, which a new version of the scheme then names:
what was undeterminable by the old one stays so.
"""


def day_after(start: date, days: int, days_are: DaysAre) -> date | UnknownYear:
    """The day on which that many days after `start` have passed; `start` itself is not counted."""
    if days_are != "calendar":
        return _CALENDARS[days_are].working_day_after(start, days)
    try:
        return start + timedelta(days=days)
    except OverflowError:
        return UnknownYear(date.max.year + 1)
