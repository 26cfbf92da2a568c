"""申诉: a New City disputes a deduction; arbiters who had no part in it decide. Clause 8.4.

A dispute belongs to the New City of its assessment. Its steps stand in `steps`, the last of each; the parties'
submissions in the list `submissions`. What needs the deduction to be told, such as lateness and limits, is in
`domain.dispute_course`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self, TypeAlias, assert_never, get_args

from pydantic import Field, model_validator

from domain import deduction, dispute_course
from domain.aggregate import Aggregate, Consequence, Records, status_in
from domain.assessment import FINAL, AssessmentFinalised, AssessmentReopened
from domain.deduction import CLAUSE, EVIDENCE_POSITIONS, NOTHING, PointsTaken
from domain.fact import AssessmentRef, Fact, Key, Person, Position, Text
from domain.offices import ARBITERS, Authority
from domain.procedure import procedure_by
from domain.refusals import Code, FieldError, Refused
from domain.state import State, Step
from domain.working_days import UnknownYear

# facts

Outcome = Literal["upheld", "reduced", "revoked"]
Party = Literal["new-city", "inspectorate"]
PANEL_LIMIT = 99
"""Persons on a panel at most."""
Panel = Annotated[tuple[Person, ...], Field(min_length=1, max_length=PANEL_LIMIT)]


class DisputeFiled(Fact, stored_as="DisputeFiled/1", zh="提出申诉", under="8.4", by="new-city"):
    """The New City that bears a deduction disputes it."""

    assessment: AssessmentRef
    deduction: Key
    grounds: Text


class DisputeAccepted(Fact, stored_as="DisputeAccepted/1", zh="受理申诉", under="8.4", by="arbiter"):
    """The dispute will be heard."""


class DisputeDeclined(Fact, stored_as="DisputeDeclined/1", zh="不予受理", under="8.4", by="arbiter"):
    """The dispute will not be heard, which ends it."""

    reasons: Text


class DisputeEvidenceSubmitted(
    Fact, stored_as="DisputeEvidenceSubmitted/1", zh="提交申诉证据", under="8.4", by="inspectorate; new-city"
):
    """A party made a statement and cited entries of the ledger."""

    party: Party
    statement: Text
    positions: Annotated[tuple[Position, ...], Field(max_length=EVIDENCE_POSITIONS)] | None = None

    def authorities(self, state: State | Fact | None) -> tuple[Authority, ...]:  # noqa: ARG002  # the party is in the fact
        """Whoever speaks for the party named."""
        return (Authority("new-city" if self.party == "new-city" else "inspectorate"),)


class HearingHeld(Fact, stored_as="HearingHeld/1", zh="举行听证", under="8.4", by="arbiter"):
    """Both sides were heard."""

    minutes: Text


class _Ruling(Fact):
    outcome: Outcome
    points: PointsTaken | None = None
    """What the deduction is reduced to."""
    reasons: Text
    panel: Panel

    @model_validator(mode="after")
    def _reduced_to_points(self) -> Self:
        if (self.outcome == "reduced") is (self.points is None):
            raise ValueError("a ruling gives points exactly where it reduces")
        if len({one.id for one in self.panel}) < len(self.panel):
            raise ValueError("each person is on the panel once")
        return self


class RulingIssued(_Ruling, stored_as="RulingIssued/1", zh="作出裁定", under="8.4", by="arbiter"):
    """A panel decided on the deduction as it stands; takes effect at once."""


class ReviewRequested(Fact, stored_as="ReviewRequested/1", zh="申请复审", under="8.4", by="inspectorate; new-city"):
    """A party asked others to decide anew."""

    grounds: Text


class FinalRulingIssued(_Ruling, stored_as="FinalRulingIssued/1", zh="作出终审裁定", under="8.4", by="arbiter"):
    """Another panel decided on the deduction as it was disputed, for good."""


class DisputeWithdrawn(Fact, stored_as="DisputeWithdrawn/1", zh="撤回申诉", under="8.4", by="new-city"):
    """The New City no longer disputes the deduction, which ends the dispute."""

    reasons: Text


DisputeFact: TypeAlias = (
    DisputeFiled
    | DisputeAccepted
    | DisputeDeclined
    | DisputeEvidenceSubmitted
    | HearingHeld
    | RulingIssued
    | ReviewRequested
    | FinalRulingIssued
    | DisputeWithdrawn
)
BY_PARTIES = frozenset({"DisputeFiled", "ReviewRequested"})
_BY_ARBITERS = (DisputeAccepted, DisputeDeclined, HearingHeld, RulingIssued, FinalRulingIssued)

# state: filed → accepted → ruled → review → final; or declined, withdrawn

LEADS_TO = {
    "DisputeAccepted": "accepted",
    "DisputeDeclined": "declined",
    "RulingIssued": "ruled",
    "ReviewRequested": "review",
    "FinalRulingIssued": "final",
    "DisputeWithdrawn": "withdrawn",
}
DECISIONS = frozenset({"DisputeAccepted", "DisputeDeclined", "RulingIssued", "FinalRulingIssued"})
"""What arbiters decide, which has a review of its own instead of corrections."""


# fold


def evolve(dispute: State | None, step: Step[DisputeFact]) -> State:
    """Fold one step. Refuses nothing: it has already happened."""
    if dispute is None:
        dispute = State("filed")
    match step.fact:
        case DisputeFiled():
            return dispute.say(step).take(step)
        case DisputeEvidenceSubmitted():
            return dispute.take(step).put("submissions", step.position, step)
        case HearingHeld():
            return dispute.take(step)
        case (
            DisputeAccepted()
            | DisputeDeclined()
            | RulingIssued()
            | ReviewRequested()
            | FinalRulingIssued()
            | DisputeWithdrawn()
        ):
            return dispute.take(step).become(LEADS_TO[step.fact.event])
        case _:
            assert_never(step.fact)


# what is admitted


def admit(dispute: State | None, step: Step[DisputeFact]) -> None:
    """Refuse a step that the procedure does not allow here."""
    if dispute is None:
        return
    match step.fact:
        case DisputeFiled():
            return
        case DisputeAccepted() | DisputeDeclined():
            status_in(dispute, ("filed",), step)
        case DisputeEvidenceSubmitted():
            status_in(dispute, ("filed", "accepted", "review"), step)
        case HearingHeld():
            status_in(dispute, ("accepted", "review"), step)
        case RulingIssued():
            status_in(dispute, ("accepted",), step)
        case ReviewRequested():
            status_in(dispute, ("ruled",), step)
        case FinalRulingIssued():
            status_in(dispute, ("review",), step)
            _other_people(dispute, step.fact)
        case DisputeWithdrawn():
            status_in(dispute, ("filed", "accepted"), step)
        case _:
            assert_never(step.fact)


def _other_people(dispute: State, final: FinalRulingIssued) -> None:
    first = _panel(dispute.steps[RulingIssued.event])
    again = sorted(first & {one.id for one in final.panel})
    if again:
        raise Refused(
            Code.SEPARATION_OF_DUTIES,
            f"{', '.join(again)} took part in the first ruling, and so not in the final one",
            clause=CLAUSE,
            positions=(dispute.steps[RulingIssued.event].position,),
            errors=[FieldError("/data/panel", "none of the first panel")],
        )


def _panel(ruling: Step[Fact]) -> frozenset[str]:
    """Everybody who took part in a ruling, whoever recorded it included."""
    panel: tuple[Person, ...] = ruling.fact.value("panel")
    persons = {one.id for one in panel}
    return frozenset(persons if ruling.person is None else persons | {ruling.person})


# what other records must allow


def conditions(record: str, dispute: State | None, step: Step[DisputeFact], records: Records) -> None:
    """The deduction stands and bears the ruling; nobody judges an act of their own; limits and evidence hold.

    A decision that stands was judged when it was made, and is not judged again.
    """
    fact = step.fact
    if isinstance(fact, DisputeFiled):
        _disputable(record, dispute, step.effective_on, fact, records)
        return
    if dispute is None:
        return
    if isinstance(fact, RulingIssued | FinalRulingIssued):
        _heard(dispute, step, records)
    if fact.event in DECISIONS and _stands(dispute, step):
        return
    if isinstance(fact, _BY_ARBITERS):
        _no_own_act(dispute, step, records)
    match fact:
        case DisputeEvidenceSubmitted():
            _exists(fact, records)
        case RulingIssued() | FinalRulingIssued():
            _panel_fits(dispute, fact, step, records)
            _not_heavier(dispute, fact, records)
        case ReviewRequested():
            _in_time(dispute, step, records)
        case _:
            return


def _exists(fact: DisputeEvidenceSubmitted, records: Records) -> None:
    for index, position in enumerate(fact.positions or ()):
        if records.entry_at(position) is None:
            raise deduction.unknown_evidence(position, f"/data/positions/{index}")


def _stands(dispute: State, step: Step[DisputeFact]) -> bool:
    held = dispute.steps.get(step.fact.event)
    return held is not None and held.position == step.position


def _assessment(dispute: State, records: Records) -> State:
    path = f"assessments/{dispute.value('assessment')}"
    assessment = records.state(path)
    if assessment is None:
        raise Refused(Code.UNKNOWN_REFERENCE, f"{path} is not on record", clause=CLAUSE)
    return assessment


def _disputable(record: str, dispute: State | None, day: date, fact: DisputeFiled, records: Records) -> None:
    """Refuse to dispute what isn't deducted by then, and to dispute anything twice."""
    path = f"assessments/{fact.assessment}"
    assessment = records.state(path)
    item = None if assessment is None else assessment.items("deductions").get(fact.deduction)
    if item is None or item.opened.effective_on > day:
        raise Refused(
            Code.NOT_STANDING,
            f"no deduction {fact.deduction} stands in {path} on {day}",
            clause=CLAUSE,
            errors=[FieldError("/data/deduction", f"there is none in {path} by then")],
        )
    earlier = [one for one in deduction.disputes_of(path, fact.deduction, records) if one != record]
    if earlier:
        raise Refused(
            Code.ALREADY_DISPUTED,
            f"{fact.deduction} was disputed in {', '.join(earlier)}: once, and after a withdrawal no more",
            clause=CLAUSE,
        )
    if dispute is None and deduction.status(item) == "revoked":
        raise Refused(Code.REVOKED, f"{fact.deduction} has been revoked: nothing is left to dispute", clause=CLAUSE)


