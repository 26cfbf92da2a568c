"""Proving: what the published tree says of positions and sizes, for whoever does not want to take our word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol

from domain.fact import JsonValue
from domain.log import Stored
from domain.refusals import Code, Refused
from domain.tlog.checkpoint import Checkpoint
from domain.tlog.note import Note
from domain.tlog.proof import Proof
from domain.tlog.tile import WIDTH, Tile, TileTree, bundle_of
from domain.tlog.tree import HASH_SIZE, Subtree, consistency_proof, inclusion_proof, root_at

KEPT = 4_096
"""Answers kept to which checkpoint covers a position first: it never changes."""
SEALED_WITHIN = 5.0
"""Seconds that a recording waits to be sealed, where that was asked for."""
NAMED_WITHIN = 2.0
"""Seconds that a read at an explicit time waits for the checkpoint that it names ever after."""


class Published(NamedTuple):
    """A checkpoint as it stands published."""

    checkpoint: Checkpoint
    note: Note
    """Signed by the log, and cosigned by those witnesses that have answered."""


class Tree(Protocol):
    """What proving needs of the tree's keeper."""

    def newest(self) -> Published | None:
        """The last checkpoint published; None before the first."""
        ...

    def covering(self, position: int) -> Published | None:
        """The first checkpoint published that covers a position; None where none does yet."""
        ...

    def last(self, until: int, limit: int) -> Sequence[Published]:
        """The last checkpoints of at most a size, the largest first."""
        ...

    def of_size(self, size: int) -> Published | None:
        """The checkpoint published at a size; None where there is none."""
        ...

    def fetch(self, tiles: Sequence[Tile]) -> Sequence[bytes]:
        """The hashes of tiles, in their order, each as wide as it is kept; Unproven where one is missing."""
        ...

    def await_sealed(self, position: int, timeout: float) -> bool:
        """Have the log sealed up to a position; False where that isn't done after so many seconds."""
        ...


class Log(Protocol):
    """What proving needs of the log."""

    def entries(self, after: int, limit: int, *, until: int | None = None) -> Sequence[Stored]:
        """The entries after a position, in order."""
        ...


