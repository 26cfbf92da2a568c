"""封存各记录末端: each record mapped to its last entry, as a sorted Merkle tree whose root `HeadsSealed` states.

That an entry is in the log says nothing of what was left out. The map does: it says how many entries each record has,
and which is the last of them, so that "these are all entries of this record up to size N" and "there is no such record
up to size N" are proved offline, by a path of hashes. Byte by byte:

- a leaf is `taizhang-head/1`, the record's path, its last version and that entry's position in decimal, each in UTF-8
  and followed by a line feed; its hash is SHA-256 of 0x00 and the leaf (RFC 6962 section 2.1);
- leaves are ordered by the bytes of the record's path, each record has one; the tree over them is RFC 6962's, and the
  empty map has the root SHA-256 of nothing;
- presence is proved by RFC 6962's audit path (section 2.1.1) in a tree of as many leaves as the map has records;
- absence is proved by the two leaves that are next to each other and that the record would stand between; by the first
  leaf alone where it would stand before it, the last one alone where after it; by nothing in the empty map.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

from domain.tlog.tree import EMPTY_ROOT, leaf_hash, node_hash

_HASH = 32
_NUMBER = 8
"""Bytes that a version or a position takes in memory."""
_NODES_AT_ONCE = 16_384
"""Nodes that are hashed before they are taken into their level."""


class Unproven(ValueError):  # noqa: N818  # says what the proof is
    """The proof doesn't show what it is given for."""


class Head(NamedTuple):
    """The last entry of a record, up to some size of the log."""

    record: str
    """`communities/610112002001`."""
    version: int
    """Of that entry in its record, and so the number of its entries."""
    position: int
    """Of that entry in the log."""

    def encoded(self) -> bytes:
        """The leaf's bytes."""
        return b"taizhang-head/1\n%s\n%d\n%d\n" % (self.record.encode(), self.version, self.position)


class Presence(NamedTuple):
    """Proves that the map has this head."""

    head: Head
    leaf_index: int
    """Of the leaf, from 0."""
    path: tuple[bytes, ...]
    """The audit path, from the leaf up."""

    def check(self, records: int, root: bytes) -> None:
        """Raise Unproven unless the map of so many records with this root has the head at this index."""
        if _root_by(leaf_hash(self.head.encoded()), self.leaf_index, records, self.path) != root:
            raise Unproven(f"the path of {self.head.record} doesn't lead to the root")


class Absence(NamedTuple):
    """Proves that the map has no head of a record: what stands right before its place, and right after it."""

    before: Presence | None
    """None where the place is the map's beginning."""
    after: Presence | None
    """None where it is the map's end."""

    def check(self, record: str, records: int, root: bytes) -> None:
        """Raise Unproven unless the map of so many records with this root has no head of the record."""
        before, after = self
        if before is None and after is None and (records, root) != (0, EMPTY_ROOT):
            raise Unproven("only the empty map has nothing beside a record's place")
        begins = 0 if before is None else before.leaf_index + 1
        ends = records if after is None else after.leaf_index
        if begins != ends:
            raise Unproven(f"leaves {begins - 1} and {ends} are not next to each other")
        for beside in (before, after):
            if beside is not None:
                beside.check(records, root)
        if before is not None and _key(before.head.record) >= _key(record):
            raise Unproven(f"{before.head.record} doesn't stand before {record}")
        if after is not None and _key(after.head.record) <= _key(record):
            raise Unproven(f"{after.head.record} doesn't stand after {record}")


def check_complete(
    record: str, places: Iterable[tuple[int, int]], proof: Presence | Absence, *, records: int, root: bytes
) -> None:
    """Raise Unproven unless these are all entries of the record that the sealed map knows.

    `places` are the version and position of each entry, oldest first; `records` and `root` are the HeadsSealed's.
    """
    given = list(places)
    if isinstance(proof, Absence):
        proof.check(record, records, root)
        if given:
            raise Unproven(f"{record} has entries, and is said to have none")
        return
    proof.check(records, root)
    if proof.head.record != record:
        raise Unproven(f"the proof is about {proof.head.record}, not about {record}")
    if [version for version, _ in given] != list(range(1, proof.head.version + 1)):
        raise Unproven(f"{record} has {proof.head.version} entries; these are not versions 1 to that")
    if given[-1][1] != proof.head.position:
        raise Unproven(f"the last entry of {record} is {proof.head.position}, not {given[-1][1]}")


