"""Who read what: noted in memory, written together by a thread of its own, so that no read waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Final

import psycopg
import structlog

from application.moments import ZONE
from application.reading_trail import Read, Wanted
from infrastructure.postgres.database import Connect

WRITTEN_EVERY: Final = 1.0
"""Seconds between two writings; what was noted since is lost when the process is killed."""
HELD: Final = 20_000
"""Days, accounts and things held before they are written; past that, reads go unnoted and are counted as lost."""
KEPT_DAYS: Final = 366
FORGOTTEN_EVERY: Final = 3_600.0
WHAT_BYTES: Final = 400

_WRITE = """INSERT INTO access.reads AS r (day, account, what, times, first_at, last_at)
    SELECT * FROM unnest(%s::date[], %s::text[], %s::text[], %s::bigint[], %s::timestamptz[], %s::timestamptz[])
    ON CONFLICT (day, account, what) DO UPDATE
    SET times = r.times + excluded.times, last_at = greatest(r.last_at, excluded.last_at)"""
_FORGET = "DELETE FROM access.reads WHERE day < current_date - %s"
_READS = """SELECT day, account, what, times, first_at, last_at FROM access.reads
    WHERE (%(account)s::text IS NULL OR account = %(account)s) AND (%(day)s::date IS NULL OR day = %(day)s)
      AND (%(what)s::text IS NULL OR starts_with(what, %(what)s))
      AND (%(before)s::timestamptz IS NULL OR last_at < %(before)s)
    ORDER BY last_at DESC LIMIT %(limit)s"""

_log: structlog.stdlib.BoundLogger = structlog.get_logger("taizhang.reads")


class Reads:
    """Notes reads, and tells of them (`application.reading_trail.Trails`)."""

    def __init__(self, connect: Connect, now: Callable[[], datetime]) -> None:
        """`connect` lends connections of a role that may write them."""
        self._connect = connect
        self._now = now
        self._held: dict[tuple[date, str, str], tuple[int, datetime, datetime]] = {}
        self._lost = 0
        self._turn = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reads", daemon=True)

    def start(self) -> None:
        """Begin to write what is noted."""
        self._thread.start()

    def close(self) -> None:
        """Write what is noted, and end."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(10)
        self.write()

    def note(self, account: str, what: str) -> None:
        """An account has read something; returns at once."""
        now = self._now()
        key = (now.astimezone(ZONE).date(), account, what.encode()[:WHAT_BYTES].decode(errors="ignore"))
        with self._turn:
            times, first, _ = self._held.get(key, (0, now, now))
            if times or len(self._held) < HELD:
                self._held[key] = (times + 1, first, now)
            else:
                self._lost += 1

    def reads(self, wanted: Wanted, before: datetime | None, limit: int) -> Sequence[Read]:
        """Reads by when they were last made, the latest first, those before an instant."""
        self.write()
        asked = {**wanted._asdict(), "before": before, "limit": limit}
        with self._connect() as connection:
            return [Read(*row) for row in connection.execute(_READS, asked)]

    def write(self) -> None:
        """Write what is noted; where the database is away it stays noted."""
        with self._turn:
            held, self._held = self._held, {}
            lost, self._lost = self._lost, 0
        if lost:
            _log.warning("reads went unnoted", count=lost)
        if not held:
            return
        keys, values = [*held], [*held.values()]
        columns = [[key[place] for key in keys] for place in range(3)] + [
            [value[place] for value in values] for place in range(3)
        ]
        try:
            with self._connect() as connection:
                connection.execute(_WRITE, columns)
        except psycopg.Error:
            with self._turn:
                for key, (times, first, last) in held.items():
                    again, _, later = self._held.get(key, (0, first, last))
                    if again or len(self._held) < HELD:
                        self._held[key] = (times + again, first, later)

    def forget(self) -> None:
        """Forget what was read more than a year ago."""
        try:
            with self._connect() as connection:
                connection.execute(_FORGET, (KEPT_DAYS,))
        except psycopg.Error:
            return  # it is asked again in an hour

    def _run(self) -> None:
        waited = FORGOTTEN_EVERY
        while not self._stopped.wait(WRITTEN_EVERY):
            self.write()
            waited += WRITTEN_EVERY
            if waited >= FORGOTTEN_EVERY:
                waited = 0.0
                self.forget()
