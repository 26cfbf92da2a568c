"""The Merkle tree over the log, and its proofs (RFC 6962 section 2.1): made from hashes, and checked without a tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from typing import NamedTuple, TypeAlias

HASH_SIZE = 32
"""Bytes of a hash."""
EMPTY_ROOT = sha256(b"").digest()
PROOF_LIMIT = 63
"""Hashes of one proof at most: no tree is higher (https://c2sp.org/tlog-witness)."""
_CHUNK = 65_536
"""Leaf hashes that `extend` holds at a time, so that its memory is bounded whatever it is given."""


class Unproven(ValueError):  # noqa: N818  # says what the proof is
    """The proof doesn't show what it is given for."""


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
        return folded(self.roots)

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


def folded(roots: Sequence[bytes]) -> bytes:
    """The hash over perfect subtrees that stand side by side, the widest first; SHA-256 of nothing for none."""
    if not roots:
        return EMPTY_ROOT
    *wider, root = roots
    for left in reversed(wider):
        root = node_hash(left, root)
    return root


class Subtree(NamedTuple):
    """A perfect subtree: its hash is over the leaves from `number << level` on, `1 << level` of them."""

    level: int
    number: int


Read: TypeAlias = Callable[[Sequence[Subtree]], Sequence[bytes]]
"""Gives the hashes of perfect subtrees, in their order."""


def subtrees(start: int, end: int) -> list[Subtree]:
    """The perfect subtrees that the hash over the leaves `start` to before `end` is folded from, the widest first.

    A range of a proof begins where a subtree at least as wide as the range does; any other has no hash of its own.
    """
    found: list[Subtree] = []
    while start < end:
        level = (end - start).bit_length() - 1
        found.append(Subtree(level, start >> level))
        start += 1 << level
    return found


def root_at(size: int, read: Read) -> bytes:
    """The root of the tree's first `size` leaves."""
    return folded(read(subtrees(0, size)))


def inclusion_proof(index: int, size: int, read: Read) -> tuple[bytes, ...]:
    """The audit path of a leaf in the tree of `size` leaves, from the leaf up (RFC 6962 section 2.1.1).

    Raises ValueError when that tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    ranges: list[tuple[int, int]] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return _hashes(ranges[::-1], read)


def consistency_proof(old: int, new: int, read: Read) -> tuple[bytes, ...]:
    """The proof that the tree of `old` leaves is the beginning of that of `new` ones (RFC 6962 section 2.1.2).

    Nothing has to be shown of the empty tree, and of a tree and itself. Raises ValueError when `old` is past `new`.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {old} leaves is no beginning of one of {new}")
    if old in {0, new}:
        return ()
    ranges: list[tuple[int, int]] = []
    start, end = 0, new
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start:
        ranges.append((start, old))
    return _hashes(ranges[::-1], read)


def check_inclusion(leaf: bytes, index: int, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Raise Unproven unless the tree of `size` leaves with this root has the leaf hash at the index.

    RFC 9162 section 2.1.3.2.
    """
    if not 0 <= index < size or len(leaf) != HASH_SIZE:
        raise Unproven(f"a tree of {size} leaves has no leaf {index} of such a hash")
    for sibling, is_left in climb(index, size - 1, proof):
        leaf = node_hash(sibling, leaf) if is_left else node_hash(leaf, sibling)
    if leaf != root:
        raise Unproven(f"the proof of leaf {index} doesn't lead to the root of {size} leaves")


def check_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raise Unproven unless the tree of `old` leaves and its root are the beginning of the tree of `new` ones.

    RFC 9162 section 2.1.4.2. The beginning of every tree is the empty one, with an empty proof.
    """
    if not 0 <= old <= new:
        raise Unproven(f"a tree of {old} leaves is no beginning of one of {new}")
    if old in {0, new}:
        empty = {root for size, root in ((old, old_root), (new, new_root)) if size == 0}
        if proof or (old and old_root != new_root) or not empty <= {EMPTY_ROOT}:
            raise Unproven(f"{old} leaves have two roots, or something was given as proof where nothing has to be")
        return
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    # Where the old tree is perfect, its root is a node of the new one, and left out of the proof.
    path = proof if old & old - 1 else (old_root, *proof)
    if not path:
        raise Unproven("the proof is empty")
    before = after = path[0]
    for sibling, is_left in climb(at, last, path[1:]):
        before = node_hash(sibling, before) if is_left else before
        after = node_hash(sibling, after) if is_left else node_hash(after, sibling)
    if (before, after) != (old_root, new_root):
        raise Unproven(f"the proof doesn't lead from the root of {old} leaves to that of {new}")


def climb(at: int, last: int, proof: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """From a node, and the last one beside it, up to the root: each sibling, and whether it stands to the left."""
    if len(proof) > PROOF_LIMIT or any(len(sibling) != HASH_SIZE for sibling in proof):
        raise Unproven(f"a proof has {PROOF_LIMIT} hashes of {HASH_SIZE} bytes at most")
    for sibling in proof:
        if not last:
            raise Unproven("the proof goes on past the root")
        is_left = bool(at & 1) or at == last
        while is_left and at and not at & 1:
            at, last = at >> 1, last >> 1
        yield sibling, is_left
        at, last = at >> 1, last >> 1
    if last:
        raise Unproven("the proof ends below the root")


def _split(size: int) -> int:
    """The largest power of two below a size."""
    return 1 << (size - 1).bit_length() - 1


def _hashes(ranges: Sequence[tuple[int, int]], read: Read) -> tuple[bytes, ...]:
    parts = [subtrees(*one) for one in ranges]
    hashes = iter(read([subtree for part in parts for subtree in part]))
    return tuple(folded(list(islice(hashes, len(part)))) for part in parts)
