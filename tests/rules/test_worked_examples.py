"""Every rule is shown by examples worked out by hand, and the rule agrees with each of them."""

from __future__ import annotations

import pytest

from domain.refusals import Refused
from domain.rules import RULES
from domain.rules.city import judged_day

EXAMPLES = [(rule, example) for rule in RULES.values() for example in rule.examples]
every_example = pytest.mark.parametrize(
    ("rule", "example"), EXAMPLES, ids=[f"{rule.name}: {example.zh}" for rule, example in EXAMPLES]
)


def recorded(example):
    return [
        (one.record, one.effective_on.isoformat(), one.fact.event, one.fact.model_dump(mode="json", exclude_none=True))
        for one in example.given
    ]


@every_example
def test_the_rule_says_of_the_history_what_the_example_says(rule, example, world_of, said):
    city = world_of(said(recorded(example))).city(example.year, example.on)
    assert tuple(rule.judge(city, rule.read(example.figures))) == example.then


@every_example
def test_the_history_is_one_that_the_procedure_admits(rule, example, world_of, said):
    for history in world_of(said(recorded(example))).histories().values():
        state = None
        for step in history.steps:
            try:
                history.aggregate.admits(state, step)
            except Refused as refusal:
                pytest.fail(f"{rule.name}: {refusal.detail}")
            state = history.aggregate.evolve(state, step)


@pytest.mark.parametrize("name", RULES)
def test_every_rule_is_shown_found_and_met(name):
    outcomes = {finding.outcome for example in RULES[name].examples for finding in example.then}
    assert {"found", "met"} <= outcomes


@every_example
def test_evidence_is_on_record_by_the_judged_day(rule, example):
    by = judged_day(example.year, example.on or example.given[-1].effective_on.replace(year=9999))
    known = {position for position, one in enumerate(example.given, 1) if one.effective_on <= by}
    for finding in example.then:
        assert set(finding.evidence) <= known, rule.name
        assert (finding.since is not None) == (finding.outcome == "found")
