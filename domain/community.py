"""社区: bodies, posts, premises, services and partnerships of a community. Clauses 1, 2.2, 2.3 and 4–8.1."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, assert_never, get_args

from pydantic import AfterValidator, Field

from domain.aggregate import Aggregate, Records, not_standing, standing, still_open
from domain.fact import (
    CommunityRef,
    Count,
    Day,
    Fact,
    Key,
    NewCityRef,
    Organisation,
    Person,
    PersonId,
    RecordId,
    SquareMetres,
    Text,
    Year,
    Yuan,
    distinct,
)
from domain.offices import Authority
from domain.procedure import UNDECIDED
from domain.refusals import Code, FieldError, Refused
from domain.state import State, Step

# facts

Body = Literal["party", "residents-committee", "supervisory-committee", "service-station"]
Post = Literal["secretary", "director", "deputy", "member", "worker"]
Level = Literal["assistant", "social-worker", "senior"]


class CommunityEstablished(Fact, stored_as="CommunityEstablished/1", zh="设立社区", clause="2.3", by="new-city"):
    """A community: new with an estate, existing before the policy, or converted from a village."""

    name: Text
    origin: Literal["new-estate", "existing", "converted"]
    township_code: RecordId
    township: Text
    new_city: NewCityRef
    households: Count | None = None


class CommunityRenamed(Fact, stored_as="CommunityRenamed/1", zh="社区更名", by="new-city"):
    """The community has another name."""

    name: Text


class HouseholdsCounted(Fact, stored_as="HouseholdsCounted/1", zh="清点户数", clause="2.2", by="township"):
    """The community's households were counted."""

    households: Count


class BoundaryAdjusted(Fact, stored_as="BoundaryAdjusted/1", zh="调整管辖范围", clause="2.2", by="new-city"):
    """The community's boundary changed."""

    description: Text


class AdjustmentApproved(
    Fact, stored_as="AdjustmentApproved/1", zh="批准社区调整", clause="2.2", by="new-city committee"
):
    """The New City's administrative committee approved an adjustment."""

    act: Text


class AdjustmentFiled(Fact, stored_as="AdjustmentFiled/1", zh="社区调整报备", clause="2.2", by="new-city"):
    """The New City filed an adjustment for record."""

    act: Text


class CommunitySplit(Fact, stored_as="CommunitySplit/1", zh="社区拆分", clause="2.2", by="new-city"):
    """The community was split into others."""

    into: Annotated[tuple[CommunityRef, ...], Field(min_length=1, max_length=100), AfterValidator(distinct)]


class CommunityMerged(Fact, stored_as="CommunityMerged/1", zh="社区合并", clause="2.2", by="new-city"):
    """The community was merged into another."""

    into: CommunityRef


class CommunityDissolved(Fact, stored_as="CommunityDissolved/1", zh="撤销社区", by="new-city"):
    """The community was dissolved."""

    reason: Text


class _OfBody(Fact):
    body: Body

    def authorities(self, state: State | Fact | None) -> tuple[Authority, ...]:  # noqa: ARG002  # the body alone decides
        """The New City staffs the service station (clause 5.1); the township does the other bodies."""
        return (Authority("new-city" if self.body == "service-station" else "township"),)


class BodyFormed(_OfBody, stored_as="BodyFormed/1", zh="组建班子", clause="5.1", by="township or new-city"):
    """One of the four bodies was formed; formed again, it begins another term."""

    term_ends_on: Day | None = None


class PostFilled(_OfBody, stored_as="PostFilled/1", zh="任职", clause="5.1", by="township or new-city"):
    """A person took a post in a body; one person may hold several (交叉任职)."""

    person: Person
    role: Post


class PostVacated(_OfBody, stored_as="PostVacated/1", zh="离任", clause="5.1", by="township or new-city"):
    """A person left a post."""

    person: PersonId
    role: Post


class CertificateRegistered(
    Fact, stored_as="CertificateRegistered/1", zh="登记社会工作职业资格", clause="5.2", by="new-city"
):
    """A member of the staff got a social worker's certificate."""

    person: Person
    level: Level
    certificate: Key


class RewardPaid(Fact, stored_as="RewardPaid/1", zh="发放职业资格奖励", clause="5.2", by="new-city"):
    """The reward for a certificate was paid."""

    person: PersonId
    certificate: Key
    level: Level
    amount: Yuan


class PremisesProvided(Fact, stored_as="PremisesProvided/1", zh="配备社区用房", clause="4.2", by="new-city"):
    """The community has these premises."""

    premises: Key
    area: SquareMetres
    address: Text
    how: Literal["built", "renovated", "bought", "handed-over", "rented"]


class PremisesWithdrawn(Fact, stored_as="PremisesWithdrawn/1", zh="退出社区用房", by="new-city"):
    """The community no longer has these premises."""

    premises: Key
    reason: Text


