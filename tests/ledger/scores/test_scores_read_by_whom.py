"""Who reads which score: inspectors all, a New City its own, everyone what has been published."""

# fixtures are the callables of conftest.py

from __future__ import annotations

import pytest

from domain.refusals import Code, Refused

FENGDONG = "2020-fengdong"


@pytest.fixture
def two_cities(offices):
    offices.record("new-area", "new-cities/fengxi", "NewCityRegistered", "2019-12-10", name="沣西新城", kind="new-city")
    return offices


@pytest.fixture
def published(opened, offices):
    """Fengdong's result of 2020 is published; the account that did is the inspectorate's."""

    def publish(**said):
        body = {"type": "ResultPublished", "effective_on": "2021-03-01", "data": said}
        filled = offices.ledger.filling.filled("inspectorate", f"assessments/{FENGDONG}", body)
        (entry,) = offices.record(
            "inspectorate", f"assessments/{FENGDONG}", "ResultPublished", "2021-03-01", **filled["data"]
        )
        assert entry["data"]["computed_at"] >= opened
        return entry

    return publish


def test_a_new_city_reads_its_own_score_and_no_others(two_cities, scores, reader):
    answers = two_cities.ledger.scores
    own, other, inspector = reader("new-city"), reader("other-city"), reader("inspector")
    board = {name: answers.scoreboard(who, 2020, scores.moment(), None).rows() for name, who in
             (("own", own), ("other", other), ("inspector", inspector))}  # fmt: skip
    assert {name: [one["new_city"] for one in shown] for name, shown in board.items()} == {
        "own": ["fengdong"], "other": ["fengxi"], "inspector": ["fengdong", "fengxi"],
    }  # fmt: skip
    assert [one["rank"] for one in board["own"]] == [None]  # a rank would tell of the others
    assert sorted(one["rank"] for one in board["inspector"]) == [1, 2]
    assert answers.assessment(own, FENGDONG, scores.moment(), None)[0]["lines"]
    for ask in (
        lambda: answers.assessment(other, FENGDONG, scores.moment(), None),
        lambda: answers.difference(other, FENGDONG, scores.moment(), scores.moment(), None),
    ):
        with pytest.raises(Refused) as caught:
            ask()
        assert caught.value.code is Code.NOT_READABLE


def test_a_published_result_is_everyones_and_what_it_rests_on_is_not(two_cities, scores, reader, published):
    entry = published()
    answers, other = two_cities.ledger.scores, reader("other-city")
    shown, _ = answers.assessment(other, FENGDONG, scores.moment(on="2021-03-01"), None)
    assert (shown["official"], shown["published"]["position"]) == (entry["data"]["score"], entry["position"])
    assert (shown["indicative"], shown["lines"], shown["record"]) == (None, [], None)
    board = answers.scoreboard(other, 2020, scores.moment(on="2021-03-01"), None).rows()
    assert [(one["new_city"], one["indicative"] is None) for one in board] == [("fengdong", True), ("fengxi", False)]
    for moment in (scores.moment(on="2021-02-28"), scores.moment(entry["position"] - 1, on="2021-03-01")):
        with pytest.raises(Refused) as caught:
            answers.assessment(other, FENGDONG, moment, None)
        assert caught.value.code is Code.NOT_READABLE


@pytest.mark.usefixtures("two_cities")
def test_findings_are_those_of_new_cities_that_may_be_read(client):
    def found(account, **asked):
        return client(account).get("findings", params={"year": 2020, "limit": 500, **asked}).json()["data"]

    assert {one["new_city"] for one in found("inspector")} == {"fengdong", "fengxi"}
    assert {one["new_city"] for one in found("other-city")} == {"fengxi"}
    assert found("other-city", new_city="fengdong") == []
    assert {one["outcome"] for one in found("inspector", outcome="undeterminable")} == {"undeterminable"}
    assert {one["rule"] for one in found("inspector", rule="community-size")} == {"community-size/1"}


@pytest.mark.usefixtures("two_cities")
def test_pages_of_findings_show_each_once(client):
    inspector, params = client("inspector"), {"year": "2020", "limit": "3"}
    whole = inspector.get("findings", params={"year": 2020, "limit": 500}).json()["data"]
    paged, following = [], None
    while True:
        page = inspector.get("findings", params=params if following is None else params | {"cursor": following}).json()
        paged += page["data"]
        following = page["next"]
        if following is None:
            break
    assert paged == whole
    assert len(whole) > 10
