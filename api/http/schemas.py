"""Schemas of what is recorded, read from the vocabulary: JSON Schema 2020-12, as OpenAPI 3.1 has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, cast

from api.http.problems import CODES
from domain.aggregate import Aggregate
from domain.fact import Fact
from domain.offices import Authority
from domain.records import AGGREGATES, OWN_NAMES, VOCABULARY

Schema = dict[str, Any]

REF: Final = "#/components/schemas/"
ENVELOPE: Final = ("document", "evidence", "note")

_EXAMPLES: Final[Mapping[str, object]] = {
    "^[0-9a-f]{64}$": "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
    "^[a-z0-9-]{3,32}$": "p-0001",
    r"^(0|[1-9]\d{0,12})(\.\d{1,2})?$": "1234.50",
    "^[0-9A-HJ-NPQRTUWXY]{18}$": "91610000MA6TXXXX0X",
    "^[A-Za-z0-9][A-Za-z0-9-]{0,63}$": "610112002001",
    r"^[a-z-]{3,32}/[A-Za-z0-9][A-Za-z0-9-]{0,63}$": "communities/610112002001",
}
_FIELD_EXAMPLES: Final[Mapping[str, object]] = {
    "new_city": "fengdong",
    "office": "township:610112002",
    "origin": "example.org/taizhang",
    "year": 2020,
    "township_code": "610112002",
    "parameters": {"year": 2020},
    "corrected": {"households": 1180},
}
_NO_EXAMPLE: Final = frozenset({"LedgerOpened", "SigningKeyRotated"})
"""Events with a signing key: an example of one would be taken for a key."""


def reference(name: str) -> Schema:
    """The schema of that name."""
    return {"$ref": REF + name}


def of_events() -> dict[str, Schema]:
    """A schema for every recordable event, by its name, with the schemas that these refer to.

    Two kinds of record may each have an event of one name: where their fields differ, the later kind's is named for it.
    """
    found: dict[str, Schema] = {}
    for kind in AGGREGATES:
        for event in VOCABULARY.events(kind):
            name, schema, parts = _event(kind, event)
            found |= parts
            found[name] = schema
    return found


def component(kind: str, event: str) -> str:
    """The name of an event's schema."""
    first = next(other for other in AGGREGATES if VOCABULARY.fact(other, event) is not None)
    return event if _same(VOCABULARY.fact(first, event), VOCABULARY.fact(kind, event)) else f"{kind}.{event}"


def of_kind(kind: str) -> Schema:
    """Any event of a kind of record, told apart by `type`."""
    names = {event: component(kind, event) for event in VOCABULARY.events(kind)}
    return {
        "title": f"{AGGREGATES[kind].zh}事项",
        "oneOf": [reference(name) for name in names.values()],
        "discriminator": {"propertyName": "type", "mapping": {event: REF + name for event, name in names.items()}},
    }


def of_state(aggregate: Aggregate) -> Schema:
    """The state of a record of a kind, as it is read."""
    properties: Schema = {
        "id": {"type": "string"},
        "kind": {"const": aggregate.kind},
        "version": {"type": "integer", "minimum": 1, "description": "条目数，与日期无关 · How many entries it has."},
        "status": {"type": "string"},
    }
    for field in aggregate.fields:
        shown = f"registered_{field}" if field in OWN_NAMES else field
        properties[shown] = {"anyOf": [_field(aggregate, field), {"type": "null"}]}
    for name in (*aggregate.lists, *aggregate.worked_out):
        items: Schema = {} if name in aggregate.worked_out else {"items": {"type": "object"}}
        properties[name] = {"type": "array", **items}
    properties |= {
        "steps": {"type": "object", "additionalProperties": {"type": "object"}},
        "values": {"type": "object", "additionalProperties": reference("Source")},
    }
    return {
        "title": aggregate.zh,
        "type": "object",
        "required": list(properties),
        "properties": properties,
    }