def _no_own_act(dispute: State, step: Step[DisputeFact], records: Records) -> None:
    """Who imposed, served or revised the deduction, or spoke for a party, takes no part in deciding the dispute."""
    fact = step.fact
    acting = {step.person} if step.person is not None else set[str]()
    if isinstance(fact, RulingIssued | FinalRulingIssued):
        acting |= {one.id for one in fact.panel}
    for what, acts in own_acts(dispute, _assessment(dispute, records)).items():
        own = sorted(acting & {act.person for act in acts if act.person is not None})
        if own:
            raise Refused(
                Code.SEPARATION_OF_DUTIES,
                f"{', '.join(own)} {what}, and so takes no part in deciding on it",
                clause=CLAUSE,
            )


OwnAct = Literal["imposed, served or revised the deduction", "spoke for a party"]


def own_acts(dispute: State, assessment: State) -> Mapping[OwnAct, Sequence[Step[Fact]]]:
    """What was done in the matter by persons who therefore take no part in deciding on it, by what they did."""
    spoke = [item.opened for item in dispute.items("submissions").values()]
    spoke += [one for event, one in dispute.steps.items() if event in BY_PARTIES]
    return {
        "imposed, served or revised the deduction": deduction.acts(assessment, dispute.value("deduction")),
        "spoke for a party": spoke,
    }


