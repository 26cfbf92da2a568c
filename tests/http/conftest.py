"""A small New Area behind a real server, asked over a real socket."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest
import structlog

from api.administration import found, issue_key
from api.composition import Taizhang, running
from infrastructure.keys.key_ring import KeyRing
from infrastructure.postgres.database import Database, create
from infrastructure.postgres.embedded import EmbeddedServer

ACCOUNTS: dict[str, tuple[str, str | None, str]] = {
    "new-city": ("new-city:fengdong", None, "recorder"),
    "township": ("township:610112002", None, "recorder"),
    "community": ("community:610112002001", None, "recorder"),
    "new-area": ("new-area", None, "recorder"),
    "inspector": ("new-area", None, "inspector"),
    "inspectorate": ("new-area", None, "inspectorate"),
    "other-city": ("new-city:fengxi", None, "recorder"),
}

Clients = Callable[..., httpx.Client]
Serving = Callable[[Taizhang], AbstractContextManager[str]]


def event(kind: str, on: str = "2020-06-30", /, **data: object) -> dict[str, Any]:
    return {"type": kind, "effective_on": on, "data": data}


def established(**changes: object) -> dict[str, Any]:
    data: dict[str, object] = {
        "name": "三桥火车站社区",
        "origin": "existing",
        "township_code": "610112002",
        "township": "三桥街道",
        "new_city": "fengdong",
    }
    return event("CommunityEstablished", "2019-12-10", **data | changes)


@pytest.fixture(scope="module")
def ledger(
    request: pytest.FixtureRequest, server: EmbeddedServer, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Taizhang]:
    """A ledger of the file's own: what other files record in theirs is nothing to it."""
    base = Database.embedded(server, request.path.stem)
    create(base, template=template)
    directory = tmp_path_factory.mktemp("ledger")
    with running(directory, base, KeyRing.create(directory, "taizhang.test/http"), follow=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def keys(ledger: Taizhang) -> dict[str, str]:
    """An API key of each account."""
    issued = {"administrator": found(ledger)}
    for account, (office, bureau, role) in ACCOUNTS.items():
        issued[account] = issue_key(ledger, account, office, bureau, [role])
    return issued


@pytest.fixture(scope="module")
def url(ledger: Taizhang, keys: dict[str, str], serving: Serving) -> Iterator[str]:
    with serving(ledger) as address:
        with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {keys['administrator']}"}) as client:
            opening = [
                ("new-cities/fengdong", event("NewCityRegistered", "2019-12-10", name="沣东新城", kind="new-city")),
                ("new-cities/fengxi", event("NewCityRegistered", "2019-12-10", name="沣西新城", kind="new-city")),
                ("communities/610112002001", established()),
                ("communities/610112002002", established(name="天台社区")),
                (
                    "communities/610112003001",
                    established(name="钓台社区", township_code="610112003", new_city="fengxi"),
                ),
                (
                    "villages/610112002201",
                    event(
                        "VillageRegistered", "2019-12-10", name="天台村", township_code="610112002",
                        township="三桥街道", new_city="fengdong",
                    ),
                ),
            ]  # fmt: skip
            entries = [{"record": record, **one} for record, one in opening]
            assert client.post("/api/v1/batches", json={"entries": entries}).status_code == 201
        assert ledger.views.wait(ledger.log.head()[0], 30)  # they tell what a township may read
        yield address


@pytest.fixture(scope="module")
def clients(url: str, keys: dict[str, str]) -> Iterator[Clients]:
    """Makes clients, by the name of the account whose key they send; without a name they send none."""
    made: list[httpx.Client] = []

    def client(account: str | None = None, **headers: str) -> httpx.Client:
        sent = headers if account is None else {"Authorization": f"Bearer {keys[account]}", **headers}
        made.append(httpx.Client(base_url=url, headers=sent, timeout=30))
        return made[-1]

    yield client
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def township(clients: Clients) -> httpx.Client:
    return clients("township")


@pytest.fixture(scope="module")
def inspector(clients: Clients) -> httpx.Client:
    return clients("inspector")


@pytest.fixture(scope="module")
def nobody(clients: Clients) -> httpx.Client:
    """Sends no credentials."""
    return clients()


@pytest.fixture(scope="module")
def counted() -> Callable[..., dict[str, Any]]:
    """The body that records a count of households."""
    return lambda households=1180, on="2020-06-30", **more: event("HouseholdsCounted", on, households=households) | more


@pytest.fixture
def head(ledger: Taizhang) -> Callable[[], int]:
    """The log's last position."""
    return lambda: ledger.log.head()[0]


@pytest.fixture
def nothing_recorded(head: Callable[[], int]) -> Iterator[None]:
    """The log is as long after the test as before."""
    before = head()
    yield
    assert head() == before


@pytest.fixture
def log_lines() -> Iterator[queue.Queue[dict[str, Any]]]:
    """What the server says of itself, line by line."""
    lines: queue.Queue[dict[str, Any]] = queue.Queue()

    def keep(_logger: object, _method: str, said: MutableMapping[str, Any]) -> str:
        lines.put(dict(said))
        return ""

    before = structlog.get_config()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, keep])
    yield lines
    structlog.configure(**before)
