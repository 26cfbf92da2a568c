"""What is said between a log and a witness, and what a witness may sign (https://c2sp.org/tlog-witness)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from hashlib import sha256
from typing import NamedTuple

from domain.tlog.checkpoint import Checkpoint, Opened, open_checkpoint, origin_of
from domain.tlog.lines import Malformed, base64_of, decimal, hash_of
from domain.tlog.note import Unverified, VerifierKey, Verify, parse_note
from domain.tlog.tree import EMPTY_ROOT, PROOF_LIMIT, Unproven, check_consistency

SIZE_TYPE = "text/x.tlog.size"
"""The media type in which a witness says which size it cosigned last."""


class Answer(IntEnum):
    """How a witness answers, by the status of HTTP."""

    COSIGNED = 200
    BAD_REQUEST = 400
    UNTRUSTED = 403
    """No key of the log signed it, or such a signature fails."""
    UNKNOWN_LOG = 404
    OTHER_SIZE = 409
    """The last checkpoint cosigned is of another size than the request says."""
    INCONSISTENT = 422


class AddCheckpoint(NamedTuple):
    """A checkpoint to be cosigned, with the proof from the last one; as text, the request's body."""

    old_size: int
    proof: tuple[bytes, ...]
    checkpoint: str
    """The signed note."""

    def __str__(self) -> str:
        lines = (f"old {self.old_size}", *map(base64_of, self.proof))
        return "".join(f"{line}\n" for line in lines) + "\n" + self.checkpoint


class Judged(NamedTuple):
    """What a witness may answer."""

    answer: Answer
    opened: Opened | None = None
    """The checkpoint, where it is to be remembered and cosigned."""
    reason: str = ""


def parse_add_checkpoint(body: bytes) -> AddCheckpoint:
    """The request that is written so. Raises Malformed."""
    try:
        head, separator, checkpoint = body.decode().partition("\n\n")
    except UnicodeDecodeError:
        raise Malformed("the request is UTF-8") from None
    old, *lines = head.split("\n")
    if not separator or not old.startswith("old ") or len(lines) > PROOF_LIMIT:
        raise Malformed("old size, proof, an empty line, and a checkpoint belong here")
    return AddCheckpoint(decimal(old.removeprefix("old ")), tuple(map(hash_of, lines)), checkpoint)


def origin_asked(request: AddCheckpoint) -> str:
    """The log that a request is about. Raises Malformed."""
    return origin_of(parse_note(request.checkpoint).text)


def judge(request: AddCheckpoint, keys: Iterable[VerifierKey], last: Checkpoint | None, verify: Verify) -> Judged:
    """Whether a witness that cosigned `last` of this log, whose keys these are, may cosign what is asked for.

    Checks in the specification's order. Raises Malformed for what is no checkpoint.
    """
    known = tuple(keys)
    if not any(key.name == origin_asked(request) for key in known):
        return Judged(Answer.UNKNOWN_LOG, reason="this witness doesn't follow that log")
    try:
        opened = open_checkpoint(request.checkpoint, known, verify)
    except Unverified as fault:
        return Judged(Answer.UNTRUSTED, reason=str(fault))
    head = opened.checkpoint
    if request.old_size > head.size:
        return Judged(Answer.BAD_REQUEST, reason=f"{request.old_size} is past the checkpoint's {head.size}")
    if request.old_size != (0 if last is None else last.size):
        return Judged(Answer.OTHER_SIZE, reason="the last checkpoint cosigned has another size")
    root = EMPTY_ROOT if last is None else last.root_hash
    try:
        check_consistency(request.old_size, head.size, root, head.root_hash, request.proof)
    except Unproven as fault:
        return Judged(Answer.INCONSISTENT, reason=str(fault))
    return Judged(Answer.COSIGNED, opened)


def origin_hash(origin: str) -> str:
    """What names a log in a witness's monitoring address: SHA-256 of its origin, lower-case hex."""
    return sha256(origin.encode()).hexdigest()