def _heard(dispute: State, step: Step[DisputeFact], records: Records) -> None:
    procedure = procedure_by(_assessment(dispute, records).value("scheme"), records)
    held = dispute.steps.get(HearingHeld.event)
    if procedure.hearing_needed and (held is None or held.effective_on > step.effective_on):
        detail = f"no hearing was held by {step.effective_on}; a ruling needs one before it"
        if _stands(dispute, step):
            raise Refused(Code.STANDS_IN_THE_WAY, detail, clause=CLAUSE, positions=(step.position,))
        raise Refused(Code.NO_HEARING, detail, clause=CLAUSE)


def _panel_fits(
    dispute: State, ruling: RulingIssued | FinalRulingIssued, step: Step[DisputeFact], records: Records
) -> None:
    """Refuse a panel of another size, of others than arbiters, or without whoever records the ruling."""
    procedure = procedure_by(_assessment(dispute, records).value("scheme"), records)
    panel = [one.id for one in ruling.panel]
    faults: list[str] = []
    if len(panel) != procedure.panel_size:
        faults.append(f"a panel has {procedure.panel_size} persons, not {len(panel)}")
    arbiters = {
        account.value("person").id
        for path in records.referring(ARBITERS, "accounts")
        if (account := records.state(path)) is not None
        and account.status == "open"
        and "arbiter" in account.items("roles")
    }
    others = [one for one in panel if one not in arbiters]
    if others:
        faults.append(f"{', '.join(others)} has no open account of an arbiter")
    if step.person is not None and step.person not in panel:
        faults.append(f"{step.person}, who records the ruling, is not on it")
    if faults:
        raise Refused(
            Code.WRONG_PANEL,
            "; ".join(faults),
            clause=CLAUSE,
            errors=[FieldError("/data/panel", fault) for fault in faults],
        )


