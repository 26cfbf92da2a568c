"""Schemes as clients see them: rules with their worked examples, and what differs between two versions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from domain.fact import Fact, JsonValue
from domain.rules import RULES
from domain.rules.example import NEW_CITY, Example
from domain.rules.finding import Finding
from domain.rules.rule import RuleSpec
from domain.state import State, json_of

OWN_FIELDS: Final = ("title", "effective_from")


def with_rules(scheme: dict[str, Any]) -> dict[str, JsonValue]:
    """A scheme's state with each of its rules explained: what it judges, against whom, and worked examples."""
    indicators = [
        {**indicator, "rules": [use | rule_json(RULES[use["rule"]]) for use in indicator["rules"]]}
        for indicator in scheme["indicators"]
    ]
    return {**scheme, "indicators": indicators}


def rule_json(rule: RuleSpec) -> dict[str, JsonValue]:
    """A rule's title, whose omission it finds, and its examples."""
    return {
        "title": rule.zh,
        "against": rule.against,
        "examples": [_example_json(rule, one) for one in rule.examples],
    }


def _example_json(rule: RuleSpec, example: Example) -> dict[str, JsonValue]:
    return {
        "title": example.zh,
        "year": example.year,
        "on": None if example.on is None else example.on.isoformat(),
        "parameters": dict(example.figures),
        "given": [
            {
                "position": position,
                "record": given.record,
                "type": given.fact.event,
                "title": given.fact.zh,
                "effective_on": given.effective_on.isoformat(),
                "data": _fact_json(given.fact),
            }
            for position, given in enumerate(example.given, 1)
        ],
        "then": [_finding_json(rule, one) for one in example.then],
    }


def _fact_json(fact: Fact) -> dict[str, JsonValue]:
    return fact.model_dump(mode="json", by_alias=True, exclude_none=True)


def _finding_json(rule: RuleSpec, finding: Finding) -> dict[str, JsonValue]:
    return {
        "rule": rule.name,
        "clause": rule.clause,
        "outcome": finding.outcome,
        "about": finding.about,
        "new_city": NEW_CITY,
        "since": None if finding.since is None else finding.since.isoformat(),
        "figures": dict(finding.figures),
        "evidence": list(finding.evidence),
        "missing": list(finding.missing),
    }


def scheme_differences(one: State, other: State) -> list[JsonValue]:
    """What differs between two versions, figure by figure, each with the entry that the later one stands on."""
    old, new = dict(_parts(one)), dict(_parts(other))
    adopted_at = other.fields["title"].position
    return [
        {"field": name, "from": old.get(name), "to": new.get(name), "entries": [adopted_at]}
        for name in dict.fromkeys((*old, *new))
        if old.get(name) != new.get(name)
    ]


def _parts(scheme: State) -> Iterator[tuple[str, JsonValue]]:
    """Everything that a version says, each under a name of its own; a rule stands under the indicator that uses it."""
    for field in OWN_FIELDS:
        yield field, json_of(scheme.fields[field], field)
    indicators: Any = json_of(scheme.fields["indicators"], "indicators")
    for indicator in indicators:
        name = f"indicators/{indicator['indicator']}"
        for field in ("title", "points"):
            yield f"{name}/{field}", indicator[field]
        for use in indicator["rules"]:
            of_rule = f"{name}/rules/{use['rule']}"
            for field in ("clause", "per_finding", "advisory"):
                yield f"{of_rule}/{field}", use[field]
            for parameter, figure in use["parameters"].items():
                yield f"{of_rule}/parameters/{parameter}", figure
    procedure: Any = json_of(scheme.fields["procedure"], "procedure")
    for parameter, figure in procedure.items():
        yield f"procedure/{parameter}", figure
