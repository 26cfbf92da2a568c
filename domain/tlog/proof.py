"""Proofs that travel alone: an entry's place in a signed tree, as text (https://c2sp.org/tlog-proof)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from domain.tlog.checkpoint import Opened, open_checkpoint
from domain.tlog.lines import Malformed, base64_of, bytes_of, decimal, hash_of
from domain.tlog.note import VerifierKey, Verify, parse_note
from domain.tlog.tree import PROOF_LIMIT, check_inclusion

SUFFIX = ".tlog-proof"
_FIRST = "c2sp.org/tlog-proof@v1"


class Proof(NamedTuple):
    """Where an entry is, and why; as text, the content of a `.tlog-proof` file."""

    leaf_index: int
    """From 0: one less than the entry's position."""
    hashes: tuple[bytes, ...]
    """The audit path, from the leaf up."""
    checkpoint: str
    """The signed note, as the log published it."""
    extra: bytes | None = None
    """What an application adds; it proves nothing."""

    def __str__(self) -> str:
        extra = () if self.extra is None else (f"extra {base64_of(self.extra)}",)
        lines = (_FIRST, *extra, f"index {self.leaf_index}", *map(base64_of, self.hashes))
        return "".join(f"{line}\n" for line in lines) + "\n" + self.checkpoint

    def check(
        self, leaf: bytes, keys: Iterable[VerifierKey], verify: Verify, witnesses: Iterable[VerifierKey] = ()
    ) -> Opened:
        """The checkpoint that holds the leaf hash at the index; raises what `open_checkpoint` does, and Unproven.

        Whether its cosignatures suffice is a policy's to say.
        """
        opened = open_checkpoint(self.checkpoint, keys, verify, witnesses)
        head = opened.checkpoint
        check_inclusion(leaf, self.leaf_index, head.size, head.root_hash, self.hashes)
        return opened


def parse_proof(content: str) -> Proof:
    """The proof that is written so, unchecked. Raises Malformed."""
    head, separator, checkpoint = content.partition("\n\n")
    first, *lines = head.split("\n")
    if first != _FIRST or not separator:
        raise Malformed(f"the first line of a proof is {_FIRST}, and a checkpoint follows an empty line")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = bytes_of(lines.pop(0).removeprefix("extra "))
    if not lines or not lines[0].startswith("index ") or len(lines) > 1 + PROOF_LIMIT:
        raise Malformed("an index follows, and hashes")
    parse_note(checkpoint)
    return Proof(decimal(lines[0].removeprefix("index ")), tuple(map(hash_of, lines[1:])), checkpoint, extra)