def _not_heavier(dispute: State, ruling: RulingIssued | FinalRulingIssued, records: Records) -> None:
    """A reduction leaves fewer points than the first ruling finds standing, or the final one finds disputed."""
    if ruling.points is None:
        return
    key: str = dispute.value("deduction")
    assessment = _assessment(dispute, records)
    held = deduction.points(assessment.items("deductions")[key])
    if isinstance(ruling, FinalRulingIssued):
        held = deduction.as_disputed(assessment, key)
    if Decimal(ruling.points) >= held:
        raise Refused(
            Code.HEAVIER,
            f"{key} takes {held:.2f} points: a reduction to {ruling.points} is none",
            clause=CLAUSE,
            errors=[FieldError("/data/points", f"less than {held:.2f}")],
        )


def _in_time(dispute: State, step: Step[DisputeFact], records: Records) -> None:
    procedure = procedure_by(_assessment(dispute, records).value("scheme"), records)
    ruled = dispute.steps[RulingIssued.event]
    last = dispute_course.review_by(ruled, procedure)
    if isinstance(last, UnknownYear):
        raise deduction.unknown_year(last, procedure.days_to_request_review, ruled)
    if step.effective_on > last:
        raise Refused(
            Code.PAST_LIMIT,
            f"a review of the ruling of {ruled.effective_on} could be requested until {last}; "
            f"{step.effective_on} is later, and the ruling is final",
            clause=CLAUSE,
            positions=(ruled.position,),
        )


# what is brought about in the assessment


def consequences(record: str, dispute: State, step: Step[DisputeFact], records: Records) -> tuple[Consequence, ...]:
    """A ruling changes the deduction where it decides otherwise than it stands, and reopens a final result.

    A first ruling decides on the deduction as it stands, the final one on the deduction as it was disputed. A ruling
    from before the result was made final reopens it on the day that it was.
    """
    fact = step.fact
    if not isinstance(fact, RulingIssued | FinalRulingIssued):
        return ()
    path, key = f"assessments/{dispute.value('assessment')}", str(dispute.value("deduction"))
    assessment = _assessment(dispute, records)
    stands = deduction.points(assessment.items("deductions")[key])
    wanted = _decided(fact, stands, deduction.as_disputed(assessment, key))
    if wanted == stands:
        return ()
    ruling = record.partition("/")[2]
    changed = (
        deduction.DeductionRevised(deduction=key, points=f"{wanted:.2f}", reasons=fact.reasons, ruling=ruling)
        if wanted
        else deduction.DeductionRevoked(deduction=key, reasons=fact.reasons, ruling=ruling)
    )
    brought = Consequence(path, changed, step.effective_on)
    if assessment.status not in FINAL:
        return (brought,)
    finalised = assessment.steps[AssessmentFinalised.event].effective_on
    reopened = AssessmentReopened(reasons=fact.reasons, ruling=ruling)
    return brought, Consequence(path, reopened, max(step.effective_on, finalised))


def _decided(ruling: RulingIssued | FinalRulingIssued, stands: Decimal, disputed: Decimal) -> Decimal:
    match ruling.outcome:
        case "revoked":
            return NOTHING
        case "reduced":
            return Decimal(str(ruling.points))
        case "upheld":
            return stands if isinstance(ruling, RulingIssued) else disputed


DISPUTE = Aggregate(
    kind="disputes",
    zh="申诉",
    facts=get_args(DisputeFact),
    evolve=evolve,
    admit=admit,
    fields=("assessment", "deduction", "grounds"),
    lists=("submissions",),
    beside=dispute_course.SHOWN,
    fixed=frozenset({"assessment", "deduction"}),
    not_correctable=DECISIONS,
    parent=("assessment", "assessments"),
    conditions=conditions,
    consequences=consequences,
)
