"""How a New City's official score came to stand: from entry to entry of its assessment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from application.decided import counted
from application.histories import Histories
from application.moments import Moment
from application.score_json import PUBLISHED
from application.yardsticks import Yardsticks
from domain.scoring import official_score


class Turn(NamedTuple):
    """What the official score is from a position on."""

    position: int
    recorded_at: datetime | None
    event: str
    """The event recorded at the position."""
    deduction: str | None
    """The deduction that it is about."""
    official: Decimal


class Course(NamedTuple):
    """The turns of one score, and what was published of it."""

    new_city: str
    turns: tuple[Turn, ...]
    published_at: int | None
    """The position of the last publication that stands."""
    published: Decimal | None

    def at(self, position: int) -> Decimal | None:
        """The official score as known at a position; None where no assessment was open."""
        known = [turn.official for turn in self.turns if turn.position <= position]
        return known[-1] if known else None


class ScoreCourses:
    """Courses of official scores. An assessment's own entries are all that they depend on."""

    def __init__(
        self, histories: Histories, yardsticks: Yardsticks, recorded_at: Callable[[int], datetime | None]
    ) -> None:
        self._histories = histories
        self._yardsticks = yardsticks
        self._recorded_at = recorded_at

    def course(self, new_city: str, year: int, moment: Moment, scheme: str) -> Course:
        """The course up to a moment, about its day, with the caps of the scheme."""
        history = self._histories.at(f"assessments/{year}-{new_city}", moment.position)
        yardstick = self._yardsticks.yardstick(scheme, moment.position)
        turns: list[Turn] = []
        for entry in history.entries:
            record = history.until(entry.position).on(moment.on)
            in_force = counted(record)
            if in_force is not None:
                event = entry.fact.event
                about: str | None = getattr(entry.fact, "deduction", None)
                at = self._recorded_at(entry.position)
                turns.append(Turn(entry.position, at, event, about, official_score(yardstick, in_force)))
        now = history.on(moment.on)
        step = None if now is None else now.steps.get(PUBLISHED)
        if step is None:
            return Course(new_city, tuple(turns), None, None)
        return Course(new_city, tuple(turns), step.position, Decimal(str(step.fact.value("score"))))
