"""扣分明细: one New City's year, line by line: clause, rule and its figures, evidence, dispute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from markupsafe import Markup

from api.composition import Taizhang
from api.web.shell import Shown
from api.web.timeline import Happening, happening
from api.web.values import Chip, Values
from api.web.visit import Visit
from application.score_answers import parts_of
from application.score_course import ScoreCourses
from domain.policy import clauses
from domain.records import AGGREGATES
from domain.refusals import Refused

FINDINGS_SHOWN: Final = 3
"""Findings of one indicator shown in full; the page of findings has them all."""
EVIDENCE_SHOWN: Final = 6
"""Entries shown for one finding or deduction."""
QUOTED: Final = 140
"""Characters of a clause that are quoted; the text has it all."""


class RuleShown(NamedTuple):
    """A rule as the scheme uses it."""

    name: str
    title: str
    per_finding: str
    figures: Sequence[Chip]


class FindingShown(NamedTuple):
    """What a rule says of one subject."""

    rule: str
    outcome: str
    about: Markup
    since: str | None
    figures: Sequence[Chip]
    points: str
    evidence: Sequence[Happening]
    missing: Sequence[str]


class DeductionShown(NamedTuple):
    """A decided deduction with what it stands on."""

    data: Mapping[str, Any]
    about: Markup
    clause: str
    title: str
    quote: str
    evidence: Sequence[Happening]
    dispute: Mapping[str, Any] | None


class LineShown(NamedTuple):
    """An indicator that loses points, or may."""

    data: Mapping[str, Any]
    chapter: str
    quote: str
    rules: Sequence[RuleShown]
    findings: Sequence[FindingShown]
    more: int
    """Further findings."""


class Explanation:
    """The page of one assessment."""

    def __init__(self, taizhang: Taizhang) -> None:
        self._asking = taizhang.asking
        self._scores = taizhang.scores
        self._courses = ScoreCourses(taizhang.asking.histories, taizhang.assessing.yardsticks, taizhang.log.recorded_at)

    def page(self, visit: Visit) -> Shown:
        """The page. Raises Refused as scores do."""
        assessment = visit.parts["id"]
        year, new_city = parts_of(assessment)
        shown, scored = self._scores.assessment(visit.reader, assessment, visit.moment, visit.scheme)
        score: dict[str, Any] = dict(shown)
        values = Values(self._asking, visit)
        scheme: dict[str, Any] = self._asking.record(visit.reader, "schemes", scored.standing.scheme, visit.moment)
        rules = {one["indicator"]: _rules(one, values) for one in scheme["indicators"]}
        titles = {one["indicator"]: one["title"] for one in scheme["indicators"]}
        deductions = [
            self._deduction(one, line, titles, values, visit)
            for line in score["lines"]
            for one in line.get("deductions", ())
        ]
        lines = [
            self._line(line, rules.get(line["indicator"], ()), values, visit)
            for line in score["lines"]
            if line["counts"]["found"]
        ]
        course = self._courses.course(new_city, year, visit.moment, scored.standing.scheme)
        main = score["official"] if score["official"] is not None else score["indicative"]
        city = values.offices.new_city(new_city)
        context: dict[str, Any] = {
            "year": year,
            "new_city": new_city,
            "city": city,
            "score": score,
            "main": main,
            "deducted": Decimal(100) - Decimal(main),
            "deductions": deductions,
            "lines": lines,
            "unknown": [one for one in score["lines"] if one["counts"]["undeterminable"]],
            "met": [
                one for one in score["lines"] if not one["counts"]["found"] and not one["counts"]["undeterminable"]
            ],
            "scheme": scored.standing.scheme,
            "published": course.published,
            "published_at": course.published_at,
            "since": None
            if course.published is None or score["official"] is None
            else Decimal(score["official"]) - course.published,
            "if_upheld": None
            if score["official"] is None
            else Decimal(score["official"]) + Decimal(score["contested"]),
            "opened_at": None if not course.turns else course.turns[0].position,
            "values": values,
            "assessment": assessment,
            "disputable": bool(visit.csrf) and any(one.data["status"] != "revoked" for one in deductions),
        }
        return Shown("explanation.html", visit.words("explain.title", city=city, year=year), context)

    def _line(self, line: Mapping[str, Any], rules: Sequence[RuleShown], values: Values, visit: Visit) -> LineShown:
        found = [one for one in line["findings"] if one["outcome"] == "found"]
        first = found[:FINDINGS_SHOWN]
        return LineShown(
            line,
            line["clause"].partition(".")[0],
            quoted(line["clause"]),
            rules,
            [self.finding(one, values, visit) for one in first],
            len(found) - len(first),
        )

    def finding(self, one: Mapping[str, Any], values: Values, visit: Visit) -> FindingShown:
        """A finding with its evidence."""
        return FindingShown(
            one["rule"].partition("/")[0],
            one["outcome"],
            values.record(one["about"]),
            one["since"],
            values.figures(one["figures"]),
            one["points"],
            self._evidence(one["evidence"], values, visit),
            [missing(name, visit) for name in one["missing"]],
        )

    def _deduction(
        self,
        one: Mapping[str, Any],
        line: Mapping[str, Any],
        titles: Mapping[str, str],
        values: Values,
        visit: Visit,
    ) -> DeductionShown:
        dispute: Mapping[str, Any] | None = None
        if one.get("dispute"):
            try:
                dispute = self._asking.record(visit.reader, "disputes", one["dispute"], visit.moment)
            except Refused:
                dispute = {"id": one["dispute"], "status": "", "steps": {}, "grounds": ""}
        return DeductionShown(
            one,
            values.record(one["about"]),
            line["clause"],
            titles.get(one["indicator"], one["indicator"]),
            quoted(line["clause"]),
            self._evidence(one["evidence_positions"], values, visit),
            dispute,
        )

    def _evidence(self, positions: Sequence[int], values: Values, visit: Visit) -> list[Happening]:
        shown: list[Happening] = []
        for number, position in enumerate(positions[:EVIDENCE_SHOWN], 1):
            try:
                entry: dict[str, Any] = self._asking.entry(visit.reader, position)
            except Refused:
                continue
            shown.append(happening(entry, number, values, visit.words, {}))
        return shown


def _rules(indicator: Mapping[str, Any], values: Values) -> list[RuleShown]:
    return [
        RuleShown(
            one["rule"].partition("/")[0],
            values.rule(one["rule"]),
            one["per_finding"],
            [
                Chip(values.figure_label(name), values.figure(name, figure["value"]))
                for name, figure in one["parameters"].items()
            ],
        )
        for one in indicator["rules"]
    ]


def quoted(clause: str) -> str:
    """The first clause's text, cut where it is long."""
    text = clauses().get(clause.partition(", ")[0], "").replace("\n", "")
    return text if len(text) <= QUOTED else f"{text[:QUOTED]}……"


def missing(name: str, visit: Visit) -> str:
    """What is missing, in words: an event by its name, and what it was to be about."""
    event, *rest = name.split(" ")
    kinds = [kind for kind, aggregate in AGGREGATES.items() if aggregate.fact(event)]
    if not kinds:
        return name
    told = [visit.words.event(kinds[0], event), *(visit.words.named("value", one) for one in rest)]
    return " ".join(told)
