"""Keys that sign checkpoints: a log's own, and a witness's (https://c2sp.org/signed-note, /tlog-cosignature)."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from domain.tlog.lines import base64_of, bytes_of
from domain.tlog.note import (
    ED25519,
    Note,
    Signature,
    VerifierKey,
    checked_name,
    checked_text,
    signature_of,
    signed_message,
)
from infrastructure.keys.secret_files import MalformedSecretError, create_secret, read_secret


class SigningKey:
    """An Ed25519 key under the name of the log, or the witness, that it signs for."""

    def __init__(self, name: str, private_key: Ed25519PrivateKey, kind: int = ED25519) -> None:
        """Raises Malformed for a name that no key may have."""
        self._private_key = private_key
        self.verifier = VerifierKey(checked_name(name), kind, private_key.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"<SigningKey {self.verifier}>"

    @classmethod
    def create(cls, path: Path, name: str, kind: int = ED25519) -> Self:
        """A new key, stored in a new file.

        Raises:
            Malformed: The name is empty, or has a space, a plus or a control character.
            FileExistsError: There is such a file; it is left as it is.
            ExposedSecretError: The file's directory is open to others.
        """
        key = cls(name, Ed25519PrivateKey.generate(), kind)
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
            _, _, name, _, encoded = content.decode().removesuffix("\n").split("+", 4)
            kind, *seed = bytes_of(encoded)
            key = cls(name, Ed25519PrivateKey.from_private_bytes(bytes(seed)), kind)
        except ValueError:
            raise MalformedSecretError(path) from None
        if key._text().encode() != content:
            raise MalformedSecretError(path)
        return key

    @property
    def origin(self) -> str:
        """The key's name, which is the log's origin."""
        return self.verifier.name

    @property
    def verifier_key(self) -> str:
        """The vkey: `<name>+<key id, 8 hex digits>+<base64 of the type and the public key>`."""
        return str(self.verifier)

    def sign(self, text: str, at: int | None = None) -> Signature:
        """The signature of a note's text; a witness's is of a time too, in seconds since the Epoch.

        Raises Malformed for a text that no note may have.
        """
        signed = self._private_key.sign(signed_message(checked_text(text), at))
        return signature_of(self.verifier, signed, at)

    def sign_note(self, text: str | bytes) -> str:
        """The text as a note with one signature of this key. Raises what `sign` does."""
        checked = checked_text(text)
        return str(Note(checked, (self.sign(checked),)))

    def _text(self) -> str:
        encoded = base64_of(bytes([self.verifier.kind]) + self._private_key.private_bytes_raw())
        return f"PRIVATE+KEY+{self.verifier.name}+{self.verifier.key_id.hex()}+{encoded}\n"


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the Ed25519 key made the signature of the message (RFC 8032)."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