def example(kind: str, event: str) -> Schema | None:
    """A body that records the event, its fields valid; None for an event that has no example."""
    if event in _NO_EXAMPLE:
        return None
    fact = VOCABULARY.fact(kind, event)
    if fact is None:
        raise KeyError(event)
    _, schema, parts = _event(kind, event)
    fields: Schema = parts[f"{schema['title']}Fields"] if False else schema["properties"]["data"]
    shown = {name: _example(name, one, parts) for name, one in fields["properties"].items() if name in _said(fields)}
    return {"type": event, "effective_on": "2020-06-30", "data": shown}


def shared() -> dict[str, Schema]:
    """The schemas that every answer is made of."""
    position: Schema = {"type": "integer", "minimum": 1}
    nullable_text: Schema = {"type": ["string", "null"]}
    entry: Schema = {
        "position": position,
        "record": {"type": "string", "examples": ["communities/610112002001"]},
        "version": position,
        "type": {"type": "string", "examples": ["HouseholdsCounted"]},
        "clause": nullable_text,
        "effective_on": {"type": "string", "format": "date"},
        "recorded_at": {"type": "string", "format": "date-time", "examples": ["2021-03-01T01:00:00.000001Z"]},
        "recorded_by": {"type": "object", "properties": {"account": {"type": "string"}}, "required": ["account"]},
        "data": {"type": "object"},
        "document": {"anyOf": [reference("Document"), {"type": "null"}]},
        "evidence": {"type": "array", "items": {"type": "string", "pattern": "^[0-9a-f]{64}$"}},
        "note": nullable_text,
        "correlation_id": {"type": "string", "format": "uuid"},
        "causation_id": {"type": ["integer", "null"], "description": "The position of the entry that caused it."},
        "leaf_hash": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    }
    provenance: Schema = {
        "position": {"type": "integer", "minimum": 0, "description": "The last entry that the answer takes account of."},
        "known_at": {"type": ["string", "null"], "format": "date-time"},
        "on": {"type": "string", "format": "date"},
        "scheme": nullable_text,
        "checkpoint": {"type": ["object", "null"]},
    }
    problem: Schema = {
        "type": {"type": "string", "format": "uri-reference", "examples": ["/problems/already-open"]},
        "code": {"type": "string", "enum": sorted(CODES)},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri"},
    }
    error: Schema = {"pointer": {"type": "string", "format": "json-pointer"}, "detail": {"type": "string"}}
    source: Schema = {"position": position, "effective_on": {"type": "string", "format": "date"}}
    return {
        "Entry": _object("条目", entry),
        "Provenance": _object("依据", provenance),
        "Source": _object("出处", source, {"corrects": position}),
        "Change": _object(
            "变化",
            {"field": {"type": "string"}, "from": {}, "to": {}, "entries": {"type": "array", "items": position}},
        ),
        "Problem": _object(
            "问题 (RFC 9457)",
            problem,
            {
                "errors": {"type": "array", "items": _object("字段", error)},
                "clause": {"type": "string", "examples": ["3.1"]},
                "positions": {"type": "array", "items": position},
            },
        ),
    }


def _object(title: str, required: Schema, optional: Schema | None = None) -> Schema:
    return {
        "title": title,
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
    }


@cache
def _event(kind: str, event: str) -> tuple[str, Schema, dict[str, Schema]]:
    fact = VOCABULARY.fact(kind, event)
    if fact is None:
        raise KeyError(event)
    content = VOCABULARY.content(kind, fact.stored_as).model_json_schema(ref_template=REF + "{model}")
    parts: dict[str, Schema] = {name: _plain(one) for name, one in content["$defs"].items()}
    fields = parts.pop(event)
    fields.pop("description", None)
    envelope = _plain(content)["properties"]
    schema: Schema = {
        "title": fact.zh,
        "description": _described(fact),
        "type": "object",
        "required": ["type", "effective_on", "data"],
        "properties": {"type": {"const": event}, "effective_on": envelope["effective_on"], "data": fields}
        | {name: envelope[name] for name in ENVELOPE},
        "additionalProperties": False,
    }
    if fact.clause is not None:
        schema["x-clause"] = fact.clause
    return component(kind, event), schema, parts
