"""撤村建居: which step may follow which, by whom, and what an approval brings about. Clauses 3.1–3.3."""

# fixtures are the callables of conftest.py

from __future__ import annotations

import pytest

from domain.refusals import Code

V, CASE, C = "villages/v1", "conversion-cases/aj-1", "communities/c1"
MEETING = {"meeting": "household-representatives", "eligible": 100, "present": 80}
SERVICES = ("education", "medical-care", "health-and-family-planning", "elderly-care", "subsistence-allowance")
STEPS = ("CommitteeRenamed", "OldSealCollected", "NewSealIssued", "PartyOrganizationFounded")
VILLAGE = {"name": "甲村", "township_code": "610112002", "township": "三桥街道", "new_city": "fengdong"}


@pytest.fixture
def eligible(on):
    return [
        on("2019-01-01", V, "VillageRegistered", **VILLAGE),
        on("2019-02-01", V, "EconomicOrganizationFounded", organisation={"name": "甲社"}),
        on("2019-03-01", V, "AssetsVerified", total="1.00"),
        on("2019-04-01", V, "EquityQuantified", shareholders=410, shares=410),
    ]


@pytest.fixture
def proposed(on):
    def proposal(day="2020-01-01", case=CASE, village="v1", community="c1"):
        return on(
            day, case, "ConversionProposed", "zhen", village=village, community=community, community_name="甲社区"
        )

    return proposal


@pytest.fixture
def until(on, eligible, proposed):
    """The events up to a status, on the first days of the months of 2020."""
    along = [
        proposed(),
        on("2020-02-01", CASE, "VillagersAssented", "zhen", **MEETING, in_favour=41),
        on("2020-03-01", CASE, "ProcedurePassed", "minzheng"),
        on("2020-04-01", CASE, "ConversionApproved", "guanwei"),
    ]
    reached = {"proposed": 1, "assented": 2, "passed": 3, "approved": 4}

    def events(status):
        return [*eligible, *along[: reached[status]]]

    return events


def finishing(on, *, without=""):
    named = {"CommitteeRenamed": {"old_name": "甲村村民委员会", "new_name": "甲社区居民委员会"}}
    events = [on("2020-05-01", CASE, step, **named.get(step, {})) for step in STEPS if step != without]
    events += [
        on("2020-05-02", CASE, "EqualTreatmentGranted", service=service) for service in SERVICES if service != without
    ]
    return (
        events if without == "ElectionHeld" else [*events, on("2020-05-03", CASE, "ElectionHeld", eligible=9, voted=8)]
    )


def test_a_proposal_opens_a_case_and_reserves_the_community(given, eligible, proposed):
    given(*eligible).when(proposed()).then(CASE, status="proposed", village="v1", community="c1")


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_only_an_eligible_village_is_proposed(given, eligible, proposed, missing):
    lacking = eligible[missing]
    given(*(event for event in eligible if event is not lacking)).when(proposed()).refused(
        Code.NOT_ELIGIBLE, saying=lacking.type
    )


def test_a_village_is_proposed_on_the_day_it_is_eligible_and_no_day_before(given, eligible, proposed):
    given(*eligible).when(proposed("2019-03-31")).refused(Code.NOT_ELIGIBLE, saying="EquityQuantified")
    given(*eligible).when(proposed("2019-04-01")).then(CASE, status="proposed")
    given(*eligible).when(proposed("2018-12-31")).refused(Code.NOT_ELIGIBLE)


def test_a_wholly_demolished_village_converts_by_the_same_conditions(given, on, eligible, proposed):
    demolished = on("2019-06-01", V, "VillageDemolished")
    given(*eligible, demolished).when(proposed()).then(CASE, status="proposed")
    given(eligible[0], demolished).when(proposed()).refused(Code.NOT_ELIGIBLE)


def test_a_village_has_one_open_case_at_a_time(given, until, proposed):
    again = proposed("2020-06-01", "conversion-cases/aj-2", community="c2")
    given(*until("proposed")).when(again).refused(Code.ALREADY_CLAIMED, saying=CASE)
    given(*until("approved")).when(again).refused(Code.ALREADY_CLAIMED, saying=CASE)


