"""Backups: the database's tables as they stood at one moment, in one file, and back into an empty database.

The file is a ZIP with a table each, as COPY writes it, and a manifest with their digests and the root of the tree over
the log. No key is in it, neither those that sign nor those of persons: an erased name doesn't come back with it.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import sql

from domain.tlog.tree import Frontier
from infrastructure.postgres.database import Connection, Database
from infrastructure.postgres.migrating import migrations

FORMAT: Final = "taizhang-backup/1"
MANIFEST: Final = "manifest.json"
TABLES: Final = (
    "ledger.log",
    "ledger.refs",
    "attachments.files",
    "tree.tiles",
    "tree.checkpoints",
    "tree.cosignatures",
    "access.passwords",
    "access.subjects",
    "access.reads",
)
"""In the order in which they are written back. Sessions end with their database; views follow the log."""
MANIFEST_LIMIT: Final = 1 << 20
"""Bytes of a manifest at most."""
_AT_ONCE: Final = 1 << 20
_LEAVES_AT_ONCE: Final = 20_000


class Unrestorable(Exception):  # noqa: N818  # says what the file is
    """The file is no backup, was altered, or is not for this database."""


class Backup(NamedTuple):
    """What a backup holds."""

    position: int
    """The last entry of its log."""
    root_hash: str
    """Of the tree over it (RFC 6962), in hex."""
    origin: str
    keys: tuple[str, ...]
    """The verifier keys that it declares, the last one last."""


Told = Callable[[int, int], None]
"""Is told of how many bytes were written or read, and of how many there are about."""


def write(database: Database, path: Path, progress: Told) -> Backup:
    """Write a backup, durably, whole or not at all; recording goes on meanwhile.

    Raises:
        FileExistsError: There is such a file; it is left as it is.
    """
    if path.exists():
        raise FileExistsError(17, "there is such a file already", str(path))
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with database.connect(None, autocommit=False) as connection, new.open("xb") as file:
            new.chmod(0o600)
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            connection.execute("SET LOCAL ROLE taizhang_owner")
            row = connection.execute(
                "SELECT sum(pg_table_size(t)) FROM unnest(%s::regclass[]) AS t", [[*TABLES]]
            ).fetchone()
            moved = _Moved(progress, int(row[0]) if row else 0)
            tables: dict[str, Any] = {}
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                for table in TABLES:
                    tables[table] = _write_table(connection, table, archive, moved)
                found = _described(connection)
                manifest = {"format": FORMAT, "migrations": _migrations(), **found._asdict(), "tables": tables}
                archive.writestr(MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1))
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(new)
    finally:
        new.unlink(missing_ok=True)
    return found


def described(path: Path) -> Backup:
    """What a backup says it holds. Raises Unrestorable for a file that is none."""
    with _archive(path) as archive:
        return _claimed(_manifest(archive))


def read(database: Database, path: Path, progress: Told) -> Backup:
    """Write a backup's tables into a migrated database without entries, all of them or none.

    Raises:
        Unrestorable: The file is no backup or was altered, another version wrote it, or the database has entries.
    """
    with _archive(path) as archive, database.connect(None, autocommit=False) as connection:
        told = _manifest(archive)
        connection.execute("SET LOCAL ROLE taizhang_owner")
        connection.execute("LOCK TABLE ledger.log IN SHARE ROW EXCLUSIVE MODE")
        if connection.execute("SELECT EXISTS (SELECT FROM ledger.log)").fetchone() == (True,):
            raise Unrestorable("the database has entries: a backup is restored where there are none")
        moved = _Moved(progress, sum(int(told["tables"][table]["size"]) for table in TABLES))
        for table in TABLES:
            _read_table(connection, table, told["tables"][table], archive, moved)
        found = _described(connection)
        if found != _claimed(told):
            raise Unrestorable("the entries do not make the tree that the backup was written with")
        connection.commit()
    return found


class _Moved:
    """Counts bytes, and tells."""

    def __init__(self, progress: Told, of: int) -> None:
        self._progress, self._done, self._of = progress, 0, of

    def __call__(self, size: int) -> None:
        self._done += size
        self._progress(self._done, max(self._of, self._done))


@contextmanager
def _archive(path: Path) -> Generator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, KeyError, TypeError, ValueError, EOFError) as fault:
        raise Unrestorable(f"{path} is no backup: {fault}") from None
    except (psycopg.DataError, psycopg.IntegrityError) as fault:
        raise Unrestorable(f"{path} was altered: {fault}") from None


def _write_table(connection: Connection, table: str, archive: zipfile.ZipFile, moved: _Moved) -> dict[str, Any]:
    columns = [
        row[0]
        for row in connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
            " AND attgenerated = '' ORDER BY attnum",
            [table],
        )
    ]
    digest, size = hashlib.sha256(), 0
    names = sql.SQL(",").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY {} ({}) TO STDOUT (FORMAT binary)").format(_named(table), names)
    with (
        archive.open(f"{table}.copy", "w", force_zip64=True) as written,
        connection.cursor() as cursor,
        cursor.copy(statement) as rows,
    ):
        for row in rows:
            digest.update(row)
            size += len(row)
            written.write(row)
            moved(len(row))
    return {"columns": columns, "sha256": digest.hexdigest(), "size": size}


def _read_table(
    connection: Connection, table: str, told: dict[str, Any], archive: zipfile.ZipFile, moved: _Moved
) -> None:
    columns = sql.SQL(",").join(map(sql.Identifier, told["columns"]))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(_named(table), columns)
    digest, left = hashlib.sha256(), int(told["size"])
    with (
        archive.open(f"{table}.copy") as rows,
        connection.cursor() as cursor,
        cursor.copy(statement) as copy,
    ):
        while part := rows.read(_AT_ONCE):
            left -= len(part)
            if left < 0:
                raise Unrestorable(f"{table} is longer than the backup says")
            digest.update(part)
            copy.write(part)
            moved(len(part))
        if digest.hexdigest() != told["sha256"]:
            raise Unrestorable(f"{table} is not as it was written")


def _described(connection: Connection) -> Backup:
    """The log's end, its tree's root by its leaf hashes, and the keys it declares."""
    frontier = Frontier()
    for leaves in _leaves(connection):
        frontier = frontier.extend(leaves)
    declared = [
        json.loads(bytes(row[0]).partition(b"\n")[2])["data"]["key"]
        for row in connection.execute(
            "SELECT entry FROM ledger.log WHERE record = 'ledger/ledger'"
            " AND name IN ('LedgerOpened/1', 'SigningKeyRotated/1') ORDER BY position"
        )
    ]
    if not declared:
        raise Unrestorable("there is no ledger here")
    return Backup(frontier.size, frontier.root().hex(), declared[0].partition("+")[0], tuple(declared))


def _leaves(connection: Connection) -> Iterator[list[bytes]]:
    """The leaf hashes, in order. Raises Unrestorable for a gap."""
    after = 0
    while rows := connection.execute(
        "SELECT position, leaf_hash FROM ledger.log WHERE position > %s ORDER BY position LIMIT %s",
        [after, _LEAVES_AT_ONCE],
    ).fetchall():
        if rows[-1][0] != after + len(rows):
            raise Unrestorable(f"the log has a gap after position {after}")
        after += len(rows)
        yield [bytes(row[1]) for row in rows]


def _manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    if archive.getinfo(MANIFEST).file_size > MANIFEST_LIMIT:
        raise Unrestorable("the manifest is too long")
    told: dict[str, Any] = json.loads(archive.read(MANIFEST))
    if told["format"] != FORMAT or told["migrations"] != _migrations():
        raise Unrestorable("another version of the product wrote this backup: restore it with that one")
    return told


def _claimed(told: dict[str, Any]) -> Backup:
    return Backup(told["position"], told["root_hash"], told["origin"], tuple(told["keys"]))


def _migrations() -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in migrations().items()}


def _named(table: str) -> sql.Composed:
    return sql.SQL(".").join(map(sql.Identifier, table.split(".")))
