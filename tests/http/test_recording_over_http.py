"""Recording answers exactly as promised: once, at the version meant, all of a batch or none of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

COMMUNITY = "/api/v1/communities/610112002001"
EVENTS = f"{COMMUNITY}/events"
OTHER_EVENTS = "/api/v1/communities/610112002002/events"

Body = Callable[..., dict[str, Any]]
Head = Callable[[], int]


def test_a_recording_answers_with_its_entry_and_where_to_find_it(township: httpx.Client, counted: Body) -> None:
    answer = township.post(EVENTS, json=counted(1180, note="入户核对"))
    entry = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/log/entries/{entry['position']}"
    assert answer.headers["etag"] == f'"{entry["version"]}"' == township.get(COMMUNITY).headers["etag"]
    assert entry["record"] == "communities/610112002001"
    assert (entry["type"], entry["effective_on"], entry["note"]) == ("HouseholdsCounted", "2020-06-30", "入户核对")
    assert entry["data"] == {"households": 1180}
    assert (entry["recorded_by"]["account"], entry["causation_id"]) == ("township", None)
    assert township.get(answer.headers["location"]).json()["data"] == entry
    raw = township.get(answer.headers["location"], headers={"Accept": "application/octet-stream"})
    assert raw.headers["content-type"] == "application/octet-stream"
    assert hashlib.sha256(b"\x00" + raw.content).hexdigest() == entry["leaf_hash"]


def test_the_same_key_and_body_are_recorded_once_and_answered_alike(
    township: httpx.Client, counted: Body, head: Head
) -> None:
    sent = {"Idempotency-Key": "once-1"}
    first = township.post(EVENTS, json=counted(1201), headers=sent)
    before = head()
    body = json.dumps(dict(reversed(counted(1201).items())), indent=3)
    again = township.post(EVENTS, content=body, headers={**sent, "Content-Type": "application/json"})
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert (again.headers["location"], again.headers["etag"]) == (first.headers["location"], first.headers["etag"])
    other = township.post(EVENTS, json=counted(1202), headers=sent)
    elsewhere = township.post(OTHER_EVENTS, json=counted(1201), headers=sent)
    for refused in (other, elsewhere):
        assert (refused.status_code, refused.json()["code"]) == (422, "idempotency-reused")
    assert head() == before


def test_the_same_key_of_another_account_is_another_key(
    township: httpx.Client, clients: Callable[..., httpx.Client], counted: Body, head: Head
) -> None:
    sent, before = {"Idempotency-Key": "shared"}, head()
    adjusted = {"type": "BoundaryAdjusted", "effective_on": "2020-07-01", "data": {"description": "东至三桥路"}}
    assert township.post(EVENTS, json=counted(1203), headers=sent).status_code == 201
    assert clients("new-city").post(EVENTS, json=adjusted, headers=sent).status_code == 201
    assert head() == before + 2


def test_many_at_once_under_one_key_are_recorded_once(township: httpx.Client, counted: Body, head: Head) -> None:
    before = head()

    def post(_: int) -> httpx.Response:
        return township.post(EVENTS, json=counted(1204), headers={"Idempotency-Key": "at-once"})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(16)))
    assert {(one.status_code, one.content) for one in answers} == {(201, answers[0].content)}
    assert head() == before + 1


@pytest.mark.parametrize("version", ['"0"', '"1000000"', 'W/"1"', '"another"', '""'])
@pytest.mark.usefixtures("nothing_recorded")
def test_a_version_that_the_record_is_not_at_is_refused(township: httpx.Client, counted: Body, version: str) -> None:
    answer = township.post(EVENTS, json=counted(), headers={"If-Match": version})
    assert (answer.status_code, answer.json()["code"]) == (412, "version-moved")


def test_the_version_that_the_record_is_at_is_taken_and_then_no_more(township: httpx.Client, counted: Body) -> None:
    sent = {"If-Match": township.get(COMMUNITY).headers["etag"]}
    assert township.post(EVENTS, json=counted(), headers=sent).status_code == 201
    assert township.post(EVENTS, json=counted(), headers=sent).status_code == 412
    assert township.post(EVENTS, json=counted(), headers={"If-Match": "*"}).status_code == 201


@pytest.mark.usefixtures("nothing_recorded")
def test_an_opening_event_matches_no_record_whatever_its_version(clients: Callable[..., httpx.Client]) -> None:
    opening = {"name": "新社区", "origin": "existing", "township_code": "610112002", "township": "三桥街道"}
    body = {"type": "CommunityEstablished", "effective_on": "2020-01-01", "data": {**opening, "new_city": "fengdong"}}
    answer = clients("new-city").post("/api/v1/communities/nowhere/events", json=body, headers={"If-Match": "*"})
    assert answer.status_code == 412


def test_a_batch_answers_with_its_own_entries_in_order(township: httpx.Client, counted: Body, head: Head) -> None:
    before = head()
    records = ["communities/610112002001", "communities/610112002002", "communities/610112002001"]
    entries = [counted(1300 + number, record=record) for number, record in enumerate(records)]
    sent = {"Idempotency-Key": "batch-1"}
    answer = township.post("/api/v1/batches", json={"entries": entries}, headers=sent)
    assert answer.status_code == 201
    found = answer.json()["entries"]
    assert [(one["record"], one["data"]["households"]) for one in found] == [
        (record, 1300 + number) for number, record in enumerate(records)
    ]
    assert [one["position"] for one in found] == [before + 1, before + 2, before + 3]
    again = township.post("/api/v1/batches", json={"entries": entries}, headers=sent)
    assert (again.status_code, again.content, head()) == (201, answer.content, before + 3)


@pytest.mark.usefixtures("nothing_recorded")
def test_one_entry_at_fault_refuses_the_batch(township: httpx.Client, counted: Body) -> None:
    record = "communities/610112002001"
    for wrong, code, pointer in [
        (counted(record="communities/nowhere"), "not-found", "/entries/1"),
        (counted(-1, record=record), "invalid-fields", "/entries/1/data/households"),
        (counted(record="nothing/1"), "not-found", "/entries/1"),
        (counted(record=record, if_version=1), "version-moved", "/entries/1/if_version"),
    ]:
        answer = township.post("/api/v1/batches", json={"entries": [counted(record=record), wrong]})
        assert answer.json()["code"] == code
        if "errors" in answer.json():
            assert answer.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({}, "/entries"), ({"entries": {}}, "/entries"), ({"entries": []}, "/entries"), ({"entries": [1]}, "/entries/0")],
)
@pytest.mark.usefixtures("nothing_recorded")
def test_a_batch_is_a_list_of_objects(township: httpx.Client, body: dict[str, Any], pointer: str) -> None:
    answer = township.post("/api/v1/batches", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-fields")
    assert answer.json()["errors"][0]["pointer"] == pointer


@pytest.mark.usefixtures("nothing_recorded")
def test_an_entry_that_is_refused_names_its_fields_clause_and_what_stands_in_the_way(
    clients: Callable[..., httpx.Client], counted: Body
) -> None:
    refused = clients("community").post(EVENTS, json=counted()).json()
    assert (refused["status"], refused["code"], refused["clause"]) == (403, "not-entitled", "2.2")
    fields = clients("township").post(EVENTS, json=counted("many", "2020-02-30", more=1)).json()
    assert sorted(one["pointer"] for one in fields["errors"]) == ["/data/households", "/effective_on", "/more"]
    future = clients("township").post(EVENTS, json=counted(1, "2999-01-01")).json()
    assert (future["status"], future["code"], future["errors"][0]["pointer"]) == (422, "future-date", "/effective_on")


def test_one_body_may_have_a_mebibyte_and_a_batch_more(township: httpx.Client, counted: Body, head: Head) -> None:
    entries = [counted(number, record="communities/610112002001", note="注" * 1300) for number in range(300)]
    before = head()
    answer = township.post("/api/v1/batches", json={"entries": entries})
    assert len(answer.request.content) > 1 << 20
    assert (answer.status_code, head()) == (201, before + 300)
    padded = json.dumps(counted()) + " " * (1 << 20)
    answer = township.post(EVENTS, content=padded, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"], head()) == (413, "too-large", before + 300)
