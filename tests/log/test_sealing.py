"""Sealing: the tree follows the log without a gap, is signed once a size, and never goes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from domain.tlog.checkpoint import Checkpoint, open_checkpoint
from domain.tlog.tile import TileTree, tiles
from domain.tlog.tree import Unproven, root_of
from infrastructure.keys.signing import SigningKey, verify
from infrastructure.postgres.database import Database
from infrastructure.tlog.keepsake import Guard, Keepsake
from infrastructure.tlog.sealer import Gap, Sealer, Tip, check_kept
from infrastructure.tlog.store import TreeStore


class House:
    """A directory with a key, and the tree over a database."""

    def __init__(self, directory: Path, database: Database, recorder) -> None:
        self.key = SigningKey.create(directory / "keys/signing.key", "log.test")
        self.keepsake = Keepsake(directory / "keys")
        self.database = database
        self.reader = recorder.reader
        self.sealer = self.another_sealer()
        self.store = TreeStore(database, self.reader, self.sealer.demand)

    def another_sealer(self) -> Sealer:
        return Sealer(self.database, lambda: [self.key], self.keepsake, Guard())

    def tip(self, connection: psycopg.Connection) -> Tip:
        return Tip(connection, lambda: [self.key], self.keepsake)

    def leaves(self) -> list[bytes]:
        return [stored.leaf_hash for stored in self.reader.entries(0, 100_000)]

    def check(self) -> int:
        """Every checkpoint is published, signed, and of the log; every tile is of the last one; returns its size."""
        leaves = self.leaves()
        with self.database.connect("reader") as connection:
            rows = connection.execute("SELECT size, root_hash, note FROM tree.checkpoints ORDER BY size").fetchall()
        assert rows
        for size, root, note in rows:
            head = open_checkpoint(note, [self.key.verifier], verify).checkpoint
            assert head == Checkpoint("log.test", size, root) == Checkpoint("log.test", size, root_of(leaves[:size]))
        tree = TileTree(size, root, self.store.fetch)
        for tile in tiles(0, size):
            assert tree.tile(tile) == self.store.fetch([tile])[0]
        kept = self.keepsake.read()
        assert kept is not None
        assert (kept.size, kept.root_hash) == (size, root)
        return size


@pytest.fixture
def house(tmp_path: Path, database: Database, recorder) -> Iterator[House]:
    made = House(tmp_path, database, recorder)
    yield made
    made.sealer.stop()
    made.store.close()


def append(recorder, draft, count: int, kind: str = "villages") -> None:
    recorder.append([draft(f"{kind}/v-{time.monotonic_ns()}-{n}") for n in range(count)], expected=None)


def test_what_is_recorded_is_sealed_in_many_steps_alike(house: House, recorder, draft, monkeypatch) -> None:
    monkeypatch.setattr("infrastructure.tlog.sealer.SEALED_AT_ONCE", 100)
    for count in (1, 255, 1, 300, 700):
        append(recorder, draft, count)
        assert house.sealer.demand()
        assert house.check() == recorder.reader.head()[0]
    assert house.store.covering(101).checkpoint.size >= 101
    assert house.store.newest().checkpoint.size == 1257
    assert house.store.of_size(3) is None


def test_whoever_waits_is_answered_at_once_and_one_of_several_works(house: House, recorder, draft) -> None:
    others = [house.another_sealer() for _ in range(2)]
    for sealer in (house.sealer, *others):
        sealer.start()
    try:
        for _ in range(3):
            append(recorder, draft, 5)
            assert house.store.await_sealed(recorder.reader.head()[0], 10)
        assert house.check() == 15
    finally:
        for sealer in others:
            sealer.stop()


def test_a_gap_in_the_log_is_not_sealed_over(house: House, database, recorder, draft) -> None:
    append(recorder, draft, 5)
    with database.connect(None) as superuser, database.connect("sealer") as connection:
        superuser.execute(
            "SET taizhang.migrating = 'on'; ALTER TABLE ledger.log DISABLE TRIGGER only_grows;"
            " DELETE FROM ledger.log WHERE position = 3"
        )
        with pytest.raises(Gap, match="position 3"):
            house.tip(connection).advance()
    house.sealer.demand()
    assert house.sealer.failure() == "Gap: position 3 is missing: the log goes on with 4"


def test_a_tree_that_was_altered_is_not_gone_on_with(house: House, database, recorder, draft) -> None:
    append(recorder, draft, 5)
    house.sealer.demand()
    with database.connect(None) as superuser, database.connect("sealer") as connection:
        superuser.execute(
            "SET taizhang.migrating = 'on'; ALTER TABLE tree.tiles DISABLE TRIGGER only_widens;"
            " UPDATE tree.tiles SET hashes = set_byte(hashes, 40, get_byte(hashes, 40) # 1)"
        )
        with pytest.raises(Unproven, match="root"):
            house.tip(connection)


def test_a_checkpoint_that_a_crash_left_unsigned_is_published_as_it_was(
    house: House, recorder, draft, monkeypatch
) -> None:
    append(recorder, draft, 5)

    def fails(_note: str) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as fault:
        fault.setattr(house.keepsake, "keep", fails)
        house.sealer.demand()
    assert house.sealer.failure() == "OSError: the disk is full"
    assert house.store.newest() is None
    append(recorder, draft, 5)
    again = house.another_sealer()
    assert again.demand()
    assert house.store.of_size(5) is not None
    assert house.check() == 10


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM tree.tiles", "TRUNCATE tree.checkpoints", "UPDATE tree.tiles SET level = 1",
        "UPDATE tree.tiles SET hashes = substr(hashes, 1, 32)", "UPDATE tree.checkpoints SET root_hash = root_hash",
        "UPDATE tree.checkpoints SET note = 'another'", "DELETE FROM tree.cosignatures",
        "UPDATE ledger.log SET closes = true", "SELECT entry FROM ledger.log", "SELECT * FROM vault.keys",
        "SELECT ledger.take_turn()", "INSERT INTO ledger.log (position) VALUES (9)", "SET ROLE taizhang_owner",
        "SELECT * FROM access.passwords", "CREATE TABLE tree.more ()", "CREATE TEMPORARY TABLE more ()",
    ],
)  # fmt: skip
def test_the_sealer_may_do_nothing_but_seal(house: House, database, recorder, draft, statement: str) -> None:
    append(recorder, draft, 5)
    house.sealer.demand()
    with (
        database.connect("sealer") as connection,
        pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable)),
    ):
        connection.execute(statement.encode())


def test_a_database_older_than_what_was_published_or_of_another_past_is_told_apart(
    house: House, database, recorder, draft
) -> None:
    append(recorder, draft, 5)
    house.sealer.demand()
    kept = house.keepsake.read()
    assert kept is not None
    with database.connect("reader") as connection:
        assert check_kept(connection, kept) is None
        older = check_kept(connection, kept._replace(size=6))
        another = check_kept(connection, kept._replace(root_hash=bytes(32)))
    assert older == "a checkpoint of 6 entries was published, the database has 5"
    assert "another root" in str(another)


def test_recording_goes_on_while_the_tree_is_sealed(house: House, recorder, draft) -> None:
    house.sealer.start()
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            house.sealer.demand()
            stop.wait(0.01)

    asking = threading.Thread(target=ask)
    asking.start()
    for _ in range(40):
        append(recorder, draft, 7)
    stop.set()
    asking.join()
    assert house.store.await_sealed(280, 10)
    assert house.check() == 280


def test_a_busy_log_is_sealed_once_a_second(house: House, recorder, draft) -> None:
    house.sealer.start()
    until = time.monotonic() + 2.2
    while time.monotonic() < until:
        append(recorder, draft, 3)
    assert house.store.await_sealed(recorder.reader.head()[0], 10)
    with house.database.connect("reader") as connection:
        (count,) = connection.execute("SELECT count(*) FROM tree.checkpoints").fetchone()
    assert 2 <= count <= 5
    house.check()
