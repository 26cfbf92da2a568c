"""住宅小区: the premises gates, occupancy, who serves an estate, and three-without estates. Clauses 2.3, 4.3, 6.3."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from domain.refusals import Code

E = "estates/e1"
C = "communities/c1"
PREMISES = {"premises": "yf-1", "area": "320.5"}
PLAN = {"agreed": True, "area": "320.5", "location": "3号楼一层", "opinion": "同意"}
CERTIFIED, ACCEPTED = {"certificate": "西咸用房〔2021〕1号"}, {"acceptance": "备案〔2021〕9号"}
GATES = {
    "PremisesTermsSet": {"contract": "出让合同〔2019〕7号"},
    "MasterPlanReviewed": PLAN,
    "PresaleExclusionRecorded": {"permit": "预售〔2020〕3号", "area": "320.5"},
    "CommitmentCertified": CERTIFIED,
    "CompletionAccepted": ACCEPTED,
}


@pytest.fixture
def registered(on):
    return on(
        "2019-06-01", E, "EstateRegistered", name="某某苑", developer={"name": "某置业有限公司"},
        households_planned=1200, township_code="610112002", township="三桥街道", new_city="fengdong",
    )  # fmt: skip


@pytest.fixture
def certified(on, registered):
    return [registered, on("2021-03-01", E, "CommitmentCertified", **CERTIFIED)]


def test_the_premises_gates_in_their_order(given, on, registered):
    gates = [on(f"2020-0{month}-01", E, event, **fields) for month, (event, fields) in enumerate(GATES.items(), 1)]
    world = given(registered, *gates[:4]).then(E, status="registered")
    world.when(gates[4]).then(E, status="accepted", premises=[])
    world.when(on("2020-06-01", E, "PremisesHandedOver", **PREMISES)).then(E, status="handed-over")
    assert list(world.state(E).steps) == list(GATES)
    assert [one.value("area") for one in world.state(E).items("premises").values()] == ["320.5"]
    world.then(E, on="2020-05-31", status="accepted").then(E, on="2020-04-30", status="registered")


@pytest.mark.parametrize("skipped", ["PremisesTermsSet", "MasterPlanReviewed", "PresaleExclusionRecorded"])
def test_a_gate_that_a_rule_judges_is_not_guarded(given, on, certified, skipped):
    accepted = on("2021-04-01", E, "CompletionAccepted", **ACCEPTED)
    given(*certified).when(accepted).then(E, status="accepted")
    given(*certified, accepted).when(on("2021-05-01", E, skipped, **GATES[skipped])).then(E, status="accepted")


@pytest.mark.parametrize("day", ["2021-02-28", "2021-03-01"])
def test_completion_is_accepted_from_the_day_of_its_certificate_on(given, on, certified, day):
    asked = given(*certified).when(on(day, E, "CompletionAccepted", **ACCEPTED))
    if day < "2021-03-01":
        asked.refused(Code.OUT_OF_ORDER, saying="follows CommitmentCertified")
    else:
        asked.then(E, status="accepted")


def test_completion_without_a_certificate_is_refused(given, on, registered):
    given(registered).when(on("2021-04-01", E, "CompletionAccepted", **ACCEPTED)).refused(Code.OUT_OF_ORDER)


def test_a_certificate_that_a_completion_stands_on_is_not_retracted(given, on, certified, retracted, corrected):
    world = given(*certified, on("2021-04-01", E, "CompletionAccepted", **ACCEPTED))
    world.when(retracted(E, 2)).refused(Code.STANDS_IN_THE_WAY, positions=(3,))
    world.when(corrected(E, 2, "2021-04-02")).refused(Code.STANDS_IN_THE_WAY, positions=(3,))
    world.when(corrected(E, 2, "2021-04-01")).then(E, status="accepted")


def test_premises_handed_over_before_acceptance_stay_handed_over(given, on, certified):
    handed_over = on("2021-03-15", E, "PremisesHandedOver", **PREMISES)
    given(*certified, handed_over).when(on("2021-04-01", E, "CompletionAccepted", **ACCEPTED)).then(
        E, status="handed-over"
    )


def test_premises_are_handed_over_once_each(given, on, certified):
    world = given(*certified, on("2021-04-01", E, "PremisesHandedOver", **PREMISES))
    world.when(on("2021-05-01", E, "PremisesHandedOver", **PREMISES)).refused(Code.ALREADY_STANDING, positions=(3,))
    world.when(on("2021-05-01", E, "PremisesHandedOver", premises="yf-2", area="80")).then(E)
    assert list(world.state(E).items("premises")) == ["yf-1", "yf-2"]


def test_households_that_moved_in_stand_beside_those_planned(given, on, registered):
    world = given(registered).then(E, households=None, households_planned=1200)
    world.when(on("2020-06-30", E, "OccupancyCounted", households=610)).then(E, households=610, households_planned=1200)
    world.when(on("2020-03-31", E, "OccupancyCounted", households=300)).then(E, households=610)
    world.then(E, on="2020-06-29", households=300).then(E, on="2020-03-30", households=None)


def test_a_community_follows_the_group_and_the_caretaker(given, on, registered):
    world = given(
        registered,
        on("2020-01-01", E, "ResidentGroupFormed"),
        on("2020-02-01", E, "CaretakerAssigned", community="c0"),
        on("2020-09-01", E, "CommunityAssigned", community="c1"),
    )
    assert {event: step.effective_on.month for event, step in world.state(E).steps.items()} == {
        "ResidentGroupFormed": 1,
        "CaretakerAssigned": 2,
        "CommunityAssigned": 9,
    }
    assert world.state(E).steps["CommunityAssigned"].fact.value("community") == "c1"


@pytest.fixture
def three_without(on):
    def step(day, event="Found"):
        return on(day, E, f"ThreeWithout{event}", description="无物业" if event == "Found" else "引进物业")

    return step


def test_a_three_without_estate_is_resolved_and_may_become_one_again(given, registered, three_without):
    world = given(registered, three_without("2020-01-01"), three_without("2020-05-01", "Resolved"))
    world.when(three_without("2020-09-01")).then(E)
    first, second = (item for item in world.state(E).items("three_without").values())
    assert first.value("description") == "无物业"
    assert first.later["ThreeWithoutResolved"].fact.value("description") == "引进物业"
    assert (second.opened.position, second.later) == (4, {})


def test_what_is_found_already_is_not_found_again(given, registered, three_without):
    world = given(registered, three_without("2020-01-01"))
    world.when(three_without("2020-02-01")).refused(Code.ALREADY_STANDING, saying="2020-01-01", positions=(2,))
    world.when(three_without("2019-12-01")).refused(Code.STANDS_IN_THE_WAY, positions=(2,))


def test_only_what_was_found_is_resolved_and_once(given, registered, three_without):
    given(registered).when(three_without("2020-05-01", "Resolved")).refused(Code.NOT_STANDING)
    world = given(registered, three_without("2020-03-01"))
    world.when(three_without("2020-02-28", "Resolved")).refused(Code.NOT_STANDING)
    world.when(three_without("2020-03-01", "Resolved")).then(E)
    world.when(three_without("2020-06-01", "Resolved")).refused(Code.NOT_STANDING)


def test_a_finding_that_a_resolution_stands_on_is_not_retracted(given, registered, three_without, retracted):
    given(registered, three_without("2020-01-01"), three_without("2020-05-01", "Resolved")).when(
        retracted(E, 2)
    ).refused(Code.STANDS_IN_THE_WAY, positions=(3,))


def test_nothing_is_dated_before_the_registration(given, on, registered):
    given(registered).when(on("2019-05-31", E, "OccupancyCounted", households=1)).refused(Code.BEFORE_OPENING)


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        ("MasterPlanReviewed", PLAN | {"agreed": "yes"}),
        ("MasterPlanReviewed", PLAN | {"area": "-1"}),
        ("PresaleExclusionRecorded", {"permit": "预售〔2020〕3号", "area": 320}),
        ("OccupancyCounted", {"households": -1}),
        ("CaretakerAssigned", {}),
    ],
)
def test_what_a_gate_says_is_exact(given, on, registered, event, fields):
    with pytest.raises(ValidationError):
        given(registered).when(on("2020-01-01", E, event, **fields)).then(E)
