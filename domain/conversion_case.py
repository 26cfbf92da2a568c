"""撤村建居: a village becomes an urban community, step by step. Clauses 3.1–3.3."""

from __future__ import annotations

from datetime import date
from typing import Literal, Self, TypeAlias, assert_never, get_args

from pydantic import model_validator

from domain.aggregate import Aggregate, Consequence, Records, after, not_standing, status_in
from domain.community import CommunityEstablished
from domain.fact import Count, Fact, Person, RecordId, Text, VillageRef
from domain.procedure import UNDECIDED, procedure_on
from domain.refusals import Code, Refused
from domain.state import State, Step
from domain.village import VillageConverted

# facts

Meeting = Literal["household-representatives", "villagers-assembly", "village-representatives"]
EqualService = Literal[
    "education", "medical-care", "health-and-family-planning", "elderly-care", "subsistence-allowance"
]
EQUAL_SERVICES: tuple[str, ...] = get_args(EqualService)


class _Vote(Fact):
    meeting: Meeting
    eligible: Count
    present: Count
    in_favour: Count

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if not self.in_favour <= self.present <= self.eligible:
            raise ValueError("in_favour can't exceed present, nor present eligible")
        return self


class ConversionProposed(Fact, stored_as="ConversionProposed/1", zh="提出撤村建居方案", clause="3.1", by="township"):
    """The township proposed to convert a village; the community's id is reserved from here on."""

    village: VillageRef
    community: RecordId
    community_name: Text

    def claims(self) -> tuple[str, ...]:
        """Reserve the id that the community will have."""
        return (f"communities/{self.community}",)


class VillagersAssented(_Vote, stored_as="VillagersAssented/1", zh="村民会议同意", clause="3.1", by="township"):
    """A villagers' meeting agreed to the plan."""


class VillagersRefused(_Vote, stored_as="VillagersRefused/1", zh="村民会议未同意", clause="3.1", by="township"):
    """A villagers' meeting turned the plan down, which ends the case."""


class ProcedureReturned(
    Fact, stored_as="ProcedureReturned/1", zh="复审退回", clause="3.1", by="new-city civil-affairs"
):
    """The New City's civil affairs bureau sent the case back to the township."""

    reasons: Text


class ConversionResubmitted(Fact, stored_as="ConversionResubmitted/1", zh="重新报送", clause="3.1", by="township"):
    """The township answered the return; review begins again."""

    changes: Text


class ProcedurePassed(Fact, stored_as="ProcedurePassed/1", zh="复审通过", clause="3.1", by="new-city civil-affairs"):
    """The New City's civil affairs bureau found the procedure in order."""


class ConversionApproved(
    Fact, stored_as="ConversionApproved/1", zh="批复同意撤村建居", clause="3.1", by="new-city committee"
):
    """The New City's administrative committee approved: the community is established, the village converted."""


class ConversionDeclined(
    Fact, stored_as="ConversionDeclined/1", zh="批复不同意", clause="3.1", by="new-city committee"
):
    """The New City's administrative committee declined, which ends the case."""

    reasons: Text


class ConversionSubmittedForFiling(
    Fact, stored_as="ConversionSubmittedForFiling/1", zh="报送备案", clause="3.1", by="new-city civil-affairs"
):
    """The New City sent the case to the New Area to be filed."""


class ConversionFiled(Fact, stored_as="ConversionFiled/1", zh="新区备案", clause="3.1", by="new-area civil-affairs"):
    """The New Area's civil affairs bureau filed the case for record."""


class CommitteeRenamed(Fact, stored_as="CommitteeRenamed/1", zh="村委会更名", clause="3.2", by="township"):
    """The villagers' committee became a residents' committee."""

    old_name: Text
    new_name: Text


class OldSealCollected(Fact, stored_as="OldSealCollected/1", zh="收缴封存村印章", clause="3.2", by="township"):
    """The village's seal was collected and sealed up."""


class NewSealIssued(Fact, stored_as="NewSealIssued/1", zh="核发社区印章", clause="3.2", by="township"):
    """The residents' committee got its seal."""


class PartyOrganizationFounded(
    Fact, stored_as="PartyOrganizationFounded/1", zh="设立社区党组织", clause="3.2", by="township"
):
    """The community's Party organization was founded."""


class TransitionalLeadershipInstalled(
    Fact, stored_as="TransitionalLeadershipInstalled/1", zh="两委会过渡", clause="3.2", by="township"
):
    """The village's two committees serve as the community's until its election."""

    members: tuple[Person, ...]


class ElectionHeld(Fact, stored_as="ElectionHeld/1", zh="换届选举", clause="3.2", by="township"):
    """The residents elected their committee."""

    eligible: Count
    voted: Count

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.voted > self.eligible:
            raise ValueError("voted can't exceed eligible")
        return self


class EqualTreatmentGranted(Fact, stored_as="EqualTreatmentGranted/1", zh="落实市民待遇", clause="3.3", by="new-city"):
    """The residents have one of the five public services on equal terms."""

    service: EqualService


