"""Every kind of record in one place: the log's vocabulary, whose a record is, and its state as JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from domain.account import ACCOUNT
from domain.aggregate import Aggregate, Records, by_kind
from domain.assessment import ASSESSMENT
from domain.community import COMMUNITY
from domain.conversion_case import CONVERSION_CASE
from domain.corrections import EventCorrected, EventRetracted
from domain.dispute import DISPUTE
from domain.entry import Vocabulary
from domain.estate import ESTATE
from domain.fact import Fact, JsonValue
from domain.funding_allocation import FUNDING_ALLOCATION
from domain.inspection import INSPECTION
from domain.ledger import LEDGER
from domain.new_area import NEW_AREA
from domain.new_city import NEW_CITY
from domain.offices import Scope
from domain.refusals import Code, Refused
from domain.rules import RULES
from domain.scheme import schemes
from domain.state import State, item_json, json_of, provenance, step_json
from domain.village import VILLAGE

AGGREGATES: Mapping[str, Aggregate] = by_kind(
    (
        NEW_AREA,
        NEW_CITY,
        COMMUNITY,
        VILLAGE,
        CONVERSION_CASE,
        ESTATE,
        FUNDING_ALLOCATION,
        schemes(RULES),
        INSPECTION,
        ASSESSMENT,
        DISPUTE,
        ACCOUNT,
        LEDGER,
    )
)
"""The kinds of record, in the catalogue's order."""

VOCABULARY = Vocabulary(
    {
        kind: (*one.facts, EventCorrected, EventRetracted) if one.correctable else one.facts
        for kind, one in AGGREGATES.items()
    }
)
"""Every stored name that the log knows, per kind of record."""

OWN_NAMES = frozenset({"id", "kind", "version", "status"})
"""What a record's state says of the record itself; a field of the same name is shown as `registered_<field>`."""


def aggregate(kind: str) -> Aggregate:
    """What records of this kind are made of. Raises Refused (not-found) where there is no such kind."""
    found = AGGREGATES.get(kind)
    if found is None:
        raise Refused(Code.NOT_FOUND, f"there is no kind of record called {kind}")
    return found


def record_kind(record: str) -> tuple[str, str]:
    """The kind and the id that `KIND/id` names.

    Raises Refused: not-found for a kind that there is not, bad-record-id for an id that no record of it can have.
    """
    kind, _, record_id = record.partition("/")
    pattern = aggregate(kind).id_pattern
    if not re.fullmatch(pattern, record_id, re.ASCII):
        raise Refused(Code.BAD_RECORD_ID, f"{record_id!r} is no id in {kind}: it must match {pattern}")
    return kind, record_id


def scope_of(record: str, said: State | Fact, records: Records) -> Scope:
    """Whose the record is, by its state or by the fact that opens it.

    A record that another one owns is its owner's; where the owner is not on record, nobody's.
    """
    kind, _, record_id = record.partition("/")
    parent = aggregate(kind).parent
    if parent is not None:
        field, owner_kind = parent
        owner = f"{owner_kind}/{_value(said, field)}"
        state = records.state(owner)
        return Scope() if state is None else scope_of(owner, state, records)
    return Scope(
        new_city=record_id if kind == "new-cities" else _value(said, "new_city"),
        township=_value(said, "township_code"),
        community=record_id if kind == "communities" else None,
    )


def new_city_of(record: str, records: Records) -> str | None:
    """The New City that a record on record belongs to; None where it belongs to none, or isn't on record."""
    state = records.state(record)
    return None if state is None else scope_of(record, state, records).new_city


def _value(said: State | Fact, field: str) -> str | None:
    value: str | None = said.value(field) if isinstance(said, State) else getattr(said, field, None)
    return value


def state_json(aggregate: Aggregate, record_id: str, version: int, state: State) -> dict[str, JsonValue]:
    """A record's state as clients see it: its fields or null, its lists as they came to stand, its steps.

    `values` says on which entry each field stands that has a value. Names of persons are still sealed.
    """
    shown: dict[str, JsonValue] = {
        "id": record_id,
        "kind": aggregate.kind,
        "version": version,
        "status": state.status,
    }
    values: dict[str, JsonValue] = {}
    for field in aggregate.fields:
        name = f"registered_{field}" if field in OWN_NAMES else field
        step = state.fields.get(field)
        shown[name] = None if step is None else json_of(step, field)
        if step is not None:
            values[name] = provenance(step, field)
    for name in aggregate.lists:
        shown[name] = [item_json(item) for item in state.items(name).values()]
    for name, work_out in aggregate.worked_out.items():
        shown[name] = work_out(state)
    shown["steps"] = {event: step_json(step) for event, step in state.steps.items()}
    shown["values"] = values
    return shown


def shown_beside(aggregate: Aggregate, state: State, records: Records, on: date) -> dict[str, JsonValue]:
    """What a record's state on a day is shown with that stands in other records, by name."""
    return {name: work_out(state, records, on) for name, work_out in aggregate.beside.items()}
