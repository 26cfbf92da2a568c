"""Histories as users might make them: late entries, corrections, retractions, in whatever order is admitted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st

from application.correcting import correction_target
from domain.corrections import EventCorrected, EventRetracted
from domain.entry import Entry
from domain.history import History
from domain.records import AGGREGATES
from domain.refusals import Refused

FIRST_DAY = date(2020, 1, 1)


def _day(days: int) -> str:
    return (FIRST_DAY + timedelta(days=days)).isoformat()


DAYS = st.integers(0, 12).map(_day)
CORRECTIONS = ("EventCorrected", "EventRetracted")

few = st.sampled_from(["a", "b"])
person = few.map(lambda one: {"id": f"person-{one}", "name": one})
place = {"name": "甲", "township_code": "610112002", "township": "三桥街道", "new_city": "fengdong"}
amount = st.sampled_from(["10", "25.50", "60", "100.00"])
money = st.fixed_dictionaries({"payment": few, "amount": amount})
post = {"body": st.sampled_from(["party", "service-station"]), "role": st.sampled_from(["secretary", "worker"])}
meeting = st.fixed_dictionaries({
    "meeting": st.just("villagers-assembly"), "eligible": st.just(9), "present": st.just(8),
    "in_favour": st.integers(5, 8),
})  # fmt: skip
nothing: st.SearchStrategy[dict[str, Any]] = st.just({})
because = st.just({"reasons": "有误"})

EVENTS: dict[str, dict[str, st.SearchStrategy[dict[str, Any]]]] = {
    "communities": {
        "CommunityEstablished": st.fixed_dictionaries(
            {name: st.just(value) for name, value in place.items()} | {"origin": st.just("existing")},
            optional={"households": st.integers(1, 3)},
        ),
        "HouseholdsCounted": st.fixed_dictionaries({"households": st.integers(1, 9)}),
        "CommunityRenamed": st.fixed_dictionaries({"name": few}),
        "BodyFormed": st.fixed_dictionaries({"body": post["body"]}, optional={"term_ends_on": DAYS}),
        "PostFilled": st.fixed_dictionaries({"person": person} | post),
        "PostVacated": st.fixed_dictionaries({"person": few.map("person-{}".format)} | post),
        "PremisesProvided": st.fixed_dictionaries(
            {"premises": few, "area": amount, "address": few, "how": st.just("built")}
        ),
        "PremisesTitleRegistered": st.fixed_dictionaries({"premises": few, "title": few}),
        "PremisesWithdrawn": st.fixed_dictionaries({"premises": few, "reason": few}),
        "ServiceProvided": st.fixed_dictionaries({"audience": st.just("youth"), "title": few}),
        "PartnershipSigned": st.fixed_dictionaries({"agreement": few, "organisation": st.just({"name": "某厂"})}),
        "PartnershipEnded": st.fixed_dictionaries({"agreement": few, "reason": few}),
        "RenovationPlanned": st.fixed_dictionaries({"due_on": DAYS}),
        "DemonstrationGranted": st.fixed_dictionaries({"title": few}),
        "CommunityDissolved": st.fixed_dictionaries({"reason": few}),
    },
    "funding-allocations": {
        "AllocationApproved": st.fixed_dictionaries({
            "new_city": st.just("fengdong"), "year": st.just(2020), "bearer": st.just("new-area"),
            "purpose": st.sampled_from(["community-work", "other"]), "amount": amount,
        }),
        "FundsDisbursed": st.builds(lambda sum_: sum_ | {"payer": "甲", "payee": "乙"}, money),
        "FundsReceived": money,
        "FundsReturned": st.builds(lambda sum_: sum_ | {"reason": "结余"}, money),
    },
    "villages": {
        "VillageRegistered": st.fixed_dictionaries({name: st.just(value) for name, value in place.items()}),
        "AssetsVerified": st.fixed_dictionaries({"total": amount}),
        "VillageDemolished": nothing,
        "VillageConverted": st.just({"case": "aj-1", "community": "c1"}),
    },
    "conversion-cases": {
        "ConversionProposed": st.just({"village": "v1", "community": "c1", "community_name": "甲"}),
        "VillagersAssented": meeting,
        "ProcedureReturned": because,
        "ConversionResubmitted": st.just({"changes": "补正"}),
        "ProcedurePassed": nothing,
        "ConversionApproved": nothing,
        "OldSealCollected": nothing,
        "EqualTreatmentGranted": st.fixed_dictionaries({"service": st.sampled_from(["education", "medical-care"])}),
        "SkillsTrainingHeld": st.fixed_dictionaries({"participants": st.integers(1, 3), "title": few}),
        "ConversionWithdrawn": because,
    },
    "estates": {
        "EstateRegistered": st.just(place | {"developer": {"name": "某公司"}, "households_planned": 9}),
        "MasterPlanReviewed": st.fixed_dictionaries(
            {"agreed": st.booleans(), "area": amount, "location": few, "opinion": few}
        ),
        "CommitmentCertified": st.fixed_dictionaries({"certificate": few}),
        "CompletionAccepted": st.fixed_dictionaries({"acceptance": few}),
        "PremisesHandedOver": st.fixed_dictionaries({"premises": few, "area": amount}),
        "OccupancyCounted": st.fixed_dictionaries({"households": st.integers(1, 9)}),
        "CommunityAssigned": st.fixed_dictionaries({"community": few}),
        "ThreeWithoutFound": st.fixed_dictionaries({"description": few}),
        "ThreeWithoutResolved": st.fixed_dictionaries({"description": few}),
    },
    "inspections": {
        "InspectionOpened": st.just({"new_city": "fengdong", "subject": "社区用房"}),
        "InspectionFindingRecorded": st.fixed_dictionaries(
            {"finding": few, "clause": st.just("4.1"), "about": few.map("communities/{}".format), "observed": few}
        ),
        "RectificationOrdered": st.fixed_dictionaries({"finding": few, "due_on": DAYS}),
        "RectificationRejected": st.builds(lambda finding: {"finding": finding, "reasons": "未整改"}, few),
        "RectificationConfirmed": st.fixed_dictionaries({"finding": few}),
        "InspectionClosed": st.fixed_dictionaries({"summary": few}),
    },
}  # fmt: skip


class Recorder:
    """Records what the procedure admits, as it comes."""

    def __init__(self, kind: str, entry_of: Callable[..., Entry]) -> None:
        self._record, self._entry_of = f"{kind}/r1", entry_of
        self.history = History(AGGREGATES[kind])

    def take(self, day: str, event: str, data: dict[str, Any]) -> None:
        """Record it if it is admitted."""
        version = self.history.version + 1
        who = "township" if event in ("ConversionProposed", "ConversionResubmitted") else "another"
        position = version * 2  # other records' entries stand in between
        entry = self._entry_of(position, self._record, version, day, event, data, who)
        longer = self.history.and_then(entry)
        try:
            if isinstance(entry.fact, EventCorrected | EventRetracted):
                correction_target(self.history, entry.fact)
            longer.admitted_after(self.history)
        except Refused:
            return
        self.history = longer


@st.composite
def _recorded(draw: st.DrawFn, kind: str, entry_of: Callable[..., Entry]) -> Recorder:
    recorder, facts = Recorder(kind, entry_of), EVENTS[kind]
    opening, *following = facts
    for _ in range(draw(st.integers(8, 30))):
        if recorder.history.steps:
            event = draw(st.sampled_from(following) | st.sampled_from(following) | st.sampled_from(CORRECTIONS))
            last = (recorder.history.steps[-1].effective_on - FIRST_DAY).days
            day = draw(DAYS | st.sampled_from([last, min(last + 1, 12)]).map(_day))
        else:
            event, day = opening, draw(st.integers(0, 3).map(_day))
        recorder.take(day, event, draw(facts[event] if event in facts else _correction(recorder.history, event, facts)))
    return recorder


@st.composite
def _correction(
    draw: st.DrawFn, history: History, event: str, facts: dict[str, st.SearchStrategy[dict[str, Any]]]
) -> dict[str, Any]:
    version = draw(st.integers(1, history.version))
    data: dict[str, Any] = {"version": version, "reasons": "有误"}
    target = history.entries[history.original(version) - 1].fact.event
    if event == "EventCorrected" and target in facts:
        fields = draw(facts[target])
        kept = draw(st.sets(st.sampled_from(sorted(fields)))) if fields else set[str]()
        data |= {"data": {name: fields[name] for name in sorted(kept)}, "effective_on": draw(st.none() | DAYS)}
    return data


@pytest.fixture(scope="session")
def histories(entry_of: Callable[..., Entry]) -> Callable[[str], st.SearchStrategy[Recorder]]:
    return lambda kind: _recorded(kind, entry_of)
