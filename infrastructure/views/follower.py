"""Follows the log in a thread, so that the rows are never far behind."""

from __future__ import annotations

import threading
from typing import Final

import psycopg

from infrastructure.postgres.database import Connection, Database
from infrastructure.postgres.reader import LogReader
from infrastructure.views.projecting import BATCH, AnotherFold, Projector
from infrastructure.views.tables import LIVE, WRITE, acquire, at, ensure, leads, progress
from projections.records import NAME, FoldFailed

LOOK_EVERY: Final = 1.0
"""Seconds between looks of one that stands by, has stopped or hears nothing."""
RECONNECT_AFTER: Final = 0.1
RECONNECT_AT_LAST: Final = 5.0
TRANSIENT: Final = (psycopg.OperationalError, psycopg.InterfaceError)


class Follower:
    """Keeps the live views up to date from `start` to `stop`.

    Several may follow one database: one works, the others stand by and take over where it ended. An entry that can't
    be folded stops it there, and nothing is lost: it goes on after a rebuild, or when started anew.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stopping = threading.Event()
        self._failure: str | None = None
        self._reader: LogReader | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Follow, until `stop`."""
        self._stopping.clear()
        self._reader = LogReader(self._database, readers=1)
        self._thread = threading.Thread(target=self._run, args=[self._reader], name="views follower", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch at hand and stop."""
        self._stopping.set()
        if self._reader is not None:
            self._reader.close()  # wakes it up
        if self._thread is not None:
            self._thread.join()

    def failure(self) -> str | None:
        """What stopped the views, here or in the process that works; None while they follow."""
        return self._failure

    def _run(self, reader: LogReader) -> None:
        pause = RECONNECT_AFTER
        while not self._stopping.is_set():
            try:
                with self._database.connect("projector") as connection:
                    # What a crash takes back it takes back whole, and it is done again.
                    connection.execute("SET synchronous_commit = off")
                    while not self._stopping.is_set() and not leads(connection):
                        self._look(connection)
                        self._stopping.wait(LOOK_EVERY)
                    pause = RECONNECT_AFTER
                    self._lead(connection, reader)
            except TRANSIENT:
                self._stopping.wait(pause)
                pause = min(2 * pause, RECONNECT_AT_LAST)

    def _lead(self, connection: Connection, reader: LogReader) -> None:
        projector = Projector(reader, LIVE)
        reached = -1
        while not self._stopping.is_set():
            try:
                if reached < 0:
                    ensure(connection)
                before, reached = reached, projector.advance(connection)
                self._failure = None
                if reached == before:
                    reader.wait(reached, LOOK_EVERY)
            except TRANSIENT:
                raise
            except Exception as fault:  # noqa: BLE001  # whatever a fold raises, it is for someone to look at
                reached = -1
                self._stop_at_failure(connection, projector, fault)

    def _stop_at_failure(self, connection: Connection, projector: Projector, fault: Exception) -> None:
        """Go on to the transaction at fault, say so where everybody sees it, and wait until that is undone."""
        if isinstance(fault, AnotherFold):
            self._failure = str(fault)
            self._stopping.wait(LOOK_EVERY)
            return
        try:
            for _ in range(BATCH):
                projector.advance(connection, limit=1)
        except TRANSIENT:
            raise
        except Exception as first:  # noqa: BLE001  # the same, in the transaction at fault
            failed_at = first.position if isinstance(first, FoldFailed) else None
            with connection.transaction():
                acquire(connection, WRITE)
                connection.execute(
                    at(
                        "UPDATE {schema}.progress SET failed_at = coalesce(%s, position + 1), failure = %s"
                        " WHERE name = %s",
                        LIVE,
                    ),
                    [failed_at, str(first), NAME],
                )
            while self._look(connection) is not None and not self._stopping.is_set():
                self._stopping.wait(LOOK_EVERY)

    def _look(self, connection: Connection) -> str | None:
        """See what the views say about themselves."""
        standing = progress(connection)
        self._failure = None if standing is None else standing.failure
        return self._failure
