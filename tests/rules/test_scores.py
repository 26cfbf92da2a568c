"""Scores: lines that add up exactly, caps, whole indicators, what is undeterminable, contested and advisory."""

from __future__ import annotations

import itertools
import json
from decimal import Decimal
from typing import Any

import pytest

from domain.rules import RULES
from domain.scheme import SchemeAdopted
from domain.schemes import first_scheme
from domain.scoring import FULL_MARKS, Deduction, Yardstick, finding_json, findings, score

PLACE = {"name": "甲", "township_code": "610112002", "township": "三桥街道", "new_city": "fengdong"}
REGISTERED = ("new-cities/fengdong", "2019-12-10", "NewCityRegistered", {"name": "沣东新城", "kind": "park-office"})


@pytest.fixture(scope="session")
def first():
    return Yardstick.of(first_scheme())


def communities(count: int, households: int | None, origin: str = "new-estate"):
    given: dict[str, Any] = PLACE | {"origin": origin} | ({} if households is None else {"households": households})
    return [(f"communities/c{one}", "2020-01-01", "CommunityEstablished", given) for one in range(count)]


def line_of(scored, indicator):
    return next(line for line in scored.lines if line.indicator == indicator)


def test_a_finding_costs_its_points_and_an_indicator_no_more_than_it_has(first, world_of, said):
    for count, lost in ((0, "0.00"), (3, "3.00"), (8, "8.00"), (11, "8.00")):
        line = line_of(score(world_of(said(communities(count, 900))).city(2020), first), "community-size")
        assert (line.points, line.cap, line.indicative_deducted) == (Decimal(8), Decimal(8), Decimal(lost))
        assert [str(one.points) for one in line.findings] == ["1.00"] * count


def test_what_is_undeterminable_takes_no_points_and_is_counted_within_what_is_left(first, world_of, said):
    facts = communities(5, 900) + [("communities/d" + record[-1], *rest) for record, *rest in communities(6, None)]
    line = line_of(score(world_of(said(facts)).city(2020), first), "community-size")
    assert (line.indicative_deducted, line.undeterminable) == (Decimal("5.00"), Decimal("3.00"))


def test_a_rule_asked_once_per_new_city_costs_the_whole_indicator(first, world_of, said):
    scored = score(world_of(said([REGISTERED])).city(2020), first)
    whole = ("demonstration", "setting-plan", "measures", "incubation", "governance-bodies")
    assert [line_of(scored, one).indicative_deducted for one in whole] == [Decimal(one) for one in (3, 5, 3, 3, 2)]
    assert scored.indicative == FULL_MARKS - 16
    assert line_of(scored, "funding-new-city").undeterminable == Decimal("2.00")


def test_advisory_findings_and_those_against_the_new_area_cost_nothing(first, world_of, said):
    allocation = {
        "new_city": "fengdong",
        "year": 2020,
        "bearer": "new-area",
        "purpose": "community-work",
        "amount": "9",
    }
    facts = [
        REGISTERED,
        *communities(1, 2000),
        ("funding-allocations/f", "2020-01-01", "AllocationApproved", allocation),
    ]
    found = {
        judged.rule: judged
        for judged in findings(world_of(said(facts)).city(2020), first)
        if judged.finding.outcome == "found"
    }
    assert found["services/1"].points == found["funding-new-area/1"].points == 0
    costly = _scheme(costing={"services/1": "5.00", "funding-new-area/1": "whole"})
    again = score(world_of(said(facts)).city(2020), Yardstick.of(costly))
    assert [again.lines[at].indicative_deducted for at in range(2)] == [0, 0]


def _scheme(costing: dict[str, str]) -> SchemeAdopted:
    """Indicators of 50 points each, for two rules with what a finding of theirs costs."""
    uses = {use.rule: use for indicator in first_scheme().indicators for use in indicator.rules}
    indicators = [
        {"indicator": f"i{at}", "title": rule, "points": "50", "rules": [
            uses[rule].model_dump(mode="json", exclude_none=True) | {"per_finding": cost}
        ]}
        for at, (rule, cost) in enumerate(costing.items())
    ]  # fmt: skip
    whole = first_scheme().model_dump(mode="json", exclude_none=True) | {"indicators": indicators}
    return SchemeAdopted.model_validate_json(json.dumps(whole))


