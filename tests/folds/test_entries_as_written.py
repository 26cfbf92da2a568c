"""A header as usually written is read at a glance, and comes to what reading it field by field comes to."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.entry import _AS_WRITTEN, InvalidEntry
from domain.records import VOCABULARY

UUID = "12345678-1234-1234-1234-123456789abc"
BODY = b'{"effective_on":"2020-01-01","data":{"households":3}}'
MEMBERS: dict[str, Any] = {
    "format": "taizhang-entry/1",
    "position": 7,
    "recorded_at": "2026-11-23T13:12:33.720373Z",
    "causation": None,
    "entry": UUID,
    "record": "communities/610112002001",
    "version": 2,
    "name": "HouseholdsCounted/1",
    "recorded_by": {"account": "a", "person": "p-1", "name": "sealed+/=", "office": "township:61", "bureau": "b",
                    "roles": ["recorder", "x"]},
    "correlation": UUID,
    "part": [1, 2],
    "idempotency": {"key": "k", "mac": "0" * 64},
    "body": {"length": len(BODY), "sha256": hashlib.sha256(BODY).hexdigest()},
}  # fmt: skip
NUMBERS = st.sampled_from([0, 1, 9, -1, 10**15 - 1, 10**15, 2**53, 2**53 + 1, 1.0, "1", None, True, 10**12, 10**12 + 1])
TEXTS = st.sampled_from(
    [
        "", "a", "a b", "é", "\u2028", "\x7f", '"', "\\", "\n", "x" * 600, "x" * 601, "61011219491001001x",
        "610112194910010010", "6101121949100100100", "ab", "abc", "A-B", UUID, UUID.upper(), UUID + "0", "0" * 64,
        "g" * 64, "new-area", "new-area:1", "community:610112002001", "community:", "township:" + "1" * 65,
        "communities/1", "villages/1", "communities", "HouseholdsCounted/1", "VillageRegistered/1",
        "2026-02-30T13:12:33.720373Z", "2026-11-23T24:00:00.000000Z", "2026-11-23T13:12:60.720373Z",
        "2026-11-23T13:12:33Z", "2026-11-23T13:12:33.720373+00:00", "2026-11-23T13:12:33.720373+08:00",
        "0000-11-23T13:12:33.720373Z", "9999-12-31T23:59:59.999999Z", "2026-11-23 13:12:33.720373Z", "1785500000",
    ]
)  # fmt: skip
OTHER = NUMBERS | TEXTS | st.lists(NUMBERS, max_size=3) | st.just({})


@st.composite
def headers(draw: st.DrawFn) -> bytes:
    members = dict(MEMBERS)
    for name in draw(st.sets(st.sampled_from(sorted(members)), max_size=2)):
        value = members[name]
        if isinstance(value, dict) and draw(st.booleans()):
            inner = draw(st.sampled_from([*value, "other"]))
            members[name] = {**value, inner: draw(OTHER)} if draw(st.booleans()) else _without(value, inner)
        elif draw(st.integers(0, 4)) == 0:
            del members[name]
        else:
            members[name] = draw(OTHER)
    if draw(st.integers(0, 9)) == 0:
        members["other"] = 1
    if draw(st.integers(0, 9)) == 0:
        members = dict(sorted(members.items()))
    separators = draw(st.sampled_from([(",", ":"), (",", ":"), (",", ":"), (", ", ": ")]))
    return json.dumps(members, ensure_ascii=draw(st.booleans()), separators=separators).encode()


def _without(value: dict[str, Any], name: str) -> dict[str, Any]:
    return {one: kept for one, kept in value.items() if one != name}


def outcome(read: Any, stored: bytes) -> object:
    try:
        return read(stored)
    except InvalidEntry as fault:
        return str(fault)


def by_fields(stored: bytes) -> object:
    header, content = VOCABULARY.parts(stored)
    assert isinstance(header.recorded_at, datetime)
    return (header.position, header.record, header.version, header.recorded_by.person, header.causation, content)


@settings(max_examples=1_500, deadline=None)
@given(headers(), st.sampled_from([BODY, BODY, BODY, BODY[:-1], b"", BODY.replace(b"3", b"4"), b"\xff" * len(BODY)]))
def test_read_at_a_glance_or_field_by_field_an_entry_is_the_same(head: bytes, body: bytes) -> None:
    stored = head + b"\n" + body
    assert outcome(VOCABULARY.read, stored) == outcome(by_fields, stored)


@given(st.data())
def test_a_changed_byte_makes_no_difference_between_them(data: st.DataObject) -> None:
    head = json.dumps(MEMBERS, separators=(",", ":")).encode()
    assert _AS_WRITTEN.fullmatch(head.decode())
    at = data.draw(st.integers(0, len(head) - 1))
    changed = head[:at] + bytes([data.draw(st.integers(0, 255))]) + head[at + data.draw(st.integers(0, 1)) :]
    stored = changed + b"\n" + BODY
    assert outcome(VOCABULARY.read, stored) == outcome(by_fields, stored)


def test_what_the_ledger_writes_is_read_at_a_glance() -> None:
    for without in ({"idempotency"}, set[str]()):
        members = {name: value for name, value in MEMBERS.items() if name not in without}
        assert _AS_WRITTEN.fullmatch(json.dumps(members, separators=(",", ":")))
    system = {**MEMBERS, "recorded_by": {"account": "system"}, "causation": 3}
    assert _AS_WRITTEN.fullmatch(json.dumps(system, separators=(",", ":")))
