"""Every way to fail has a stable code, the right status, both languages, and records nothing."""

from __future__ import annotations

import queue
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

import httpx
import psycopg
import pytest

from api.composition import Taizhang
from api.http import bodies, recording
from api.http.problems import CODES, Fault
from application.committing import Busy, Recorded, Stopped, Unsettled
from domain.refusals import Code

EVENTS = "/api/v1/communities/610112002001/events"
JSON = {"Content-Type": "application/json"}
BATCH_HEADERS = {**JSON, "If-Match": '"1"'}
DIGEST = "0" * 64

Body = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.usefixtures("nothing_recorded")


def deep(levels: int) -> str:
    return '{"data":' + "[" * (levels - 1) + "]" * (levels - 1) + "}"


MALFORMED = {
    "no JSON": b"households=1",
    "nothing": b"",
    "cut off": b'{"type": "HouseholdsCounted"',
    "a name twice": b'{"type": "HouseholdsCounted", "type": "HouseholdsCounted"}',
    "a name twice, deep inside": b'{"data": [{"a": 1, "a": 2}]}',
    "not a number": b'{"data": {"households": NaN}}',
    "infinity": b'{"data": {"households": -Infinity}}',
    "a number past infinity": b'{"data": {"households": 1e999}}',
    "an integer past 2^53": b'{"data": {"households": 9007199254740993}}',
    "an integer of 5,000 digits": b'{"data": {"households": ' + b"9" * 5_000 + b"}}",
    "not UTF-8": b'{"note": "\xff"}',
    "UTF-16": '{"note": "注"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"note": "x"}',
    "half a surrogate pair": b'{"note": "\\ud83d"}',
    "half a surrogate pair in a name": b'{"\\uDE00": 1}',
    "65 levels": deep(65).encode(),
    "100,000 levels": deep(100_000).encode(),
    "a control character": b'{"note": "a\x00b"}',
}


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("path", [EVENTS, "/api/v1/batches"])
def test_json_is_taken_strictly(township: httpx.Client, path: str, raw: bytes) -> None:
    answer = township.post(path, content=raw, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


def test_64_levels_are_json_still_and_only_an_object_is_an_event(township: httpx.Client) -> None:
    for raw in (deep(64), "[]", "1", '"x"', "null", "9007199254740992"):
        answer = township.post(EVENTS, content=raw, headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-fields")


@pytest.mark.parametrize(
    ("method", "path", "headers", "content", "code"),
    [
        ("POST", EVENTS, {**JSON, "If-Match": "1"}, "{}", "bad-if-match"),
        ("POST", EVENTS, {**JSON, "If-Match": ""}, "{}", "bad-if-match"),
        ("POST", EVENTS, {**JSON, "If-Match": '"1", "2"'}, "{}", "bad-if-match"),
        ("POST", "/api/v1/batches", BATCH_HEADERS, '{"entries": [{}]}', "bad-if-match"),
        ("POST", EVENTS, {**JSON, "Idempotency-Key": ""}, "{}", "bad-idempotency-key"),
        ("POST", EVENTS, {**JSON, "Idempotency-Key": "x" * 256}, "{}", "bad-idempotency-key"),
        ("POST", EVENTS, {**JSON, "Idempotency-Key": "a b"}, "{}", "bad-idempotency-key"),
        ("GET", "/nowhere", {}, "", "no-such-path"),
        ("GET", "/api/v1/unicorns", {}, "", "no-such-path"),
        ("GET", "/api/v1/communities/", {}, "", "no-such-path"),
        ("GET", "/problems/no-such-code", {}, "", "no-such-path"),
        ("GET", "/static/..%2f..%2fpyproject.toml", {}, "", "no-such-path"),
        ("PUT", EVENTS, JSON, "{}", "method-not-allowed"),
        ("POST", EVENTS, {"Content-Type": "text/plain"}, "{}", "unsupported-media-type"),
        ("POST", EVENTS, {}, "{}", "unsupported-media-type"),
        ("POST", EVENTS, {"Content-Type": "application/json; charset=gbk"}, "{}", "unsupported-media-type"),
        ("POST", EVENTS, {**JSON, "Content-Encoding": "gzip"}, "{}", "unsupported-media-type"),
        ("POST", EVENTS + "?dry_run=1", JSON, "{}", "unknown-parameter"),
        ("GET", "/api/v1/communities?name=x", {}, "", "unknown-parameter"),
        ("GET", "/api/v1/communities?limit=0", {}, "", "invalid-parameter"),
        ("GET", "/api/v1/communities?limit=1&limit=2", {}, "", "invalid-parameter"),
        ("GET", "/api/v1/communities?q=%00", {}, "", "invalid-parameter"),
        ("GET", "/api/v1/communities?q=%ff", {}, "", "malformed"),
        ("PUT", f"/api/v1/attachments/{DIGEST}", {}, "x", "digest-differs"),
        ("PUT", "/api/v1/attachments/x", {}, "x", "digest-differs"),
    ],
)
def test_a_request_that_is_wrong_gets_its_code(
    township: httpx.Client, method: str, path: str, headers: Mapping[str, str], content: str, code: str
) -> None:
    answer = township.request(method, path, headers=headers, content=content)
    assert (answer.json()["code"], answer.status_code) == (code, CODES[code].status)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_problem_is_an_rfc_9457_object_in_the_language_asked_for(township: httpx.Client) -> None:
    sent = {"X-Request-Id": "a-request.1"}
    english = township.get("/nowhere", headers={**sent, "Accept-Language": "fr, en-GB;q=0.8, zh;q=0.3"})
    assert english.json() == {
        "type": "/problems/no-such-path",
        "code": "no-such-path",
        "title": "There is nothing at this address",
        "status": 404,
        "detail": "there is nothing at this address",
        "instance": "urn:x-request:a-request.1",
    }
    assert (english.headers["content-language"], english.headers["x-request-id"]) == ("en", "a-request.1")
    for language in ("", "zh-Hans-CN", "en;q=0.1, zh", "fr", "en;q=0, *", "en;q=x"):
        chinese = township.get("/nowhere", headers={"Accept-Language": language})
        assert (chinese.json()["title"], chinese.headers["content-language"]) == ("没有这个地址", "zh-CN")
    assert "Accept-Language" in english.headers["vary"]


@pytest.mark.parametrize("code", CODES)
def test_a_problem_type_leads_to_a_page_about_it(nobody: httpx.Client, code: str) -> None:
    page = nobody.get(f"/problems/{code}")
    assert page.status_code == 200
    assert CODES[code].zh in page.text
    assert CODES[code].en.partition("'")[0] in page.text


def test_no_two_faults_share_a_code() -> None:
    assert len(CODES) == len(Fault) + len(Code)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (EVENTS, "GET, HEAD, POST"),
        ("/api/v1/communities", "GET, HEAD"),
        ("/api/v1/batches", "POST"),
        (f"/api/v1/attachments/{DIGEST}", "GET, HEAD, PUT"),
        ("/api/v1/log/entries/1", "GET, HEAD"),
        ("/login", "GET, HEAD, POST"),
        ("/logout", "POST"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(township: httpx.Client, path: str, allowed: str) -> None:
    answer = township.request("PATCH", path)
    assert (answer.status_code, answer.json()["code"], answer.headers["allow"]) == (405, "method-not-allowed", allowed)


@pytest.mark.parametrize(
    "credentials",
    [
        {},
        {"Authorization": "Bearer tz_unknown"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer a b"},
        {"Authorization": "Basic dG93bnNoaXA6eA=="},
        {"Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."},
        {"Cookie": "taizhang=x"},
        {"Cookie": "taizhang=" + "A" * 43},
    ],
)
@pytest.mark.parametrize(
    "path",
    [
        EVENTS,
        "/api/v1/communities",
        "/api/v1/log/entries/1",
        "/api/v1/log/stream",
        f"/api/v1/attachments/{DIGEST}",
        "/metrics",
        "/api/openapi.json",
        "/api/docs",
    ],
)
def test_nothing_is_told_to_strangers(nobody: httpx.Client, path: str, credentials: Mapping[str, str]) -> None:
    answer = nobody.get(path, headers=credentials)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith('Bearer realm="taizhang"')


def test_nothing_is_recorded_for_strangers(nobody: httpx.Client, counted: Body) -> None:
    assert nobody.post(EVENTS, json=counted()).status_code == 401
    assert nobody.post("/api/v1/batches", json={"entries": []}).status_code == 401
    assert nobody.put(f"/api/v1/attachments/{DIGEST}", content=b"x").status_code == 401


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (Busy(), "busy"),
        (Stopped(), "unavailable"),
        (Unsettled("lost"), "unsettled"),
        (psycopg.OperationalError("gone"), "unavailable"),
    ],
)
def test_a_recorder_that_cannot_answer_is_told_so(
    ledger: Taizhang,
    township: httpx.Client,
    counted: Body,
    monkeypatch: pytest.MonkeyPatch,
    raised: Exception,
    code: str,
) -> None:
    future: Future[Recorded] = Future()
    future.set_exception(raised)

    def submit(_: object) -> Future[Recorded]:
        if isinstance(raised, Busy | Stopped):
            raise raised
        return future

    monkeypatch.setattr(ledger.recorder, "submit", submit)
    answer = township.post(EVENTS, json=counted(), headers={"Accept-Language": "en"})
    assert (answer.status_code, answer.json()["code"]) == (503, code)
    assert int(answer.headers["retry-after"]) > 0
    if code == "unsettled":
        assert "same Idempotency-Key" in answer.json()["detail"]


@pytest.mark.parametrize(("begun", "code"), [(False, "busy"), (True, "unsettled")])
def test_a_recording_that_takes_too_long_is_taken_back_or_said_to_be_unsettled(
    ledger: Taizhang, township: httpx.Client, counted: Body, monkeypatch: pytest.MonkeyPatch, begun: bool, code: str  # noqa: FBT001
) -> None:  # fmt: skip
    future: Future[Recorded] = Future()
    if begun:
        future.set_running_or_notify_cancel()
    monkeypatch.setattr(ledger.recorder, "submit", lambda _: future)
    monkeypatch.setattr(recording, "ANSWER_WITHIN", 0.05)
    assert township.post(EVENTS, json=counted()).json()["code"] == code
    assert future.cancelled() != begun


def test_a_database_that_is_away_is_said_to_be(
    ledger: Taizhang, township: httpx.Client, nobody: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise psycopg.OperationalError("connection to server on socket failed")

    monkeypatch.setattr(ledger.log, "head", away)
    answer = township.get("/api/v1/communities")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "socket" not in answer.text
    ready = nobody.get("/readyz")
    assert (ready.status_code, ready.json()) == (503, {"ready": False, "database": "away"})
    assert nobody.get("/healthz").status_code == 200


def test_what_was_recorded_but_cannot_be_shown_is_unsettled_not_lost(
    ledger: Taizhang, township: httpx.Client, monkeypatch: pytest.MonkeyPatch, counted: Body
) -> None:
    def away(*_: object) -> None:
        raise psycopg.OperationalError("gone")

    done: Future[Recorded] = Future()
    done.set_result(Recorded(tuple(ledger.log.entries(0, 1)), replayed=False))
    monkeypatch.setattr(ledger.recorder, "submit", lambda _: done)
    monkeypatch.setattr(ledger.asking, "recorded", away)
    assert township.post(EVENTS, json=counted()).json()["code"] == "unsettled"


def test_the_unexpected_shows_nothing_of_the_inside_and_is_logged_without_what_was_sent(
    ledger: Taizhang,
    township: httpx.Client,
    monkeypatch: pytest.MonkeyPatch,
    log_lines: queue.Queue[dict[str, Any]],
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("张三 610112199001011234")

    monkeypatch.setattr(ledger.asking, "record", broken)
    answer = township.get("/api/v1/communities/610112002001", headers={"X-Request-Id": "broken-1"})
    assert (answer.status_code, answer.json()["code"]) == (500, "unexpected")
    assert "张三" not in answer.text
    assert "RuntimeError" not in answer.text
    said = log_lines.get(timeout=5)
    assert (said["event"], said["fault"], said["request_id"]) == ("unexpected", "builtins.RuntimeError", "broken-1")
    assert said["at"][-1].endswith(" broken")
    assert "张三" not in str(said)


def test_a_body_that_does_not_come_is_not_waited_for(
    url: str, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "CHUNK_WITHIN", 0.1)
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(
            f"POST {EVENTS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {keys['township']}\r\n"
            "Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{".encode()
        )
        answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"too-slow"' in answer


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "in chunks"])
@pytest.mark.parametrize(
    ("method", "path", "limit"),
    [("POST", EVENTS, 1 << 20), ("PUT", f"/api/v1/attachments/{DIGEST}", 20 << 20), ("POST", "/login", 8 << 10)],
)
def test_what_is_too_large_is_refused_before_it_is_held(
    township: httpx.Client, nobody: httpx.Client, method: str, path: str, limit: int, announced: bool  # noqa: FBT001
) -> None:  # fmt: skip
    client = nobody if path == "/login" else township
    size = limit + 1
    content = b" " * size if announced else (b" " * 1024 for _ in range(size // 1024 + 1))
    media = "application/x-www-form-urlencoded" if path == "/login" else "application/json"
    answer = client.request(method, path, content=content, headers={"Content-Type": media})
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


def test_more_bodies_than_can_be_held_are_sent_away(township: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "HELD_LIMIT", 100)
    answer = township.post(EVENTS, content=b" " * 101, headers=JSON)
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "busy", "1")


def test_a_body_of_nothing_but_brackets_is_too_large(township: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "STRUCTURE_LIMIT", 100)
    answer = township.post(EVENTS, content=b'{"data":[' + b"[]," * 100 + b"[]]}", headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
