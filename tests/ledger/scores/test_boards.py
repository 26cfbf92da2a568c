"""Boards are kept and brought up to date: each is the board that would be judged anew, at any of the three times."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from api import demo
from api.administration import found, record_as_system
from api.composition import Taizhang, running
from application import boards as keeping
from application.boards import Boards
from application.moments import Moment
from application.scoreboard import row_of
from domain.new_city import NewCityRegistered
from domain.refusals import Code, Refused
from infrastructure.keys.key_ring import KeyRing
from infrastructure.postgres.database import Database, create
from infrastructure.postgres.embedded import EmbeddedServer

ASKED = 250
DAYS = (date(2021, 4, 1), date(2022, 6, 30), date(2022, 6, 30))
SCHEMES = (None, None, None, "opinions-2021")
STEPS = (-40, -2, -1, -1, 1, 1, 1, 1, 2, 3, 40)


@pytest.fixture(scope="module")
def demonstration(
    server: EmbeddedServer, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Taizhang]:
    """The demonstration's history, of disputes, corrections, retractions and two schemes."""
    database = Database.embedded(server, "demo_boards")
    create(database, template=template)
    directory = tmp_path_factory.mktemp("boards")
    with running(directory, database, KeyRing.create(directory, "taizhang.test/boards"), follow=False) as ledger:
        found(ledger)
        demo.record(ledger)
        yield ledger


@pytest.fixture
def some() -> random.Random:
    return random.Random(20190718)  # noqa: S311  # places to look at


def boards_of(ledger: Taizhang) -> Boards:
    return Boards(ledger.assessing, ledger.asking.histories, lambda scored, moment: row_of(scored, moment.on))


def shown(boards: Boards, year: int, moment: Moment, scheme: str | None) -> Any:
    """What is on the board, or why there is none."""
    try:
        board = boards.board(year, moment, scheme)
    except Refused as refused:
        return refused.code
    return {new_city: (row.place, row.tally, row.is_public, row.unpacked()) for new_city, row in board.rows.items()}


def test_a_board_brought_up_to_date_is_the_one_judged_anew(
    demonstration: Taizhang, some: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    assessing = demonstration.assessing
    head = demonstration.log.head()[0]
    kept, judged, compared = boards_of(demonstration), [], 0
    of = assessing.of
    near = head - 200
    for _ in range(ASKED):
        near = min(head, max(head - 900, near + some.choice(STEPS)))
        moment = demonstration.asking.moment(str(near), some.choice(DAYS).isoformat(), None)
        asked = some.choice((2020, 2020, 2021)), moment, some.choice(SCHEMES)
        anew = shown(boards_of(demonstration), *asked)
        with monkeypatch.context() as many:
            many.setattr(keeping, "NEW_CITIES_KEPT", 0)
            many.setattr(keeping, "PATIENCE", 60)
            many.setattr(assessing, "of", lambda wanted, *rest: judged.extend(wanted) or of(wanted, *rest))
            assert shown(kept, *asked) == anew, asked
        compared += len(anew) if isinstance(anew, dict) else 0
    kept.close()
    assert compared > 4 * ASKED
    assert len(judged) < compared / 2, "most rows stand from question to question"


def test_who_asks_for_many_new_cities_is_told_how_far_the_board_is(
    offices: Any, scores: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, answers = offices.ledger, offices.ledger.scores
    registered = NewCityRegistered(name="某新城", kind="new-city")
    record_as_system(
        ledger.recorder, [(f"new-cities/n{number:02}", registered) for number in range(40)], date(2019, 12, 10)
    )
    going_on, of = threading.Event(), ledger.assessing.of

    def slowly(*asked: Any) -> Iterator[Any]:
        for number, scored in enumerate(of(*asked)):
            if number == 7:
                going_on.wait(30)
            yield scored

    monkeypatch.setattr(ledger.assessing, "of", slowly)
    monkeypatch.setattr(keeping, "PATIENCE", 0.2)
    asked = scores.everything, 2020, scores.moment(), None
    for _ in range(2):
        with pytest.raises(Refused, match="7 of 41 New Cities") as caught:
            answers.scoreboard(*asked)
        assert caught.value.code is Code.BEING_JUDGED
    with pytest.raises(Refused) as caught:  # another board waits its turn
        answers.scoreboard(scores.everything, 2021, scores.moment(on="2021-12-31"), None)
    assert caught.value.code is Code.BEING_JUDGED
    going_on.set()
    monkeypatch.setattr(keeping, "PATIENCE", 30)
    assert len(answers.scoreboard(*asked).rows()) == 41
    monkeypatch.setattr(ledger.assessing, "of", of)
    assert len(answers.scoreboard(scores.everything, 2021, scores.moment(on="2021-12-31"), None).rows()) == 41


def test_a_board_that_failed_is_judged_by_the_next_who_asks(
    offices: Any, scores: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "NEW_CITIES_KEPT", 0)
    monkeypatch.setattr(keeping, "PATIENCE", 30)
    asked = scores.everything, 2020, scores.moment(), None
    with monkeypatch.context() as broken:
        broken.setattr(offices.ledger.assessing, "of", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            offices.ledger.scores.scoreboard(*asked)
    assert [one.new_city for one in offices.ledger.scores.scoreboard(*asked).standings()] == ["fengdong"]
