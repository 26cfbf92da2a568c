"""What the rules say of every subject, in pages."""

from __future__ import annotations

import re
from typing import Any, Final

from api.composition import Taizhang
from api.http import queries
from api.web.explanation import Explanation
from api.web.shell import Shown
from api.web.values import Values
from api.web.visit import Visit
from application import score_answers
from application.score_answers import Question
from application.score_json import OUTCOMES

PARAMETERS: Final = ("year", "new_city", "rule", "outcome", "indicator", "cursor")
PAGE: Final = 30
"""Findings of one page."""


class Findings:
    """The page of findings."""

    def __init__(self, taizhang: Taizhang, explanation: Explanation) -> None:
        self._asking = taizhang.asking
        self._scores = taizhang.scores
        self._assessing = taizhang.assessing
        self._explanation = explanation

    def page(self, visit: Visit) -> Shown:
        """Findings of a year, filtered. Raises Problem for a bad filter, Refused as scores do."""
        query = visit.query
        year = query.get("year", str(visit.moment.on.year))
        if not re.fullmatch(r"(19|2\d)\d{2}", year, re.ASCII):
            raise queries.invalid("year", "a year of four digits")
        rule, outcome = query.get("rule") or None, query.get("outcome") or None
        indicator, new_city = query.get("indicator") or None, query.get("new_city") or None
        if rule is not None and not score_answers.knows_rule(rule):
            raise queries.invalid("rule", "no rule is called so")
        if outcome is not None and outcome not in OUTCOMES:
            raise queries.invalid("outcome", f"one of {', '.join(OUTCOMES)}")
        wanted = Question(int(year), new_city, rule, outcome)
        after = query.get("cursor", "")
        values = Values(self._asking, visit)
        found: list[dict[str, Any]] = []
        following: str | None = after
        scheme = ""
        rules = self._rules_of(indicator, visit, int(year)) if indicator else None
        while following is not None and len(found) < PAGE:
            page, following, scheme = self._scores.findings(
                visit.reader, wanted, visit.moment, visit.scheme, following, 500 if rules is not None else PAGE
            )
            found += [one for one in page if rules is None or one["rule"] in rules]
        context: dict[str, Any] = {
            "year": year,
            "rows": [self._explanation.finding(one, values, visit) for one in found],
            "cities": values.offices.new_cities(),
            "chosen": {"new_city": new_city, "outcome": outcome, "rule": rule, "indicator": indicator},
            "outcomes": OUTCOMES,
            "following": None if following is None else visit.here(cursor=following),
            "scheme": scheme,
            "values": values,
        }
        return Shown("findings.html", visit.words("findings.title"), context)

    def _rules_of(self, indicator: str, visit: Visit, year: int) -> frozenset[str]:
        """The rules that an indicator's points are shared by."""
        scheme = self._assessing.scheme(year, visit.moment, visit.scheme)
        record: dict[str, Any] = self._asking.record(visit.reader, "schemes", scheme, visit.moment)
        return frozenset(
            use["rule"] for one in record["indicators"] if one["indicator"] == indicator for use in one["rules"]
        )