class RenovationPlanned(Fact, stored_as="RenovationPlanned/1", zh="制定用房改造提升方案", clause="4.1", by="new-city"):
    """The New City planned to bring the community's premises up to the standard."""

    due_on: Day


class RenovationCompleted(Fact, stored_as="RenovationCompleted/1", zh="完成用房改造提升", clause="4.1", by="new-city"):
    """The community's premises were brought up to the standard."""


class PremisesTitleRegistered(
    Fact, stored_as="PremisesTitleRegistered/1", zh="社区用房权属登记", clause="8.1", by="new-city"
):
    """The title to premises was registered to the service agency."""

    premises: Key
    title: Text


class ServiceProvided(Fact, stored_as="ServiceProvided/1", zh="提供社区服务", clause="6.1", by="community"):
    """The community provided a service for a group of its residents."""

    audience: Literal["elderly", "youth", "job-seekers", "migrants", "everyone"]
    title: Text


class ConvenienceCircleRecognised(
    Fact, stored_as="ConvenienceCircleRecognised/1", zh="建成15分钟便民服务圈", clause="6.2", by="township"
):
    """The community has a 15-minute convenience circle."""


class ConvenienceCircleLost(
    Fact, stored_as="ConvenienceCircleLost/1", zh="便民服务圈不再达标", clause="6.2", by="township"
):
    """The community no longer has a 15-minute convenience circle."""

    reason: Text


class PartnershipSigned(Fact, stored_as="PartnershipSigned/1", zh="签订共建协议", clause="7.2", by="community"):
    """The community and a resident organisation signed a partnership agreement."""

    agreement: Key
    organisation: Organisation
    expires_on: Day | None = None


class PartnershipProjectAgreed(
    Fact, stored_as="PartnershipProjectAgreed/1", zh="确定共建项目", clause="7.2", by="community"
):
    """The partners agreed on a project for a year."""

    agreement: Key
    project: Key
    year: Year
    title: Text


class PartnershipProjectCompleted(
    Fact, stored_as="PartnershipProjectCompleted/1", zh="完成共建项目", clause="7.2", by="community"
):
    """A partnership project was completed."""

    agreement: Key
    project: Key


class PartnershipEnded(Fact, stored_as="PartnershipEnded/1", zh="终止共建协议", clause="7.2", by="community"):
    """A partnership agreement ended."""

    agreement: Key
    reason: Text


class DemonstrationGranted(Fact, stored_as="DemonstrationGranted/1", zh="评为示范样板社区", clause="1", by="new-area"):
    """The community is a demonstration of community governance and service."""

    title: Text


class DemonstrationWithdrawn(
    Fact, stored_as="DemonstrationWithdrawn/1", zh="取消示范样板社区", clause="1", by="new-area"
):
    """The community is no longer a demonstration community."""

    reason: Text


CommunityFact: TypeAlias = (
    CommunityEstablished
    | CommunityRenamed
    | HouseholdsCounted
    | BoundaryAdjusted
    | AdjustmentApproved
    | AdjustmentFiled
    | CommunitySplit
    | CommunityMerged
    | CommunityDissolved
    | BodyFormed
    | PostFilled
    | PostVacated
    | CertificateRegistered
    | RewardPaid
    | PremisesProvided
    | PremisesWithdrawn
    | RenovationPlanned
    | RenovationCompleted
    | PremisesTitleRegistered
    | ServiceProvided
    | ConvenienceCircleRecognised
    | ConvenienceCircleLost
    | PartnershipSigned
    | PartnershipProjectAgreed
    | PartnershipProjectCompleted
    | PartnershipEnded
    | DemonstrationGranted
    | DemonstrationWithdrawn
)

# state: active → split, merged or dissolved

ENDED = frozenset({"split", "merged", "dissolved"})


# fold


