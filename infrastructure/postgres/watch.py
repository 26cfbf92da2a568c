"""Wakes whoever waits for the log to grow."""

from __future__ import annotations

import contextlib
import threading
from typing import Final, LiteralString

import psycopg
from psycopg import sql

from infrastructure.postgres.database import Connection, Database

POLL_EVERY: Final = 0.25
"""Seconds between looks at the head: a notification may be lost with its connection, a look isn't."""
HEAD: Final[LiteralString] = "SELECT coalesce((SELECT position FROM ledger.head), 0)"


class HeadWatch:
    """One listening connection for any number of waiters, from the first wait to `close`.

    Notifications only wake it; the position always comes from the log.
    """

    def __init__(self, database: Database, channel: LiteralString = "ledger", position: LiteralString = HEAD) -> None:
        """Watch the log, or what else notifies on a channel and answers a query with a position."""
        self._database = database
        self._listen = sql.SQL("LISTEN {}").format(sql.Identifier(channel))
        self._position: LiteralString = position
        self._grown = threading.Condition()
        self._head = 0
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def wait(self, after: int, timeout: float) -> int:
        """Return the head's position as soon as it is past `after`, or the last one seen after `timeout` seconds."""
        with self._grown:
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._follow, name="head watch", daemon=True)
                self._thread.start()
            self._grown.wait_for(lambda: self._head > after or self._closed.is_set(), timeout)
            return self._head

    def close(self) -> None:
        """Let everybody go and stop listening."""
        self._closed.set()
        with self._grown:
            self._grown.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _follow(self) -> None:
        while not self._closed.is_set():
            with contextlib.suppress(psycopg.Error), self._database.connect("reader") as connection:
                connection.execute(self._listen)
                self._look(connection)
                while not self._closed.is_set():
                    for _ in connection.notifies(timeout=POLL_EVERY, stop_after=1):
                        pass
                    self._look(connection)
            self._closed.wait(POLL_EVERY)

    def _look(self, connection: Connection) -> None:
        row = connection.execute(self._position).fetchone()
        with self._grown:
            if row is not None and row[0] > self._head:
                self._head = row[0]
                self._grown.notify_all()