@pytest.mark.parametrize(
    ("reached", "event", "data"),
    [
        ("proposed", "VillagersRefused", MEETING | {"in_favour": 40}),
        ("passed", "ConversionDeclined", {"reasons": "条件不成熟"}),
        ("assented", "ConversionWithdrawn", {"reasons": "另议"}),
    ],
)
def test_a_village_may_be_proposed_again_after_its_case_ended(given, on, until, proposed, reached, event, data):
    ended = given(*until(reached), on("2020-05-01", CASE, event, "another", **data))
    ended.when(on("2020-05-02", CASE, "VillagersAssented", "zhen", **MEETING, in_favour=80)).refused(Code.OUT_OF_ORDER)
    ended.when(proposed("2020-06-01", "conversion-cases/aj-2")).then("conversion-cases/aj-2", status="proposed")


def test_two_cases_do_not_reserve_one_community(given, on, until, proposed):
    other = [
        on("2019-01-01", "villages/v2", "VillageRegistered", **VILLAGE),
        on("2019-02-01", "villages/v2", "EconomicOrganizationFounded", organisation={"name": "乙社"}),
        on("2019-03-01", "villages/v2", "AssetsVerified", total="1.00"),
        on("2019-04-01", "villages/v2", "EquityQuantified", shareholders=1, shares=1),
    ]
    second = proposed("2020-06-01", "conversion-cases/aj-2", village="v2")
    given(*until("proposed"), *other).when(second).refused(Code.ALREADY_CLAIMED, saying=C)


def test_an_existing_community_is_not_reserved(given, on, eligible, proposed):
    existing = on("2019-01-01", C, "CommunityEstablished", origin="existing", **VILLAGE)
    given(*eligible, existing).when(proposed()).refused(Code.ALREADY_CLAIMED, saying="exists already")


@pytest.mark.parametrize(("in_favour", "enough"), [(40, False), (41, True)])
def test_assent_needs_more_than_half_of_those_present(given, on, until, in_favour, enough):
    asked = given(*until("proposed")).when(on("2020-02-01", CASE, "VillagersAssented", **MEETING, in_favour=in_favour))
    if enough:
        asked.then(CASE, status="assented")
    else:
        asked.refused(Code.NO_MAJORITY, saying="40 of 80 present in favour")


@pytest.mark.parametrize(
    ("reached", "event", "data"),
    [
        ("proposed", "ProcedurePassed", {}),
        ("proposed", "ProcedureReturned", {"reasons": "缺材料"}),
        ("proposed", "ConversionApproved", {}),
        ("assented", "ConversionApproved", {}),
        ("assented", "ConversionDeclined", {"reasons": "缺材料"}),
        ("assented", "ConversionResubmitted", {"changes": "补正"}),
        ("assented", "ConversionSubmittedForFiling", {}),
        ("assented", "VillagersAssented", MEETING | {"in_favour": 80}),
        ("assented", "VillagersRefused", MEETING | {"in_favour": 1}),
        ("passed", "OldSealCollected", {}),
        ("passed", "EqualTreatmentGranted", {"service": "education"}),
        ("passed", "UrbanStandardApplied", {"item": "work-funds"}),
        ("passed", "SkillsTrainingHeld", {"participants": 30, "title": "家政"}),
        ("passed", "ConversionFiled", {}),
        ("passed", "ConversionCompleted", {}),
        ("approved", "ConversionWithdrawn", {"reasons": "另议"}),
        ("approved", "ConversionDeclined", {"reasons": "另议"}),
    ],
)
def test_a_step_that_the_procedure_does_not_have_here_is_refused(given, on, until, reached, event, data):
    given(*until(reached)).when(on("2020-05-01", CASE, event, "other", **data)).refused(Code.OUT_OF_ORDER)


def test_no_step_is_dated_before_the_step_that_it_follows(given, on, until):
    given(*until("assented")).when(on("2020-01-31", CASE, "ProcedurePassed", "minzheng")).refused(Code.OUT_OF_ORDER)
    given(*until("assented")).when(on("2020-02-01", CASE, "ProcedurePassed", "minzheng")).then(CASE, status="passed")


def test_after_a_return_only_the_township_acts(given, on, until):
    returned = [*until("assented"), on("2020-02-10", CASE, "ProcedureReturned", "minzheng", reasons="缺材料")]
    world = given(*returned).then(CASE, status="returned")
    world.when(on("2020-02-11", CASE, "ProcedurePassed", "minzheng")).refused(Code.OUT_OF_ORDER)
    given(*returned).when(on("2020-02-11", CASE, "ConversionWithdrawn", reasons="另议")).then(CASE, status="withdrawn")
    again = given(*returned).when(on("2020-02-11", CASE, "ConversionResubmitted", "zhen", changes="补正"))
    again.then(CASE, status="assented").when(on("2020-02-12", CASE, "ProcedurePassed", "minzheng")).then(
        CASE, status="passed"
    )


