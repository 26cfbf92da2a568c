"""更正与作废: what corrections and retractions leave standing, on which day, and on which entry."""

# fixtures are the callables of conftest.py

from __future__ import annotations

import pytest

from domain.records import AGGREGATES, state_json
from domain.refusals import Code

C = "communities/c1"
LI = {"id": "li-1", "name": "李"}


@pytest.fixture
def established(on):
    return on(
        "2020-01-01", C, "CommunityEstablished", name="甲社区", origin="existing", township_code="610112002",
        township="三桥街道", new_city="fengdong", households=900,
    )  # fmt: skip


@pytest.fixture
def counted(on):
    def count(day, households):
        return on(day, C, "HouseholdsCounted", households=households)

    return count


def test_a_corrected_field_stands_on_the_correction_from_the_events_own_day(given, established, counted, corrected):
    world = given(established, counted("2020-06-30", 1180), corrected(C, 2, households=1810))
    world.then(C, households=1810).then(C, on="2020-06-29", households=900)
    world.then(C, on="2020-06-30", households=1810)
    assert shown_values(world)["households"] == {"position": 3, "effective_on": "2020-06-30", "corrects": 2}
    assert shown_values(world)["name"] == {"position": 1, "effective_on": "2020-01-01"}


def test_a_corrected_day_moves_the_value_which_still_stands_on_its_first_entry(given, established, counted, corrected):
    world = given(established, counted("2020-06-30", 1180), corrected(C, 2, effective_on="2020-05-31"))
    world.then(C, on="2020-05-30", households=900).then(C, on="2020-05-31", households=1180)
    assert shown_values(world)["households"] == {"position": 2, "effective_on": "2020-05-31"}


def test_null_takes_an_optional_field_away_and_never_a_needed_one(given, established, corrected):
    world = given(established)
    world.when(corrected(C, 1, households=None)).then(C, households=None)
    assert "households" not in shown_values(world)
    world.when(corrected(C, 1, name=None)).refused(Code.INVALID_FIELDS)


@pytest.mark.parametrize("data", [{"nonsense": 1}, {"nonsense": None}, {"households": "900"}, {"origin": "other"}])
def test_a_corrected_event_is_checked_as_a_whole_event(given, established, corrected, data):
    given(established).when(corrected(C, 1, **data)).refused(Code.INVALID_FIELDS)


def test_corrections_add_up_and_the_later_one_wins(given, established, corrected):
    world = given(established, corrected(C, 1, households=901, name="乙社区"), corrected(C, 1, households=902))
    world.then(C, households=902, name="乙社区")
    assert shown_values(world)["name"]["position"] == 2
    assert shown_values(world)["households"]["position"] == 3


def test_a_correction_of_a_correction_speaks_of_the_first_entry(given, established, counted, corrected):
    world = given(
        established, counted("2020-06-30", 1180), corrected(C, 2, households=1810), corrected(C, 3, households=1108)
    )
    world.then(C, households=1108)
    assert shown_values(world)["households"] == {"position": 4, "effective_on": "2020-06-30", "corrects": 2}


def test_a_retracted_correction_restores_what_stood_before_it(given, established, counted, corrected, retracted):
    corrections = [corrected(C, 2, households=1810), corrected(C, 2, effective_on="2020-07-31")]
    world = given(established, counted("2020-06-30", 1180), *corrections)
    world.when(retracted(C, 4)).then(C, on="2020-06-30", households=1810)
    world.when(retracted(C, 3)).then(C, on="2020-06-30", households=1180)
    assert shown_values(world)["households"] == {"position": 2, "effective_on": "2020-06-30"}


def test_a_retracted_event_never_happened(given, established, counted, retracted):
    world = given(established, counted("2020-06-30", 1180), counted("2020-07-31", 1190))
    world.when(retracted(C, 3)).then(C, households=1180)
    world.when(retracted(C, 2)).then(C, households=900)


