from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from string import Template
from typing import Any

import httpx
import pytest

from domain.fact import JsonValue
from tests.house.generated import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
REQUESTS = re.findall(r"```sh\n(curl .+?)```\n```json\n(.+?)```", README, re.DOTALL)
COMMANDS = re.findall(r"^\.venv/bin/taizhang (.+)$", README, re.MULTILINE)


def _sent(client: httpx.Client, command: str, variables: dict[str, str]) -> httpx.Response:
    """What curl would have sent, so that nobody needs curl to run the tests."""
    name, url, *options = shlex.split(Template(command.replace("\\\n", "")).substitute(variables))
    assert name == "curl"
    headers, body = dict[str, str](), None
    for option, value in zip(options[::2], options[1::2], strict=True):
        match option:
            case "-H":
                key, _, said = value.partition(": ")
                headers[key] = said
            case "-d":
                body = value
            case _:
                raise AssertionError(option)
    return client.request("GET" if body is None else "POST", url, headers=headers, content=body)


def _shows(answer: JsonValue, shown: JsonValue) -> bool:
    """Whether an answer is as shown, but for what is left out of objects."""
    match answer, shown:
        case dict(), dict():
            return all(name in answer and _shows(answer[name], value) for name, value in shown.items())
        case list(), list():
            return len(answer) == len(shown) and all(map(_shows, answer, shown))
        case _:
            return type(answer) is type(shown) and answer == shown


def test_the_requests_to_try_are_answered_as_shown(demo: Any) -> None:
    assert len(REQUESTS) == 5
    for command, shown in REQUESTS:
        answer = _sent(demo.client, command, {"URL": str(demo.client.base_url).rstrip("/"), **demo.keys}).json()
        assert _shows(answer, json.loads(shown)), f"{command}\n{json.dumps(answer, ensure_ascii=False, indent=1)}"


def test_what_was_refused_left_the_log_as_it_was(demo: Any) -> None:
    *_, (command, _) = REQUESTS
    reader = {"Authorization": f"Bearer {demo.keys['INSPECTOR']}"}
    before = demo.client.get("/api/v1/communities/610112002002", headers=reader)
    refused = _sent(demo.client, command, {"URL": str(demo.client.base_url).rstrip("/"), **demo.keys})
    after = demo.client.get("/api/v1/communities/610112002002", headers=reader)
    assert refused.is_client_error
    assert (after.headers["etag"], after.json()["provenance"]["position"]) == (
        before.headers["etag"],
        before.json()["provenance"]["position"],
    )


def test_a_ledger_of_ones_own_is_made_as_shown(tmp_path: Path) -> None:
    assert [command.split()[0] for command in COMMANDS] == [
        "init",
        "import",
        "key",
        "report",
        "rebuild",
        "verify",
        "serve",
    ]
    environment = os.environ | {"XDG_DATA_HOME": str(tmp_path)}
    for command in COMMANDS[:-1]:
        done = subprocess.run(
            [Path(sys.executable).with_name("taizhang"), *command.split()],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert list(tmp_path.iterdir()), "it went elsewhere"


@pytest.mark.parametrize("target", sorted(set(re.findall(r"make (\w+)", README))))
def test_make_has_the_targets_named(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
