"""Reads stop at whole transactions, and an instant has one position for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import chain

import psycopg
import pytest

from domain.log import Draft
from infrastructure.postgres.database import Database
from infrastructure.postgres.outcomes import FutureInstant
from infrastructure.postgres.reader import LogReader
from infrastructure.postgres.recorder import LogRecorder

Drafting = Callable[..., Draft]
MICROSECOND = timedelta(microseconds=1)


def test_a_position_inside_a_transaction_reads_as_the_last_whole_one(recorder: LogRecorder, draft: Drafting) -> None:
    recorder.append([draft(f"r/{number}", closes=number in {1, 4}) for number in range(5)], expected=0)
    assert [recorder.reader.whole(position) for position in range(8)] == [0, 0, 2, 2, 2, 5, 5, 5]


def test_an_instant_is_the_last_position_recorded_by_then(recorder: LogRecorder, draft: Drafting) -> None:
    empty = datetime.now(UTC)
    recorder.append([draft(f"r/{number}") for number in range(3)], expected=0)
    instants = [row[0] for row in recorder.reader.rows("SELECT recorded_at FROM ledger.log ORDER BY position")]
    assert recorder.reader.resolve(empty) == 0
    for position, instant in enumerate(instants, 1):
        assert recorder.reader.resolve(instant - MICROSECOND) == position - 1
        assert recorder.reader.resolve(instant) == position
    assert recorder.reader.resolve(datetime.now(UTC)) == 3


def test_the_future_is_past_the_clock_and_the_last_entry(recorder: LogRecorder, database: Database) -> None:
    ahead = datetime.now(UTC) + timedelta(hours=1)
    with pytest.raises(FutureInstant):
        recorder.reader.resolve(ahead)
    with database.connect(None) as connection:
        connection.execute(
            "INSERT INTO ledger.log (position, record, version, name, recorded_at, closes, entry)"
            " VALUES (1, 'r/0', 1, 'Tested/1', %s, true, '')",
            [ahead],
        )
    assert recorder.reader.resolve(ahead - MICROSECOND) == 0
    assert recorder.reader.resolve(ahead) == 1
    with pytest.raises(FutureInstant):
        recorder.reader.resolve(ahead + MICROSECOND)


def test_an_instant_waits_for_the_commit_in_flight(recorder: LogRecorder, database: Database) -> None:
    with database.connect("writer", autocommit=False) as writing, ThreadPoolExecutor(1) as pool:
        writing.execute(
            "SELECT * FROM ledger.append(0, '{r}', '{1}', '{x}', '{x}', '{x}', '{null}', '{t}', '{null}', '{}', '{}')"
        )
        asked = pool.submit(recorder.reader.resolve, datetime.now(UTC))
        with database.connect(None) as watching:
            while not watching.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone():
                pass
        assert not asked.done()
        writing.commit()
        assert asked.result(5) == 1


def test_no_entry_gets_an_instant_that_was_answered_for(
    recorder: LogRecorder, database: Database, draft: Drafting
) -> None:
    reader = LogReader(database)
    answered: list[tuple[datetime, int]] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            instant = datetime.now(UTC)
            answered.append((instant, reader.resolve(instant)))

    asking = threading.Thread(target=ask)
    asking.start()
    for number in range(300):
        recorder.append([draft(f"r/{number}")], expected=number)
    done.set()
    asking.join()
    reader.close()
    assert len(answered) > 10
    assert all(recorder.reader.resolve(instant) == position for instant, position in answered)


def test_an_open_transaction_that_asked_for_an_instant_stops_no_append(
    recorder: LogRecorder, database: Database, draft: Drafting
) -> None:
    with database.connect("reader", autocommit=False) as reading:
        for instant in ("now()", "now() + interval '1 hour'"):
            reading.execute(f"SELECT ledger.resolve({instant})".encode())
        assert recorder.append([draft("r/1")], expected=0)[0].position == 1


def test_an_old_snapshot_cannot_answer_for_an_instant(database: Database) -> None:
    with database.connect("reader") as connection, pytest.raises(psycopg.errors.InvalidTransactionState):
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT ledger.resolve(now())")


def test_a_key_finds_its_whole_command_and_nothing_else(recorder: LogRecorder, draft: Drafting) -> None:
    drafts = [draft(f"r/{number}", closes=number in {0, 3, 4}) for number in range(5)]
    drafts[1] = drafts[1]._replace(idempotency="account key")
    stored = recorder.append(drafts, expected=0)
    assert recorder.reader.by_idempotency("account key") == stored[1:4]
    assert recorder.reader.by_idempotency("account other") == []


def test_entries_of_records_by_version_up_to_a_position(recorder: LogRecorder, draft: Drafting) -> None:
    drafts = [draft(record, version) for version in (1, 2) for record in ("b", "a", "a/b", "é")]
    stored = recorder.append(drafts, expected=0)
    reader = recorder.reader
    assert reader.of_record("a") == [stored[1], stored[5]]
    assert reader.of_record("a", after_version=1) == [stored[5]]
    assert reader.of_record("a", until=5) == [stored[1]]
    assert reader.of_records(["é", "a", "none"], until=6) == {"é": [stored[3]], "a": [stored[1], stored[5]], "none": []}
    assert reader.at(3) == stored[2]
    assert reader.at(9) is None
    assert reader.entries(2, 3) == stored[2:5]
    assert reader.entries(2, 9, until=4) == stored[2:4]


def test_referring_records_are_named_once_in_order(recorder: LogRecorder, draft: Drafting) -> None:
    recorder.append(
        [
            draft("b", 1, refers_to=("t", "u")),
            draft("a", 1, refers_to=("t",)),
            draft("b", 2, refers_to=("t", "t")),
            draft("c", 1, refers_to=("u",)),
        ],
        expected=0,
    )
    assert recorder.reader.referring("t", 10) == ["a", "b"]
    assert recorder.reader.referring("t", 1) == ["a"]
    assert recorder.reader.referring("nothing", 10) == []


def test_a_scan_reads_everything_once_by_position_or_by_record(recorder: LogRecorder, draft: Drafting) -> None:
    drafts = [draft(f"r/{number % 97:02}", number // 97 + 1) for number in range(1_000)]
    stored = recorder.append(drafts, expected=0)
    order = {entry: (draft.record, draft.version) for entry, draft in zip(stored, drafts, strict=True)}
    reader = recorder.reader

    batches = list(reader.scan(after=10, until=990, batch=64))
    assert [len(batch) for batch in batches] == [64] * 15 + [20]
    assert list(chain(*batches)) == stored[10:990]

    by_record = list(chain(*reader.scan_records(batch=300)))
    assert by_record == sorted(stored, key=order.__getitem__)
    shares = [list(chain(*reader.scan_records(part=part, parts=3))) for part in range(3)]
    assert all(shares)
    assert sorted(chain(*shares)) == stored
    for share in shares:
        assert share == sorted(share, key=order.__getitem__)
    records = [{order[entry][0] for entry in share} for share in shares]
    assert not records[0] & records[1] | records[1] & records[2] | records[0] & records[2]


def test_a_scan_left_half_way_leaves_its_connection_fit(database: Database, draft: Drafting) -> None:
    recorder = LogRecorder(database, readers=1)
    recorder.append([draft(f"r/{number}") for number in range(5_000)], expected=0)
    for _ in range(3):
        scan = recorder.reader.scan(batch=10)
        assert len(next(scan)) == 10
        scan.close()
        assert recorder.reader.head()[0] == 5_000
        assert recorder.reader.rows("SHOW statement_timeout") == [("30s",)]
    recorder.close()


def test_a_waiter_wakes_when_the_log_grows(recorder: LogRecorder, draft: Drafting) -> None:
    assert recorder.reader.wait(0, 0.01) == 0
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(recorder.reader.wait, 0, 20) for _ in range(3)]
        begun = time.monotonic()
        recorder.append([draft("r/1")], expected=0)
        assert [waiter.result() for waiter in waiting] == [1, 1, 1]
        assert time.monotonic() - begun < 10
    assert recorder.reader.wait(0, 10) == 1


def test_closing_lets_waiters_go(database: Database) -> None:
    reader = LogReader(database)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(reader.wait, 0, 60)
        while reader._watch._thread is None:
            pass
        reader.close()
        assert waiting.result(10) == 0


def test_readers_survive_that_the_server_drops_their_connections(
    recorder: LogRecorder, database: Database, draft: Drafting
) -> None:
    assert recorder.reader.wait(0, 0) == 0
    for number in range(2):
        with database.connect(None) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name LIKE 'taizhang %er'"
            )
        recorder.append([draft(f"r/{number}")], expected=number)
        assert recorder.reader.head()[0] == number + 1
        assert recorder.reader.wait(number, 20) == number + 1
