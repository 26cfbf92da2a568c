"""Histories kept in memory are those of the log, however reading, recording and forgetting fall together."""

# fixtures are the callables of conftest.py

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from application import histories
from application.histories import Histories, history_of

COMMUNITIES = [f"communities/61011200200{n}" for n in range(1, 6)]
ESTABLISHED = {
    "name": "某社区",
    "origin": "existing",
    "township_code": "610112002",
    "township": "三桥街道",
    "new_city": "fengdong",
}


@pytest.fixture
def communities(offices):
    for record in COMMUNITIES[1:]:
        offices.record("new-city", record, "CommunityEstablished", "2019-12-10", **ESTABLISHED)
    return offices


def versions(kept, position):
    return {record: history.version for record, history in kept.many(COMMUNITIES, position).items()}


def of_the_log(ledger, position):
    return {
        record: history_of(record, stored).version
        for record, stored in ledger.log.of_records(COMMUNITIES, until=position).items()
    }


@pytest.mark.parametrize(("cached", "limit"), [(300_000, 5_000), (300_000, 3), (4, 5_000), (4, 3)])
def test_readers_beside_recorders_see_every_entry_up_to_their_position(communities, cached, limit, monkeypatch):
    monkeypatch.setattr(histories, "CACHED_ENTRIES", cached)
    monkeypatch.setattr(histories, "FAST_FORWARD_LIMIT", limit)
    kept, ledger = Histories(communities.ledger.log), communities.ledger
    done = threading.Event()

    def read():
        seen = []
        while not done.is_set() or not seen:
            position, _ = ledger.log.head()
            seen.append((position, versions(kept, position)))
        return seen

    with ThreadPoolExecutor(4) as pool:
        reading = [pool.submit(read) for _ in range(3)]
        for number in range(60):
            record = COMMUNITIES[number % len(COMMUNITIES)]
            communities.record("township", record, "HouseholdsCounted", "2020-06-30", households=number)
        done.set()
        for one in reading:
            for position, found in one.result(60)[::7]:
                assert found == of_the_log(ledger, position)


def test_a_history_of_the_past_has_no_later_entry(communities):
    kept, first = Histories(communities.ledger.log), COMMUNITIES[0]
    before = communities.head
    communities.record("township", first, "HouseholdsCounted", "2020-06-30", households=1)
    assert [kept.at(first, position).version for position in (communities.head, before, communities.head)] == [2, 1, 2]
    assert kept.at("communities/none", before).state is None


def test_once_in_step_a_read_of_what_is_kept_asks_the_log_once(communities, monkeypatch):
    log, kept = communities.ledger.log, Histories(communities.ledger.log)
    versions(kept, communities.head)
    communities.record("township", COMMUNITIES[0], "HouseholdsCounted", "2020-06-30", households=1)
    asked = []
    for name in ("entries", "of_records"):
        query = getattr(log, name)
        monkeypatch.setattr(
            log, name, lambda *args, _name=name, _query=query, **kw: (asked.append(_name), _query(*args, **kw))[1]
        )
    head = communities.head
    for _ in range(3):
        assert versions(kept, head)[COMMUNITIES[0]] == 2
    assert asked == ["entries"]
