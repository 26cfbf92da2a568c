"""The demonstration: one command from nothing to a server that answers, the same history each time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from api import demo

OWN = ("recorded_at", "correlation_id", "leaf_hash")


@pytest.fixture(scope="module")
def served(home_in: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The demonstration on an embedded database, and its history."""
    home = home_in(tmp_path_factory.mktemp("demo") / "ledger")
    with home.serving("demo") as served:
        assert [*served] == ["url", "logins", "verifier_key"]
        yield served | {"history": _history(served)}
        assert _servers_of(home.directory)
    assert not _servers_of(home.directory)


def test_every_visitor_gets_in(served: dict[str, Any]) -> None:
    assert [login["role"] for login in served["logins"]] == ["inspector", "recorder", "arbiter"]
    for login in served["logins"]:
        assert [*login] == ["role", "account", "password", "key"]
        assert _get(served, login, "communities?township=610112002&limit=500")["data"]
        named = {"account": login["account"], "password": login["password"]}
        assert httpx.post(f"{served['url']}/login", data=named).status_code == 303


def test_what_is_invented_says_so_and_shows_every_way_that_a_case_can_go(served: dict[str, Any]) -> None:
    invented = [entry for entry in served["history"] if entry["recorded_by"]["account"] != "system"]
    assert all(entry["note"] == "演示数据" or entry["causation_id"] is not None for entry in invented)
    assert {"EventCorrected", "EventRetracted", "FundsReturned", "CommunitySplit"} <= {one["type"] for one in invented}
    cases = _get(served, served["logins"][0], "conversion-cases?limit=500")["data"]
    assert {case["status"] for case in cases} == {
        "proposed", "assented", "returned", "passed", "approved", "completed", "refused", "declined", "withdrawn",
    }  # fmt: skip


OFFICIAL = {
    "fengdong": [("AssessmentOpened", "100.00"), ("DeductionImposed", "99.00"), ("DeductionImposed", "98.00"),
                 ("DeductionRevoked", "99.00")],
    "fengxi": [("AssessmentOpened", "100.00"), ("DeductionImposed", "99.00"), ("DeductionRevised", "99.60")],
    "qinhan": [("AssessmentOpened", "100.00"), ("DeductionImposed", "99.00")],
    "konggang": [("AssessmentOpened", "100.00"), ("DeductionImposed", "97.00")],
    "jinghe": [("AssessmentOpened", "100.00"), ("DeductionImposed", "95.00"), ("DeductionRevised", "97.00")],
}  # fmt: skip
"""By hand: what moves each New City's official score of 2020, in order, and what it is from there on."""
DISPUTES = {
    "2021-01": ("ruled", "upheld", "1.00"), "2021-02": ("ruled", "revoked", "0.00"),
    "2021-03": ("ruled", "reduced", "0.40"), "2021-04": ("declined", None, "1.00"),
    "2021-05": ("accepted", None, "3.00"), "2021-06": ("review", "reduced", "3.00"),
}  # fmt: skip
"""By hand: how each dispute stands, what was ruled, and what its deduction takes."""


def test_the_official_score_is_right_at_every_position_of_the_disputes(served: dict[str, Any]) -> None:
    login = served["logins"][0]
    moves: dict[int, tuple[str, str]] = {}
    for new_city, expected in OFFICIAL.items():
        events = _get(served, login, f"assessments/2020-{new_city}/events?limit=500")["data"]
        moving = [one for one in events if one["type"] in {event for event, _ in expected}]
        assert [one["type"] for one in moving] == [event for event, _ in expected]
        moves |= {one["position"]: (new_city, score) for one, (_, score) in zip(moving, expected, strict=True)}
    standing: dict[str, str] = {}
    last = max(one["position"] for one in served["history"])
    whole = {one["position"]: one["causation_id"] for one in served["history"]}
    for position in range(min(moves), last + 1):
        standing |= [moves[position]] if position in moves else []
        if whole.get(position + 1) is not None:
            continue  # inside a transaction, nobody sees a cause without what it brings about
        board = _get(served, login, f"assessments?year=2020&known_at={position}")["data"]
        official = {one["new_city"]: one["official"] for one in board if one["official"] is not None}
        assert official == standing, position


def test_disputes_of_every_kind_are_there(served: dict[str, Any]) -> None:
    login, found = served["logins"][0], {}
    for one in _get(served, login, "disputes")["data"]:
        deductions = _get(served, login, f"assessments/{one['assessment']}")["data"]["record"]["deductions"]
        (points,) = (each["points"] for each in deductions if each["deduction"] == one["deduction"])
        ruling = one["steps"].get("RulingIssued", {})
        found[one["id"]] = (one["status"], ruling.get("outcome"), points)
    assert found == DISPUTES
    late = _get(served, login, "disputes/2021-03")["data"]
    assert {one["known_at_decision"] for one in late["evidence"]} == {False}


def test_the_history_is_the_same_each_time_and_recorded_once(served: dict[str, Any], bare: Any) -> None:
    with bare.serving("demo") as second:
        assert _history(second) == served["history"]
        head = bare.head()
    with bare.serving("demo") as again:
        assert not {one["key"] for one in second["logins"]} & {one["key"] for one in again["logins"]}
        assert bare.head() == head + len(again["logins"])


def test_a_demonstration_of_another_version_is_left_as_it_is(bare: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as version:
        version.setenv("TAIZHANG_DATABASE_URL", bare.database.conninfo)
        opening = {"person": {"id": "na-office", "name": "某某"}, "office": "new-area", "roles": ["recorder"]}
        account = {"type": "AccountOpened", "effective_on": "2019-12-10", "data": opening}
        version.setattr(demo, "_lines", lambda: [("administrator", "accounts/na-office", account)])
        with demo.opened_in(bare.directory) as ledger:
            demo.record(ledger)
    head = bare.head()
    run = bare.run("demo", "--port", 0, "--json")
    assert (run.code, run.answer["error"], bare.head()) == (1, "other-history", head)
    assert "--data" in run.answer["detail"]


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
        | {"data": {name: value for name, value in entry["data"].items() if name != "root_hash"}}
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