class HeadsMap:
    """The heads of all records at one size of the log, and the tree over them. Not safe for threads.

    Keeps about 200 bytes a record. A root or a proof hashes what changed since the last; where records are new, what
    stands behind them too.
    """

    def __init__(self) -> None:
        self.size = 0
        """How many entries of the log it takes account of."""
        self._records: list[str] = []
        self._numbers = bytearray()
        """Version and position of each head, so many bytes each."""
        self._levels = [bytearray()]
        """The perfect subtrees' hashes, level by level: first the leaves', at last one."""
        self._changed: set[int] = set()
        self._fresh_from = 0
        """Leaves above which nothing has been hashed yet: those changed, and all from the first new one on."""

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Head]:
        return map(self._head, range(len(self._records)))

    def advance(self, heads: Iterable[Head], size: int) -> None:
        """Take in the last entries of records, in any order, up to this size of the log.

        Of one record the highest version holds, also over what the map has.
        """
        known: dict[int, Head] = {}
        new: dict[str, Head] = {}
        for head in heads:
            at = bisect_left(self._records, head.record)
            if at < len(self._records) and self._records[at] == head.record:
                if head.version > known.get(at, self._head(at)).version:
                    known[at] = head
            elif head.record not in new or head.version > new[head.record].version:
                new[head.record] = head
        for at, head in known.items():
            self._numbers[2 * _NUMBER * at : 2 * _NUMBER * (at + 1)] = _numbers(head)
            self._levels[0][_HASH * at : _HASH * (at + 1)] = leaf_hash(head.encoded())
        self._changed |= known.keys()
        if new:
            self._fresh_from = min(self._fresh_from, self._insert([new[record] for record in sorted(new)]))
        self.size = size

    def get(self, record: str) -> Head | None:
        """The record's last entry; None where it has none."""
        at = bisect_left(self._records, record)
        return self._head(at) if at < len(self._records) and self._records[at] == record else None

    def root(self) -> bytes:
        """The tree's root, 32 bytes."""
        self._rehash()
        return self._hash(0, len(self._records)) if self._records else EMPTY_ROOT

    def prove(self, record: str) -> Presence | Absence:
        """The proof of the record's head, or that it has none."""
        self._rehash()
        at = bisect_left(self._records, record)
        if at < len(self._records) and self._records[at] == record:
            return self._presence(at)
        return Absence(self._presence(at - 1) if at else None, self._presence(at) if at < len(self._records) else None)

    def _head(self, at: int) -> Head:
        numbers = self._numbers[2 * _NUMBER * at : 2 * _NUMBER * (at + 1)]
        return Head(self._records[at], int.from_bytes(numbers[:_NUMBER]), int.from_bytes(numbers[_NUMBER:]))

    def _presence(self, at: int) -> Presence:
        path: list[bytes] = []
        begins, ends = 0, len(self._records)
        while ends - begins > 1:
            middle = begins + (1 << (ends - begins - 1).bit_length() - 1)
            if at < middle:
                path.append(self._hash(middle, ends))
                ends = middle
            else:
                path.append(self._hash(begins, middle))
                begins = middle
        return Presence(self._head(at), at, tuple(reversed(path)))

    def _hash(self, begins: int, ends: int) -> bytes:
        """The hash of the leaves from one on to before another, as they stand in the tree."""
        level = (ends - begins).bit_length() - 1
        at = begins >> level
        root = bytes(self._levels[level][_HASH * at : _HASH * (at + 1)])
        middle = begins + (1 << level)
        return root if middle == ends else node_hash(root, self._hash(middle, ends))

    def _insert(self, heads: Sequence[Head]) -> int:
        """Put new records, in their order, into their places; returns the first of these."""
        records, numbers, leaves = list[str](), bytearray(), bytearray()
        places = [bisect_left(self._records, head.record) for head in heads]
        done = first = places[0]
        for at, head in zip(places, heads, strict=True):
            if done < at:
                records += self._records[done:at]
                numbers += self._numbers[2 * _NUMBER * done : 2 * _NUMBER * at]
                leaves += self._levels[0][_HASH * done : _HASH * at]
            records.append(head.record)
            numbers += _numbers(head)
            leaves += leaf_hash(head.encoded())
            done = at
        records += self._records[done:]
        numbers += self._numbers[2 * _NUMBER * done :]
        leaves += self._levels[0][_HASH * done :]
        self._records[first:] = records
        self._numbers[2 * _NUMBER * first :] = numbers
        self._levels[0][_HASH * first :] = leaves
        return first

    def _rehash(self) -> None:
        """Hash what is above the changed leaves, and above all leaves from the first new one on."""
        below, count = self._levels[0], len(self._records)
        first, changed = self._fresh_from, {at for at in self._changed if at < self._fresh_from}
        if first == count and not changed:
            return
        self._fresh_from, self._changed = count, set()
        for level in range(1, count.bit_length()):
            if level == len(self._levels):
                self._levels.append(bytearray())
            above = self._levels[level]
            count, first = count >> 1, first >> 1
            changed = {at >> 1 for at in changed if at >> 1 < first}
            for at in changed:
                above[_HASH * at : _HASH * (at + 1)] = _nodes(below, at, at + 1)
            del above[_HASH * first :]
            for begins in range(first, count, _NODES_AT_ONCE):
                above += _nodes(below, begins, min(begins + _NODES_AT_ONCE, count))
            below = above


def _nodes(below: bytearray, begins: int, ends: int) -> bytes:
    """The nodes' hashes from one on to before another, out of the level below."""
    pairs = bytes(below[2 * _HASH * begins : 2 * _HASH * ends])
    width = 2 * _HASH
    return b"".join([sha256(b"\x01" + pairs[at : at + width]).digest() for at in range(0, len(pairs), width)])


def _numbers(head: Head) -> bytes:
    return head.version.to_bytes(_NUMBER) + head.position.to_bytes(_NUMBER)


def _key(record: str) -> bytes:
    return record.encode()


def _root_by(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that an audit path leads to (RFC 9162 section 2.1.3.2). Raises Unproven for one of another shape."""
    if not 0 <= index < size:
        raise Unproven(f"there is no leaf {index} of {size}")
    at, last = index, size - 1
    for beside in path:
        if not last:
            raise Unproven("the path is too long")
        if at & 1 or at == last:
            leaf = node_hash(beside, leaf)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            leaf = node_hash(leaf, beside)
        at, last = at >> 1, last >> 1
    if last:
        raise Unproven("the path is too short")
    return leaf
