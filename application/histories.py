"""Records' histories for reading, kept in memory and read on from the log: a history only ever grows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Protocol

from domain.history import History
from domain.log import Stored
from domain.records import VOCABULARY, aggregate
from domain.state import State

CACHED_ENTRIES = 300_000
"""Entries kept for reading at most."""
REFERRING_LIMIT = 1_000


class Log(Protocol):
    """What reading needs of the log."""

    def of_record(self, record: str, *, after_version: int = 0, until: int | None = None) -> Sequence[Stored]:
        """A record's entries after a version, up to a position, oldest first."""
        ...

    def of_records(self, records: Sequence[str], *, until: int | None = None) -> Mapping[str, Sequence[Stored]]:
        """The entries of each record up to a position, oldest first."""
        ...

    def referring(self, target: str, kind: str, until: int, limit: int) -> Sequence[str]:
        """The records of a kind whose entries up to a position name the target, by id."""
        ...


class Histories:
    """Histories of records at any position; safe for threads."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._kept: OrderedDict[str, History] = OrderedDict()
        self._entries = 0
        self._turn = threading.Lock()

    def at(self, record: str, position: int) -> History:
        """The record's history as known at a position; empty where it had no entry."""
        with self._turn:
            held = self._kept.get(record)
        if held is None:
            held = History(aggregate(record.partition("/")[0]))
        if held.entries and held.entries[-1].position >= position:
            return held.until(position)
        grown = held
        for stored in self._log.of_record(record, after_version=held.version):
            grown = grown.and_then(VOCABULARY.read(stored.entry))
        if grown is not held:
            self._keep(record, grown)
        return grown.until(position)

    def many(self, records: Iterable[str], position: int) -> dict[str, History]:
        """The histories of several records as known at a position, in one query."""
        return {
            record: History(aggregate(record.partition("/")[0]), [VOCABULARY.read(one.entry) for one in stored])
            for record, stored in self._log.of_records(list(records), until=position).items()
        }

    def known_at(self, position: int) -> KnownAt:
        """The records as guards and rules look at them, as known at a position."""
        return KnownAt(self, position)

    def referring(self, target: str, kind: str, until: int) -> Sequence[str]:
        """The records of a kind that named the target by a position, at most 1,000."""
        return self._log.referring(target, kind, until, REFERRING_LIMIT)

    def _keep(self, record: str, history: History) -> None:
        with self._turn:
            replaced = self._kept.pop(record, None)
            self._entries += history.version - (0 if replaced is None else replaced.version)
            self._kept[record] = history
            while self._entries > CACHED_ENTRIES and len(self._kept) > 1:
                _, dropped = self._kept.popitem(last=False)
                self._entries -= dropped.version


class KnownAt:
    """Other records as known at a position (`domain.aggregate.Records`)."""

    def __init__(self, histories: Histories, position: int) -> None:
        self._histories = histories
        self._position = position

    def state(self, record: str, on: date | None = None) -> State | None:
        """The record's state on a day, or with all its entries."""
        history = self._histories.at(record, self._position)
        return history.state if on is None else history.on(on)

    def referring(self, target: str, kind: str) -> Sequence[str]:
        """The records of that kind that name the target."""
        return self._histories.referring(target, kind, self._position)
