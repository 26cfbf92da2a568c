"""Whatever is sent, the answer is no failure of ours, and the log grows by what was answered 201 alone."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.records import AGGREGATES, VOCABULARY

COMMUNITY = "/api/v1/communities/610112002001"
EVENTS = f"{COMMUNITY}/events"
JSON = {"Content-Type": "application/json"}
EVENT_NAMES = sorted({event for kind in AGGREGATES for event in VOCABULARY.events(kind)})
FIELDS = ["type", "effective_on", "data", "document", "evidence", "note", "record", "if_version", "entries", "version"]

Head = Callable[[], int]

many = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

odd = st.sampled_from(
    ["", "\x00", "\u202e", "\ufeff", "é", "e\u0301", "x" * 70_000, "../..", "2020-02-30", "0001-01-01"]
)
scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20) | odd
names = st.sampled_from([*FIELDS, "households", "name", "person", "id"]) | st.text(max_size=5)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=3), max_leaves=6
)
events = st.fixed_dictionaries(
    {"type": st.sampled_from(EVENT_NAMES) | values, "effective_on": st.just("2020-06-30") | values},
    optional={
        "data": st.just({"households": 1}) | st.dictionaries(names, values, max_size=4) | values,
        "document": st.dictionaries(st.sampled_from(["number", "title", "issued_on", "sha256"]), values) | values,
        "evidence": st.lists(values, max_size=3) | values,
        "note": values,
    },
)


def sent(client: httpx.Client, head: Head, path: str, content: bytes, headers: dict[str, str]) -> httpx.Response:
    before = head()
    answer = client.post(path, content=content, headers={**JSON, **headers})
    assert answer.status_code < 500, answer.text
    entries = answer.json().get("entries", [answer.json()]) if answer.status_code == 201 else []
    assert head() - before == len(entries)
    if not entries:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
    return answer


@many
@given(
    content=st.binary(max_size=200) | values.map(json.dumps).map(str.encode) | events.map(json.dumps).map(str.encode)
)
@pytest.mark.parametrize("path", [EVENTS, "/api/v1/batches", "/api/v1/communities/%00/events"])
def test_any_body(township: httpx.Client, head: Head, path: str, content: bytes) -> None:
    sent(township, head, path, content, {})


@many
@given(
    items=st.lists(
        st.tuples(events, st.sampled_from(["communities/610112002001", "accounts/township", "ledger/ledger"]) | values),
        min_size=1,
        max_size=3,
    )
)
def test_any_batch(
    clients: Callable[..., httpx.Client], head: Head, items: list[tuple[dict[str, Any], object]]
) -> None:
    entries = [{**event, "record": record} for event, record in items]
    sent(clients("new-city"), head, "/api/v1/batches", json.dumps({"entries": entries}).encode(), {})


@many
@given(
    name=st.sampled_from(
        [
            "Accept",
            "Accept-Language",
            "Content-Encoding",
            "Content-Type",
            "Cookie",
            "Idempotency-Key",
            "If-Match",
            "If-None-Match",
            "X-Request-Id",
        ]
    ),
    value=st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=40),
)
def test_any_header(township: httpx.Client, head: Head, name: str, value: str) -> None:
    header = {name: value.strip().encode("latin-1")}
    answer = sent(township, head, EVENTS, b'{"type":"HouseholdsCounted"}', header)  # type: ignore[arg-type]
    assert answer.status_code in {400, 403, 412, 415, 422}
    assert township.get(COMMUNITY, headers=header).status_code < 500
    assert township.get("/login", headers=header).status_code < 500


@many
@given(
    path=st.sampled_from(
        ["/api/v1/communities", COMMUNITY, EVENTS, f"{COMMUNITY}/diff", "/api/v1/log/entries", "/login"]
    ),
    query=st.lists(
        st.tuples(
            st.sampled_from(
                ["known_at", "on", "limit", "cursor", "after", "q", "status", "new_city", "township", "from_on", "next"]
            )
            | st.text(max_size=5),
            st.text(max_size=30)
            | odd
            | st.integers(-10, 10**20).map(str)
            | st.dates().map(str)
            | st.datetimes().map(str),
        ),
        max_size=3,
    ),
)
def test_any_question(inspector: httpx.Client, path: str, query: list[tuple[str, str]]) -> None:
    asked = "&".join(f"{quote(name, errors='replace')}={quote(value[:500], errors='replace')}" for name, value in query)
    answer = inspector.get(f"{path}?{asked}")
    assert answer.status_code < 500, answer.text


@many
@given(segments=st.lists(st.text(min_size=1, max_size=10) | odd, min_size=1, max_size=4))
def test_any_path(inspector: httpx.Client, segments: list[str]) -> None:
    path = "/".join(quote(one[:200], safe="", errors="replace") for one in segments)
    for before in ("/", "/api/v1/", "/api/v1/communities/", "/static/", "/problems/", "/api/v1/log/entries/"):
        address = f"{str(inspector.base_url).rstrip('/')}{before}{path}"
        assert inspector.get(address).status_code < 500


@pytest.mark.parametrize("after", ["x", "9" * 5_000, "\x00", "注", "-1", ""])
@pytest.mark.parametrize("path", ["/api/v1/communities", EVENTS])
def test_a_cursor_made_up_with_the_right_mark_is_no_failure_of_ours(
    inspector: httpx.Client, path: str, after: str
) -> None:
    tags = {
        EVENTS: "events communities/610112002001",
        "/api/v1/communities": "list communities Filters(new_city=None, township=None, status=None, q=None)",
    }
    mark = hashlib.sha256(tags[path].encode()).digest()[:6]
    cursor = base64.urlsafe_b64encode(mark + after.encode()).decode().rstrip("=")
    assert inspector.get(path, params={"cursor": cursor[:300]}).status_code < 500


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /api/v1/communities\r\n\r\n",
        b"\x16\x03\x01\x00\xa5",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /api/v1/batches HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/v1/batches HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: \xff\r\n\r\n",
    ],
)
def test_what_is_hardly_http_neither_stops_the_server_nor_fails_it(url: str, nobody: httpx.Client, raw: bytes) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(100)
    assert not answer.startswith(b"HTTP/1.1 5")
    assert nobody.get("/healthz").status_code == 200
