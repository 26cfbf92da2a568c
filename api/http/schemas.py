"""Schemas of what is recorded and read, from the vocabulary: JSON Schema 2020-12, as OpenAPI 3.1 has it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from pydantic import ValidationError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema
from typing_extensions import override

from api.http.problems import CODES
from application.filling import FILLED
from domain.aggregate import Aggregate
from domain.fact import Fact
from domain.offices import Authority
from domain.records import AGGREGATES, OWN_NAMES, VOCABULARY

Schema = dict[str, Any]

REF: Final = "#/components/schemas/"
ENVELOPE: Final = ("document", "evidence", "note")
SAMPLE: Final = "示例"

_BY_PATTERN: Final[Mapping[str, object]] = {
    "^[0-9a-f]{64}$": "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
    "^[a-z0-9-]{3,32}$": "p-0001",
    r"^(0|[1-9]\d{0,12})(\.\d{1,2})?$": "1234.50",
    "^[A-Za-z0-9][A-Za-z0-9-]{0,63}$": "610112002001",
    "^[a-z-]{3,32}/[A-Za-z0-9][A-Za-z0-9-]{0,63}$": "communities/610112002001",
    r"^(100\.00|[1-9]?\d\.\d\d)$": "97.40",
}
_BY_FIELD: Final[Mapping[str, object]] = {
    "communities": ["610112002001", "610112002002"],
    "eligible": 900,
    "in_favour": 610,
    "new_city": "fengdong",
    "office": "township:610112002",
    "parameters": {"year": 2020},
    "present": 800,
    "roles": ["recorder"],
    "township_code": "610112002",
    "voted": 700,
    "year": 2020,
}
_OF_CORRECTION: Final[Schema] = {"version": 2, "data": {"households": 1180}, "reasons": SAMPLE}
_WHO: Final[Mapping[str, str]] = {
    "new-area": "新区",
    "new-city": "新城",
    "township": "街镇",
    "community": "社区",
    "inspectorate": "督查部门",
    "arbiter": "仲裁员",
    "administrator": "管理员",
    "system": "系统",
    "civil-affairs": "民政",
    "finance": "财政",
    "natural-resources": "自然资源",
    "planning": "规划",
    "committee": "管委会",
}


class Described(NamedTuple):
    """An event's schema, under its name, with the schemas that it refers to."""

    name: str
    schema: Schema
    parts: Mapping[str, Schema]


def reference(name: str) -> Schema:
    """The schema of that name."""
    return {"$ref": REF + name}


def of_events() -> dict[str, Schema]:
    """A schema for every recordable event, and for their parts, by name."""
    found: dict[str, Schema] = {}
    for kind in AGGREGATES:
        for event in VOCABULARY.events(kind):
            described = of_event(kind, event)
            found |= described.parts
            found[described.name] = described.schema
    return found


@cache
def of_event(kind: str, event: str) -> Described:
    """The schema of what records an event.

    It is called as the event is; where an earlier kind of record has another event of that name, with the kind before.
    """
    fact = VOCABULARY.fact(kind, event)
    if fact is None:
        raise KeyError(event)
    first = next(other for other in AGGREGATES if VOCABULARY.fact(other, event) is not None)
    name = event if VOCABULARY.fact(first, event) is fact else f"{kind}.{event}"
    content = VOCABULARY.content(kind, fact.stored_as).model_json_schema(
        ref_template=REF + "{model}", schema_generator=_Portable
    )
    parts: dict[str, Schema] = content["$defs"]
    fields = parts.pop(event)
    fields.pop("description", None)
    said: Schema = {one: content["properties"][one] for one in ("effective_on", *ENVELOPE)}
    schema: Schema = {
        "title": fact.zh,
        "description": _described(fact),
        "type": "object",
        "required": ["type", "effective_on", "data"],
        "properties": {"type": {"const": event}, "effective_on": said.pop("effective_on"), "data": fields, **said},
        "additionalProperties": False,
    }
    shown = _OF_CORRECTION if event == "EventCorrected" else _example_of(fields, parts)
    if _is_valid(fact, shown):
        schema["examples"] = [{"type": event, "effective_on": "2020-06-30", "data": shown}]
    if event in FILLED:
        fields["required"] = [name for name in fields["required"] if name not in FILLED[event]]
    if fact.clause is not None:
        schema["x-clause"] = fact.clause
    return Described(name, schema, parts)


