"""Signed notes, and the keys that they are verified by (https://c2sp.org/signed-note, /tlog-cosignature).

Two types of signature are known: a log's own, Ed25519 over the text, and a witness's, Ed25519 over the text and a time.
The arithmetic of Ed25519 is given: here is only what is signed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from typing import NamedTuple, TypeAlias

from domain.tlog.lines import Malformed, base64_of, bytes_of

ED25519 = 0x01
"""The type of a signature over a note's text."""
COSIGNATURE = 0x04
"""The type of a timestamped signature over a checkpoint."""
SIGNATURE_LIMIT = 100
"""Signature lines of one note at most, as in Go's reference implementation; the specification asks for 16 or more."""
TIME_LIMIT = 2**63
"""Seconds since the Epoch that a cosignature's time stays below."""
_KEY_ID_SIZE = 4
_KEY_SIZE = 32
_SIGNATURE_SIZE = 64
_TIME_SIZE = 8
_DASH = "—"


class Unverified(ValueError):  # noqa: N818  # says what the note is
    """The note isn't signed by a key that was asked for, or such a signature fails: its text is to be ignored."""


class VerifierKey(NamedTuple):
    """What a verifier knows of a signing key; as text, the specification's vkey."""

    name: str
    """Of the log, which is its origin, or of the witness."""
    kind: int
    """The type of its signatures."""
    public_key: bytes
    """32 bytes (RFC 8032)."""

    @property
    def key_id(self) -> bytes:
        """4 bytes that name key and type beside the name."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public_key).digest()[:_KEY_ID_SIZE]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64_of(bytes([self.kind]) + self.public_key)}"


class Signature(NamedTuple):
    """A signature line; unverified."""

    name: str
    key_id: bytes
    value: bytes
    """What the key's type makes of it: 64 bytes, or a time of 8 bytes before them."""

    @property
    def line(self) -> str:
        """The line in a note, its line feed included."""
        return f"{_DASH} {self.name} {base64_of(self.key_id + self.value)}\n"


class Note(NamedTuple):
    """A text, and who signed it; unverified."""

    text: str
    """Ends in a line feed."""
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return f"{self.text}\n{''.join(signature.line for signature in self.signatures)}"

    def signed_also(self, more: Iterable[Signature]) -> Note:
        """The note with these signatures at its end, those left out that it has already."""
        return self._replace(signatures=tuple(dict.fromkeys((*self.signatures, *more))))


class Verified(NamedTuple):
    """A signature that holds, and the key that it is of."""

    key: VerifierKey
    signature: Signature
    signed_at: int | None
    """Seconds since the Epoch, as a witness says; None for a log's own signature."""


Verify: TypeAlias = Callable[[bytes, bytes, bytes], bool]
"""Whether a public key made the signature (last) of the message (RFC 8032)."""


def parse_verifier_key(vkey: str) -> VerifierKey:
    """The key that a vkey names. Raises Malformed unless it is an Ed25519 key of a known type under its own key id."""
    name, _, rest = vkey.partition("+")
    decoded = bytes_of(rest.partition("+")[2])
    if len(decoded) != 1 + _KEY_SIZE or decoded[0] not in {ED25519, COSIGNATURE}:
        raise Malformed("not a verifier key of an Ed25519 key")
    key = VerifierKey(checked_name(name), decoded[0], decoded[1:])
    if str(key) != vkey:
        raise Malformed("the key id is not that of name and key")
    return key


def checked_name(name: str) -> str:
    """A key's name. Raises Malformed for an empty one, and one with spaces, plus or control characters."""
    if not name or any(sign.isspace() or sign < " " or sign == "+" for sign in name):
        raise Malformed("a key's name has one character or more, and no spaces, plus or control characters")
    return name


def checked_text(content: str | bytes) -> str:
    """A note's text. Raises Malformed unless it is UTF-8, ends in a line feed and has no other control characters."""
    try:
        text = content.encode().decode() if isinstance(content, str) else content.decode()
    except UnicodeError:
        raise Malformed("a note is UTF-8") from None
    if not text.endswith("\n") or any(sign < " " and sign != "\n" for sign in text):
        raise Malformed("a note's text ends in a line feed and has no other control characters")
    return text


def parse_note(content: str | bytes) -> Note:
    """The note that is written so. Raises Malformed."""
    text, separator, lines = checked_text(content).rpartition("\n\n")
    if not separator:
        raise Malformed("a note has a text, an empty line, and signatures")
    return Note(text + "\n", parse_signatures(lines))


def parse_signatures(lines: str) -> tuple[Signature, ...]:
    """Signature lines, one or more. Raises Malformed."""
    if lines.count("\n") > SIGNATURE_LIMIT or not lines.endswith("\n"):
        raise Malformed(f"a note has 1 to {SIGNATURE_LIMIT} signatures, each a line")
    return tuple(_signatures(lines))


def signed_message(text: str, signed_at: int | None = None) -> bytes:
    """What is signed: a log signs the text, a witness also the time at which it did, in seconds since the Epoch."""
    head = "" if signed_at is None else f"cosignature/v1\ntime {signed_at}\n"
    return (head + text).encode()


def signature_of(key: VerifierKey, signed: bytes, signed_at: int | None = None) -> Signature:
    """The signature line of what the key signed, 64 bytes; with the time for a witness's key."""
    time = b"" if signed_at is None else signed_at.to_bytes(_TIME_SIZE)
    return Signature(key.name, key.key_id, time + signed)


def verified(note: Note, keys: Iterable[VerifierKey], verify: Verify) -> list[Verified]:
    """The signatures of these keys, in the note's order; those of others are passed over.

    Raises Unverified when a signature of one of the keys fails, or there is none.
    """
    known = {(key.name, key.key_id): key for key in keys}
    holding: list[Verified] = []
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is not None:
            holding.append(_verified(note.text, key, signature, verify))
    if not holding:
        raise Unverified("no signature of a known key")
    return holding


def _verified(text: str, key: VerifierKey, signature: Signature, verify: Verify) -> Verified:
    time, signed = signature.value[:-_SIGNATURE_SIZE], signature.value[-_SIGNATURE_SIZE:]
    signed_at = int.from_bytes(time) if key.kind == COSIGNATURE else None
    if (
        len(time) != (_TIME_SIZE if key.kind == COSIGNATURE else 0)
        or (signed_at or 0) >= TIME_LIMIT
        or not verify(key.public_key, signed_message(text, signed_at), signed)
    ):
        raise Unverified(f"the signature of {key.name} doesn't hold")
    return Verified(key, signature, signed_at)


def _signatures(lines: str) -> Iterator[Signature]:
    for line in lines.removesuffix("\n").split("\n"):
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        signature = bytes_of(encoded)
        if dash != _DASH or len(signature) <= _KEY_ID_SIZE:
            raise Malformed("not a signature line")
        yield Signature(checked_name(name), signature[:_KEY_ID_SIZE], signature[_KEY_ID_SIZE:])
