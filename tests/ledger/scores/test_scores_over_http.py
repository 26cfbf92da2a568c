"""Addresses of scores: one shape each, the three times in every answer, a clear refusal of anything else."""

# fixtures are the callables of conftest.py

from __future__ import annotations

import pytest

SCORE = {
    "new_city", "year", "official", "indicative", "contested", "undeterminable", "scheme", "simulated", "rank",
    "counts", "flagged", "lines", "record",
}  # fmt: skip
LINE = {
    "indicator", "clause", "title", "points", "cap", "official_deducted", "indicative_deducted", "undeterminable",
    "contested", "counts", "flagged",
}  # fmt: skip
FINDING = {
    "rule", "clause", "outcome", "about", "new_city", "since", "figures", "points", "evidence", "missing",
}  # fmt: skip

BAD = {
    "assessments?year=2018": 409,
    "assessments?year=20": 422,
    "assessments?year=2020&q=x": 422,
    "assessments?scheme=opinions-2019": 422,
    "assessments?year=2020&scheme=nowhere": 422,
    "assessments?year=2020&cursor=AAAA": 400,
    "assessments?year=2020&known_at=999999": 400,
    "assessments/2018-fengdong": 409,
    "assessments/2020-nowhere": 404,
    "assessments/fengdong": 404,
    "assessments/2020-fengdong?year=2020": 422,
    "assessments/2020-fengdong/diff?from_on=2020-01-01": 422,
    "assessments/2020-fengdong/diff?from_known_at=2999-01-01T00:00:00Z": 400,
    "findings": 422,
    "findings?year=2020&rule=nothing": 422,
    "findings?year=2020&outcome=lost": 422,
    "findings?year=2020&limit=0": 422,
    "reports/assessment": 422,
    "reports/assessment?year=2020&format=doc": 422,
}


@pytest.fixture
def inspector(client):
    return client("inspector")


def test_a_scoreboard_is_a_list_of_scores_and_an_assessment_one_with_what_it_rests_on(inspector):
    board = inspector.get("assessments", params={"year": 2020, "on": "2020-12-31"}).json()
    (row,) = board["data"]
    assert (set(row), board["next"], board["provenance"]["scheme"]) == (SCORE, None, "opinions-2019")
    assert {frozenset(one) for one in row["lines"]} == {frozenset(LINE)}
    answer = inspector.get("assessments/2020-fengdong", params={"on": "2020-12-31"})
    one = answer.json()["data"]
    assert set(one) == SCORE
    assert {frozenset(line) for line in one["lines"]} == {frozenset(LINE | {"findings", "deductions"})}
    findings = [finding for line in one["lines"] for finding in line["findings"]]
    assert {frozenset(finding) for finding in findings} == {frozenset(FINDING)}
    assert {name: one[name] for name in SCORE - {"lines"}} == {name: row[name] for name in SCORE - {"lines"}}
    assert (one["official"], one["record"], "etag" in answer.headers) == (None, None, False)


@pytest.mark.usefixtures("opened")
def test_an_opened_assessment_shows_its_record_under_its_etag(inspector, client):
    answer = inspector.get("assessments/2020-fengdong")
    record = answer.json()["data"]["record"]
    assert (record["id"], record["status"], record["scheme"], record["version"]) == (
        "2020-fengdong", "open", "opinions-2019", 1,
    )  # fmt: skip
    assert answer.json()["data"]["official"] == "100.00"
    assert answer.headers["etag"] == '"1"'
    body = {"type": "CriticismIssued", "effective_on": "2021-02-01", "data": {"title": "通报", "reasons": "迟报"}}
    inspectorate = client("inspectorate")
    for tag, status in (('"1"', 201), ('"1"', 412)):
        posted = inspectorate.post("assessments/2020-fengdong/events", json=body, headers={"If-Match": tag})
        assert posted.status_code == status
    past = inspector.get("assessments/2020-fengdong", params={"on": "2021-01-31"})
    assert (past.json()["data"]["record"]["version"], "etag" in past.headers) == (2, False)
    (listed,) = inspector.get("assessments", params={"year": 2020}).json()["data"]
    assert listed["record"] == inspector.get("assessments/2020-fengdong").json()["data"]["record"]


def test_data_of_the_past_is_the_same_bytes_whatever_came_later(inspector, offices):
    asked = {"known_at": str(offices.head), "on": "2020-12-31"}
    paths = {"assessments": {"year": 2020}, "assessments/2020-fengdong": {}, "findings": {"year": 2020},
             "reports/assessment": {"year": 2020}}  # fmt: skip

    def answers():
        return [inspector.get(path, params=params | asked).content for path, params in paths.items()]

    before = answers()
    offices.record("township", "communities/610112002001", "HouseholdsCounted", "2020-03-01", households=1)
    assert answers() == before


def test_a_bad_question_is_refused(inspector):
    for path, status in BAD.items():
        answer = inspector.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), path


def test_nobody_reads_a_score_without_a_key(inspector):
    for path in ("assessments?year=2020", "assessments/2020-fengdong", "findings?year=2020", "schemes/opinions-2019"):
        assert inspector.get(path, headers={"Authorization": ""}).status_code == 401


def test_ranks_are_by_the_official_score_and_after_them_by_the_indicative(offices, inspector):
    for city in ("fengxi", "jinghe"):
        offices.record("new-area", f"new-cities/{city}", "NewCityRegistered", "2019-12-10", name=city, kind="new-city")
    offices.record("new-city", "new-cities/fengdong", "SettingPlanAdopted", "2020-01-01", title="规划")

    def ranks():
        board = inspector.get("assessments", params={"year": 2020}).json()["data"]
        return {one["new_city"]: one["rank"] for one in board}

    assert ranks() == {"fengdong": 1, "fengxi": 2, "jinghe": 2}
    opening = {"year": 2020, "new_city": "jinghe", "scheme": "opinions-2019"}
    offices.record("inspectorate", "assessments/2020-jinghe", "AssessmentOpened", "2021-01-10", **opening)
    assert ranks() == {"jinghe": 1, "fengdong": 2, "fengxi": 3}


def test_a_page_of_the_scoreboard_goes_on_where_the_last_ended(offices, inspector):
    offices.record("new-area", "new-cities/fengxi", "NewCityRegistered", "2019-12-10", name="沣西新城", kind="new-city")
    first = inspector.get("assessments", params={"year": 2020, "limit": 1}).json()
    second = inspector.get("assessments", params={"year": 2020, "limit": 1, "cursor": first["next"]}).json()
    assert [page["data"][0]["new_city"] for page in (first, second)] == ["fengdong", "fengxi"]
    assert second["next"] is None
