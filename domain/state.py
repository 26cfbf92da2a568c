"""What a record's entries leave: its status, its fields, what stands in its lists, and the steps taken.

One immutable shape for every kind of record, so that guards, rules, answers and differences read all of them alike.
A value is the step that gave it: the figure, its day and its entry are never apart.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from datetime import date
from typing import Any, Generic, NamedTuple, TypeVar, cast

from pydantic import BaseModel

from domain.fact import Fact, JsonValue, Person

FactT_co = TypeVar("FactT_co", bound=Fact, covariant=True)


class Source(NamedTuple):
    """The entry whose bytes hold a value, and where in its body the fact's fields are."""

    position: int
    version: int
    pointer: str


class Step(NamedTuple, Generic[FactT_co]):
    """A recorded fact as it stands: corrected where it was, with the rank that its first entry gave it."""

    fact: FactT_co
    effective_on: date
    position: int
    """Of the original entry: on one day the higher one wins, also after a correction."""
    version: int
    person: str | None = None
    """Who recorded it, for the separation of duties."""
    causation: int | None = None
    corrected: Mapping[str, Source] | None = None
    """Where a correction changed it: the fields that corrections gave, each with its entry."""

    def source(self, field: str) -> Source:
        """The entry whose bytes hold this field's value."""
        if self.corrected is not None and field in self.corrected:
            return self.corrected[field]
        return Source(self.position, self.version, "/data")


class Item(NamedTuple):
    """Something that stands in a list: the step that put it there, and the later steps about it."""

    opened: Step[Fact]
    fields: Mapping[str, Step[Fact]]
    """The step that gives each field."""
    later: Mapping[str, Step[Fact]]
    """Later steps about it, by event: a payment's receipt, a title's registration."""

    def value(self, field: str) -> Any:  # noqa: ANN401  # the type is the fact's
        """The field as it stands."""
        return self.fields[field].fact.value(field)


_NOTHING: Mapping[Any, Any] = {}


class State(NamedTuple):
    """A record as the entries folded so far leave it."""

    status: str
    fields: Mapping[str, Step[Fact]] = _NOTHING
    lists: Mapping[str, Mapping[Hashable, Item]] = _NOTHING
    steps: Mapping[str, Step[Fact]] = _NOTHING

    def value(self, field: str) -> Any:  # noqa: ANN401  # the type is the fact's
        """The field as it stands, or None where nothing says."""
        step = self.fields.get(field)
        return None if step is None else step.fact.value(field)

    def items(self, name: str) -> Mapping[Hashable, Item]:
        """What stands in that list, by key."""
        return self.lists.get(name, _NOTHING)

    def become(self, status: str) -> State:
        """The same with another status."""
        return State(status, self.fields, self.lists, self.steps)

    def say(self, step: Step[Fact]) -> State:
        """The fields that the fact gives now stand on this step."""
        return State(self.status, {**self.fields, **said(step)}, self.lists, self.steps)

    def take(self, step: Step[Fact]) -> State:
        """The procedure has taken this step; the last of its kind holds."""
        return State(self.status, self.fields, self.lists, {**self.steps, step.fact.event: step})

    def put(self, name: str, key: Hashable, step: Step[Fact]) -> State:
        """It stands in the list from this step on, replacing what stood under the key."""
        return self._with(name, {**self._without(name, key), key: Item(step, said(step), _NOTHING)})

    def note(self, name: str, key: Hashable, step: Step[Fact]) -> State:
        """A later step about something that stands: what it already says holds, what is new is added."""
        item = self.lists[name][key]
        noted = Item(item.opened, {**said(step), **item.fields}, {**item.later, step.fact.event: step})
        return self._with(name, {**self.lists[name], key: noted})

    def amend(self, name: str, key: Hashable, step: Step[Fact]) -> State:
        """A later step about something that stands, whose fields take the place of the earlier ones."""
        item = self.lists[name][key]
        amended = Item(item.opened, {**item.fields, **said(step)}, {**item.later, step.fact.event: step})
        return self._with(name, {**self.lists[name], key: amended})

    def drop(self, name: str, key: Hashable) -> State:
        """It no longer stands in the list."""
        return self._with(name, self._without(name, key))

    def end(self, name: str, key: Hashable, step: Step[Fact], ended: str) -> State:
        """It no longer stands in the list, and is kept with the step that ended it among what ended."""
        item = self.note(name, key, step).lists[name][key]
        held = {**self.items(ended), (key, step.position): item}
        return State(self.status, self.fields, {**self.lists, name: self._without(name, key), ended: held}, self.steps)

    def _with(self, name: str, items: Mapping[Hashable, Item]) -> State:
        return State(self.status, self.fields, {**self.lists, name: items}, self.steps)

    def _without(self, name: str, key: Hashable) -> Mapping[Hashable, Item]:
        return {held: item for held, item in self.lists.get(name, _NOTHING).items() if held != key}


def said(step: Step[Fact]) -> dict[str, Step[Fact]]:
    """The fields that a fact gives, each standing on this step; a field left out gives nothing."""
    fact = step.fact
    fields = fact if fact.renamed else fact.__dict__.items()  # the same, by the million
    return {field: step for field, value in fields if value is not None}


def json_of(step: Step[Fact], field: str) -> JsonValue:
    """A field's value as JSON; a person's sealed name with the version and place that it was sealed for."""
    value = step.fact.value(field)
    if isinstance(value, str):
        return value
    source = step.source(field)
    return _json(value, source.version, f"{source.pointer}/{field}")


def _json(value: object, version: int, pointer: str) -> JsonValue:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case date():
            return value.isoformat()
        case Person():
            return {"id": value.id, "name": value.name, "sealed": [version, f"{pointer}/name"]}
        case tuple() | list():
            several = cast("Sequence[object]", value)
            return [_json(one, version, f"{pointer}/{index}") for index, one in enumerate(several)]
        case BaseModel():
            return {name: _json(one, version, f"{pointer}/{name}") for name, one in value}
        case dict():
            named = cast("Mapping[str, object]", value)
            return {name: _json(one, version, f"{pointer}/{name}") for name, one in named.items()}
        case _:
            raise TypeError(f"no JSON for {type(value).__name__}")


def provenance(step: Step[Fact], field: str) -> dict[str, JsonValue]:
    """Which entry a value stands on: `position`, `effective_on`, and `corrects` where a correction gave it."""
    position = step.position if step.corrected is None else step.source(field).position
    found: dict[str, JsonValue] = {"position": position, "effective_on": step.effective_on.isoformat()}
    return found if position == step.position else found | {"corrects": step.position}


def step_json(step: Step[Fact]) -> dict[str, JsonValue]:
    """A step as JSON: its position, its day and its fact's fields."""
    stamp: dict[str, JsonValue] = {"position": step.position, "effective_on": step.effective_on.isoformat()}
    if step.corrected is not None:
        stamp["corrected_by"] = sorted({source.position for source in step.corrected.values()})
    return stamp | {field: json_of(step, field) for field, _ in step.fact}


def item_json(item: Item) -> dict[str, JsonValue]:
    """Something in a list as JSON: its fields, the entry that put it there, and later steps about it."""
    shown: dict[str, JsonValue] = {field: None for field, _ in item.opened.fact}
    shown |= {field: json_of(step, field) for field, step in item.fields.items()}
    shown |= {"position": item.opened.position, "effective_on": item.opened.effective_on.isoformat()}
    if item.later:
        shown["steps"] = {event: step_json(step) for event, step in item.later.items()}
    return shown
