"""A record's state at (position, day), over histories with late entries, corrections and retractions."""

# fixtures are the callables of conftest.py

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.corrections import EventCorrected, EventRetracted
from domain.entry import Entry
from domain.history import History, as_it_stands
from domain.records import AGGREGATES, state_json
from domain.refusals import Refused
from domain.state import State

KINDS = ["communities", "funding-allocations", "villages", "conversion-cases", "estates", "inspections"]
DAYS = [date(2019, 12, 31) + timedelta(days=days) for days in range(15)]

every_kind = pytest.mark.parametrize("kind", KINDS)
often = settings(max_examples=40, deadline=None)


def folded(kind: str, entries: Sequence[Entry], day: date, without: frozenset[int] = frozenset()) -> State | None:
    """The state by the words of the contract alone: retracted out, corrections on, by day and position, one by one."""
    said = [entry for entry in entries if entry.version not in without]
    targets = {entry.version: entry.fact.version for entry in said if isinstance(entry.fact, EventCorrected)}
    gone = {entry.fact.version for entry in said if isinstance(entry.fact, EventRetracted)}

    def about(version: int) -> int:
        return about(targets[version]) if version in targets else version

    def corrections(version: int) -> list[Entry]:
        return [one for one in said if one.version in targets.keys() - gone and about(one.version) == version]

    facts = [entry for entry in said if not isinstance(entry.fact, EventCorrected | EventRetracted)]
    steps = [as_it_stands(entry, corrections(entry.version)) for entry in facts if entry.version not in gone]
    state: State | None = None
    for step in sorted(steps, key=lambda step: (step.effective_on, step.position)):
        if step.effective_on <= day:
            state = AGGREGATES[kind].evolve(state, step)
    return state


def shown(kind: str, state: State | None) -> str | None:
    """The bytes that a client would see."""
    return None if state is None else json.dumps(state_json(AGGREGATES[kind], "r1", 0, state))


@every_kind
def test_what_was_known_at_a_position_is_the_fold_of_a_log_that_ends_there(kind, histories):
    @often
    @given(histories(kind), st.data())
    def holds(recorder, data):
        position = data.draw(st.integers(0, 2 * recorder.history.version + 1))
        day = data.draw(st.sampled_from(DAYS))
        ending = [entry for entry in recorder.history.entries if entry.position <= position]
        assert shown(kind, recorder.history.until(position).on(day)) == shown(kind, folded(kind, ending, day))

    holds()


@every_kind
def test_a_history_grown_entry_by_entry_is_the_history_of_its_entries(kind, histories):
    @often
    @given(histories(kind))
    def holds(recorder):
        fresh = History(AGGREGATES[kind], recorder.history.entries)
        assert recorder.history.steps == fresh.steps
        assert recorder.history.resolved == fresh.resolved
        for day in DAYS:
            assert shown(kind, recorder.history.on(day)) == shown(kind, fresh.on(day))

    holds()


@every_kind
def test_what_was_admitted_once_is_admitted_from_the_beginning(kind, histories):
    @often
    @given(histories(kind))
    def holds(recorder):
        state = None
        for step in recorder.history.steps:
            AGGREGATES[kind].admits(state, step)
            state = AGGREGATES[kind].evolve(state, step)

    holds()


@every_kind
def test_a_retracted_entry_leaves_the_state_as_if_it_had_never_been_recorded(kind, histories):
    @often
    @given(histories(kind))
    def holds(recorder):
        entries = recorder.history.entries
        retractions = {entry.version: entry.fact.version for entry in entries if isinstance(entry.fact, EventRetracted)}
        about = {
            entry.version
            for entry in entries
            if isinstance(entry.fact, EventCorrected)
            and {entry.fact.version, recorder.history.original(entry.version)} & set(retractions.values())
        }
        never = frozenset({*retractions, *retractions.values()} | about)
        for day in DAYS:
            assert shown(kind, recorder.history.on(day)) == shown(kind, folded(kind, entries, day, never))

    holds()


@every_kind
def test_facts_of_different_days_leave_the_same_whichever_is_recorded_first(kind, histories):
    @often
    @given(histories(kind), st.randoms(use_true_random=False))
    def holds(recorder, random):
        plain = [step for step in recorder.history.steps if step.corrected is None]
        by_day = {step.effective_on: step for step in plain}.values()
        one_a_day = [recorder.history.entries[step.version - 1] for step in by_day]
        shuffled = random.sample(one_a_day, len(one_a_day))
        renumbered = [entry._replace(position=index, version=index) for index, entry in enumerate(shuffled, 1)]
        for day in DAYS:
            assert said_by(kind, _folding(kind, one_a_day, day)) == said_by(kind, _folding(kind, renumbered, day))

    holds()


def _folding(kind: str, entries: Sequence[Entry], day: date) -> State | None:
    state: State | None = None
    for step in History(AGGREGATES[kind], entries).steps:
        try:
            AGGREGATES[kind].admits(state, step)
        except Refused:  # what stood on a step left out here is left out too
            continue
        state = AGGREGATES[kind].evolve(state, step) if step.effective_on <= day else state
    return state


def said_by(kind: str, state: State | None) -> object:
    """A state without the places of its entries in the log."""

    def placeless(value: object) -> object:
        if isinstance(value, dict):
            return {name: placeless(one) for name, one in value.items() if name not in ("position", "sealed")}
        return [placeless(one) for one in value] if isinstance(value, list) else value

    return None if state is None else placeless(state_json(AGGREGATES[kind], "r1", 0, state))
