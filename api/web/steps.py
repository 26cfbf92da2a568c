"""A procedure as steps: what is done, what is next and by whom, what is late."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, Literal, NamedTuple

from api.web.visit import Visit
from domain.conversion_case import EQUAL_SERVICES
from domain.offices import Authority
from domain.records import AGGREGATES

Standing = Literal["done", "next", "possible", "not", "ended", "late"]


class StepShown(NamedTuple):
    """One step of a procedure."""

    event: str
    title: str
    standing: Standing
    done_on: date | None
    position: int | None
    who: str
    optional: bool = False
    detail: str = ""
    due_on: date | None = None
    """Where a rule says by when."""
    late_by: int = 0
    """Days past that day: of one that is done, or of one that the rule finds undone on the asked day."""


_IN_ORDER: Final = {
    "conversion-cases": (
        "ConversionProposed", "VillagersAssented", "ProcedurePassed", "ConversionApproved",
        "ConversionSubmittedForFiling", "ConversionFiled",
    ),
    "estates": (
        "EstateRegistered", "PremisesTermsSet", "MasterPlanReviewed", "PresaleExclusionRecorded",
        "CommitmentCertified", "CompletionAccepted", "PremisesHandedOver",
    ),
    "villages": (
        "VillageRegistered", "EconomicOrganizationFounded", "AssetsVerified", "EquityQuantified", "VillageConverted",
    ),
}  # fmt: skip
_AFTER: Final = {
    "conversion-cases": (
        "CommitteeRenamed", "OldSealCollected", "NewSealIssued", "PartyOrganizationFounded",
        "TransitionalLeadershipInstalled", "ElectionHeld",
    ),
}  # fmt: skip
"""Steps that may come in any order once the procedure is through."""
_OPTIONAL: Final = frozenset({"ElectionHeld"})
_ENDING: Final = ("VillagersRefused", "ConversionDeclined", "ConversionWithdrawn")


_DUE: Final[Mapping[str, Sequence[str]]] = {
    "filing": ("ConversionSubmittedForFiling",),
    "seal": ("OldSealCollected", "NewSealIssued"),
    "conversion-due": ("VillageConverted",),
}
"""Steps that a rule wants by the one day that its figures show."""
_GATES: Final = ("PremisesTermsSet", "MasterPlanReviewed", "PresaleExclusionRecorded", "CommitmentCertified")
"""Steps that `premises-gates` wants by the day of acceptance; the handover has a day of its own."""


def of(kind: str, state: dict[str, Any], found: Iterable[Mapping[str, Any]], visit: Visit) -> list[StepShown]:
    """The steps of a record's procedure, with their days by what rules find of it; none where it has no procedure."""
    if kind not in _IN_ORDER:
        return []
    due = dict(_due(found))
    return [_with_day(one, due.get(one.event), visit.moment.on) for one in _taken(kind, state, visit)]


def _due(found: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, date]]:
    """By when each step was to be taken."""
    for one in found:
        figures, rule = one["figures"], one["rule"].partition("/")[0]
        if not isinstance(figures.get("due_on"), str):
            continue
        due_on = date.fromisoformat(figures["due_on"])
        yield from ((event, due_on) for event in _DUE.get(rule, ()))
        if rule == "premises-gates":
            accepted_on = date.fromisoformat(figures["completion_accepted_on"])
            yield from ((event, accepted_on) for event in _GATES)
            if due_on > accepted_on:
                yield "PremisesHandedOver", due_on


def _with_day(step: StepShown, due_on: date | None, on: date) -> StepShown:
    if due_on is None or step.standing == "ended":
        return step
    late_by = max(0, ((step.done_on or on) - due_on).days)
    standing: Standing = "late" if late_by and step.standing != "done" else step.standing
    return step._replace(due_on=due_on, late_by=late_by, standing=standing)


def _taken(kind: str, state: dict[str, Any], visit: Visit) -> list[StepShown]:
    taken: dict[str, Any] = state["steps"]
    ended = next((one for one in _ENDING if one in taken), None) if kind == "conversion-cases" else None
    shown: list[StepShown] = []
    waiting = ended is None
    for event in _IN_ORDER[kind]:
        standing: Standing = "done" if event in taken else "ended" if ended else "next" if waiting else "not"
        if event == "VillageConverted" and event not in taken:
            standing = "not"
        waiting = waiting and standing != "next"
        shown.append(_step(kind, event, standing, taken, visit))
    if ended is not None:
        shown.append(_step(kind, ended, "done", taken, visit))
    through = "ConversionApproved" in taken
    for event in _AFTER.get(kind, ()):
        open_now: Standing = "possible" if through else "not"
        shown.append(_step(kind, event, "done" if event in taken else open_now, taken, visit))
    if kind == "conversion-cases" and ended is None:
        shown += _equal_treatment(state, visit, "possible" if through else "not")
        last: Standing = "done" if "ConversionCompleted" in taken else "possible" if through else "not"
        shown.append(_step(kind, "ConversionCompleted", last, taken, visit))
    return shown


def _equal_treatment(state: dict[str, Any], visit: Visit, open_now: Standing) -> list[StepShown]:
    granted = {one["service"]: one for one in state["equal_treatment"]}
    who = _who("conversion-cases", "EqualTreatmentGranted", visit)
    return [
        StepShown(
            "EqualTreatmentGranted",
            visit.words.event("conversion-cases", "EqualTreatmentGranted"),
            "done" if service in granted else open_now,
            date.fromisoformat(granted[service]["effective_on"]) if service in granted else None,
            granted[service]["position"] if service in granted else None,
            who,
            detail=visit.words.named("value", service),
        )
        for service in EQUAL_SERVICES
    ]


def _step(kind: str, event: str, standing: Standing, taken: dict[str, Any], visit: Visit) -> StepShown:
    step = taken.get(event)
    return StepShown(
        event,
        visit.words.event(kind, event),
        standing,
        None if step is None else date.fromisoformat(step["effective_on"]),
        None if step is None else step["position"],
        _who(kind, event, visit),
        event in _OPTIONAL and step is None,
    )


def _who(kind: str, event: str, visit: Visit) -> str:
    fact = AGGREGATES[kind].fact(event)
    return "" if fact is None else offices(fact.by, visit)


def offices(by: Sequence[Authority], visit: Visit) -> str:
    """The offices that record an event, by name."""
    t = visit.words
    space = "" if t.language == "zh" else " "
    named = [
        t.named("office", one.who) + ("" if one.bureau is None else space + t.named("value", one.bureau)) for one in by
    ]
    return ("、" if t.language == "zh" else ", ").join(dict.fromkeys(named))
