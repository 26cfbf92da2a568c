import stat
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from domain.tlog.lines import Malformed
from domain.tlog.note import ED25519, Unverified, VerifierKey, parse_note, parse_verifier_key, verified
from infrastructure.keys.secret_files import ExposedSecretError, MalformedSecretError
from infrastructure.keys.signing import SigningKey, verify

ORIGIN = "ledger.example/咸台账"
SEED = bytes(range(32))

# The key and the note of the tests of Go's sumdb/note, which other implementations check themselves against too.
GO_SIGNER = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz\n"
GO_VERIFIER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_SIGNATURE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="".join(map(chr, range(32))))).map(
    "{}\n\n…\n".format
)


def signing_key(origin: str = ORIGIN, seed: bytes = SEED) -> SigningKey:
    return SigningKey(origin, Ed25519PrivateKey.from_private_bytes(seed))


def verify_note(content: str | bytes, *keys: VerifierKey) -> str:
    note = parse_note(content)
    verified(note, keys, verify)
    return note.text


def verifier(key: SigningKey) -> VerifierKey:
    return parse_verifier_key(key.verifier_key)


def test_a_key_of_the_reference_implementation_signs_its_note(tmp_path: Path) -> None:
    path = secret(tmp_path / "keys" / "signing.key", GO_SIGNER)
    key = SigningKey.load(path)
    assert key.verifier_key == GO_VERIFIER
    assert key.sign_note(GO_TEXT) == key.sign_note(GO_TEXT.encode()) == f"{GO_TEXT}\n{GO_SIGNATURE}"
    assert verify_note(f"{GO_TEXT}\n{GO_SIGNATURE}", parse_verifier_key(GO_VERIFIER)) == GO_TEXT


def test_the_verifier_key_is_what_the_specification_says() -> None:
    public_key = Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()
    key_id = sha256(ORIGIN.encode() + b"\n\x01" + public_key).hexdigest()[:8]
    assert signing_key().verifier_key == f"{ORIGIN}+{key_id}+{b64encode(bytes([1]) + public_key).decode()}"
    assert verifier(signing_key()) == (ORIGIN, ED25519, public_key)
    assert verifier(signing_key()).key_id.hex() == key_id


@given(texts)
def test_a_signed_note_verifies_as_it_was(text: str) -> None:
    key = signing_key()
    assert verify_note(key.sign_note(text), verifier(key)) == text
    assert verify_note(key.sign_note(text).encode(), verifier(key)) == text


def test_signatures_of_others_are_passed_over() -> None:
    note = signing_key().sign_note("甲\n")
    other = signing_key("other.example", bytes(32))
    same_name = signing_key(ORIGIN, bytes(32))
    both = note + other.sign_note("甲\n").partition("\n\n")[2]
    assert verify_note(both, verifier(signing_key())) == "甲\n"
    assert verify_note(both, verifier(signing_key()), verifier(other), verifier(same_name)) == "甲\n"
    with pytest.raises(Unverified):
        verify_note(both, verifier(same_name))
    with pytest.raises(Unverified):
        verify_note(both)


def test_one_failed_signature_of_a_known_key_refuses_the_whole_note() -> None:
    key, other = signing_key(), signing_key("other.example", bytes(32))
    note = key.sign_note("甲\n") + other.sign_note("乙\n").partition("\n\n")[2]
    with pytest.raises(Unverified, match=r"other\.example"):
        verify_note(note, verifier(key), verifier(other))


@given(st.data())
def test_an_altered_note_is_refused(data: st.DataObject) -> None:
    note = signing_key().sign_note("甲\n12\n").encode()
    place = data.draw(st.integers(0, len(note) - 1))
    altered = note[:place] + bytes([note[place] ^ data.draw(st.integers(1, 255))]) + note[place + 1 :]
    with pytest.raises((Malformed, Unverified)):
        verify_note(altered, verifier(signing_key()))


NOTE = signing_key().sign_note("甲\n")


