"""Where a person's name may be found before an erasure, and that it is found nowhere afterwards."""

from __future__ import annotations

import json
import queue
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.administration import found, issue_key, record_as_system
from api.composition import Taizhang, running
from application.rights import Reader
from domain.ledger import PersonErased
from infrastructure.keys.key_ring import KeyRing
from infrastructure.postgres.database import Database

COMMUNITY = "communities/610112002001"
HAN = [chr(code) for code in range(0x4E00, 0x9FA5)]
ADDRESSES = (
    COMMUNITY,
    f"{COMMUNITY}/events",
    f"{COMMUNITY}/diff?from_known_at=10&from_on=2019-12-31",
    "communities?q={name}",
    "communities?limit=500",
    "accounts?limit=500",
    "accounts/administrator",
    "ledger/ledger",
    "ledger/ledger/events",
    "assessments?year=2020",
    "findings?year=2020&limit=500",
    "reports/assessment?year=2020&format=json",
    "reports/assessment?year=2020&format=csv",
)

PAGES = ("/", f"/{COMMUNITY}", "/communities", "/accounts", "/log", "/search?q={name}", "/audit", "/ledger/ledger")

Clients = Callable[..., httpx.Client]
Lines = queue.Queue[dict[str, Any]]


class Traces:
    """Looks for a name wherever it could have got to."""

    def __init__(self, ledger: Taizhang, inspector: httpx.Client, lines: Lines, name: str) -> None:
        self._ledger, self._inspector, self._lines = ledger, inspector, lines
        self._said = ""
        self.name = name

    def on_disk(self) -> list[Path]:
        """The files that have the name: database, write-ahead log, server's log, keys."""
        with self._ledger.database.connect(None) as connection:
            connection.execute("CHECKPOINT")
        server = self._ledger.database.server
        assert server is not None
        forms = [self.name.encode(form) for form in ("utf-8", "utf-16-le", "gb18030", "unicode_escape")]
        return [
            path
            for folder in (server.directory, self._ledger.directory)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and any(form in read(path) for form in forms)
        ]

    def in_log_lines(self) -> bool:
        """Whether the service has said it of itself."""
        while not self._lines.empty():
            self._said += json.dumps(self._lines.get(), ensure_ascii=False)
        return self.name in self._said

    def in_answers(self) -> dict[str, list[Any]]:
        """Every person's name that answers give for the id, by address."""
        with self._ledger.database.connect("reader") as connection:
            last = connection.execute("select max(position) from ledger.log").fetchone()
        entries = [f"log/entries?after={after}&limit=500" for after in range(0, last[0] if last else 0, 500)]
        return {address: self._names(address) for address in (*ADDRESSES, *PAGES, *entries)}

    def _names(self, address: str) -> list[Any]:
        asked = address.format(name=self.name)
        answer = self._inspector.get(asked if asked.startswith("/") else f"/api/v1/{asked}")
        assert answer.status_code in {200, 409}, (address, answer.text)
        assert "sealed1." not in answer.text
        echoed = asked.count(self.name) and answer.headers["content-type"].startswith("text/html")
        return [] if echoed else [self.name] * answer.text.count(self.name)


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # the server has done with it
        return b""


@pytest.fixture
def name() -> str:
    return "".join(secrets.choice(HAN) for _ in range(8))


@pytest.fixture
def traces(ledger: Taizhang, inspector: httpx.Client, log_lines: Lines, name: str) -> Traces:
    return Traces(ledger, inspector, log_lines, name)


@pytest.fixture
def person(name: str) -> dict[str, str]:
    return {"id": f"p-{secrets.token_hex(6)}", "name": name}


def filled(person: dict[str, str], role: str = "deputy") -> dict[str, Any]:
    data = {"person": person, "body": "party", "role": role}
    return {"type": "PostFilled", "effective_on": "2020-01-01", "data": data}


