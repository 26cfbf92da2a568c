"""What a rule says of a subject: found, met or undeterminable, since when, by what figures, on what evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Literal, NamedTuple

from domain.fact import JsonValue
from domain.rules.city import City, FactT
from domain.state import Step
from domain.working_days import UnknownYear

Outcome = Literal["found", "met", "undeterminable"]


class Finding(NamedTuple):
    """One rule's word on one subject."""

    outcome: Outcome
    about: str
    """`KIND/id` of the record that it is about."""
    since: date | None
    """The day since when it has been so, where it is found."""
    figures: Mapping[str, JsonValue]
    """What was compared with what: decimals and days as strings."""
    evidence: tuple[int, ...]
    """Positions of the entries that it stands on, ascending, corrections included."""
    missing: tuple[str, ...] = ()
    """The events that are not on record, by name; for undeterminable ones those that would give the figure."""


def evidence(*steps: Step[Any] | None) -> tuple[int, ...]:
    """The positions of the entries that made the steps what they are."""
    positions: set[int] = set()
    for step in steps:
        if step is not None:
            positions.add(step.position)
            if step.corrected is not None:
                positions.update(source.position for source in step.corrected.values())
    return tuple(sorted(positions))


def holding_since(readings: Iterable[tuple[date, bool]]) -> date | None:
    """The day since when it has held to the end; None where it doesn't hold in the end.

    The readings are in order; of those of one day the last tells how the day ended.
    """
    since: date | None = None
    for day, holds in dict(readings).items():
        if not holds:
            since = None
        elif since is None:
            since = day
    return since


def first_of_those_holding(steps: Sequence[Step[FactT]], holds: Callable[[FactT], bool]) -> Step[FactT]:
    """The step since which it has held to the last one, where the last one holds; days are judged as they ended."""
    first = steps[-1]
    for step in reversed(steps):
        if step.effective_on == first.effective_on:
            continue
        if not holds(step.fact):
            break
        first = step
    return first


class Deadline(NamedTuple):
    """What was due by a day, that day included, and the day on which it was done."""

    event: str
    """What puts it on record."""
    due_on: date | UnknownYear
    done_on: date | None
    before: bool = False
    """Whether it was to be done before something else happened that day, and so is found from that day itself."""

    @property
    def day(self) -> date:
        """The day by which it was due. Raises TypeError where it can't be known."""
        if isinstance(self.due_on, UnknownYear):
            raise TypeError(self.due_on)
        return self.due_on

    @property
    def found_from(self) -> date:
        """The day from which it is found while it isn't done. Raises TypeError where it can't be known."""
        return self.day if self.before else self.day + timedelta(days=1)

    def standing(self, city: City) -> Literal["found", "undeterminable", "pending", "met"]:
        """How it stands on the judged day: what was done late is found for the year in which it fell due alone."""
        if isinstance(self.due_on, UnknownYear):
            return "undeterminable"
        if self.done_on is None:
            return "found" if city.day >= self.found_from else "pending"
        return "found" if self.done_on > self.due_on and self.due_on.year == city.year else "met"


def by_deadlines(
    city: City,
    about: str,
    deadlines: Sequence[Deadline],
    figures: dict[str, JsonValue],
    positions: tuple[int, ...],
) -> Finding:
    """What one or several deadlines come to: the worst of them, its day beside the other figures."""
    by_standing: dict[str, list[Deadline]] = {}
    for deadline in deadlines:
        by_standing.setdefault(deadline.standing(city), []).append(deadline)
    if overdue := by_standing.get("found"):
        first = min(overdue, key=lambda deadline: deadline.found_from)
        figures["due_on"] = first.day.isoformat()
        done = [deadline.done_on for deadline in overdue if deadline.done_on is not None]
        if len(done) == len(overdue):
            figures["done_on"] = max(done).isoformat()
        missing = tuple(dict.fromkeys(deadline.event for deadline in overdue if deadline.done_on is None))
        return Finding("found", about, first.found_from, figures, positions, missing)
    if unknown := by_standing.get("undeterminable"):
        years = sorted({one.due_on.year for one in unknown})
        missing = tuple(f"working days of {year}" for year in years)
        return Finding("undeterminable", about, None, figures, positions, missing)
    if pending := by_standing.get("pending"):
        figures["due_on"] = min(deadline.day for deadline in pending).isoformat()
        figures["pending"] = True
    else:
        figures["due_on"] = max(deadline.day for deadline in deadlines).isoformat()
        figures["done_on"] = max(one.done_on for one in deadlines if one.done_on is not None).isoformat()
    return Finding("met", about, None, figures, positions)


def day_of(step: Step[Any] | None) -> date | None:
    """The day of a step, if it was taken."""
    return None if step is None else step.effective_on


def shown_day(step: Step[Any] | None) -> str | None:
    """The day of a step as figures show it."""
    return None if step is None else step.effective_on.isoformat()
