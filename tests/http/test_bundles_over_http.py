"""Bundles as they are asked for: whole, repeatable, by today's rights, and holding offline."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from api.bundles import collecting, writing
from api.bundles.archives import Broken, unpacked
from api.bundles.verify_bundle import CHECKPOINT, CONTENT, MANIFEST, check
from api.composition import Taizhang

COMMUNITY = "/api/v1/communities/610112002001"

Clients = Callable[..., httpx.Client]
Body = Callable[..., dict[str, Any]]


def got(client: httpx.Client, address: str = f"{COMMUNITY}/bundle", **parameters: object) -> bytes:
    answer = client.get(address, params={name: str(value) for name, value in parameters.items()})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    return answer.content


def content_of(bundle: bytes) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(unpacked(bundle)[CONTENT])
    return content


@pytest.fixture
def key(ledger: Taizhang) -> str:
    return ledger.keys.signing_key.verifier_key


def test_a_bundle_holds_and_is_the_same_again(
    inspector: httpx.Client, township: httpx.Client, counted: Body, key: str
) -> None:
    position = township.post(f"{COMMUNITY}/events", json=counted()).json()["position"]
    bundle = got(inspector)
    shown = check(bundle, key)
    assert (shown["about"], shown["records"]) == ("communities/610112002001", ["communities/610112002001"])
    assert shown["position"] >= position
    assert got(inspector) == bundle
    township.post(f"{COMMUNITY}/events", json=counted(1200, "2020-07-30"))
    assert got(inspector, known_at=shown["position"]) == bundle
    assert got(inspector) != bundle
    files = unpacked(bundle)
    manifest = json.loads(files[MANIFEST])
    assert manifest["verifier_key"] == key
    assert manifest["policy"]["sha256"] == hashlib.sha256(files[manifest["policy"]["file"]]).hexdigest()
    for name, told in manifest["files"].items():
        assert (hashlib.sha256(files[name]).hexdigest(), len(files[name])) == (told["sha256"], told["size"])
    assert set(files) - set(manifest["files"]) == {MANIFEST, "manifest.sig"}


def test_the_entries_in_it_are_the_bytes_of_the_log(inspector: httpx.Client) -> None:
    files = unpacked(got(inspector))
    entries = {name: content for name, content in files.items() if name.endswith(".entry")}
    for name, content in entries.items():
        position = int(name.removeprefix("entries/").removesuffix(".entry"))
        sent = {"Accept": "application/octet-stream"}
        assert inspector.get(f"/api/v1/log/entries/{position}", headers=sent).content == content
        assert files[f"entries/{position:012d}.tlog-proof"].startswith(b"c2sp.org/tlog-proof@v1\nindex ")
        assert files[f"entries/{position:012d}.tlog-proof"].endswith(files[CHECKPOINT])


def test_what_an_entry_names_comes_with_it(inspector: httpx.Client, township: httpx.Client, key: str) -> None:
    content = secrets.token_bytes(100)
    digest = hashlib.sha256(content).hexdigest()
    assert township.put(f"/api/v1/attachments/{digest}", content=content).status_code == 201
    event = {"type": "HouseholdsCounted", "effective_on": "2020-08-30", "data": {"households": 5}, "evidence": [digest]}
    assert township.post(f"{COMMUNITY}/events", json=event).status_code == 201
    bundle = got(inspector)
    check(bundle, key)
    assert unpacked(bundle)[f"attachments/{digest}"] == content


def test_no_name_is_in_it_and_an_old_one_holds_after_an_erasure(
    inspector: httpx.Client, township: httpx.Client, clients: Clients, key: str
) -> None:
    person = {"id": f"p-{secrets.token_hex(6)}", "name": "欧阳清风"}
    filled = {"person": person, "body": "party", "role": "worker"}
    event = {"type": "PostFilled", "effective_on": "2020-01-01", "data": filled}
    assert township.post(f"{COMMUNITY}/events", json=event).status_code == 201
    before = got(inspector)
    position = check(before, key)["position"]
    assert "欧阳清风".encode() not in before
    assert person["id"].encode() in unpacked(before)["index.html"]
    erased = {"type": "PersonErased", "effective_on": "2020-02-01", "data": {"person": person["id"], "reasons": "申请"}}
    assert clients("administrator").post("/api/v1/ledger/ledger/events", json=erased).status_code == 201
    check(before, key)
    assert got(inspector, known_at=position) == before


def test_it_leads_on_from_a_checkpoint_that_was_kept(
    inspector: httpx.Client, township: httpx.Client, counted: Body, key: str
) -> None:
    kept = unpacked(got(inspector))[CHECKPOINT]
    size = int(kept.split(b"\n")[1])
    township.post(f"{COMMUNITY}/events", json=counted(1300, "2020-09-30"))
    bundle = got(inspector, since=size)
    assert check(bundle, key, since=kept)["tree_size"] > size
    refused = inspector.get(f"{COMMUNITY}/bundle", params={"since": "1000000000"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/since")
    for since in ("0", "x", "-1"):
        assert inspector.get(f"{COMMUNITY}/bundle", params={"since": since}).status_code == 422


def test_a_bundle_is_asked_for_by_the_rights_of_today(clients: Clients) -> None:
    assert got(clients("new-city"))
    refused = clients("other-city").get(f"{COMMUNITY}/bundle")
    assert (refused.status_code, refused.json()["code"]) == (403, "not-readable")
    assert clients().get(f"{COMMUNITY}/bundle").status_code == 401


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/api/v1/communities/none/bundle", 404),
        (f"{COMMUNITY}/bundle?on=2010-01-01", 404),
        (f"{COMMUNITY}/bundle?known_at=2030-01-01T00:00:00Z", 400),
        (f"{COMMUNITY}/bundle?format=pdf", 422),
        ("/api/v1/reports/assessment/bundle", 422),
        ("/api/v1/reports/assessment/bundle?year=2020&format=doc", 422),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(inspector: httpx.Client, address: str, status: int) -> None:
    assert inspector.get(address).status_code == status


def test_a_bundle_that_would_be_too_large_is_refused(inspector: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as small:
        small.setattr(collecting, "ENTRIES_LIMIT", 0)
        refused = inspector.get(f"{COMMUNITY}/bundle")
        assert (refused.status_code, refused.json()["code"]) == (409, "bundle-too-large")
    monkeypatch.setattr(writing, "TOTAL_LIMIT", 10_000)
    assert inspector.get(f"{COMMUNITY}/bundle").json()["code"] == "bundle-too-large"


@pytest.mark.parametrize("wanted", ["csv", "pdf"])
def test_a_report_that_was_issued_is_tied_to_its_bundle(
    ledger: Taizhang, inspector: httpx.Client, clients: Clients, key: str, wanted: str
) -> None:
    as_of = {"year": "2020", "known_at": str(ledger.log.head()[0]), "on": "2021-03-31", "format": wanted}
    report = inspector.get("/api/v1/reports/assessment", params=as_of).content
    digest = hashlib.sha256(report).hexdigest()
    issued = {"report": "assessment", "parameters": as_of, "sha256": digest}
    event = {"type": "ReportIssued", "effective_on": "2021-04-01", "data": issued}
    entry = clients("inspectorate").post("/api/v1/ledger/ledger/events", json=event)
    assert entry.status_code == 201, entry.text
    bundle = got(inspector, "/api/v1/reports/assessment/bundle", **as_of)
    check(bundle, key)
    content = content_of(bundle)
    assert content["report"]["issued"] == [entry.json()["position"]]
    assert unpacked(bundle)[content["report"]["file"]] == report


def test_every_kind_of_record_has_bundles(inspector: httpx.Client, key: str) -> None:
    for record in (
        "ledger/ledger",
        "schemes/opinions-2019",
        "new-cities/fengdong",
        "new-area/xixian",
        "accounts/township",
    ):
        assert check(got(inspector, f"/api/v1/{record}/bundle"), key)["about"] == record


def test_names_are_disclosed_apart_and_the_ledger_remembers_to_whom(
    inspector: httpx.Client, township: httpx.Client, clients: Clients, key: str
) -> None:
    person = {"id": f"p-{secrets.token_hex(6)}", "name": "东方既白"}
    event = {
        "type": "PostFilled",
        "effective_on": "2020-01-01",
        "data": {"person": person, "body": "party", "role": "worker"},
    }
    position = township.post(f"{COMMUNITY}/events", json=event).json()["position"]
    asked = {"recipient": "西咸新区人民法院", "reasons": "诉讼"}
    disclosed = clients("inspectorate").post(f"{COMMUNITY}/bundle/names", json=asked)
    assert disclosed.status_code == 201, disclosed.text
    known_at = disclosed.json()["position"]
    bundle = got(inspector, known_at=known_at)
    opened = {
        (one["position"], one["field"]): one["name"] for one in check(bundle, key, names=disclosed.content)["names"]
    }
    assert opened[position, "/data/person/name"] == "东方既白"
    assert (position, "/recorded_by/name") in opened
    issued = inspector.get(disclosed.headers["location"]).json()["data"]
    assert (issued["type"], issued["data"]["sha256"]) == ("ReportIssued", hashlib.sha256(disclosed.content).hexdigest())
    assert issued["data"]["parameters"]["recipient"] == "西咸新区人民法院"
    assert person["id"] in issued["data"]["parameters"]["persons"]

    other = json.loads(disclosed.content)
    other["keys"][0]["key"] = "00" * 32
    with pytest.raises(Broken, match="no name"):
        check(bundle, key, names=json.dumps(other).encode())

    erased = {"type": "PersonErased", "effective_on": "2020-02-01", "data": {"person": person["id"], "reasons": "申请"}}
    receipt = clients("administrator").post("/api/v1/ledger/ledger/events", json=erased).json()["receipt"]
    assert receipt["disclosed_to"] == [{"position": issued["position"], "recipient": "西咸新区人民法院"}]
    again = clients("inspectorate").post(f"{COMMUNITY}/bundle/names", json=asked, params={"known_at": known_at})
    assert person["id"] not in {one["person"] for one in again.json()["keys"]}


def test_names_are_disclosed_by_the_inspectorate_alone_and_to_somebody(
    inspector: httpx.Client, clients: Clients, nothing_recorded: None
) -> None:
    address = f"{COMMUNITY}/bundle/names"
    asked = {"recipient": "法院", "reasons": "诉讼"}
    assert nothing_recorded is None
    assert inspector.post(address, json=asked).status_code == 403
    for body in (
        {},
        {"recipient": "法院"},
        {**asked, "recipient": " "},
        {**asked, "more": "1"},
        {**asked, "reasons": "a\nb"},
    ):
        refused = clients("inspectorate").post(address, json=body)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid-fields")
