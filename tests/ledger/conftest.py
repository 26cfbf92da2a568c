"""Offices of a small New Area that record through the real recorder into a real database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from api.administration import found, issue_key
from api.composition import Taizhang, running
from application.commands import Command, Idempotent, batch, proposal
from application.committing import Recorded
from application.rights import Reader
from domain.records import VOCABULARY
from infrastructure.keys.key_ring import KeyRing
from infrastructure.postgres.database import Database

TODAY = date(2026, 11, 23)
OFFICES: dict[str, tuple[str, str | None, str]] = {
    "new-city": ("new-city:fengdong", None, "recorder"),
    "civil-affairs": ("new-city:fengdong", "civil-affairs", "recorder"),
    "committee": ("new-city:fengdong", "committee", "recorder"),
    "finance": ("new-city:fengdong", "finance", "recorder"),
    "township": ("township:610112002", None, "recorder"),
    "community": ("community:610112002001", None, "recorder"),
    "new-area": ("new-area", None, "recorder"),
    "new-area-finance": ("new-area", "finance", "recorder"),
    "inspectorate": ("new-area", None, "inspectorate"),
    "inspector": ("new-area", None, "inspector"),
    "other-city": ("new-city:fengxi", None, "recorder"),
}


class Offices:
    """Records as one of the offices and asks as an inspector."""

    def __init__(self, ledger: Taizhang) -> None:
        self.ledger = ledger
        self.everything = Reader("inspector", everything=True)

    def submit(
        self,
        account: str,
        record: str,
        event: str,
        on: str,
        *,
        if_version: int | None = None,
        key: tuple[str, str] | None = None,
        envelope: dict[str, Any] | None = None,
        **data: Any,
    ) -> Future[Recorded]:
        body = {"type": event, "effective_on": on, "data": data, **(envelope or {})}
        asked = proposal(record, body, today=TODAY, if_version=if_version)
        return self.ledger.recorder.submit(Command(account, (asked,), Idempotent(*key) if key else None))

    def record(self, *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
        return self.ledger.asking.recorded(self.submit(*args, **kwargs).result(30).entries)

    def batch(self, account: str, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        command = Command(account, batch(items, today=TODAY), is_batch=True)
        return self.ledger.asking.recorded(self.ledger.recorder.record(command, 30).entries)

    def state(self, record: str, known_at: object = None, on: str | None = None) -> dict[str, Any]:
        kind, _, record_id = record.partition("/")
        moment = self.ledger.asking.moment(None if known_at is None else str(known_at), on, None)
        return self.ledger.asking.record(self.everything, kind, record_id, moment)

    @property
    def head(self) -> int:
        return self.ledger.log.head()[0]

    def kinds_of_log(self) -> list[str]:
        return [VOCABULARY.read(one.entry).fact.event for one in self.ledger.log.entries(0, 10_000)]


@pytest.fixture
def ledger(database: Database, tmp_path: Path) -> Iterator[Taizhang]:
    ring = KeyRing.create(tmp_path, "taizhang.test/ledger")
    with running(tmp_path, database, ring, follow=False) as opened:
        found(opened)
        yield opened


@pytest.fixture
def offices(ledger: Taizhang) -> Offices:
    for account, (office, bureau, role) in OFFICES.items():
        issue_key(ledger, account, office, bureau, [role])
    opened = Offices(ledger)
    opened.record(
        "new-area", "new-cities/fengdong", "NewCityRegistered", "2019-12-10", name="沣东新城", kind="new-city"
    )
    opened.record(
        "new-city", "communities/610112002001", "CommunityEstablished", "2019-12-10", name="三桥火车站社区",
        origin="existing", township_code="610112002", township="三桥街道", new_city="fengdong",
    )  # fmt: skip
    opened.record(
        "township", "villages/610112002201", "VillageRegistered", "2019-12-10", name="天台村",
        township_code="610112002", township="三桥街道", new_city="fengdong",
    )  # fmt: skip
    return opened


@pytest.fixture
def eligible(offices: Offices) -> Offices:
    village = "villages/610112002201"
    offices.record(
        "township", village, "EconomicOrganizationFounded", "2020-01-10", organisation={"name": "天台合作社"}
    )
    offices.record("township", village, "AssetsVerified", "2020-02-10", total="1000000.00")
    offices.record("township", village, "EquityQuantified", "2020-03-10", shareholders=300, shares=3000)
    return offices


@pytest.fixture
def convert(eligible: Offices) -> Callable[..., list[dict[str, Any]]]:
    """Takes a conversion case to its approval; returns the entries of the approval."""

    def run(case: str = "conversion-cases/c-1", community: str = "610112002301") -> list[dict[str, Any]]:
        eligible.record(
            "township", case, "ConversionProposed", "2020-04-01", village="610112002201", community=community,
            community_name="天台社区",
        )  # fmt: skip
        eligible.record(
            "township", case, "VillagersAssented", "2020-04-10", meeting="villagers-assembly", eligible=100,
            present=80, in_favour=70,
        )  # fmt: skip
        eligible.record("civil-affairs", case, "ProcedurePassed", "2020-04-20")
        return eligible.record("committee", case, "ConversionApproved", "2020-05-01")

    return run
