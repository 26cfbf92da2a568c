"""Versions of the schema: SQL files, applied in order, each once, whole, and under a lock."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import Final

from infrastructure.postgres.database import Connection, Database, create, grant

LOCK: Final = 0x7461697A68616E67
"""The advisory lock of migrations: `taizhang` in ASCII."""


class MigrationRefused(RuntimeError):  # noqa: N818  # says what happened
    """The database holds a migration that differs from ours, or one that we don't have."""


def migrations() -> dict[str, bytes]:
    """Return the migrations in their order, by name."""
    files = resources.files("infrastructure.postgres").joinpath("migrations")
    found = {file.name: file.read_bytes() for file in files.iterdir() if file.name.endswith(".sql")}
    return dict(sorted(found.items()))


def migrate(database: Database) -> list[str]:
    """Bring the database to our version, creating it where it is embedded and absent.

    Safe to run from several processes at once: one does the work, the others find it done.

    Returns:
        The names of the migrations applied now.

    Raises:
        MigrationRefused: What was applied before is not what we have.
        psycopg.OperationalError: The server does not answer.
    """
    if database.server is not None:
        create(database)
    with database.connect(None) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        return _apply(connection, migrations())


def _apply(connection: Connection, ours: dict[str, bytes]) -> list[str]:
    connection.execute(
        "CREATE SCHEMA IF NOT EXISTS migrations;"
        " CREATE TABLE IF NOT EXISTS migrations.applied ("
        ' name text COLLATE "C" PRIMARY KEY, sha256 bytea NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())'
    )
    rows = connection.execute("SELECT name, sha256 FROM migrations.applied ORDER BY name").fetchall()
    applied: dict[str, bytes] = {row[0]: row[1] for row in rows}
    for name, digest in applied.items():
        if name not in ours:
            raise MigrationRefused(f"{name} has been applied, and is unknown here: a newer version's database")
        if hashlib.sha256(ours[name]).digest() != digest:
            raise MigrationRefused(f"{name} has been applied, and has changed since")
    pending = [name for name in ours if name not in applied]
    if pending and applied and pending[0] < max(applied):
        raise MigrationRefused(f"{pending[0]} would come before {max(applied)}, which has been applied")
    for name in pending:
        with connection.transaction():
            connection.execute("SET LOCAL taizhang.migrating = 'on'")
            connection.execute(ours[name])
            connection.execute("RESET ROLE")
            if name == min(ours):
                grant(connection)
            connection.execute(
                "INSERT INTO migrations.applied (name, sha256) VALUES (%s, %s)",
                [name, hashlib.sha256(ours[name]).digest()],
            )
    return pending
