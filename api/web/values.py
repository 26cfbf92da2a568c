"""Values as people read them: labels, links to the records that they name, units, names of persons."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, Final, Literal, NamedTuple

from markupsafe import Markup, escape

from api.web import formatting
from api.web.offices import Offices
from api.web.visit import Visit
from application.asking import Asking
from domain.fact import JsonValue
from domain.records import AGGREGATES
from domain.refusals import Refused
from domain.rules import RULES

MONEY: Final = frozenset({"amount", "total"})
AREAS: Final = frozenset({"area"})
DIGESTS: Final = frozenset({"sha256", "root_hash"})
POSITIONS: Final = frozenset({"evidence_positions", "positions", "computed_at", "supersedes"})
CLAUSES: Final = frozenset({"clause", "about_clause"})
OWN_NAMES: Final = {"communities": "name", "villages": "name", "estates": "name", "conversion-cases": "community_name"}
"""Kinds of record with a name of their own, and the field that has it."""


@cache
def references() -> dict[str, str]:
    """The kind of record that a field names, by field."""
    return {
        field: kind
        for aggregate in AGGREGATES.values()
        for fact in aggregate.facts
        for field, kind in fact.references
        if kind != "*"
    }


class Chip(NamedTuple):
    """A value with its label."""

    label: str
    value: Markup


class Values:
    """Writes values for one page."""

    def __init__(self, asking: Asking, visit: Visit) -> None:
        self._asking = asking
        self._visit = visit
        self._t = visit.words
        self._f = visit.format
        self.offices = Offices(asking, visit.reader, visit.moment, visit.words)
        self._names: dict[str, str] = {}

    def chips(self, data: dict[str, Any], without: Iterable[str] = ()) -> list[Chip]:
        """The fields of a fact that say something, in their order."""
        skipped = frozenset(without)
        return [
            Chip(self.label(name), self.value(name, value))
            for name, value in data.items()
            if value is not None and name not in skipped
        ]

    def label(self, field: str) -> str:
        """What a field is called."""
        group, _, key = field.partition("/")
        if key and group == "steps":
            return next((self._t.event(kind, key) for kind in AGGREGATES if AGGREGATES[kind].fact(key)), key)
        if key:
            return f"{self._t.named('items', group)} {key}"
        return self._t.named("field", field)

    def value(self, field: str, value: JsonValue) -> Markup:  # noqa: PLR0911  # one case a shape of JSON
        """A value of a field."""
        match value:
            case None:
                return escape(self._t("unsaid"))
            case bool():
                return escape(self._t("yes") if value else self._t("no"))
            case dict():
                return self._object(value)
            case list():
                shown = [self.value(field, one) for one in value]
                return self._between("、", shown) if shown else escape(self._t("none"))
            case int():
                return self.entry(value) if field in POSITIONS else escape(value)
            case str():
                return self._text(field, value)
            case _:
                return escape(value)

    def label_of(self, kind: str) -> str:
        """What a kind of record is called."""
        return self._t.kind(kind)

    def items_label(self, name: str) -> str:
        """What a list that stands in a record is called."""
        return self._t.named("items", name)

    def list_of(self, kind: str, new_city: str) -> Markup:
        """A link to the records of a kind that belong to a New City."""
        return Markup('<a href="{}">{}</a>').format(self._visit.url(f"/{kind}", new_city=new_city), self._t.kind(kind))

    def figure_label(self, name: str) -> str:
        """What a figure of a rule or of a procedure is called; one that is the day of an event, by the event."""
        event, _, what = name.partition(" ")
        kind = next((kind for kind, one in AGGREGATES.items() if one.fact(event)), None)
        if kind is None:
            return self._t.named("figure", name)
        shown = self._t.event(kind, event)
        return f"{shown} {self._t.named('value', what)}" if what else shown

    def figure(self, name: str, value: JsonValue) -> Markup:
        """A figure's value; a figure may be made of others."""
        if isinstance(value, dict):
            return self._between("，", [Markup("{} {}").format(self.figure_label(one), self.figure(one, part))
                                       for one, part in value.items()])  # fmt: skip
        return self.value(name, value)

    def figures(self, figures: dict[str, Any]) -> list[Chip]:
        """The figures of a finding, in their order."""
        return [Chip(self.figure_label(name), self.figure(name, value)) for name, value in figures.items()]

    def rule(self, rule: str) -> str:
        """A rule as people call it."""
        name = rule.partition("/")[0]
        spec = next((one for one in RULES.values() if one.name.partition("/")[0] == name), None)
        return name if spec is None or self._t.language == "en" else spec.zh

    def entry(self, position: int) -> Markup:
        """A link to an entry."""
        return Markup('<a href="{}">{}</a>').format(
            self._visit.url(f"/log/{position}"), self._t("entry.n", position=position)
        )

    def record(self, path: str) -> Markup:
        """A link to a record, by its name."""
        return Markup('<a href="{}">{}</a>').format(self._visit.url(f"/{path}"), self.name(path))

    def name(self, path: str) -> str:
        """A record's name as known at the moment, or its id where it has none."""
        kind, _, record_id = path.partition("/")
        if kind == "new-cities":
            return self.offices.new_city(record_id)
        field = OWN_NAMES.get(kind)
        if field is None:
            return record_id
        if path not in self._names:
            try:
                found = self._asking.record(self._visit.reader, kind, record_id, self._visit.moment)[field]
            except Refused:
                found = None
            self._names[path] = str(found or record_id)
        return self._names[path]

    def _text(self, field: str, value: str) -> Markup:  # noqa: PLR0911  # one case a meaning
        kind = references().get(field)
        if kind is not None:
            return self.record(f"{kind}/{value}")
        if field == "about" and "/" in value:
            return self.record(value)
        if field in MONEY:
            return escape(formatting.money(value))
        if field in CLAUSES:
            return Markup('<a href="{}">{}</a>').format(
                self._visit.url("/policy") + f"#c{value}", self._f.clause(value)
            )
        if formatting.is_day(value):
            return escape(self._f.day(value))
        if field in DIGESTS:
            return Markup("<code>{}</code>").format(value)
        if field == "office":
            return escape(self.offices.office(value, None, ()))
        if field == "status":
            return escape(self._t.named("status", value))
        return formatting.unbroken(formatting.fullwidth(self._t.named("value", value)))

    def _object(self, value: dict[str, Any]) -> Markup:
        if value.get("erased"):
            return Markup("{}（<code>{}</code>）").format(self._t("person.erased"), value["id"])
        if "name" in value and value.keys() <= {"id", "name", "uscc"}:
            return escape(value["name"])
        shown = [
            Markup("{} <b>{}</b>").format(self.label(name), self.value(name, one))
            for name, one in value.items()
            if one is not None and name not in {"position", "steps", "values"}
        ]
        return self._between("，", shown)

    def _between(self, mark: Literal["、", "，"], shown: list[Markup]) -> Markup:
        return escape(mark if self._t.language == "zh" else ", ").join(shown)
