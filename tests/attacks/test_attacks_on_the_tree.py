"""Attacks that go on with the tree. Each says who finds it: the database, verify, a checkpoint kept, a witness."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psycopg
import pytest

from api.administration import issue_key
from api.composition import Taizhang
from domain.examination import Fault, Kind
from domain.tlog.note import parse_verifier_key
from domain.tlog.tree import Subtree, consistency_proof, root_of
from domain.tlog.witness import AddCheckpoint, Answer, origin_hash
from infrastructure.postgres.database import Role
from infrastructure.tlog.witness import Witness
from infrastructure.verifying.ledger import Verdict, verify
from tests.attacks.conftest import Superuser, seal
from tests.attacks.test_attacks_on_entries import with_body

Found = Callable[..., Fault | None]

FORBIDDEN: dict[Role, tuple[str, ...]] = {
    "owner": (
        "UPDATE ledger.log SET entry = ''",
        "DELETE FROM ledger.log",
        "TRUNCATE ledger.log CASCADE",
        "UPDATE tree.tiles SET hashes = decode(repeat('00', 32), 'hex')",
        "DELETE FROM tree.tiles",
        "UPDATE tree.checkpoints SET note = 'x'",
        "DELETE FROM tree.cosignatures",
        "ALTER TABLE tree.tiles DISABLE TRIGGER ALL",
        "DROP TRIGGER published_once ON tree.checkpoints",
        "DROP TABLE tree.cosignatures",
        "DROP SCHEMA tree CASCADE",
        "CREATE OR REPLACE FUNCTION tree.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    ),
    "writer": (
        "INSERT INTO ledger.log (position) VALUES (1)",
        "UPDATE ledger.log SET entry = ''",
        "INSERT INTO tree.checkpoints VALUES (1, ''::bytea)",
        "UPDATE tree.tiles SET hashes = ''",
    ),
    "sealer": (
        "SELECT entry FROM ledger.log",
        "DELETE FROM ledger.log",
        "UPDATE tree.tiles SET hashes = decode(repeat('00', 32), 'hex')",
        "UPDATE tree.tiles SET number = number + 1",
        "UPDATE tree.checkpoints SET note = 'x'",
        "DELETE FROM tree.checkpoints",
        "TRUNCATE tree.tiles",
    ),
}


@pytest.mark.parametrize("role", FORBIDDEN)
def test_the_database_refuses(ledger: Taizhang, fault: Found, role: Role) -> None:
    for statement in FORBIDDEN[role]:
        with ledger.database.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())
    assert fault() is None


def test_the_database_refuses_a_careless_superuser_what_it_refuses_the_owner(ledger: Taizhang, fault: Found) -> None:
    gutted = "CREATE OR REPLACE FUNCTION guards.is_whole() RETURNS boolean LANGUAGE sql AS 'SELECT true'"
    for statement in (*FORBIDDEN["owner"], gutted):
        with ledger.database.connect(None) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())
    assert fault() is None


def renamed(entry: bytes) -> bytes:
    return with_body(entry, lambda said: said["data"].update(name="山西省西咸新区"))


def stolen_checkpoints(superuser: Superuser, ledger: Taizhang) -> None:
    """The whole of it: an entry, its leaf, tiles, and every checkpoint signed again with the log's own key."""
    superuser.rewrite(1, renamed)
    superuser.recompute(stolen=ledger.keys.signing_key)


def test_an_entry_and_its_leaf_hash_are_found_by_verify(superuser: Superuser, fault: Found) -> None:
    superuser.rewrite(1, renamed)
    assert fault()[:2] == (1, Kind.TILE)


def test_an_entry_its_leaf_and_its_tiles_are_found_by_verify(superuser: Superuser, fault: Found) -> None:
    superuser.rewrite(1, renamed)
    superuser.recompute()
    assert fault()[:2] == (1, Kind.CHECKPOINT)


def test_a_tile_alone_is_found_by_verify(superuser: Superuser, fault: Found) -> None:
    superuser.run(
        "UPDATE tree.tiles SET hashes = overlay(hashes PLACING decode(repeat('00', 32), 'hex') FROM 65)"
        " WHERE level = 0 AND number = 0"
    )
    assert fault()[:2] == (3, Kind.TILE)


def test_a_forged_signature_is_found_by_verify(superuser: Superuser, fault: Found) -> None:
    superuser.run("UPDATE tree.checkpoints SET note = left(note, -5) || 'AAA=' || chr(10)")
    assert fault().kind is Kind.CHECKPOINT


def test_a_tree_recomputed_with_a_stolen_key_is_found_by_a_checkpoint_kept(
    ledger: Taizhang, superuser: Superuser, fault: Found
) -> None:
    newest = ledger.proving.newest()
    assert newest is not None
    stolen_checkpoints(superuser, ledger)
    ledger.rebuild_views(lambda _done, _all: None)
    assert fault() is None
    assert fault([str(newest.note)])[:2] == (1, Kind.CHECKPOINT)
    assert fault([(ledger.keys.directory / "checkpoint").read_bytes()])[:2] == (1, Kind.CHECKPOINT)


