"""A record's entries as they stand: corrections applied, ordered by the day they happened, folded at any day.

Two orders meet here. Entries come in the order of the log; what they say holds in the order of (effective day,
position). A state at (position, day) is: the entries up to the position, corrected, those after the day left out.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from operator import itemgetter
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from domain.aggregate import Aggregate
from domain.corrections import EventCorrected, EventRetracted
from domain.entry import Entry
from domain.fact import Fact
from domain.refusals import Code, FieldError, Refused
from domain.state import Source, State, Step

_Value = TypeVar("_Value")
_CORRECTING = frozenset({EventCorrected, EventRetracted})
_rank = itemgetter(1, 2)  # a step's day and position: Python's own call a step would take longer than the sort


class _once(Generic[_Value]):  # noqa: N801  # stands where a decorator stands
    """A value worked out at its first use. `functools.cached_property` has, in Python 3.11, one lock for all instances.

    Two threads may both work it out: it is the same.
    """

    def __init__(self, work_out: Callable[[Any], _Value]) -> None:
        self._work_out = work_out
        self._name = work_out.__name__
        self.__doc__ = work_out.__doc__

    def __get__(self, instance: object, _owner: type) -> _Value:
        value = instance.__dict__[self._name] = self._work_out(instance)
        return value


def with_next(entries: Sequence[Entry], entry: Entry) -> tuple[Entry, ...]:
    """A record's entries with the next one after them, and without those whose place it takes."""
    if not entry.fact.latest_only:
        return (*entries, entry)
    return (*(one for one in entries if type(one.fact) is not type(entry.fact)), entry)


class History:
    """The entries of one record up to some position, oldest first. Immutable; `and_then` gives a longer one.

    Of facts of which the latest alone counts (`Fact.latest_only`) it holds no other.
    """

    def __init__(self, aggregate: Aggregate, entries: Sequence[Entry] = ()) -> None:
        self.aggregate = aggregate
        self.entries = tuple(entries)
        self._last: tuple[State | None, Step[Fact]] | None = None

    def and_then(self, entry: Entry) -> History:
        """The history with one more entry; what was worked out before is kept where it still holds."""
        longer = History(self.aggregate, with_next(self.entries, entry))
        if isinstance(entry.fact, EventCorrected | EventRetracted) or len(longer.entries) <= len(self.entries):
            return longer
        step, steps = as_it_stands(entry, ()), self.steps
        at = bisect_right(steps, _rank(step), key=_rank) if steps else 0
        longer.__dict__["resolved"] = self.resolved
        longer.__dict__["steps"] = (*steps[:at], step, *steps[at:])
        longer.__dict__["_corrections"] = self._corrections
        if at == len(steps):
            longer._last = (self.state, step)  # not folded before it is admitted
        return longer

    def until(self, position: int) -> History:
        """The history as it was known at a position, as far as it is held: see `Aggregate.keeps_all`."""
        if not self.entries or self.entries[-1].position <= position:
            return self
        shorter = History(self.aggregate, self.entries[: bisect_right(self.entries, position, key=_position)])
        shorter.__dict__["_as_recorded"] = [step for step in self._as_recorded if step.position <= position]
        shorter.__dict__["_corrections"] = [entry for entry in self._corrections if entry.position <= position]
        return shorter

    @property
    def version(self) -> int:
        """How many entries the record has."""
        return self.entries[-1].version if self.entries else 0

    def entry(self, version: int) -> Entry:
        """The entry of that version, 1 to the history's; the next that is held where another took its place."""
        return self.entries[bisect_left(self.entries, version, key=_version)]

    @_once
    def resolved(self) -> tuple[Mapping[int, tuple[Entry, ...]], Mapping[int, Entry]]:
        """Corrections in force per original version, oldest first; and per retracted version what retracts it."""
        corrections: dict[int, list[Entry]] = {}
        retracted: dict[int, Entry] = {}
        for entry in self._corrections:
            match entry.fact:
                case EventCorrected(version=target):
                    corrections.setdefault(self.original(target), []).append(entry)
                case EventRetracted(version=target):
                    retracted[target] = entry
                case _:
                    pass
        in_force = {
            version: tuple(entry for entry in found if entry.version not in retracted)
            for version, found in corrections.items()
        }
        return in_force, retracted

    def original(self, version: int) -> int:
        """The version that a correction, or a correction of one, is in the end about."""
        fact = self.entry(version).fact
        while isinstance(fact, EventCorrected):
            version = fact.version
            fact = self.entry(version).fact
        return version

    @_once
    def steps(self) -> tuple[Step[Fact], ...]:
        """What stands, ordered by (effective day, original position)."""
        corrections, retracted = self.resolved
        changed = {version for version, found in corrections.items() if found} | retracted.keys()
        if not changed:
            return tuple(self._as_recorded)
        steps = [step for step in self._as_recorded if step.version not in changed]
        steps += (as_it_stands(self.entry(one), corrections[one]) for one in changed - retracted.keys())
        return tuple(sorted(steps, key=_rank))

    @_once
    def _as_recorded(self) -> Sequence[Step[Fact]]:
        """What would stand if nothing had been corrected, in the same order."""
        steps = [as_it_stands(one, ()) for one in self.entries if type(one.content.data) not in _CORRECTING]
        steps.sort(key=_rank)
        return steps

    @_once
    def _corrections(self) -> Sequence[Entry]:
        """The entries that correct or retract others."""
        return [one for one in self.entries if type(one.content.data) in _CORRECTING]

    @_once
    def state(self) -> State | None:
        """The record with all its entries; None where nothing stands."""
        return self._fold(self.steps) if self._last is None else self.aggregate.evolve(*self._last)

    def on(self, day: date) -> State | None:
        """The record on a day: later-dated steps left out; None where it isn't open by then."""
        if not self.steps or self.steps[-1].effective_on <= day:
            return self.state
        return self._fold(self.steps[: bisect_right(self.steps, day, key=_effective_on)])

    def _fold(self, steps: Sequence[Step[Fact]]) -> State | None:
        state: State | None = None
        for step in steps:
            state = self.aggregate.evolve(state, step)
        return state

    def admitted_after(self, before: History) -> None:
        """Check that the procedure allows what this history has over the one before.

        Raises Refused: for a new or corrected step, with that step's own reason; for an untouched one that would no
        longer fit, with the positions of all those that stand in the way.
        """
        if self.steps[:-1] == before.steps and self.steps:
            self.aggregate.admits(before.state, self.steps[-1])
            return
        known = {step.position: step for step in before.steps}
        blocked: list[int] = []
        reason: Refused | None = None
        state: State | None = None
        for step in self.steps:
            try:
                self.aggregate.admits(state, step)
            except Refused as refusal:
                if known.get(step.position) != step:
                    raise
                blocked.append(step.position)
                reason = reason or refusal
            else:
                state = self.aggregate.evolve(state, step)
        if reason is not None:
            raise Refused(
                Code.STANDS_IN_THE_WAY,
                f"entries {', '.join(map(str, blocked))} stand on what this would change: {reason.detail}",
                clause=reason.clause,
                positions=blocked,
            )


