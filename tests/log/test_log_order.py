"""Many writers, one order: no gap, no entry that a reader who follows by position could miss."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

from eventsourcing.persistence import IntegrityError

from domain.log import Draft, Stored
from infrastructure.postgres.database import Database
from infrastructure.postgres.outcomes import Behind
from infrastructure.postgres.reader import LogReader
from infrastructure.postgres.writer import LogWriter

WRITERS = 8
APPENDS = 60


def test_positions_follow_commits_without_gap_and_a_tailing_reader_misses_nothing(
    database: Database, draft: Callable[..., Draft]
) -> None:
    reader = LogReader(database)
    followed: list[Stored] = []
    done = threading.Event()

    def follow() -> None:
        while not done.is_set() or followed[-1].position < reader.head()[0]:
            followed.extend(reader.entries(followed[-1].position if followed else 0, 50))

    def write(number: int) -> tuple[set[str], int]:
        """Append, to contested records too; return what was acknowledged, and how many refusals there were."""
        writer = LogWriter(database)
        acknowledged: set[str] = set()
        refused = 0
        for count in range(APPENDS):
            contested = draft(f"contested/{count}", closes=count % 3 == 0)
            own = draft(f"own/{number}-{count}")
            try:
                writer.append([contested, own], expected=reader.head()[0] if count % 4 == 0 else None)
            except (Behind, IntegrityError):
                refused += 1
            else:
                acknowledged |= {contested.header, own.header}
        writer.close()
        return acknowledged, refused

    follower = threading.Thread(target=follow)
    follower.start()
    with ThreadPoolExecutor(WRITERS) as pool:
        results = list(pool.map(write, range(WRITERS)))
    done.set()
    follower.join()

    assert sum(refused for _, refused in results) > 0
    assert [entry.position for entry in followed] == list(range(1, len(followed) + 1))
    headers = {entry.entry.partition(b',"entry"')[2].partition(b"}\n")[0].decode() for entry in followed}
    acknowledged = set[str]().union(*(entries for entries, _ in results))
    assert headers == {header.removeprefix('"entry"') for header in acknowledged}
    instants = [row[0] for row in reader.rows("SELECT recorded_at FROM ledger.log ORDER BY position")]
    assert all(earlier < later for earlier, later in pairwise(instants))
    reader.close()
