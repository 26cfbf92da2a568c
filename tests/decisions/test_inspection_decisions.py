"""督查: findings, how their rectification goes, and what follows the closing. Clause 8.4."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from domain.records import AGGREGATES, state_json
from domain.refusals import Code

I = "inspections/dc-1"  # noqa: E741  # the inspection of these tests
SEEN = {"finding": "f1", "clause": "4.1", "about": "communities/c1", "observed": "用房仍在出租"}


@pytest.fixture
def opened(on):
    return on("2020-05-01", I, "InspectionOpened", new_city="fengdong", subject="社区用房")


@pytest.fixture
def until(on, opened):
    """The events up to the one that a finding has come to."""
    along = [
        on("2020-05-02", I, "InspectionFindingRecorded", **SEEN),
        on("2020-05-03", I, "RectificationOrdered", finding="f1", due_on="2020-06-30"),
        on("2020-07-01", I, "RectificationRejected", finding="f1", reasons="只退了一半"),
        on("2020-08-01", I, "RectificationConfirmed", finding="f1"),
    ]
    reached = {"opened": 0, "found": 1, "ordered": 2, "rejected": 3, "confirmed": 4}

    def events(standing):
        return [opened, *along[: reached[standing]]]

    return events


NEXT = {
    "RectificationOrdered": {"finding": "f1", "due_on": "2020-12-31"},
    "RectificationRejected": {"finding": "f1", "reasons": "仍未腾退"},
    "RectificationConfirmed": {"finding": "f1"},
}


def findings(world):
    return state_json(AGGREGATES["inspections"], "dc-1", 0, world.state(I))["findings"]


def test_a_finding_says_of_which_clause_it_is_and_what_it_is_about(given, until):
    world = given(*until("found")).then(I, status="open", new_city="fengdong", subject="社区用房")
    assert findings(world) == [SEEN | {"position": 2, "effective_on": "2020-05-02"}]


def test_the_clause_of_a_finding_is_sent_and_stored_under_its_own_name(given, until, corrected):
    world = given(*until("found"))
    assert world.history(I).entries[1].fact.model_dump(mode="json") == SEEN
    world.when(corrected(I, 2, clause="4.2")).then(I)
    assert findings(world)[0] | {"clause": "4.2"} == findings(world)[0]
    world.when(corrected(I, 2, of_clause="4.2")).refused(Code.INVALID_FIELDS)
    world.when(corrected(I, 2, clause=None)).refused(Code.INVALID_FIELDS)


@pytest.mark.parametrize(
    ("standing", "allowed"),
    [
        ("found", {"RectificationOrdered"}),
        ("ordered", {"RectificationOrdered", "RectificationConfirmed", "RectificationRejected"}),
        ("rejected", {"RectificationOrdered", "RectificationConfirmed"}),
        ("confirmed", set()),
    ],
)
@pytest.mark.parametrize("event", NEXT)
def test_rectification_goes_from_order_to_confirmation(given, on, until, standing, allowed, event):
    asked = given(*until(standing)).when(on("2020-09-01", I, event, **NEXT[event]))
    if event in allowed:
        asked.then(I, status="open")
    else:
        asked.refused(Code.OUT_OF_ORDER, saying=event)


def test_what_was_found_wanting_is_ordered_again_and_shows_every_last_step(given, on, until):
    world = given(*until("rejected"), on("2020-07-02", I, "RectificationOrdered", **NEXT["RectificationOrdered"]))
    world.when(on("2020-09-01", I, "RectificationRejected", **NEXT["RectificationRejected"])).then(I)
    (finding,) = findings(world)
    assert (finding["due_on"], finding["reasons"]) == ("2020-12-31", "仍未腾退")
    assert {event: step["effective_on"] for event, step in finding["steps"].items()} == {
        "RectificationOrdered": "2020-07-02",
        "RectificationRejected": "2020-09-01",
    }
    world.when(on("2020-10-01", I, "RectificationConfirmed", finding="f1")).then(I)


@pytest.mark.parametrize("event", NEXT)
def test_only_what_was_found_is_put_right(given, on, opened, event):
    given(opened).when(on("2020-09-01", I, event, **NEXT[event])).refused(Code.NOT_STANDING, saying="f1")


def test_no_step_is_dated_before_the_one_that_it_follows(given, on, until, retracted):
    world = given(*until("found"))
    world.when(on("2020-05-01", I, "RectificationOrdered", **NEXT["RectificationOrdered"])).refused(Code.NOT_STANDING)
    world = given(*until("confirmed"))
    world.when(retracted(I, 3)).refused(Code.STANDS_IN_THE_WAY, positions=(4, 5))


def test_a_finding_is_recorded_once(given, on, until):
    given(*until("found")).when(on("2020-05-03", I, "InspectionFindingRecorded", **SEEN)).refused(
        Code.ALREADY_STANDING, positions=(2,)
    )


@pytest.mark.parametrize("standing", ["opened", "found", "ordered", "rejected", "confirmed"])
def test_an_inspection_is_closed_however_its_findings_stand(given, on, until, standing):
    world = given(*until(standing)).when(on("2020-12-01", I, "InspectionClosed", summary="已办结"))
    world.then(I, status="closed").then(I, on="2020-11-30", status="open")


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        *NEXT.items(),
        ("InspectionFindingRecorded", SEEN | {"finding": "f2"}),
        ("InspectionClosed", {"summary": "再次办结"}),
    ],
)
def test_nothing_follows_the_closing(given, on, until, event, fields):
    world = given(*until("ordered"), on("2020-12-01", I, "InspectionClosed", summary="已办结"))
    world.when(on("2020-12-01", I, event, **fields)).refused(Code.CLOSED)
    if event == "RectificationConfirmed":
        world.when(on("2020-11-30", I, event, **fields)).then(I, status="closed")


@pytest.mark.parametrize("about", ["communities", "communities/", "c1", "communities/c 1"])
def test_a_finding_is_about_a_record(given, on, opened, about):
    with pytest.raises(ValidationError):
        given(opened).when(on("2020-05-02", I, "InspectionFindingRecorded", **(SEEN | {"about": about}))).then(I)
