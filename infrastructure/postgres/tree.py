"""The RFC 6962 tree over the log: its root at any size, from the leaf hashes that the database keeps."""

from __future__ import annotations

import threading
from typing import Final

from domain.tlog.tree import Frontier
from infrastructure.postgres.reader import LogReader

READ_AT_ONCE: Final = 50_000
"""Leaf hashes fetched at a time: 1.6 MB."""
KEPT_EVERY: Final = 100_000
"""Leaves between the frontiers that are kept, so that an old root is never far from one."""


class LogTree:
    """Works out roots; keeps a frontier now and then, and one at the end. Safe for threads."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        self._kept: list[Frontier] = [Frontier()]
        self._last = Frontier()
        self._turn = threading.Lock()

    def root(self, size: int) -> bytes:
        """The root of the first `size` entries (RFC 6962 section 2.1).

        Raises ValueError when the log has fewer.
        """
        with self._turn:
            start = (
                self._last
                if self._last.size <= size
                else max((one for one in self._kept if one.size <= size), key=lambda one: one.size)
            )
            reached = self._extended(start, size)
            if reached.size > self._last.size:
                self._last = reached
            return reached.root()

    def _extended(self, frontier: Frontier, size: int) -> Frontier:
        while frontier.size < size:
            until = min(size, frontier.size + READ_AT_ONCE)
            rows = self._reader.rows(
                "SELECT l.leaf_hash FROM ledger.log AS l WHERE l.position > %s AND l.position <= %s"
                " ORDER BY l.position",
                frontier.size, until,
            )  # fmt: skip
            if len(rows) != until - frontier.size:
                raise ValueError(f"the log has no {size} entries")
            frontier = frontier.extend(row[0] for row in rows)
            if frontier.size >= self._kept[-1].size + KEPT_EVERY:
                self._kept.append(frontier)
        return frontier
