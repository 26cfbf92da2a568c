"""The source as the product carries it, and the table of what carries each of its clauses."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from domain import policy
from domain.corrections import EventCorrected, EventRetracted
from domain.records import AGGREGATES
from domain.rules import RULES

PAGE = (Path(__file__).parents[2] / "docs/clauses.md").read_text(encoding="utf-8")
ROWS = {
    cells[0]: cells[1:]
    for line in PAGE.splitlines()
    if len(cells := [cell.strip() for cell in line.strip("|").split("|")]) == 5 and cells[0] not in ("clause", "---")
}
FACTS = [fact for aggregate in AGGREGATES.values() for fact in aggregate.facts]


def named(text: str) -> list[str]:
    return re.findall(r"`([A-Z]\w+|[a-z-]+/\d+)`", text)


def heading(clause: str) -> str:
    first = policy.clauses()[clause].splitlines()[0]
    return re.sub(r"^([一二三四五六七八]、|\([一二三四]\))", "", first).partition("。")[0]


def test_the_source_is_the_text_that_was_published():
    text = (Path(policy.__file__).parent / policy.SOURCE).read_bytes()
    assert hashlib.sha256(text).hexdigest() == policy.SOURCE_SHA256
    assert policy.source() == text.decode()


def test_the_clauses_are_all_of_the_source_from_its_first_heading_on():
    assert list(policy.clauses()) == [
        "1", "2.1", "2.2", "2.3", "3.1", "3.2", "3.3", "4.1", "4.2", "4.3", "5.1", "5.2", "5.3",
        "6.1", "6.2", "6.3", "7.1", "7.2", "7.3", "8.1", "8.2", "8.3", "8.4", "last",
    ]  # fmt: skip
    chapters = r"[二三四五六七八]、.*"
    lines = policy.source().splitlines()
    body = [line for line in lines[lines.index("一、总体思路和目标") :] if not re.fullmatch(chapters, line)]
    assert "\n".join(policy.clauses().values()).splitlines() == body


@pytest.mark.parametrize(
    ("clause", "quote", "said"),
    [
        ("2.2", "不得低于1000户", True),
        ("2.2", " 不得低于 1000 户 ", True),
        ("2.2", "不得低于1001户", False),
        ("2.1", "不得低于1000户", False),
        ("8.3", "夯实", False),
        ("8.3", "落实经费保障 按照《关于", True),
        ("2", "科学合理进行社区划分设置", False),
        ("9.9", "社区", False),
        ("2.2", " ", False),
    ],
)
def test_a_clause_says_what_stands_in_it_white_space_aside(clause, quote, said):
    assert policy.quotes(clause, quote) is said


def test_the_page_has_every_clause_in_order_under_its_own_heading():
    assert list(ROWS) == list(policy.clauses())
    assert {clause: cells[0] for clause, cells in ROWS.items()} == {clause: heading(clause) for clause in ROWS}


def test_every_event_and_rule_that_the_page_names_exists():
    events = {fact.event for fact in (*FACTS, EventCorrected, EventRetracted)}
    assert [name for name in named(PAGE) if name not in events | RULES.keys()] == []


def test_the_page_names_every_event_and_every_rule_once():
    events = {fact.event for fact in (*FACTS, EventCorrected, EventRetracted)}
    assert sorted(named(PAGE)) == sorted(events | RULES.keys())


@pytest.mark.parametrize("clause", policy.clauses())
def test_a_clauses_row_names_the_events_and_rules_that_cite_it(clause):
    _, events, rules, reason = ROWS[clause]
    assert {fact.event for fact in FACTS if fact.clause == clause} <= set(named(events))
    assert set(named(rules)) == {name for name, spec in RULES.items() if spec.clause == clause}
    assert (named(events) and named(rules)) or reason


def test_no_event_cites_what_is_no_clause():
    assert {fact.clause for fact in FACTS} - policy.clauses().keys() == {None}