class Proving:
    """Answers for the tree. Nothing here depends on who asks: hashes and proofs are open."""

    def __init__(self, tree: Tree, log: Log) -> None:
        self._tree = tree
        self._log = log
        self._covering = lru_cache(KEPT)(self._first_covering)

    def newest(self) -> Published | None:
        """The last checkpoint published, with its cosignatures."""
        return self._tree.newest()

    def covering(self, position: int) -> Published | None:
        """The first checkpoint that covers a position, where one does already."""
        return self._tree.covering(position)

    def last(self, until: int, limit: int) -> Sequence[Published]:
        """The last checkpoints that cover no later position, the newest first."""
        return self._tree.last(until, limit)

    def provenance(self, position: int) -> dict[str, JsonValue] | None:
        """The checkpoint that an answer names: the first that covers its position, or else the newest there is."""
        try:
            checkpoint = self._covering(position)
        except LookupError:
            newest = self._tree.newest()
            if newest is None:
                return None
            checkpoint = newest.checkpoint
        return head_json(checkpoint)

    def await_sealed(self, position: int, within: float = SEALED_WITHIN) -> bool:
        """Have the log sealed up to a position; False where that isn't done after so many seconds."""
        return self._is_covered(position) or self._tree.await_sealed(position, within)

    def sealed(self, position: int) -> dict[str, JsonValue] | None:
        """The first checkpoint that covers a position, and the proof of its entry; None where none does in time."""
        if not self.await_sealed(position):
            return None
        proof = self.proof(position)
        return {
            **head_json(self._covering(position)),
            "index": proof.leaf_index,
            "hashes": [one.hex() for one in proof.hashes],
            "proof": str(proof),
        }

    def proof(self, position: int, size: int | None = None) -> Proof:
        """The proof of an entry in the tree of a checkpoint, to travel alone: by default the first that covers it.

        Raises Refused (not-found) where no checkpoint of that size was published, or none covers the position.
        """
        published = self._tree.covering(position) if size is None else self._tree.of_size(size)
        if published is None or published.checkpoint.size < position or position < 1:
            raise Refused(Code.NOT_FOUND, f"no checkpoint of that size covers position {position}")
        head = published.checkpoint
        hashes = inclusion_proof(position - 1, head.size, TileTree(head.size, head.root_hash, self._tree.fetch).read)
        return Proof(position - 1, hashes, str(published.note))

    def paths(self, positions: Iterable[int], published: Published) -> dict[int, tuple[bytes, ...]]:
        """The audit paths of many entries in the tree of one checkpoint, by position."""
        head = published.checkpoint
        tree = TileTree(head.size, head.root_hash, self._tree.fetch)
        return {position: inclusion_proof(position - 1, head.size, tree.read) for position in positions}

    def root(self, size: int) -> bytes:
        """The root of the tree of the first `size` entries. Raises Refused (not-found) for a size not published yet."""
        return root_at(size, self._tree_of(size).read)

    def growth(self, old: int, new: int) -> tuple[bytes, ...]:
        """The proof that the tree of `new` entries begins with that of `old`. Raises what `consistency` does."""
        return consistency_proof(old, new, self._tree_of(new).read)

    def inclusion(self, position: int, size: int) -> dict[str, JsonValue]:
        """The proof that a position's entry is in the tree of a size, which need not be a checkpoint's.

        Raises Refused (not-found) for a size not published yet, and for a position past it.
        """
        if not 1 <= position <= size:
            raise Refused(Code.NOT_FOUND, f"the tree of {size} entries has no position {position}")
        tree = self._tree_of(size)
        (leaf,) = tree.read([Subtree(0, position - 1)])
        return {
            "position": position,
            "index": position - 1,
            "size": size,
            "leaf_hash": leaf.hex(),
            "root_hash": root_at(size, tree.read).hex(),
            "hashes": [one.hex() for one in inclusion_proof(position - 1, size, tree.read)],
        }

    def consistency(self, old: int, new: int) -> dict[str, JsonValue]:
        """The proof that the tree of `old` entries is the beginning of that of `new` ones.

        Raises Refused (not-found) for a size not published yet, and where `old` is past `new`.
        """
        if not 0 <= old <= new:
            raise Refused(Code.NOT_FOUND, f"the tree of {old} entries is no beginning of that of {new}")
        tree = self._tree_of(new)
        return {
            "from": old,
            "to": new,
            "from_root_hash": root_at(old, tree.read).hex(),
            "to_root_hash": root_at(new, tree.read).hex(),
            "hashes": [one.hex() for one in consistency_proof(old, new, tree.read)],
        }

    def tile(self, tile: Tile) -> bytes | None:
        """The bytes of a tile or bundle; None for one that the published tree doesn't have, or not so wide."""
        newest = self._tree.newest()
        if newest is None or not tile.within(newest.checkpoint.size):
            return None
        if tile.level is None:
            after = tile.number * WIDTH
            return bundle_of(one.entry for one in self._log.entries(after, tile.width, until=after + tile.width))
        (hashes,) = self._tree.fetch([tile])
        return hashes[: tile.width * HASH_SIZE]

    def _tree_of(self, size: int) -> TileTree:
        newest = self._tree.newest()
        if newest is None or size > newest.checkpoint.size:
            raise Refused(Code.NOT_FOUND, f"no tree of {size} entries has been published")
        return TileTree(newest.checkpoint.size, newest.checkpoint.root_hash, self._tree.fetch)

    def _is_covered(self, position: int) -> bool:
        try:
            self._covering(position)
        except LookupError:
            return False
        return True

    def _first_covering(self, position: int) -> Checkpoint:
        found = self._tree.covering(position)
        if found is None:
            raise LookupError(position)  # not kept: it will be covered
        return found.checkpoint


def head_json(checkpoint: Checkpoint) -> dict[str, JsonValue]:
    """A checkpoint as answers name it."""
    return {"size": checkpoint.size, "root_hash": checkpoint.root_hash.hex(), "origin": checkpoint.origin}


def published_json(published: Published) -> dict[str, JsonValue]:
    """A checkpoint with all that is known of it."""
    return {
        **head_json(published.checkpoint),
        "note": str(published.note),
        "signatures": [{"name": one.name, "key_id": one.key_id.hex()} for one in published.note.signatures],
    }
