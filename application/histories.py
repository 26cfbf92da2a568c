"""Records' histories for reading, kept in memory and in step with the log: a history only ever grows."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Protocol

from domain.aggregate import Whereabouts
from domain.entry import Entry
from domain.history import History
from domain.log import Stored
from domain.records import VOCABULARY, aggregate, new_city_of
from domain.state import State

CACHED_ENTRIES = 300_000
"""Entries kept for reading at most."""
FAST_FORWARD_LIMIT = 5_000
"""New entries that are read to keep in step; past that everything is read again when it is asked for."""
REFERRING_LIMIT = 1_000


class Log(Protocol):
    """What reading needs of the log."""

    def head(self) -> tuple[int, datetime | None]:
        """The last position and its instant; 0 and None for an empty log."""
        ...

    def entries(self, after: int, limit: int, *, until: int | None = None) -> Sequence[Stored]:
        """The entries after a position, in order."""
        ...

    def of_records(self, records: Sequence[str], *, until: int | None = None) -> Mapping[str, Sequence[Stored]]:
        """The entries of each record that count at a position, oldest first; absent where there is none."""
        ...

    def referring(self, target: str, kind: str, until: int, limit: int) -> Sequence[str]:
        """The records of a kind whose entries up to a position name the target, by id."""
        ...

    def references(self, targets: Sequence[str], until: int) -> Mapping[str, Sequence[str]]:
        """The records that name each target in entries up to a position, by id; absent where there is none."""
        ...


class Kept:
    """The histories used last, up to so many entries. Not safe for threads."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._histories: OrderedDict[str, History] = OrderedDict()
        self._entries = 0

    def __contains__(self, record: str) -> bool:
        return record in self._histories

    def get(self, record: str) -> History | None:
        """The record's history, used now; None where it isn't kept."""
        history = self._histories.get(record)
        if history is not None:
            self._histories.move_to_end(record)
        return history

    def keep(self, record: str, history: History) -> None:
        """Keep the record's history, in the place of a shorter one; those used longest ago make room."""
        replaced = self._histories.pop(record, None)
        self._entries += len(history.entries) + 1 - (0 if replaced is None else len(replaced.entries) + 1)
        self._histories[record] = history
        while self._entries > self._limit and len(self._histories) > 1:
            _, dropped = self._histories.popitem(last=False)
            self._entries -= len(dropped.entries) + 1

    def follow(self, entry: Entry) -> None:
        """Add an entry to the history of its record, where that is kept and doesn't have it yet."""
        held = self._histories.get(entry.record)
        if held is not None and held.version < entry.version:
            self.keep(entry.record, held.and_then(entry))

    def clear(self) -> None:
        """Keep nothing."""
        self._histories.clear()
        self._entries = 0


def history_of(record: str, stored: Iterable[Stored]) -> History:
    """The history that a record's entries are, oldest first."""
    kind = record.partition("/")[0]
    entries = [VOCABULARY.read(one.entry) for one in stored]
    return History(aggregate(kind), entries) if entries else none_yet(kind)


@cache
def none_yet(kind: str) -> History:
    """The empty history: one for all records of a kind. Raises Refused where there is no such kind."""
    return History(aggregate(kind))


def whereabouts(stored: Sequence[Stored]) -> Whereabouts | None:
    """Where and when the first of the entries was recorded; None where there is none."""
    if not stored:
        return None
    header, _ = VOCABULARY.parts(stored[0].entry)
    return Whereabouts(header.record, header.recorded_at)


