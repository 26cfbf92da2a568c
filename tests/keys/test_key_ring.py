import hmac
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infrastructure.keys.key_ring import KeyRing
from infrastructure.keys.secret_files import ExposedSecretError, MalformedSecretError, read_key

ORIGIN = "ledger.example/taizhang"
FILES = ["idempotency.key", "signing.key", "vault.key"]


def test_a_ledger_gets_its_keys_once(tmp_path: Path) -> None:
    made = KeyRing.create(tmp_path / "ledger", ORIGIN)
    keys = tmp_path / "ledger" / "keys"
    assert sorted(path.name for path in keys.iterdir()) == FILES
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys.iterdir()} == {0o600}
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    opened = KeyRing.open(tmp_path / "ledger")
    assert opened.signing_key.verifier_key == made.signing_key.verifier_key
    assert opened.vault_key_path == keys / "vault.key"
    before = contents(keys)
    with pytest.raises(FileExistsError, match="has keys already"):
        KeyRing.create(tmp_path / "ledger", ORIGIN)
    assert contents(keys) == before
    assert list((tmp_path / "ledger").iterdir()) == [keys]


def test_of_many_who_make_the_keys_at_once_one_does(tmp_path: Path) -> None:
    def create(_: int) -> str | None:
        try:
            return KeyRing.create(tmp_path, ORIGIN).signing_key.verifier_key
        except FileExistsError:
            return None

    with ThreadPoolExecutor(8) as pool:
        made = list(filter(None, pool.map(create, range(8))))
    assert made == [KeyRing.open(tmp_path).signing_key.verifier_key]
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


def test_a_refused_origin_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name"):
        KeyRing.create(tmp_path, "two words")
    assert not list(tmp_path.iterdir())


def test_where_no_keys_are_none_are_opened(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        KeyRing.open(tmp_path)


@pytest.mark.parametrize("name", ["signing.key", "idempotency.key"])
def test_keys_that_others_may_read_are_not_opened(tmp_path: Path, name: str) -> None:
    KeyRing.create(tmp_path, ORIGIN)
    (tmp_path / "keys" / name).chmod(0o644)
    with pytest.raises(ExposedSecretError, match=name):
        KeyRing.open(tmp_path)


@pytest.mark.parametrize("content", [b"", b"ab" * 31, b"zz" * 32, b"\xff" * 64])
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    ring = KeyRing.create(tmp_path, ORIGIN)
    ring.vault_key_path.write_bytes(content)
    with pytest.raises(MalformedSecretError, match=r"vault\.key"):
        read_key(ring.vault_key_path)


def test_what_the_log_keeps_of_a_request_depends_on_account_request_and_ledger(tmp_path: Path) -> None:
    ring = KeyRing.create(tmp_path / "one", ORIGIN)
    key = read_key(tmp_path / "one" / "keys" / "idempotency.key")
    mac = ring.idempotency_mac("a-1", b'{"type": 1}')
    assert mac == hmac.new(key, b'a-1\n{"type": 1}', "sha256").hexdigest()
    assert mac == KeyRing.open(tmp_path / "one").idempotency_mac("a-1", b'{"type": 1}')
    assert mac != ring.idempotency_mac("a-2", b'{"type": 1}')
    assert mac != ring.idempotency_mac("a-1", b'{"type": 2}')
    assert mac != KeyRing.create(tmp_path / "other", ORIGIN).idempotency_mac("a-1", b'{"type": 1}')


def test_no_secret_is_shown(tmp_path: Path) -> None:
    shown = repr(KeyRing.create(tmp_path, ORIGIN))
    assert not any(secret.hex() in shown for secret in contents(tmp_path / "keys").values())
    assert "idempotency" not in shown


def contents(keys: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in keys.iterdir()}
