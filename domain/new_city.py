"""新城: plans, measures, bases and regional Party committees of a New City. Clauses 2.1, 3.3, 5.3, 7 and 8.1."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, assert_never, get_args

from pydantic import AfterValidator, Field

from domain.aggregate import Aggregate, not_standing, standing
from domain.fact import CommunityRef, Fact, Key, Organisation, Person, Text, Yuan, distinct
from domain.state import State, Step

# facts

SecretaryFrom = Literal["elected", "township", "new-city"]


class NewCityRegistered(Fact, stored_as="NewCityRegistered/1", zh="新城登记", by="new-area"):
    """A New City, or the park office, which is scored like one."""

    name: Text
    kind: Literal["new-city", "park-office"]

    def claims(self) -> tuple[str, ...]:
        """Its place among the New Cities."""
        return (REGISTERED,)


class SettingPlanAdopted(
    Fact, stored_as="SettingPlanAdopted/1", zh="编制社区设置专项规划", clause="2.1", by="new-city"
):
    """The New City adopted its plan for setting communities."""

    title: Text


class StaffMeasuresIssued(
    Fact, stored_as="StaffMeasuresIssued/1", zh="制定社区工作人员管理办法", clause="5.3", by="new-city"
):
    """The New City issued its measures for managing community staff."""

    title: Text


class IncubationBaseOpened(
    Fact, stored_as="IncubationBaseOpened/1", zh="设立社会组织孵化基地", clause="7.3", by="new-city"
):
    """An incubation base for social organizations opened."""

    base: Key
    name: Text


class IncubationBaseClosed(
    Fact, stored_as="IncubationBaseClosed/1", zh="关闭社会组织孵化基地", clause="7.3", by="new-city"
):
    """An incubation base closed."""

    base: Key


class ServicePurchased(Fact, stored_as="ServicePurchased/1", zh="购买社区服务", clause="7.3", by="new-city"):
    """The New City bought a community service from a social organization."""

    organisation: Organisation
    project: Text
    amount: Yuan


class GovernanceCommitteeEstablished(
    Fact, stored_as="GovernanceCommitteeEstablished/1", zh="成立社区发展治理委员会", clause="8.1", by="new-city"
):
    """The New City's community development and governance committee was established."""


class ServiceAgencyEstablished(
    Fact, stored_as="ServiceAgencyEstablished/1", zh="设立社区服务管理机构", clause="8.1", by="new-city"
):
    """The New City's community service management agency was established."""

    name: Text


class RegionalPartyCommitteeFormed(
    Fact, stored_as="RegionalPartyCommitteeFormed/1", zh="组建区域社区大党委", clause="7.1", by="new-city"
):
    """Two or more communities formed a regional Party committee."""

    committee: Key
    communities: Annotated[tuple[CommunityRef, ...], Field(min_length=2, max_length=100), AfterValidator(distinct)]
    secretary: Person
    secretary_from: SecretaryFrom


class RegionalPartySecretaryReplaced(
    Fact, stored_as="RegionalPartySecretaryReplaced/1", zh="更换大党委书记", clause="7.1", by="new-city"
):
    """A regional Party committee has another secretary."""

    committee: Key
    secretary: Person
    secretary_from: SecretaryFrom


class EmploymentPolicyAdopted(
    Fact, stored_as="EmploymentPolicyAdopted/1", zh="完善转移就业政策", clause="3.3", by="new-city"
):
    """The New City adopted a policy for finding other work for residents of converted communities."""

    title: Text


class ImplementingRulesIssued(Fact, stored_as="ImplementingRulesIssued/1", zh="制定实施细则", by="new-city"):
    """The New City issued implementing rules, as the last paragraph of the policy allows."""

    title: Text


class RegionalPartyCommitteeDissolved(
    Fact, stored_as="RegionalPartyCommitteeDissolved/1", zh="撤销区域社区大党委", clause="7.1", by="new-city"
):
    """A regional Party committee was dissolved."""

    committee: Key


NewCityFact: TypeAlias = (
    NewCityRegistered
    | SettingPlanAdopted
    | StaffMeasuresIssued
    | IncubationBaseOpened
    | IncubationBaseClosed
    | ServicePurchased
    | GovernanceCommitteeEstablished
    | ServiceAgencyEstablished
    | RegionalPartyCommitteeFormed
    | RegionalPartySecretaryReplaced
    | EmploymentPolicyAdopted
    | ImplementingRulesIssued
    | RegionalPartyCommitteeDissolved
)

REGISTERED = "new-cities?registered"
"""What every New City is found by."""

# state: registered, for good


# fold


def evolve(city: State | None, step: Step[NewCityFact]) -> State:  # noqa: PLR0911  # one case an event
    """Fold one step. Refuses nothing: it has already happened."""
    if city is None:
        city = State("registered")
    match step.fact:
        case NewCityRegistered():
            return city.say(step)
        case IncubationBaseOpened(base=base):
            return city.put("bases", base, step)
        case IncubationBaseClosed(base=base):
            return city.drop("bases", base)
        case ServicePurchased():
            return city.put("purchases", step.position, step)
        case RegionalPartyCommitteeFormed(committee=committee):
            return city.put("committees", committee, step)
        case RegionalPartySecretaryReplaced(committee=committee):
            return city.amend("committees", committee, step)
        case RegionalPartyCommitteeDissolved(committee=committee):
            return city.drop("committees", committee)
        case (
            SettingPlanAdopted()
            | StaffMeasuresIssued()
            | GovernanceCommitteeEstablished()
            | ServiceAgencyEstablished()
            | EmploymentPolicyAdopted()
            | ImplementingRulesIssued()
        ):
            return city.take(step)
        case _:
            assert_never(step.fact)


# what is admitted


def admit(city: State | None, step: Step[NewCityFact]) -> None:
    """Refuse a step about a base or a committee that does not stand, or that stands already."""
    if city is None:
        return
    match step.fact:
        case IncubationBaseOpened(base=base):
            not_standing(city, "bases", base, step)
        case IncubationBaseClosed(base=base):
            standing(city, "bases", base, step)
        case RegionalPartyCommitteeFormed(committee=committee):
            not_standing(city, "committees", committee, step)
        case RegionalPartySecretaryReplaced(committee=committee) | RegionalPartyCommitteeDissolved(committee=committee):
            standing(city, "committees", committee, step)
        case (
            NewCityRegistered()
            | SettingPlanAdopted()
            | StaffMeasuresIssued()
            | ServicePurchased()
            | GovernanceCommitteeEstablished()
            | ServiceAgencyEstablished()
            | EmploymentPolicyAdopted()
            | ImplementingRulesIssued()
        ):
            return
        case _:
            assert_never(step.fact)


NEW_CITY = Aggregate(
    kind="new-cities",
    zh="新城",
    facts=get_args(NewCityFact),
    evolve=evolve,
    admit=admit,
    fields=("name", "kind"),
    lists=("bases", "purchases", "committees"),
    id_pattern=r"[a-z0-9-]{2,32}",
)
