"""New Cities made of histories, through the folds' own order, for rules to look at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
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
from domain.rules.city import City, Subject, judged_day, subject_on

NEW_CITY = "fengdong"


class Recorded(NamedTuple):
    """Something that was recorded: in which record, when it happened, what, and what about."""

    record: str
    day: str
    event: str
    data: dict[str, Any]


class World:
    """A log of a few records, and the New City as it was known at a position."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = tuple(entries)

    def histories(self, known_at: int | None = None) -> dict[str, History]:
        by_record: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.entries:
            by_record[entry.record].append(entry)
        whole = {record: History(AGGREGATES[record.partition("/")[0]], of) for record, of in by_record.items()}
        return whole if known_at is None else {record: history.until(known_at) for record, history in whole.items()}

    def city(self, year: int, on: date | None = None, known_at: int | None = None) -> City:
        on = on or date(year, 12, 31)
        kinds: dict[str, dict[str, Subject]] = defaultdict(dict)
        for record, history in self.histories(known_at).items():
            subject = subject_on(record, history, judged_day(year, on))
            if subject is not None:
                kinds[record.partition("/")[0]][record] = subject
        return City(
            NEW_CITY, kinds["new-cities"].get(f"new-cities/{NEW_CITY}"), year=year, on=on,
            communities=kinds["communities"], villages=kinds["villages"], cases=kinds["conversion-cases"],
            estates=kinds["estates"], allocations=kinds["funding-allocations"],
        )  # fmt: skip


@pytest.fixture(scope="session")
def world_of(entry_of: Callable[..., Entry]) -> Callable[[Iterable[Recorded]], World]:
    def made(recorded: Iterable[Recorded]) -> World:
        versions: Mapping[str, int] = defaultdict(int)
        entries: list[Entry] = []
        for position, one in enumerate(recorded, 1):
            versions[one.record] += 1
            entries.append(
                entry_of(position, one.record, versions[one.record], one.day, one.event, one.data, one.event)
            )
        return World(entries)

    return made


@pytest.fixture(scope="session")
def said() -> Callable[[Iterable[tuple[str, str, str, dict[str, Any]]]], list[Recorded]]:
    return lambda facts: [Recorded(*fact) for fact in facts]


# Histories as users might make them: whatever each record's procedure admits, in whatever order it is recorded.

PLACE = {"name": "甲", "township_code": "610112002", "township": "三桥街道", "new_city": NEW_CITY}
DAYS = st.integers(0, 1000).map(lambda days: (date(2019, 6, 1) + timedelta(days=days)).isoformat())

few = st.sampled_from(["a", "b"])
person_id = st.sampled_from(["p-1", "p-2", "p-3"])
person = person_id.map(lambda one: {"id": one, "name": one})
households = st.sampled_from([0, 900, 1000, 4999, 5000])
amount = st.sampled_from(["0.50", "2000", "3000.00", "5000"])
area = st.sampled_from(["0", "150", "299.99", "300", "1500"])
post = {
    "body": st.sampled_from(["party", "residents-committee", "service-station"]),
    "role": st.sampled_from(["secretary", "director", "member"]),
}
payment = {"payment": few, "amount": amount}
plain = {name: st.just(value) for name, value in PLACE.items()}
nothing: st.SearchStrategy[dict[str, Any]] = st.just({})
vote = st.just({"meeting": "villagers-assembly", "eligible": 9, "present": 8, "in_favour": 7})


