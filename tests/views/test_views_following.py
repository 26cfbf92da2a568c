"""Rows follow the log, whoever follows, and come to what a rebuild makes of it."""

# fixtures are the callables of conftest.py

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from application.listing import Filters
from infrastructure.postgres.reader import LogReader
from infrastructure.views import follower as following
from infrastructure.views import projecting, tables
from infrastructure.views.follower import Follower
from infrastructure.views.rebuilding import check, rebuild
from projections import records

WITHIN = 20.0


def unheard(_done, _all):
    """Progress that nobody looks at."""


def test_who_waits_hears_when_the_rows_are_there(recorder, views, follower, villages):
    position = recorder.record(*villages(range(3)))
    assert views.wait(position, WITHIN)
    assert views.position() == position
    assert not views.wait(position + 1, 0.05)
    position = recorder.record(*villages(range(3, 5)))
    assert views.wait(position, WITHIN)
    asked = {"readable": None, "position": position, "on": villages([0])[0].day, "after": "", "limit": 9}
    assert [one.id for one in views.candidates("villages", Filters(), **asked)] == [f"v-{one:05}" for one in range(5)]
    assert follower.failure() is None


def test_rows_that_followed_are_those_of_a_rebuild(database, recorder, some_moves, played, rows_of, monkeypatch):
    monkeypatch.setattr(projecting, "CACHED_ENTRIES", 3)  # so that some are kept and others read again
    reader = LogReader(database, readers=1)
    with database.connect("projector") as connection:
        tables.ensure(connection)
        projector = projecting.Projector(reader, tables.LIVE)

        @settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(some_moves)
        def holds(moves):
            for one in played(f"e{recorder.record(*villages_of(played))}", moves).said:
                recorder.record(one)
            while projector.advance(connection, limit=4) < reader.head()[0]:
                pass
            followed = rows_of()
            assert check(database, unheard) is None
            rebuild(database, unheard)
            assert rows_of() == followed

        holds()
    reader.close()


def villages_of(played):
    """One event that opens a record of its own, so that ids of examples differ."""
    villages_of.number = getattr(villages_of, "number", 0) + 1
    return played(f"n{villages_of.number}", [(0, 9, 0, 0)]).said


def test_one_follower_works_and_another_takes_over(database, recorder, views, villages, monkeypatch):
    monkeypatch.setattr(following, "LOOK_EVERY", 0.05)
    first, second = Follower(database), Follower(database)
    first.start()
    assert views.wait(recorder.record(*villages(range(3))), WITHIN)
    second.start()
    assert views.wait(recorder.record(*villages(range(3, 6))), WITHIN)
    first.stop()
    assert views.wait(recorder.record(*villages(range(6, 9))), WITHIN)
    first.start()  # and again
    second.stop()
    assert views.wait(recorder.record(*villages(range(9, 12))), WITHIN)
    first.stop()
    assert check(database, unheard) is None


def test_rows_of_another_fold_are_left_alone_until_they_are_rebuilt(
    database, recorder, views, villages, rows_of, monkeypatch
):
    monkeypatch.setattr(following, "LOOK_EVERY", 0.05)
    older = Follower(database)
    older.start()
    position = recorder.record(*villages(range(3)))
    assert views.wait(position, WITHIN)
    older.stop()
    before = rows_of()
    monkeypatch.setattr(records, "DIGEST", "of another vocabulary")
    newer = Follower(database)
    newer.start()
    later = recorder.record(*villages(range(3, 6)))
    assert not views.wait(later, 0.5)
    assert "rebuild" in (newer.failure() or "")
    assert rows_of() == before
    assert rebuild(database, unheard) == later  # in this process one share of two has the other digest: the same rows
    assert views.wait(recorder.record(*villages(range(6, 9))), WITHIN)
    newer.stop()  # what waited heard before the follower itself took its complaint back
    assert newer.failure() is None


def test_a_change_of_the_vocabulary_is_a_change_of_the_digest():
    changed = records.digest({**records.AGGREGATES, "villages": records.AGGREGATES["communities"]})
    assert changed != records.DIGEST


@pytest.mark.usefixtures("follower")
def test_the_follower_survives_losing_its_connections(database, recorder, views, villages, monkeypatch):
    monkeypatch.setattr(projecting, "BATCH", 50)
    for first in range(0, 600, 100):
        recorder.record(*villages(range(first, first + 100)))
        with database.connect(None) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name ~ 'projector|reader'"
            )
    assert views.wait(recorder.record(*villages([600])), WITHIN)
    assert check(database, unheard) is None