class UrbanStandardApplied(
    Fact, stored_as="UrbanStandardApplied/1", zh="执行城市社区标准", clause="3.2", by="new-city"
):
    """Work funds or staff pay follow the urban standard."""

    item: Literal["work-funds", "staff-pay"]


class SkillsTrainingHeld(Fact, stored_as="SkillsTrainingHeld/1", zh="开展技能培训", clause="3.3", by="new-city"):
    """Farmers who lost their land were trained for other work."""

    participants: Count
    title: Text


class ConversionCompleted(Fact, stored_as="ConversionCompleted/1", zh="撤村建居完成", clause="3.2", by="new-city"):
    """The New City closed the case: everything clauses 3.2 and 3.3 ask for is done."""


class ConversionWithdrawn(Fact, stored_as="ConversionWithdrawn/1", zh="撤回方案", clause="3.1", by="township"):
    """The township took its proposal back before approval."""

    reasons: Text


ConversionFact: TypeAlias = (
    ConversionProposed
    | VillagersAssented
    | VillagersRefused
    | ProcedureReturned
    | ConversionResubmitted
    | ProcedurePassed
    | ConversionApproved
    | ConversionDeclined
    | ConversionSubmittedForFiling
    | ConversionFiled
    | CommitteeRenamed
    | OldSealCollected
    | NewSealIssued
    | PartyOrganizationFounded
    | TransitionalLeadershipInstalled
    | ElectionHeld
    | EqualTreatmentGranted
    | UrbanStandardApplied
    | SkillsTrainingHeld
    | ConversionCompleted
    | ConversionWithdrawn
)

# state: proposed → assented ⇄ returned → passed → approved → completed, or refused, declined, withdrawn

ENDED = frozenset({"refused", "declined", "withdrawn"})
APPROVED = ("approved", "completed")


def is_open(case: State) -> bool:
    """Whether the case still keeps its village from being proposed in another."""
    return case.status not in ENDED


# fold


def evolve(case: State | None, step: Step[ConversionFact]) -> State:  # noqa: C901, PLR0911, PLR0912  # one case an event
    """Fold one step. Refuses nothing: it has already happened."""
    if case is None:
        case = State("proposed")
    match step.fact:
        case ConversionProposed():
            return case.say(step).take(step)
        case VillagersAssented():
            return case.take(step).become("assented")
        case ConversionResubmitted():
            return case.put("resubmissions", step.position, step).become("assented")
        case VillagersRefused():
            return case.take(step).become("refused")
        case ProcedureReturned():
            return case.take(step).become("returned")
        case ProcedurePassed():
            return case.take(step).become("passed")
        case ConversionApproved():
            return case.take(step).become("approved")
        case ConversionDeclined():
            return case.take(step).become("declined")
        case ConversionWithdrawn():
            return case.take(step).become("withdrawn")
        case ConversionCompleted():
            return case.take(step).become("completed")
        case EqualTreatmentGranted(service=service):
            return case.put("equal_treatment", service, step)
        case UrbanStandardApplied(item=item):
            return case.put("urban_standards", item, step)
        case SkillsTrainingHeld():
            return case.put("trainings", step.position, step)
        case (
            ConversionSubmittedForFiling()
            | ConversionFiled()
            | CommitteeRenamed()
            | OldSealCollected()
            | NewSealIssued()
            | PartyOrganizationFounded()
            | TransitionalLeadershipInstalled()
            | ElectionHeld()
        ):
            return case.take(step)
        case _:
            assert_never(step.fact)


# what is admitted


def admit(case: State | None, step: Step[ConversionFact]) -> None:  # noqa: C901, PLR0912  # one case an event
    """Refuse a step that the procedure of clauses 3.1–3.3 does not allow here."""
    if case is None:
        return
    match step.fact:
        case ConversionProposed():
            return
        case VillagersAssented() | VillagersRefused():
            status_in(case, ("proposed",), step)
        case ProcedureReturned() | ProcedurePassed():
            status_in(case, ("assented",), step)
            _another_person(case, step)
        case ConversionResubmitted():
            status_in(case, ("returned",), step)
        case ConversionApproved() | ConversionDeclined():
            status_in(case, ("passed",), step)
            _another_person(case, step)
        case ConversionWithdrawn():
            status_in(case, UNDECIDED, step)
        case ConversionSubmittedForFiling():
            status_in(case, ("passed", *APPROVED), step)
        case ConversionFiled():
            status_in(case, ("passed", *APPROVED), step)
            after(case, "ConversionSubmittedForFiling", step)
        case EqualTreatmentGranted(service=service):
            status_in(case, APPROVED, step)
            not_standing(case, "equal_treatment", service, step)
        case UrbanStandardApplied(item=item):
            status_in(case, APPROVED, step)
            not_standing(case, "urban_standards", item, step)
        case ConversionCompleted():
            status_in(case, ("approved",), step)
            _complete(case)
        case (
            CommitteeRenamed()
            | OldSealCollected()
            | NewSealIssued()
            | PartyOrganizationFounded()
            | TransitionalLeadershipInstalled()
            | ElectionHeld()
            | SkillsTrainingHeld()
        ):
            status_in(case, APPROVED, step)
        case _:
            assert_never(step.fact)


