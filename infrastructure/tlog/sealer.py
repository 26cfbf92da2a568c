"""The sealer: puts what was recorded into the tree, and signs the tree. Of several processes one works.

In this order: tiles and checkpoint in one transaction, committed; then signed; then kept in the file beside the key;
then published. So nothing that was ever shown can be taken back by a crash, and what a crash leaves unsigned is signed
when somebody goes on: of one size there is one checkpoint.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import psycopg

from domain.tlog.checkpoint import Checkpoint
from domain.tlog.note import Note
from domain.tlog.tile import Edge, edge_tiles
from domain.tlog.tree import Unproven
from infrastructure.keys.signing import SigningKey
from infrastructure.postgres.database import Connection, Database
from infrastructure.tlog.keepsake import Guard, Keepsake
from infrastructure.tlog.store import CHANNEL

SEAL_EVERY: Final = 1.0
"""Seconds between two checkpoints that nobody waits for."""
SEAL_AT_MOST: Final = 0.05
"""Seconds between two checkpoints, however many wait for one."""
LOOK_EVERY: Final = 1.0
"""Seconds between looks of one that stands by, or was stopped by a fault."""
SEALED_AT_ONCE: Final = 50_000
"""Entries that one transaction puts into the tree at most: their leaf hashes are 1.6 MB."""
LOCKS: Final = 0x74777374
"""The class of our advisory lock: `twst` in ASCII."""
LEAD: Final = 1
TRANSIENT: Final = (psycopg.OperationalError, psycopg.InterfaceError)


class Gap(RuntimeError):  # noqa: N818  # says what was found
    """The log doesn't go on where the tree ends: nothing may be sealed over that."""


class Sealer:
    """Keeps the tree up to date from `start` to `stop`, or once for whoever asks."""

    def __init__(
        self,
        database: Database,
        keys: Callable[[], Sequence[SigningKey]],
        keepsake: Keepsake,
        guard: Guard,
    ) -> None:
        """`keys` gives those that sign now, the log's present one first."""
        self._database = database
        self._keys = keys
        self._keepsake = keepsake
        self._guard = guard
        self._stopping = threading.Event()
        self._demanded = threading.Event()
        self._failure: str | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Seal, until `stop`."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="sealer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the checkpoint at hand and stop."""
        self._stopping.set()
        self._demanded.set()
        if self._thread is not None:
            self._thread.join()

    def demand(self) -> bool:
        """Seal now: in the thread that does, or at once where this process has none and no other works.

        Returns whether it is, or will be, done: not where writing is refused, or a fault keeps it from sealing.
        """
        if self._guard.reason() is not None or self._failure is not None:
            return False
        if self._thread is not None:
            self._demanded.set()
            return True
        try:
            with self._database.connect("sealer") as connection:
                if _leads(connection):
                    tip = Tip(connection, self._keys, self._keepsake)
                    while tip.advance():
                        pass
        except FAULTS as fault:
            self._failure = f"{type(fault).__name__}: {fault}"
        return self._failure is None

    def failure(self) -> str | None:
        """What keeps it from sealing; None where nothing does."""
        return self._failure

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._database.connect("sealer") as connection:
                    while not self._stopping.is_set():
                        self._check(connection)
                        if _leads(connection):
                            self._lead(connection)
                        self._failure = None
                        self._stopping.wait(LOOK_EVERY)
            except TRANSIENT:
                self._stopping.wait(LOOK_EVERY)
            except FAULTS as fault:
                self._failure = f"{type(fault).__name__}: {fault}"
                self._stopping.wait(LOOK_EVERY)

    def _check(self, connection: Connection) -> None:
        kept = self._keepsake.read()
        if kept is not None and (reason := check_kept(connection, kept)) is not None:
            self._guard.refuse(reason)

    def _lead(self, connection: Connection) -> None:
        tip = Tip(connection, self._keys, self._keepsake)
        self._failure = None
        while not self._stopping.is_set():
            began = time.monotonic()
            while self._guard.reason() is None and tip.advance():
                pass
            self._demanded.wait(max(0.0, SEAL_EVERY - (time.monotonic() - began)))
            self._stopping.wait(max(0.0, SEAL_AT_MOST - (time.monotonic() - began)))
            self._demanded.clear()


FAULTS: Final = (Gap, Unproven, OSError, ValueError)
"""What keeps from sealing until somebody looks: the log, the tree, or the keys' directory."""


