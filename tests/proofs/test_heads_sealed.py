"""HeadsSealed in a real log: what it covers, when it is appended, and that its record stays quick to read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.administration import found, issue_key, record_as_system
from api.composition import Taizhang, running
from application import sealing_heads
from application.rights import Reader
from application.sealing_heads import HeadsSealer
from domain.heads import Absence, Head, HeadsMap, Presence, check_complete
from domain.ledger import PersonErased
from domain.records import AGGREGATES
from infrastructure.keys.key_ring import KeyRing
from infrastructure.postgres.database import Database
from infrastructure.postgres.writer import LogWriter
from infrastructure.views import rebuilding

LEDGER = "ledger/ledger"


@pytest.fixture
def ledger(database: Database, tmp_path: Path) -> Iterator[Taizhang]:
    ring = KeyRing.create(tmp_path, "taizhang.test/ledger")
    with running(tmp_path, database, ring, follow=False) as opened:
        found(opened)
        yield opened


def of_the_log(ledger: Taizhang, size: int) -> HeadsMap:
    """The map by its definition: from every entry up to a size."""
    heads = HeadsMap()
    with ledger.database.connect("reader") as connection:
        rows = connection.execute("SELECT record, version, position FROM ledger.log WHERE position <= %s", [size])
        heads.advance([Head(*row) for row in rows], size)
    return heads


def record_something(ledger: Taizhang) -> None:
    issue_key(ledger, "recorder", "new-area", None, ["recorder"])


def test_it_covers_all_entries_before_itself(ledger: Taizhang) -> None:
    before = ledger.log.head()[0]
    seal = ledger.heads.seal()
    assert seal.position == before + 1 == ledger.log.head()[0]
    heads = of_the_log(ledger, before)
    assert (seal.sealed.tree_size, seal.sealed.records) == (before, len(heads))
    assert seal.sealed.root_hash == heads.root().hex()
    record_something(ledger)
    ledger.heads.seal()
    record_something(ledger)
    assert ledger.heads.seal().sealed.root_hash == of_the_log(ledger, ledger.log.head()[0] - 1).root().hex()


def test_it_is_appended_only_when_another_kind_of_entry_came(ledger: Taizhang) -> None:
    first = ledger.heads.seal()
    assert ledger.heads.seal() == first
    assert ledger.log.head()[0] == first.position


def test_by_it_the_entries_of_a_record_are_proved_to_be_all(ledger: Taizhang) -> None:
    record_something(ledger)
    record_something(ledger)
    seal = ledger.heads.seal()
    record_something(ledger)
    for _ in range(2):  # where the map stands, and once it has gone on
        proofs = ledger.heads.prove(["accounts/recorder", "disputes/2020-1"], seal.sealed.tree_size)
        root = bytes.fromhex(seal.sealed.root_hash)
        for record, proof in proofs.items():
            stored = ledger.log.of_records((record,), until=seal.position)[record]
            places = [(version, one.position) for version, one in enumerate(stored, 1)]
            check_complete(record, places, proof, records=seal.sealed.records, root=root)
        assert [type(proof) for proof in proofs.values()] == [Presence, Absence]
        ledger.heads.seal()


def test_left_to_itself_it_is_appended_at_most_once_a_minute(ledger: Taizhang, database: Database) -> None:
    clock = [datetime.now(UTC)]
    turn = LogWriter(database)
    sealer = HeadsSealer(ledger.log, turn, lambda: clock[0])
    head = ledger.log.head()[0]
    assert sealer._seal_if_due() == sealing_heads.AT_MOST_EVERY
    assert ledger.log.head()[0] == head + 1
    record_something(ledger)
    head = ledger.log.head()[0]
    clock[0] += timedelta(seconds=20)
    assert timedelta() < sealer._seal_if_due() < timedelta(seconds=42)
    assert ledger.log.head()[0] == head
    clock[0] += timedelta(seconds=43)
    sealer._seal_if_due()
    assert ledger.log.head()[0] == head + 1
    clock[0] += timedelta(days=1)
    sealer._seal_if_due()
    assert ledger.log.head()[0] == head + 1
    turn.close()


def test_it_seals_by_itself_and_goes_on_after_a_fault(
    ledger: Taizhang, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing_heads, "AT_MOST_EVERY", timedelta(seconds=0.1))
    monkeypatch.setattr(sealing_heads, "TRY_AGAIN_AFTER", timedelta(seconds=0.1))
    head, turn = ledger.log.head()[0], LogWriter(database)
    sealer = HeadsSealer(ledger.log, turn, lambda: datetime.now(UTC))
    seal, failed = sealer.seal, threading.Event()

    def once_in_vain() -> Any:
        if not failed.is_set():
            failed.set()
            raise OSError("away")
        return seal()

    monkeypatch.setattr(sealer, "seal", once_in_vain)
    sealer.start()
    assert ledger.log.wait(head, 20) == head + 1
    assert failed.is_set()
    sealer.stop()
    assert sealer.failure() is None
    turn.close()


def test_while_others_record_each_covers_exactly_what_is_before_it(ledger: Taizhang) -> None:
    record_something(ledger)
    stop = threading.Event()

    def record() -> None:
        while not stop.is_set():
            record_something(ledger)

    threads = [threading.Thread(target=record) for _ in range(3)]
    for thread in threads:
        thread.start()
    seals = [ledger.heads.seal() for _ in range(10)]
    stop.set()
    for thread in threads:
        thread.join()
    for seal in seals:
        assert seal.sealed.tree_size == seal.position - 1
        assert seal.sealed.root_hash == of_the_log(ledger, seal.position - 1).root().hex()


@pytest.fixture
def aged(ledger: Taizhang, database: Database) -> Callable[[int], None]:
    """Lets the ledger stand for so many more minutes, each with a HeadsSealed."""

    def age(minutes: int) -> None:
        ledger.heads.seal()
        head = ledger.log.head()[0]
        with database.connect(None) as connection, connection.transaction():
            connection.execute("SET LOCAL taizhang.migrating = 'on'")
            connection.execute(
                "INSERT INTO ledger.log (position, record, version, name, recorded_at, closes, entry)"
                " SELECT %(head)s + n, record, version + n, name, recorded_at + n * interval '1 minute', closes,"
                " convert_to(replace(replace(convert_from(entry, 'UTF8'),"
                " '\"position\":' || position, '\"position\":' || %(head)s + n),"
                " '\"version\":' || version || ',', '\"version\":' || version + n || ','), 'UTF8')"
                " FROM ledger.log, generate_series(1, %(minutes)s) AS n WHERE position = %(head)s",
                {"head": head, "minutes": minutes},
            )

    return age


def test_a_year_of_them_leaves_the_ledgers_record_quick_to_read(ledger: Taizhang, aged: Callable[[int], None]) -> None:
    aged(20_000)
    head = ledger.log.head()[0]
    asking, everything = ledger.asking, Reader("inspector", everything=True)
    for position in (head, head - 1, 10):
        history = asking.histories.at(LEDGER, position)
        assert len(history.entries) <= 2
        assert history.state is not None
    state = asking.record(everything, "ledger", "ledger", asking.moment(str(head), None, None))
    earlier = asking.record(everything, "ledger", "ledger", asking.moment(str(head - 5), None, None))
    assert state["version"] == earlier["version"] + 5
    assert state["steps"]["HeadsSealed"]["position"] == earlier["steps"]["HeadsSealed"]["position"] + 5
    page, cursor = asking.events(everything, "ledger", "ledger", asking.moment(None, None, None), 50, None)
    assert len(page) == 50
    assert cursor is not None
    record_as_system(ledger.recorder, [(LEDGER, PersonErased(person="p-1", reasons="依申请"))])
    history = asking.histories.at(LEDGER, head + 1)
    assert (len(history.entries), history.version) == (3, state["version"] + 1)
    ledger.rebuild_views(lambda _done, _all: None)
    assert rebuilding.check(ledger.database, lambda _done, _all: None) is None
    with ledger.database.connect("reader") as connection:
        version = connection.execute("SELECT version FROM views.records WHERE kind = 'ledger'").fetchone()
    assert version == (history.version,)


def test_only_kinds_that_are_never_corrected_have_facts_whose_latest_alone_counts() -> None:
    assert {one.kind: one.correctable for one in AGGREGATES.values() if not one.keeps_all} == {"ledger": False}
