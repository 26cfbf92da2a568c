"""A rebuild takes the place of the live views while they are read and followed; a check finds what differs."""

# fixtures are the callables of conftest.py

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from application.listing import Filters
from infrastructure.views import building, projecting, tables
from infrastructure.views.rebuilding import Difference, check, rebuild

WITHIN = 20.0
COLUMNS = (
    "kind", "id", "version", "status", "new_city", "township", "first_on", "first_position", "last_position",
    "latest_on", "names", "formerly", "grams", "state",
)  # fmt: skip


def unheard(_done, _all):
    """Progress that nobody looks at."""


@pytest.fixture
def three(recorder, views, follower, villages):
    """Three villages, followed, and the follower stopped."""
    assert views.wait(recorder.record(*villages(range(3))), WITHIN)
    follower.stop()
    return recorder


@pytest.mark.usefixtures("follower")
def test_reading_and_recording_go_on_beside_rebuilds(database, recorder, views, villages, monkeypatch):
    monkeypatch.setattr(projecting, "BATCH", 20)
    assert views.wait(recorder.record(*villages(range(200))), WITHIN)
    done = threading.Event()

    def recording():
        number = 200
        while not done.is_set():
            recorder.record(*villages(range(number, number + 3)))
            number += 3
        return number

    def listing():
        pages, seen = 0, 0
        while not done.is_set():
            position = views.position()
            assert position >= seen
            seen = position
            asked = {"readable": None, "position": position, "on": villages([0])[0].day, "after": "v-00150"}
            assert len(views.candidates("villages", Filters(), limit=40, **asked)) == 40
            pages += 1
        return pages

    def counting():
        with database.connect("reader") as connection:
            counts = [0]
            while not done.is_set():
                counts += connection.execute("SELECT count(*) FROM views.records", prepare=True).fetchone() or ()
                assert counts[-1] >= counts[-2]
            return len(counts)

    with ThreadPoolExecutor() as pool:
        running = [pool.submit(one) for one in (recording, listing, counting, counting)]
        try:
            positions = [rebuild(database, unheard) for _ in range(3)]
        finally:
            done.set()
        number, *read = [one.result() for one in running]
    assert positions == sorted(positions)
    assert positions[0] > 200
    assert min(read) > 10
    assert views.wait(number, WITHIN)
    assert check(database, unheard) is None


def test_a_query_in_flight_reads_on_and_holds_up_no_other(database, three, villages):
    with database.connect("reader") as slow, ThreadPoolExecutor(1) as pool, slow.transaction():
        cursor = slow.cursor("in_flight")
        cursor.execute("SELECT id FROM views.records ORDER BY id")
        assert cursor.fetchone() == ("v-00000",)
        three.record(*villages(range(3, 6)))
        rebuilding = pool.submit(rebuild, database, unheard)
        with database.connect("reader", options="-c statement_timeout=5000") as other:
            while other.execute("SELECT count(*) FROM views.records").fetchone() != (6,):  # until they are in place
                assert not rebuilding.done()
        assert not rebuilding.done()  # it waits to drop what is still read
        assert cursor.fetchall() == [("v-00001",), ("v-00002",)]
        cursor.close()
        slow.execute("COMMIT")
        assert rebuilding.result(WITHIN) == 6
        slow.execute("BEGIN")


def test_two_processes_make_the_same_rows_and_tell_of_all_entries(database, three, villages, rows_of, monkeypatch):
    three.record(*villages(range(3, 3_000)))
    assert rebuild(database, unheard) == 3_000
    before = rows_of()
    monkeypatch.setattr(building, "WORTH_A_PROCESS", 0)
    told = []
    assert rebuild(database, lambda done, whole: told.append((done, whole))) == 3_000
    assert rows_of() == before
    assert told == sorted(told)
    assert told[-1] == (3_000, 3_000)
    assert len(told) > 2


def test_what_a_killed_rebuild_left_is_cleared_away(database, three, rows_of):
    with database.connect("projector") as connection:
        for schema in (tables.NEXT, tables.FORMER, tables.CHECK):
            connection.execute(tables.at("CREATE SCHEMA {schema}", schema))
            connection.execute(tables.at("CREATE TABLE {schema}.records (left_over int)", schema))
    before = rows_of()
    assert rebuild(database, unheard) == 3
    assert check(database, unheard) is None
    assert rows_of() == before
    with database.connect(None) as connection:
        schemas = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ '^views'").fetchall()
    assert schemas == [("views",)]
    assert three is not None


@pytest.mark.parametrize(
    ("tampering", "record", "columns"),
    [
        (
            "UPDATE views.records SET township = 'x', state = '{}' WHERE id = 'v-00001'",
            "villages/v-00001",
            ("township", "state"),
        ),
        ("DELETE FROM views.records WHERE id = 'v-00001'", "villages/v-00001", COLUMNS),
        (
            (
                "INSERT INTO views.records (kind, id, version, first_on, first_position, last_position, latest_on,"
                " names, grams) VALUES ('villages', 'v', 1, '2020-01-01', 1, 1, '2020-01-01', '', '{}')"
            ),
            "villages/v",
            COLUMNS,
        ),
    ],
)
def test_a_check_names_the_first_row_that_differs(database, three, tampering, record, columns):
    with database.connect("projector") as connection:
        connection.execute(tampering)
    assert check(database, unheard) == Difference(record, columns)
    rebuild(database, unheard)
    assert check(database, unheard) is None
    assert three is not None


def test_a_check_of_views_that_lag_compares_them_where_they_are(database, three, villages):
    three.record(*villages(range(3, 6)))
    assert check(database, unheard) is None
