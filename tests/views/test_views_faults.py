"""Killed at any moment, following and rebuilding go on where they were; a fold that fails stops and says where."""

# fixtures are the callables of conftest.py

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from domain.corrections import EventRetracted
from infrastructure.views import follower as following
from infrastructure.views.follower import Follower
from infrastructure.views.rebuilding import check, rebuild
from projections.records import FoldFailed

WITHIN = 20.0
FOLLOW = """
import sys
from infrastructure.postgres.database import Database
from infrastructure.views import projecting
from infrastructure.views.follower import Follower
projecting.BATCH = 40
Follower(Database.at(sys.argv[1])).start()
sys.stdin.read()
"""
REBUILD = """
import sys
from infrastructure.postgres.database import Database
from infrastructure.views import building
from infrastructure.views.rebuilding import rebuild
building.WORTH_A_PROCESS = 0
rebuild(Database.at(sys.argv[1]), lambda done, _: print(done, flush=True))
"""


def unheard(_done, _all):
    """Progress that nobody looks at."""


@contextmanager
def process(program, database) -> Generator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", program, database.conninfo], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def test_a_follower_killed_in_the_middle_leaves_whole_batches_and_is_followed_exactly_once(
    database, recorder, views, villages, said, rows_of
):
    for first in range(0, 3_000, 30):
        recorder.record(*villages(range(first, first + 30)))
    for number in range(0, 3_000, 3):
        recorder.record(
            said(f"villages/v-{number:05}", "AssetsVerified", villages([0])[0].day, {"total": "1"}),
            said(
                f"villages/v-{number:05}", "EventRetracted", villages([0])[0].day, {"version": 1 + 1, "reasons": "误"}
            ),
        )
    head = 5_000
    reached = 0
    for _ in range(3):
        with process(FOLLOW, database) as follower:
            assert views.wait(reached + 1, WITHIN)
            follower.kill()
            follower.wait()
        reached = views.position()
        assert reached < head
        position, *rows = rows_of()
        assert position == (reached, None)
        assert len(rows) == min(reached, 3_000)
        assert sum(row[2] for row in rows) == reached  # versions: every entry once
    last = Follower(database)
    last.start()
    assert views.wait(head, WITHIN)
    last.stop()
    assert check(database, unheard) is None
    followed = rows_of()
    rebuild(database, unheard)
    assert rows_of() == followed


def test_a_rebuild_killed_in_the_middle_leaves_the_live_views_as_they_were(
    database, recorder, views, follower, villages, rows_of
):
    assert views.wait(recorder.record(*villages(range(5_000))), WITHIN)
    follower.stop()
    before = rows_of()
    with process(REBUILD, database) as rebuilding:
        assert rebuilding.stdout is not None
        assert int(rebuilding.stdout.readline()) < 5_000
        rebuilding.kill()
        rebuilding.wait()
    assert rows_of() == before
    assert rebuild(database, unheard) == 5_000
    assert rows_of() == before


@pytest.fixture
def unreadable(database, recorder, villages):
    """A log whose entry 8 a superuser wrote over; gives back what stood there."""
    for number in range(20):
        recorder.record(*villages([number]))
    with database.connect(None) as connection:
        row = connection.execute("SELECT entry FROM ledger.log WHERE position = 8").fetchone()
        assert row is not None
        write_over(connection, row[0].replace(b'"VillageRegistered/1"', b'"VillageRegistered/9"'))
    return row[0]


def write_over(connection, entry):
    with connection.transaction():
        connection.execute("SET LOCAL taizhang.migrating = 'on'; ALTER TABLE ledger.log DISABLE TRIGGER only_grows")
        connection.execute("UPDATE ledger.log SET entry = %s WHERE position = 8", [entry])
        connection.execute("ALTER TABLE ledger.log ENABLE ALWAYS TRIGGER only_grows")


def test_an_entry_that_cannot_be_read_stops_the_views_there_until_it_is_mended(
    database, recorder, views, villages, unreadable, rows_of, monkeypatch
):
    monkeypatch.setattr(following, "LOOK_EVERY", 0.05)
    first, standing_by = Follower(database), Follower(database)
    first.start()
    assert views.wait(7, WITHIN)
    wait_for(first.failure)
    standing_by.start()
    wait_for(standing_by.failure)
    for one in (first, standing_by):
        assert (one.failure() or "").startswith("entry 8: VillageRegistered/9 is no event of")
    assert rows_of()[0] == (7, 8)
    assert len(rows_of()) == 1 + 7
    recorder.record(*villages(range(20, 25)))
    assert not views.wait(8, 0.2)
    with pytest.raises(FoldFailed, match="entry 8: VillageRegistered/9 is no event of"):
        rebuild(database, unheard)
    assert rows_of()[0] == (7, 8)
    with database.connect(None) as connection:
        write_over(connection, unreadable)
    standing_by.stop()
    first.stop()
    first.start()
    assert views.wait(25, WITHIN)
    wait_for(lambda: first.failure() is None)
    first.stop()
    assert check(database, unheard) is None


def test_a_rebuild_heals_a_follower_that_stopped(database, recorder, views, unreadable, villages, monkeypatch):
    monkeypatch.setattr(following, "LOOK_EVERY", 0.05)
    follower = Follower(database)
    follower.start()
    wait_for(follower.failure)
    with database.connect(None) as connection:
        write_over(connection, unreadable)
    assert rebuild(database, unheard) == 20
    assert views.wait(recorder.record(*villages(range(20, 22))), WITHIN)
    wait_for(lambda: follower.failure() is None)
    follower.stop()
    assert check(database, unheard) is None


def test_a_fold_that_raises_stops_the_views_before_its_entry(
    database, recorder, views, villages, said, rows_of, monkeypatch
):
    monkeypatch.setattr(following, "LOOK_EVERY", 0.05)
    recorder.record(*villages(range(2)))
    recorder.record(
        *villages(range(2, 5)),
        said("villages/v-00002", EventRetracted.event, villages([0])[0].day, {"version": 1, "reasons": "误"}),
        said("villages/v-00002", "EventCorrected", villages([0])[0].day, {"version": 9, "reasons": "没有"}),
        *villages(range(5, 9)),
    )
    follower = Follower(database)
    follower.start()
    wait_for(follower.failure)
    follower.stop()
    assert (follower.failure() or "").startswith("entry 7: IndexError")
    assert rows_of()[0] == (2, 7)  # a transaction is shown whole or not at all
    assert views.position() == 2
    with pytest.raises(FoldFailed, match="entry 7: IndexError"):
        rebuild(database, unheard)


def wait_for(holds):
    deadline = time.monotonic() + WITHIN
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
