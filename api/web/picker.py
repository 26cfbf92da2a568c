"""The time picker: entries recorded over time as a histogram, and the times that people ask about."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from api.web.charts import Bar, histogram
from api.web.visit import Visit
from application.asking import Asking
from application.moments import ZONE

BINS: Final = 62
"""Bins of the histogram at most."""
DAYS_LEAST: Final = 3
"""Days that a log spans at least for its histogram to count by the day."""


class Preset(NamedTuple):
    """A time that people ask about, as a link."""

    word: str
    url: str
    current: bool


class Picker(NamedTuple):
    """What the picker shows."""

    bars: Sequence[Bar]
    first: datetime
    last: datetime
    by_day: bool
    presets: Sequence[Preset]


def picker(asking: Asking, visit: Visit, presets: Sequence[Preset], decisive: Collection[int]) -> Picker | None:
    """The picker for what is known at the visit's moment; None before anything is. `decisive` are positions."""
    position = visit.moment.position
    if position == 0 or visit.moment.known_at is None:
        return None
    first = asking.begun_at() or visit.moment.known_at
    last = visit.moment.known_at
    start, step = _bins(first, last)
    edges: list[datetime] = []
    edge = start
    while edge < last:
        edge += step
        edges.append(min(edge, last))
    known = asking.positions_by(visit.moment, edges)
    counts: list[tuple[str, int, bool]] = []
    before = 0
    for number, upto in enumerate(known):
        begins = start + number * step
        label = visit.format.day(begins.date()) if step >= timedelta(days=1) else visit.format.instant(begins)
        counts.append((label, upto - before, any(before < one <= upto for one in decisive)))
        before = upto
    return Picker(histogram(counts), first, last, step == timedelta(days=1), presets)


def _bins(first: datetime, last: datetime) -> tuple[datetime, timedelta]:
    """Where the first bin begins, and how long each is: whole days where the log spans some."""
    span = last - first
    if span >= timedelta(days=DAYS_LEAST):
        start = first.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
        days = -(-((last - start) // timedelta(days=1) + 1) // BINS)
        return start, timedelta(days=days)
    return first.astimezone(ZONE) - timedelta(microseconds=1), max(span / (BINS - 2), timedelta(milliseconds=1))