def evolve(community: State | None, step: Step[CommunityFact]) -> State:  # noqa: C901, PLR0911, PLR0912  # one case an event
    """Fold one step. Refuses nothing: it has already happened."""
    if community is None:
        community = State("active")
    match step.fact:
        case CommunityEstablished() | CommunityRenamed() | HouseholdsCounted():
            return community.say(step)
        case CommunitySplit():
            return community.take(step).become("split")
        case CommunityMerged():
            return community.take(step).become("merged")
        case CommunityDissolved():
            return community.take(step).become("dissolved")
        case BodyFormed(body=body):
            return community.put("bodies", body, step)
        case PostFilled(person=person, body=body, role=role):
            return community.put("posts", (person.id, body, role), step)
        case PostVacated(person=person, body=body, role=role):
            return community.drop("posts", (person, body, role))
        case CertificateRegistered(certificate=certificate):
            return community.put("certificates", certificate, step)
        case RewardPaid(person=person, certificate=certificate):
            return community.put("rewards", (person, certificate), step)
        case PremisesProvided(premises=premises):
            return community.put("premises", premises, step)
        case PremisesWithdrawn(premises=premises):
            return community.drop("premises", premises)
        case PremisesTitleRegistered(premises=premises):
            return community.note("premises", premises, step)
        case ServiceProvided():
            return community.put("services", step.position, step)
        case ConvenienceCircleRecognised():
            return community.put("convenience_circle", "recognition", step)
        case ConvenienceCircleLost():
            return community.drop("convenience_circle", "recognition")
        case PartnershipSigned(agreement=agreement):
            return community.put("agreements", agreement, step)
        case PartnershipEnded(agreement=agreement):
            return community.end("agreements", agreement, step, "ended_agreements")
        case PartnershipProjectAgreed(agreement=agreement, project=project):
            return community.put("projects", (agreement, project), step)
        case PartnershipProjectCompleted(agreement=agreement, project=project):
            return community.note("projects", (agreement, project), step)
        case DemonstrationGranted():
            return community.put("demonstration", "grant", step)
        case DemonstrationWithdrawn():
            return community.drop("demonstration", "grant")
        case (
            BoundaryAdjusted() | AdjustmentApproved() | AdjustmentFiled() | RenovationPlanned() | RenovationCompleted()
        ):
            return community.take(step)
        case _:
            assert_never(step.fact)


# what is admitted


def admit(community: State | None, step: Step[CommunityFact]) -> None:  # noqa: C901, PLR0912  # one case an event
    """Refuse a step after the community's end, or about something that does not stand or stands already."""
    if community is None:
        return
    if not isinstance(step.fact, AdjustmentFiled):  # what ended it is reported once it is done
        still_open(community, ENDED, step)
    match step.fact:
        case PostFilled(person=person, body=body, role=role):
            not_standing(community, "posts", (person.id, body, role), step)
        case PostVacated(person=person, body=body, role=role):
            standing(community, "posts", (person, body, role), step)
        case CertificateRegistered(certificate=certificate):
            not_standing(community, "certificates", certificate, step)
        case PremisesProvided(premises=premises):
            not_standing(community, "premises", premises, step)
        case PremisesWithdrawn(premises=premises) | PremisesTitleRegistered(premises=premises):
            standing(community, "premises", premises, step)
        case ConvenienceCircleLost():
            standing(community, "convenience_circle", "recognition", step)
        case PartnershipSigned(agreement=agreement):
            not_standing(community, "agreements", agreement, step)
        case PartnershipProjectAgreed(agreement=agreement, project=project):
            standing(community, "agreements", agreement, step)
            not_standing(community, "projects", (agreement, project), step)
        case PartnershipProjectCompleted(agreement=agreement, project=project):
            standing(community, "projects", (agreement, project), step)
        case PartnershipEnded(agreement=agreement):
            standing(community, "agreements", agreement, step)
        case DemonstrationWithdrawn():
            standing(community, "demonstration", "grant", step)
        case (
            CommunityEstablished()
            | CommunityRenamed()
            | HouseholdsCounted()
            | BoundaryAdjusted()
            | AdjustmentApproved()
            | AdjustmentFiled()
            | CommunitySplit()
            | CommunityMerged()
            | CommunityDissolved()
            | BodyFormed()
            | RewardPaid()
            | RenovationPlanned()
            | RenovationCompleted()
            | ServiceProvided()
            | ConvenienceCircleRecognised()
            | DemonstrationGranted()
        ):
            return
        case _:
            assert_never(step.fact)


# what other records must allow


def conditions(record: str, community: State | None, step: Step[CommunityFact], records: Records) -> None:  # noqa: ARG001
    """A community's id is not one that an undecided conversion case has reserved; it goes into others than itself."""
    match step.fact:
        case CommunityEstablished():
            _not_reserved(record, records)
        case CommunitySplit() | CommunityMerged():
            if ("into", record) in step.fact.referred():
                raise Refused(
                    Code.INVALID_FIELDS,
                    "a community goes into others than itself",
                    clause=step.fact.clause,
                    errors=(FieldError("/data/into", f"{record} itself"),),
                )
        case _:
            return


def _not_reserved(record: str, records: Records) -> None:
    for case in records.referring(record, "conversion-cases"):
        state = records.state(case)
        if state is not None and state.status in UNDECIDED and record == f"communities/{state.value('community')}":
            raise Refused(Code.ALREADY_CLAIMED, f"{case} has reserved {record}", clause="3.1")


COMMUNITY = Aggregate(
    kind="communities",
    zh="社区",
    facts=get_args(CommunityFact),
    evolve=evolve,
    admit=admit,
    fields=("name", "origin", "township_code", "township", "new_city", "households"),
    lists=(
        "bodies",
        "posts",
        "certificates",
        "rewards",
        "premises",
        "services",
        "agreements",
        "ended_agreements",
        "projects",
        "convenience_circle",
        "demonstration",
    ),
    fixed=frozenset({"new_city", "township_code"}),
    conditions=conditions,
)
