"""The Merkle tree hash of the log (RFC 6962 section 2.1), kept as a compact range while leaves are appended."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from itertools import islice
from typing import NamedTuple

EMPTY_ROOT = sha256(b"").digest()
_CHUNK = 65_536
"""Leaf hashes that `extend` holds at a time, so that its memory is bounded whatever it is given."""


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256 of 0x00 and the entry's bytes."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01 and the two hashes below."""
    return sha256(b"\x01" + left + right).digest()


class Frontier(NamedTuple):
    """The perfect subtrees that a tree of this size consists of: all that further leaves and the root need.

    One root for each 1 in the binary size, the widest subtree (the leftmost) first.
    """

    size: int = 0
    """Leaves."""
    roots: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> Frontier:
        """The frontier with one leaf hash more."""
        roots, behind = list(self.roots), self.size
        while behind & 1:
            leaf = node_hash(roots.pop(), leaf)
            behind >>= 1
        return Frontier(self.size + 1, (*roots, leaf))

    def extend(self, leaves: Iterable[bytes]) -> Frontier:
        """The frontier with these leaf hashes more, in their order; one hash a leaf, in bounded memory."""
        frontier, rest = self, iter(leaves)
        while chunk := list(islice(rest, _CHUNK)):
            frontier = frontier._extend_at_once(chunk)
        return frontier

    def root(self) -> bytes:
        """The Merkle tree hash, 32 bytes; SHA-256 of nothing for the empty tree."""
        if not self.roots:
            return EMPTY_ROOT
        *wider, root = self.roots
        for left in reversed(wider):
            root = node_hash(left, root)
        return root

    def _extend_at_once(self, level: list[bytes]) -> Frontier:
        size, behind, wider, narrower = self.size + len(level), self.size, list(self.roots), list[bytes]()
        while level:
            if behind & 1:
                level.insert(0, wider.pop())
            if len(level) & 1:
                narrower.append(level.pop())
            nodes = iter(level)
            level = [sha256(b"\x01" + left + right).digest() for left, right in zip(nodes, nodes, strict=True)]
            behind >>= 1
        return Frontier(size, (*wider, *reversed(narrower)))


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The Merkle tree hash of these leaf hashes, 32 bytes."""
    return Frontier().extend(leaves).root()
