"""One record: how it stands, its timeline, two days compared, and how late its entries were recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from markupsafe import Markup

from api.composition import Taizhang
from api.http import queries
from api.http.problems import Problem
from api.web import charts, special, steps
from api.web.due import Due
from api.web.shell import Shown
from api.web.timeline import Happening, timeline
from api.web.values import OWN_NAMES, Values
from api.web.visit import Visit
from domain.records import AGGREGATES
from domain.refusals import Code, Refused

PARAMETERS: Final = ("from_on", "to_on", "from_known_at", "to_known_at", "cursor")
SHOWN: Final = 100
"""Entries on one page of a timeline."""
CHARTED: Final = 40
"""Entries in the chart at most: past that its points would hide each other."""
HIDDEN: Final = frozenset({"id", "kind", "version", "status", "steps", "values"})
LISTED: Final = 200
"""Things shown of one list that stands in a record."""


TEMPLATES: Final = {
    "disputes": "dispute.html",
    "funding-allocations": "funding.html",
    "inspections": "inspection.html",
}
"""Of kinds whose page shows more than every record's."""
SHOWN_APART: Final = frozenset({"submissions", "evidence", "limits", "findings"})
"""Lists that such a page shows in its own way."""


class Records:
    """Pages of single records."""

    def __init__(self, taizhang: Taizhang) -> None:
        self._asking = taizhang.asking
        self._due = Due(taizhang)

    def of(self, kind: str) -> Callable[[Visit], Shown]:
        """The page of a record of that kind."""

        def page(visit: Visit) -> Shown:
            return self.record(kind, visit.parts["id"], visit)

        return page

    def record(self, kind: str, record_id: str, visit: Visit, more: Mapping[str, Any] | None = None) -> Shown:
        """A record's page. Raises Refused where there is none, or it isn't the reader's to see."""
        values = Values(self._asking, visit)
        state: dict[str, Any] | None
        try:
            state = self._asking.record(visit.reader, kind, record_id, visit.moment)
        except Refused as refusal:
            if refusal.code is not Code.NOT_YET:
                raise
            state = None
        cursor = queries.cursor(visit.query)
        found, following = self._asking.events(visit.reader, kind, record_id, visit.moment, SHOWN, cursor)
        entries: list[dict[str, Any]] = [*found]
        happened = timeline(entries, values, visit.words, entries[0]["version"] if entries else 1)
        title = self._title(kind, record_id, state, values)
        about = f"{kind}/{record_id}"
        judged = None if state is None else self._due.judged(about, state, values, visit)
        context: dict[str, Any] = {
            "kind": kind,
            "record_id": record_id,
            "state": state,
            "facts": [] if state is None else _facts(kind, state, values),
            "lists": [] if state is None else _lists(kind, state, values),
            "steps": [] if state is None else steps.of(kind, state, () if judged is None else judged.found, visit),
            "judged": judged,
            "tasks": [] if state is None or judged is None else self._due.tasks(state, judged.found, values, visit),
            "happened": happened,
            "following": None if following is None else visit.here(cursor=following),
            "chart": charts.when_chart(happened[-CHARTED:], visit.format),
            "compared": self._compared(kind, record_id, visit, values, happened),
            "values": values,
            "related": _related(kind, state, values),
            "about": about,
        }
        if state is not None:
            context |= special.of(kind, state, values, visit, self._asking)
        return Shown(TEMPLATES.get(kind, "record.html"), title, context | dict(more or {}))

    def _title(self, kind: str, record_id: str, state: dict[str, Any] | None, values: Values) -> str:
        field = "name" if kind in ("new-cities", "new-area") else "title" if kind == "schemes" else OWN_NAMES.get(kind)
        field = "subject" if kind == "inspections" else field
        if state is not None and field is not None and state.get(field):
            return str(state[field])
        return f"{values.label_of(kind)} {record_id}"

    def _compared(
        self, kind: str, record_id: str, visit: Visit, values: Values, happened: Sequence[Happening]
    ) -> dict[str, Any] | None:
        """Two days of the record, or two times of knowing, side by side; None where it has no entry."""
        if not happened:
            return None
        query = visit.query
        known_at = query.get("known_at")
        first = min(one.effective_on for one in happened).isoformat()
        from_on, to_on = query.get("from_on") or first, query.get("to_on") or visit.moment.on.isoformat()
        shown: dict[str, Any] = {"from_on": from_on, "to_on": to_on, "changes": [], "refused": None}
        try:
            start = self._asking.moment(query.get("from_known_at") or known_at, from_on, None)
            end = self._asking.moment(query.get("to_known_at") or known_at, to_on, None)
            found: dict[str, Any] = self._asking.diff(visit.reader, kind, record_id, start, end)
        except (Refused, Problem) as refusal:
            return shown | {"refused": refusal.detail}
        changes = [
            {
                "label": values.label(one["field"]),
                "from": values.value(one["field"].rpartition("/")[2], one["from"]),
                "to": values.value(one["field"].rpartition("/")[2], one["to"]),
                "entries": one["entries"],
            }
            for one in found["changes"]
        ]
        return shown | {"changes": changes}


def _facts(kind: str, state: dict[str, Any], values: Values) -> list[dict[str, Any]]:
    """The record's own fields, each with the entry that it stands on."""
    aggregate = AGGREGATES[kind]
    names = [f"registered_{name}" if f"registered_{name}" in state else name for name in aggregate.fields]
    return [
        {
            "label": values.label(name),
            "value": values.value(name, state[name]),
            "said": state["values"].get(name),
        }
        for name in names
        if name not in ("indicators", "procedure")
    ]


def _lists(kind: str, state: dict[str, Any], values: Values) -> list[dict[str, Any]]:
    """What stands in the record's lists, as tables."""
    shown: list[dict[str, Any]] = []
    for name in (*AGGREGATES[kind].lists, *AGGREGATES[kind].worked_out):
        items = cast("list[dict[str, Any]]", state.get(name) or [])
        if (kind in TEMPLATES and name in SHOWN_APART) or not items or not isinstance(items[0], dict):  # pyright: ignore[reportUnnecessaryIsInstance]  # roles are a list of words
            continue
        fields = list(dict.fromkeys(field for item in items for field, value in item.items() if value is not None))
        columns = [field for field in fields if field not in ("position", "effective_on", "steps", "corrected_by")]
        rows = [
            {
                "cells": [values.value(field, item.get(field)) for field in columns],
                "effective_on": item.get("effective_on"),
                "position": item.get("position"),
            }
            for item in items[:LISTED]
        ]
        shown.append(
            {
                "title": values.items_label(name),
                "columns": [(values.label(one), one in ("amount", "area")) for one in columns],
                "rows": rows,
                "count": len(items),
            }
        )
    return shown


def _related(kind: str, state: dict[str, Any] | None, values: Values) -> list[Markup]:
    """The records that this one leads to."""
    if state is None:
        return []
    found: list[Markup] = []
    if kind == "new-cities":
        found += [
            values.list_of(other, state["id"])
            for other in ("communities", "villages", "estates", "funding-allocations")
        ]
    if kind == "villages" and (step := state["steps"].get("VillageConverted")):
        found += [values.record(f"conversion-cases/{step['case']}"), values.record(f"communities/{step['community']}")]
    return found