class Histories:
    """Histories of records at any position; safe for threads.

    What is kept stands at one position of the log. A question about a later one reads on from there, once for all
    records; what isn't kept is read beside that, and made up for what came meanwhile.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._kept = Kept(CACHED_ENTRIES)
        self._position = 0
        """Every kept history has all its entries up to here."""
        self._newest: deque[Entry] = deque(maxlen=FAST_FORWARD_LIMIT)
        """The last entries up to the position, without a gap, and where they begin."""
        self._newest_after = 0
        self._turn = threading.Lock()
        self._reading_on = threading.Lock()

    def at(self, record: str, position: int) -> History:
        """The record's history as known at a position; empty where it had no entry."""
        return self.many((record,), position)[record]

    def many(self, records: Iterable[str], position: int) -> dict[str, History]:
        """The histories of several records as known at a position; those not kept are read in one query."""
        if position > self._position:
            self._read_on(position)
        with self._turn:
            found = {record: self._kept.get(record) for record in records}
        missing = [record for record, history in found.items() if history is None]
        if missing:
            found |= self._load(missing)
        return {
            record: self._known(record, history, position) for record, history in found.items() if history is not None
        }

    def passing(self, records: Iterable[str], position: int) -> dict[str, History]:
        """The same for whoever passes over more records than are ever kept: nothing makes room for them."""
        wanted = list(records)
        stored = self._log.of_records(wanted, until=position)
        return {record: history_of(record, stored.get(record, ())) for record in wanted}

    def known_at(self, position: int) -> KnownAt:
        """The records as guards and rules look at them, as known at a position."""
        return KnownAt(self, position)

    def referring(self, target: str, kind: str, until: int) -> Sequence[str]:
        """The records of a kind that named the target by a position, at most 1,000."""
        return self._log.referring(target, kind, until, REFERRING_LIMIT)

    def references(self, targets: Sequence[str], until: int) -> Mapping[str, Sequence[str]]:
        """The records that named each target by a position, by id; absent where there is none."""
        return self._log.references(targets, until)

    def recorded_between(self, after: int, until: int) -> frozenset[str] | None:
        """The records with entries past a position and up to another; None for more than 5,000 entries."""
        if until - after > FAST_FORWARD_LIMIT:
            return None
        entries = self._log.entries(after, FAST_FORWARD_LIMIT, until=until) if until > after else ()
        return frozenset(VOCABULARY.read(one.entry).record for one in entries)

    def entry_at(self, position: int) -> Whereabouts | None:
        """Where and when the entry at a position was recorded; None where there is no entry."""
        return whereabouts(self._log.entries(position - 1, 1))

    def _read_on(self, position: int) -> None:
        """Go on to the log's head, which is at or after the position."""
        with self._reading_on:
            if position <= self._position:
                return  # somebody else did meanwhile
            newer = self._log.entries(self._position, FAST_FORWARD_LIMIT) if self._position else ()
            if not self._position or len(newer) == FAST_FORWARD_LIMIT:
                head, _ = self._log.head()
                with self._turn:
                    self._kept.clear()
                    self._newest.clear()
                    self._position = self._newest_after = head
                return
            entries = [VOCABULARY.read(one.entry) for one in newer]
            with self._turn:
                for entry in entries:
                    self._kept.follow(entry)
                    if len(self._newest) == FAST_FORWARD_LIMIT:
                        self._newest_after = self._newest[0].position
                    self._newest.append(entry)
                    self._position = entry.position

    def _known(self, record: str, history: History, position: int) -> History:
        if history.aggregate.keeps_all or not history.entries or history.entries[-1].position <= position:
            return history.until(position)
        return history_of(record, self._log.of_records((record,), until=position).get(record, ()))

    def _load(self, records: Sequence[str]) -> dict[str, History]:
        while True:
            begun_at = self._position
            stored = self._log.of_records(records)
            loaded = {record: history_of(record, stored.get(record, ())) for record in records}
            with self._turn:
                if begun_at < self._newest_after:
                    continue  # more came meanwhile than is remembered
                for entry in self._newest:
                    held = loaded.get(entry.record)
                    if held is not None and held.version < entry.version:
                        loaded[entry.record] = held.and_then(entry)
                for record, history in loaded.items():
                    self._kept.keep(record, history)
                return loaded


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

    def entry_at(self, position: int) -> Whereabouts | None:
        """Where and when the entry at a position was recorded; None where nothing was known there."""
        return self._histories.entry_at(position) if position <= self._position else None

    def new_city_of(self, record: str) -> str | None:
        """The New City that the record belongs to; None where it belongs to none, or isn't on record."""
        return new_city_of(record, self)
