"""What every kind of record is made of: its facts, how they fold, what the procedure admits, and whose it is."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, cast

from domain.fact import Fact, JsonValue
from domain.refusals import Code, Refused
from domain.state import State, Step

RECORD_ID = r"[A-Za-z0-9][A-Za-z0-9-]{0,63}"


class Whereabouts(NamedTuple):
    """The record, `KIND/id`, that an entry belongs to, and the instant at which it was recorded."""

    record: str
    recorded_at: datetime


class Records(Protocol):
    """Other records, as guards may look at them: as everything recorded so far leaves them."""

    def state(self, record: str, on: date | None = None) -> State | None:
        """The state of `KIND/id` on a day (None: with all its entries); None where there is no such record."""
        ...

    def referring(self, target: str, kind: str) -> Iterable[str]:
        """The records of that kind whose entries name the target, at most 1,000, by id."""
        ...

    def entry_at(self, position: int) -> Whereabouts | None:
        """Where and when the entry at a position was recorded; None where nothing is recorded there yet."""
        ...

    def new_city_of(self, record: str) -> str | None:
        """The New City that `KIND/id` belongs to; None where it belongs to none, or isn't on record."""
        ...


class Consequence(NamedTuple):
    """What a step brings about in another record, in the same transaction."""

    record: str
    fact: Fact
    effective_on: date


Conditions = Callable[[str, State | None, Step[Any], Records], None]
Consequences = Callable[[str, State, Step[Any], Records], tuple[Consequence, ...]]


def no_conditions(record: str, state: State | None, step: Step[Any], records: Records) -> None:
    """Nothing in other records stands against the step."""


def no_consequences(record: str, state: State, step: Step[Any], records: Records) -> tuple[Consequence, ...]:  # noqa: ARG001
    """The step brings nothing about elsewhere."""
    return ()


def as_folded(state: State, referring: Iterable[State]) -> State:  # noqa: ARG001
    """A record's state says all there is to say."""
    return state


Beside = Callable[[State, Records, date], JsonValue]
"""Something worked out from a record's state on a day and from the other records, as they are on that day."""

_NOTHING: Mapping[str, Callable[[State], JsonValue]] = MappingProxyType({})
_NOTHING_BESIDE: Mapping[str, Beside] = MappingProxyType({})


class Aggregate(NamedTuple):
    """A kind of record. The first of its facts opens it."""

    kind: str
    zh: str
    facts: tuple[type[Fact], ...]
    evolve: Callable[[State | None, Step[Any]], State]
    """Fold one step. Refuses nothing: it has already happened."""
    admit: Callable[[State | None, Step[Any]], None]
    """Refuse a step that the procedure of this record does not allow here. Never called for an opening fact on None,
    nor for another fact before the opening one: `admitted` has settled that."""
    fields: tuple[str, ...] = ()
    """Top-level fields of its state, null where nothing says."""
    lists: tuple[str, ...] = ()
    worked_out: Mapping[str, Callable[[State], JsonValue]] = _NOTHING
    """What its state is shown with beside fields and lists, by name."""
    beside: Mapping[str, Beside] = _NOTHING_BESIDE
    """What its state is shown with that stands in other records, by name."""
    fixed: frozenset[str] = frozenset()
    """Fields of the opening fact that decide id or ownership, and so are never corrected."""
    correctable: bool = True
    not_correctable: frozenset[str] = frozenset()
    """Events that have a procedure of their own instead of corrections."""
    id_pattern: str = RECORD_ID
    parent: tuple[str, str] | None = None
    """The field, and the kind it names, of the record that this one's ownership follows."""
    conditions: Conditions = no_conditions
    """Refuse what the state of other records does not allow."""
    consequences: Consequences = no_consequences
    depends_on: frozenset[str] = frozenset()
    """Kinds of record whose corrections may break this one's conditions."""
    seen_with: str | None = None
    """The kind of the records referring to this one that its status is seen with."""
    overlay: Callable[[State, Iterable[State]], State] = as_folded

    @property
    def opening(self) -> type[Fact]:
        """The fact that opens a record of this kind."""
        return self.facts[0]

    @property
    def keeps_all(self) -> bool:
        """Whether a history of this kind holds all entries: no fact of it counts by its latest alone."""
        return not any(fact.latest_only for fact in self.facts)

    def fact(self, event: str) -> type[Fact] | None:
        """The fact that an event's API name stands for in this kind of record."""
        return next((fact for fact in self.facts if fact.event == event), None)

    def admits(self, state: State | None, step: Step[Any]) -> None:
        """Refuse a step that this record, as it is just before it, does not allow."""
        opens = isinstance(step.fact, self.opening)
        if opens and state is not None:
            raise Refused(Code.ALREADY_OPEN, "an opening event stands already in this record")
        if not opens and state is None:
            raise Refused(
                Code.BEFORE_OPENING,
                f"{step.fact.event} is dated {step.effective_on}, before the event that opens the record",
                clause=step.fact.under,
            )
        self.admit(state, step)


def standing(state: State, name: str, key: Hashable, step: Step[Any]) -> None:
    """Refuse a step about something that does not stand in the list."""
    if key not in state.items(name):
        raise Refused(
            Code.NOT_STANDING,
            f"no {_named(key)} stands in {name} on {step.effective_on}",
            clause=step.fact.under,
        )


def not_standing(state: State, name: str, key: Hashable, step: Step[Any]) -> None:
    """Refuse a step that puts into a list what stands there already."""
    held = state.items(name).get(key)
    if held is not None:
        raise Refused(
            Code.ALREADY_STANDING,
            f"{_named(key)} stands in {name} since {held.opened.effective_on}",
            clause=step.fact.under,
            positions=(held.opened.position,),
        )


def _named(key: Hashable) -> str:
    return " ".join(map(str, cast("tuple[object, ...]", key))) if isinstance(key, tuple) else str(key)


def after(state: State, required: str, step: Step[Any]) -> None:
    """Refuse a step that comes before the one it follows."""
    if required not in state.steps:
        raise Refused(
            Code.OUT_OF_ORDER,
            f"{step.fact.event} on {step.effective_on} follows {required}, which is not on record by then",
            clause=step.fact.under,
        )


def status_in(state: State, allowed: Iterable[str], step: Step[Any]) -> None:
    """Refuse a step that this status does not allow."""
    if state.status not in allowed:
        raise Refused(
            Code.OUT_OF_ORDER,
            f"{step.fact.event} on {step.effective_on}: the record is {state.status}; it must be "
            + " or ".join(allowed),
            clause=step.fact.under,
        )


def still_open(state: State, ended: Iterable[str], step: Step[Any]) -> None:
    """Refuse a step that follows the one that ended the record."""
    if state.status in ended:
        raise Refused(
            Code.CLOSED,
            f"{step.fact.event} on {step.effective_on}: the record is {state.status} by then",
            clause=step.fact.under,
        )


def by_kind(aggregates: Iterable[Aggregate]) -> Mapping[str, Aggregate]:
    """The aggregates by their kind."""
    return {aggregate.kind: aggregate for aggregate in aggregates}
