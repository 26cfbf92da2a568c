"""A year of a small New City, asked about at three times, over the real ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from decimal import Decimal
from functools import cache
from typing import Any

import httpx
import pytest

from api.administration import issue_key
from api.composition import Taizhang
from application.access import Access
from application.rights import Reader
from application.score_answers import Question
from domain.schemes import first_scheme

Clients = Callable[[str], httpx.Client]

YEAR = 2020
FENGDONG = f"{YEAR}-fengdong"


class Scores:
    """Asks as an inspector about Fengdong's 2020, as it stood at the end of the year where nothing else is said."""

    def __init__(self, ledger: Taizhang) -> None:
        self.ledger = ledger
        self.everything = Reader("inspector", everything=True)

    def moment(self, known_at: object = None, on: str = "2020-12-31") -> Any:
        return self.ledger.asking.moment(None if known_at is None else str(known_at), on, None)

    def score(
        self, known_at: object = None, on: str = "2020-12-31", *, year: int = YEAR, scheme: str | None = None
    ) -> dict[str, Any]:
        asked = f"{year}-fengdong", self.moment(known_at, on), scheme
        return self.ledger.scores.assessment(self.everything, *asked)[0]

    def line(self, indicator: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return next(one for one in self.score(*args, **kwargs)["lines"] if one["indicator"] == indicator)

    def lost(self, indicator: str, *args: Any, **kwargs: Any) -> Decimal:
        return Decimal(self.line(indicator, *args, **kwargs)["indicative_deducted"])

    def findings(self, question: Question, known_at: object, on: str, scheme: str | None = None) -> Any:
        moment = self.moment(known_at, on)
        return self.ledger.scores.findings(self.everything, question, moment, scheme, "", 500)

    def difference(
        self, start: object, end: object = None, on: str = "2020-12-31", *, scheme: str | None = None
    ) -> dict[str, Any]:
        asked = FENGDONG, self.moment(start, on), self.moment(end, on), scheme
        return self.ledger.scores.difference(self.everything, *asked)[0]


@pytest.fixture
def scores(offices: Any) -> Scores:
    return Scores(offices.ledger)


@pytest.fixture
def second_scheme(offices: Any) -> Callable[..., int]:
    """Adopts a version of the scheme with another figure; returns its position."""

    def adopt(effective_from: str, minimum: int = 2000, record: str = "schemes/opinions-2021") -> int:
        for number in range(6):
            issue_key(offices.ledger, f"arbiter-{number}", "new-area", None, ["arbiter"])
        fields = first_scheme().model_dump(mode="json", exclude_none=True)
        size = next(one for one in fields["indicators"] if one["indicator"] == "community-size")
        size["rules"][0]["parameters"]["minimum"] = {"value": minimum, "basis": "assumed", "clause": "2.2"}
        fields["effective_from"] = effective_from
        (entry,) = offices.record("new-area", record, "SchemeAdopted", "2021-01-04", **fields)
        return int(entry["position"])

    return adopt


@pytest.fixture
def opened(offices: Any) -> int:
    """Fengdong's assessment of 2020 is open from 2021-01-10 on; its position."""
    (entry,) = offices.record(
        "inspectorate", f"assessments/{FENGDONG}", "AssessmentOpened", "2021-01-10", year=YEAR, new_city="fengdong",
        scheme="opinions-2019",
    )  # fmt: skip
    return int(entry["position"])


@pytest.fixture
def reader(ledger: Taizhang) -> Callable[[str], Reader]:
    """What an account may read."""
    access: Access = ledger.access

    def of(account: str) -> Reader:
        actor = access.account(account)
        assert actor is not None
        return access.reader(actor)

    return of


@pytest.fixture
def client(offices: Any, serving: Callable[[Taizhang], AbstractContextManager[str]]) -> Iterator[Clients]:
    """Makes clients over HTTP, by the account whose key they send."""
    with serving(offices.ledger) as url, ExitStack() as stack:

        @cache
        def of(account: str) -> httpx.Client:
            held = offices.ledger.access.account(account)
            key = issue_key(offices.ledger, account, held.office, held.bureau, ())
            headers = {"Authorization": f"Bearer {key}"}
            return stack.enter_context(httpx.Client(base_url=f"{url}/api/v1/", headers=headers, timeout=30))

        yield of
