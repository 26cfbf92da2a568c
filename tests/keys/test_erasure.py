import multiprocessing
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from threading import Barrier

import pytest

from application.sealing import TOKEN_PREFIX, Binding, Unsealable, open_disclosed
from infrastructure.keys import vault as vaults
from infrastructure.keys.secret_files import ExposedSecretError, create_key
from infrastructure.keys.vault import ForeignVaultKeyError, PersonErased, Vault

FIELD = "/data/person/name"


def at(person: str, version: int = 1) -> Binding:
    return Binding(person, "communities/610112002001", version, FIELD)


@pytest.fixture
def key_path(tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "vault.key"
    create_key(path)
    return path


@pytest.fixture
def persons(tmp_path: Path) -> Path:
    return tmp_path / "vault"


@pytest.fixture
def vault(persons: Path, key_path: Path) -> Vault:
    return Vault(persons, key_path)


@pytest.fixture
def other(persons: Path, key_path: Path) -> Vault:
    """The vault as another process has it."""
    return Vault(persons, key_path)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The key files that have been read."""
    done: list[str] = []
    read = vaults.read_secret

    def note(path: Path) -> bytes:
        done.append(path.name)
        return read(path)

    monkeypatch.setattr(vaults, "read_secret", note)
    return done


def test_what_one_process_seals_another_opens(vault: Vault, other: Vault) -> None:
    token = vault.seal(at("p-wang"), "王芳")
    assert token.startswith(TOKEN_PREFIX)
    assert other.open(at("p-wang"), token) == "王芳"
    with pytest.raises(Unsealable):
        other.open(at("p-wang", 2), token)
    assert other.open(at("p-unknown"), token) is None


def test_a_person_held_in_memory_is_not_read_again(persons: Path, key_path: Path, reads: list[str]) -> None:
    vault = Vault(persons, key_path, capacity=2)
    tokens = {person: vault.seal(at(person), person) for person in ("p-1", "p-2")}
    vault.open(at("p-1"), tokens["p-1"])
    vault.seal(at("p-3"), "p-3")
    reads.clear()
    assert vault.open(at("p-1"), tokens["p-1"]) == "p-1"
    assert vault.open(at("p-2"), tokens["p-2"]) == "p-2"
    assert reads == ["p-2"]


def test_an_erased_persons_name_is_gone_and_none_is_sealed_again(vault: Vault, persons: Path) -> None:
    wang, li = vault.seal(at("p-wang"), "王芳"), vault.seal(at("p-li"), "李强")
    assert vault.destroy("p-wang")
    assert vault.open(at("p-wang"), wang) is None
    assert vault.field_key(at("p-wang")) is None
    assert vault.open(at("p-li"), li) == "李强"
    with pytest.raises(PersonErased, match="p-wang"):
        vault.seal(at("p-wang"), "王芳")
    assert not vault.destroy("p-wang")
    assert (persons / "p-wang").read_bytes() == b""


def test_a_person_without_a_key_can_be_erased_too(vault: Vault) -> None:
    assert vault.destroy("p-wang")
    with pytest.raises(PersonErased):
        vault.seal(at("p-wang"), "王芳")


def test_an_erasure_holds_at_once_in_another_process(vault: Vault, other: Vault) -> None:
    token = vault.seal(at("p-wang"), "王芳")
    assert other.open(at("p-wang"), token) == "王芳"
    process = multiprocessing.get_context("spawn").Process(target=other_process, args=(vault._directory, "p-wang"))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert other.open(at("p-wang"), token) is None
    with pytest.raises(PersonErased):
        vault.seal(at("p-wang", 2), "王芳")
    assert not other._held
    assert not vault._held


def other_process(persons: Path, person: str) -> None:
    assert Vault(persons, persons.parent / "keys" / "vault.key").destroy(person)


def test_a_key_is_overwritten_before_its_file_is_cut_off(
    vault: Vault, other: Vault, persons: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = vault.seal(at("p-wang"), "王芳")
    synced: list[bytes] = []
    monkeypatch.setattr(vaults.os, "fsync", lambda _: synced.append((persons / "p-wang").read_bytes()))
    vault.destroy("p-wang")
    assert [any(content) for content in synced] == [False, False]
    (persons / "p-wang").write_bytes(bytes(60))  # as a crash between the two leaves it
    assert other.open(at("p-wang"), token) is None
    assert other.destroy("p-wang")


def test_of_many_that_seal_for_a_new_person_all_use_one_key(persons: Path, key_path: Path) -> None:
    together = Barrier(6)

    def seal(version: int) -> list[str]:
        vault = Vault(persons, key_path)
        together.wait()
        return [vault.seal(at(f"p-{index}", version), "王芳") for index in range(20)]

    with ThreadPoolExecutor(6) as pool:
        sealed = list(pool.map(seal, range(6)))
    vault = Vault(persons, key_path)
    for version, tokens in enumerate(sealed):
        assert {vault.open(at(f"p-{index}", version), token) for index, token in enumerate(tokens)} == {"王芳"}
    assert len(list(persons.iterdir())) == 20


def test_no_key_comes_back_however_erasures_and_sealings_meet(persons: Path, key_path: Path) -> None:
    together, versions = Barrier(4), count()

    def destroy_or_seal(task: int, person: str) -> bool:
        vault = Vault(persons, key_path)
        together.wait()
        if task % 2:
            return vault.destroy(person)
        with suppress(PersonErased):
            vault.seal(at(person, next(versions)), "王芳")
        return False

    vault = Vault(persons, key_path)
    with ThreadPoolExecutor(4) as pool:
        for turn in range(10):
            person = f"p-{turn}"
            if turn % 2:
                vault.seal(at(person), "王芳")
            done = list(pool.map(partial(destroy_or_seal, person=person), range(4)))
            assert done.count(True) == 1
            assert (persons / person).read_bytes() == b""


def test_neither_the_keys_of_persons_nor_the_key_file_alone_give_a_name(
    vault: Vault, persons: Path, tmp_path: Path
) -> None:
    token = vault.seal(at("p-wang"), "王芳")
    create_key(tmp_path / "elsewhere" / "vault.key")
    stranger = Vault(persons, tmp_path / "elsewhere" / "vault.key")
    with pytest.raises(ForeignVaultKeyError):
        stranger.open(at("p-wang"), token)
    assert Vault(tmp_path / "none", tmp_path / "keys" / "vault.key").open(at("p-wang"), token) is None


def test_a_key_moved_to_another_person_is_refused(vault: Vault, persons: Path) -> None:
    token = vault.seal(at("p-wang"), "王芳")
    (persons / "p-li").write_bytes((persons / "p-wang").read_bytes())
    (persons / "p-li").chmod(0o600)
    with pytest.raises(ForeignVaultKeyError, match="p-li"):
        vault.open(at("p-li"), token)


def test_a_key_that_is_disclosed_opens_its_field_alone(vault: Vault) -> None:
    first, second = vault.seal(at("p-wang", 1), "王芳"), vault.seal(at("p-wang", 2), "王芳")
    disclosed = vault.field_key(at("p-wang", 1))
    assert disclosed is not None
    assert open_disclosed(disclosed, at("p-wang", 1), first) == "王芳"
    with pytest.raises(Unsealable):
        open_disclosed(disclosed, at("p-wang", 2), second)


def test_the_keys_of_persons_are_their_owners_alone(vault: Vault, persons: Path, key_path: Path) -> None:
    token = vault.seal(at("p-wang"), "王芳")
    assert stat.S_IMODE(persons.stat().st_mode) == 0o700
    assert stat.S_IMODE((persons / "p-wang").stat().st_mode) == 0o600
    (persons / "p-wang").chmod(0o640)
    with pytest.raises(ExposedSecretError):
        Vault(persons, key_path).open(at("p-wang"), token)


@pytest.mark.parametrize("person", ["../keys/vault.key", "..", "", "a/b", "P-Wang", "王芳"])
def test_no_id_leads_out_of_the_vault(vault: Vault, person: str) -> None:
    for use in (vault.destroy, lambda one: vault.seal(at(one), "王芳")):
        with pytest.raises(ValueError, match="3 to 32"):
            use(person)


def test_no_secret_is_shown(vault: Vault, key_path: Path) -> None:
    vault.seal(at("p-wang"), "王芳")
    shown = repr(vault) + str(PersonErased("p-wang")) + str(ForeignVaultKeyError("p-wang"))
    assert key_path.read_text().strip() not in shown
    assert os.fspath(key_path) not in shown
