"""考核得分: what the rules find and the inspectorate deducts, per indicator, as two scores side by side. Clause 8.4.

Indicative is the full marks less what the rules find; nobody decided it. Official is the full marks less the
deductions in force. Points are exact, with two decimals; an indicator never loses more than it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from domain.fact import JsonValue
from domain.rules import RULES
from domain.rules.city import City
from domain.rules.finding import Finding
from domain.rules.rule import Figures, RuleSpec
from domain.scheme import TOTAL, Indicator, RuleUse, SchemeAdopted, values_of

FULL_MARKS = Decimal(TOTAL).quantize(Decimal("0.01"))
NONE_LOST = Decimal("0.00")


class Use(NamedTuple):
    """A rule as a scheme uses it, ready to judge."""

    rule: RuleSpec
    figures: Figures
    clause: str
    indicator: str
    cost: Decimal
    """Points that a finding costs: none where it is advisory, or stands against the New Area."""
    advisory: bool


class Yardstick(NamedTuple):
    """A version of the scheme with its figures read, once for all that it judges."""

    indicators: tuple[Indicator, ...]
    uses: tuple[Use, ...]

    @classmethod
    def of(cls, scheme: SchemeAdopted) -> Yardstick:
        """The yardstick of an adopted scheme. Raises KeyError or ValidationError where it could not be adopted."""
        return cls(
            scheme.indicators, tuple(_use(indicator, use) for indicator in scheme.indicators for use in indicator.rules)
        )


def _use(indicator: Indicator, use: RuleUse) -> Use:
    rule = RULES[use.rule]
    points = Decimal(indicator.points)
    if use.advisory or rule.against == "new-area":
        cost = NONE_LOST
    else:
        cost = points if use.per_finding == "whole" else min(points, Decimal(use.per_finding))
    figures = rule.read(values_of(use.parameters))
    return Use(rule, figures, use.clause, indicator.indicator, cost, use.advisory)


class Judged(NamedTuple):
    """A finding as the scheme values it."""

    rule: str
    clause: str
    new_city: str
    indicator: str
    advisory: bool
    cost: Decimal
    """Points that it costs where it is found."""
    finding: Finding

    @property
    def points(self) -> Decimal:
        """Points that it costs: none unless it is found."""
        return self.cost if self.finding.outcome == "found" else NONE_LOST


class Deduction(NamedTuple):
    """A deduction as it stands on the asked day, after revisions and rulings."""

    deduction: str
    indicator: str
    points: Decimal
    """Points that it takes now; none where it is revoked."""
    contested: bool
    course: tuple[tuple[int, Decimal], ...]
    """The positions of the entries that imposed, revised and revoked it, each with what it took as known there."""
    shown: Mapping[str, JsonValue]
    """Its fields, status and dispute, as they are shown."""


class Line(NamedTuple):
    """What one indicator loses, and why."""

    indicator: str
    clause: str
    title: str
    points: Decimal
    cap: Decimal
    """The most that it can lose."""
    official_deducted: Decimal
    indicative_deducted: Decimal
    undeterminable: Decimal
    """What the undeterminable findings would cost if they were found, of what the indicator has left."""
    contested: Decimal
    """Of what is officially deducted, how much is in dispute."""
    findings: tuple[Judged, ...]
    deductions: tuple[Deduction, ...]


class Score(NamedTuple):
    """A New City's year: two scores, and the lines that add up to both."""

    new_city: str
    year: int
    day: date
    """The day whose state was judged."""
    official: Decimal | None
    """None while no assessment is open."""
    indicative: Decimal
    contested: Decimal
    undeterminable: Decimal
    lines: tuple[Line, ...]


def findings(city: City, yardstick: Yardstick) -> list[Judged]:
    """What every rule of the scheme says of every subject of the New City."""
    return [
        Judged(use.rule.name, use.clause, city.new_city, use.indicator, use.advisory, use.cost, finding)
        for use in yardstick.uses
        for finding in use.rule.judge(city, use.figures)
    ]


def score(city: City, yardstick: Yardstick, deductions: Sequence[Deduction] | None = None) -> Score:
    """The New City's scores by a scheme; `deductions` is None while no assessment is open."""
    judged: dict[str, list[Judged]] = {}
    for one in findings(city, yardstick):
        judged.setdefault(one.indicator, []).append(one)
    decided: dict[str, list[Deduction]] = {}
    for deduction in deductions or ():
        decided.setdefault(deduction.indicator, []).append(deduction)
    clauses: dict[str, dict[str, None]] = {}
    for use in yardstick.uses:
        clauses.setdefault(use.indicator, {})[use.clause] = None
    lines = [
        _line(
            indicator.indicator,
            ", ".join(clauses[indicator.indicator]),
            indicator.title,
            Decimal(indicator.points),
            judged.get(indicator.indicator, ()),
            decided.pop(indicator.indicator, ()),
        )
        for indicator in yardstick.indicators
    ]
    lines += (_decided_otherwise(indicator, ones) for indicator, ones in decided.items())
    return Score(
        city.new_city,
        city.year,
        city.day,
        None if deductions is None else FULL_MARKS - _sum(line.official_deducted for line in lines),
        FULL_MARKS - _sum(line.indicative_deducted for line in lines),
        _sum(line.contested for line in lines),
        _sum(line.undeterminable for line in lines),
        tuple(lines),
    )


def official_score(yardstick: Yardstick, deductions: Sequence[Deduction]) -> Decimal:
    """The full marks less the deductions in force, none of more than its indicator has."""
    caps = {one.indicator: Decimal(one.points) for one in yardstick.indicators}
    taken: dict[str, Decimal] = {}
    for one in deductions:
        taken[one.indicator] = taken.get(one.indicator, NONE_LOST) + one.points
    return FULL_MARKS - _sum(min(points, caps.get(indicator, points)) for indicator, points in taken.items())


def _line(  # what a line is made of
    indicator: str,
    clause: str,
    title: str,
    cap: Decimal,
    judged: Sequence[Judged],
    deductions: Sequence[Deduction],
) -> Line:
    found = min(cap, _sum(one.points for one in judged))
    unknown = _sum(one.cost for one in judged if one.finding.outcome == "undeterminable")
    official = min(cap, _sum(one.points for one in deductions))
    contested = min(official, _sum(one.points for one in deductions if one.contested))
    left = cap - found
    return Line(
        indicator,
        clause,
        title,
        cap,
        cap,
        official,
        found,
        min(left, unknown),
        contested,
        tuple(judged),
        tuple(deductions),
    )


def _decided_otherwise(indicator: str, deductions: Sequence[Deduction]) -> Line:
    """Deductions from an indicator that another scheme had: they count, whatever scheme is looked through."""
    return _line(indicator, "", indicator, _sum(one.points for one in deductions), (), deductions)._replace(
        points=NONE_LOST
    )


def _sum(points: Iterable[Decimal]) -> Decimal:
    return sum(points, NONE_LOST)


def finding_json(judged: Judged) -> dict[str, JsonValue]:
    """A finding as clients see it."""
    finding = judged.finding
    return {
        "rule": judged.rule,
        "clause": judged.clause,
        "outcome": finding.outcome,
        "about": finding.about,
        "new_city": judged.new_city,
        "since": None if finding.since is None else finding.since.isoformat(),
        "figures": dict(finding.figures),
        "points": f"{judged.points:.2f}",
        "evidence": list(finding.evidence),
        "missing": list(finding.missing),
    }
