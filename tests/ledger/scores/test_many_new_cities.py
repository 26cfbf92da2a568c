"""A ledger may have more New Cities than are held in memory: each of them is scored, and ranked among all."""

from __future__ import annotations

from datetime import date

from api.administration import record_as_system
from application import boards
from application.assessing import NEW_CITIES_KEPT
from domain.new_city import NewCityRegistered, SettingPlanAdopted

MANY = 1_100


def test_every_new_city_is_scored_and_ranked_however_many_there_are(offices, scores, monkeypatch):
    ledger = offices.ledger
    registered = NewCityRegistered(name="某新城", kind="new-city")
    names = [f"n{number:04}" for number in range(MANY)]
    record_as_system(ledger.recorder, [(f"new-cities/{one}", registered) for one in names], date(2019, 12, 10))
    planned = [(f"new-cities/{one}", SettingPlanAdopted(title="规划")) for one in names[::2]]
    record_as_system(ledger.recorder, planned, date(2020, 3, 1))

    monkeypatch.setattr(boards, "PATIENCE", 60)
    board = ledger.scores.scoreboard(scores.everything, 2020, scores.moment(), None)
    ranks = {one.new_city: one.rank for one in board.standings()}
    assert MANY > NEW_CITIES_KEPT
    assert len({ranks[one] for one in names[::2]}) == 1
    assert {ranks[one] for one in names[1::2]} == {ranks[names[0]] + len(planned)}

    moment = scores.moment()
    whole = list(ledger.assessing.scores(2020, moment))
    assert [one.score for one in whole[-3:]] == [
        ledger.assessing.score(one.score.new_city, 2020, moment).score for one in whole[-3:]
    ]
    halves = [one.score for part in (0, 1) for one in ledger.assessing.scores(2020, moment, part=part, parts=2)]
    assert sorted(one.new_city for one in halves) == [one.score.new_city for one in whole]