def of_kind(kind: str) -> Schema:
    """Any event of a kind of record, told apart by its type."""
    names = {event: of_event(kind, event).name for event in VOCABULARY.events(kind)}
    return {
        "title": f"{AGGREGATES[kind].zh}事项",
        "oneOf": [reference(name) for name in names.values()],
        "discriminator": {"propertyName": "type", "mapping": {event: REF + name for event, name in names.items()}},
    }


def of_state(aggregate: Aggregate) -> Schema:
    """The state of a record of a kind."""
    shown: Schema = {
        "id": {"type": "string"},
        "kind": {"const": aggregate.kind},
        "version": {"type": "integer", "minimum": 1, "description": "How many entries the record has."},
        "status": {"type": "string"},
    }
    for field in aggregate.fields:
        schema = _of_field(aggregate, field)
        null: Schema = {"type": "null"}
        nullable = schema if null in schema.get("anyOf", ()) else {"anyOf": [schema, null]}
        shown[f"registered_{field}" if field in OWN_NAMES else field] = nullable
    shown |= {name: {"type": "array", "items": {"type": "object"}} for name in aggregate.lists}
    shown |= {name: {} for name in (*aggregate.worked_out, *aggregate.beside)}
    shown |= {
        "steps": {"type": "object", "additionalProperties": {"type": "object"}},
        "values": {"type": "object", "additionalProperties": reference("Source")},
    }
    return closed(aggregate.zh, shown)


def closed(title: str, required: Schema, optional: Schema | None = None) -> Schema:
    """An object with these members."""
    return {
        "title": title,
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
    }