def _another_person(case: State, step: Step[ConversionFact]) -> None:
    """Who proposed a case neither reviews nor approves it."""
    proposers = {item.opened.person for item in case.items("resubmissions").values()}
    proposers.add(case.steps["ConversionProposed"].person)
    if step.person is not None and step.person in proposers:
        raise Refused(
            Code.SEPARATION_OF_DUTIES, "who proposed the case neither reviews nor decides it", clause=step.fact.clause
        )


def _complete(case: State) -> None:
    """Refuse to close a case that lacks what clauses 3.2 and 3.3 ask for."""
    missing = [
        event
        for event in ("CommitteeRenamed", "OldSealCollected", "NewSealIssued", "PartyOrganizationFounded")
        if event not in case.steps
    ]
    missing += [
        f"EqualTreatmentGranted {service}" for service in EQUAL_SERVICES if service not in case.items("equal_treatment")
    ]
    if "TransitionalLeadershipInstalled" not in case.steps and "ElectionHeld" not in case.steps:
        missing.append("TransitionalLeadershipInstalled or ElectionHeld")
    if missing:
        raise Refused(Code.INCOMPLETE, f"still missing: {', '.join(missing)}", clause="3.2")


def reserving(target: str, records: Records) -> list[str]:
    """The open cases that hold a village, or the id of the community to come."""
    return [
        case
        for case in records.referring(target, "conversion-cases")
        if (state := records.state(case)) is not None
        and is_open(state)
        and target in (f"villages/{state.value('village')}", f"communities/{state.value('community')}")
    ]


# what other records must allow, and what is brought about in them


def conditions(record: str, case: State | None, step: Step[ConversionFact], records: Records) -> None:
    """A village can be proposed once it is eligible, in one case at a time, for a community id that is free.

    Its assent needs the majority that the scheme in force on the meeting's day asks for. `case` is the case as it
    otherwise stands, None when the proposal opens it.
    """
    match step.fact:
        case ConversionProposed():
            _eligible(step.fact, step.effective_on, records)
            _free(step.fact, record, case, records)
        case VillagersAssented(present=present, in_favour=in_favour):
            share = procedure_on(step.effective_on, records).assent_needs_more_than
            if in_favour <= present * share:
                raise Refused(
                    Code.NO_MAJORITY,
                    f"{in_favour} of {present} present in favour; more than {share} of them are needed",
                    clause=step.fact.clause,
                )
        case _:
            return


def _eligible(proposed: ConversionProposed, day: date, records: Records) -> None:
    state = records.state(f"villages/{proposed.village}", day)
    if state is None:
        raise Refused(Code.NOT_ELIGIBLE, f"the village is not on record by {day}", clause="3.1")
    lacking = [
        event
        for event in ("EconomicOrganizationFounded", "AssetsVerified", "EquityQuantified")
        if event not in state.steps
    ]
    if lacking:
        raise Refused(
            Code.NOT_ELIGIBLE,
            f"by {day} the village's record lacks {', '.join(lacking)}",
            clause="3.1",
        )


def _free(proposed: ConversionProposed, record: str, case: State | None, records: Records) -> None:
    community = f"communities/{proposed.community}"
    for claimed in (f"villages/{proposed.village}", community):
        for other in reserving(claimed, records):
            if other != record:
                raise Refused(Code.ALREADY_CLAIMED, f"{other} stands for {claimed} already", clause="3.1")
    if records.state(community) is not None and (case is None or case.status not in APPROVED):
        raise Refused(Code.ALREADY_CLAIMED, f"{community} exists already", clause="3.1")


def consequences(record: str, case: State, step: Step[ConversionFact], records: Records) -> tuple[Consequence, ...]:
    """An approval establishes the community and marks the village as converted, on the approval's day."""
    if not isinstance(step.fact, ConversionApproved):
        return ()
    village_id: str = case.value("village")
    community: str = case.value("community")
    village = records.state(f"villages/{village_id}")
    if village is None:
        raise Refused(Code.NOT_ELIGIBLE, "the village is no longer on record", clause="3.1")
    established = CommunityEstablished(
        name=case.value("community_name"),
        origin="converted",
        township_code=village.value("township_code"),
        township=village.value("township"),
        new_city=village.value("new_city"),
    )
    converted = VillageConverted(case=record.partition("/")[2], community=community)
    return (
        Consequence(f"communities/{community}", established, step.effective_on),
        Consequence(f"villages/{village_id}", converted, step.effective_on),
    )


CONVERSION_CASE = Aggregate(
    kind="conversion-cases",
    zh="撤村建居",
    facts=get_args(ConversionFact),
    evolve=evolve,
    admit=admit,
    fields=("village", "community", "community_name"),
    lists=("resubmissions", "equal_treatment", "urban_standards", "trainings"),
    fixed=frozenset({"village"}),
    parent=("village", "villages"),
    conditions=conditions,
    consequences=consequences,
    depends_on=frozenset({"villages"}),
)