def test_on_one_day_the_later_entry_wins_and_a_corrected_one_keeps_its_rank(given, established, counted, corrected):
    world = given(established, counted("2020-06-30", 1), counted("2020-06-30", 2)).then(C, households=2)
    world.when(corrected(C, 2, households=3)).then(C, households=2)
    world.when(corrected(C, 3, households=4)).then(C, households=4)


def test_an_entry_moved_to_anothers_day_ranks_there_by_its_first_position(given, established, counted, corrected):
    world = given(established, counted("2020-06-30", 1), counted("2020-05-31", 2))
    world.when(corrected(C, 2, effective_on="2020-05-31")).then(C, households=2)


def test_the_day_of_a_correction_is_the_day_it_was_decided_and_no_fold_reads_it(given, established, corrected):
    world = given(established, corrected(C, 1, households=901))
    world.then(C, on="2020-01-01", households=901)


def test_what_is_known_at_a_position_is_untouched_by_later_corrections(given, established, counted, corrected):
    world = given(established, counted("2020-06-30", 1180), corrected(C, 2, households=1810))
    assert world.history(C).until(2).state.value("households") == 1180
    assert world.history(C).until(3).state.value("households") == 1810


def test_a_retracted_opening_leaves_nothing_and_the_record_may_be_opened_again(given, established, on, retracted):
    world = given(established, retracted(C, 1))
    assert world.state(C) is None
    world.when(on("2020-02-01", C, "HouseholdsCounted", households=1)).refused(Code.BEFORE_OPENING)
    world.when(established).then(C, status="active", households=900)
    assert world.history(C).version == 3
    assert shown_values(world)["name"]["position"] == 3


def test_an_opening_on_which_something_stands_is_not_retracted(given, established, counted, retracted):
    given(established, counted("2020-06-30", 1), counted("2020-07-31", 2)).when(retracted(C, 1)).refused(
        Code.STANDS_IN_THE_WAY, positions=(2, 3)
    )


def test_a_late_entry_on_which_recorded_ones_could_not_stand_names_them(given, on, established):
    held = {"person": LI, "body": "party", "role": "secretary"}
    left = held | {"person": "li-1"}
    world = given(
        established,
        on("2020-02-01", C, "PostFilled", **held),
        on("2020-06-01", C, "PostVacated", **left),
    )
    world.when(on("2020-04-01", C, "PostVacated", **left)).refused(
        Code.STANDS_IN_THE_WAY, saying="entries 3", positions=(3,)
    )


def test_a_retraction_on_which_later_steps_stand_names_them_all(given, on, established, retracted):
    premises = {"premises": "yf-1", "area": "320.5", "address": "三桥街1号", "how": "built"}
    given(
        established,
        on("2020-02-01", C, "PremisesProvided", **premises),
        on("2020-03-01", C, "PremisesTitleRegistered", premises="yf-1", title="001号"),
        on("2020-04-01", C, "PremisesWithdrawn", premises="yf-1", reason="到期"),
    ).when(retracted(C, 2)).refused(Code.STANDS_IN_THE_WAY, positions=(3, 4))


def test_a_corrected_step_that_would_not_be_admitted_is_refused_for_its_own_reason(given, on, established, corrected):
    world = given(
        established,
        on("2020-02-01", C, "PostFilled", person=LI, body="party", role="secretary"),
        on("2020-06-01", C, "PostVacated", person="li-1", body="party", role="secretary"),
    )
    world.when(corrected(C, 3, role="member")).refused(Code.NOT_STANDING)
    world.when(corrected(C, 3, effective_on="2020-01-15")).refused(Code.NOT_STANDING)


def test_a_corrected_name_keeps_the_place_that_it_was_sealed_for(given, on, established, corrected):
    world = given(
        established,
        on("2020-02-01", C, "PostFilled", person=LI, body="party", role="secretary"),
        corrected(C, 2, person={"id": "li-1", "name": "李某"}),
    )
    (post,) = shown(world)["posts"]
    assert post["person"] == {"id": "li-1", "name": "李某", "sealed": [3, "/data/data/person/name"]}


def shown(world):
    return state_json(AGGREGATES["communities"], "c1", 0, world.state(C))


def shown_values(world):
    return shown(world)["values"]
