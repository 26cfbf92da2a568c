"""Rules over whatever histories the procedures admit: they never raise, and say nothing but what is on record."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.community import BodyFormed
from domain.corrections import EventRetracted
from domain.entry import Entry
from domain.history import History
from domain.records import AGGREGATES
from domain.refusals import Refused
from domain.rules import RULES
from domain.rules.counts import premises_by_day
from domain.rules.posts import held_after, post_steps
from domain.schemes import first_scheme
from domain.scoring import Yardstick, findings, score

often = settings(max_examples=40, deadline=None)
ON = st.integers(-100, 1100).map(lambda days: date(2019, 6, 1) + timedelta(days=days))
YEARS = st.sampled_from([2019, 2020, 2021, 2022])


@pytest.fixture(scope="module")
def first():
    return Yardstick.of(first_scheme())


def said_by(city, yardstick):
    return [(one.rule, *one.finding) for one in findings(city, yardstick)]


def scores_of(city, yardstick):
    """Both scores, and every figure of every line."""
    scored = score(city, yardstick, ())
    return scored._replace(lines=()), [line._replace(findings=()) for line in scored.lines]


def test_a_rule_says_one_thing_of_each_subject_on_evidence_known_by_then(worlds, first):
    @often
    @given(worlds(), YEARS, ON, st.data())
    def holds(world, year, on, data):
        known_at = data.draw(st.integers(0, len(world.entries)))
        city = world.city(year, on, known_at)
        subjects = set()
        for judged in findings(city, first):
            finding = judged.finding
            key = judged.rule, finding.about, finding.figures.get("purpose")
            assert key not in subjects
            subjects.add(key)
            assert (finding.since is not None) == (finding.outcome == "found")
            assert finding.since is None or finding.since <= city.day
            assert finding.evidence, judged
            assert list(finding.evidence) == sorted(set(finding.evidence))
            assert finding.evidence[-1] <= known_at
            assert finding.outcome != "undeterminable" or finding.missing
            json.dumps(dict(finding.figures))

    holds()


def test_what_was_judged_at_a_position_is_judged_of_a_log_that_ends_there(worlds, first):
    @often
    @given(worlds(), YEARS, ON, st.data())
    def holds(world, year, on, data):
        known_at = data.draw(st.integers(0, len(world.entries)))
        ending = type(world)(world.entries[:known_at])
        assert said_by(world.city(year, on, known_at), first) == said_by(ending.city(year, on), first)

    holds()


def test_lines_add_up_to_the_scores(worlds, first):
    @often
    @given(worlds(), YEARS, ON)
    def holds(world, year, on):
        scored = score(world.city(year, on), first, ())
        assert scored.indicative == 100 - sum(line.indicative_deducted for line in scored.lines)
        for line in scored.lines:
            found = sum((one.points for one in line.findings), Decimal(0))
            assert line.indicative_deducted == min(line.cap, found)
            assert 0 <= line.undeterminable <= line.cap - line.indicative_deducted

    holds()


def test_what_is_retracted_is_judged_as_if_it_had_never_been_recorded(worlds, first, entry_of):
    @often
    @given(worlds(corrected=False), YEARS, ON, st.data())
    def holds(world, year, on, data):
        target = data.draw(st.sampled_from(world.entries))
        before = world.histories()[target.record]
        position, version = len(world.entries) + 1, before.version + 1
        because = {"version": target.version, "reasons": "并无此事"}
        retraction = entry_of(position, target.record, version, "2022-05-01", EventRetracted.event, because)
        try:
            before.and_then(retraction).admitted_after(before)
        except Refused:
            return
        never = type(world)(entry for entry in world.entries if entry is not target)
        retracted = type(world)([*world.entries, retraction])
        assert said_by(retracted.city(year, on), first) == said_by(never.city(year, on), first)
        assert scores_of(retracted.city(year, on), first) == scores_of(never.city(year, on), first)
        known_before = retracted.city(year, on, known_at=position - 1)
        assert said_by(known_before, first) == said_by(world.city(year, on), first)

    holds()


def test_the_order_in_which_two_independent_facts_were_recorded_does_not_matter(worlds, first):
    @often
    @given(worlds(corrected=False), YEARS, ON, st.data())
    def holds(world, year, on, data):
        at = data.draw(st.integers(0, len(world.entries) - 2))
        one, other = world.entries[at : at + 2]
        if one.content.effective_on == other.content.effective_on or (one.record == other.record and one.version == 1):
            return
        swapped = [
            *world.entries[:at],
            Entry(one.position, *_place(other, one), *other[3:]),
            Entry(other.position, *_place(one, other), *one[3:]),
            *world.entries[at + 2 :],
        ]
        for record, history in type(world)(swapped).histories().items():
            try:
                history.admitted_after(History(AGGREGATES[record.partition("/")[0]]))
            except Refused:
                return  # they were not independent: one stands on the other
        moved = {one.position: other.position, other.position: one.position}
        was = [
            (*said[:5], sorted(moved.get(position, position) for position in said[5]), *said[6:])
            for said in said_by(world.city(year, on), first)
        ]
        now = [(*said[:5], list(said[5]), *said[6:]) for said in said_by(type(world)(swapped).city(year, on), first)]
        assert was == now
        assert scores_of(world.city(year, on), first) == scores_of(type(world)(swapped).city(year, on), first)

    holds()


def _place(entry, of):
    """The record of an entry, and its version there once it stands in the place of another."""
    return entry.record, of.version if entry.record == of.record else entry.version


def test_rules_and_folds_agree_on_who_holds_a_post_and_on_the_premises(worlds):
    @often
    @given(worlds(), ON)
    def holds(world, on):
        city = world.city(2022, on)
        for record, subject in city.communities.items():
            state = world.histories()[record].on(city.day)
            assert state is not None
            assert held_after(post_steps(subject)).keys() == state.items("posts").keys()
            areas = premises_by_day(subject)
            standing = sum((Decimal(item.value("area")) for item in state.items("premises").values()), Decimal(0))
            assert (areas[max(areas)].value if areas else 0) == standing
            assert {step.fact.body for step in subject.of(BodyFormed)} == set(state.items("bodies"))
            assert (subject in city.active) == (state.status == "active")

    holds()


@pytest.mark.parametrize("name", RULES)
def test_a_new_city_with_nothing_on_record_is_said_nothing_of(name, world_of):
    uses = {use.rule.name: use for use in Yardstick.of(first_scheme()).uses}
    assert list(RULES[name].judge(world_of([]).city(2020), uses[name].figures)) == []
