"""封存各记录末端: appends `HeadsSealed`, by which a reader far away can tell that no entry of a record was left out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from application import moments
from application.drafting import Place, content_of, drafts, planned
from domain.heads import Absence, Head, HeadsMap, Presence
from domain.ledger import HeadsSealed
from domain.log import Draft, Stored
from domain.offices import SYSTEM
from domain.records import VOCABULARY

AT_MOST_EVERY = timedelta(minutes=1)
"""Between two HeadsSealed that nobody asked for."""
READ_AT_ONCE = 100_000
"""Entries whose records' heads are read in one query."""
TRY_AGAIN_AFTER = timedelta(seconds=5)
SHUT_OUT = 100
"""Entries that may be left to read, at most, when the log's turn is taken."""
LEDGER = "ledger/ledger"
NAMED = f'"name":"{HeadsSealed.stored_as}"'.encode()
"""How a header names one."""


class Log(Protocol):
    """What sealing needs of the log."""

    def head(self) -> tuple[int, datetime | None]:
        """The last position and its instant; 0 and None for an empty log."""
        ...

    def wait(self, after: int, timeout: float) -> int:
        """The head's position as soon as it is past `after`, or the last one seen after so many seconds."""
        ...

    def heads(self, after: int, until: int) -> Sequence[Head]:
        """The last entry of each record that has one after a position and up to another."""
        ...

    def sealed_after(self, position: int) -> Stored | None:
        """The first HeadsSealed after a position."""
        ...

    def of_records(self, records: Sequence[str], *, until: int | None = None) -> Mapping[str, Sequence[Stored]]:
        """The entries of each record that count at a position, oldest first."""
        ...


class Turn(Protocol):
    """The log's turn."""

    def locked(self) -> AbstractContextManager[Callable[[Sequence[Draft]], Sequence[Stored]]]:
        """Hold it, so that the head can't move; gives a function that appends under it."""
        ...


class Seal(NamedTuple):
    """A HeadsSealed of the log."""

    position: int
    recorded_at: datetime
    sealed: HeadsSealed


class HeadsSealer:
    """Appends HeadsSealed, and proves by them. Safe for threads, and for processes side by side.

    The map is kept in memory and read on from where it stands.
    """

    def __init__(self, log: Log, turn: Turn, now: Callable[[], datetime]) -> None:
        self._log = log
        self._turn = turn
        self._now = now
        self._map = HeadsMap()
        self._at_work = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._failure: str | None = None

    def seal(self) -> Seal:
        """The HeadsSealed that takes account of all other entries: appended now, unless it is there already.

        Raises Unsettled and the database's errors.
        """
        with self._at_work:
            head, _ = self._log.head()
            while head - self._map.size > SHUT_OUT:
                self._read_on(head)
                head, _ = self._log.head()
            with self._turn.locked() as append:
                head, _ = self._log.head()
                latest = self.latest(head)
                if latest is not None and latest.position == head:
                    return latest
                self._read_on(head)
                (stored,) = append([self._draft(head)])
                return _seal(stored)

    def covering(self, position: int) -> Seal:
        """The first HeadsSealed that takes account of the entry at a position: appended now, where there is none.

        Raises what `seal` does.
        """
        stored = self._log.sealed_after(position)
        return self.seal() if stored is None else _seal(stored)

    def latest(self, until: int) -> Seal | None:
        """The last HeadsSealed up to a position."""
        entries = self._log.of_records((LEDGER,), until=until)[LEDGER]
        return next((_seal(one) for one in reversed(entries) if NAMED in one.entry.partition(b"\n")[0]), None)

    def prove(self, records: Iterable[str], size: int) -> dict[str, Presence | Absence]:
        """For each record, the proof of its last entry among the log's first `size`, or that it has none there.

        A HeadsSealed with that `tree_size` has the root that they lead to. Works the map out anew for a size before
        the one that it stands at.
        """
        with self._at_work:
            heads = self._map if self._map.size <= size else HeadsMap()
            self._read_on(size, heads)
            return {record: heads.prove(record) for record in records}

    def start(self) -> None:
        """Seal by itself from now on, when another kind of entry came, at most once a minute, until `stop`."""
        self._thread = threading.Thread(target=self._run, name="heads sealer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish what is under way and stop."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def failure(self) -> str | None:
        """Why the last HeadsSealed that was due could not be appended; None where it could."""
        return self._failure

    def _run(self) -> None:
        pause = AT_MOST_EVERY
        while not self._stopping.wait(pause.total_seconds()):
            try:
                pause = self._seal_if_due()
                self._failure = None
            except Exception as fault:  # noqa: BLE001  # the database is away, or a turn was lost: it is done later
                pause, self._failure = TRY_AGAIN_AFTER, f"{type(fault).__name__}: {fault}"

    def _seal_if_due(self) -> timedelta:
        """Seal, where another kind of entry came and the last time is long enough ago; returns when to look again."""
        head, _ = self._log.head()
        latest = self.latest(head)
        if latest is not None:
            since = self._now() - latest.recorded_at
            if since < AT_MOST_EVERY:
                return AT_MOST_EVERY - since
            if latest.position == head:
                return AT_MOST_EVERY
        self.seal()
        return AT_MOST_EVERY

    def _read_on(self, size: int, heads: HeadsMap | None = None) -> None:
        heads = self._map if heads is None else heads
        while heads.size < size:
            until = min(heads.size + READ_AT_ONCE, size)
            heads.advance(self._log.heads(heads.size, until), until)

    def _draft(self, head: int) -> Draft:
        proof = self._map.prove(LEDGER)
        version = proof.head.version + 1 if isinstance(proof, Presence) else 1
        sealed = HeadsSealed(records=len(self._map), root_hash=self._map.root().hex(), tree_size=head)
        content = content_of("ledger", sealed, moments.today(self._now))
        plan = planned(
            content, Place(LEDGER, version, head + 1), SYSTEM, target=HeadsSealed, refers_to=(), seal=_no_names
        )
        (draft,) = drafts([plan], SYSTEM.account, None)
        return draft


def _seal(stored: Stored) -> Seal:
    header, content = VOCABULARY.parts(stored.entry)
    if not isinstance(content.data, HeadsSealed):
        raise TypeError(f"entry {stored.position} is no HeadsSealed")
    return Seal(stored.position, header.recorded_at, content.data)


def _no_names(person: str, record: str, version: int, pointer: str, name: str) -> str:  # noqa: ARG001
    raise AssertionError("the system has no name")