def shared() -> dict[str, Schema]:
    """The schemas that answers of all kinds are made of."""
    position: Schema = {"type": "integer", "minimum": 1}
    day: Schema = {"type": "string", "format": "date"}
    digest: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    by: Schema = {
        "person": {"type": "string"},
        "name": {"type": ["string", "null"]},
        "office": {"type": ["string", "null"]},
        "bureau": {"type": ["string", "null"]},
        "roles": {"type": "array", "items": {"type": "string"}},
        "erased": {"const": True},
    }
    entry: Schema = {
        "position": position,
        "record": {"type": "string", "examples": ["communities/610112002001"]},
        "version": position,
        "type": {"type": "string", "examples": ["HouseholdsCounted"]},
        "clause": {"type": ["string", "null"]},
        "effective_on": day,
        "recorded_at": {"type": "string", "format": "date-time", "examples": ["2021-03-01T01:00:00.000001Z"]},
        "recorded_by": closed("经办", {"account": {"type": "string"}}, by),
        "data": {"type": "object"},
        "document": {"anyOf": [reference("Document"), {"type": "null"}]},
        "evidence": {"type": "array", "items": digest},
        "note": {"type": ["string", "null"]},
        "correlation_id": {"type": "string", "format": "uuid"},
        "causation_id": {"type": ["integer", "null"], "description": "The position of the entry that caused it."},
        "leaf_hash": digest,
    }
    provenance: Schema = {
        "position": {
            "type": "integer",
            "minimum": 0,
            "description": "The last entry that the answer takes account of.",
        },
        "known_at": {"type": ["string", "null"], "format": "date-time"},
        "on": day,
        "scheme": {"type": ["string", "null"]},
        "checkpoint": {"anyOf": [reference("Head"), {"type": "null"}]},
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
    standing: Schema = {
        "errors": {"type": "array", "items": closed("字段", error)},
        "clause": {"type": "string", "examples": ["3.1"]},
        "positions": {"type": "array", "items": position},
    }
    change: Schema = {
        "field": {"type": "string"},
        "from": {},
        "to": {},
        "entries": {"type": "array", "items": position},
    }
    text: Schema = {"type": "string"}
    disclosed: Schema = {
        "type": "array",
        "items": closed("披露", {"position": position, "recipient": text}),
        "description": "Who was given keys of the person's names before, and the entries that say so.",
    }
    marks: Schema = {
        "corrected_by": {"type": "array", "items": position},
        "retracted_by": {"type": ["integer", "null"]},
        "sealed": reference("Sealed"),
        "receipt": closed(
            "清除回执", {"destroyed": text, "not_reached": {"type": "array", "items": text}, "disclosed_to": disclosed}
        ),
    }
    size: Schema = {"type": "integer", "minimum": 0}
    hashes: Schema = {"type": "array", "items": digest}
    head: Schema = {"size": size, "root_hash": digest, "origin": text}
    inclusion: Schema = {
        "position": position,
        "index": size,
        "size": size,
        "leaf_hash": digest,
        "root_hash": digest,
        "hashes": hashes,
    }
    consistency: Schema = {
        "from": size,
        "to": size,
        "from_root_hash": digest,
        "to_root_hash": digest,
        "hashes": hashes,
    }
    signature = closed("签名", {"name": text, "key_id": {"type": "string", "pattern": "^[0-9a-f]{8}$"}})
    signed: Schema = {
        **head,
        "note": text,
        "signatures": {"type": "array", "items": signature},
        "witnessed": {"type": ["boolean", "null"]},
        "cosigned_by": {"type": "array", "items": text},
    }
    return {
        "Head": closed("检查点的树", head),
        "Sealed": closed("已封存", {**head, "index": size, "hashes": hashes, "proof": text}),
        "Checkpoint": closed("检查点", signed),
        "Inclusion": closed("收录证明", inclusion),
        "Consistency": closed("一致性证明", consistency),
        "Entry": closed("条目", entry, marks),
        "Provenance": closed("依据", provenance),
        "Source": closed("出处", {"position": position, "effective_on": day}, {"corrects": position}),
        "Change": closed("变化", change),
        "Problem": closed("问题", problem, standing),
    }


class _Portable(GenerateJsonSchema):
    """Fields without titles that only repeat their names, and with patterns that every dialect of regex knows."""

    @override
    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        shown = super().str_schema(schema)
        if "pattern" in shown:
            shown["pattern"] = shown["pattern"].replace(r"\p{Cc}", r"\x00-\x1f\x7f-\x9f")
        return shown

    @override
    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _of_field(aggregate: Aggregate, field: str) -> Schema:
    for fact in aggregate.facts:
        fields: Schema = of_event(aggregate.kind, fact.event).schema["properties"]["data"]["properties"]
        if field in fields:
            found: Schema = fields[field]
            return found
    raise KeyError(field)


def _described(fact: type[Fact]) -> str:
    lines = [inspect.getdoc(fact) or ""]
    if fact.clause is not None:
        lines.append(f"依据意见第{fact.clause}条。")
    if fact.event not in ("EventCorrected", "EventRetracted"):
        lines.append(f"登记: {'、'.join(map(_authority, fact.by))}。")
    return "\n\n".join(lines)


def _authority(one: Authority) -> str:
    return _WHO[one.who] + ("" if one.bureau is None else _WHO[one.bureau])


def _is_valid(fact: type[Fact], shown: object) -> bool:
    """Whether the fact takes the example; where it asks more than its schema can say, there is none."""
    try:
        fact.model_validate_json(json.dumps(shown))
    except ValidationError:
        return False
    return True


def _example_of(fields: Schema, parts: Mapping[str, Schema]) -> Schema:
    return {name: _example(name, fields["properties"][name], parts) for name in fields.get("required", ())}


def _example(name: str, schema: Schema, parts: Mapping[str, Schema]) -> object:  # noqa: PLR0911  # one case a type
    if name in _BY_FIELD:
        return _BY_FIELD[name]
    match schema:
        case {"$ref": str(target)}:
            return _example_of(parts[target.removeprefix(REF)], parts)
        case {"enum": [first, *_]} | {"const": first}:
            return first
        case {"anyOf": [first, *_]}:
            return _example(name, first, parts)
        case {"type": "array", "items": items}:
            return [_example("", items, parts)]
        case {"type": "integer", **more}:
            return max(1, int(str(more.get("minimum", 1))))
        case {"type": "boolean"}:
            return True
        case {"format": "date"}:
            return "2020-12-31"
        case {"pattern": str(pattern)}:
            return _BY_PATTERN.get(pattern, SAMPLE)
        case _:
            return SAMPLE
