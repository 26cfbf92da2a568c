"""计分规则: a version of the scheme, its figures by where they come from, its worked examples, and two side by side."""

from __future__ import annotations

from typing import Any, Final

from markupsafe import Markup

from api.composition import Taizhang
from api.web import records
from api.web.records import Records
from api.web.shell import Shown
from api.web.values import Values
from api.web.visit import Visit
from application import scheme_answers
from domain.fact import JsonValue
from domain.refusals import Refused

PARAMETERS: Final = (*records.PARAMETERS, "to")


class Schemes:
    """Pages of schemes."""

    def __init__(self, taizhang: Taizhang, single: Records) -> None:
        self._asking = taizhang.asking
        self._yardsticks = taizhang.assessing.yardsticks
        self._single = single

    def page(self, visit: Visit) -> Shown:
        """A version of the scheme; beside another one where `to` names it."""
        scheme = visit.parts["id"]
        values = Values(self._asking, visit)
        try:
            record: dict[str, Any] = self._asking.record(visit.reader, "schemes", scheme, visit.moment)
        except Refused:
            return self._single.record("schemes", scheme, visit)
        explained: dict[str, Any] = scheme_answers.with_rules(record)
        adopted = self._yardsticks.adopted(visit.moment.position)
        others = [one for one in adopted if one != scheme]
        to = visit.query.get("to")
        changes: list[Any] = []
        if to is not None and to in adopted and scheme in adopted:
            changes = scheme_answers.scheme_differences(adopted[scheme], adopted[to])
        more: dict[str, Any] = {
            "explained": explained,
            "others": others,
            "to": to if to in adopted else None,
            "differences": [self._difference(one, values) for one in changes],
            "example_title": values.rule,
        }
        return self._single.record("schemes", scheme, visit, more)._replace(template="scheme.html")

    def _difference(self, one: dict[str, Any], values: Values) -> dict[str, Any]:
        path = str(one["field"]).split("/")
        label = " / ".join(
            values.figure_label(part) if number else values.label(part) for number, part in enumerate(path)
        )
        return {"label": label, "from": self._figure(one["from"], values), "to": self._figure(one["to"], values)}

    def _figure(self, value: JsonValue, values: Values) -> Markup:
        return values.figure("", value.get("value", value) if isinstance(value, dict) else value)
