"""The published tree as the database keeps it: tiles, checkpoints and cosignatures, read with the reader's rights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, LiteralString

from application.proving import Published
from domain.tlog.checkpoint import parse_checkpoint
from domain.tlog.note import parse_note, parse_signatures
from domain.tlog.tile import Tile
from domain.tlog.tree import Unproven
from infrastructure.postgres.database import Database, Row
from infrastructure.postgres.reader import LogReader
from infrastructure.postgres.watch import HeadWatch

CHANNEL: Final = "tree"
"""Where the sealer says that it published."""
_PUBLISHED: Final[LiteralString] = (
    "SELECT c.note, coalesce((SELECT string_agg(s.line, '' ORDER BY s.witness)"
    " FROM tree.cosignatures AS s WHERE s.size = c.size), '')"
    " FROM tree.checkpoints AS c WHERE c.note IS NOT NULL "
)
_SIZE: Final[LiteralString] = "SELECT coalesce((SELECT max(size) FROM tree.checkpoints WHERE note IS NOT NULL), 0)"


class TreeStore:
    """Reads what was published. Every method raises psycopg.OperationalError where the database cannot be reached."""

    def __init__(self, database: Database, reader: LogReader, demand: Callable[[], bool]) -> None:
        """`demand` asks the sealer to go to work at once; it answers whether there is anything to wait for."""
        self._rows = reader.rows
        self._watch = HeadWatch(database, CHANNEL, _SIZE)
        self._demand = demand

    def close(self) -> None:
        """Let go whoever waits."""
        self._watch.close()

    def newest(self) -> Published | None:
        """The last checkpoint published; None before the first."""
        return _published(self._rows(_PUBLISHED + "ORDER BY c.size DESC LIMIT 1"))

    def covering(self, position: int) -> Published | None:
        """The first checkpoint published that covers a position; None where none does yet."""
        return _published(self._rows(_PUBLISHED + "AND c.size >= %s ORDER BY c.size LIMIT 1", position))

    def last(self, until: int, limit: int) -> list[Published]:
        """The last `limit` checkpoints of at most a size, the largest first."""
        rows = self._rows(_PUBLISHED + "AND c.size <= %s ORDER BY c.size DESC LIMIT %s", until, limit)
        return [_read(*row) for row in rows]

    def cosigned(self, position: int, limit: int) -> list[Published]:
        """The first `limit` checkpoints that cover a position and that some witness signed, by size."""
        cosigned = "(SELECT size FROM tree.cosignatures WHERE size >= %s ORDER BY size LIMIT %s)"
        query = _PUBLISHED + "AND c.size IN " + cosigned + " ORDER BY c.size"
        return [_read(*row) for row in self._rows(query, position, limit)]

    def of_size(self, size: int) -> Published | None:
        """The checkpoint published at a size; None where there is none."""
        return _published(self._rows(_PUBLISHED + "AND c.size = %s", size))

    def fetch(self, tiles: Sequence[Tile]) -> Sequence[bytes]:
        """The hashes of tiles, in their order, each as wide as it is kept; Unproven where one is missing."""
        rows = self._rows(
            "SELECT t.level, t.number, t.hashes FROM tree.tiles AS t"
            " JOIN unnest(%s::smallint[], %s::bigint[]) AS w (level, number) USING (level, number)",
            [tile.level for tile in tiles], [tile.number for tile in tiles],
        )  # fmt: skip
        found = {(level, number): hashes for level, number, hashes in rows}
        try:
            return [found[tile.level or 0, tile.number] for tile in tiles]
        except KeyError as missing:
            raise Unproven(f"tile {missing} is missing") from None

    def wait(self, after: int, timeout: float) -> int:
        """The size of the last checkpoint as soon as it is past `after`, or the last one seen after so many seconds."""
        return self._watch.wait(after, timeout)

    def await_sealed(self, position: int, timeout: float) -> bool:
        """Have the log sealed up to a position; False where that isn't done after so many seconds."""
        return self._demand() and self._watch.wait(position - 1, timeout) >= position


def _published(rows: Sequence[Row]) -> Published | None:
    return _read(*rows[0]) if rows else None


def _read(text: bytes, cosignatures: str) -> Published:
    note = parse_note(text)
    if cosignatures:
        note = note.signed_also(parse_signatures(cosignatures))
    return Published(parse_checkpoint(note.text), note)