def as_it_stands(entry: Entry, corrections: Sequence[Entry]) -> Step[Fact]:
    """The step that an entry is, its corrections applied in the order of the log."""
    content = entry.content
    fact, effective_on = content.data, content.effective_on
    if not corrections:
        return Step(fact, effective_on, entry.position, entry.version, entry.person, entry.causation)
    corrected: dict[str, Source] = {}
    for correction in corrections:
        change = correction.fact
        if isinstance(change, EventCorrected):
            fact = merged(fact, change.data)
            effective_on = change.effective_on or effective_on
            source = Source(correction.position, correction.version, "/data/data")
            corrected |= dict.fromkeys(change.data, source)
            if change.effective_on is not None:
                corrected["effective_on"] = source
    return Step(fact, effective_on, entry.position, entry.version, entry.person, entry.causation, corrected or None)


def merged(fact: Fact, change: Mapping[str, Any]) -> Fact:
    """The fact with these fields as they should have been; null removes an optional one.

    Raises Refused when the result is no such fact.
    """
    held = fact.model_dump(mode="json")
    whole = held | dict(change)
    try:
        return type(fact).model_validate_json(
            json.dumps({name: value for name, value in whole.items() if value is not None or name not in held})
        )
    except ValidationError as fault:
        errors = [
            FieldError("/".join(["/data/data", *map(str, error["loc"])]), error["msg"])
            for error in fault.errors(include_url=False, include_input=False)
        ]
        raise Refused(Code.INVALID_FIELDS, "the corrected event would not be valid", errors=errors) from None


def _version(entry: Entry) -> int:
    return entry.version


def _position(entry: Entry) -> int:
    return entry.position


def _effective_on(step: Step[Fact]) -> date:
    return step.effective_on
