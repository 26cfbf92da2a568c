"""Tiles: the tree in files that never change, and hashes read back from them (https://c2sp.org/tlog-tiles).

A hash is not trusted for having come from a tile: `TileTree` holds each against the root of a checkpoint.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from domain.tlog.tree import HASH_SIZE, Frontier, Subtree, Unproven, folded, leaf_hash, root_of

HEIGHT = 8
WIDTH = 1 << HEIGHT
"""Hashes of a full tile, and entries of a full bundle."""
FULL = WIDTH * HASH_SIZE
"""Bytes of a full tile."""
LEVELS = 8
"""Levels of tiles that a log of 2**63 entries has."""
_LENGTH = 2

_INDEX = re.compile(r"((?:x\d{3}/)*\d{3})(?:\.p/([1-9]\d{0,2}))?", re.ASCII)
_DIGITS_LIMIT = 27
"""Digits of an index at most; a log of 2**63 entries needs 17."""


class Tile(NamedTuple):
    """A tile of the tree, or with level None a bundle of entries: which hashes, and how many of them."""

    level: int | None
    number: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Where it is below the log's address: `tile/0/x001/234`, `tile/entries/067.p/5`."""
        level = "entries" if self.level is None else self.level
        return f"tile/{level}/{index_path(self.number)}{'' if self.width == WIDTH else f'.p/{self.width}'}"

    def within(self, size: int) -> bool:
        """Whether the tree of this size has so many hashes there."""
        return self.number * WIDTH + self.width <= size >> HEIGHT * (self.level or 0)


def index_path(index: int) -> str:
    """A tile's number in its level as path elements: 1234067 is `x001/x234/067`."""
    digits = f"{index:d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    *wider, last = (digits[at : at + 3] for at in range(0, len(digits), 3))
    return "".join(f"x{element}/" for element in wider) + last


def parse_index(path: str) -> tuple[int, int]:
    """The index and width that `x001/234` or `x001/234.p/5` names.

    Raises ValueError for whatever the specification writes otherwise: one tile has one address.
    """
    match = _INDEX.fullmatch(path) if len(path) <= 2 * _DIGITS_LIMIT else None
    if match is None:
        raise ValueError("not the index of a tile")
    index = int(match[1].replace("x", "").replace("/", ""))
    width = WIDTH if match[2] is None else int(match[2])
    if index_path(index) != match[1] or (match[2] is not None and width >= WIDTH):
        raise ValueError("not the index of a tile as the specification writes it")
    return index, width


def tiles(old: int, new: int) -> Iterator[Tile]:
    """The tiles that the tree of `new` leaves has, and that of `old` ones had not, or not so wide; level by level."""
    for level in range(LEVELS):
        before, after = old >> HEIGHT * level, new >> HEIGHT * level
        if before < after:
            for index in range(before >> HEIGHT, -(-after >> HEIGHT)):
                yield Tile(level, index, min(WIDTH, after - index * WIDTH))


def edge_tiles(size: int) -> list[Tile]:
    """The partial tiles of a tree: its root, and all tiles of a larger tree, can be had from them and new leaves."""
    widths = ((level, size >> HEIGHT * level) for level in range(LEVELS))
    return [Tile(level, hashes >> HEIGHT, hashes % WIDTH) for level, hashes in widths if hashes % WIDTH]