@pytest.mark.parametrize(
    ("reached", "event"),
    [("assented", "ProcedurePassed"), ("assented", "ProcedureReturned"), ("passed", "ConversionApproved")],
)
def test_who_proposed_a_case_neither_reviews_nor_decides_it(given, on, until, reached, event):
    data = {"reasons": "缺材料"} if event == "ProcedureReturned" else {}
    given(*until(reached)).when(on("2020-05-01", CASE, event, "zhen", **data)).refused(Code.SEPARATION_OF_DUTIES)


def test_who_proposed_again_does_not_review_either(given, on, until):
    given(
        *until("assented"),
        on("2020-02-10", CASE, "ProcedureReturned", "minzheng", reasons="缺材料"),
        on("2020-02-11", CASE, "ConversionResubmitted", "second", changes="补正"),
    ).when(on("2020-02-12", CASE, "ProcedurePassed", "second")).refused(Code.SEPARATION_OF_DUTIES)


def test_an_approval_establishes_the_community_and_converts_the_village_on_its_day(given, until):
    world = given(*until("approved"))
    world.then(V, status="converted").then(
        C, status="active", name="甲社区", origin="converted", township_code="610112002", new_city="fengdong"
    )
    (established,) = world.history(C).entries
    assert str(established.content.effective_on) == "2020-04-01"
    assert established.causation == 8
    assert established.person == "guanwei"


def test_an_approval_brings_nothing_about_where_the_village_went_on(given, on, until):
    later = on("2020-06-01", V, "VillageDemolished")
    given(*until("passed"), later).when(on("2020-04-01", CASE, "ConversionApproved", "guanwei")).refused(
        Code.STANDS_IN_THE_WAY, positions=(8,)
    )


def test_filing_comes_from_review_on_and_after_it_was_asked_for(given, on, until):
    submitted = on("2020-03-02", CASE, "ConversionSubmittedForFiling")
    world = given(*until("passed"))
    world.when(on("2020-03-03", CASE, "ConversionFiled")).refused(Code.OUT_OF_ORDER)
    world.when(submitted).then(CASE, status="passed")
    world.when(on("2020-03-03", CASE, "ConversionFiled")).then(CASE, status="passed")


@pytest.mark.parametrize("without", [*STEPS, *SERVICES, "ElectionHeld"])
def test_a_case_that_lacks_a_step_is_not_completed(given, on, until, without):
    given(*until("approved"), *finishing(on, without=without)).when(
        on("2020-06-01", CASE, "ConversionCompleted")
    ).refused(Code.INCOMPLETE, saying=without)


def test_a_case_with_every_step_is_completed_and_steps_may_still_follow(given, on, until):
    done = given(*until("approved"), *finishing(on), on("2020-06-01", CASE, "ConversionCompleted"))
    done.then(CASE, status="completed")
    done.when(on("2020-07-01", CASE, "SkillsTrainingHeld", participants=30, title="家政")).then(
        CASE, status="completed"
    )
    done.when(on("2020-08-01", CASE, "ConversionCompleted")).refused(Code.OUT_OF_ORDER)


def test_transitional_leadership_does_for_an_election(given, on, until):
    given(
        *until("approved"),
        *finishing(on, without="ElectionHeld"),
        on("2020-05-03", CASE, "TransitionalLeadershipInstalled", members=[{"id": "li-1", "name": "李"}]),
    ).when(on("2020-06-01", CASE, "ConversionCompleted")).then(CASE, status="completed")


def test_equal_treatment_and_urban_standard_are_granted_once_each(given, on, until):
    world = given(
        *until("approved"),
        on("2020-05-01", CASE, "EqualTreatmentGranted", service="education"),
        on("2020-05-01", CASE, "UrbanStandardApplied", item="staff-pay"),
    )
    world.when(on("2020-06-01", CASE, "EqualTreatmentGranted", service="education")).refused(Code.ALREADY_STANDING)
    world.when(on("2020-06-01", CASE, "UrbanStandardApplied", item="staff-pay")).refused(Code.ALREADY_STANDING)
