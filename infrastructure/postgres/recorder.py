"""The log behind the interface of the eventsourcing library."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from threading import Thread
from typing import Any, LiteralString
from uuid import UUID, uuid4

from eventsourcing.persistence import (
    ApplicationRecorder,
    ListenNotifySubscription,
    Notification,
    StoredEvent,
    Subscription,
)
from typing_extensions import override

from domain.log import Draft, Stored
from infrastructure.postgres.database import Database
from infrastructure.postgres.reader import LogReader
from infrastructure.postgres.watch import POLL_EVERY
from infrastructure.postgres.writer import LogWriter


class LogRecorder(ApplicationRecorder):
    """Records the library's stored events as entries, and our own drafts.

    Originator ids are text; a stored event's state is the body of its entry, and positions are notification ids.
    """

    def __init__(
        self,
        database: Database,
        *,
        settle_within: float = 15.0,
        on_lost: Callable[[], object] | None = None,
        readers: int = 4,
    ) -> None:
        """Make a writer and a pool of at most `readers` connections; see `LogWriter` for the others."""
        super().__init__()
        self._writer = LogWriter(database, settle_within=settle_within, on_lost=on_lost)
        self.reader = LogReader(database, readers=readers)

    def close(self) -> None:
        """Close all connections."""
        self.reader.close()
        self._writer.close()

    def append(self, drafts: Sequence[Draft], *, expected: int | None) -> list[Stored]:
        """Write drafts; see `LogWriter.append`."""
        return self._writer.append(drafts, expected=expected)

    @override
    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> list[int]:
        """Write events, all or none, and return their positions.

        Raises:
            eventsourcing.persistence.IntegrityError: A version is taken.
        """
        last = len(stored_events) - 1
        drafts = [_draft(event, closes=number == last) for number, event in enumerate(stored_events)]
        return [stored.position for stored in self.append(drafts, expected=None)]

    @override
    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[StoredEvent]:
        """Return a record's events by version, after `gt`, up to `lte`, or the other way round."""
        select: LiteralString = (
            "SELECT l.record, l.version, l.name, l.entry FROM ledger.log AS l WHERE l.record = %s"
            " AND l.version > coalesce(%s::int, -1) AND l.version <= coalesce(%s::int, 2147483647) ORDER BY l.version"
        )
        select += " DESC LIMIT %s::bigint" if desc else " LIMIT %s::bigint"
        rows = self.reader.rows(select, str(originator_id), gt, lte, limit)
        return [StoredEvent(record, version, name, _body(entry)) for record, version, name, entry in rows]

    @override
    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> list[Notification]:
        """Return events by position."""
        after = 0 if start is None else start - inclusive_of_start
        rows = self.reader.rows(
            "SELECT l.position, l.record, l.version, l.name, l.entry FROM ledger.log AS l"
            " WHERE l.position > %s AND l.position <= coalesce(%s::bigint, 9223372036854775807)"
            " AND (%s OR l.name = ANY (%s::text[])) ORDER BY l.position LIMIT %s",
            after, stop, not topics, list(topics), limit,
        )  # fmt: skip
        return [
            Notification(id=position, originator_id=record, originator_version=version, topic=name, state=_body(entry))
            for position, record, version, name, entry in rows
        ]

    @override
    def max_notification_id(self) -> int | None:
        """Return the last position, None for an empty log."""
        return self.reader.head()[0] or None

    @override
    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """Return an iterator of the events after `gt` that goes on with what is yet to be recorded."""
        return LogSubscription(self, gt, topics)


class LogSubscription(ListenNotifySubscription[LogRecorder]):
    """Reads on by position whenever the head has moved."""

    def __init__(self, recorder: LogRecorder, gt: int | None = None, topics: Sequence[str] = ()) -> None:
        super().__init__(recorder, gt, topics)
        self._watching = Thread(target=self._watch, name="log subscription", daemon=True)
        self._watching.start()

    @override
    def __exit__(self, *args: object, **kwargs: Any) -> None:
        try:
            super().__exit__(*args, **kwargs)
        finally:
            self._watching.join()

    def _watch(self) -> None:
        seen = 0
        while not self._has_been_stopped:
            if (head := self._recorder.reader.wait(seen, POLL_EVERY)) > seen:
                seen = head
                self._has_been_notified.set()


def _draft(event: StoredEvent, *, closes: bool) -> Draft:
    record = str(event.originator_id)
    members = {
        "entry": str(uuid4()),
        "record": record,
        "version": event.originator_version,
        "name": event.topic,
        "body": {"length": len(event.state), "sha256": hashlib.sha256(event.state).hexdigest()},
    }
    header = json.dumps(members, ensure_ascii=False, separators=(",", ":"))[1:-1]
    return Draft(record, event.originator_version, event.topic, header, event.state, closes=closes)


def _body(entry: bytes) -> bytes:
    return entry.partition(b"\n")[2]
