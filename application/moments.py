"""Two of the three questions of time: as known when, and about which day."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from domain.refusals import Code, FieldError, Refused

ZONE = ZoneInfo("Asia/Shanghai")
"""Days are days here; instants carry their zone."""
WAIT_FOR_POSITION = 5.0
"""Seconds that a read waits for the position it was promised."""

_INSTANT = re.compile(r"(?a)\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
_DAY = re.compile(r"(?a)\d{4}-\d\d-\d\d")


class Moment(NamedTuple):
    """What a read takes account of, and the day it is about."""

    position: int
    """The last entry that counts; always the last of its transaction."""
    known_at: datetime | None
    """The instant asked about, or when the entry at `position` was recorded; None for an empty log."""
    on: date
    is_current: bool
    """Whether neither time was asked for: everything recorded, about today."""


class FutureInstant(Exception):  # noqa: N818  # an answer, not an error
    """The instant is past both the clock and the last entry."""


class Positions(Protocol):
    """What the log tells of positions and instants."""

    def head(self) -> tuple[int, datetime | None]:
        """The last position and its instant; 0 and None for an empty log."""
        ...

    def whole(self, position: int) -> int:
        """The greatest position up to this one that ends a transaction; 0 where none does."""
        ...

    def resolve(self, instant: datetime) -> int:
        """The greatest position recorded by then, a commit in flight awaited. Raises FutureInstant."""
        ...

    def recorded_at(self, position: int) -> datetime | None:
        """When the entry at the position was recorded; None where there is none."""
        ...

    def wait(self, after: int, timeout: float) -> int:
        """The head's position as soon as it is past `after`, or the last one seen after so many seconds."""
        ...


def today(now: Callable[[], datetime]) -> date:
    """The day it is in Asia/Shanghai."""
    return now().astimezone(ZONE).date()


def moment(
    log: Positions, now: Callable[[], datetime], known_at: str | None, on: str | None, min_position: int | None
) -> Moment:
    """The moment that a read asks about.

    Raises Refused (bad-time) for an instant without zone, in the future or past the log's end, and for a day that is
    none; (not-caught-up) when the log does not reach `min_position` within 5 s.
    """
    if min_position is not None:
        _await(log, min_position)
    day = today(now) if on is None else _day(on)
    if known_at is None:
        position, recorded_at = log.head()
        return Moment(position, recorded_at, day, on is None)
    if known_at.isascii() and known_at.isdigit():
        asked = int(known_at)
        head, _ = log.head()
        if not 1 <= asked <= head:
            raise _bad("known_at", f"the log has positions 1 to {head}")
        position = log.whole(asked)
        return Moment(position, log.recorded_at(position), day, is_current=False)
    instant = _instant(known_at)
    try:
        return Moment(log.resolve(instant), instant, day, is_current=False)
    except FutureInstant:
        raise _bad("known_at", "an instant in the future: nobody knows yet what will be recorded by then") from None


def _await(log: Positions, position: int) -> None:
    deadline = time.monotonic() + WAIT_FOR_POSITION
    while log.wait(position - 1, max(0.0, deadline - time.monotonic())) < position:
        if time.monotonic() >= deadline:
            raise Refused(Code.NOT_CAUGHT_UP, f"the log does not reach position {position} yet")


def _day(text: str) -> date:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise _bad("on", "a day is YYYY-MM-DD")


def _instant(text: str) -> datetime:
    if not _INSTANT.fullmatch(text):
        raise _bad("known_at", "a log position, or an RFC 3339 instant with its zone: 2021-03-01T09:00:00+08:00")
    try:
        # Whatever is finer than a microsecond lies between two entries: cutting it off finds the same position.
        whole, zone = re.fullmatch(r"(.*?)([Zz]|[+-]\d\d:\d\d)", text.upper()).groups()  # type: ignore[union-attr]
        seconds, _, fraction = whole.partition(".")
        cut = f"{seconds}.{fraction[:6].ljust(6, '0')}" if fraction else seconds
        return datetime.fromisoformat(cut + zone.replace("Z", "+00:00")).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _bad("known_at", "there is no such instant") from None


def _bad(parameter: str, detail: str) -> Refused:
    return Refused(Code.BAD_TIME, f"{parameter}: {detail}", errors=[FieldError(f"/{parameter}", detail)])
