"""扣分: imposed within what the indicator has, of which notice is served, revised and revoked. Clause 8.4."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from application.correcting import correction_target
from domain.corrections import EventCorrected, EventRetracted
from domain.records import AGGREGATES, state_json
from domain.refusals import Code, Refused

A = "assessments/2020-fengdong"
RESULT = {"score": "99.00", "computed_at": 3, "tree_size": 4, "root_hash": "ab" * 32}


@pytest.fixture
def world(given, assessed):
    return lambda *more: given(*assessed, *more)


@pytest.fixture
def revised(on):
    return lambda day, points, **more: on(
        day, A, "DeductionRevised", deduction="k1", points=points, reasons="复核", **more
    )


@pytest.fixture
def revoked(on):
    return lambda day, **more: on(day, A, "DeductionRevoked", deduction="k1", reasons="有误", **more)


@pytest.fixture
def final(on):
    return [on("2021-03-01", A, "ResultPublished", **RESULT), on("2021-03-02", A, "AssessmentFinalised")]


def deduction(world, on=None):
    state = world.state(A) if on is None else world.history(A).on(on)
    (one,) = state_json(AGGREGATES["assessments"], "2020-fengdong", 0, state)["deductions"]
    return one


def test_a_deduction_says_what_it_takes_for_what_and_on_what_evidence(world, imposed):
    stands = deduction(world(imposed()))
    assert stands.items() >= {
        "deduction": "k1", "indicator": "community-size", "points": "1.00", "about": "communities/c1",
        "grounds": "户数不足", "evidence_positions": [9], "computed_at": 11, "status": "in-force",
        "imposed_points": "1.00", "dispute_by": None, "position": 12, "effective_on": "2021-01-10",
    }.items()  # fmt: skip


def test_what_has_come_of_a_deduction_shows_with_what_it_takes_now(world, imposed, revised, revoked):
    halved = deduction(world(imposed(), revised("2021-01-12", "0.50")))
    assert (halved["status"], halved["points"], halved["imposed_points"]) == ("revised", "0.50", "1.00")
    gone = deduction(world(imposed(), revised("2021-01-12", "0.50"), revoked("2021-01-13")))
    assert (gone["status"], gone["points"], gone["reasons"]) == ("revoked", "0.00", "有误")


@pytest.mark.parametrize("points", ["0.00", "1", "1.0", "1.000", "-1.00", "100.01", 2])
def test_points_are_exact_and_more_than_none(world, imposed, points):
    with pytest.raises(ValidationError):
        world().when(imposed(points=points)).then(A)


def test_no_more_is_taken_than_the_indicator_has_left(world, imposed):
    world().when(imposed(points="8.01")).refused(Code.ABOVE_CAP, saying="community-size has 8.00 points")
    held = imposed(points="7.50")
    more = {"deduction": "k2", "about": "communities/c1", "indicator": "staffing"}
    world(held).when(imposed(**more, points="8.01")).refused(Code.ABOVE_CAP)
    world(held).when(imposed(**more, points="8.00")).then(A, status="open")


def test_what_other_deductions_leave_of_the_indicator_counts(world, imposed, on, revoked):
    second = on("2020-01-01", "communities/c2", "CommunityEstablished", name="丙", origin="existing",
                township_code="610112002", township="三桥街道", new_city="fengdong")  # fmt: skip
    asked = imposed(deduction="k2", about="communities/c2", points="1.00")
    begun = world(second, imposed(points="7.50"))
    begun.when(asked).refused(Code.ABOVE_CAP, saying="7.50 of them deducted")
    begun.record(revoked("2021-01-11"))
    begun.when(asked).then(A, status="open")


def test_a_deduction_is_from_an_indicator_of_the_assessments_scheme(world, imposed):
    world().when(imposed(indicator="weather")).refused(Code.UNKNOWN_INDICATOR, saying="opinions-2019")


def test_a_finding_is_deducted_for_once(world, imposed, revoked):
    world(imposed()).when(imposed(deduction="k2")).refused(Code.ALREADY_DEDUCTED, positions=(12,))
    world(imposed(), revoked("2021-01-11")).when(imposed("2021-01-12", deduction="k2")).refused(Code.ALREADY_DEDUCTED)
    world(imposed()).when(imposed(about="communities/c1", indicator="staffing")).refused(Code.ALREADY_STANDING)


def test_an_indicator_of_two_rules_is_deducted_from_for_either(world, imposed):
    fields = {"indicator": "renovation", "about": "communities/c1"}
    begun = world(imposed(**fields))
    begun.when(imposed(deduction="k2", **fields)).then(A)
    begun.when(imposed(deduction="k3", **fields)).refused(Code.ALREADY_DEDUCTED, positions=(12, 13))


@pytest.mark.parametrize(
    ("changes", "code", "saying"),
    [
        ({"evidence_positions": [400]}, Code.UNKNOWN_EVIDENCE, "no entry 400"),
        ({"evidence_positions": [9], "computed_at": 8}, Code.UNKNOWN_EVIDENCE, "recorded after 8"),
        ({"evidence_positions": [9, 10]}, Code.FOREIGN_EVIDENCE, "communities/other"),
        ({"evidence_positions": [1]}, Code.FOREIGN_EVIDENCE, "schemes/opinions-2019"),
        ({"about": "communities/other"}, Code.FOREIGN_EVIDENCE, "but to fengxi"),
        ({"about": "schemes/opinions-2019"}, Code.FOREIGN_EVIDENCE, "does not belong to fengdong"),
    ],
)
def test_evidence_exists_by_then_and_concerns_the_new_city(world, imposed, changes, code, saying):
    world().when(imposed(**changes)).refused(code, saying=saying)


def test_where_nothing_is_on_record_there_is_no_evidence_to_cite(world, imposed):
    assert deduction(world(imposed(evidence_positions=[])))["evidence_positions"] == []


# notice


def test_notice_starts_the_time_to_dispute(world, imposed, served):
    told = deduction(world(imposed(), served()))
    assert (told["dispute_by"], told["recipient"]["id"], told["states_right"]) == ("2021-01-26", "clerk", True)


def test_notice_that_does_not_state_the_right_starts_none_and_another_one_does(world, imposed, served):
    begun = world(imposed(), served(states_right=False))
    assert deduction(begun)["dispute_by"] is None
    begun.record(served("2021-01-20", "2021-02-04"))
    assert deduction(begun)["dispute_by"] == "2021-02-04"
    begun.record(served("2021-01-21", "2021-02-28", states_right=False))
    assert deduction(begun)["dispute_by"] == "2021-02-04"


def test_the_last_day_to_dispute_is_none_too_soon(world, imposed, served):
    world(imposed()).when(served(dispute_by="2021-01-25")).refused(Code.TOO_LITTLE_TIME, saying="2021-01-26")
    world(imposed()).when(served(dispute_by="2021-03-31")).then(A)


def test_the_days_to_dispute_are_counted_as_the_scheme_says(given, assessed, imposed, served):
    working = [one._replace(data=_working(one.data)) if one.type == "SchemeAdopted" else one for one in assessed]
    given(*working, imposed()).when(served()).refused(Code.TOO_LITTLE_TIME, saying="15 working days after 2021-01-11")
    given(*working, imposed()).when(served(dispute_by="2021-02-01")).then(A)
    late = served("2026-12-31", "2027-12-31")
    given(*working, imposed()).when(late).refused(Code.UNKNOWN_CALENDAR, saying="2027")


def _working(scheme):
    days = {"value": "working", "basis": "assumed", "clause": "8.4"}
    return scheme | {"procedure": scheme["procedure"] | {"days_are": days}}


def test_the_time_to_dispute_is_started_once(world, imposed, served):
    world(imposed(), served()).when(served("2021-01-12", "2021-02-28")).refused(Code.ALREADY_STANDING, positions=(13,))


def test_a_deduction_made_heavier_is_told_of_again(world, imposed, served, revised):
    begun = world(imposed(), served(), revised("2021-01-15", "2.00"))
    begun.when(served("2021-01-16", "2021-01-31")).then(A)
    assert deduction(begun)["dispute_by"] == "2021-01-31"


def test_only_what_is_in_force_is_told_of(world, imposed, served, revoked):
    world().when(served()).refused(Code.NOT_STANDING)
    world(imposed("2021-01-12")).when(served()).refused(Code.NOT_STANDING)
    world(imposed(), revoked("2021-01-11")).when(served("2021-01-12", "2021-01-31")).refused(Code.REVOKED)


# revised, revoked


def test_a_revision_changes_something_and_stays_within_the_indicator(world, imposed, revised):
    world(imposed()).when(revised("2021-01-11", "1.00")).refused(Code.ALREADY_STANDING, positions=(12,))
    world(imposed()).when(revised("2021-01-11", "8.01")).refused(Code.ABOVE_CAP)
    world(imposed()).when(revised("2021-01-11", "8.00")).then(A)


def test_nothing_follows_a_revocation_but_a_ruling(world, imposed, revised, revoked):
    begun = world(imposed(), revoked("2021-01-11"))
    begun.when(revised("2021-01-12", "0.50")).refused(Code.REVOKED, positions=(13,))
    begun.when(revoked("2021-01-12")).refused(Code.REVOKED)


def test_what_names_a_ruling_is_the_systems_own(world, imposed, revised, revoked):
    begun = world(imposed())
    begun.when(revised("2021-01-12", "0.50", ruling="ss-1")).refused(Code.SYSTEM_ONLY)
    begun.when(revoked("2021-01-12", ruling="ss-1")).refused(Code.SYSTEM_ONLY)


def test_once_the_result_is_final_deductions_stay_and_notice_is_still_served(
    world, imposed, served, revised, revoked, final
):
    begun = world(imposed(), *final)
    for asked in (imposed("2021-03-03", deduction="k2"), revised("2021-03-03", "0.50"), revoked("2021-03-03")):
        begun.when(asked).refused(Code.CLOSED)
    begun.when(served("2021-03-03", "2021-03-18")).then(A, status="finalised")


def test_what_was_revised_on_a_day_stood_otherwise_before(world, imposed, revised):
    begun = world(imposed(), revised("2021-01-20", "0.50"))
    assert [deduction(begun, date(2021, 1, day))["points"] for day in (10, 19, 20)] == ["1.00", "1.00", "0.50"]


@pytest.mark.parametrize("version", [2, 3, 4])
@pytest.mark.parametrize("correction", [EventCorrected, EventRetracted])
def test_deductions_and_notices_have_a_procedure_of_their_own(world, imposed, served, revised, version, correction):
    history = world(imposed(), served(), revised("2021-01-20", "0.50")).history(A)
    with pytest.raises(Refused) as caught:
        correction_target(history, correction(version=version, reasons="误"))
    assert caught.value.code is Code.NOT_CORRECTABLE
