"""An entry of the log on both sides of the append function: as drafted, and as stored.

The bytes of an entry are two lines: a JSON header, and the fact as JSON. Position, instant and cause are known only
under the log's lock, so the append function writes those three members and the rest of the header arrives as text.
"""

from __future__ import annotations

from typing import NamedTuple

ENTRY_LIMIT = 65_535
"""Bytes of one entry at most: C2SP entry bundles carry the length in 16 bits."""
BATCH_LIMIT = 10_000
"""Entries of one transaction at most, so that a position inside one is never far from its end."""


class Draft(NamedTuple):
    """What the append function needs to write one entry."""

    record: str
    version: int
    name: str
    """The stored name, `HouseholdsCounted/1`."""
    header: str
    """The header's JSON members after `format`, `position`, `recorded_at` and `causation`, without braces."""
    body: bytes
    cause: int | None = None
    """Index, among the drafts of the same append, of the entry that brought this one about."""
    closes: bool = True
    """Whether this is the last entry of its transaction: reads stop only after such entries."""
    idempotency: str | None = None
    """Account and key, on the first entry of a command that came with an Idempotency-Key."""
    refers_to: tuple[str, ...] = ()
    """Records, and claims on uniqueness, that guards find this entry's record by."""


class Stored(NamedTuple):
    """One entry as the log holds it."""

    position: int
    entry: bytes
    leaf_hash: bytes
    """SHA-256 of 0x00 and the bytes (RFC 6962 section 2.1)."""
    closes: bool
