"""Fields of forms, made from the event classes themselves: what is asked, how it is typed in, how it is read back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, Literal, NamedTuple, TypeAlias, cast

from api.web.words import Words
from application.filling import FILLED
from domain.fact import Fact

Control: TypeAlias = Literal[
    "text", "area", "integer", "decimal", "date", "choice", "yes-no", "lines", "people", "json"
]

LONG: Final = frozenset(
    {"reasons", "grounds", "statement", "minutes", "observed", "description", "text", "opinion", "summary", "changes"}
)
"""Fields that hold sentences rather than a name."""
LONGEST: Final = 20_000
"""Characters of one field as it is typed in."""

_INTEGER = re.compile(r"-?\d{1,18}")
_PERSON = re.compile(r"(\S+)\s+(.+)")


class Spec(NamedTuple):
    """One thing that a form asks for."""

    path: tuple[str, ...]
    """Where it stands in the event's data: `("organisation", "name")`."""
    control: Control
    required: bool
    options: tuple[str, ...] = ()
    refers_to: str | None = None
    """The kind of record that it names."""
    of_person: bool = False

    @property
    def name(self) -> str:
        """The name that the form sends it under."""
        return ".".join(("data", *self.path))

    @property
    def label(self) -> str:
        """The name that its label stands under."""
        return self.path[-1] if len(self.path) == 1 or self.path[-1] != "name" else self.path[0]


@cache
def specs(fact: type[Fact]) -> tuple[Spec, ...]:
    """What a form for the event asks for, in the order of its class."""
    schema: dict[str, Any] = fact.model_json_schema()
    filled = FILLED.get(fact.event, ())
    refers = dict(fact.references)
    found: list[Spec] = []
    for field, described in schema["properties"].items():
        required = field in schema.get("required", ()) and field not in filled
        found += _specs((field,), described, schema.get("$defs", {}), refers.get(field), required=required)
    return tuple(found)


def _specs(
    path: tuple[str, ...],
    described: Mapping[str, Any],
    parts: Mapping[str, Any],
    refers_to: str | None,
    *,
    required: bool,
) -> list[Spec]:
    shape = _of(described, parts)
    if shape.get("type") == "object" and "properties" in shape:
        asked, of_person = shape.get("required", ()), "id" in shape["properties"]
        return [
            one._replace(of_person=of_person)
            for name, inner in shape["properties"].items()
            for one in _specs((*path, name), inner, parts, None, required=required and name in asked)
        ]
    control, options = _control(path[-1], shape, parts)
    return [Spec(path, control, required, options, refers_to if refers_to != "*" else None)]


def _of(described: Mapping[str, Any], parts: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema itself, behind what it refers to and where it may be null."""
    if "anyOf" in described:
        described = next(one for one in described["anyOf"] if one.get("type") != "null")
    if "$ref" in described:
        described = parts[described["$ref"].rpartition("/")[2]]
    return described


def _control(name: str, shape: Mapping[str, Any], parts: Mapping[str, Any]) -> tuple[Control, tuple[str, ...]]:
    match shape:
        case {"enum": options} | {"const": str() as options}:
            return "choice", (options,) if isinstance(options, str) else tuple(map(str, options))
        case {"type": "boolean"}:
            return "yes-no", ()
        case {"type": "integer"}:
            return "integer", ()
        case {"type": "array", "items": items}:
            return _several(_of(items, parts))
        case {"type": "string"}:
            return _of_text(name, shape), ()
        case _:
            return "json", ()


def _several(inner: Mapping[str, Any]) -> tuple[Control, tuple[str, ...]]:
    if inner.get("type") in {"string", "integer"}:
        return "lines", tuple(map(str, inner.get("enum", ())))
    return ("people" if {"id", "name"} == inner.get("properties", {}).keys() else "json"), ()


def _of_text(name: str, shape: Mapping[str, Any]) -> Control:
    if shape.get("format") == "date":
        return "date"
    if str(shape.get("pattern")).startswith("^(0|[1-9]"):
        return "decimal"
    return "area" if name in LONG else "text"


def read(spec: Spec, typed: str) -> Any:  # noqa: ANN401, PLR0911  # the JSON that the class then checks
    """What was typed in, as JSON; None where it was left empty."""
    text = typed.strip()
    if not text:
        return None
    match spec.control:
        case "integer":
            return int(text) if _INTEGER.fullmatch(text) else text
        case "yes-no":
            return {"true": True, "false": False}.get(text, text)
        case "lines":
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            numbers = spec.path[-1] in {"positions", "evidence_positions"}
            return [int(one) if numbers and _INTEGER.fullmatch(one) else one for one in lines]
        case "people":
            found = (_PERSON.fullmatch(line.strip()) for line in text.splitlines() if line.strip())
            return [{"id": one[1], "name": one[2]} if one else {} for one in found]
        case "json":
            try:
                return json.loads(text)
            except ValueError:
                return text
        case _:
            return " ".join(text.split())


def write(spec: Spec, data: Mapping[str, Any]) -> str:
    """The field of an event's data as it would have been typed in."""
    value: Any = data
    for name in spec.path:
        value = cast("Mapping[str, Any]", value).get(name) if isinstance(value, Mapping) else None
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list() if spec.control == "people":
            return "\n".join(f"{one['id']} {one['name']}" for one in cast("list[Mapping[str, str]]", value))
        case list() if spec.control == "lines":
            return "\n".join(map(str, cast("list[object]", value)))
        case dict() | list():
            return json.dumps(value, ensure_ascii=False, indent=1)
        case _:
            return str(value)


def data_of(asked: Sequence[Spec], typed: Mapping[str, str]) -> dict[str, Any]:
    """The event's data that a form was filled in with; what was left empty is left out."""
    data: dict[str, Any] = {}
    for spec in asked:
        value = read(spec, typed.get(spec.name, ""))
        if value is None:
            continue
        at = data
        for name in spec.path[:-1]:
            at = at.setdefault(name, {})
        at[spec.path[-1]] = value
    return data


def fault(spec: Spec | None, error: Mapping[str, Any], words: Words) -> str:
    """What is wrong with a field, in the reader's language; `error` is pydantic's."""
    kind = str(error["type"])
    figures = {name: value for name, value in error.get("ctx", {}).items() if isinstance(value, int | str)}
    if kind == "string_pattern_mismatch" and spec is not None:
        return (
            words("fault.decimal") if spec.control == "decimal" else words(_PATTERNS.get(spec.path[-1], "fault.form"))
        )
    if kind == "value_error" and "18-digit" in str(error["msg"]):
        return words("fault.resident_number")
    group = _KINDS.get(kind)
    if group is None:
        return words("fault.form")
    return words(f"fault.{group}", **figures) if figures else words(f"fault.{group}")


_PATTERNS: Final = {"id": "fault.code", "uscc": "fault.uscc", "sha256": "fault.sha256", "points": "fault.points"}
_KINDS: Final = {
    "missing": "missing",
    "string_too_short": "missing",
    "string_too_long": "string_too_long",
    "int_type": "integer",
    "int_from_float": "integer",
    "greater_than_equal": "greater_than_equal",
    "less_than_equal": "less_than_equal",
    "literal_error": "choice",
    "bool_type": "choice",
    "date_from_datetime_parsing": "date",
    "date_type": "date",
    "date_parsing": "date",
    "too_short": "missing",
    "too_long": "too_long",
}
