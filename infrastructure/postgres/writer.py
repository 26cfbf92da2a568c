"""The write side of the log: one call of the append function, and the settling of a call whose answer was lost."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Generator, Sequence
from itertools import chain, repeat
from typing import Any, Final, TypeVar

import psycopg
from eventsourcing import persistence

from domain.log import Draft, Stored
from infrastructure.postgres import arrays
from infrastructure.postgres.database import Connection, Database
from infrastructure.postgres.embedded import ServerFailed
from infrastructure.postgres.outcomes import Behind, Unsettled

APPEND: Final = (
    "SELECT position, entry, leaf_hash FROM ledger.append(%b::bigint, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b)"
)
FIND: Final = (
    "SELECT l.position, l.entry, l.leaf_hash, l.closes"
    " FROM unnest(%b, %b) WITH ORDINALITY AS d (record, version, item)"
    " JOIN ledger.log AS l USING (record, version) ORDER BY d.item"
)
AWAIT_REPLICAS: Final = "SELECT pg_logical_emit_message(true, 'taizhang', '')"
"""A commit of its own that waits for the replicas, and so for all that was committed before it."""
RECONNECT_EVERY: Final = 0.1


Answer = TypeVar("Answer")


class _Lost(Exception):  # noqa: N818  # never leaves this module
    """The database did not come back in time."""

    def __init__(self, error: psycopg.Error) -> None:
        super().__init__(str(error))
        self.error = error


class LogWriter:
    """Appends to the log over one kept connection, one append at a time."""

    def __init__(
        self, database: Database, *, settle_within: float = 15.0, on_lost: Callable[[], object] | None = None
    ) -> None:
        """Connect at the first append.

        Args:
            database: Where the log is.
            settle_within: Seconds to get a lost connection back and find out what became of an append.
            on_lost: Called when the connection was lost, before connecting again: restarts an embedded server.
        """
        self._database = database
        self._settle_within = settle_within
        self._on_lost = on_lost
        self._connection: Connection | None = None
        self._turn = threading.Lock()
        self._warning: str | None = None

    def close(self) -> None:
        """Close the connection."""
        with self._turn:
            self._drop()

    def append(self, drafts: Sequence[Draft], *, expected: int | None) -> list[Stored]:
        """Write the drafts, all or none, and return them as stored, durably, in their order.

        Args:
            drafts: At most 20,000, the last of which closes its transaction.
            expected: The position that the log must end at, or None for any.

        Raises:
            Behind: The log doesn't end at `expected`; nothing was written.
            persistence.IntegrityError: A version or an idempotency key is taken; nothing was written.
            persistence.OperationalError: No connection was to be had; nothing was written.
            Unsettled: The answer was lost, and the database didn't come back in time to ask.
        """
        if not drafts:
            return []
        sent = False

        def ask(connection: Connection) -> list[Stored]:
            # Asking again is safe: `expected`, or without it the versions, let at most one of the calls write. So a
            # refusal after a lost answer means ourselves or others, and the stored bytes, entry ids included, tell.
            nonlocal sent
            again, sent = sent, True
            try:
                return self._call(connection, drafts, expected)
            except (Behind, psycopg.errors.UniqueViolation):
                if not again or not (stored := _find(connection, drafts)):
                    raise
                connection.execute(AWAIT_REPLICAS)
                return stored

        with self._turn, _translated():
            try:
                stored = self._until_answered(ask)
            except _Lost as lost:
                raise Unsettled("the answer of an append was lost") if sent else lost.error from lost.error
            if self._warning is not None:
                raise Unsettled(self._warning)
            return stored

    @contextlib.contextmanager
    def locked(self) -> Generator[Callable[[Sequence[Draft]], list[Stored]]]:
        """Hold the log's turn while the block runs, and commit at its end; gives a function that appends under it.

        Raises:
            persistence.PersistenceError: Nothing was written.
            Unsettled: The commit's answer was lost, and the database didn't come back in time to ask.
        """
        written: list[Draft] = []

        def append(drafts: Sequence[Draft]) -> list[Stored]:
            written.extend(drafts)
            return self._call(connection, drafts, None) if drafts else []

        def take_turn(connection: Connection) -> Connection:
            connection.execute("BEGIN")
            connection.execute("SELECT ledger.take_turn()")
            return connection

        def committed(connection: Connection) -> bool:
            # Whoever held the turn has ended by the time that we have it.
            take_turn(connection)
            found = bool(_find(connection, written))
            connection.execute(AWAIT_REPLICAS)
            connection.execute("COMMIT")
            return found

        with self._turn, _translated():
            try:
                connection = self._until_answered(take_turn)
                try:
                    yield append
                    connection.execute("COMMIT")
                except psycopg.Error:
                    if not (connection.closed and written and self._until_answered(committed)):
                        raise
                finally:
                    if not connection.closed:
                        connection.rollback()
            except _Lost as lost:
                raise Unsettled("the answer of a commit was lost") if written else lost.error from lost.error
            if self._warning is not None:
                raise Unsettled(self._warning)

    def _until_answered(self, ask: Callable[[Connection], Answer]) -> Answer:
        """Ask, and ask again on a new connection where one was lost, as long as we may; then raise _Lost."""
        deadline = 0.0
        while True:
            try:
                return ask(self._connected())
            except psycopg.Error as error:
                if self._connection is not None and not self._connection.closed:
                    raise  # refused or cancelled by the server before it committed
                deadline = deadline or time.monotonic() + self._settle_within
                try:
                    self._recover(deadline)
                except (TimeoutError, ServerFailed):
                    raise _Lost(error) from error

    def _call(self, connection: Connection, drafts: Sequence[Draft], expected: int | None) -> list[Stored]:
        with connection.cursor(binary=True) as cursor:
            rows = cursor.execute(APPEND, _arguments(drafts, expected), prepare=True).fetchall()
        if not rows:
            raise Behind(f"the log no longer ends at {expected}")
        return [
            Stored(position, entry, leaf_hash, draft.closes)
            for (position, entry, leaf_hash), draft in zip(rows, drafts, strict=True)
        ]

    def _connected(self) -> Connection:
        self._warning = None
        if self._connection is None or self._connection.closed:
            self._connection = None
            self._connection = self._database.connect("writer", connect_timeout=max(2, int(self._settle_within / 3)))
            arrays.adapt(self._connection)
            self._connection.add_notice_handler(self._notice)
        return self._connection

    def _notice(self, notice: psycopg.errors.Diagnostic) -> None:
        # A cancelled wait for a synchronous replica answers with success and this warning.
        if notice.sqlstate == "01000":
            self._warning = notice.message_primary or "a warning without a message"

    def _recover(self, deadline: float) -> None:
        self._drop()
        if time.monotonic() > deadline:
            raise TimeoutError
        if self._on_lost is not None:
            self._on_lost()
        time.sleep(RECONNECT_EVERY)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _arguments(drafts: Sequence[Draft], expected: int | None) -> list[Any]:
    records, versions, names, headers, bodies, causes, closes, idempotency, refers_to = zip(*drafts, strict=True)
    return [
        expected,
        arrays.texts(records),
        arrays.ints(versions),
        arrays.texts(names),
        arrays.texts(headers),
        arrays.blobs(bodies),
        arrays.ints(causes),
        arrays.bools(closes),
        arrays.texts(idempotency),
        arrays.ints(list(chain.from_iterable(repeat(item, len(targets)) for item, targets in enumerate(refers_to)))),
        arrays.texts(list(chain.from_iterable(refers_to))),
    ]


def _find(connection: Connection, drafts: Sequence[Draft]) -> list[Stored]:
    """Return the drafts as stored; nothing where others took their place. Their headers hold their entry ids."""
    with connection.cursor(binary=True) as cursor:
        records, versions = arrays.texts([draft.record for draft in drafts]), arrays.ints([d.version for d in drafts])
        rows = cursor.execute(FIND, [records, versions]).fetchall()
    found = [Stored(*row) for row in rows]
    ours = len(found) == len(drafts) and all(
        stored.entry.endswith(f",{draft.header}}}\n".encode() + draft.body)
        for stored, draft in zip(found, drafts, strict=True)
    )
    return found if ours else []


@contextlib.contextmanager
def _translated() -> Generator[None]:
    """Raise psycopg's errors as the library's, which bear the same names (PEP 249)."""
    try:
        yield
    except psycopg.Error as error:
        for kind in type(error).__mro__:
            theirs = getattr(persistence, kind.__name__, None)
            if isinstance(theirs, type) and issubclass(theirs, persistence.PersistenceError):
                raise theirs(str(error)) from error
        raise
