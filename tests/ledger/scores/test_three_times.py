"""A score is asked about at three times: as known when, about which day, by which version of the scheme."""

# fixtures are the callables of conftest.py

from __future__ import annotations

from decimal import Decimal

import pytest

from application.answers import instant_json
from domain.refusals import Code, Refused

COMMUNITY = "communities/610112002001"
ALLOCATION = "funding-allocations/fengdong-2020"


@pytest.fixture
def unpaid(offices):
    """The New City's share of 2020 was approved, and no payment of it is on record; the position."""
    (entry,) = offices.record(
        "finance", ALLOCATION, "AllocationApproved", "2020-02-01", new_city="fengdong", year=2020, bearer="new-city",
        purpose="community-work", amount="1000.00",
    )  # fmt: skip
    return entry["position"]


@pytest.fixture
def pay(offices):
    def paid(on="2020-06-20"):
        said = {"payment": "p-1", "amount": "1000.00"}
        offices.record("finance", ALLOCATION, "FundsDisbursed", on, **said, payer="财政局", payee="街道")
        (entry,) = offices.record("new-city", ALLOCATION, "FundsReceived", on, **said)
        return entry

    return paid


def test_a_late_payment_changes_what_is_known_after_it_and_nothing_before(offices, scores, unpaid, pay):
    known_in_february = scores.score(unpaid)
    instant = offices.ledger.log.recorded_at(unpaid)
    paid = pay()  # done in June 2020, recorded only now
    assert scores.lost("funding-new-city") == 0
    assert scores.lost("funding-new-city", unpaid) == 1
    assert scores.score(unpaid) == known_in_february
    assert scores.score(instant_json(instant)) == known_in_february
    assert Decimal(scores.score()["indicative"]) == Decimal(known_in_february["indicative"]) + 1
    assert scores.score(paid["recorded_at"]) == scores.score(paid["position"]) == scores.score()


@pytest.mark.usefixtures("unpaid")
def test_a_payment_that_came_late_itself_is_found_for_its_year(scores, pay):
    pay(on="2020-08-01")
    (finding,) = [one for one in scores.line("funding-new-city")["findings"] if one["outcome"] == "found"]
    assert (finding["since"], finding["figures"]["done_on"]) == ("2020-07-01", "2020-08-01")


def test_the_day_asked_about_is_the_days_state_and_none_after_the_year(offices, scores):
    offices.record("township", COMMUNITY, "HouseholdsCounted", "2020-03-01", households=900)
    offices.record("township", COMMUNITY, "HouseholdsCounted", "2020-09-01", households=1200)
    offices.record("township", COMMUNITY, "HouseholdsCounted", "2021-02-01", households=800)
    assert [scores.lost("community-size", on=day) for day in ("2020-08-31", "2020-09-01", "2026-01-01")] == [1, 0, 0]
    assert scores.line("community-size", on="2020-02-29")["undeterminable"] == "1.00"
    assert scores.lost("community-size", on="2026-01-01", year=2021) == 1


def test_a_new_scheme_changes_this_year_and_not_last_year(offices, scores, second_scheme):
    offices.record("township", COMMUNITY, "HouseholdsCounted", "2020-03-01", households=1200)
    before = {year: scores.score(on="2022-01-01", year=year) for year in (2020, 2021)}
    known = offices.head
    second_scheme("2021-01-01")
    after = {year: scores.score(on="2022-01-01", year=year) for year in (2020, 2021)}
    assert after[2020] == before[2020]
    assert (before[2021]["scheme"], after[2021]["scheme"]) == ("opinions-2019", "opinions-2021")
    assert scores.lost("community-size", on="2022-01-01", year=2021) == 1
    assert scores.score(known, on="2022-01-01", year=2021) == before[2021]


def test_another_scheme_is_a_simulation_and_the_one_in_force_is_none(scores, offices, second_scheme):
    offices.record("township", COMMUNITY, "HouseholdsCounted", "2020-03-01", households=1200)
    known = offices.head
    second_scheme("2021-01-01")
    simulated = scores.score(scheme="opinions-2021")
    assert (simulated["simulated"], simulated["scheme"]) == (True, "opinions-2021")
    assert scores.lost("community-size", scheme="opinions-2021") == 1
    assert scores.score(scheme="opinions-2019") == scores.score()
    assert not scores.score()["simulated"]
    for known_at, scheme in ((known, "opinions-2021"), (None, "nowhere")):
        with pytest.raises(Refused) as caught:
            scores.score(known_at, scheme=scheme)
        assert caught.value.code is Code.UNKNOWN_REFERENCE


@pytest.mark.usefixtures("opened")
def test_an_opened_assessment_keeps_its_scheme(scores, second_scheme):
    second_scheme("2020-06-01")
    assert scores.score(on="2021-02-01")["scheme"] == "opinions-2019"
    assert scores.score(on="2021-01-09")["scheme"] == "opinions-2021"  # not open yet on that day
    simulated = scores.score(on="2021-02-01", scheme="opinions-2021")
    assert (simulated["simulated"], simulated["official"]) == (True, "100.00")


def test_a_year_without_a_scheme_has_no_score(scores, second_scheme):
    with pytest.raises(Refused) as caught:
        scores.score(year=2018)
    assert caught.value.code is Code.NO_SCHEME
    second_scheme("2021-01-01")
    assert scores.score(year=2018, scheme="opinions-2021", on="2022-01-01")["simulated"]


def test_a_repealed_scheme_judges_no_year_after_it(offices, scores):
    repeal = {"from": "2021-07-01", "reason": "另行制定"}
    offices.record("new-area", "schemes/opinions-2019", "SchemeRepealed", "2021-06-01", **repeal)
    assert scores.score()["scheme"] == "opinions-2019"
    with pytest.raises(Refused) as caught:
        scores.score(on="2022-01-01", year=2021)
    assert caught.value.code is Code.NO_SCHEME


def test_a_score_is_answered_for_every_new_city_on_record_by_then(offices, scores):
    offices.record("new-area", "new-cities/fengxi", "NewCityRegistered", "2021-03-01", name="沣西新城", kind="new-city")
    board = offices.ledger.scores.scoreboard(scores.everything, 2020, scores.moment(), None).standings()
    assert [one.new_city for one in board] == ["fengdong"]
    for year in (2020, 2021):
        later = offices.ledger.scores.scoreboard(
            scores.everything, year, scores.moment(on="2022-01-01"), None
        ).standings()
        assert [one.new_city for one in later] == ["fengdong", "fengxi"]
    for new_city, code in (("fengxi", Code.NOT_YET), ("nowhere", Code.NOT_FOUND)):
        with pytest.raises(Refused) as caught:
            offices.ledger.scores.assessment(scores.everything, f"2020-{new_city}", scores.moment(), None)
        assert caught.value.code is code


def test_whatever_is_recorded_is_counted_from_the_next_question_on(offices, scores):
    for households, lost in ((900, 1), (1200, 0), (5000, 1)):
        offices.record("township", COMMUNITY, "HouseholdsCounted", "2020-03-01", households=households)
        assert scores.lost("community-size") == lost
    offices.record(
        "township", COMMUNITY, "EventCorrected", "2020-03-02", version=4, data={"households": 4999}, reasons="误"
    )
    assert scores.lost("community-size") == 0
    offices.record("township", COMMUNITY, "EventRetracted", "2020-03-02", version=4, reasons="误")
    assert scores.lost("community-size") == 0
    offices.record("township", COMMUNITY, "EventRetracted", "2020-03-02", version=3, reasons="误")
    assert scores.lost("community-size") == 1
