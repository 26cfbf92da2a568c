"""申诉: filed once, heard, ruled on by people who had no part in it, reviewed once, and what a ruling brings about."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from application.correcting import correction_target
from domain.corrections import EventCorrected
from domain.deduction import points, status
from domain.refusals import Code, Refused

A, D = "assessments/2020-fengdong", "disputes/ss-1"
RESULT = {"score": "99.00", "computed_at": 3, "tree_size": 4, "root_hash": "ab" * 32}
FIRST, SECOND = ["arbiter-1", "arbiter-2", "arbiter-3"], ["arbiter-4", "arbiter-5", "arbiter-6"]


@pytest.fixture
def step(on):
    def event(day, type_, person="arbiter-1", /, **fields):
        return on(day, D, type_, person, **fields)

    return event


@pytest.fixture
def filed(step):
    return lambda day="2021-01-20", **more: step(
        day, "DisputeFiled", "clerk", **({"assessment": "2020-fengdong", "deduction": "k1", "grounds": "已达标"} | more)
    )


@pytest.fixture
def ruled(step):
    def event(outcome="upheld", day="2021-02-10", points=None, panel=FIRST, person="arbiter-1"):
        fields = {"outcome": outcome, "reasons": "经合议", "panel": [{"id": one, "name": "某"} for one in panel]}
        return step(day, "RulingIssued", person, **(fields if points is None else fields | {"points": points}))

    return event


@pytest.fixture
def ruled_finally(ruled):
    def event(outcome="upheld", day="2021-03-10", points=None, panel=SECOND, person="arbiter-4"):
        return ruled(outcome, day, points, panel, person)._replace(type="FinalRulingIssued")

    return event


@pytest.fixture
def until(given, assessed, imposed, served, filed, step, ruled):
    """The world with a dispute that has come so far."""

    def reached(status, *more, ruling=None):
        along = [
            filed(),
            step("2021-01-22", "DisputeAccepted"),
            step("2021-02-01", "HearingHeld", minutes="双方到场"),
            ruling or ruled(),
            step("2021-02-20", "ReviewRequested", "clerk", grounds="仍不服"),
        ]
        count = {"none": 0, "filed": 1, "accepted": 2, "heard": 3, "ruled": 4, "review": 5}[status]
        return given(*assessed, imposed(points="2.00"), served(), *along[:count], *more)

    return reached


NEXT = {
    "DisputeAccepted": {},
    "DisputeDeclined": {"reasons": "不属受理范围"},
    "DisputeEvidenceSubmitted": {"party": "new-city", "statement": "见附件"},
    "HearingHeld": {"minutes": "双方到场"},
    "ReviewRequested": {"grounds": "不服"},
    "DisputeWithdrawn": {"reasons": "和解"},
}
BY_PARTIES = {"DisputeEvidenceSubmitted", "ReviewRequested", "DisputeWithdrawn"}


@pytest.mark.parametrize(
    ("stands", "allowed"),
    [
        ("filed", {"DisputeAccepted", "DisputeDeclined", "DisputeEvidenceSubmitted", "DisputeWithdrawn"}),
        ("heard", {"DisputeEvidenceSubmitted", "HearingHeld", "DisputeWithdrawn"}),
        ("ruled", {"ReviewRequested"}),
        ("review", {"DisputeEvidenceSubmitted", "HearingHeld"}),
    ],
)
@pytest.mark.parametrize("event", NEXT)
def test_each_step_has_its_turn(until, step, stands, allowed, event):
    person = "clerk" if event in BY_PARTIES else "arbiter-4"
    asked = until(stands).when(step("2021-02-21", event, person, **NEXT[event]))
    if event in allowed:
        asked.then(D)
    else:
        asked.refused(Code.OUT_OF_ORDER, saying=event)


@pytest.mark.parametrize("ending", ["declined", "withdrawn", "final"])
@pytest.mark.parametrize("event", NEXT)
def test_nothing_follows_the_end(until, step, ruled_finally, ending, event):
    ends = {
        "declined": ("filed", step("2021-02-02", "DisputeDeclined", reasons="逾期")),
        "withdrawn": ("accepted", step("2021-02-02", "DisputeWithdrawn", "clerk", reasons="和解")),
        "final": ("review", ruled_finally()),
    }
    world = until(ends[ending][0], ends[ending][1]).then(D, status=ending)
    world.when(step("2021-03-11", event, "arbiter-6", **NEXT[event])).refused(Code.OUT_OF_ORDER)


def test_a_ruling_comes_once_and_a_final_one_after_review(until, ruled, ruled_finally):
    until("ruled").when(ruled()).refused(Code.OUT_OF_ORDER)
    until("ruled").when(ruled_finally()).refused(Code.OUT_OF_ORDER)
    until("filed").when(ruled()).refused(Code.OUT_OF_ORDER)
    until("review").when(ruled_finally()).then(D, status="final")


def test_no_step_is_dated_before_the_one_that_it_follows(until, step):
    until("filed").when(step("2021-01-19", "DisputeAccepted")).refused(Code.BEFORE_OPENING)
    until("accepted").when(step("2021-01-21", "HearingHeld", minutes="早")).refused(Code.OUT_OF_ORDER)


# filing


def test_what_is_not_deducted_by_then_is_not_disputed(until, filed):
    until("none").when(filed(deduction="k2")).refused(Code.NOT_STANDING, saying="k2")
    until("none").when(filed("2021-01-09")).refused(Code.NOT_STANDING)


def test_a_deduction_is_disputed_once_and_after_a_withdrawal_no_more(until, filed, step):
    again = filed("2021-01-25")._replace(record="disputes/ss-2")
    until("filed").when(again).refused(Code.ALREADY_DISPUTED, saying=D)
    until("filed", step("2021-01-21", "DisputeWithdrawn", "clerk", reasons="和解")).when(again).refused(
        Code.ALREADY_DISPUTED
    )


def test_a_late_filing_is_recorded_and_then_answered(until, filed, step):
    world = until("none", filed("2021-03-01")).then(D, status="filed")
    world.when(step("2021-03-02", "DisputeDeclined", reasons="逾期")).then(D, status="declined")


def test_what_has_been_revoked_is_not_disputed(until, filed, on):
    gone = on("2021-01-15", A, "DeductionRevoked", deduction="k1", reasons="有误")
    until("none", gone).when(filed()).refused(Code.REVOKED)


# who decides


@pytest.mark.parametrize("event", ["DisputeAccepted", "DisputeDeclined"])
@pytest.mark.parametrize("person", ["inspector", "messenger", "clerk"])
def test_nobody_answers_a_dispute_about_their_own_act(until, step, event, person):
    until("filed").when(step("2021-01-22", event, person, **NEXT[event])).refused(
        Code.SEPARATION_OF_DUTIES, saying=person
    )


@pytest.mark.parametrize("person", ["inspector", "messenger"])
def test_nobody_sits_on_a_panel_about_their_own_act(until, ruled, on, person):
    account = on("2020-01-01", "accounts/second-account", "AccountOpened", office="new-area", roles=["arbiter"],
                 person={"id": person, "name": "某"})  # fmt: skip
    panel = ["arbiter-1", "arbiter-2", person]
    until("heard", account).when(ruled(panel=panel)).refused(Code.SEPARATION_OF_DUTIES, saying=person)


def test_who_revised_the_deduction_does_not_rule_on_it(until, ruled, on):
    revised = on("2021-01-21", A, "DeductionRevised", "arbiter-2", deduction="k1", points="1.50", reasons="复核")
    until("heard", revised).when(ruled()).refused(Code.SEPARATION_OF_DUTIES, saying="arbiter-2")


@pytest.mark.parametrize("again", FIRST)
def test_none_of_the_first_panel_decides_finally(until, ruled_finally, again):
    panel = ["arbiter-4", "arbiter-5", again]
    until("review").when(ruled_finally(panel=panel)).refused(Code.SEPARATION_OF_DUTIES, saying=again)


@pytest.mark.parametrize(
    ("panel", "person", "saying"),
    [
        (FIRST[:2], "arbiter-1", "3 persons, not 2"),
        ([*FIRST, "arbiter-4"], "arbiter-1", "3 persons, not 4"),
        (["arbiter-1", "arbiter-2", "somebody"], "arbiter-1", "somebody has no open account"),
        (FIRST, "arbiter-4", "arbiter-4, who records the ruling"),
    ],
)
def test_a_panel_is_of_arbiters_as_many_as_the_scheme_says_the_recording_one_among_them(
    until, ruled, panel, person, saying
):
    until("heard").when(ruled(panel=panel, person=person)).refused(Code.WRONG_PANEL, saying=saying)


def test_an_arbiter_whose_account_is_closed_is_none(until, ruled, on):
    closed = on("2021-02-01", "accounts/arbiter-3", "AccountClosed", reasons="调离")
    until("heard", closed).when(ruled()).refused(Code.WRONG_PANEL, saying="arbiter-3")


# hearing, evidence, limits


def test_a_ruling_needs_a_hearing_before_it(until, ruled):
    until("accepted").when(ruled()).refused(Code.NO_HEARING)


def test_evidence_that_is_cited_exists(until, step):
    cited = {"party": "new-city", "statement": "见台账", "positions": [9, 900]}
    world = until("accepted").when(step("2021-01-25", "DisputeEvidenceSubmitted", "clerk", **cited))
    world.refused(Code.UNKNOWN_EVIDENCE, saying="900")
    world.when(step("2021-01-25", "DisputeEvidenceSubmitted", "clerk", **(cited | {"positions": [9]}))).then(D)


def test_a_review_is_requested_in_time_or_not_at_all(until, step):
    until("ruled").when(step("2021-02-25", "ReviewRequested", "clerk", grounds="不服")).then(D, status="review")
    until("ruled").when(step("2021-02-26", "ReviewRequested", "clerk", grounds="不服")).refused(
        Code.PAST_LIMIT, saying="until 2021-02-25"
    )


# what is ruled


@pytest.mark.parametrize(
    "changes", [{"outcome": "reduced"}, {"points": "1.00"}, {"panel": [*FIRST[:2], FIRST[0]]}, {"panel": []}]
)
def test_a_ruling_gives_points_exactly_where_it_reduces_and_names_its_panel(until, ruled, changes):
    with pytest.raises(ValidationError):
        until("heard").when(ruled(**changes)).then(D)


@pytest.mark.parametrize(
    ("first", "stands", "taken"),
    [
        (("upheld",), "in-force", "2.00"),
        (("reduced", "1.25"), "revised", "1.25"),
        (("revoked",), "revoked", "0.00"),
    ],
)
def test_a_ruling_takes_effect_at_once_and_says_so_in_the_assessment(until, ruled, first, stands, taken):
    world = until("ruled", ruling=ruled(first[0], points=first[1] if len(first) > 1 else None))
    held = world.state(A).items("deductions")["k1"]
    assert (status(held), f"{points(held):.2f}") == (stands, taken)
    brought = [entry for entry in world.history(A).entries if entry.causation is not None]
    ruling = next(entry for entry in world.history(D).entries if entry.fact.event == "RulingIssued")
    assert [entry.causation for entry in brought] == ([] if stands == "in-force" else [ruling.position])
    assert all(entry.fact.value("ruling") == "ss-1" for entry in brought)


@pytest.mark.parametrize("reduced", ["2.00", "2.01", "8.00"])
def test_a_ruling_is_never_heavier_than_what_is_disputed(until, ruled, ruled_finally, reduced):
    until("heard").when(ruled("reduced", points=reduced)).refused(Code.HEAVIER, saying="2.00")
    until("review").when(ruled_finally("reduced", points=reduced)).refused(Code.HEAVIER, saying="2.00")


FINAL_OUTCOMES = [
    (("revoked",), ("upheld",), "2.00"),
    (("revoked",), ("reduced", "1.50"), "1.50"),
    (("revoked",), ("revoked",), "0.00"),
    (("reduced", "1.00"), ("upheld",), "2.00"),
    (("reduced", "1.00"), ("reduced", "1.50"), "1.50"),
    (("reduced", "1.00"), ("reduced", "1.00"), "1.00"),
    (("upheld",), ("revoked",), "0.00"),
]


@pytest.mark.parametrize(("first", "last", "taken"), FINAL_OUTCOMES)
def test_the_final_ruling_speaks_of_what_was_disputed(until, ruled, ruled_finally, first, last, taken):
    def of(outcome):
        return {"outcome": outcome[0], "points": outcome[1] if len(outcome) > 1 else None}

    world = until("review", ruled_finally(**of(last)), ruling=ruled(**of(first)))
    assert f"{points(world.state(A).items('deductions')['k1']):.2f}" == taken


def test_what_the_inspectorate_took_back_itself_no_ruling_brings_again(until, ruled_finally, on):
    revised = on("2021-01-12", A, "DeductionRevised", deduction="k1", points="1.50", reasons="复核")
    world = until("review", revised, ruled_finally())
    assert f"{points(world.state(A).items('deductions')['k1']):.2f}" == "1.50"


def test_once_disputed_the_inspectorate_only_lightens(until, on):
    def revised(taken):
        return on("2021-01-25", A, "DeductionRevised", deduction="k1", points=taken, reasons="复核")

    until("filed").when(revised("2.50")).refused(Code.HEAVIER, saying=D)
    until("filed").when(revised("1.50")).then(A)
    until("none").when(revised("2.50")).then(A)


def test_a_ruling_reopens_what_is_final_only_where_it_changes_something(until, ruled, on):
    final = [on("2021-02-02", A, "ResultPublished", **RESULT), on("2021-02-03", A, "AssessmentFinalised")]
    until("heard", *final).when(ruled()).then(A, status="finalised")
    world = until("heard", *final).when(ruled("revoked")).then(A, status="open")
    assert [one.fact.event for one in world.history(A).entries[-2:]] == ["DeductionRevoked", "AssessmentReopened"]
    assert world.history(A).entries[-1].fact.value("ruling") == "ss-1"
    later = [on("2021-02-20", A, "ResultPublished", **RESULT), on("2021-02-21", A, "AssessmentFinalised")]
    world = until("heard", *later).when(ruled("revoked")).then(A, status="open")
    assert world.history(A).entries[-1].content.effective_on.isoformat() == "2021-02-21"


# corrections


@pytest.mark.parametrize("version", [2, 4])
def test_decisions_are_reviewed_not_corrected(until, version):
    with pytest.raises(Refused) as caught:
        correction_target(until("review").history(D), EventCorrected(version=version, data={"x": 1}, reasons="误"))
    assert caught.value.code is Code.NOT_CORRECTABLE


def test_the_hearing_that_a_ruling_stands_on_is_not_retracted(until, retracted):
    until("ruled").when(retracted(D, 3)).refused(Code.STANDS_IN_THE_WAY)


def test_a_request_for_review_is_not_corrected_past_its_limit(until, corrected):
    until("review").when(corrected(D, 5, "2021-02-26")).refused(Code.PAST_LIMIT)
    until("review").when(corrected(D, 5, grounds="另有理由")).then(D, status="review")
