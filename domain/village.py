"""行政村: a village on its way to becoming an urban community. Clause 3.1."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias, assert_never, get_args

from domain.aggregate import Aggregate, still_open
from domain.fact import CaseRef, CommunityRef, Count, Fact, NewCityRef, Organisation, RecordId, Text, Yuan
from domain.procedure import UNDECIDED
from domain.refusals import Code, Refused
from domain.state import State, Step

# facts


class VillageRegistered(Fact, stored_as="VillageRegistered/1", zh="行政村登记", by="township"):
    """A village is on record."""

    name: Text
    township_code: RecordId
    township: Text
    new_city: NewCityRef
    households: Count | None = None


class EconomicOrganizationFounded(
    Fact, stored_as="EconomicOrganizationFounded/1", zh="设立集体经济组织", clause="3.1", by="township"
):
    """The village's collective economic organization was founded."""

    organisation: Organisation


class AssetsVerified(Fact, stored_as="AssetsVerified/1", zh="完成清产核资", clause="3.1", by="township"):
    """The village's collective assets were counted and verified."""

    total: Yuan


class EquityQuantified(Fact, stored_as="EquityQuantified/1", zh="完成股权量化", clause="3.1", by="township"):
    """The village's collective assets were quantified as shares."""

    shareholders: Count
    shares: Count


class VillageDemolished(Fact, stored_as="VillageDemolished/1", zh="整村拆迁", clause="3.1", by="new-city"):
    """The village was wholly demolished; from here on it must convert."""


class VillageConverted(Fact, stored_as="VillageConverted/1", zh="撤村建居", by="system"):
    """The village became a community, by the approval of its case."""

    case: CaseRef
    community: CommunityRef


VillageFact: TypeAlias = (
    VillageRegistered
    | EconomicOrganizationFounded
    | AssetsVerified
    | EquityQuantified
    | VillageDemolished
    | VillageConverted
)

# state: standing → demolished → converted, or converted at once; seen as converting while a case is undecided

CONVERTED = frozenset({"converted"})


# fold


def evolve(village: State | None, step: Step[VillageFact]) -> State:
    """Fold one step. Refuses nothing: it has already happened."""
    if village is None:
        village = State("standing")
    match step.fact:
        case VillageRegistered():
            return village.say(step)
        case VillageDemolished():
            return village.take(step).become("demolished")
        case VillageConverted():
            return village.take(step).become("converted")
        case EconomicOrganizationFounded() | AssetsVerified() | EquityQuantified():
            return village.take(step)
        case _:
            assert_never(step.fact)


def overlay(village: State, cases: Iterable[State]) -> State:
    """The village as it is seen with the conversion cases that name it: converting while one is undecided."""
    if village.status not in CONVERTED and any(case.status in UNDECIDED for case in cases):
        return village.become("converting")
    return village


# what is admitted


def admit(village: State | None, step: Step[VillageFact]) -> None:
    """Refuse what would follow the conversion, and a second demolition."""
    if village is None:
        return
    still_open(village, CONVERTED, step)
    if isinstance(step.fact, VillageDemolished) and (demolished := village.steps.get("VillageDemolished")):
        raise Refused(
            Code.ALREADY_STANDING,
            f"the village was demolished on {demolished.effective_on}",
            clause=step.fact.clause,
            positions=(demolished.position,),
        )


VILLAGE = Aggregate(
    kind="villages",
    zh="行政村",
    facts=get_args(VillageFact),
    evolve=evolve,
    admit=admit,
    fields=("name", "township_code", "township", "new_city", "households"),
    fixed=frozenset({"new_city", "township_code"}),
    seen_with="conversion-cases",
    overlay=overlay,
)
