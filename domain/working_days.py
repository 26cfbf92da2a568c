"""工作日: deadlines counted in days of the calendar or in working days, by the State Council's arrangements.

Working days are known for the years that a calendar holds; another year is never guessed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

from domain.state_council_calendar import STATE_COUNCIL_1, Year

_SATURDAY = 5


class UnknownYear(NamedTuple):
    """A year that the calendar does not hold, so that nothing can be counted through it."""

    year: int


class Calendar:
    """A calendar of working days under its permanent name."""

    def __init__(self, name: str, years: Mapping[int, Year]) -> None:
        self.name = name
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


def days_after(start: date, days: int) -> date | UnknownYear:
    """The day that many days of the calendar after `start`; UnknownYear past the last one there is."""
    try:
        return start + timedelta(days=days)
    except OverflowError:
        return UnknownYear(date.max.year + 1)


CALENDARS: Mapping[str, Calendar] = MappingProxyType(
    {calendar.name: calendar for calendar in (Calendar("state-council/1", STATE_COUNCIL_1),)}
)
"""Every calendar that a scheme may name; the years they hold are contiguous."""

FIRST_CALENDAR = CALENDARS["state-council/1"]
"""The calendar of schemes that name none."""
