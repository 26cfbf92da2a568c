import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from threading import Barrier

import psycopg
import pytest

from infrastructure.keys.sealing import TOKEN_PREFIX, Binding, Unsealable
from infrastructure.keys.secret_files import create_key
from infrastructure.keys.vault import ERASURE_NOTICED_WITHIN, ForeignVaultKeyError, PersonErased, Vault
from infrastructure.postgres.database import Connection, Database, Role

FIELD = "/data/person/name"


def at(person: str, version: int = 1) -> Binding:
    return Binding(person, "communities/610112002001", version, FIELD)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Connections:
    """Lends connections and counts them."""

    def __init__(self, database: Database, role: Role = "writer") -> None:
        self.database, self.role, self.lent = database, role, 0

    @contextmanager
    def __call__(self) -> Iterator[Connection]:
        self.lent += 1
        with self.database.connect(self.role) as connection:
            yield connection


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def key_path(tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "vault.key"
    create_key(path)
    return path


@pytest.fixture
def connections(database: Database) -> Connections:
    return Connections(database)


@pytest.fixture
def vault(connections: Connections, key_path: Path, clock: Clock) -> Vault:
    return Vault(connections, key_path, clock=clock)


@pytest.fixture
def other(database: Database, key_path: Path, clock: Clock) -> Vault:
    """The vault as another process has it."""
    return Vault(Connections(database), key_path, clock=clock)


def test_what_one_process_seals_another_opens(vault: Vault, other: Vault) -> None:
    token = vault.seal(at("p-wang"), "王芳")
    assert token.startswith(TOKEN_PREFIX)
    assert other.open(at("p-wang"), token) == "王芳"
    with pytest.raises(Unsealable):
        other.open(at("p-wang", 2), token)


def test_many_are_sealed_and_opened_in_order_with_few_queries(
    vault: Vault, other: Vault, connections: Connections
) -> None:
    names = [(at(f"p-{index % 300}", index), f"居民{index}") for index in range(1, 1_000)]
    tokens = vault.seal_many(names)
    assert connections.lent == 2
    sealed = [(place, token) for (place, _), token in zip(names, tokens, strict=True)]
    assert other.open_many([*sealed, (at("p-unknown"), tokens[0])]) == [*(name for _, name in names), None]
    assert (vault.seal_many([]), vault.open_many([])) == ([], [])
    assert connections.lent == 2


def test_a_person_held_in_memory_costs_no_query(vault: Vault, connections: Connections) -> None:
    token = vault.seal(at("p-wang"), "王芳")
    lent = connections.lent
    assert vault.open(at("p-wang"), token) == "王芳"
    vault.seal(at("p-wang", 2), "王芳")
    assert connections.lent == lent


def test_keys_not_used_for_longest_are_let_go(connections: Connections, key_path: Path, clock: Clock) -> None:
    vault = Vault(connections, key_path, capacity=2, clock=clock)
    tokens = {person: vault.seal(at(person), person) for person in ("p-1", "p-2")}
    vault.open(at("p-1"), tokens["p-1"])
    vault.seal(at("p-3"), "p-3")
    lent = connections.lent
    assert vault.open(at("p-1"), tokens["p-1"]) == "p-1"
    assert connections.lent == lent
    assert vault.open(at("p-2"), tokens["p-2"]) == "p-2"
    assert connections.lent == lent + 1


def test_an_erased_persons_name_is_gone_and_none_is_sealed_again(vault: Vault) -> None:
    wang, li = vault.seal_many([(at("p-wang"), "王芳"), (at("p-li"), "李强")])
    assert vault.destroy("p-wang")
    assert vault.open_many([(at("p-wang"), wang), (at("p-li"), li)]) == [None, "李强"]
    assert (vault.is_erased("p-wang"), vault.is_erased("p-li"), vault.is_erased("p-unknown")) == (True, False, False)
    for names in ([(at("p-wang"), "王芳")], [(at("p-li"), "李强"), (at("p-wang"), "王芳")]):
        with pytest.raises(PersonErased, match="p-wang"):
            vault.seal_many(names)
    assert not vault.destroy("p-wang")


def test_a_person_without_a_key_can_be_erased_too(vault: Vault) -> None:
    assert vault.destroy("p-wang")
    with pytest.raises(PersonErased):
        vault.seal(at("p-wang"), "王芳")


def test_an_erasure_in_another_process_is_noticed_within_a_second(vault: Vault, other: Vault, clock: Clock) -> None:
    token = vault.seal(at("p-wang"), "王芳")
    other.destroy("p-wang")
    assert vault.open(at("p-wang"), token) == "王芳"
    clock.now += ERASURE_NOTICED_WITHIN
    assert vault.open(at("p-wang"), token) is None
    with pytest.raises(PersonErased):
        vault.seal(at("p-wang", 2), "王芳")


def test_a_key_read_while_an_erasure_is_noticed_is_not_held(
    vault: Vault, other: Vault, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = other.seal(at("p-wang"), "王芳")
    load = vault._load

    def load_and_lose_the_race(persons: list[str], *, create: bool) -> dict[str, bytes | None]:
        loaded = load(persons, create=create)
        other.destroy("p-wang")
        clock.now += ERASURE_NOTICED_WITHIN
        vault._notice_erasures()
        return loaded

    with monkeypatch.context() as race:
        race.setattr(vault, "_load", load_and_lose_the_race)
        assert vault.open(at("p-wang"), token) == "王芳"
    assert vault.open(at("p-wang"), token) is None


def test_of_many_processes_that_seal_for_a_new_person_all_use_one_key(database: Database, key_path: Path) -> None:
    together = Barrier(6)

    def seal(version: int) -> list[str]:
        vault = Vault(Connections(database), key_path)
        together.wait()
        return vault.seal_many([(at(f"p-{index}", version), "王芳") for index in range(20)])

    with ThreadPoolExecutor(6) as pool:
        sealed = list(pool.map(seal, range(6)))
    vault = Vault(Connections(database), key_path)
    for version, tokens in enumerate(sealed):
        assert (
            vault.open_many([(at(f"p-{index}", version), token) for index, token in enumerate(tokens)]) == ["王芳"] * 20
        )


def test_no_key_comes_back_however_erasures_and_sealings_meet(database: Database, key_path: Path) -> None:
    together, versions = Barrier(4), count()

    def destroy_or_seal(task: int, person: str) -> bool:
        vault = Vault(Connections(database), key_path)
        together.wait()
        if task % 2:
            return vault.destroy(person)
        with suppress(PersonErased):
            vault.seal(at(person, next(versions)), "王芳")
        return False

    vault = Vault(Connections(database), key_path)
    with ThreadPoolExecutor(4) as pool:
        for turn in range(10):
            person = f"p-{turn}"
            if turn % 2:
                vault.seal(at(person), "王芳")
            done = list(pool.map(partial(destroy_or_seal, person=person), range(4)))
            assert done.count(True) == 1
            with database.connect("reader") as connection:
                rows = connection.execute("select wrapped from vault.person_keys where person = %s", (person,))
                assert rows.fetchall() == [(None,)]


def test_neither_the_database_nor_the_key_file_alone_gives_a_name(
    vault: Vault, database: Database, tmp_path: Path
) -> None:
    token = vault.seal(at("p-wang"), "王芳")
    create_key(tmp_path / "elsewhere" / "vault.key")
    stranger = Vault(Connections(database), tmp_path / "elsewhere" / "vault.key")
    with pytest.raises(ForeignVaultKeyError):
        stranger.open(at("p-wang"), token)
    assert vault.destroy("p-wang")
    assert vault.open(at("p-wang"), token) is None


def test_a_key_moved_to_another_person_is_refused(vault: Vault, other: Vault, database: Database) -> None:
    token = vault.seal(at("p-wang"), "王芳")
    with database.connect("writer") as connection:
        connection.execute(
            "insert into vault.person_keys (person, wrapped) select 'p-li', wrapped from vault.person_keys"
        )
    with pytest.raises(ForeignVaultKeyError, match="p-li"):
        other.open(at("p-li"), token)


def test_the_reader_opens_and_makes_nothing(vault: Vault, database: Database, key_path: Path) -> None:
    token = vault.seal(at("p-wang"), "王芳")
    reader = Vault(Connections(database, "reader"), key_path)
    assert reader.open(at("p-wang"), token) == "王芳"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.seal(at("p-li"), "李强")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.destroy("p-wang")


def test_the_writer_can_not_undo_an_erasure(vault: Vault, database: Database) -> None:
    vault.destroy("p-wang")
    with pytest.raises(psycopg.errors.RestrictViolation), database.connect("writer") as connection:
        connection.execute("delete from vault.person_keys")
    for statement in ("update vault.person_keys set erased_at = null", "truncate vault.person_keys"):
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            database.connect("writer") as connection,
        ):
            connection.execute(statement)
    assert vault.is_erased("p-wang")


def test_a_key_that_was_not_committed_is_not_used(vault: Vault, other: Vault, connections: Connections) -> None:
    @contextmanager
    def lost() -> Iterator[Connection]:
        with connections() as connection, connection.transaction():
            yield connection
            raise ConnectionError

    vault._connect = lost
    vault._noticed_at = 0.0
    with pytest.raises(ConnectionError):
        vault.seal(at("p-wang"), "王芳")
    vault._connect = connections
    assert other.open(at("p-wang"), vault.seal(at("p-wang"), "王芳")) == "王芳"


def test_no_secret_is_shown(vault: Vault, key_path: Path) -> None:
    vault.seal(at("p-wang"), "王芳")
    shown = repr(vault) + str(PersonErased("p-wang")) + str(ForeignVaultKeyError("p-wang"))
    assert key_path.read_text().strip() not in shown
    assert os.fspath(key_path) not in shown