def test_before_an_erasure_a_name_is_in_answers_alone_and_after_it_nowhere(
    ledger: Taizhang, clients: Clients, township: httpx.Client, traces: Traces, person: dict[str, str]
) -> None:
    events = f"/api/v1/{COMMUNITY}/events"
    again = {"Idempotency-Key": secrets.token_hex(8)}
    recorded = township.post(events, json=filled(person), headers=again).json()
    account = {"person": person, "office": "new-area", "roles": ["recorder", "inspectorate"]}
    administrator = clients("administrator")
    opened = {"type": "AccountOpened", "effective_on": "2020-01-01", "data": account}
    assert administrator.post(f"/api/v1/accounts/{person['id']}/events", json=opened).status_code == 201
    known_at = {"known_at": str(ledger.log.head()[0]), "on": "2021-01-01"}
    before = traces.in_answers()
    assert {address for address, names in before.items() if names} >= {
        COMMUNITY, f"{COMMUNITY}/events", "communities?limit=500", "accounts?limit=500", f"/{COMMUNITY}",
    }  # fmt: skip
    assert not before["communities?q={name}"]
    assert traces.on_disk() == []
    assert not traces.in_log_lines()
    assert (ledger.directory / "vault" / person["id"]).stat().st_size

    erased = {"type": "PersonErased", "effective_on": "2020-02-01", "data": {"person": person["id"], "reasons": "申请"}}
    entry = administrator.post("/api/v1/ledger/ledger/events", json=erased).json()
    assert "密钥已销毁" in entry["receipt"]["destroyed"]
    assert any("此前披露给他人" in one for one in entry["receipt"]["not_reached"])
    assert traces.name not in json.dumps(entry, ensure_ascii=False)
    assert entry["receipt"]["destroyed"] in administrator.get(f"/log/{entry['position']}").text

    nobody = {"id": person["id"], "name": None, "erased": True}
    assert not any(traces.in_answers().values())
    for answer in (
        township.post(events, json=filled(person), headers=again),
        township.get(f"/api/v1/log/entries/{recorded['position']}", params=known_at),
    ):
        shown = answer.json().get("data", {})
        assert shown.get("data", shown)["person"] == nobody
    refused = township.post(events, json=filled(person, "member"))
    assert refused.json()["code"] == "person-erased"
    assert traces.name not in refused.text
    assert traces.on_disk() == []
    assert not traces.in_log_lines()
    assert (ledger.directory / "vault" / person["id"]).read_bytes() == b""
    stored = ledger.log.at(recorded["position"])
    assert stored is not None
    assert stored.leaf_hash.hex() == recorded["leaf_hash"]


def test_an_account_whose_person_was_erased_goes_on_without_a_name(
    ledger: Taizhang, clients: Clients, url: str, name: str
) -> None:
    administrator = clients("administrator")
    account = f"a-{secrets.token_hex(6)}"
    data = {"person": {"id": account, "name": name}, "office": "township:610112002", "roles": ["recorder"]}
    opened = {"type": "AccountOpened", "effective_on": "2019-12-10", "data": data}
    assert administrator.post(f"/api/v1/accounts/{account}/events", json=opened).status_code == 201
    key = issue_key(ledger, account, "township:610112002", None, [])
    own = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30)
    counted = {"type": "HouseholdsCounted", "effective_on": "2020-06-30", "data": {"households": 1180}}
    events = f"/api/v1/{COMMUNITY}/events"
    assert own.post(events, json=counted).json()["recorded_by"]["name"] == name
    erased = {"type": "PersonErased", "effective_on": "2020-02-01", "data": {"person": account, "reasons": "申请"}}
    assert administrator.post("/api/v1/ledger/ledger/events", json=erased).status_code == 201
    later = own.post(events, json=counted | {"effective_on": "2020-07-30"})
    by = later.json()["recorded_by"]
    assert (by["person"], by["name"], by["erased"]) == (account, None, True)
    own.close()


def test_an_older_copy_of_the_vault_brings_no_erased_person_back(database: Database, tmp_path: Path) -> None:
    ring = KeyRing.create(tmp_path, "taizhang.test/vault")
    vault = tmp_path / "vault"
    with running(tmp_path, database, ring, follow=False) as ledger:
        found(ledger)
        assert entry_name(ledger, 3) == "台账管理员"
        shutil.copytree(vault, tmp_path / "copy")
        erased = PersonErased(person="administrator", reasons="申请")
        record_as_system(ledger.recorder, [("ledger/ledger", erased)])
        assert entry_name(ledger, 3) is None
    shutil.rmtree(vault)
    shutil.copytree(tmp_path / "copy", vault)
    with running(tmp_path, database, ring, follow=False) as ledger:
        assert entry_name(ledger, 3) is None
    assert (vault / "administrator").read_bytes() == b""


def entry_name(ledger: Taizhang, position: int) -> Any:
    return ledger.asking.entry(Reader("inspector", everything=True), position)["data"]["person"]["name"]  # type: ignore[index, call-overload]
