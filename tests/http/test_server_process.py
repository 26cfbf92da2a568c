"""A server told to stop finishes what it has begun, lets its streams go, puts everything away and leaves well."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from api.composition import Taizhang
from api.http.application import create_app
from api.http.serve import serve

PROGRAM = """
import sys
from pathlib import Path
from api.composition import opened
from api.http.application import create_app
from api.http.logs import configure
from api.http.serve import serve

configure()
with opened(Path(sys.argv[1]), follow=False) as ledger:
    serve(create_app(ledger), "127.0.0.1", 0, on_listening=lambda url: print(url, flush=True))
print("put away", flush=True)
"""
COMMUNITY = "/api/v1/communities/610112002001"


@pytest.fixture
def process(ledger: Taizhang, keys: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    assert keys
    environment = {**os.environ, "TAIZHANG_DATABASE_URL": ledger.database.conninfo, "TAIZHANG_LOG": "json"}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(ledger.directory)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        yield started
        started.kill()


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_a_server_told_to_stop_ends_its_streams_and_puts_everything_away(
    process: subprocess.Popen[str],
    url: str,
    keys: dict[str, str],
    counted: Callable[..., dict[str, Any]],
    head: Callable[[], int],
    told: signal.Signals,
) -> None:
    assert url
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    authorization = {"Authorization": f"Bearer {keys['township']}"}
    with httpx.Client(base_url=address, headers=authorization, timeout=20) as client:
        position = client.post(f"{COMMUNITY}/events", json=counted(note="联系张三")).json()["position"]
        with client.stream("GET", "/api/v1/log/stream", params={"after": position - 1}) as stream:
            lines = stream.iter_lines()
            assert [next(lines) for _ in range(3)] == ["retry: 2000", "", f"id: {position}"]
            process.send_signal(told)
            assert [line for line in lines if line.startswith("id:")] == []
    said, logged = process.communicate(timeout=20)
    assert (said, process.returncode) == ("put away\n", 0)
    found = [json.loads(line) for line in logged.splitlines()]
    assert {(one["route"], one["status"]) for one in found if one["event"] == "request"} == {
        ("/api/v1/communities/{id}/events", 201),
        ("/api/v1/log/stream", 200),
    }
    assert "张三" not in logged
    assert keys["township"] not in logged
    assert head() >= position


def test_an_address_that_is_taken_is_said_to_be(ledger: Taizhang) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        serve(create_app(ledger), "127.0.0.1", taken.getsockname()[1])
