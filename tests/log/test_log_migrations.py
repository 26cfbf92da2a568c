"""Migrations run once, in order, whole, whoever runs them; what was applied is what we have."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql

from domain.log import Draft
from infrastructure.postgres import migrating
from infrastructure.postgres.database import Database
from infrastructure.postgres.embedded import EmbeddedServer
from infrastructure.postgres.migrating import MigrationRefused, migrate, migrations
from infrastructure.postgres.recorder import LogRecorder

_numbers = itertools.count(1)


@pytest.fixture
def absent(server: EmbeddedServer) -> Iterator[Database]:
    database = Database.embedded(server, f"absent_{next(_numbers)}")
    yield database
    with database.connect(None, dbname="postgres") as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database.name)))


def test_many_at_once_apply_each_once(absent: Database) -> None:
    with ThreadPoolExecutor(6) as pool:
        applied = list(pool.map(lambda _: migrate(absent), range(6)))
    assert sorted(applied, key=len)[:-1] == [[]] * 5
    assert max(applied, key=len) == list(migrations())


def test_a_failing_migration_leaves_nothing_of_itself(absent: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = migrations()
    broken = ours | {"9999_broken.sql": b"CREATE TABLE public.half (); SELECT 1 / 0"}
    monkeypatch.setattr(migrating, "migrations", lambda: broken)
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(absent)
    with absent.connect(None) as connection:
        assert connection.execute("SELECT to_regclass('public.half')").fetchone() == (None,)
    monkeypatch.setattr(migrating, "migrations", lambda: ours | {"9999_mended.sql": b"CREATE TABLE public.whole ()"})
    assert migrate(absent) == ["9999_mended.sql"]


def test_what_was_applied_must_be_what_we_have(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = migrations()
    first = min(ours)
    for others, why in (
        (ours | {first: ours[first] + b"\n"}, "has changed"),
        ({name: text for name, text in ours.items() if name != first}, "unknown"),
        ({"0000_before.sql": b"", **ours}, "would come before"),
    ):
        monkeypatch.setattr(migrating, "migrations", lambda others=others: others)
        with pytest.raises(MigrationRefused, match=why):
            migrate(database)


def test_by_url_a_user_without_superuser_rights_makes_the_same_log(
    server: EmbeddedServer, absent: Database, draft: Callable[..., Draft]
) -> None:
    """As on a managed server: it may create roles, and owns its database; only the event triggers are missing."""
    with absent.connect(None, dbname="postgres") as connection:
        connection.execute("DROP ROLE IF EXISTS managed; CREATE ROLE managed LOGIN CREATEROLE CREATEDB")
        for role in ("owner", "writer", "projector", "reader", "sealer"):
            connection.execute(
                sql.SQL("GRANT {} TO managed WITH ADMIN OPTION").format(sql.Identifier(f"taizhang_{role}"))
            )
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER managed").format(sql.Identifier(absent.name)))
    database = Database.at(f"postgresql://managed@/{absent.name}?host={server.sockets}")
    assert migrate(database) == list(migrations())
    assert migrate(database) == []
    recorder = LogRecorder(database)
    assert recorder.append([draft("r/1")], expected=0)[0].position == 1
    assert recorder.reader.head()[0] == 1
    recorder.close()
    with database.connect("writer") as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("taizhang_writer",)
        for statement in (b"DELETE FROM ledger.log", b"DROP TABLE ledger.log"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
    with (
        database.connect("owner") as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="only grows"),
    ):
        connection.execute("DELETE FROM ledger.log")
    with absent.connect(None, dbname="postgres") as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(absent.name)))
        connection.execute("DROP ROLE managed")
