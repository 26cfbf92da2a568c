"""A real PostgreSQL for every test that asks for one: a server a session, a migrated database a test."""

from __future__ import annotations

import itertools
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from psycopg import sql

from domain.entry import Entry
from domain.log import Draft
from domain.records import VOCABULARY
from infrastructure.postgres.database import Database, create
from infrastructure.postgres.embedded import EmbeddedServer
from infrastructure.postgres.migrating import migrate

if TYPE_CHECKING:
    from api.composition import Taizhang

TEMPLATE = "migrated"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path_factory.mktemp("postgresql")) as running:
        yield running


@pytest.fixture(scope="session")
def template(server: EmbeddedServer) -> str:
    migrate(Database.embedded(server, TEMPLATE))
    return TEMPLATE


@pytest.fixture
def database(server: EmbeddedServer, template: str) -> Iterator[Database]:
    fresh = Database.embedded(server, f"test_{next(_numbers)}")
    create(fresh, template=template)
    yield fresh
    with fresh.connect(None, dbname="postgres") as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(fresh.name)))


@pytest.fixture(scope="session")
def serving() -> Callable[[Taizhang], AbstractContextManager[str]]:
    """Serves a ledger from a thread for the length of a block, and gives its address."""
    from api.http.application import create_app  # noqa: PLC0415  # few tests need what takes so long to load
    from api.http.serve import Server  # noqa: PLC0415  # the same

    @contextmanager
    def served(ledger: Taizhang) -> Iterator[str]:
        listening = threading.Event()
        server = Server(create_app(ledger), listening.set)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            thread = threading.Thread(target=partial(server.run, sockets=[taken]), daemon=True)
            thread.start()
            assert listening.wait(30)
            try:
                yield f"http://127.0.0.1:{taken.getsockname()[1]}"
            finally:
                server.should_exit = True
                thread.join(30)

    return served


@pytest.fixture(scope="session")
def draft() -> Callable[..., Draft]:
    """Drafts for tests of the log, which knows nothing of what entries say."""

    def drafted(record: str, version: int = 1, **changes: object) -> Draft:
        header = f'"entry":"{uuid4()}","record":"{record}","version":{version},"name":"Tested/1"'
        return Draft(record, version, "Tested/1", header, b'{"effective_on":"2020-01-01"}')._replace(**changes)

    return drafted


@pytest.fixture(scope="session")
def entry_of() -> Callable[..., Entry]:
    """Entries for tests of what is said, which need no bytes."""

    def entry(  # noqa: PLR0917  # what an entry's place and day are made of
        position: int,
        record: str,
        version: int,
        day: str,
        event: str,
        data: dict[str, object],
        person: str = "recorder",
        causation: int | None = None,
    ) -> Entry:
        fact = VOCABULARY.fact(record.partition("/")[0], event)
        assert fact is not None, event
        body = json.dumps({"effective_on": day, "data": data})
        content = VOCABULARY.content(record.partition("/")[0], fact.stored_as).model_validate_json(body)
        return Entry(position, record, version, person, causation, content)

    return entry
