"""Lists of records at any two times: candidates from the current rows, folded again where the past differs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple, Protocol


class Filters(NamedTuple):
    """What a list is narrowed to."""

    new_city: str | None = None
    township: str | None = None
    status: str | None = None
    q: str | None = None
    """A part of the record's name."""


class Candidate(NamedTuple):
    """A record that may belong to a list, as its current row tells."""

    id: str
    last_position: int
    """Of its entries and of those its status is seen with."""
    latest_on: date
    """The latest effective day of what stands in it."""
    state: str | None
    """Its state with everything folded, as JSON with names sealed; None where its opening has been retracted."""


class Views(Protocol):
    """The current row of every record, following the log."""

    def position(self) -> int:
        """The last position that the rows take account of."""
        ...

    def wait(self, position: int, timeout: float) -> bool:
        """Whether the rows take account of that position within so many seconds."""
        ...

    def candidates(
        self,
        kind: str,
        filters: Filters,
        *,
        readable: frozenset[str] | None,
        position: int,
        on: date,
        after: str,
        limit: int,
    ) -> Sequence[Candidate]:
        """Records of a kind that may match at (position, on), by id after `after`, at most `limit`.

        None that matches is left out; one that doesn't may be among them where its past differs from its present.
        `readable` are the New Cities whose records the reader may see; None: all.
        """
        ...

    def new_cities_of(self, level: str, unit: str) -> frozenset[str]:
        """The New Cities that a township (by code) or a community (by id) belongs to."""
        ...