def _with(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(fields)


EVENTS: dict[str, dict[str, st.SearchStrategy[dict[str, Any]]]] = {
    "new-cities": {
        "NewCityRegistered": st.just({"name": "沣东新城", "kind": "new-city"}),
        "SettingPlanAdopted": st.just({"title": "规划"}),
        "GovernanceCommitteeEstablished": nothing,
        "ServiceAgencyEstablished": st.just({"name": "中心"}),
        "IncubationBaseOpened": _with(base=few, name=few),
        "IncubationBaseClosed": _with(base=few),
    },
    "communities": {
        "CommunityEstablished": st.fixed_dictionaries(
            plain | {"origin": st.sampled_from(["existing", "converted"])}, optional={"households": households}
        ),
        "HouseholdsCounted": _with(households=households),
        "CommunityDissolved": st.just({"reason": "并入"}),
        "BodyFormed": _with(body=post["body"]),
        "PostFilled": _with(person=person, **post),
        "PostVacated": _with(person=person_id, **post),
        "CertificateRegistered": _with(person=person, level=st.sampled_from(["senior", "assistant"]), certificate=few),
        "RewardPaid": _with(
            person=person_id, certificate=few, level=st.sampled_from(["senior", "assistant"]), amount=amount
        ),
        "PremisesProvided": _with(premises=few, area=area, address=few, how=st.just("built")),
        "PremisesWithdrawn": _with(premises=few, reason=few),
        "RenovationPlanned": _with(due_on=DAYS),
        "RenovationCompleted": nothing,
        "ServiceProvided": _with(audience=st.sampled_from(["elderly", "everyone"]), title=few),
        "ConvenienceCircleRecognised": nothing,
        "ConvenienceCircleLost": st.just({"reason": "关闭"}),
        "PartnershipSigned": st.fixed_dictionaries(
            {"agreement": few, "organisation": st.just({"name": "某厂"})}, optional={"expires_on": DAYS}
        ),
        "PartnershipEnded": _with(agreement=few, reason=few),
        "PartnershipProjectAgreed": _with(
            agreement=few, project=few, year=st.sampled_from([2019, 2020, 2021]), title=few
        ),
        "DemonstrationGranted": st.just({"title": "示范"}),
        "DemonstrationWithdrawn": st.just({"reason": "复查"}),
    },
    "villages": {
        "VillageRegistered": st.just(PLACE),
        "VillageDemolished": nothing,
        "VillageConverted": st.just({"case": "r1", "community": "r1"}),
    },
    "conversion-cases": {
        "ConversionProposed": st.just({"village": "r1", "community": "r1", "community_name": "甲"}),
        "VillagersAssented": vote,
        "ProcedurePassed": nothing,
        "ConversionApproved": nothing,
        "ConversionSubmittedForFiling": nothing,
        "OldSealCollected": nothing,
        "NewSealIssued": nothing,
        "EqualTreatmentGranted": _with(service=st.sampled_from(["education", "medical-care"])),
    },
    "estates": {
        "EstateRegistered": _with(
            developer=st.just({"name": "某"}), households_planned=st.sampled_from([0, 1000, 2000]), **plain
        ),
        "PremisesTermsSet": st.just({"contract": "款"}),
        "MasterPlanReviewed": _with(agreed=st.booleans(), area=area, location=few, opinion=few),
        "PresaleExclusionRecorded": _with(permit=few, area=area),
        "CommitmentCertified": st.just({"certificate": "证"}),
        "CompletionAccepted": st.just({"acceptance": "备"}),
        "PremisesHandedOver": _with(premises=few, area=area),
        "OccupancyCounted": _with(households=households),
        "ResidentGroupFormed": nothing,
        "CommunityAssigned": st.just({"community": "r1"}),
        "ThreeWithoutFound": st.just({"description": "无"}),
        "ThreeWithoutResolved": st.just({"description": "有"}),
    },
    "funding-allocations": {
        "AllocationApproved": _with(
            new_city=st.just(NEW_CITY), year=st.sampled_from([2020, 2021]),
            bearer=st.sampled_from(["new-area", "new-city"]),
            purpose=st.sampled_from(["community-work", "premises-construction", "other"]), amount=amount,
        ),
        "FundsDisbursed": _with(payer=few, payee=few, **payment),
        "FundsReceived": _with(**payment),
        "FundsReturned": _with(reason=few, **payment),
    },
}  # fmt: skip


class Log:
    """Records what each record's procedure admits, as it comes."""

    def __init__(self, entry_of: Callable[..., Entry]) -> None:
        self._entry_of = entry_of
        self.histories: dict[str, History] = {}
        self.entries: list[Entry] = []

    def take(self, one: Recorded, about: int) -> None:
        kind = one.record.partition("/")[0]
        history = self.histories.get(one.record) or History(AGGREGATES[kind])
        data = one.data
        if one.event.startswith("Event"):
            if not history.entries:
                return
            data = {"version": 1 + about % history.version, "reasons": "有误"}
            if one.event == "EventCorrected":
                data |= {"effective_on": one.day}
        entry = self._entry_of(
            len(self.entries) + 1, one.record, history.version + 1, one.day, one.event, data, one.event
        )
        longer = history.and_then(entry)
        try:
            if isinstance(entry.fact, EventCorrected | EventRetracted):
                correction_target(history, entry.fact)
            longer.admitted_after(history)
        except Refused:
            return
        self.histories[one.record] = longer
        self.entries.append(entry)


def _records(kind: str) -> st.SearchStrategy[str]:
    ids = {"new-cities": [NEW_CITY], "communities": ["r1", "r2"]}.get(kind, ["r1"])
    return st.sampled_from([f"{kind}/{one}" for one in ids])


def _tried(*, corrected: bool) -> st.SearchStrategy[tuple[Recorded, int]]:
    def of_kind(kind: str) -> st.SearchStrategy[tuple[Recorded, int]]:
        events = [*EVENTS[kind], *(["EventCorrected", "EventRetracted"] if corrected else [])]
        return st.sampled_from(events).flatmap(
            lambda event: st.tuples(
                st.builds(Recorded, _records(kind), DAYS, st.just(event), EVENTS[kind].get(event, nothing)),
                st.integers(0, 99),
            )
        )  # fmt: skip

    return st.sampled_from([*EVENTS, "communities", "communities", "estates"]).flatmap(of_kind)


@pytest.fixture(scope="session")
def worlds(entry_of: Callable[..., Entry]) -> Callable[..., st.SearchStrategy[World]]:
    def generated(*, corrected: bool = True) -> st.SearchStrategy[World]:
        def made(opened: list[Recorded], tried: list[tuple[Recorded, int]]) -> World:
            log = Log(entry_of)
            for one, about in [*((one, 0) for one in opened), *tried]:
                log.take(one, about)
            return World(log.entries)

        opening = st.tuples(
            *(
                st.builds(
                    Recorded, _records(kind), st.just("2019-06-01"), st.just(next(iter(events))),
                    next(iter(events.values())),
                )
                for kind, events in EVENTS.items()
            )
        )  # fmt: skip
        return st.builds(made, opening.map(list), st.lists(_tried(corrected=corrected), min_size=15, max_size=60))

    return generated
