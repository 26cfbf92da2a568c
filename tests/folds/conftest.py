"""Histories as users might make them: late entries, corrections, retractions, in whatever order is admitted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import strategies as st

from application.correcting import correction_target
from domain.corrections import EventCorrected, EventRetracted
from domain.entry import Entry
from domain.history import History
from domain.records import AGGREGATES
from domain.refusals import Refused

FIRST_DAY = date(2020, 1, 1)
DAYS = st.integers(0, 12).map(lambda days: (FIRST_DAY + timedelta(days=days)).isoformat())

few = st.sampled_from(["a", "b"])
person = few.map(lambda one: {"id": f"person-{one}", "name": one})
place = {"name": "甲", "township_code": "610112002", "township": "三桥街道", "new_city": "fengdong"}
amount = st.sampled_from(["10", "25.50", "60", "100.00"])
money = st.fixed_dictionaries({"payment": few, "amount": amount})
post = {"body": st.sampled_from(["party", "service-station"]), "role": st.sampled_from(["secretary", "worker"])}
meeting = st.fixed_dictionaries({
    "meeting": st.just("villagers-assembly"), "eligible": st.just(9), "present": st.just(8),
    "in_favour": st.integers(3, 8),
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
        "VillagersRefused": meeting,
        "ProcedureReturned": because,
        "ConversionResubmitted": st.just({"changes": "补正"}),
        "ProcedurePassed": nothing,
        "ConversionApproved": nothing,
        "OldSealCollected": nothing,
        "EqualTreatmentGranted": st.fixed_dictionaries({"service": st.sampled_from(["education", "medical-care"])}),
        "SkillsTrainingHeld": st.fixed_dictionaries({"participants": st.integers(1, 3), "title": few}),
        "ConversionWithdrawn": because,
    },
}  # fmt: skip


class Said(NamedTuple):
    """One thing that somebody tries to record."""

    day: str
    event: str
    data: dict[str, Any]
    about: int
    """Which of the entries so far a correction is about, counted from some place."""


def _said(kind: str) -> st.SearchStrategy[Said]:
    facts = EVENTS[kind]
    return st.sampled_from([*facts, "EventCorrected", "EventCorrected", "EventRetracted"]).flatmap(
        lambda event: st.builds(Said, DAYS, st.just(event), facts.get(event, nothing), st.integers(0, 99))
    )


class Recorder:
    """Records what the procedure admits, as it comes."""

    def __init__(self, kind: str, entry_of: Callable[..., Entry]) -> None:
        self.kind, self.record, self._entry_of = kind, f"{kind}/r1", entry_of
        self.history = History(AGGREGATES[kind])

    def entry(self, position: int, version: int, said: Said, data: dict[str, Any]) -> Entry:
        who = "township" if said.event in ("ConversionProposed", "ConversionResubmitted") else "another"
        return self._entry_of(position, self.record, version, said.day, said.event, data, who)

    def take(self, said: Said, changes: Sequence[dict[str, Any]]) -> Entry | None:
        """Record it if it is admitted."""
        version, data = self.history.version + 1, said.data
        if said.event.startswith("Event"):
            if version == 1:
                return None
            data = {"version": 1 + said.about % self.history.version, "reasons": "有误"}
            if said.event == "EventCorrected":
                data |= changes[said.about % len(changes)]
        entry = self.entry(version * 2, version, said, data)  # other records' entries stand in between
        longer = self.history.and_then(entry)
        try:
            if isinstance(entry.fact, EventCorrected | EventRetracted):
                correction_target(self.history, entry.fact)
            longer.admitted_after(self.history)
        except Refused:
            return None
        self.history = longer
        return entry


@pytest.fixture(scope="session")
def histories(entry_of: Callable[..., Entry]) -> Callable[[str], st.SearchStrategy[Recorder]]:
    def of_kind(kind: str) -> st.SearchStrategy[Recorder]:
        opening = AGGREGATES[kind].opening.event
        changed = st.builds(
            lambda day, facts: {"effective_on": day, "data": facts},
            st.none() | DAYS,
            st.one_of([nothing, *EVENTS[kind].values()]).flatmap(_some_of),
        )

        def recorded(day: str, first: dict[str, Any], rest: list[Said], changes: list[dict[str, Any]]) -> Recorder:
            recorder = Recorder(kind, entry_of)
            for said in (Said(day, opening, first, 0), *rest):
                recorder.take(said, changes)
            return recorder

        return st.builds(
            recorded,
            st.integers(0, 4).map(lambda days: (FIRST_DAY + timedelta(days=days)).isoformat()),
            EVENTS[kind][opening],
            st.lists(_said(kind), min_size=4, max_size=24),
            st.lists(changed, min_size=1, max_size=6),
        )

    return of_kind


def _some_of(facts: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.sets(st.sampled_from(sorted(facts))).map(lambda names: {name: facts[name] for name in sorted(names)}) if facts else nothing