class Watching:
    """A witness, shown what a ledger publishes."""

    def __init__(self, directory: Path, ledger: Taizhang) -> None:
        self.key = parse_verifier_key(ledger.keys.signing_key.verifier_key)
        self.witness = Witness.open(directory, "witness.test", [self.key], lambda: 1)
        self.seen = 0

    def shown(self, ledger: Taizhang) -> int:
        """Its answer to the last checkpoint, with the best proof that whoever keeps the ledger can make."""
        newest = ledger.proving.newest()
        assert newest is not None
        size = newest.checkpoint.size
        with ledger.database.connect("reader") as connection:
            rows = connection.execute("SELECT leaf_hash FROM ledger.log ORDER BY position").fetchall()
        leaves = [row[0] for row in rows]

        def read(wanted: Sequence[Subtree]) -> list[bytes]:
            return [root_of(leaves[number << level : (number + 1) << level]) for level, number in wanted]

        proof = consistency_proof(self.seen, size, read) if self.seen <= size else ()
        answer = self.witness.add_checkpoint(str(AddCheckpoint(self.seen, proof, str(newest.note))).encode()).status
        self.seen = size if answer == Answer.COSIGNED else self.seen
        return answer

    def kept(self) -> str:
        """The checkpoint that it cosigned last, which it shows to everybody."""
        note = self.witness.checkpoint(origin_hash(self.key.name))
        assert note is not None
        return note


@pytest.fixture
def witness(ledger: Taizhang, tmp_path: Path) -> Iterator[Watching]:
    watching = Watching(tmp_path / "witness", ledger)
    yield watching
    watching.witness.close()


def grow(ledger: Taizhang) -> str:
    """Record something, and publish it; returns the checkpoint."""
    issue_key(ledger, "recorder-0", "new-area", None, ["recorder"])
    return seal(ledger)


def test_a_tree_recomputed_with_a_stolen_key_is_found_by_a_witness(
    ledger: Taizhang, superuser: Superuser, witness: Watching
) -> None:
    assert witness.shown(ledger) == Answer.COSIGNED
    stolen_checkpoints(superuser, ledger)
    assert witness.shown(ledger) == Answer.INCONSISTENT
    grow(ledger)
    assert witness.shown(ledger) == Answer.INCONSISTENT


@pytest.mark.parametrize(
    ("order", "first"),
    [
        ([*range(1, 8), 10, 11, 8, 9, *range(12, 18)], 8),
        ([*range(1, 12), 17, *range(12, 18)], 12),
        ([*range(1, 10), *range(12, 18)], 10),
    ],
    ids=["two transactions swapped", "an entry inserted", "a transaction deleted"],
)
def test_a_log_written_anew_around_a_change_is_found_by_verify(
    superuser: Superuser, fault: Found, order: list[int], first: int
) -> None:
    superuser.forge(range(1, 18))
    assert fault() is None
    superuser.forge(order)
    assert fault()[:2] == (first, Kind.TILE)
    superuser.recompute()
    assert fault()[1] in {Kind.CHECKPOINT, Kind.CITATION, Kind.GAP}


def test_a_database_rolled_back_is_found_by_the_checkpoint_kept_beside_the_keys(
    ledger: Taizhang, superuser: Superuser, verdict: Callable[[Sequence[bytes]], Verdict]
) -> None:
    size = ledger.log.head()[0]
    issue_key(ledger, "recorder-0", "new-area", None, ["recorder"])
    seal(ledger)
    superuser.roll_back(size)
    kept = (ledger.keys.directory / "checkpoint").read_bytes()
    assert verdict([kept]).fault[:2] == (size + 1, Kind.GAP)


def test_a_rollback_of_everything_is_found_by_a_witness_alone(
    ledger: Taizhang, another: Callable[[], Taizhang], witness: Watching, verdict: Callable[..., Verdict]
) -> None:
    older, size = another(), ledger.log.head()[0]
    grow(ledger)
    assert witness.shown(ledger) == Answer.COSIGNED
    beside = (older.keys.directory / "checkpoint").read_bytes()
    assert verify(older.database, [beside], lambda _done, _all: None).fault is None
    assert witness.shown(older) == Answer.BAD_REQUEST
    grow(older)
    assert witness.shown(older) == Answer.INCONSISTENT
    found = verify(older.database, [witness.kept()], lambda _done, _all: None).fault
    assert found is not None
    assert found[:2] == (1, Kind.CHECKPOINT)
    assert verdict([witness.kept()]).fault is None
    assert older.log.head()[0] == size + 1


def test_a_second_tree_shown_to_somebody_is_found_by_a_witness_and_by_whoever_compares(
    ledger: Taizhang, another: Callable[[], Taizhang], witness: Watching, fault: Found
) -> None:
    fork = another()
    notes = [grow(ledger), grow(fork)]
    assert fault() is None
    assert witness.shown(ledger) == Answer.COSIGNED
    assert witness.shown(fork) == Answer.INCONSISTENT
    assert fault([notes[0]]) is None
    assert fault([notes[1]])[:2] == (1, Kind.CHECKPOINT)


@pytest.mark.parametrize(
    ("table", "trigger"),
    [("tree.tiles", "only_widens"), ("tree.checkpoints", "published_once"), ("tree.cosignatures", "only_grows")],
)
def test_a_wall_of_the_tree_taken_down_is_found_by_verify(
    ledger: Taizhang, fault: Found, table: str, trigger: str
) -> None:
    with ledger.database.connect(None) as connection:
        connection.execute(f"SET taizhang.migrating = 'on'; DROP TRIGGER {trigger} ON {table}".encode())
    assert fault()[1] is Kind.WALL


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER EVENT TRIGGER taizhang_removal DISABLE",
        "DROP EVENT TRIGGER taizhang_alteration",
        "DROP SCHEMA guards CASCADE",
        "GRANT INSERT ON ledger.log TO taizhang_writer",
        "CREATE OR REPLACE TRIGGER only_grows BEFORE DELETE ON tree.tiles EXECUTE FUNCTION public.nothing()",
    ],
)
def test_what_opens_a_way_for_later_is_found_by_verify(ledger: Taizhang, fault: Found, statement: str) -> None:
    with ledger.database.connect(None) as connection:
        connection.execute(
            "CREATE FUNCTION public.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
        )
        connection.execute(f"SET taizhang.migrating = 'on'; {statement}".encode())
    assert fault()[:2] == (None, Kind.WALL)
