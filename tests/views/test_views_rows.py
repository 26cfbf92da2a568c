"""A row tells the record's present, and everything it has been at any (position, day)."""

# fixtures are the callables of conftest.py

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.records import AGGREGATES, state_json
from infrastructure.views.rows import grams, grams_of_search
from projections.records import Course, fold, owners, row, row_alone, state_of

often = settings(max_examples=150, deadline=None)


def rows_of(ledger):
    """The rows of a ledger, by record, each folded whole."""
    courses = {}
    for kind, aggregate in AGGREGATES.items():
        for record in ledger.records(kind):
            courses[record] = fold(aggregate, record.partition("/")[2], Course(), ledger.history(record).entries)
    found = {}
    for record, course in courses.items():
        kind, _, record_id = record.partition("/")
        named = owners(AGGREGATES[kind], course.entries)
        cases = [
            one for name, one in courses.items() if record in owners(AGGREGATES[name.partition("/")[0]], one.entries)
        ]
        found[record] = row(AGGREGATES[kind], record_id, course, {owner: courses[owner] for owner in named}, cases)
    return found


def test_folded_in_bits_or_whole_a_course_is_the_same(some_moves, played):
    @often
    @given(some_moves, st.data())
    def holds(moves, data):
        ledger = played("e", moves).ledger
        for kind, aggregate in AGGREGATES.items():
            for record in ledger.records(kind):
                entries = ledger.history(record).entries
                cut = data.draw(st.integers(0, len(entries)))
                whole = fold(aggregate, "e", Course(), entries)
                assert fold(aggregate, "e", fold(aggregate, "e", Course(), entries[:cut]), entries[cut:]) == whole
                assert whole.state == ledger.history(record).state
                assert whole.steps == ledger.history(record).steps
                assert row_alone(aggregate, "e", entries[:1]) == row(
                    aggregate, "e", fold(aggregate, "e", Course(), entries[:1])
                )

    holds()


def test_faces_are_those_of_every_position_and_day_and_no_others(some_moves, played, days):
    @often
    @given(some_moves)
    def holds(moves):
        ledger = played("e", moves).ledger
        rows = rows_of(ledger)
        for record, one in rows.items():
            statuses, names, places = set(), set(), set()
            for position in range(1, len(ledger.entries) + 1):
                for day in days:
                    state = ledger.state(record, position, day)
                    if state is not None:
                        statuses.add(state.status)
                        names |= {state.value("name")} - {None}
                        places.add(ledger.place(record, position, day))
            formerly = {word.partition(" ")[2] for word in one.formerly if word.startswith("status ")}
            assert formerly == statuses - {one.status}
            assert set(one.names) == {name.casefold() for name in names}
            for new_city, township in places:
                assert new_city == one.new_city or f"new_city {new_city}" in one.formerly
                assert township == one.township or f"township {township}" in one.formerly

    holds()


def test_a_settled_row_is_the_answer(some_moves, played, days):
    @often
    @given(some_moves)
    def holds(moves):
        ledger = played("e", moves).ledger
        for record, one in rows_of(ledger).items():
            kind = AGGREGATES[one.kind]
            first = ledger.history(record).entries[0]
            kept = one.state
            if one.version == 1 and kept is None:
                kept = state_of(kind, one.id, first)
            for position in range(1, len(ledger.entries) + 1):
                for day in days:
                    state = ledger.state(record, position, day)
                    if state is not None:
                        assert one.first_position <= position
                        assert one.first_on <= day
                    if one.last_position <= position and one.latest_on <= day:
                        version = ledger.history(record, position).version
                        assert (kept is None) == (state is None)
                        assert state is None or json.loads(kept or "") == state_json(kind, one.id, version, state)

    holds()


def numbers(grams):
    return set(grams[1:-1].split(", ")) - {""}


def test_every_text_has_the_numbers_of_what_is_in_it():
    @given(st.text(max_size=12), st.data())
    def holds(name, data):
        text = name.casefold()
        start = data.draw(st.integers(0, len(text)))
        part = text[start : data.draw(st.integers(start, len(text)))]
        assert numbers(grams_of_search(part)) <= numbers(grams(text))
        assert len(numbers(grams_of_search(part))) > 0 or not part

    holds()


def test_a_case_opened_again_for_another_village_is_not_seen_with_the_first(played):
    ledger = played("e", [(0, 9, 0, 0), (1, 9, 0, 1), (3, 9, 1, 0), (3, 0, 2, 0), (3, 9, 3, 1)]).ledger
    rows = rows_of(ledger)
    assert [one.event for one in (entry.fact for entry in ledger.entries)][-2:] == [
        "EventRetracted",
        "ConversionProposed",
    ]
    assert rows["villages/e-0"].status == "standing"
    assert rows["villages/e-0"].formerly == ("status converting",)
    assert rows["villages/e-1"].status == "converting"
    assert rows["conversion-cases/e-0"].new_city == "fengxi"
    assert "new_city fengdong" in rows["conversion-cases/e-0"].formerly
