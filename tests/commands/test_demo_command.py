"""The demonstration: one command from nothing to a server that answers, the same history each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import psutil

OWN = ("recorded_at", "correlation_id", "leaf_hash")


def test_the_demonstration_serves_and_is_the_same_each_time(embedded: Any, bare: Any) -> None:
    with embedded.serving("demo") as first:
        assert [*first] == ["url", "logins", "verifier_key"]
        assert [login["role"] for login in first["logins"]] == ["inspector", "recorder", "arbiter"]
        for login in first["logins"]:
            assert [*login] == ["role", "account", "password", "key"]
            assert _get(
                first, login, f"accounts/{login['account']}" if login["role"] != "recorder" else "new-area/xixian"
            )
            assert httpx.post(
                f"{first['url']}/login", data={"account": login["account"], "password": login["password"]}
            ).status_code in {200, 204, 303}
        history = _history(first)
        assert embedded.run("key", "add", "--account", "abc", "--office", "new-area").code == 0
        assert _servers_of(embedded.directory)
    assert not _servers_of(embedded.directory)

    with bare.serving("demo") as second:
        assert _history(second) == history
        keys = {login["key"] for login in second["logins"]}
        head = bare.head()
    with bare.serving("demo") as again:
        assert not keys & {login["key"] for login in again["logins"]}
        assert bare.head() == head + len(again["logins"])


def test_every_invented_entry_says_so_and_was_admitted(bare: Any) -> None:
    with bare.serving("demo") as served:
        history = _history(served)
        recorder = served["logins"][1]
        counted = httpx.post(
            f"{served['url']}/api/v1/communities/610112002001/events",
            headers={"Authorization": f"Bearer {recorder['key']}"},
            json={"type": "HouseholdsCounted", "effective_on": "2022-06-30", "data": {"households": 905}},
        )
        assert counted.status_code == 201
        inspector = served["logins"][0]
        cases = _get(served, inspector, "conversion-cases?limit=500")["data"]
    invented = [entry for entry in history if entry["recorded_by"]["account"] != "system"]
    assert all(entry["note"] == "演示数据" or entry["causation_id"] is not None for entry in invented)
    assert {"EventCorrected", "EventRetracted", "FundsReturned", "CommunitySplit"} <= {one["type"] for one in invented}
    assert {case["status"] for case in cases} == {
        "proposed", "assented", "returned", "passed", "approved", "completed", "refused", "declined", "withdrawn",
    }  # fmt: skip


def test_nothing_invented_is_recorded_in_a_real_ledger(home: Any) -> None:
    head = home.head()
    run = home.run("demo", "--port", 0, "--json")
    assert (run.code, run.answer["error"], home.head()) == (1, "not-a-demo", head)


def _history(served: dict[str, Any]) -> list[dict[str, Any]]:
    """What the log says, but for keys and for what differs from one run to the next."""
    entries: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        answer = _get(served, served["logins"][0], f"log/entries?after={after}&limit=500")
        entries += answer["data"]
        after = answer["next"]
    return [
        {name: value for name, value in entry.items() if name not in OWN}
        for entry in entries
        if entry["type"] not in {"KeyIssued", "LedgerOpened"}
    ]


def _get(served: dict[str, Any], login: dict[str, str], path: str) -> Any:
    answer = httpx.get(f"{served['url']}/api/v1/{path}", headers={"Authorization": f"Bearer {login['key']}"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def _servers_of(directory: Path) -> list[psutil.Process]:
    """The PostgreSQL processes that work in the directory."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter(["name", "cwd"]):
        name, cwd = process.info["name"], process.info["cwd"]
        if name.startswith("postgres") and cwd and Path(cwd).is_relative_to(directory):
            found.append(process)
    return found
