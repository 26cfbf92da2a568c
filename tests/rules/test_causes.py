"""Why a score changed: causes add up exactly, and each point is put down to what was recorded in between."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.causes import Cause, Change, changes_in, difference
from domain.scheme import SchemeAdopted
from domain.schemes import first_scheme
from domain.scoring import Deduction, Yardstick, score

PLACE = {"name": "甲", "township_code": "610112002", "township": "三桥街道", "new_city": "fengdong"}


@pytest.fixture(scope="module")
def first():
    return Yardstick.of(first_scheme())


@pytest.fixture(scope="module")
def dearer():
    """Another scheme, by which a community of a wrong size costs 2 points."""
    whole = first_scheme().model_dump(mode="python", by_alias=True)
    whole["indicators"][2]["rules"][0]["per_finding"] = "2.00"
    return Yardstick.of(SchemeAdopted.model_validate(whole, strict=False))


def community(one, day, households):
    given_ = PLACE | {"origin": "new-estate", "households": households}
    return (f"communities/{one}", day, "CommunityEstablished", given_)


def why(world, yardstick, between, known_on):
    before, after = between
    changes = [
        change
        for record, history in world.histories(after).items()
        for change in changes_in(record, history, before, known_on)
    ]
    return difference(
        score(world.city(2020, known_at=before), yardstick), score(world.city(2020, known_at=after), yardstick), changes
    )


def of_size(causes):
    return [cause for cause in causes if cause.indicator == "community-size"]


def test_a_fact_of_after_the_earlier_time_is_new_and_one_of_before_it_is_late(first, world_of, said):
    world = world_of(said([
        community("a", "2020-01-01", 1000),
        ("communities/a", "2020-06-01", "HouseholdsCounted", {"households": 900}),
        ("communities/a", "2020-09-01", "HouseholdsCounted", {"households": 1200}),
    ]))  # fmt: skip
    known_on = date(2020, 7, 1)
    assert of_size(why(world, first, (1, 2), known_on)) == [
        Cause("indicative", "late-fact", "community-size", Decimal("-1.00"), (2,))
    ]
    assert of_size(why(world, first, (2, 3), known_on)) == [
        Cause("indicative", "new-fact", "community-size", Decimal("1.00"), (3,))
    ]


def test_a_correction_and_a_retraction_are_causes_by_what_they_correct(first, world_of, said):
    world = world_of(said([
        community("a", "2020-01-01", 1000),
        ("communities/a", "2020-06-01", "HouseholdsCounted", {"households": 1100}),
        ("communities/a", "2020-07-01", "EventCorrected", {"version": 2, "data": {"households": 11}, "reasons": "误"}),
        ("communities/a", "2020-07-01", "EventRetracted", {"version": 3, "reasons": "误"}),
    ]))  # fmt: skip
    for between, points in (((2, 3), "-1.00"), ((3, 4), "1.00")):
        assert of_size(why(world, first, between, date(2020, 7, 1))) == [
            Cause("indicative", "corrected-fact", "community-size", Decimal(points), (between[1],))
        ]


def test_what_an_indicator_has_no_more_of_is_put_down_to_nobody(first, world_of, said):
    world = world_of(said([community(one, "2020-01-01", 900) for one in "abcdefghijk"]))
    causes = of_size(why(world, first, (0, 11), date(2019, 1, 1)))
    assert [(cause.points, cause.positions) for cause in causes] == [(Decimal(-1), (one,)) for one in range(1, 9)]


def test_another_scheme_is_a_cause_of_its_own(first, dearer, world_of, said):
    world = world_of(said([community("a", "2020-01-01", 900), community("b", "2020-01-01", 900)]))
    before, anew = score(world.city(2020, known_at=1), first), score(world.city(2020, known_at=1), dearer)
    changes = [Change(2, "communities/b", "late-fact")]
    causes = difference(before, score(world.city(2020), dearer), changes, anew, (7,))
    assert causes[0] == Cause("indicative", "scheme", None, Decimal("-1.00"), (7,))
    assert of_size(causes) == [Cause("indicative", "late-fact", "community-size", Decimal("-2.00"), (2,))]


def test_decisions_and_rulings_move_the_official_score(first, world_of, said):
    city = world_of(said([])).city(2020)

    def deduction(**course):
        taken = tuple((int(position[1:]), Decimal(points)) for position, points in course.items())
        return Deduction("k", "reward", taken[-1][1], contested=False, course=taken, shown={})

    imposed = Change(5, "assessments/2020-fengdong", "decision")
    reduced = Change(9, "assessments/2020-fengdong", "ruling")
    before, then, now = (
        score(city, first, one) for one in (None, [deduction(p5="2.00")], [deduction(p5="2.00", p9="0.50")])
    )
    assert difference(before, then, [imposed]) == [Cause("official", "decision", "reward", Decimal("-2.00"), (5,))]
    assert difference(then, now, [reduced]) == [Cause("official", "ruling", "reward", Decimal("1.50"), (9,))]
    assert difference(before, now, [imposed, reduced]) == [
        Cause("official", "decision", "reward", Decimal("-2.00"), (5,)),
        Cause("official", "ruling", "reward", Decimal("1.50"), (9,)),
    ]


def test_a_difference_that_nothing_accounts_for_is_an_error(first, world_of, said):
    world = world_of(said([community("a", "2020-01-01", 900)]))
    with pytest.raises(ValueError, match="none of the entries in between"):
        difference(score(world.city(2020, known_at=0), first), score(world.city(2020), first), [])


def test_causes_add_up_to_the_difference_of_either_score(worlds, first, dearer):
    points = st.sampled_from(["0.00", "0.50", "1.00", "7.25"])
    imposed = st.lists(st.tuples(st.sampled_from(["reward", "staffing", "gone"]), points, points), max_size=4)

    @settings(max_examples=40, deadline=None)
    @given(worlds(), imposed, st.booleans(), st.data())
    def holds(world, decided, another_scheme, data):
        end = len(world.entries)
        start = data.draw(st.integers(0, end))

        def deductions(which):
            return [
                Deduction(
                    str(at),
                    one[0],
                    Decimal(one[1 + which]),
                    contested=False,
                    course=((end + 1 + at, Decimal(one[1 + which])),),
                    shown={},
                )
                for at, one in enumerate(decided)
            ]

        later = dearer if another_scheme else first
        before = score(world.city(2020, known_at=start), first, deductions(0))
        anew = score(world.city(2020, known_at=start), later, deductions(0)) if another_scheme else None
        after = score(world.city(2020), later, deductions(1))
        changes = [
            change
            for record, history in world.histories().items()
            for change in changes_in(record, history, start, date(2020, 6, 1))
        ]
        changes += [Change(at, "assessments/2020-fengdong", "decision") for at, _ in enumerate(decided, end + 1)]
        causes = difference(before, after, changes, anew)
        for which in ("official", "indicative"):
            moved = sum((cause.points for cause in causes if cause.score == which), Decimal(0))
            assert moved == getattr(after, which) - getattr(before, which)
        assert all(cause.points and start < min(cause.positions, default=start + 1) for cause in causes)

    holds()
