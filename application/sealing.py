"""How the name of a person is sealed into an entry: encrypted, bound to its place, and with key commitment.

A token is `sealed1.` and, in base64url without padding, salt (16 bytes), commitment (32 bytes) and ciphertext:

- the place is `taizhang/field/1` and then person, record, version in decimal, and field, each in UTF-8 after its
  length in 4 bytes, big-endian;
- field key = HKDF-SHA256(person key, no salt, the place as info), 32 bytes: whoever is given it can open this one
  field and nothing else;
- encryption key and commitment = HKDF-SHA256(field key, the salt, info `taizhang/seal/1`), 32 bytes each: both follow
  from a hash of key and salt, so that no token opens under two keys (AES-GCM by itself lets one be made);
- ciphertext = AES-256-GCM(encryption key, a nonce of zeros, the place as associated data); the nonce may be constant
  because the salt makes every key new;
- plaintext = the name in UTF-8 after its length in 2 bytes, with zeros up to a multiple of 32 bytes, so that the
  token doesn't tell how long the name is.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hmac import compare_digest
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

TOKEN_PREFIX = "sealed1."  # noqa: S105  # names the format
SALT_SIZE = 16
NAME_LIMIT = 65_535
"""Bytes of a name in UTF-8 at most."""

_KEY_SIZE = 32
_COMMITMENT_SIZE = 32
_TAG_SIZE = 16
_LENGTH_SIZE = 2
_BLOCK_SIZE = 32
_NONCE = bytes(12)


class Binding(NamedTuple):
    """Where a name stands: what its token is bound to."""

    person: str
    record: str
    """`communities/610112002001`."""
    version: int
    """Of the entry, among those of its record."""
    field: str
    """A JSON pointer into the entry: `/recorded_by/name`."""


class Unsealable(Exception):  # noqa: N818  # says what the token is
    """The token doesn't open here: it was altered, or made under another key or for another place."""

    def __init__(self, binding: Binding) -> None:
        super().__init__(f"the token at {binding.field} of {binding.record}, version {binding.version}, doesn't open")
        self.binding = binding


def field_key(person_key: bytes, binding: Binding) -> bytes:
    """The key of one field, 32 bytes, from which neither the person's key nor another field's follows."""
    return HKDF(SHA256(), _KEY_SIZE, None, _place(binding)).derive(person_key)


def seal(person_key: bytes, binding: Binding, name: str, salt: bytes) -> str:
    """The token that stands for the name at this place.

    Args:
        person_key: 32 random bytes.
        binding: The place.
        name: As it is to be read again.
        salt: 16 random bytes, never used again.

    Raises:
        ValueError: The name is longer than NAME_LIMIT or isn't Unicode text, or the salt is of another size.
    """
    if len(salt) != SALT_SIZE:
        raise ValueError(f"a salt has {SALT_SIZE} bytes")
    encryption_key, commitment = _derive(field_key(person_key, binding), salt)
    ciphertext = AESGCM(encryption_key).encrypt(_NONCE, _pad(name), _place(binding))
    return TOKEN_PREFIX + _encode(salt + commitment + ciphertext)


def open_token(person_key: bytes, binding: Binding, token: str) -> str:
    """The name that the token stands for. Raises Unsealable."""
    return open_disclosed(field_key(person_key, binding), binding, token)


def open_disclosed(disclosed_field_key: bytes, binding: Binding, token: str) -> str:
    """The name that the token stands for, opened by the key of its field alone. Raises Unsealable."""
    try:
        sealed = _decode(token)
        salt, commitment, ciphertext = (
            sealed[:SALT_SIZE],
            sealed[SALT_SIZE : SALT_SIZE + _COMMITMENT_SIZE],
            sealed[SALT_SIZE + _COMMITMENT_SIZE :],
        )
        encryption_key, expected = _derive(disclosed_field_key, salt)
        if not compare_digest(commitment, expected) or len(ciphertext) < _TAG_SIZE:
            raise Unsealable(binding)
        return _unpad(AESGCM(encryption_key).decrypt(_NONCE, ciphertext, _place(binding)))
    except (ValueError, InvalidTag):
        raise Unsealable(binding) from None


def _place(binding: Binding) -> bytes:
    parts = (binding.person.encode(), binding.record.encode(), b"%d" % binding.version, binding.field.encode())
    return b"taizhang/field/1" + b"".join(len(part).to_bytes(4) + part for part in parts)


def _derive(key: bytes, salt: bytes) -> tuple[bytes, bytes]:
    derived = HKDF(SHA256(), _KEY_SIZE + _COMMITMENT_SIZE, salt, b"taizhang/seal/1").derive(key)
    return derived[:_KEY_SIZE], derived[_KEY_SIZE:]


def _pad(name: str) -> bytes:
    try:
        content = name.encode()
    except UnicodeEncodeError:
        raise ValueError("a name is Unicode text") from None
    if len(content) > NAME_LIMIT:
        raise ValueError(f"a name has {NAME_LIMIT} bytes at most")
    told = len(content).to_bytes(_LENGTH_SIZE) + content
    return told + bytes(-len(told) % _BLOCK_SIZE)


def _unpad(padded: bytes) -> str:
    length = int.from_bytes(padded[:_LENGTH_SIZE])
    name = padded[_LENGTH_SIZE : _LENGTH_SIZE + length].decode()
    if _pad(name) != padded:
        raise ValueError("not padded as names are")
    return name


def _encode(sealed: bytes) -> str:
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()


def _decode(token: str) -> bytes:
    encoded = token.removeprefix(TOKEN_PREFIX)
    sealed = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    if TOKEN_PREFIX + _encode(sealed) != token:
        raise ValueError("not a token")
    return sealed
