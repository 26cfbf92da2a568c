"""A real PostgreSQL for every test that asks for one: a server a session, a migrated database a test."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from psycopg import sql

from domain.entry import Entry
from domain.log import Draft
from domain.records import VOCABULARY
from infrastructure.postgres.database import Database, create
from infrastructure.postgres.embedded import EmbeddedServer
from infrastructure.postgres.migrating import migrate

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