class Tip:
    """The end of the tree, under the lead of one connection."""

    def __init__(self, connection: Connection, keys: Callable[[], Sequence[SigningKey]], keepsake: Keepsake) -> None:
        """Take up the tree where the last sealer left it; publish what it had not.

        Raises Unproven when tiles and last checkpoint don't agree.
        """
        self._connection = connection
        self._keys = keys
        self._keepsake = keepsake
        row = connection.execute("SELECT size, root_hash FROM tree.checkpoints ORDER BY size DESC LIMIT 1").fetchone()
        size, root = (0, b"") if row is None else row
        self._edge = Edge.of(size, [self._tile(tile.level or 0, tile.number) for tile in edge_tiles(size)])
        if size and self._edge.root() != root:
            raise Unproven(f"the tiles don't have the root of the last checkpoint, of {size} entries")
        for unsigned in connection.execute(
            "SELECT size, root_hash FROM tree.checkpoints WHERE note IS NULL ORDER BY size"
        ).fetchall():
            self._publish(*unsigned)

    @property
    def size(self) -> int:
        """How many entries the tree has."""
        return self._edge.size

    def advance(self) -> bool:
        """Seal what was recorded since, so many entries at most; returns whether there may be more. Raises Gap."""
        before = self._edge.size
        rows = self._connection.execute(
            "SELECT position, leaf_hash FROM ledger.log WHERE position > %s ORDER BY position LIMIT %s",
            [before, SEALED_AT_ONCE],
        ).fetchall()
        if not rows:
            return False
        for expected, (position, _) in enumerate(rows, before + 1):
            if position != expected:
                raise Gap(f"position {expected} is missing: the log goes on with {position}")
        edge, made = self._edge.extended([leaf for _, leaf in rows])
        root = edge.root()
        with self._connection.transaction():
            self._connection.execute(
                "INSERT INTO tree.tiles AS t (level, number, hashes)"
                " SELECT * FROM unnest(%s::smallint[], %s::bigint[], %s::bytea[])"
                " ON CONFLICT (level, number) DO UPDATE SET hashes = excluded.hashes",
                [[tile.level for tile, _ in made], [tile.number for tile, _ in made], [hashes for _, hashes in made]],
            )
            self._connection.execute(
                "INSERT INTO tree.checkpoints (size, root_hash) VALUES (%s, %s)", [edge.size, root]
            )
        self._edge = edge
        self._publish(edge.size, root)
        return len(rows) == SEALED_AT_ONCE

    def _publish(self, size: int, root: bytes) -> None:
        keys = self._keys()
        text = str(Checkpoint(keys[0].origin, size, root))
        note = str(Note(text, tuple(key.sign(text) for key in keys)))
        self._keepsake.keep(note)
        with self._connection.transaction():
            self._connection.execute("UPDATE tree.checkpoints SET note = %s WHERE size = %s", [note, size])
            self._connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, str(size)])

    def _tile(self, level: int, number: int) -> bytes:
        row = self._connection.execute(
            "SELECT hashes FROM tree.tiles WHERE level = %s AND number = %s", [level, number]
        ).fetchone()
        if row is None:
            raise Unproven(f"tile {number} of level {level} is missing")
        hashes: bytes = row[0]
        return hashes


def check_kept(connection: Connection, kept: Checkpoint) -> str | None:
    """Why a database is older than a checkpoint that was published, or of another past; None where it is neither."""
    row = connection.execute(
        "SELECT root_hash FROM tree.checkpoints WHERE size = %s AND (SELECT max(position) FROM ledger.log) >= size",
        [kept.size],
    ).fetchone()
    if row is None:
        head = connection.execute("SELECT coalesce(max(position), 0) FROM ledger.log").fetchone()
        return f"a checkpoint of {kept.size} entries was published, the database has {head[0] if head else 0}"
    if row[0] != kept.root_hash:
        return f"the checkpoint of {kept.size} entries that was published has another root than the database"
    return None


def _leads(connection: Connection) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCKS, LEAD]).fetchone()
    return row == (True,)