@pytest.mark.parametrize(
    "note",
    [
        "",
        NOTE.removesuffix("\n"),
        NOTE.replace("\n\n", "\n"),
        NOTE.replace("—", "-"),
        NOTE.replace("=\n", "\n"),
        NOTE.replace("甲", "\t甲"),
        NOTE + "\n",
        NOTE + "— other.example AAAA\n",
        NOTE + "— other.example AAAAAAA\n",
        NOTE + "— other+example AAAAAAAA\n",
        NOTE + "— AAAAAAAA\n",
        NOTE + NOTE.partition("\n\n")[2] * 100,
    ],
    ids=range(12),
)
def test_a_malformed_note_is_refused(note: str) -> None:
    with pytest.raises(Malformed):
        verify_note(note, verifier(signing_key()))


@pytest.mark.parametrize("text", ["", "甲", "甲\r\n", "\0\n", b"\xff\n"])
def test_a_text_that_no_note_may_have_is_not_signed(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"line feed|UTF-8"):
        signing_key().sign_note(text)


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a\nb", "a\u3000b", "a\u00a0b", "a\x01b"])
def test_an_origin_that_can_not_name_a_key_is_refused(tmp_path: Path, origin: str) -> None:
    path = tmp_path / "keys" / "signing.key"
    with pytest.raises(ValueError, match="name"):
        SigningKey.create(path, origin)
    assert not path.exists()


def test_a_mangled_verifier_key_is_refused() -> None:
    for start in range(len(GO_VERIFIER)):
        for end in range(start + 1, len(GO_VERIFIER) + 1):
            if start or end < len(GO_VERIFIER):
                with pytest.raises(ValueError, match=r"."):
                    parse_verifier_key(GO_VERIFIER[start:end])
    of_another_type = b64encode(b"\x04" + b64decode(GO_VERIFIER.rpartition("+")[2])[1:]).decode()
    with pytest.raises(ValueError, match="key id"):
        parse_verifier_key(f"PeterNeumann+c74f20a3+{of_another_type}")


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "signing.key"
    key = SigningKey.create(path, ORIGIN)
    assert SigningKey.load(path).verifier_key == key.verifier_key
    assert SigningKey.load(path).origin == ORIGIN
    assert [stat.S_IMODE(made.stat().st_mode) for made in (path, path.parent)] == [0o600, 0o700]
    content = path.read_bytes()
    with pytest.raises(FileExistsError):
        SigningKey.create(path, ORIGIN)
    assert path.read_bytes() == content


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_key_that_others_may_reach_is_not_loaded(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keys" / "signing.key"
    SigningKey.create(path, ORIGIN)
    path.chmod(mode)
    with pytest.raises(ExposedSecretError, match=f"signing.key has mode {mode:04o}"):
        SigningKey.load(path)


def test_a_directory_that_others_may_enter_holds_no_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "signing.key"
    SigningKey.create(path, ORIGIN)
    path.parent.chmod(0o755)
    with pytest.raises(ExposedSecretError, match="keys has mode 0755"):
        SigningKey.load(path)
    with pytest.raises(ExposedSecretError):
        SigningKey.create(path.with_name("other.key"), ORIGIN)


@pytest.mark.parametrize(
    "content",
    [
        "",
        GO_VERIFIER,
        GO_SIGNER.replace("c74f20a3", "c74f20a4"),
        GO_SIGNER.replace("PRIVATE", "PUBLIC"),
        GO_SIGNER + "\n",
        GO_SIGNER.replace("+AYEK", "+AY"),
    ],
)
def test_a_file_that_holds_something_else_is_refused_without_telling_what(tmp_path: Path, content: str) -> None:
    with pytest.raises(MalformedSecretError) as refusal:
        SigningKey.load(secret(tmp_path / "keys" / "signing.key", content))
    assert "AYEK" not in str(refusal.value)


def test_no_secret_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "signing.key"
    shown = repr(SigningKey.create(path, ORIGIN))
    assert ORIGIN in shown
    assert path.read_text().rpartition("+")[2].strip() not in shown


def secret(path: Path, content: str) -> Path:
    path.parent.mkdir(mode=0o700)
    path.touch(mode=0o600)
    path.write_text(content)
    return path
