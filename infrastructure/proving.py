"""Proofs out of the leaf hashes that the log keeps, under checkpoints signed when they are asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from domain.tlog.checkpoint import Checkpoint
from domain.tlog.tree import Subtree, consistency_proof, inclusion_proof, node_hash, root_at
from infrastructure.postgres.reader import LogReader

_HASH = 32


class LogProofs:
    """Keeps the hashes of all perfect subtrees of the log's beginning, 64 bytes a leaf. Safe for threads."""

    def __init__(self, reader: LogReader, origin: str, sign: Callable[[str], str]) -> None:
        self._reader = reader
        self._origin = origin
        self._sign = sign
        self._levels = [bytearray()]
        self._turn = threading.Lock()

    def checkpoint_covering(self, size: int) -> bytes:
        """The checkpoint of the tree of so many entries."""
        with self._turn:
            self._read_on(size)
            return self._sign(str(Checkpoint(self._origin, size, root_at(size, self._read)))).encode()

    def inclusion(self, position: int, size: int) -> Sequence[bytes]:
        """The audit path of an entry in the tree of so many entries."""
        with self._turn:
            self._read_on(size)
            return inclusion_proof(position - 1, size, self._read)

    def consistency(self, old: int, new: int) -> Sequence[bytes]:
        """The proof that the tree of `new` entries begins with that of `old`."""
        with self._turn:
            self._read_on(new)
            return consistency_proof(old, new, self._read)

    def _read(self, wanted: Sequence[Subtree]) -> list[bytes]:
        return [bytes(self._levels[one.level][_HASH * one.number : _HASH * (one.number + 1)]) for one in wanted]

    def _read_on(self, size: int) -> None:
        known = len(self._levels[0]) // _HASH
        if known < size:
            rows = self._reader.rows(
                "SELECT l.leaf_hash FROM ledger.log AS l WHERE l.position > %s AND l.position <= %s"
                " ORDER BY l.position",
                known, size,
            )  # fmt: skip
            for row in rows:
                self._levels[0] += row[0]
        for level, below in enumerate(self._levels):
            if len(below) < 2 * _HASH:
                return
            if level + 1 == len(self._levels):
                self._levels.append(bytearray())
            above = self._levels[level + 1]
            for at in range(len(above) * 2, len(below) - 2 * _HASH + 1, 2 * _HASH):
                above += node_hash(bytes(below[at : at + _HASH]), bytes(below[at + _HASH : at + 2 * _HASH]))
