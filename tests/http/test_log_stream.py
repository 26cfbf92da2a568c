"""The stream gives every entry once, in order, from where a client left off, for as long as its rights last."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from api.administration import issue_key
from api.composition import Taizhang
from api.http import streaming

STREAM = "/api/v1/log/stream"
EVENTS = "/api/v1/communities/610112002001/events"

Body = Callable[..., dict[str, Any]]
Head = Callable[[], int]


@contextmanager
def stream(client: httpx.Client, after: int, **headers: str) -> Iterator[Iterator[tuple[int, dict[str, Any]]]]:
    with client.stream("GET", STREAM, params={"after": after}, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream"
        yield events(answer.iter_lines())


def events(lines: Iterator[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    seen = 0
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "id":
            seen = int(value)
        elif name == "data":
            yield seen, json.loads(value)


def test_a_stream_gives_what_was_recorded_and_then_what_is(
    inspector: httpx.Client, township: httpx.Client, counted: Body, head: Head
) -> None:
    before = head()
    listed = inspector.get("/api/v1/log/entries", params={"limit": 500}).json()["data"]
    with stream(inspector, 0) as found:
        assert [next(found) for _ in listed] == [(entry["position"], entry) for entry in listed]
        recorded = [township.post(EVENTS, json=counted(number)).json() for number in range(5)]
        assert [next(found) for _ in recorded] == [(entry["position"], entry) for entry in recorded]
    assert recorded[0]["position"] == before + 1


def test_a_stream_goes_on_where_the_client_left_it(
    inspector: httpx.Client, township: httpx.Client, counted: Body
) -> None:
    recorded = [township.post(EVENTS, json=counted(number)).json() for number in range(3)]
    left = str(recorded[0]["position"])
    with stream(inspector, 0, **{"Last-Event-ID": left}) as found:
        assert [next(found)[1] for _ in recorded[1:]] == recorded[1:]
    for wrong in ("x", "-1", "9" * 20, "1.5"):
        answer = inspector.get(STREAM, headers={"Last-Event-ID": wrong})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-parameter")


def test_a_stream_tells_what_is_to_be_done_whenever_that_changes(
    ledger: Taizhang, clients: Callable[..., httpx.Client], inspector: httpx.Client, head: Head
) -> None:
    def told(lines: Iterator[str]) -> list[str]:
        assert next(line for line in lines if line == "event: work")
        return [one["record"] for one in json.loads(next(lines).removeprefix("data: "))]

    issue_key(ledger, "inspectorate", "new-area", None, ["inspectorate"])
    opened = {"type": "InspectionOpened", "effective_on": "2020-09-01",
              "data": {"new_city": "fengdong", "subject": "暗访"}}  # fmt: skip
    data = {"finding": "f-1", "clause": "5.1", "about": "communities/610112002001", "observed": "无人值守"}
    seen = {"type": "InspectionFindingRecorded", "effective_on": "2020-09-02", "data": data}
    with inspector.stream("GET", STREAM, params={"after": head(), "work": "true"}) as answer:
        lines = answer.iter_lines()
        assert "inspections/dc-1" not in told(lines)
        inspectorate = clients("inspectorate")
        for body in (opened, seen):
            assert inspectorate.post("/api/v1/inspections/dc-1/events", json=body).status_code == 201
        assert "inspections/dc-1" in told(lines)
    assert inspector.get(STREAM, params={"work": "yes"}).status_code == 422


def test_many_streams_lose_nothing_while_many_record(
    clients: Callable[..., httpx.Client], township: httpx.Client, counted: Body, head: Head
) -> None:
    before, recorded, listeners = head(), 40, 5

    def listen(_: int) -> list[int]:
        with stream(clients("inspector"), before) as found:
            return [next(found)[0] for _ in range(recorded)]

    with ThreadPoolExecutor(listeners + 8) as pool:
        heard = [pool.submit(listen, number) for number in range(listeners)]
        list(pool.map(lambda number: township.post(EVENTS, json=counted(number)), range(recorded)))
        assert [one.result(30) for one in heard] == [list(range(before + 1, before + recorded + 1))] * listeners


def test_a_stream_leaves_out_what_may_not_be_read(
    clients: Callable[..., httpx.Client], township: httpx.Client, counted: Body, head: Head
) -> None:
    before = head()
    township.post(EVENTS, json=counted(1))
    adjusted = {"type": "BoundaryAdjusted", "effective_on": "2020-07-01", "data": {"description": "西至沣河"}}
    other = clients("other-city")
    own = other.post("/api/v1/communities/610112003001/events", json=adjusted).json()
    with stream(other, before) as found:
        assert next(found) == (own["position"], own)


def test_a_stream_ends_with_the_rights_of_whom_it_is_for(
    ledger: Taizhang, url: str, clients: Callable[..., httpx.Client], township: httpx.Client, counted: Body, head: Head
) -> None:
    key = issue_key(ledger, "soon-gone", "new-area", None, ["inspector"])
    before = head()
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as client:
        with stream(client, before) as found:
            first = township.post(EVENTS, json=counted(1)).json()
            assert next(found)[1] == first
            closed = {"type": "AccountClosed", "effective_on": "2021-01-01", "data": {"reasons": "调离"}}
            assert clients("administrator").post("/api/v1/accounts/soon-gone/events", json=closed).status_code == 201
            assert township.post(EVENTS, json=counted(2)).status_code == 201
            assert list(found) == []
        assert client.get(STREAM).status_code == 401


def test_a_quiet_stream_shows_that_it_lives(
    inspector: httpx.Client, head: Head, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "HEARTBEAT", 0.05)
    with inspector.stream("GET", STREAM, params={"after": head()}) as answer:
        lines = answer.iter_lines()
        assert [next(lines) for _ in range(6)] == ["retry: 2000", "", ":", "", ":", ""]


def test_streams_are_bounded_and_end_with_their_clients(
    clients: Callable[..., httpx.Client], head: Head, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "STREAMS_OF_ACCOUNT", 1)
    after = {"after": head()}
    with clients("community").stream("GET", STREAM, params=after) as first:
        assert first.status_code == 200
        refused = clients("community").get(STREAM, params=after)
        assert (refused.status_code, refused.json()["code"]) == (503, "busy")
        with clients("new-city").stream("GET", STREAM, params=after) as another:
            assert another.status_code == 200
    for _ in range(1_000):
        with clients("community").stream("GET", STREAM, params=after) as again:
            if again.status_code == 200:
                return
    raise AssertionError("the stream of a client that left was never ended")
