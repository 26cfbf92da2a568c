"""Records as everything recorded so far leaves them, kept folded in memory, for judging what comes next.

One view belongs to one committer. It stands at a position of the log; whatever it doesn't hold it reads as of that
position, and what is being judged is staged on top until it is durable.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Protocol

from domain.entry import Entry
from domain.history import History
from domain.log import Stored
from domain.records import VOCABULARY, aggregate
from domain.state import State

CACHED_ENTRIES = 300_000
"""Entries of records that a view keeps folded at most."""
FAST_FORWARD_LIMIT = 5_000
"""Foreign entries that a view reads to catch up; past that it starts afresh."""
REFERRING_LIMIT = 1_000


class Log(Protocol):
    """What a view reads of the log."""

    def head(self) -> tuple[int, datetime | None]:
        """The last position and its instant; 0 and None for an empty log."""
        ...

    def entries(self, after: int, limit: int, *, until: int | None = None) -> Sequence[Stored]:
        """The entries after a position, in order."""
        ...

    def of_records(self, records: Sequence[str], *, until: int | None = None) -> Mapping[str, Sequence[Stored]]:
        """The entries of each record up to a position, oldest first; absent where there is none."""
        ...

    def referring(self, target: str, kind: str, until: int, limit: int) -> Sequence[str]:
        """The records of a kind whose entries up to a position name the target, by id."""
        ...

    def command(self, idempotency: str) -> Sequence[Stored]:
        """The entries of the command recorded under an account's idempotency key; none where there is none."""
        ...


class RecordsView:
    """The records at one position of the log, and what is staged on top."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._cache: OrderedDict[str, History] = OrderedDict()
        self._cached_entries = 0
        self._staged: list[_Stage] = []
        self.position = 0

    def history(self, record: str) -> History:
        """The record's entries, staged ones included; an empty history where it has none."""
        for stage in reversed(self._staged):
            if (staged := stage.histories.get(record)) is not None:
                return staged
        held = self._cache.get(record)
        if held is None:
            self.prefetch((record,))
            return self._cache[record]
        self._cache.move_to_end(record)
        return held

    def prefetch(self, records: Iterable[str]) -> None:
        """Read the records that are not held yet, in one query."""
        wanted = [record for record in dict.fromkeys(records) if record not in self._cache]
        if not wanted:
            return
        found = self._log.of_records(wanted, until=self.position)
        for record in wanted:
            kind = record.partition("/")[0]
            entries = [VOCABULARY.read(stored.entry) for stored in found.get(record, ())]
            self._keep(record, History(aggregate(kind), entries))

    def state(self, record: str, on: date | None = None) -> State | None:
        """The record's state on a day, or with all its entries; None where there is none."""
        history = self.history(record)
        return history.state if on is None else history.on(on)

    def referring(self, target: str, kind: str) -> Iterable[str]:
        """The records of that kind that name the target, staged ones included, at most 1,000."""
        staged = {
            source
            for stage in self._staged
            for named, source in stage.references
            if named == target and source.startswith(f"{kind}/")
        }
        return sorted({*self._log.referring(target, kind, self.position, REFERRING_LIMIT), *staged})

    def command(self, idempotency: str) -> Sequence[Stored]:
        """The entries already recorded under an account's idempotency key."""
        return self._log.command(idempotency)

    @contextmanager
    def staging(self) -> Generator[None]:
        """Stage entries inside; they stay when the block ends well and are dropped when it raises.

        Nested: the inner stage falls or stands on its own. When the outermost ends well, its entries are durable.
        """
        stage = _Stage()
        self._staged.append(stage)
        try:
            yield
        except BaseException:
            self._staged.remove(stage)
            raise
        self._staged.remove(stage)
        if self._staged:
            self._staged[-1].histories |= stage.histories
            self._staged[-1].references += stage.references
        else:
            for record, history in stage.histories.items():
                self._keep(record, history)

    def stage(self, record: str, entry: Entry, refers_to: Iterable[str]) -> History:
        """Put an entry on top of a record; returns its longer history."""
        longer = self.history(record).and_then(entry)
        self._staged[-1].histories[record] = longer
        self._staged[-1].references += [(target, record) for target in refers_to]
        return longer

    def catch_up(self) -> None:
        """Go on to the log's head: what others recorded is added to the records held here."""
        newer = self._log.entries(self.position, FAST_FORWARD_LIMIT)
        if len(newer) == FAST_FORWARD_LIMIT:
            self.forget()
            return
        for stored in newer:
            entry = VOCABULARY.read(stored.entry)
            held = self._cache.get(entry.header.record)
            if held is not None:
                self._keep(entry.header.record, held.and_then(entry))
            self.position = stored.position

    def forget(self) -> None:
        """Drop everything held and stand at the log's head: after an outage nothing is taken for granted."""
        self._cache.clear()
        self._cached_entries = 0
        self.position, _ = self._log.head()

    def _keep(self, record: str, history: History) -> None:
        replaced = self._cache.pop(record, None)
        self._cached_entries += history.version + 1 - (0 if replaced is None else replaced.version + 1)
        self._cache[record] = history
        while self._cached_entries > CACHED_ENTRIES and len(self._cache) > 1:
            _, dropped = self._cache.popitem(last=False)
            self._cached_entries -= dropped.version + 1


class _Stage:
    def __init__(self) -> None:
        self.histories: dict[str, History] = {}
        self.references: list[tuple[str, str]] = []
