"""The published tree against the log: every tile, every checkpoint with its signatures, and the one kept outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from operator import itemgetter
from typing import Final

from domain.examination import STRETCH, Fault, Kind, Stretch
from domain.tlog.checkpoint import open_checkpoint, parse_checkpoint
from domain.tlog.lines import Malformed
from domain.tlog.note import Unverified, VerifierKey, parse_note, parse_verifier_key
from domain.tlog.tile import HEIGHT, WIDTH, Edge, Tile, tiles
from domain.tlog.tree import HASH_SIZE, Frontier, folded
from infrastructure.keys.signing import verify
from infrastructure.postgres.database import Connection

TILES: Final = (
    "SELECT w.level, w.number, t.hashes"
    " FROM unnest(%s::smallint[], %s::bigint[]) AS w (level, number) LEFT JOIN tree.tiles AS t USING (level, number)"
    " ORDER BY 1, 2"
)
CHECKPOINTS: Final = (
    "SELECT c.size, c.root_hash, c.note FROM tree.checkpoints AS c WHERE c.size > %s AND c.size <= %s ORDER BY c.size"
)


class Published:
    """Holds what is published against the log's stretches as they come, from the first one on.

    The connection is in one snapshot, so that a sealer at work changes nothing meanwhile.
    """

    def __init__(self, connection: Connection, kept: Sequence[str | bytes]) -> None:
        """`kept` are checkpoints, as notes, from outside the database."""
        self._connection = connection
        self._kept = kept
        self._edge = Edge()
        self._stood = 0
        """The size of the last checkpoint that was found true."""
        self._keys: list[VerifierKey] = []
        self._outside: list[tuple[int, str | bytes]] = []
        self._wide = Frontier()
        """Over the roots of whole stretches, as leaves."""
        self.size = 0
        """How many entries the published tree has."""
        self.is_there = connection.execute("SELECT to_regclass('tree.checkpoints')").fetchone() != (None,)
        if self.is_there:
            row = connection.execute("SELECT coalesce(max(c.size), 0) FROM tree.checkpoints AS c").fetchone()
            self.size = int(row[0]) if row else 0

    def before(self, log: int) -> Iterator[Fault]:
        """The faults that are plain from the sizes alone."""
        if self.size > log:
            yield Fault(log + 1, Kind.GAP, f"a checkpoint of {self.size} entries is kept, and the log ends at {log}")
        for note in self._kept:
            try:
                size = parse_checkpoint(parse_note(note).text).size
            except Malformed as fault:
                yield Fault(None, Kind.CHECKPOINT, f"a checkpoint kept outside the database can't be read: {fault}")
                return
            if size > log:
                yield Fault(log + 1, Kind.GAP, f"a checkpoint of {size} entries was published, the log ends at {log}")
        self._outside = sorted((parse_checkpoint(parse_note(note).text).size, note) for note in self._kept)

    def take(self, stretch: Stretch) -> Iterator[Fault]:
        """The faults of tiles and checkpoints that the stretch decides about, the plainest first."""
        self._keys += map(parse_verifier_key, stretch.keys)
        leaves = [stretch.leaves[at : at + HASH_SIZE] for at in range(0, len(stretch.leaves), HASH_SIZE)]
        self._edge, made = self._edge.extended(leaves)
        if self.is_there:
            yield from self._tiles(made)
        yield from self._checkpoints(stretch.after, leaves)
        self._wide = self._wide.extend(stretch.frontier.roots if len(leaves) == STRETCH else ())

    def after(self) -> Iterator[Fault]:
        """What is left to say once the whole log has been taken."""
        if self.is_there:
            expected = sum(1 for _ in tiles(0, self.size))
            row = self._connection.execute("SELECT count(*) FROM tree.tiles").fetchone()
            if row is not None and row[0] != expected:
                yield Fault(None, Kind.TILE, f"a tree of {self.size} entries has {expected} tiles, not {row[0]}")

    def _tiles(self, made: Sequence[tuple[Tile, bytes]]) -> Iterator[Fault]:
        due: dict[tuple[int, int], bytes] = {}
        for tile, hashes in made:
            level = tile.level or 0
            width = min(WIDTH, (self.size >> HEIGHT * level) - tile.number * WIDTH)
            if 0 < width <= tile.width:  # else it gets wider yet, or isn't published
                due[level, tile.number] = hashes[: HASH_SIZE * width]
        asked = [[level for level, _ in due], [number for _, number in due]]
        for level, number, hashes in self._connection.execute(TILES, asked).fetchall():
            if hashes != due[level, number]:
                at = _first_difference(hashes or b"", due[level, number])
                position = ((number * WIDTH + at) << HEIGHT * level) + 1
                wrong = "is missing" if hashes is None else f"has another hash at {at} than the log gives"
                yield Fault(position, Kind.TILE, f"{Tile(level, number).path} {wrong}")

    def _checkpoints(self, after: int, leaves: Sequence[bytes]) -> Iterator[Fault]:
        until = after + len(leaves)
        stored: list[tuple[int, bytes | None, str | bytes | None]] = []
        if self.is_there:
            stored += self._connection.execute(CHECKPOINTS, [after, until]).fetchall()
        stored += ((size, None, note) for size, note in self._outside if after < size <= until)
        narrow = Frontier()
        for size, root, note in sorted(stored, key=itemgetter(0)):
            narrow = narrow.extend(leaves[narrow.size : size - after])
            true = folded((*self._wide.roots, *narrow.roots))
            found = true if root is None else root
            try:
                if note is not None:
                    opened = open_checkpoint(note, self._keys, verify)
                    found = opened.checkpoint.root_hash if found == true else found
            except (Malformed, Unverified) as fault:
                yield Fault(size, Kind.CHECKPOINT, f"the checkpoint of {size} entries: {fault}")
                return
            if found != true:
                where = f"one of the entries {self._stood + 1} to {size} is not the one that was signed"
                yield Fault(self._stood + 1, Kind.CHECKPOINT, f"another root at {size} entries: {where}")
                return
            self._stood = size


def _first_difference(one: bytes, other: bytes) -> int:
    """The number of the first hash that differs, or that only one of them has."""
    return next(
        at
        for at in count()
        if one[HASH_SIZE * at : HASH_SIZE * (at + 1)] != other[HASH_SIZE * at : HASH_SIZE * (at + 1)]
    )
