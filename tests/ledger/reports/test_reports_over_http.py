"""Reports over HTTP: for whom they are, and what is said of one that can't be made."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest

from api.composition import Taizhang, issue_key
from api.reports import official

PATH = "/api/v1/reports/assessment"


@pytest.fixture
def ask(counted: Any, serving: Callable[[Taizhang], AbstractContextManager[str]]) -> Any:
    with serving(counted.ledger) as url:

        def asked(account: str, **query: str) -> httpx.Response:
            held = counted.ledger.access.account(account)
            key = issue_key(counted.ledger, account, held.office, held.bureau, ())
            headers = {"Authorization": f"Bearer {key}"}
            return httpx.get(f"{url}{PATH}", params={"year": "2020", **query}, headers=headers, timeout=30)

        yield asked


def test_a_new_city_is_explained_to_those_who_may_read_it(ask: Any) -> None:
    own = ask("new-city", new_city="fengdong")
    assert [one["new_city"] for one in own.json()["data"]["scores"]] == ["fengdong"]
    page = ask("inspector", new_city="fengdong", format="html")
    assert "沣东新城2020年度社区治理体系建设考核扣分情况" in page.text
    others = ask("other-city", new_city="fengdong")
    assert (others.status_code, others.json()["code"]) == (403, "not-readable")
    nowhere = ask("inspector", new_city="nowhere")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "not-found")


def test_what_can_not_be_made_is_said(ask: Any, counted: Any) -> None:
    unknown = ask("inspector", format="docx")
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/format")
    named = {"name": "\U000f0000新城", "kind": "new-city"}
    counted.record("new-area", "new-cities/rare", "NewCityRegistered", "2019-12-10", **named)
    lacking = ask("inspector", format="pdf")
    assert (lacking.status_code, lacking.json()["code"]) == (503, "no-font")
    assert official.PACKAGE in lacking.json()["detail"]
