"""住宅小区: the premises gates of a new estate, its occupancy, and who serves it. Clauses 2.3, 4.3 and 6.3."""

from __future__ import annotations

from typing import TypeAlias, assert_never, get_args

from domain.aggregate import Aggregate, after, not_standing
from domain.fact import CommunityRef, Count, Fact, Key, NewCityRef, Organisation, RecordId, SquareMetres, Text
from domain.refusals import Code, Refused
from domain.state import Item, State, Step

# facts


class EstateRegistered(Fact, stored_as="EstateRegistered/1", zh="小区登记", by="new-city"):
    """A residential estate is on record, with the households that are planned for it."""

    name: Text
    developer: Organisation
    households_planned: Count
    township_code: RecordId
    township: Text
    new_city: NewCityRef


class PremisesTermsSet(
    Fact,
    stored_as="PremisesTermsSet/1",
    zh="用房条款纳入土地出让",
    clause="4.3",
    by="new-city or new-area natural-resources",
):
    """The land-sale announcement and contract oblige the developer to build premises and hand them over free."""

    contract: Text


class MasterPlanReviewed(
    Fact, stored_as="MasterPlanReviewed/1", zh="总平面图审查", clause="4.3", by="new-city civil-affairs"
):
    """The civil affairs bureau gave its opinion on the size and the place of the premises."""

    agreed: bool
    area: SquareMetres
    location: Text
    opinion: Text


class PresaleExclusionRecorded(
    Fact,
    stored_as="PresaleExclusionRecorded/1",
    zh="预售剔除用房面积",
    clause="4.3",
    by="new-city or new-area planning",
):
    """The presale permit leaves out the area of the premises."""

    permit: Text
    area: SquareMetres


class CommitmentCertified(
    Fact, stored_as="CommitmentCertified/1", zh="出具履行确认证明", clause="4.3", by="new-city civil-affairs"
):
    """The civil affairs bureau certified that the developer kept its commitment to build the premises."""

    certificate: Text


class CompletionAccepted(
    Fact, stored_as="CompletionAccepted/1", zh="竣工验收备案", clause="4.3", by="new-city or new-area planning"
):
    """The completion of the works was accepted and filed."""

    acceptance: Text


class PremisesHandedOver(Fact, stored_as="PremisesHandedOver/1", zh="移交社区用房", clause="4.3", by="new-city"):
    """Premises were handed over to the New City, free of charge."""

    premises: Key
    area: SquareMetres


class OccupancyCounted(Fact, stored_as="OccupancyCounted/1", zh="清点入住户数", clause="2.3", by="township"):
    """The households that have moved in were counted."""

    households: Count


class ResidentGroupFormed(Fact, stored_as="ResidentGroupFormed/1", zh="成立居民小组", clause="2.3", by="township"):
    """A resident group was formed, until a community serves the estate."""


class CaretakerAssigned(Fact, stored_as="CaretakerAssigned/1", zh="确定代管社区", clause="2.3", by="township"):
    """A neighbouring community takes care of the estate, until one serves it."""

    community: CommunityRef


class CommunityAssigned(Fact, stored_as="CommunityAssigned/1", zh="纳入社区", clause="2.3", by="new-city"):
    """A community serves the estate."""

    community: CommunityRef


class ThreeWithoutFound(Fact, stored_as="ThreeWithoutFound/1", zh="认定三无小区", clause="6.3", by="township"):
    """The estate has no property management, no authority in charge, and neither guards nor locks."""

    description: Text


class ThreeWithoutResolved(Fact, stored_as="ThreeWithoutResolved/1", zh="解决三无问题", clause="6.3", by="township"):
    """The estate is a three-without estate no longer."""

    description: Text


EstateFact: TypeAlias = (
    EstateRegistered
    | PremisesTermsSet
    | MasterPlanReviewed
    | PresaleExclusionRecorded
    | CommitmentCertified
    | CompletionAccepted
    | PremisesHandedOver
    | OccupancyCounted
    | ResidentGroupFormed
    | CaretakerAssigned
    | CommunityAssigned
    | ThreeWithoutFound
    | ThreeWithoutResolved
)

# state: registered → accepted → handed-over


def unresolved(estate: State) -> Item | None:
    """What found the estate to be a three-without one, while it is."""
    found = estate.items("three_without").values()
    return next((item for item in found if "ThreeWithoutResolved" not in item.later), None)


# fold


def evolve(estate: State | None, step: Step[EstateFact]) -> State:
    """Fold one step. Refuses nothing: it has already happened."""
    if estate is None:
        estate = State("registered")
    match step.fact:
        case EstateRegistered() | OccupancyCounted():
            return estate.say(step)
        case CompletionAccepted():
            return estate.take(step).become("accepted" if estate.status == "registered" else estate.status)
        case PremisesHandedOver(premises=premises):
            return estate.put("premises", premises, step).become("handed-over")
        case ThreeWithoutFound():
            return estate.put("three_without", step.position, step)
        case ThreeWithoutResolved():
            found = unresolved(estate)
            return estate if found is None else estate.note("three_without", found.opened.position, step)
        case (
            PremisesTermsSet()
            | MasterPlanReviewed()
            | PresaleExclusionRecorded()
            | CommitmentCertified()
            | ResidentGroupFormed()
            | CaretakerAssigned()
            | CommunityAssigned()
        ):
            return estate.take(step)
        case _:
            assert_never(step.fact)


# what is admitted


def admit(estate: State | None, step: Step[EstateFact]) -> None:
    """Refuse a completion without its certificate, the same premises twice, and three-without out of turn.

    The other gates of clause 4.3 and their order are judged by a rule, not guarded.
    """
    if estate is None:
        return
    match step.fact:
        case CompletionAccepted():
            after(estate, "CommitmentCertified", step)
        case PremisesHandedOver(premises=premises):
            not_standing(estate, "premises", premises, step)
        case ThreeWithoutFound():
            if (found := unresolved(estate)) is not None:
                raise Refused(
                    Code.ALREADY_STANDING,
                    f"the estate is a three-without one since {found.opened.effective_on}",
                    clause=step.fact.clause,
                    positions=(found.opened.position,),
                )
        case ThreeWithoutResolved():
            if unresolved(estate) is None:
                raise Refused(
                    Code.NOT_STANDING,
                    f"the estate is no three-without one on {step.effective_on}",
                    clause=step.fact.clause,
                )
        case (
            EstateRegistered()
            | PremisesTermsSet()
            | MasterPlanReviewed()
            | PresaleExclusionRecorded()
            | CommitmentCertified()
            | OccupancyCounted()
            | ResidentGroupFormed()
            | CaretakerAssigned()
            | CommunityAssigned()
        ):
            return
        case _:
            assert_never(step.fact)


ESTATE = Aggregate(
    kind="estates",
    zh="住宅小区",
    facts=get_args(EstateFact),
    evolve=evolve,
    admit=admit,
    fields=("name", "developer", "households_planned", "township_code", "township", "new_city", "households"),
    lists=("premises", "three_without"),
    fixed=frozenset({"new_city", "township_code"}),
)
