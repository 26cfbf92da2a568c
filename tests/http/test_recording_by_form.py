"""Forms record what the API records: made from the event classes, nothing lost, nothing recorded twice."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from html import unescape
from typing import Any

import httpx
import pytest

from api.administration import issue_key
from api.composition import Taizhang
from api.http import openapi
from api.web.drafts import typed_from
from api.web.form_fields import data_of, specs
from api.web.forms import NOT_BY_FORM
from api.web.words import words
from domain.fact import Fact
from domain.records import AGGREGATES

PASSWORD = "沣河两岸 correct horse"
RECORD = "communities/610112002001"
COUNTED = f"/record/{RECORD}/HouseholdsCounted"
EVENTS = [(kind, fact) for kind, one in AGGREGATES.items() for fact in one.facts if fact.event not in NOT_BY_FORM]


def examples(kind: str, fact: type[Fact]) -> list[dict[str, Any]]:
    """Those that the API's description gives of an event."""
    schemas = json.loads(openapi.document_bytes())["components"]["schemas"]
    named = (schemas[one["$ref"].rpartition("/")[2]] for one in schemas[f"{kind}.Event"]["oneOf"])
    described = next((one for one in named if one["properties"]["type"]["const"] == fact.event), None)
    return [] if described is None else described.get("examples", [])


