"""Lines add up to the scores, causes to the difference; the same holds at every position of the log."""

# fixtures are the callables of conftest.py

from __future__ import annotations

import itertools
import json
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from application.commands import Command, proposal
from application.score_answers import Question
from domain.refusals import Refused

COMMUNITY = "communities/610112002001"
DAYS = [date(2019, 12, 10) + timedelta(days=90 * n) for n in range(9)]
TODAY = date(2026, 11, 23)
_numbers = itertools.count(1)


def adds_up(score):
    lines = score["lines"]
    assert Decimal(score["indicative"]) == 100 - sum(Decimal(one["indicative_deducted"]) for one in lines)
    assert Decimal(score["undeterminable"]) == sum(Decimal(one["undeterminable"]) for one in lines)
    if score["official"] is not None:
        assert Decimal(score["official"]) == 100 - sum(Decimal(one["official_deducted"]) for one in lines)
    assert sum(Decimal(one["points"]) for one in lines) == 100
    for one in lines:
        lost, unknown = Decimal(one["indicative_deducted"]), Decimal(one["undeterminable"])
        assert 0 <= lost <= lost + unknown <= Decimal(one["cap"])
        assert one["counts"]["found"] == sum(finding["outcome"] == "found" for finding in one["findings"])


def accounts_for_itself(difference):
    for score in ("indicative", "official"):
        moved = [Decimal(one[score] or "100.00") for one in (difference["from"], difference["to"])]
        causes = [Decimal(one["points"]) for one in difference["causes"] if one["score"] == score]
        assert sum(causes) == moved[1] - moved[0]
    start, end = difference["from"]["position"], difference["to"]["position"]
    for one in difference["causes"]:
        assert all(min(start, end) < position <= max(start, end) for position in one["positions"])
        assert one["positions"]


def test_lines_add_up_at_every_position(offices, convert, scores, opened):
    convert()
    for known_at in range(opened - 5, offices.head + 1):
        adds_up(scores.score(known_at, on="2021-06-30"))


@pytest.fixture
def causes(scores):
    """The causes of the difference since a position, as (kind, points)."""

    def of(start, **asked):
        difference = scores.difference(start, **asked)
        accounts_for_itself(difference)
        return [(one["kind"], one["points"]) for one in difference["causes"]]

    return of


def test_every_changed_point_is_put_down_to_what_was_recorded(offices, causes, second_scheme):
    known = offices.head
    assert causes(known) == []
    offices.record("township", COMMUNITY, "HouseholdsCounted", "2020-03-01", households=900)
    late = offices.head
    assert causes(known) == [("late-fact", "-1.00")]
    offices.record(
        "township", COMMUNITY, "EventCorrected", "2020-03-02", version=2, data={"households": 1200}, reasons="误"
    )
    corrected = offices.head
    assert causes(late) == [("corrected-fact", "1.00")]
    second_scheme("2020-06-01")
    assert causes(corrected) == [("scheme", "-1.00")]
    assert dict(causes(offices.head, end=corrected)) == {"scheme": "1.00"}  # and back


def test_opening_an_assessment_moves_no_points(offices, causes, scores):
    known = offices.head
    fields = {"year": 2020, "new_city": "fengdong", "scheme": "opinions-2019"}
    offices.record("inspectorate", "assessments/2020-fengdong", "AssessmentOpened", "2021-01-10", **fields)
    assert causes(known, on="2021-02-01") == []
    assert (scores.score(known, on="2021-02-01")["official"], scores.score(on="2021-02-01")["official"]) == (
        None, "100.00",
    )  # fmt: skip


counted = st.tuples(
    st.just("HouseholdsCounted"), st.fixed_dictionaries({"households": st.sampled_from([900, 1200, 6000])})
)
filled = st.tuples(
    st.just("PostFilled"),
    st.fixed_dictionaries(
        {
            "body": st.sampled_from(["party", "supervisory-committee"]),
            "role": st.sampled_from(["secretary", "member"]),
            "person": st.integers(1, 4).map(lambda n: {"id": f"p-{n:03}", "name": "某某"}),
        }
    ),
)
changed = st.one_of(
    st.tuples(
        st.just("EventRetracted"), st.fixed_dictionaries({"version": st.integers(2, 6), "reasons": st.just("误")})
    ),
    st.tuples(
        st.just("EventCorrected"),
        st.fixed_dictionaries(
            {"version": st.integers(1, 6), "reasons": st.just("误")},
            optional={"data": st.just({"households": 1000}), "effective_on": st.sampled_from(DAYS).map(date.isoformat)},
        ),
    ),
)
histories = st.lists(
    st.tuples(st.integers(0, 1), counted | counted | filled | changed, st.sampled_from(DAYS).map(date.isoformat)),
    min_size=3, max_size=12,
)  # fmt: skip


def answers(scores, known_at):
    """What is asked about both years, on two days and by either way to name the scheme, as bytes."""
    asked = []
    for day, scheme, year in itertools.product(("2020-06-30", "2021-12-31"), (None, "opinions-2019"), (2020, 2021)):
        score = scores.score(known_at, on=day, year=year, scheme=scheme)
        adds_up(score)
        found = scores.findings(Question(year, "fengdong"), known_at, day, scheme)
        asked += [score, found]
    return json.dumps(asked, ensure_ascii=False)


def test_a_score_of_the_past_is_that_of_a_log_that_ends_there(offices, scores):
    @settings(
        max_examples=10, deadline=None, phases=[Phase.generate, Phase.target],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(histories)
    def holds(history):
        records = [f"communities/s-{next(_numbers)}" for _ in range(2)]
        established = {
            "name": "某社区", "origin": "new-estate", "township_code": "610112002", "township": "三桥街道",
            "new_city": "fengdong",
        }  # fmt: skip
        asked = [(one, "CommunityEstablished", established, DAYS[0].isoformat()) for one in records]
        asked += [(records[which], event, data, on) for which, (event, data), on in history]
        then = {offices.head: answers(scores, None)}
        for record, event, data, on in asked:
            body = {"type": event, "effective_on": on, "data": data}
            for account in ("township", "new-city"):
                try:
                    command = Command(account, (proposal(record, body, today=TODAY),))
                    position = offices.ledger.recorder.record(command, 30).entries[-1].position
                except Refused:
                    continue
                then[position] = answers(scores, None)
                break
        for position, known in then.items():
            assert answers(scores, position) == known
        for start, end in itertools.pairwise(then):
            accounts_for_itself(scores.difference(start, end, on="2021-12-31"))
        accounts_for_itself(scores.difference(max(then), min(then), on="2021-12-31"))

    holds()
