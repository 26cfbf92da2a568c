"""谁看过什么: reads are counted by the day for inspectors and administrators, and no read waits for that."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest

from api.composition import Taizhang
from application.reading_trail import Wanted
from infrastructure.access.reads import HELD, Reads
from infrastructure.postgres.database import Database, Pool

PASSWORD = "沣河两岸 correct horse"
NOW = datetime(2026, 11, 25, 15, 30, tzinfo=UTC)


@pytest.fixture
def pool(database: Database) -> Iterator[Pool]:
    opened = database.pool("writer", 1, 2)
    yield opened
    opened.close()


def test_reads_over_the_api_and_in_pages_are_shown_to_an_inspector(
    ledger: Taizhang, url: str, clients: Callable[..., httpx.Client]
) -> None:
    clients("township").get("/api/v1/communities/610112002002")
    clients("township").get("/api/v1/communities/610112002002")
    clients("other-city").get("/api/v1/communities/610112002002")  # refused: nothing was read
    ledger.passwords.choose("inspector", PASSWORD)
    ledger.passwords.choose("community", PASSWORD)
    with httpx.Client(base_url=url, timeout=30, headers={"Accept-Language": "zh"}) as browser:
        browser.post("/login", data={"account": "inspector", "password": PASSWORD})
        browser.get("/communities/610112002002")
        page = browser.get("/audit", params={"what": "communities/610112002002"})
        browser.post("/login", data={"account": "community", "password": PASSWORD})
        assert browser.get("/audit").status_code == 403
    assert "<code>township</code>" in page.text
    assert "<code>inspector</code>" in page.text
    assert "<code>other-city</code>" not in page.text
    found = ledger.reads.reads(Wanted("township", "communities/610112002002"), None, 10)
    assert [(one.what, one.times >= 2) for one in found] == [("communities/610112002002", True)]


def test_reads_are_counted_by_the_day_it_is_in_beijing_and_forgotten_after_a_year(pool: Pool) -> None:
    at = [NOW]
    reads = Reads(pool.connection, lambda: at[0])
    for hours in (0, 0, 1):
        at[0] = NOW + timedelta(hours=hours)
        reads.note("a", "communities/1")
    found = reads.reads(Wanted(), None, 10)
    assert [(one.day.isoformat(), one.times) for one in found] == [("2026-11-26", 1), ("2026-11-25", 2)]
    assert reads.reads(Wanted(day=found[0].day), None, 10) == found[:1]
    assert reads.reads(Wanted(what="communities"), found[0].last_at, 10) == found[1:]
    assert reads.reads(Wanted(what="villages"), None, 10) == []
    with pool.connection() as connection:
        connection.execute("UPDATE access.reads SET day = day - 400")
        connection.execute("SET LOCAL statement_timeout = '5s'")
    reads.forget()
    assert reads.reads(Wanted(), None, 10) == []


def test_noting_waits_for_nobody_and_holds_no_more_than_its_bound(pool: Pool) -> None:
    reads = Reads(pool.connection, lambda: NOW)
    with pool.connection() as connection, connection.transaction():
        connection.execute("INSERT INTO access.reads VALUES (current_date, 'a', 'w', 1, now(), now())")
        connection.execute("INSERT INTO access.reads VALUES ('2026-11-25', 'a', '0', 1, now(), now())")
        reads.note("a", "0")
        writing = threading.Thread(target=reads.write)
        writing.start()
        started = time.perf_counter()
        for number in range(HELD + 100):
            reads.note("a", str(number))
        assert time.perf_counter() - started < 2
    writing.join(10)
    assert len(reads.reads(Wanted(account="a"), None, HELD * 2)) == HELD + 1


def test_what_can_not_be_written_stays_noted(pool: Pool) -> None:
    away = True

    def connect() -> object:
        if away:
            raise psycopg.OperationalError("away")
        return pool.connection()

    reads = Reads(connect, lambda: NOW)  # type: ignore[arg-type]
    reads.note("a", "communities/1")
    reads.write()
    reads.note("a", "communities/1")
    away = False
    assert [one.times for one in reads.reads(Wanted(), None, 10)] == [2]
