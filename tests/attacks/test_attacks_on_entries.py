"""Attacks on the log itself, by a superuser who turns the triggers off: each is found, and its position named."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from api.composition import Taizhang
from domain.examination import Fault, Kind
from infrastructure.verifying.ledger import Verdict
from tests.attacks.conftest import Superuser

Found = Callable[..., Fault | None]


def with_body(entry: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """The entry with another body, and a header that tells its length and digest truly."""
    head, _, body = entry.partition(b"\n")
    said = json.loads(body)
    change(said)
    body = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
    digest = b'"length":%d,"sha256":"%s"' % (len(body), hashlib.sha256(body).hexdigest().encode())
    return re.sub(rb'"length":\d+,"sha256":"[0-9a-f]{64}"', digest, head) + b"\n" + body


def test_an_untouched_ledger_holds(ledger: Taizhang, verdict: Callable[..., Verdict]) -> None:
    found = verdict()
    assert (found.fault, found.size) == (None, ledger.log.head()[0])
    assert found.root is not None


def test_a_changed_body_is_found(superuser: Superuser, fault: Found) -> None:
    superuser.rewrite(7, lambda entry: entry.replace(b"2019-12-10", b"2019-12-11"))
    assert fault()[:2] == (7, Kind.BODY)


def test_a_changed_header_is_found(superuser: Superuser, fault: Found) -> None:
    superuser.rewrite(7, lambda entry: entry.replace(b'"account":"system"', b'"account":"nobody"'))
    superuser.rewrite(8, lambda entry: entry.replace(b'"version":', b'"version":1'))
    assert fault()[:2] == (7, Kind.TILE)
    superuser.rewrite(6, lambda entry: entry.replace(b'"version":', b'"version":1'))
    assert fault()[:2] == (6, Kind.COLUMN)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("record", "'accounts/other'"),
        ("version", "99"),
        ("name", "'KeyRevoked/1'"),
        ("recorded_at", "recorded_at + interval '7 days'"),
        ("closes", "NOT closes"),
        ("idempotency", "'recorder-0 key'"),
    ],
)
def test_a_changed_column_is_found(superuser: Superuser, fault: Found, column: str, value: str) -> None:
    superuser.run(f"UPDATE ledger.log SET {column} = {value} WHERE position = 9")  # noqa: S608  # as it stands above
    assert fault()[:2] == (9, Kind.COLUMN)


def test_an_entry_deleted_from_the_middle_is_found(superuser: Superuser, fault: Found) -> None:
    superuser.run("DELETE FROM ledger.log WHERE position = 9")
    assert fault()[:2] == (9, Kind.GAP)


def test_the_first_entry_deleted_is_found(superuser: Superuser, fault: Found) -> None:
    superuser.run("DELETE FROM ledger.log WHERE position = 1")
    assert fault()[:2] == (1, Kind.GAP)


def test_the_last_entries_deleted_are_found_by_what_was_made_of_them(
    ledger: Taizhang, superuser: Superuser, fault: Found
) -> None:
    head = ledger.log.head()[0]
    superuser.run("DELETE FROM ledger.log WHERE position = %s", head)
    assert fault()[:2] == (head, Kind.GAP)


def test_all_entries_deleted_are_found(superuser: Superuser, fault: Found) -> None:
    superuser.run("DELETE FROM ledger.log")
    assert fault()[:2] == (1, Kind.GAP)


def test_the_whole_log_dropped_is_found(ledger: Taizhang, fault: Found) -> None:
    with ledger.database.connect(None) as connection:
        connection.execute("SET taizhang.migrating = 'on'; DROP TABLE ledger.log CASCADE")
    assert fault()[:2] == (1, Kind.GAP)


def test_two_entries_swapped_are_found(superuser: Superuser, fault: Found) -> None:
    superuser.run(
        "UPDATE ledger.log AS l SET entry = o.entry FROM ledger.log AS o"
        " WHERE (l.position, o.position) IN ((8, 10), (10, 8))"
    )
    assert fault()[:2] == (8, Kind.COLUMN)


def test_two_entries_swapped_with_their_columns_are_found(superuser: Superuser, fault: Found) -> None:
    superuser.run(
        "ALTER TABLE ledger.log DROP CONSTRAINT log_record_version; DROP INDEX ledger.log_recorded_at;"
        " UPDATE ledger.log AS l SET entry = o.entry, record = o.record, version = o.version, name = o.name,"
        " recorded_at = o.recorded_at, closes = o.closes FROM ledger.log AS o"
        " WHERE (l.position, o.position) IN ((8, 10), (10, 8))"
    )
    assert fault()[:2] == (8, Kind.COLUMN)


def test_an_entry_inserted_in_the_middle_is_found(superuser: Superuser, fault: Found) -> None:
    superuser.run(
        "ALTER TABLE ledger.log DROP CONSTRAINT log_pkey, DROP CONSTRAINT log_record_version;"
        " DROP INDEX ledger.log_recorded_at; UPDATE ledger.log SET position = position + 1 WHERE position > 8;"
        " INSERT INTO ledger.log (position, record, version, name, recorded_at, closes, entry)"
        " SELECT 9, record, version, name, recorded_at, closes, entry FROM ledger.log WHERE position = 8"
    )
    assert fault()[:2] == (9, Kind.COLUMN)


def test_an_event_that_nobody_knows_is_found(superuser: Superuser, fault: Found) -> None:
    superuser.run("UPDATE ledger.log SET name = 'subprocess:Popen' WHERE position = 9")
    superuser.rewrite(9, lambda entry: re.sub(rb'"name":"[A-Za-z]+/1"', b'"name":"subprocess:Popen"', entry))
    assert fault()[:2] == (9, Kind.VOCABULARY)


def test_a_fact_that_is_none_is_found_though_its_digests_are_right(superuser: Superuser, fault: Found) -> None:
    superuser.rewrite(9, lambda entry: with_body(entry, lambda said: said["data"].update(more=1)))
    assert fault()[:2] == (9, Kind.VOCABULARY)


def test_an_instant_before_the_one_before_it_is_found(superuser: Superuser, fault: Found) -> None:
    superuser.run("UPDATE ledger.log SET recorded_at = recorded_at - interval '3 days' WHERE position = 9")
    superuser.run(
        "UPDATE ledger.log SET entry = convert_to(regexp_replace(convert_from(entry, 'UTF8'),"
        ' \'"recorded_at":"[^"]+"\', \'"recorded_at":"\''
        " || to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') || '\"'), 'UTF8')"
        " WHERE position = 9"
    )
    assert fault()[:2] == (9, Kind.ORDER)


def test_a_false_map_of_heads_is_found(ledger: Taizhang, superuser: Superuser, fault: Found) -> None:
    seal = ledger.heads.latest(ledger.log.head()[0])
    assert seal is not None
    superuser.rewrite(
        seal.position, lambda entry: with_body(entry, lambda said: said["data"].update(root_hash="00" * 32))
    )
    assert fault()[:2] == (seal.position, Kind.HEADS)


def test_views_that_say_something_else_are_found(ledger: Taizhang, fault: Found) -> None:
    with ledger.database.connect(None) as connection:
        connection.execute("UPDATE views.records SET status = 'closed' WHERE kind = 'accounts' AND id = 'recorder-1'")
    found = fault()
    assert found == Fault(None, Kind.VIEW, "accounts/recorder-1 differs in status")


def test_triggers_left_off_are_found(ledger: Taizhang, fault: Found) -> None:
    with ledger.database.connect(None) as connection:
        connection.execute("SET taizhang.migrating = 'on'; ALTER TABLE ledger.log DISABLE TRIGGER only_grows")
    assert fault()[:2] == (None, Kind.WALL)


def test_an_attachment_that_was_changed_is_found(ledger: Taizhang, fault: Found) -> None:
    ledger.attachments.put(hashlib.sha256(b"report").hexdigest(), b"report")
    with ledger.database.connect(None) as connection:
        connection.execute(
            "SET taizhang.migrating = 'on'; ALTER TABLE attachments.files DISABLE TRIGGER ALL,"
            " DROP CONSTRAINT files_check; UPDATE attachments.files SET content = 'another';"
            " ALTER TABLE attachments.files ENABLE ALWAYS TRIGGER only_grows"
        )
    assert fault()[:2] == (None, Kind.ATTACHMENT)
