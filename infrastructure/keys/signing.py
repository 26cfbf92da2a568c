"""The ledger's signing key and the notes that it signs: C2SP signed-note, Ed25519 (https://c2sp.org/signed-note)."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from infrastructure.keys.secret_files import MalformedSecretError, create_secret, read_secret

_ED25519 = b"\x01"
_KEY_ID_SIZE = 4
_KEY_SIZE = 32
_SIGNATURE_LIMIT = 100
"""Signature lines of one note at most, as in Go's reference implementation; the specification asks for 16 or more."""


class UnverifiedNoteError(ValueError):
    """The note is malformed, or not signed by a key that was asked for: its text is to be ignored."""


class VerifierKey(NamedTuple):
    """What a verifier knows of a signing key; as text, the specification's vkey."""

    origin: str
    key_id: bytes
    """4 bytes."""
    public_key: bytes
    """32 bytes (RFC 8032)."""

    def __str__(self) -> str:
        return f"{self.origin}+{self.key_id.hex()}+{b64encode(_ED25519 + self.public_key).decode()}"


class SigningKey:
    """An Ed25519 key under the name of the log that it signs for."""

    def __init__(self, origin: str, private_key: Ed25519PrivateKey) -> None:
        """Raises ValueError for an origin that can't name a key."""
        public_key = private_key.public_key().public_bytes_raw()
        self._private_key = private_key
        self._verifier = VerifierKey(origin, _key_id(_checked_origin(origin), public_key), public_key)

    def __repr__(self) -> str:
        return f"<SigningKey {self._verifier}>"

    @classmethod
    def create(cls, path: Path, origin: str) -> Self:
        """A new key, stored in a new file.

        Raises:
            ValueError: The origin is empty, or has a space, a plus or a control character.
            FileExistsError: There is such a file; it is left as it is.
            ExposedSecretError: The file's directory is open to others.
        """
        key = cls(origin, Ed25519PrivateKey.generate())
        create_secret(path, key._text().encode())
        return key

    @classmethod
    def load(cls, path: Path) -> Self:
        """The key stored in the file, in the encoding of Go's sumdb/note.

        Raises:
            FileNotFoundError: There is none.
            ExposedSecretError: The file or its directory is open to others.
            MalformedSecretError: The file holds something else.
        """
        content = read_secret(path)
        try:
            _, _, origin, _, encoded = content.decode().removesuffix("\n").split("+", 4)
            key = cls(origin, Ed25519PrivateKey.from_private_bytes(b64decode(encoded)[1:]))
        except ValueError:
            raise MalformedSecretError(path) from None
        if key._text().encode() != content:
            raise MalformedSecretError(path)
        return key

    @property
    def origin(self) -> str:
        """The key's name, which is the log's origin."""
        return self._verifier.origin

    @property
    def verifier_key(self) -> str:
        """The vkey: `<origin>+<key id, 8 hex digits>+<base64 of 0x01 and the public key>`."""
        return str(self._verifier)

    def sign_note(self, text: str | bytes) -> str:
        """The text as a note with one signature of this key.

        Raises:
            ValueError: The text isn't UTF-8, doesn't end in a line feed, or has other control characters.
        """
        signed = text.encode() if isinstance(text, str) else text
        text = _checked_text(signed)
        signature = self._verifier.key_id + self._private_key.sign(signed)
        return f"{text}\n— {self.origin} {b64encode(signature).decode()}\n"

    def _text(self) -> str:
        encoded = b64encode(_ED25519 + self._private_key.private_bytes_raw()).decode()
        return f"PRIVATE+KEY+{self.origin}+{self._verifier.key_id.hex()}+{encoded}\n"


def parse_verifier_key(vkey: str) -> VerifierKey:
    """The key that a vkey names. Raises ValueError unless it is an Ed25519 key under its own key id."""
    origin, _, rest = vkey.partition("+")
    _, _, encoded = rest.partition("+")
    public_key = _decoded(encoded)[len(_ED25519) :]
    key = VerifierKey(_checked_origin(origin), _key_id(origin, public_key), public_key)
    if len(public_key) != _KEY_SIZE or str(key) != vkey:
        raise ValueError("not a verifier key of an Ed25519 signing key")
    return key


def verify_note(note: str | bytes, *keys: VerifierKey) -> str:
    """The note's text, without the empty line and the signatures after it.

    Signatures of other keys are passed over; each one of these keys must hold.

    Raises:
        UnverifiedNoteError: The note is malformed, a signature of one of the keys fails, or there is none.
    """
    try:
        content = _checked_text(note.encode() if isinstance(note, str) else note)
        text, separator, lines = content.rpartition("\n\n")
        text += "\n"
        signatures = list(_signatures(lines))
    except ValueError:
        raise UnverifiedNoteError("malformed note") from None
    if not separator or len(signatures) > _SIGNATURE_LIMIT:
        raise UnverifiedNoteError("malformed note")
    known = [
        (key, signature)
        for key in keys
        for name, key_id, signature in signatures
        if (key.origin, key.key_id) == (name, key_id)
    ]
    if not known:
        raise UnverifiedNoteError("no signature of a known key")
    for key, signature in known:
        try:
            Ed25519PublicKey.from_public_bytes(key.public_key).verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            raise UnverifiedNoteError(f"the signature of {key.origin} doesn't hold") from None
    return text


def _signatures(lines: str) -> Iterator[tuple[str, bytes, bytes]]:
    for line in lines.removesuffix("\n").split("\n"):
        dash, name, encoded = line.split(" ")
        signature = _decoded(encoded)
        if dash != "—" or len(signature) <= _KEY_ID_SIZE:
            raise ValueError("not a signature line")
        yield _checked_origin(name), signature[:_KEY_ID_SIZE], signature[_KEY_ID_SIZE:]


def _key_id(origin: str, public_key: bytes) -> bytes:
    return sha256(origin.encode() + b"\n" + _ED25519 + public_key).digest()[:_KEY_ID_SIZE]


def _checked_origin(origin: str) -> str:
    if not origin or any(sign.isspace() or sign < " " or sign == "+" for sign in origin):
        raise ValueError("an origin has one character or more, and no spaces, plus or control characters")
    return origin


def _checked_text(content: bytes) -> str:
    text = content.decode()
    if not text.endswith("\n") or any(sign < " " and sign != "\n" for sign in text):
        raise ValueError("a note's text ends in a line feed and has no other control characters")
    return text


def _decoded(encoded: str) -> bytes:
    decoded = b64decode(encoded, validate=True)
    if b64encode(decoded).decode() != encoded:
        raise ValueError("not canonical base64")
    return decoded
