"""Lists leave out no record that matches at (position, day), and page by page show each once."""

# fixtures are the callables of conftest.py

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.listing import Filters
from domain.records import AGGREGATES
from infrastructure.postgres.reader import LogReader
from infrastructure.views import record_views, tables
from infrastructure.views.projecting import Projector

KINDS = ("villages", "communities", "conversion-cases")
EVER = date.max


@pytest.fixture
def projected(database):
    """Brings the rows up to the log's head; returns the position."""
    reader = LogReader(database, readers=1)
    with database.connect("projector") as connection:
        tables.ensure(connection)
        projector = Projector(reader, tables.LIVE)

        def advance():
            before, reached = -1, 0
            while reached != before:
                before, reached = reached, projector.advance(connection, limit=7)
            return reached

        yield advance
    reader.close()


def maybe(values):
    return st.none() | st.sampled_from(values)


filters = st.builds(
    Filters,
    new_city=maybe(["fengdong", "fengxi", "elsewhere"]),
    township=maybe(["610112002", "610112003"]),
    status=maybe(["standing", "converting", "demolished", "converted", "active", "dissolved", "proposed", "approved"]),
    q=maybe(["村", "甲村", "火车站", "车站社", "STRASSE", "ß", "\\", "a", "Ⅰ", "没有", "_", "%", "'", "x\0"]),
)


def pages(views, kind, asked, after, **more):
    """All candidates, a page at a time, whose ids begin with `after`."""
    found, prefix = [], after
    while page := views.candidates(kind, asked, after=after, **more):
        found += [one for one in page if one.id.startswith(prefix)]
        after = page[-1].id
        if len(page) < more["limit"] or not after.startswith(prefix):
            break
    return found


def matches(ledger, record, asked, readable, position, day):
    state = ledger.state(record, position, day)
    if state is None:
        return False
    new_city, township = ledger.place(record, position, day)
    now, _ = ledger.place(record, len(ledger.entries), EVER)
    name = str(state.value("name") or "").casefold()
    return (
        asked.new_city in (None, new_city)
        and asked.township in (None, township)
        and asked.status in (None, state.status)
        and (asked.q is None or asked.q.casefold() in name)
        and (readable is None or now in readable)
    )


@pytest.mark.parametrize("stretch", [record_views.STRETCH, 1])
def test_nothing_that_matches_is_left_out(  # noqa: PLR0917  # fixtures
    stretch, recorder, views, projected, some_moves, played, days, monkeypatch
):
    monkeypatch.setattr(record_views, "STRETCH", stretch)  # so that every way of looking is taken with a few rows
    numbers = itertools.count(1)

    @settings(max_examples=60, deadline=None)
    @given(some_moves, st.lists(st.tuples(filters, st.integers(0, 30), st.sampled_from(days)), min_size=3), st.data())
    def holds(moves, questions, data):
        prefix = f"e{next(numbers):04}"
        player = played(prefix, moves)
        before = projected()
        for one in player.said:
            recorder.record(one)
        projected()
        for asked, past, day in questions:
            position = min(past, len(player.said))
            readable = data.draw(maybe([frozenset({"fengxi"}), frozenset({"fengdong", "fengxi"}), frozenset()]))
            for kind in KINDS:
                found = pages(
                    views, kind, asked, f"{prefix}-",
                    readable=readable, position=before + position, on=day, limit=data.draw(st.sampled_from([1, 2, 50])),
                )  # fmt: skip
                ids = [one.id for one in found]
                assert ids == sorted(set(ids))
                wanted = [
                    record.partition("/")[2]
                    for record in player.ledger.records(kind)
                    if matches(player.ledger, record, asked, readable, position, day)
                ]
                assert set(wanted) <= set(ids)
                for one in found:
                    if one.last_position <= before + position and one.latest_on <= day:
                        state = player.ledger.state(f"{kind}/{one.id}", position, day)
                        assert (one.state is None) == (state is None)
                        assert asked.status is None or state is None or asked.status == state.status

    holds()


def test_pages_show_every_record_once(recorder, views, projected, villages):
    recorder.record(*villages(range(1_000)))
    position = projected()
    for asked in (
        Filters(),
        Filters(q="村"),
        Filters(new_city="fengxi"),
        Filters("fengxi", "610112003", "standing", "a"),
    ):
        found = pages(views, "villages", asked, "v-", readable=None, position=position, on=EVER, limit=37)
        wanted = [f"v-{one:05}" for one in range(1_000) if _told(one, asked)]
        assert [one.id for one in found] == wanted


def _told(one, asked):
    city, name = ("fengdong", "fengxi")[one % 2], ("甲村", "ⅰ号strasse", "火车站社区", "a\\b")[one % 4]
    return asked.new_city in (None, city) and (asked.q or "") in name


def test_an_office_belongs_to_the_new_cities_of_its_records(recorder, views, projected, said):
    place = {"name": "甲", "township": "三桥街道", "origin": "existing"}
    for number, (township, city) in enumerate(
        [("610112002", "fengdong"), ("610112002", "fengxi"), ("610112003", "qinhan")]
    ):
        data = {**place, "township_code": township, "new_city": city}
        recorder.record(said(f"communities/c-{number}", "CommunityEstablished", date(2020, 1, 1), data))
    projected()
    assert views.new_cities_of("township", "610112002") == {"fengdong", "fengxi"}
    assert views.new_cities_of("community", "c-2") == {"qinhan"}
    assert views.new_cities_of("community", "c-9") == frozenset()
    assert views.new_cities_of("new-city", "fengxi") == {"fengxi"}


def test_lists_of_views_that_nothing_has_been_projected_into_are_empty(views):
    asked = {"readable": None, "position": 9, "on": date(2020, 1, 1) + timedelta(days=1), "after": "", "limit": 9}
    assert views.candidates("villages", Filters(), **asked) == []
    assert views.position() == 0
    assert not views.wait(1, 0.01)
    assert set(KINDS) < set(AGGREGATES)