def test_rules_share_the_points_of_their_indicator(first, world_of, said):
    estate = {"name": "乙", "developer": {"name": "某"}, "households_planned": 10} | {
        name: PLACE[name] for name in ("township_code", "township", "new_city")
    }
    facts = [
        (f"estates/e{one}", "2020-01-01", event, given)
        for one in range(6)
        for event, given in (("EstateRegistered", estate), ("OccupancyCounted", {"households": 5}))
    ]
    line = line_of(score(world_of(said(facts)).city(2020), first), "community-setting")
    assert [judged.rule for judged in line.findings] == ["community-due/1"] * 6 + ["estate-coverage/1"] * 6
    assert (line.indicative_deducted, line.clause) == (Decimal("9.00"), "2.3")


def test_no_assessment_no_official_score(first, world_of, said):
    city = world_of(said([REGISTERED])).city(2020)
    assert score(city, first).official is None
    assert score(city, first, ()).official == FULL_MARKS


def _deduction(name: str, indicator: str, points: str, *, contested: bool = False) -> Deduction:
    return Deduction(name, indicator, Decimal(points), contested, ((1, Decimal(points)),), {})


def test_deductions_in_force_make_the_official_score_and_contested_ones_count(first, world_of, said):
    city = world_of(said([REGISTERED])).city(2020)
    deductions = [
        _deduction("k-1", "staffing", "1.00"),
        _deduction("k-2", "staffing", "1.50", contested=True),
        _deduction("k-3", "reward", "0.10", contested=True),
        _deduction("k-4", "reward", "0.00"),
    ]
    scored = score(city, first, deductions)
    assert (scored.official, scored.contested) == (Decimal("97.40"), Decimal("1.60"))
    assert line_of(scored, "staffing").official_deducted == Decimal("2.50")
    assert scored.official == FULL_MARKS - sum(line.official_deducted for line in scored.lines)


def test_deductions_never_take_more_than_their_indicator_has(first, world_of, said):
    city = world_of(said([REGISTERED])).city(2020)
    deductions = [_deduction(f"k-{one}", "incubation", "2.00", contested=one == 1) for one in range(3)]
    scored = score(city, first, deductions)
    assert (scored.official, scored.contested) == (Decimal("97.00"), Decimal("2.00"))


def test_a_deduction_counts_also_where_the_scheme_looked_through_lacks_its_indicator(first, world_of, said):
    scored = score(world_of(said([])).city(2020), first, [_deduction("k", "of-another-scheme", "4.25")])
    assert scored.official == Decimal("95.75")
    assert line_of(scored, "of-another-scheme").official_deducted == Decimal("4.25")


def test_lines_add_up_to_both_scores_whatever_they_cost(first, world_of, said):
    for count, households in itertools.product((0, 1, 9), (None, 900, 2000)):
        scored = score(world_of(said([REGISTERED, *communities(count, households)])).city(2020), first, ())
        assert scored.indicative == 100 - sum(line.indicative_deducted for line in scored.lines)
        assert scored.undeterminable == sum(line.undeterminable for line in scored.lines)
        assert all(line.indicative_deducted + line.undeterminable <= line.cap for line in scored.lines)


def test_a_finding_is_shown_as_the_contract_has_it(first, world_of, said):
    judged = next(
        one for one in findings(world_of(said(communities(1, 900))).city(2020), first) if one.rule == "community-size/1"
    )
    assert finding_json(judged) == {
        "rule": "community-size/1", "clause": "2.2", "outcome": "found", "about": "communities/c0",
        "new_city": "fengdong", "since": "2020-01-01", "points": "1.00", "evidence": [1], "missing": [],
        "figures": {"households": 900, "minimum": 1000, "maximum": 5000, "recommended": 3000},
    }  # fmt: skip


def test_every_rule_reads_the_figures_of_the_first_scheme_and_no_others():
    uses = [use for indicator in first_scheme().indicators for use in indicator.rules]
    assert {use.rule for use in uses} == set(RULES)
    assert all(RULES[use.rule].parameters == use.parameters.keys() for use in uses)
    assert all(RULES[use.rule].clause == use.clause for use in uses)
