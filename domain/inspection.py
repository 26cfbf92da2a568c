"""督查: what the inspectorate saw on its visits, and how it was put right. Clause 8.4."""

from __future__ import annotations

from typing import TypeAlias, assert_never, get_args

from pydantic import Field

from domain.aggregate import Aggregate, not_standing, standing, still_open
from domain.fact import Day, Fact, Key, NewCityRef, RecordPath, Text
from domain.refusals import Code, Refused
from domain.state import State, Step

# facts


class InspectionOpened(Fact, stored_as="InspectionOpened/1", zh="开展督查", by="inspectorate"):
    """The inspectorate began to inspect a New City's work, at a time of its own choosing."""

    new_city: NewCityRef
    subject: Text


class InspectionFindingRecorded(Fact, stored_as="InspectionFindingRecorded/1", zh="记录督查发现", by="inspectorate"):
    """The inspectorate saw that a clause is not kept."""

    finding: Key
    of_clause: Key = Field(alias="clause")
    about: RecordPath
    observed: Text


class RectificationOrdered(Fact, stored_as="RectificationOrdered/1", zh="责令整改", by="inspectorate"):
    """What was found is to be put right by a day; ordered again, that day holds."""

    finding: Key
    due_on: Day


class RectificationConfirmed(Fact, stored_as="RectificationConfirmed/1", zh="确认整改到位", by="inspectorate"):
    """What was found has been put right, which ends the finding."""

    finding: Key


class RectificationRejected(Fact, stored_as="RectificationRejected/1", zh="整改不到位", by="inspectorate"):
    """What was done about a finding was found wanting."""

    finding: Key
    reasons: Text


class InspectionClosed(Fact, stored_as="InspectionClosed/1", zh="督查办结", by="inspectorate"):
    """The inspection is at its end."""

    summary: Text


InspectionFact: TypeAlias = (
    InspectionOpened
    | InspectionFindingRecorded
    | RectificationOrdered
    | RectificationConfirmed
    | RectificationRejected
    | InspectionClosed
)

# state: open → closed; a finding: found → ordered → confirmed, or rejected and then ordered again or confirmed

CLOSED = frozenset({"closed"})


# fold


def evolve(inspection: State | None, step: Step[InspectionFact]) -> State:
    """Fold one step. Refuses nothing: it has already happened."""
    if inspection is None:
        inspection = State("open")
    match step.fact:
        case InspectionOpened():
            return inspection.say(step)
        case InspectionFindingRecorded(finding=finding):
            return inspection.put("findings", finding, step)
        case (
            RectificationOrdered(finding=finding)
            | RectificationConfirmed(finding=finding)
            | RectificationRejected(finding=finding)
        ):
            return inspection.amend("findings", finding, step)
        case InspectionClosed():
            return inspection.take(step).become("closed")
        case _:
            assert_never(step.fact)


# what is admitted


def admit(inspection: State | None, step: Step[InspectionFact]) -> None:
    """Refuse what follows the closing, and rectification of what was not found, not ordered or is confirmed."""
    if inspection is None:
        return
    still_open(inspection, CLOSED, step)
    match step.fact:
        case InspectionFindingRecorded(finding=finding):
            not_standing(inspection, "findings", finding, step)
        case RectificationOrdered(finding=finding):
            _rectified(
                inspection,
                finding,
                step,
                ("InspectionFindingRecorded", "RectificationOrdered", "RectificationRejected"),
            )
        case RectificationConfirmed(finding=finding):
            _rectified(inspection, finding, step, ("RectificationOrdered", "RectificationRejected"))
        case RectificationRejected(finding=finding):
            _rectified(inspection, finding, step, ("RectificationOrdered",))
        case InspectionOpened() | InspectionClosed():
            return
        case _:
            assert_never(step.fact)


def _rectified(inspection: State, finding: str, step: Step[InspectionFact], follows: tuple[str, ...]) -> None:
    """Refuse a step about a finding that does not follow the last one about it."""
    standing(inspection, "findings", finding, step)
    later = inspection.items("findings")[finding].later.values()
    last = max(later, key=lambda one: (one.effective_on, one.position), default=None)
    event = "InspectionFindingRecorded" if last is None else last.fact.event
    if event not in follows:
        raise Refused(
            Code.OUT_OF_ORDER,
            f"{step.fact.event} on {step.effective_on}: the last of {finding} is {event}, not {' or '.join(follows)}",
        )


INSPECTION = Aggregate(
    kind="inspections",
    zh="督查",
    facts=get_args(InspectionFact),
    evolve=evolve,
    admit=admit,
    fields=("new_city", "subject"),
    lists=("findings",),
    fixed=frozenset({"new_city"}),
)
