"""Checkpoints: what a log says of its tree at one size (https://c2sp.org/tlog-checkpoint)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from domain.tlog.lines import Malformed, base64_of, decimal, hash_of
from domain.tlog.note import (
    COSIGNATURE,
    ED25519,
    Note,
    Unverified,
    Verified,
    VerifierKey,
    Verify,
    parse_note,
    verified,
)

_LINES = 3


class Checkpoint(NamedTuple):
    """A tree's head; as text, the note's text."""

    origin: str
    """The log's name."""
    size: int
    """How many entries the tree has."""
    root_hash: bytes
    """32 bytes."""
    extensions: tuple[str, ...] = ()
    """Further lines, opaque. Ours have none."""

    def __str__(self) -> str:
        lines = (self.origin, str(self.size), base64_of(self.root_hash), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


class Opened(NamedTuple):
    """A checkpoint whose log signed it, and which of the witnesses asked about did."""

    checkpoint: Checkpoint
    note: Note
    signers: tuple[VerifierKey, ...]
    """The log's keys that signed it, of those given."""
    cosigned: tuple[Verified, ...]
    """The witnesses' cosignatures that hold, one a witness."""


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint in a note's text. Raises Malformed."""
    lines = text.removesuffix("\n").split("\n")
    if len(lines) < _LINES or not all(lines) or not text.endswith("\n"):
        raise Malformed("a checkpoint has three lines or more, none of them empty")
    origin, size, root_hash, *extensions = lines
    return Checkpoint(origin, decimal(size), hash_of(root_hash), tuple(extensions))


def open_checkpoint(
    content: str | bytes | Note, keys: Iterable[VerifierKey], verify: Verify, witnesses: Iterable[VerifierKey] = ()
) -> Opened:
    """The checkpoint that a note carries.

    Args:
        content: The note.
        keys: The log's; one of them must have signed, and their name must be the checkpoint's origin.
        verify: Ed25519.
        witnesses: Whose cosignatures are looked for; none need be there.

    Raises:
        Malformed: It isn't a note of a checkpoint.
        Unverified: No key of the log signed it, its origin is another, or a signature of a key given fails.
    """
    note = content if isinstance(content, Note) else parse_note(content)
    checkpoint = parse_checkpoint(note.text)
    logs = {key for key in keys if key.kind == ED25519 and key.name == checkpoint.origin}
    signed = verified(note, (*logs, *(key for key in witnesses if key.kind == COSIGNATURE)), verify)
    signers = tuple(dict.fromkeys(one.key for one in signed if one.key in logs))
    if not signers:
        raise Unverified(f"no known key of {checkpoint.origin} signed the checkpoint")
    cosigned = {one.key: one for one in signed if one.key not in logs}
    return Opened(checkpoint, note, signers, tuple(cosigned.values()))


def origin_of(text: str) -> str:
    """The first line, which names the log: enough to know whose keys to ask for."""
    return text.partition("\n")[0]
