"""The published tree as the database has it, read to be verified."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from domain.tlog.tile import Tile
from infrastructure.postgres.database import Connection
from infrastructure.verifying.tree import Signed

TILES: Final = (
    "SELECT t.hashes FROM unnest(%s::smallint[], %s::bigint[]) WITH ORDINALITY AS w (level, number, place)"
    " LEFT JOIN tree.tiles AS t USING (level, number) ORDER BY w.place"
)
CHECKPOINTS: Final = (
    "SELECT c.size, c.root_hash, c.note FROM tree.checkpoints AS c WHERE c.size > %s AND c.size <= %s ORDER BY c.size"
)


class StoredTree:
    """Reads tiles and checkpoints. The connection is in one snapshot, so that a sealer at work changes nothing."""

    def __init__(self, connection: Connection) -> None:
        """Read how far the tree reaches; a database of before the tree has none."""
        self._connection = connection
        self._is_there = connection.execute("SELECT to_regclass('tree.checkpoints')").fetchone() != (None,)
        self.size = self._number("SELECT coalesce(max(c.size), 0) FROM tree.checkpoints AS c") or 0

    def tiles(self, wanted: Sequence[Tile]) -> Sequence[bytes | None]:
        """The hashes of tiles as they are stored, in their order; None for one that is missing."""
        if not wanted:
            return []
        asked = [[tile.level for tile in wanted], [tile.number for tile in wanted]]
        return [row[0] for row in self._connection.execute(TILES, asked).fetchall()]

    def checkpoints(self, after: int, until: int) -> Sequence[Signed]:
        """Those stored of more entries than `after`, up to `until`."""
        if not self._is_there:
            return []
        return [Signed(*row) for row in self._connection.execute(CHECKPOINTS, [after, until]).fetchall()]

    def tile_count(self) -> int | None:
        """How many tiles are stored; None where there is no place for them."""
        return self._number("SELECT count(*) FROM tree.tiles")

    def _number(self, query: str) -> int | None:
        row = self._connection.execute(query.encode()).fetchone() if self._is_there else None
        return None if row is None else int(row[0])
