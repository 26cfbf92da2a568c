"""Records as everything recorded so far leaves them, kept folded in memory, for judging what comes next.

One view belongs to one committer. It stands at a position of the log; whatever it doesn't hold it reads as of that
position, and what is being judged is staged on top until it is durable.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Protocol

from application.histories import FAST_FORWARD_LIMIT, REFERRING_LIMIT, Kept, history_of, whereabouts
from domain.aggregate import Whereabouts
from domain.entry import Entry
from domain.history import History
from domain.log import Stored
from domain.records import VOCABULARY, new_city_of
from domain.state import State

CACHED_ENTRIES = 300_000
"""Entries of records that a view keeps folded at most."""


class Log(Protocol):
    """What a view reads of the log."""

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

    def command(self, idempotency: str) -> Sequence[Stored]:
        """The entries of the command recorded under an account's idempotency key; none where there is none."""
        ...


class RecordsView:
    """The records at one position of the log, and what is staged on top."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._kept = Kept(CACHED_ENTRIES)
        self._staged: list[_Stage] = []
        self._looked_up: dict[str, Sequence[str]] = {}
        self.position = 0

    def history(self, record: str) -> History:
        """The record's entries, staged ones included; an empty history where it has none."""
        for stage in reversed(self._staged):
            if (staged := stage.histories.get(record)) is not None:
                return staged
        held = self._kept.get(record)
        return self._read((record,))[record] if held is None else held

    def prefetch(self, records: Iterable[str]) -> None:
        """Read the records that are not held yet, in one query."""
        wanted = [record for record in dict.fromkeys(records) if record not in self._kept]
        if wanted:
            self._read(wanted)

    def look_up(self, targets: Iterable[str]) -> None:
        """Read which records name the targets, in one query; it holds until the outermost stage ends."""
        wanted = [target for target in dict.fromkeys(targets) if target not in self._looked_up]
        if wanted:
            found = self._log.references(wanted, self.position)
            self._looked_up |= {target: found.get(target, ()) for target in wanted}

    def state(self, record: str, on: date | None = None) -> State | None:
        """The record's state on a day, or with all its entries; None where there is none."""
        history = self.history(record)
        return history.state if on is None else history.on(on)

    def referring(self, target: str, kind: str) -> Iterable[str]:
        """The records of that kind that name the target, staged ones included, at most 1,000."""
        found: list[str] = []
        for stage in self._staged:
            found += stage.references.get(target, ())
        looked_up = self._looked_up.get(target)
        if looked_up is None:
            found += self._log.referring(target, kind, self.position, REFERRING_LIMIT)
        else:
            found += looked_up
        return sorted({source for source in found if source.startswith(f"{kind}/")}) if found else ()

    def entry_at(self, position: int) -> Whereabouts | None:
        """Where and when the entry at a position was recorded; None where nothing is durable there yet."""
        return whereabouts(self._log.entries(position - 1, 1, until=self.position))

    def new_city_of(self, record: str) -> str | None:
        """The New City that the record belongs to; None where it belongs to none, or isn't on record."""
        return new_city_of(record, self)

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
            self._end(stage)
            raise
        self._end(stage)
        if self._staged:
            self._staged[-1].histories |= stage.histories
            for target, sources in stage.references.items():
                self._staged[-1].references.setdefault(target, []).extend(sources)
        else:
            for record, history in stage.histories.items():
                self._kept.keep(record, history)

    def _end(self, stage: _Stage) -> None:
        self._staged.remove(stage)
        if not self._staged:
            self._looked_up.clear()

    def stage(self, history: History, entry: Entry, refers_to: Iterable[str]) -> History:
        """Put an entry on top of its record's history; returns the longer one."""
        stage, record = self._staged[-1], entry.record
        longer = stage.histories[record] = history.and_then(entry)
        for target in refers_to:
            stage.references.setdefault(target, []).append(record)
        return longer

    def catch_up(self) -> None:
        """Go on to the log's head: what others recorded is added to the records held here."""
        newer = self._log.entries(self.position, FAST_FORWARD_LIMIT)
        if len(newer) == FAST_FORWARD_LIMIT:
            self.forget()
            return
        for stored in newer:
            self._kept.follow(VOCABULARY.read(stored.entry))
            self.position = stored.position

    def forget(self) -> None:
        """Drop everything held and stand at the log's head: after an outage nothing is taken for granted."""
        self._kept.clear()
        self.position, _ = self._log.head()

    def _read(self, records: Sequence[str]) -> dict[str, History]:
        found = self._log.of_records(records, until=self.position)
        read = {record: history_of(record, found.get(record, ())) for record in records}
        for record, history in read.items():
            self._kept.keep(record, history)
        return read


class _Stage:
    def __init__(self) -> None:
        self.histories: dict[str, History] = {}
        self.references: dict[str, list[str]] = {}
