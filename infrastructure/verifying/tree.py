"""The published tree against the log: every tile, every checkpoint with its signatures, and those kept elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from operator import attrgetter
from typing import NamedTuple, Protocol

from domain.examination import STRETCH, Fault, Kind, Stretch
from domain.tlog.checkpoint import open_checkpoint, parse_checkpoint
from domain.tlog.lines import Malformed
from domain.tlog.note import Unverified, VerifierKey, parse_note, parse_verifier_key
from domain.tlog.tile import HEIGHT, WIDTH, Edge, Tile, split, tiles
from domain.tlog.tree import HASH_SIZE, Frontier, folded
from infrastructure.keys.signing import verify


class Signed(NamedTuple):
    """A checkpoint to be held against the log."""

    size: int
    root_hash: bytes | None
    """As it is stored beside the note; None where there is nothing but the note."""
    note: str | bytes | None
    """None where it isn't published yet."""
    is_kept: bool = False
    """Whether somebody kept it elsewhere."""


class Source(Protocol):
    """Where a tree is published: a database, or an address."""

    @property
    def size(self) -> int:
        """How many entries the published tree has."""
        ...

    def tiles(self, wanted: Sequence[Tile]) -> Sequence[bytes | None]:
        """The hashes of tiles, in their order; None for one that is missing."""
        ...

    def checkpoints(self, after: int, until: int) -> Sequence[Signed]:
        """Those of more entries than `after`, up to `until`."""
        ...

    def tile_count(self) -> int | None:
        """How many tiles there are; None where that can't be told."""
        ...


class Published:
    """Holds what a source publishes against the log's stretches as they come, from the first one on."""

    def __init__(self, source: Source, kept: Sequence[str | bytes], keys: Sequence[VerifierKey] = ()) -> None:
        """`kept` are checkpoints, as notes, from elsewhere; `keys` the log's, beside those that its entries declare."""
        self._source = source
        self._kept = kept
        self._edge = Edge()
        self._stood = 0
        """The size of the last checkpoint that was found true."""
        self._kept_stood = 0
        """The same of those kept elsewhere: whoever stole a key can sign all others anew."""
        self._keys = [*keys]
        self._elsewhere: list[Signed] = []
        self._wide = Frontier()
        """Over the roots of whole stretches, as leaves."""

    def before(self, log: int) -> Iterator[Fault]:
        """The faults that are plain from the sizes alone."""
        if self._source.size > log:
            yield Fault(
                log + 1, Kind.GAP, f"a checkpoint of {self._source.size} entries is kept, the log ends at {log}"
            )
        for note in self._kept:
            try:
                size = parse_checkpoint(parse_note(note).text).size
            except Malformed as fault:
                yield Fault(None, Kind.CHECKPOINT, f"a checkpoint kept elsewhere can't be read: {fault}")
                return
            if size > log:
                yield Fault(log + 1, Kind.GAP, f"a checkpoint of {size} entries was published, the log ends at {log}")
            self._elsewhere.append(Signed(size, None, note, is_kept=True))

    def take(self, stretch: Stretch) -> Iterator[Fault]:
        """The faults of tiles and checkpoints that the stretch decides about, the plainest first."""
        self._keys += map(parse_verifier_key, stretch.keys)
        leaves = split(stretch.leaves)
        self._edge, made = self._edge.extended(leaves)
        yield from self._tiles(made)
        yield from self._checkpoints(stretch.after, leaves)
        self._wide = self._wide.extend(stretch.frontier.roots if len(leaves) == STRETCH else ())

    def after(self) -> Iterator[Fault]:
        """What is left to say once the whole log has been taken."""
        expected = sum(1 for _ in tiles(0, self._source.size))
        found = self._source.tile_count()
        if found is not None and found != expected:
            yield Fault(None, Kind.TILE, f"a tree of {self._source.size} entries has {expected} tiles, not {found}")

    def _tiles(self, made: Sequence[tuple[Tile, bytes]]) -> Iterator[Fault]:
        due: dict[Tile, bytes] = {}
        for tile, hashes in made:
            width = min(WIDTH, (self._source.size >> HEIGHT * (tile.level or 0)) - tile.number * WIDTH)
            if width > 0:
                due[tile._replace(width=width)] = hashes[: HASH_SIZE * width]
        for (tile, true), found in zip(due.items(), self._source.tiles([*due]), strict=True):
            is_whole = len(true) == HASH_SIZE * tile.width  # else it gets wider yet
            if found is None or (found if is_whole else found[: len(true)]) != true:
                at = _first_difference(found or b"", true)
                position = ((tile.number * WIDTH + at) << HEIGHT * (tile.level or 0)) + 1
                wrong = "is missing" if found is None else f"has another hash at {at} than the log gives"
                yield Fault(position, Kind.TILE, f"{tile.path} {wrong}")

    def _checkpoints(self, after: int, leaves: Sequence[bytes]) -> Iterator[Fault]:
        until = after + len(leaves)
        due = [*self._source.checkpoints(after, until)]
        due += (one for one in self._elsewhere if after < one.size <= until)
        narrow = Frontier()
        for one in sorted(due, key=attrgetter("size")):
            narrow = narrow.extend(leaves[narrow.size : one.size - after])
            true = folded((*self._wide.roots, *narrow.roots))
            found = true if one.root_hash is None else one.root_hash
            try:
                if one.note is not None:
                    opened = open_checkpoint(one.note, self._keys, verify)
                    found = opened.checkpoint.root_hash if found == true else found
            except (Malformed, Unverified) as fault:
                yield Fault(one.size, Kind.CHECKPOINT, f"the checkpoint of {one.size} entries: {fault}")
                return
            if found != true:
                first = 1 + (self._kept_stood if one.is_kept else self._stood)
                where = f"one of the entries {first} to {one.size} is not the one that was signed"
                yield Fault(first, Kind.CHECKPOINT, f"another root at {one.size} entries: {where}")
                return
            self._stood = one.size
            self._kept_stood = one.size if one.is_kept else self._kept_stood


def _first_difference(one: bytes, other: bytes) -> int:
    """The number of the first hash that differs, or that only one of them has."""
    return next(
        at
        for at in count()
        if one[HASH_SIZE * at : HASH_SIZE * (at + 1)] != other[HASH_SIZE * at : HASH_SIZE * (at + 1)]
    )
