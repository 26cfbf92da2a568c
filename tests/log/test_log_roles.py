"""The application's roles append and read, the log only grows, and it changes its shape by a migration alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest

from domain.log import Draft
from infrastructure.postgres.database import Database, Role
from infrastructure.postgres.recorder import LogRecorder

ROW = "(position, record, version, name, recorded_at, closes, entry) VALUES (99, 'r', 1, 'x', now(), true, '')"
STATEMENTS = [
    f"INSERT INTO ledger.log {ROW}",
    "UPDATE ledger.log SET name = 'x'",
    "DELETE FROM ledger.log",
    "TRUNCATE ledger.log",
    "DROP TABLE ledger.log CASCADE",
    "ALTER TABLE ledger.log DISABLE TRIGGER ALL",
    "INSERT INTO ledger.refs VALUES ('t', 's', 1)",
    "DELETE FROM ledger.refs",
    "BEGIN; LOCK TABLE ledger.turn",
    "SELECT * FROM ledger.log FOR UPDATE",
    "CREATE TABLE ledger.mine ()",
    "CREATE TABLE public.mine ()",
    "DROP FUNCTION ledger.append",
    "SET ROLE taizhang_owner",
    "SET session_replication_role = replica",
]
GROWS = [
    "UPDATE ledger.log SET name = 'x'",
    "UPDATE ledger.log SET name = 'x' WHERE false",
    "DELETE FROM ledger.log",
    "TRUNCATE ledger.log",
    "TRUNCATE ledger.refs",
    "UPDATE ledger.refs SET target = 'x'",
    "DELETE FROM ledger.refs",
]
SHAPE = [
    "DROP TABLE ledger.log CASCADE",
    "DROP SCHEMA ledger CASCADE",
    "DROP OWNED BY taizhang_owner",
    "DROP TRIGGER only_grows ON ledger.log",
    "DROP FUNCTION ledger.append",
    "DROP INDEX ledger.log_recorded_at",
    "DROP VIEW ledger.head",
    "ALTER TABLE ledger.log DISABLE TRIGGER only_grows",
    "ALTER TABLE ledger.log DISABLE TRIGGER ALL",
    "ALTER TABLE ledger.log RENAME TO old",
    "ALTER TABLE ledger.log SET SCHEMA public",
    "ALTER TABLE ledger.log DROP COLUMN leaf_hash",
    "ALTER TABLE ledger.log ADD COLUMN note text",
    "ALTER TABLE ledger.log ALTER COLUMN version TYPE bigint",
    "ALTER SCHEMA ledger RENAME TO old",
    "ALTER FUNCTION ledger.append SET synchronous_commit = off",
    "CREATE OR REPLACE FUNCTION ledger.whole(\"position\" bigint) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
    "CREATE TRIGGER sly BEFORE INSERT ON ledger.log EXECUTE FUNCTION ledger.refuse()",
    "CREATE RULE sly AS ON INSERT TO ledger.log DO INSTEAD NOTHING",
]


@pytest.fixture
def one_entry(database: Database, draft: Callable[..., Draft]) -> Iterator[Database]:
    recorder = LogRecorder(database)
    recorder.append([draft("r/1", refers_to=("t",))], expected=0)
    yield database
    assert recorder.reader.head()[0] == 1
    assert recorder.reader.referring("t", 2) == ["r/1"]
    assert recorder.append([draft("r/2")], expected=1)[0].position == 2
    recorder.close()


@pytest.mark.parametrize("role", ["writer", "projector", "reader"])
def test_a_role_can_do_nothing_to_the_log_but_what_it_is_for(one_entry: Database, role: Role) -> None:
    for statement in STATEMENTS:
        with one_entry.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())
    with one_entry.connect(role) as connection:
        assert connection.execute("SELECT count(*) FROM ledger.log, ledger.refs, ledger.head").fetchone() == (1,)
        assert connection.execute("SELECT ledger.whole(1), ledger.resolve('2000-01-01')").fetchone() == (1, 0)


@pytest.mark.parametrize("role", ["projector", "reader"])
def test_the_writer_alone_appends(one_entry: Database, role: Role) -> None:
    with one_entry.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(
            "SELECT * FROM ledger.append(1, '{r}', '{1}', '{x}', '{x}', '{x}', '{null}', '{t}', '{null}', '{}', '{}')"
        )


@pytest.mark.parametrize("role", ["owner", None])
def test_the_log_only_grows_for_its_owner_and_a_careless_superuser_too(one_entry: Database, role: Role | None) -> None:
    for prelude in ("", "SET session_replication_role = replica;" if role is None else ""):
        for statement in GROWS:
            with (
                one_entry.connect(role) as connection,
                pytest.raises(psycopg.errors.InsufficientPrivilege, match="only grows"),
            ):
                connection.execute((prelude + statement).encode())


@pytest.mark.parametrize("role", ["owner", None])
def test_the_ledger_changes_its_shape_by_a_migration_only(one_entry: Database, role: Role | None) -> None:
    for statement in SHAPE:
        with (
            one_entry.connect(role) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege, match=r"by a migration only|permission denied"),
        ):
            connection.execute(statement.encode())
    with one_entry.connect(None) as connection, connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL taizhang.migrating = 'on'; ALTER TABLE ledger.log ADD COLUMN note text")


def test_the_projector_builds_views_beside_the_live_ones_and_readers_see_them(database: Database) -> None:
    with database.connect("projector") as projector, database.connect("reader") as reader:
        projector.execute("CREATE TABLE views.villages (id text); INSERT INTO views.villages VALUES ('old')")
        projector.execute("CREATE SCHEMA rebuilt; CREATE TABLE rebuilt.villages (id text)")
        projector.execute("INSERT INTO rebuilt.villages VALUES ('new')")
        assert reader.execute("SELECT id FROM views.villages").fetchone() == ("old",)
        with projector.transaction():
            projector.execute("ALTER SCHEMA views RENAME TO replaced; ALTER SCHEMA rebuilt RENAME TO views")
        assert reader.execute("SELECT id FROM views.villages").fetchone() == ("new",)
        projector.execute("DROP SCHEMA replaced CASCADE")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("DELETE FROM views.villages")


def test_nobody_else_gets_in(database: Database) -> None:
    with database.connect(None) as administration:
        administration.execute("DROP ROLE IF EXISTS stranger; CREATE ROLE stranger LOGIN")
    try:
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            database.connect(None, user="stranger")
    finally:
        with database.connect(None) as administration:
            administration.execute("DROP ROLE stranger")
