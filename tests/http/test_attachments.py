"""Attachments are kept under their own digest, once, and an entry names only what is there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest

from infrastructure.attachments import Attachments
from infrastructure.postgres.database import Database, Role

EVENTS = "/api/v1/communities/610112002001/events"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def path(content: bytes) -> str:
    return f"/api/v1/attachments/{digest(content)}"


def test_a_file_is_put_once_and_got_as_it_was(township: httpx.Client, clients: Callable[..., httpx.Client]) -> None:
    content = "关于户数核对的报告\n".encode() + bytes(range(256))
    first, again = township.put(path(content), content=content), township.put(path(content), content=content)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == {"sha256": digest(content), "size": len(content)}
    assert first.headers["location"] == path(content)
    got = clients("inspector").get(path(content))
    assert (got.status_code, got.content) == (200, content)
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"] == f'attachment; filename="{digest(content)}"'
    head = clients("inspector").head(path(content))
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(content)))


def test_an_empty_file_and_the_largest_are_files(township: httpx.Client) -> None:
    for content in (b"", bytes(Attachments.LIMIT)):
        assert township.put(path(content), content=content).status_code == 201
        assert township.get(path(content)).content == content


def test_another_file_is_refused(township: httpx.Client) -> None:
    answer = township.put(path(b"one"), content=b"another")
    assert (answer.status_code, answer.json()["code"]) == (422, "digest-differs")
    for absent in (path(b"one"), "/api/v1/attachments/x", f"/api/v1/attachments/{'A' * 64}"):
        assert (township.get(absent).status_code, township.get(absent).json()["code"]) == (404, "not-found")


def test_who_records_nothing_attaches_nothing(clients: Callable[..., httpx.Client]) -> None:
    answer = clients("inspector").put(path(b"x"), content=b"x")
    assert (answer.status_code, answer.json()["code"]) == (403, "not-entitled")


def test_an_entry_names_only_files_that_are_there(
    township: httpx.Client, counted: Callable[..., dict[str, Any]], head: Callable[[], int]
) -> None:
    before, known, unknown = head(), b"evidence", digest(b"never sent")
    assert township.put(path(known), content=known).status_code in {200, 201}
    for more in ({"evidence": [unknown]}, {"document": {"sha256": unknown}}):
        answer = township.post(EVENTS, json=counted(1, **more))
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown-attachment")
    assert head() == before
    named = {"evidence": [digest(known)], "document": {"number": "陕西咸发〔2020〕3号", "sha256": digest(known)}}
    entry = township.post(EVENTS, json=counted(1, **named))
    assert entry.status_code == 201
    assert {**entry.json(), **named} == entry.json()


def test_the_table_checks_digests_itself_and_only_grows(database: Database) -> None:
    pool = database.pool("writer", 1, 2)
    attachments = Attachments(pool.connection)
    assert attachments.put(digest(b"x"), b"x")
    assert not attachments.put(digest(b"x"), b"x")
    with pytest.raises(psycopg.errors.CheckViolation):
        attachments.put(digest(b"y"), b"x")
    with pytest.raises(psycopg.errors.CheckViolation):
        attachments.put(digest(bytes(Attachments.LIMIT + 1)), bytes(Attachments.LIMIT + 1))
    asked = [digest(b"y"), digest(b"x"), digest(b"z"), digest(b"y")]
    assert attachments.missing(asked) == [digest(b"y"), digest(b"z")]
    assert attachments.missing([]) == []
    with pytest.raises(ValueError, match="hex"):
        attachments.get("x")
    pool.close()
    roles: tuple[Role, ...] = ("writer", "reader", "projector")
    changes = [
        "UPDATE attachments.files SET content = ''",
        "DELETE FROM attachments.files",
        "TRUNCATE attachments.files",
    ]
    for role in (*roles, None):
        for change in changes:
            with database.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(change.encode())
