"""Every request leaves one line and its figures, never what was asked or who was meant; every answer is protected."""

from __future__ import annotations

import io
import json
import logging
import queue
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import structlog

from api.http import logs

COMMUNITY = "/api/v1/communities/610112002001"
EVENTS = f"{COMMUNITY}/events"

Body = Callable[..., dict[str, Any]]
Lines = queue.Queue[dict[str, Any]]


def test_a_recording_leaves_one_line_with_who_where_and_which_position(
    township: httpx.Client, counted: Body, log_lines: Lines
) -> None:
    sent = {"X-Request-Id": "seen-in-the-log", "Idempotency-Key": "a-secret-of-the-client"}
    entry = township.post(EVENTS, json=counted(1180, note="联系张三"), headers=sent).json()
    line = log_lines.get(timeout=5)
    assert line.pop("milliseconds") > 0
    assert line == {
        "event": "request",
        "level": "info",
        "request_id": "seen-in-the-log",
        "actor": "township",
        "method": "POST",
        "route": "/api/v1/communities/{id}/events",
        "status": 201,
        "position": entry["position"],
    }


def test_lines_say_nothing_of_what_was_asked(inspector: httpx.Client, nobody: httpx.Client, log_lines: Lines) -> None:
    inspector.get("/api/v1/communities", params={"q": "张三"})
    inspector.get("/张三")
    inspector.patch(f"{COMMUNITY}/events")
    nobody.get(COMMUNITY, headers={"Authorization": "Bearer tz_zhangsan", "X-Request-Id": "张三".encode()})
    nobody.post("/login", data={"account": "zhangsan", "password": "zhangsan"})
    lines = [log_lines.get(timeout=5) for _ in range(5)]
    said = json.dumps(lines, ensure_ascii=False)
    assert "张三" not in said
    assert "zhangsan" not in said
    assert [line["status"] for line in lines] == [200, 404, 405, 401, 401]
    assert [line.get("problem") for line in lines] == [
        None, "no-such-path", "method-not-allowed", "unauthenticated", "login-failed",
    ]  # fmt: skip


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "注", "<script>", "a\tb"])
def test_a_request_id_that_is_not_fit_for_a_log_is_replaced(nobody: httpx.Client, given: str) -> None:
    answer = nobody.get("/healthz", headers={"X-Request-Id": given.encode()})
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["x-request-id"])


def figures(client: httpx.Client) -> dict[str, float]:
    text = client.get("/metrics").text
    return {
        name: float(value) for name, _, value in (line.rpartition(" ") for line in text.splitlines() if line[0] != "#")
    }


def test_figures_count_requests_by_route_and_recordings_by_outcome(
    inspector: httpx.Client, township: httpx.Client, counted: Body, head: Callable[[], int]
) -> None:
    before = figures(inspector)
    sent = {"Idempotency-Key": "counted-once"}
    for _ in range(2):
        township.post(EVENTS, json=counted(), headers=sent)
    township.post(EVENTS, json=counted(-1))
    inspector.get("/nowhere/1")
    inspector.get("/nowhere/2")
    found = figures(inspector)
    grown = {name: value - before.get(name, 0) for name, value in found.items()}
    assert grown['taizhang_recordings_total{outcome="recorded"}'] == 1
    assert grown['taizhang_recordings_total{outcome="replayed"}'] == 1
    assert grown['taizhang_recordings_total{outcome="invalid-fields"}'] == 1
    route = 'method="POST",route="/api/v1/communities/{id}/events"'
    assert grown[f'taizhang_requests_total{{{route},status="201"}}'] == 2
    assert grown[f"taizhang_request_seconds_count{{{route}}}"] == 3
    assert grown['taizhang_requests_total{method="GET",route="unmatched",status="404"}'] == 2
    assert found["taizhang_head_position"] == head()
    assert found["taizhang_views_position"] <= head()
    assert found["taizhang_database_up"] == 1
    assert found["taizhang_views_failed"] == 0


@pytest.mark.parametrize("path", [COMMUNITY, "/nowhere", "/login", "/api/docs", "/healthz", "/static/taizhang.css"])
def test_every_answer_protects_whoever_reads_it(inspector: httpx.Client, path: str) -> None:
    headers = inspector.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert headers["cache-control"] == ("public, max-age=600" if path.startswith("/static/") else "no-store")
    assert {"authorization", "cookie"} <= {one.strip().lower() for one in headers["vary"].split(",")}
    assert "server" not in headers


def test_health_is_told_to_everyone_and_says_no_more_than_health(nobody: httpx.Client) -> None:
    assert nobody.get("/healthz").json() == {"alive": True}
    ready = nobody.get("/readyz")
    assert ready.status_code == 200
    assert ready.json().keys() == {"ready", "database", "head", "views", "heads", "tree", "writing"}
    assert (ready.json()["ready"], ready.json()["database"]) == (True, "there")


@pytest.fixture
def logging_put_back() -> Iterator[None]:
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    structlog.configure(**before)
    root.handlers, root.level = handlers, level


@pytest.mark.usefixtures("logging_put_back")
@pytest.mark.parametrize(("environment", "is_json"), [({}, True), ({"TAIZHANG_LOG": "console"}, False)])
def test_lines_are_json_where_no_terminal_reads_them(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], is_json: bool  # noqa: FBT001
) -> None:  # fmt: skip
    stderr = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    logs.configure(environment)
    structlog.get_logger("taizhang").info("started", account="township")
    try:
        raise RuntimeError("张三")  # noqa: TRY301  # what a library would log
    except RuntimeError:
        logging.getLogger("some.library").exception("it failed")
    first, second, *_ = stderr.getvalue().splitlines()
    assert "张三" not in stderr.getvalue()
    assert "RuntimeError" in second
    assert (first[0] == "{") == is_json
    if is_json:
        assert json.loads(first).items() >= {"event": "started", "account": "township", "level": "info"}.items()
        assert json.loads(second)["logger"] == "some.library"