class Browser:
    """A browser without scripts: it sends what stands in the form, changed where something is typed in."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def send(
        self, path: str, page: httpx.Response | None = None, /, step: str = "check", **typed: Any
    ) -> httpx.Response:
        page = self.client.get(path) if page is None else page
        files = typed.pop("files", None)
        fields = self.fields(page) | {name.replace("__", "."): value for name, value in typed.items()}
        sent = [(name, (None, value)) for name, value in (fields | {"step": step}).items()]
        return self.client.post(path, files=[*sent, *(files or ())])

    def fields(self, page: httpx.Response) -> dict[str, str]:
        text = page.text[page.text.index("<main") :]
        found = re.findall(r'<input type="(?:hidden|text|date)"[^>]*? name="([^"]+)"[^>]*? value="([^"]*)"', text)
        found += re.findall(r'<input type="checkbox" name="([^"]+)" value="([^"]*)" checked', text)
        found += re.findall(r'<textarea[^>]*? name="([^"]+)"[^>]*>([^<]*)</textarea>', text)
        return {name: unescape(value) for name, value in found}


@pytest.fixture
def township_browser(ledger: Taizhang, url: str) -> Iterator[Browser]:
    account = f"form-{time.monotonic_ns()}"
    issue_key(ledger, account, "township:610112002", None, ["recorder"])
    ledger.passwords.choose(account, PASSWORD)
    with httpx.Client(base_url=url, timeout=30, headers={"Accept-Language": "zh"}) as client:
        client.post("/login", data={"account": account, "password": PASSWORD})
        yield Browser(client)


@pytest.mark.parametrize(("kind", "fact"), EVENTS, ids=[f"{kind}-{fact.event}" for kind, fact in EVENTS])
def test_every_event_has_a_form_with_labels_and_loses_nothing(kind: str, fact: type[Fact]) -> None:
    known = words()
    for spec in specs(fact):
        assert spec.of_person or f"field.{spec.label}" in known, spec
        assert all(f"value.{one}" in known for one in spec.options), spec
    for example in examples(kind, fact):
        typed = typed_from(fact, example["data"])
        assert data_of(specs(fact), typed) == example["data"]


def test_a_form_is_filled_in_checked_and_recorded_once(township_browser: Browser, ledger: Taizhang) -> None:
    file = ("evidence", ("清点表.txt", b"1180", "text/plain"))
    checked = township_browser.send(
        COUNTED,
        data__households="1180",
        effective_on="2020-09-30",
        document__number="三桥街办〔2020〕3号",
        files=[file],
    )
    assert checked.status_code == 200
    assert "2020年9月30日" in checked.text
    before = ledger.log.head()[0]
    receipts = [township_browser.send(COUNTED, checked, step="record") for _ in range(2)]
    assert {one.status_code for one in receipts} == {303}
    assert {one.headers["location"] for one in receipts} == {f"/receipt/{before + 1}"}
    assert ledger.log.head()[0] == before + 1
    receipt = township_browser.client.get(f"/receipt/{before + 1}")
    entry = township_browser.client.get(f"/api/v1/log/entries/{before + 1}").json()["data"]
    assert entry["data"] == {"households": 1180}
    assert entry["document"]["number"] == "三桥街办〔2020〕3号"
    (digest,) = entry["evidence"]
    assert ledger.attachments.get(digest) == b"1180"
    assert entry["leaf_hash"][:8] in receipt.text


@pytest.mark.usefixtures("township_browser", "nothing_recorded")
def test_what_is_wrong_stands_beside_its_field_in_chinese_and_the_rest_is_kept(township_browser: Browser) -> None:
    file = ("evidence", ("清点表.txt", b"kept", "text/plain"))
    page = township_browser.send(COUNTED, data__households="一千", effective_on="2999-01-01", note="备注", files=[file])
    assert page.status_code == 422
    assert re.search(r'id="e-data.households">.*?请填整数', page.text)
    fields = township_browser.fields(page)
    assert (fields["data.households"], fields["note"]) == ("一千", "备注")
    again = township_browser.send(COUNTED, page, data__households="1180")
    assert again.status_code == 422
    assert 'id="e-effective_on"' in again.text
    assert township_browser.fields(again)["evidence_sha256"] == fields["evidence_sha256"]


@pytest.mark.usefixtures("township_browser", "nothing_recorded")
def test_the_procedure_refuses_in_chinese_with_its_clause(township_browser: Browser) -> None:
    path = f"/record/{RECORD}/PostVacated"
    typed = {"data__person": "p-9999", "data__body": "party", "data__role": "secretary", "effective_on": "2020-09-30"}
    page = township_browser.send(path, township_browser.send(path, **typed), step="record")
    assert page.status_code == 422
    assert 'role="alert"' in page.text
    assert 'href="/policy#c5.1"' in page.text


def test_only_what_the_account_may_record_is_offered(township_browser: Browser) -> None:
    offered = re.findall(rf"/record/{RECORD}/(\w+)", township_browser.client.get(f"/record/{RECORD}").text)
    assert "HouseholdsCounted" in offered
    assert "CommunityRenamed" not in offered
    assert township_browser.client.get(f"/record/{RECORD}/CommunityRenamed").status_code == 403
    assert township_browser.client.get("/record/communities/610112003001").status_code == 403
    assert township_browser.client.get("/record/villages").status_code == 200
    assert township_browser.client.get("/record/new-cities").status_code == 403


@pytest.mark.usefixtures("township_browser", "nothing_recorded")
def test_a_form_from_elsewhere_records_nothing(township_browser: Browser) -> None:
    page = township_browser.send(COUNTED, data__households="1180", effective_on="2020-09-30")
    forged = township_browser.send(COUNTED, page, step="record", csrf_token="0" * 64)
    assert (forged.status_code, forged.json()["code"]) == (403, "forged")


def test_an_entry_is_corrected_and_retracted_from_itself(township_browser: Browser) -> None:
    checked = township_browser.send(COUNTED, data__households="1181", effective_on="2020-10-31")
    position = township_browser.send(COUNTED, checked, step="record").headers["location"].rpartition("/")[2]
    path = f"/correct/{position}"
    form = township_browser.client.get(path)
    assert township_browser.fields(form)["data.households"] == "1181"
    same = township_browser.send(path, form, reasons="抄写有误")
    assert (same.status_code, "没有改动" in same.text) == (422, True)
    checked = township_browser.send(path, form, data__households="1811", reasons="抄写有误")
    assert "<s>1181</s>" in checked.text
    receipt = township_browser.send(path, checked, step="record").headers["location"]
    entry = township_browser.client.get(f"/api/v1/log/entries/{receipt.rpartition('/')[2]}").json()["data"]
    assert (entry["type"], entry["data"]["data"]) == ("EventCorrected", {"households": 1811})
    path = f"/retract/{position}"
    form = township_browser.client.get(path)
    assert "1811" in form.text
    assert township_browser.send(path, form).status_code == 422
    assert township_browser.send(path, form, step="record", reasons="并未清点").status_code == 303
    gone = township_browser.client.get(f"/correct/{position}")
    assert gone.status_code == 409
