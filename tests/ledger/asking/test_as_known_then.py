"""The defining property: at (P, D) the whole log answers as a log that ends at P, records and lists alike."""

import itertools
import json
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from api.composition import running
from application.commands import Command, proposal
from application.listing import Filters
from application.rights import Reader
from domain.refusals import Refused

DAYS = [date(2019, 12, 10) + timedelta(days=n) for n in (0, 30, 60, 90)]
TODAY = date(2026, 11, 23)
EVERYTHING = Reader("inspector", everything=True)
_numbers = itertools.count(1)

days = st.sampled_from(DAYS).map(date.isoformat)
said = st.one_of(
    st.tuples(st.just("HouseholdsCounted"), st.fixed_dictionaries({"households": st.integers(0, 3)})),
    st.tuples(st.just("CommunityRenamed"), st.fixed_dictionaries({"name": st.sampled_from(["东社区", "西社区"])})),
    st.tuples(st.just("CommunityDissolved"), st.just({"reason": "撤销"})),
    st.tuples(
        st.just("EventRetracted"), st.fixed_dictionaries({"version": st.integers(1, 5), "reasons": st.just("误")})
    ),
    st.tuples(
        st.just("EventCorrected"),
        st.fixed_dictionaries(
            {"version": st.integers(1, 5), "reasons": st.just("误"), "effective_on": days},
            optional={"data": st.sampled_from([{"households": 9}, {"name": "正社区"}, {"households": None}])},
        ),
    ),
)
histories = st.lists(st.tuples(st.integers(0, 1), said, days), min_size=3, max_size=10)


@pytest.fixture
def followed(offices, tmp_path):
    with running(tmp_path, offices.ledger.database, offices.ledger.keys, follow=True) as ledger:
        yield ledger


def opening(name):
    return {
        "type": "CommunityEstablished", "effective_on": DAYS[0].isoformat(),
        "data": {"name": name, "origin": "existing", "township_code": "610112002", "township": "三桥街道",
                 "new_city": "fengdong", "households": 2},
    }  # fmt: skip


def answers(ledger, records, known_at):
    """Everything asked about these records on each day, as bytes."""
    asked = []
    for day in DAYS:
        moment = ledger.asking.moment(known_at, day.isoformat(), None)
        for record in records:
            kind, _, record_id = record.partition("/")
            try:
                asked.append(ledger.asking.record(EVERYTHING, kind, record_id, moment))
            except Refused as refusal:
                asked.append(refusal.code.slug)
        for filters in (Filters(), Filters(status="active"), Filters(status="dissolved"), Filters(q="东")):
            listed, following, _ = ledger.asking.listing(EVERYTHING, "communities", filters, moment, 500, None)
            assert following is None
            asked.append([one for one in listed if f"communities/{one['id']}" in records])
    return json.dumps(asked, ensure_ascii=False)


def test_an_answer_about_the_past_is_the_answer_of_a_log_that_ends_there(followed):
    @settings(
        max_examples=12, deadline=None, phases=[Phase.generate, Phase.target],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(histories)
    def holds(history):
        records = [f"communities/p-{next(_numbers)}" for _ in range(2)]
        asked = [("new-city", record, opening("东社区")) for record in records]
        for which, (event, data), on in history:
            account = "township" if event == "HouseholdsCounted" else "new-city"
            asked.append((account, records[which], {"type": event, "effective_on": on, "data": dict(data)}))
        then = {}
        for account, record, body in asked:
            for who in (account, "township"):  # a correction is for whoever recorded the original
                try:
                    command = Command(who, (proposal(record, body, today=TODAY),))
                    position = followed.recorder.record(command, 30).entries[-1].position
                except Refused:
                    continue
                then[position] = answers(followed, records, None)
                break
        for position, known in then.items():
            assert answers(followed, records, str(position)) == known

    holds()
