"""新区: what the New Area itself plans, establishes, circulates and interprets. Clauses 2.1, 8.1 and 8.4."""

from __future__ import annotations

from typing import TypeAlias, assert_never, get_args

from domain.aggregate import Aggregate
from domain.fact import Fact, Key, Text
from domain.state import State, Step

# facts


class NewAreaRegistered(Fact, stored_as="NewAreaRegistered/1", zh="新区登记", by="system"):
    """The New Area whose ledger this is."""

    name: Text


class DevelopmentPlanIncludesCommunities(
    Fact,
    stored_as="DevelopmentPlanIncludesCommunities/1",
    zh="社区建设纳入发展规划",
    clause="2.1",
    by="new-area",
):
    """The New Area's development plan includes the building of communities."""

    title: Text


class GovernanceCommitteeEstablished(
    Fact, stored_as="GovernanceCommitteeEstablished/1", zh="成立社区发展治理委员会", clause="8.1", by="new-area"
):
    """The New Area's community development and governance committee was established."""


class ServiceAgencyEstablished(
    Fact, stored_as="ServiceAgencyEstablished/1", zh="设立社区服务管理机构", clause="8.1", by="new-area"
):
    """The New Area's community service management agency was established."""

    name: Text


class ProgressCircularIssued(
    Fact, stored_as="ProgressCircularIssued/1", zh="通报进展情况", clause="8.4", by="inspectorate"
):
    """The inspectorate circulated how the work progresses."""

    title: Text


class PolicyInterpreted(Fact, stored_as="PolicyInterpreted/1", zh="解释意见", by="new-area civil-affairs"):
    """The civil affairs bureau interpreted a clause, as the last paragraph of the policy has it do."""

    about_clause: Key
    text: Text


NewAreaFact: TypeAlias = (
    NewAreaRegistered
    | DevelopmentPlanIncludesCommunities
    | GovernanceCommitteeEstablished
    | ServiceAgencyEstablished
    | ProgressCircularIssued
    | PolicyInterpreted
)

# state: registered, for good


# fold


def evolve(area: State | None, step: Step[NewAreaFact]) -> State:
    """Fold one step. Refuses nothing: it has already happened."""
    if area is None:
        area = State("registered")
    match step.fact:
        case NewAreaRegistered():
            return area.say(step)
        case ProgressCircularIssued():
            return area.put("circulars", step.position, step)
        case PolicyInterpreted():
            return area.put("interpretations", step.position, step)
        case DevelopmentPlanIncludesCommunities() | GovernanceCommitteeEstablished() | ServiceAgencyEstablished():
            return area.take(step)
        case _:
            assert_never(step.fact)


# what is admitted


def admit(area: State | None, step: Step[NewAreaFact]) -> None:
    """Everything, in any order: the policy sets none."""


NEW_AREA = Aggregate(
    kind="new-area",
    zh="新区",
    facts=get_args(NewAreaFact),
    evolve=evolve,
    admit=admit,
    fields=("name",),
    lists=("circulars", "interpretations"),
    id_pattern="xixian",
)
