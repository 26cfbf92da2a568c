"""One call of the append function writes all of its entries or none, once, as they stay."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from eventsourcing.persistence import DatabaseError, IntegrityError, OperationalError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.log import Draft
from infrastructure.postgres.database import Database
from infrastructure.postgres.outcomes import Behind
from infrastructure.postgres.recorder import LogRecorder

Drafting = Callable[..., Draft]


def test_an_entry_is_header_line_feed_and_body_with_its_leaf_hash(recorder: LogRecorder, draft: Drafting) -> None:
    before = datetime.now(UTC)
    drafts = [
        draft("villages/渔湾", body='{"名称":"渔湾"}'.encode(), closes=False),
        draft("communities/a", cause=0, body=b"with\nline\nfeeds"),
    ]
    stored = recorder.append(drafts, expected=0)

    assert [entry.position for entry in stored] == [1, 2]
    assert [entry.closes for entry in stored] == [False, True]
    for entry, drafted, causation in zip(stored, drafts, (None, 1), strict=True):
        line, _, body = entry.entry.partition(b"\n")
        header = json.loads(line)
        assert list(header)[:4] == ["format", "position", "recorded_at", "causation"]
        assert (header["format"], header["position"], header["causation"]) == (
            "taizhang-entry/1",
            entry.position,
            causation,
        )
        assert len(header["recorded_at"]) == len("2026-11-23T04:05:06.123456Z")
        assert before <= datetime.fromisoformat(header["recorded_at"]) <= datetime.now(UTC)
        assert line.endswith(f",{drafted.header}}}".encode())
        assert body == drafted.body
        assert entry.leaf_hash == hashlib.sha256(b"\0" + entry.entry).digest()
    assert recorder.reader.entries(0, 10) == stored


def test_the_columns_say_what_the_header_says(recorder: LogRecorder, draft: Drafting) -> None:
    recorder.append([draft(f"r/{number}", number + 1) for number in range(5)], expected=0)
    rows = recorder.reader.rows("SELECT position, record, version, name, recorded_at, entry FROM ledger.log")
    for position, record, version, name, recorded_at, entry in rows:
        header = json.loads(entry.partition(b"\n")[0])
        assert (position, record, version, name) == tuple(
            header[member] for member in ("position", "record", "version", "name")
        )
        assert recorded_at == datetime.fromisoformat(header["recorded_at"])


def test_another_head_than_expected_writes_nothing(recorder: LogRecorder, draft: Drafting) -> None:
    recorder.append([draft("r/1")], expected=0)
    for expected in (0, 2):
        with pytest.raises(Behind):
            recorder.append([draft("r/2", refers_to=("t",))], expected=expected)
    assert recorder.reader.head()[0] == 1
    assert recorder.reader.referring("t", 10) == []


def test_a_refused_append_leaves_no_gap(recorder: LogRecorder, draft: Drafting) -> None:
    recorder.append([draft("r/1", idempotency="account key")], expected=None)
    for refused in (draft("r/1"), draft("r/2", idempotency="account key")):
        with pytest.raises(IntegrityError):
            recorder.append([draft("r/3"), refused], expected=None)
    assert recorder.append([draft("r/3")], expected=1)[0].position == 2


def test_recorded_at_strictly_increases_where_the_clock_is_behind_the_last_entry(
    recorder: LogRecorder, database: Database, draft: Drafting
) -> None:
    ahead = datetime.now(UTC) + timedelta(days=1)
    with database.connect(None) as connection:
        connection.execute(
            "INSERT INTO ledger.log (position, record, version, name, recorded_at, closes, entry)"
            " VALUES (1, 'r/0', 1, 'Tested/1', %s, true, '')",
            [ahead],
        )
    recorder.append([draft("r/1"), draft("r/2")], expected=1)
    recorder.append([draft("r/3")], expected=3)
    instants = [row[0] for row in recorder.reader.rows("SELECT recorded_at FROM ledger.log ORDER BY position")]
    assert instants == [ahead + timedelta(microseconds=passed) for passed in range(4)]


def test_ten_megabytes_in_one_append(recorder: LogRecorder, draft: Drafting) -> None:
    body = b"x" * 60_000
    stored = recorder.append([draft(f"r/{number}", body=body) for number in range(180)], expected=0)
    assert sum(len(entry.entry) for entry in stored) > 10 << 20
    assert recorder.reader.head()[0] == 180


def test_twenty_thousand_entries_of_two_commands(recorder: LogRecorder, draft: Drafting) -> None:
    drafts = [draft(f"r/{number}", closes=number % 10_000 == 9_999, refers_to=("t",)) for number in range(20_000)]
    assert [entry.position for entry in recorder.append(drafts, expected=0)] == list(range(1, 20_001))
    assert recorder.reader.whole(19_999) == 10_000
    assert len(recorder.reader.referring("t", 30_000)) == 20_000


def test_what_no_append_may_be(recorder: LogRecorder, draft: Drafting) -> None:
    one = draft("r/1")
    for drafts in (
        [draft(f"r/{number}") for number in range(20_001)],
        [draft(f"r/{number}", closes=number == 10_000) for number in range(10_001)],
        [one._replace(closes=False)],
        [one._replace(cause=0)],
        [one, draft("r/2", cause=-1)],
        [one._replace(header="")],
        [one._replace(header='"entry":\n""')],
        [one._replace(body=b"x" * 65_535)],
        [one._replace(version=-1)],
    ):
        with pytest.raises(DatabaseError):
            recorder.append(drafts, expected=0)
    assert recorder.append([], expected=7) == []
    assert recorder.reader.head() == (0, None)


def test_arrays_of_different_lengths_are_refused(database: Database) -> None:
    with database.connect("writer") as connection, pytest.raises(psycopg.errors.ArraySubscriptError):
        connection.execute(
            "SELECT * FROM ledger.append(0, '{r,s}', '{1}', '{x}', '{x}', '{x}', '{null}', '{t}', '{null}', '{}', '{}')"
        )


def test_a_commit_that_would_not_be_durable_is_refused(database: Database, draft: Drafting) -> None:
    recorder = LogRecorder(database)
    try:
        recorder.append([draft("r/1")], expected=0)
        assert recorder._writer._connection is not None
        recorder._writer._connection.execute("SET synchronous_commit = off")
        with pytest.raises(OperationalError, match="synchronous_commit"):
            recorder.append([draft("r/2")], expected=1)
        assert recorder.reader.head()[0] == 1
    finally:
        recorder.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.data(),
    size=st.integers(1, 6),
    off=st.sampled_from([0, 0, 0, 1, -1]),
)
def test_any_append_comes_back_as_drafted_or_not_at_all(
    recorder: LogRecorder, draft: Drafting, data: st.DataObject, size: int, off: int
) -> None:
    head = recorder.reader.head()[0]
    text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
    drafts = [
        draft(
            f"r/{head}-{number}-{data.draw(text)}",
            data.draw(st.integers(1, 2**31 - 1)),
            body=data.draw(st.binary(max_size=50)),
            cause=data.draw(st.none() | st.integers(0, number - 1)) if number else None,
            closes=number == size - 1 or data.draw(st.booleans()),
            refers_to=tuple(data.draw(st.lists(text, max_size=3))),
            header=f'"entry":"{head}-{number}"',
        )
        for number in range(size)
    ]
    if off:
        with pytest.raises(Behind):
            recorder.append(drafts, expected=head + off)
        assert recorder.reader.head()[0] == head
        return
    stored = recorder.append(drafts, expected=head)
    assert recorder.reader.entries(head, size + 1) == stored
    for number, (entry, drafted) in enumerate(zip(stored, drafts, strict=True)):
        line, _, body = entry.entry.partition(b"\n")
        header = json.loads(line)
        assert body == drafted.body
        assert (entry.position, entry.closes) == (head + 1 + number, drafted.closes)
        assert header["causation"] == (None if drafted.cause is None else head + 1 + drafted.cause)
        assert recorder.reader.of_record(drafted.record) == [entry]
        assert all(drafted.record in recorder.reader.referring(target, 10_000) for target in drafted.refers_to)