class Edge(NamedTuple):
    """The right edge of a tree: the hashes of its partial tile at each level."""

    size: int = 0
    levels: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, size: int, partial: Sequence[bytes]) -> Edge:
        """The edge of a tree from what `edge_tiles` names, in its order; wider tiles are cut. Unproven if narrower."""
        named = edge_tiles(size)
        levels = [b""] * (1 + max((tile.level or 0 for tile in named), default=-1))
        for tile, hashes in zip(named, partial, strict=True):
            levels[tile.level or 0] = _cut(tile, hashes)
        return cls(size, tuple(levels))

    def root(self) -> bytes:
        """The tree's root."""
        roots: list[bytes] = []
        for hashes in reversed(self.levels):
            roots += Frontier().extend(split(hashes)).roots
        return folded(roots)

    def extended(self, leaves: Iterable[bytes]) -> tuple[Edge, list[tuple[Tile, bytes]]]:
        """The edge with these leaf hashes more, and the tiles that they make or widen, each as wide as it gets."""
        levels, size, made = list(self.levels), self.size, list[tuple[Tile, bytes]]()
        added, level = list(leaves), 0
        size += len(added)
        while added:
            if level == len(levels):
                levels.append(b"")
            hashes = levels[level] + b"".join(added)
            parts = [hashes[start : start + FULL] for start in range(0, len(hashes), FULL)]
            for number, part in enumerate(parts, self.size >> HEIGHT * (level + 1)):
                made.append((Tile(level, number, len(part) // HASH_SIZE), part))
            added = [root_of(split(part)) for part in parts if len(part) == FULL]
            levels[level] = hashes[len(added) * FULL :]
            level += 1
        return Edge(size, tuple(levels)), made


Fetch: TypeAlias = Callable[[Sequence[Tile]], Sequence[bytes]]
"""Gives the bytes of tiles, in their order, from wherever they are; a wider tile than asked for will do."""


class TileTree:
    """The tree of a checkpoint as tiles give it, each held against the checkpoint's root before it is used."""

    def __init__(self, size: int, root: bytes, fetch: Fetch) -> None:
        """Fetch the right edge.

        Raises Unproven when it doesn't have the root.
        """
        self.size = size
        self._fetch = fetch
        edge = edge_tiles(size)
        given = fetch(edge) if edge else ()
        if Edge.of(size, given).root() != root:
            raise Unproven(f"the tiles don't have the root of the checkpoint of {size} entries")
        self._known = {tile: _cut(tile, hashes) for tile, hashes in zip(edge, given, strict=True)}

    def read(self, wanted: Sequence[Subtree]) -> list[bytes]:
        """The hashes of perfect subtrees. Unproven where a tile isn't the checkpoint's, ValueError outside the tree."""
        self._learn({self._tile(*subtree) for subtree in wanted})
        return [self._hash(*subtree) for subtree in wanted]

    def tile(self, tile: Tile) -> bytes:
        """The hashes of a tile, as wide as named. Raises what `read` does."""
        whole = self._tile(HEIGHT * (tile.level or 0), tile.number * WIDTH + tile.width - 1)
        self._learn({whole})
        return self._known[whole][: tile.width * HASH_SIZE]

    def _tile(self, level: int, index: int) -> Tile:
        """The tile, as wide as it is in this tree, that the hash of a subtree comes from."""
        if (index + 1) << level > self.size:
            raise ValueError(f"the tree of {self.size} leaves has no subtree {index} of height {level}")
        row, number = divmod(level, HEIGHT)
        at = index << number >> HEIGHT
        return Tile(row, at, min(WIDTH, (self.size >> HEIGHT * row) - at * WIDTH))

    def _hash(self, level: int, index: int) -> bytes:
        hashes, height = self._known[self._tile(level, index)], level % HEIGHT
        start = (index << height) % WIDTH * HASH_SIZE
        return root_of(split(hashes[start : start + (HASH_SIZE << height)]))

    def _learn(self, wanted: set[Tile]) -> None:
        missing: set[Tile] = set()
        while wanted := wanted - missing - self._known.keys():
            missing |= wanted
            wanted = {self._tile(HEIGHT * ((tile.level or 0) + 1), tile.number) for tile in wanted}
        from_above = sorted(missing, key=lambda tile: (-(tile.level or 0), tile.number))
        for tile, given in zip(from_above, self._fetch(from_above) if from_above else (), strict=True):
            hashes = _cut(tile, given)
            if root_of(split(hashes)) != self._hash(HEIGHT * ((tile.level or 0) + 1), tile.number):
                raise Unproven(f"{tile.path} isn't of the tree of {self.size} entries")
            self._known[tile] = hashes


def split(hashes: bytes) -> list[bytes]:
    """The hashes of a tile, one by one."""
    return [hashes[at : at + HASH_SIZE] for at in range(0, len(hashes), HASH_SIZE)]


def bundle_of(entries: Iterable[bytes]) -> bytes:
    """Entries as a bundle: each after its length in two bytes. Raises OverflowError for a longer one."""
    return b"".join(part for entry in entries for part in (len(entry).to_bytes(_LENGTH), entry))


def entries_of(bundle: bytes) -> list[bytes]:
    """The entries of a bundle. Raises ValueError where it ends within one."""
    entries: list[bytes] = []
    at = 0
    while at < len(bundle):
        start = at + _LENGTH
        at = start + int.from_bytes(bundle[at:start])
        if at > len(bundle) or start > len(bundle):
            raise ValueError("the bundle ends within an entry")
        entries.append(bundle[start:at])
    return entries


def check_bundle(bundle: bytes, tile: bytes) -> list[bytes]:
    """The entries of a bundle. Raises Unproven unless their hashes are those of the tile at level 0, one by one."""
    entries = entries_of(bundle)
    hashes = split(tile)
    if len(entries) != len(hashes) or any(
        leaf_hash(entry) != known for entry, known in zip(entries, hashes, strict=True)
    ):
        raise Unproven("the entries of the bundle are not those of the tile")
    return entries


def _cut(tile: Tile, hashes: bytes) -> bytes:
    if len(hashes) < tile.width * HASH_SIZE or len(hashes) % HASH_SIZE:
        raise Unproven(f"{tile.path} has {len(hashes)} bytes, not {tile.width * HASH_SIZE}")
    return hashes[: tile.width * HASH_SIZE]
