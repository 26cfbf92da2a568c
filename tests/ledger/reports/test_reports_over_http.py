"""Reports over HTTP: for whom they are, and what is said of one that can't be made."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest

from api.administration import issue_key
from api.composition import Taizhang
from api.reports import official

PATH, DISPUTE = "/api/v1/reports/assessment", "/api/v1/reports/dispute"


@pytest.fixture
def ask(counted: Any, serving: Callable[[Taizhang], AbstractContextManager[str]]) -> Any:
    with serving(counted.ledger) as url:

        def asked(account: str, path: str = PATH, **query: str | None) -> httpx.Response:
            held = counted.ledger.access.account(account)
            key = issue_key(counted.ledger, account, held.office, held.bureau, ())
            headers = {"Authorization": f"Bearer {key}"}
            sent = {name: value for name, value in {"year": "2020", **query}.items() if value is not None}
            return httpx.get(f"{url}{path}", params=sent, headers=headers, timeout=30)

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


def test_a_dispute_is_reported_with_both_sides_limits_and_ruling(counted: Any, ask: Any) -> None:
    people = []
    for number in (1, 2, 3):
        issue_key(counted.ledger, f"arbiter-{number}", "new-area", None, ["arbiter"])
        people.append(counted.ledger.access.account(f"arbiter-{number}").person)
    assessment, dispute = "assessments/2020-fengdong", "disputes/yy-1"
    opening = {"year": 2020, "new_city": "fengdong", "scheme": "opinions-2019"}
    imposed = {"deduction": "k1", "indicator": "community-size", "points": "1.00", "grounds": "户数不足"}
    imposed |= {"about": "communities/610112002001", "evidence_positions": [], "computed_at": 1}
    told = {"deduction": "k1", "states_right": True, "dispute_by": "2021-01-28"}
    counted.record("inspectorate", assessment, "AssessmentOpened", "2021-01-10", **opening)
    counted.record("inspectorate", assessment, "DeductionImposed", "2021-01-12", **imposed)
    counted.record(
        "inspectorate", assessment, "NoticeServed", "2021-01-13", recipient={"id": "p-1", "name": "张三"}, **told
    )
    filed = {"assessment": "2020-fengdong", "deduction": "k1", "grounds": "统计有误"}
    counted.record("new-city", dispute, "DisputeFiled", "2021-01-20", **filed)
    counted.record("arbiter-1", dispute, "DisputeAccepted", "2021-01-22")
    before = counted.head
    counted.record("arbiter-1", dispute, "HearingHeld", "2021-02-01", minutes="双方到场")
    ruling: dict[str, Any] = {"outcome": "reduced", "points": "0.40", "reasons": "部分成立"}
    ruling["panel"] = [{"id": one, "name": "某"} for one in people]
    ruled, *_ = counted.record("arbiter-1", dispute, "RulingIssued", "2021-02-10", **ruling)
    asked = {"path": DISPUTE, "year": None, "dispute": "yy-1", "on": "2021-02-11", "known_at": str(counted.head)}
    page = ask("new-city", format="html", **asked).text
    assert "裁定：减轻为0.40分。理由：部分成立。" in page
    assert "<span>未终局</span>" in page
    document = ask("inspector", format="pdf", **asked).content
    assert document.startswith(b"%PDF-1.7")
    assert document == ask("inspector", format="pdf", **asked).content
    assert "部分成立" not in ask("inspector", format="html", **asked | {"known_at": str(before)}).text
    assert ask("other-city", **asked).status_code == 403
    assert ask("inspector", **asked | {"dispute": ""}).status_code == 422
    rows = ask("inspector", format="csv", **asked).content.decode("utf-8-sig").splitlines()
    assert rows[-1].startswith(f"{ruled['position']},RulingIssued,2021-02-10,reduced,0.40")
