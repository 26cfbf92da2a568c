"""A small ledger, whoever attacks it, and what verifying says of it then."""

from __future__ import annotations

import itertools
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from api.administration import found, issue_key
from api.composition import Taizhang, running
from domain.examination import Fault
from domain.tlog.checkpoint import Checkpoint
from domain.tlog.tile import Edge
from domain.tlog.tree import root_of
from infrastructure.keys.key_ring import KeyRing
from infrastructure.keys.signing import SigningKey
from infrastructure.postgres.database import Connection, Database, create
from infrastructure.postgres.embedded import EmbeddedServer
from infrastructure.tlog.keepsake import Guard, Keepsake
from infrastructure.tlog.sealer import Sealer
from infrastructure.verifying.ledger import Verdict, verify
from infrastructure.verifying.walls import TRIGGERS

TABLES = sorted({table for table, _, _ in TRIGGERS})
UNGUARDED = "SET session_replication_role = replica; SET taizhang.migrating = 'on';" + ";".join(
    f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in TABLES
)
GUARDED = ";".join(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}" for table, trigger, _ in TRIGGERS)


class Origin(NamedTuple):
    """A ledger as it was before anybody attacked it: a database to copy, and the directory of its keys."""

    database: str
    directory: Path


@pytest.fixture(scope="session")
def origin(server: EmbeddedServer, template: str, tmp_path_factory: pytest.TempPathFactory) -> Origin:
    made = Origin("attacked", tmp_path_factory.mktemp("attacked"))
    database = Database.embedded(server, made.database)
    create(database, template=template)
    ring = KeyRing.create(made.directory, "taizhang.test/ledger")
    with running(made.directory, database, ring, follow=False) as ledger:
        found(ledger)
        for number in range(5):
            issue_key(ledger, f"recorder-{number}", "new-area", None, ["recorder"])
        ledger.heads.seal()
        issue_key(ledger, "recorder-0", "new-area", None, ["recorder"])
        ledger.rebuild_views(lambda _done, _all: None)
        seal(ledger)
    return made


@pytest.fixture
def another(server: EmbeddedServer, origin: Origin, tmp_path: Path) -> Iterator[Callable[[], Taizhang]]:
    """Copies of the ledger, keys included; each a future of its own."""
    with ExitStack() as stack:

        def copied() -> Taizhang:
            number = next(_copies)
            database = Database.embedded(server, f"attacked_{number}")
            create(database, template=origin.database)
            stack.callback(dropped, database)
            directory = tmp_path / f"copy-{number}"
            shutil.copytree(origin.directory, directory)
            return stack.enter_context(running(directory, database, KeyRing.open(directory), follow=False))

        yield copied


def dropped(database: Database) -> None:
    with database.connect(None, dbname="postgres") as connection:
        connection.execute(f"DROP DATABASE {database.name} WITH (FORCE)".encode())


_copies = itertools.count(1)


@pytest.fixture
def ledger(another: Callable[[], Taizhang]) -> Taizhang:
    return another()


def seal(ledger: Taizhang) -> str:
    """Publish a checkpoint over all there is; returns its note."""
    ring = ledger.keys
    sealer = Sealer(ledger.database, ring.signing_keys, Keepsake(ring.directory), Guard())
    sealer.demand()
    assert sealer.failure() is None
    newest = ledger.proving.newest()
    assert newest is not None
    return str(newest.note)


class Superuser:
    """A determined one: turns off what stands in the way, and on again what was on."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def run(self, statement: str, *values: Any) -> None:
        with self._connection.transaction():
            self._connection.execute(UNGUARDED)
            self._connection.execute(statement.encode(), values)
            self._connection.execute(GUARDED)

    def rewrite(self, position: int, change: Callable[[bytes], bytes]) -> None:
        """Change an entry's bytes; its leaf hash follows, since the database generates it."""
        row = self._connection.execute("SELECT entry FROM ledger.log WHERE position = %s", [position]).fetchone()
        assert row is not None
        changed = change(row[0])
        assert changed != row[0]
        self.run("UPDATE ledger.log SET entry = %s WHERE position = %s", changed, position)

    def forge(self, order: Sequence[int]) -> None:
        """Write the log anew from these of its entries, with places, instants, versions and columns that all fit."""
        rows = self._connection.execute("SELECT position, record, name, closes, recorded_at, entry FROM ledger.log")
        had = {row[0]: row[1:] for row in rows.fetchall()}
        self.run("DELETE FROM ledger.log")
        versions = Counter[str]()
        last: datetime | None = None
        for position, old in enumerate(order, 1):
            record, name, closes, at, entry = had[old]
            versions[record] += 1
            last = at if last is None else max(at, last + timedelta(microseconds=1))
            head, _, body = entry.partition(b"\n")
            said = json.loads(head)
            said |= {"position": position, "version": versions[record]}
            said["recorded_at"] = last.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            written = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" + body
            self.run(
                "INSERT INTO ledger.log (position, record, version, name, recorded_at, closes, entry)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                position, record, versions[record], name, last, closes, written,
            )  # fmt: skip

    def recompute(self, *, stolen: SigningKey | None = None) -> None:
        """Make tiles and checkpoints anew from the log, with the log's own code; signed where a key was stolen."""
        sizes = [row[0] for row in self._connection.execute("SELECT size FROM tree.checkpoints ORDER BY size")]
        notes = self._connection.execute("SELECT size, note FROM tree.checkpoints").fetchall()
        leaves = [row[0] for row in self._connection.execute("SELECT leaf_hash FROM ledger.log ORDER BY position")]
        self.run("DELETE FROM tree.cosignatures")
        self.run("DELETE FROM tree.checkpoints")
        self.run("DELETE FROM tree.tiles")
        _, made = Edge().extended(leaves[: sizes[-1]])
        for tile, hashes in made:
            self.run("INSERT INTO tree.tiles VALUES (%s, %s, %s)", tile.level, tile.number, hashes)
        for size in sizes:
            root = root_of(leaves[:size])
            note = dict(notes)[size]
            if stolen is not None:
                note = stolen.sign_note(str(Checkpoint(stolen.verifier.name, size, root)))
            self.run("INSERT INTO tree.checkpoints VALUES (%s, %s, %s)", size, root, note)

    def roll_back(self, size: int) -> None:
        """Leave what an old copy of the database has: fewer entries, and only their checkpoints and tiles, no views."""
        self.run("DELETE FROM ledger.log WHERE position > %s", size)
        self.run("DELETE FROM tree.cosignatures WHERE size > %s", size)
        self.run("DELETE FROM tree.checkpoints WHERE size > %s", size)
        self.run("DROP SCHEMA IF EXISTS views CASCADE")
        self.recompute()


@pytest.fixture
def superuser(ledger: Taizhang) -> Iterator[Superuser]:
    with ledger.database.connect(None) as connection:
        yield Superuser(connection)


@pytest.fixture
def verdict(ledger: Taizhang) -> Callable[..., Verdict]:
    def verified(kept: Sequence[str | bytes] = ()) -> Verdict:
        return verify(ledger.database, kept, lambda _done, _all: None)

    return verified


@pytest.fixture
def fault(verdict: Callable[..., Verdict]) -> Callable[..., Fault | None]:
    return lambda kept=(): verdict(kept).fault
