"""Two questions of time: as known when, and about which day."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.refusals import Code, Refused

COMMUNITY = "communities/610112002001"


def refused(code, action):
    with pytest.raises(Refused) as refusal:
        action()
    assert refusal.value.code is code
    return refusal.value


def instant(entry, shift=0):
    at = datetime.fromisoformat(entry["recorded_at"]) + timedelta(microseconds=shift)
    return at.astimezone(UTC).isoformat()


def test_a_late_fact_changes_later_answers_about_its_day_and_no_earlier_one(offices):
    [early] = offices.record("township", COMMUNITY, "HouseholdsCounted", "2020-06-30", households=1180)
    [late] = offices.record("township", COMMUNITY, "HouseholdsCounted", "2020-03-31", households=990)

    assert offices.state(COMMUNITY, on="2020-04-01")["households"] == 990
    assert offices.state(COMMUNITY, early["position"], "2020-04-01")["households"] is None
    assert offices.state(COMMUNITY, late["position"], "2020-07-01")["households"] == 1180
    assert offices.state(COMMUNITY, on="2020-04-01")["values"]["households"] == {
        "position": late["position"], "effective_on": "2020-03-31",
    }  # fmt: skip


def test_an_instant_is_the_last_position_recorded_by_then(offices):
    [first] = offices.record("township", COMMUNITY, "HouseholdsCounted", "2020-06-30", households=1)
    [second] = offices.record("township", COMMUNITY, "HouseholdsCounted", "2020-07-30", households=2)
    moment = offices.ledger.asking.moment
    assert moment(instant(first), None, None).position == first["position"]
    assert moment(instant(second, -1), None, None).position == first["position"]
    assert moment(instant(second), None, None).position == second["position"]
    assert moment("2019-12-10T00:00:00+08:00", None, None).position == 0


@pytest.mark.parametrize(
    "known_at",
    ["2021-03-01T09:00:00", "2021-03-01", "tomorrow", "2999-01-01T00:00:00Z", "0", "999999", "-1", "２", "1e3",
     "2021-02-30T00:00:00Z", "9999-12-31T23:59:59-23:59"],
)  # fmt: skip
def test_a_time_that_nobody_can_answer_for_is_refused(offices, known_at):
    refused(Code.BAD_TIME, lambda: offices.state(COMMUNITY, known_at))


@pytest.mark.parametrize("day", ["2021-02-30", "20210101", "2021-1-1", "yesterday", ""])
def test_a_day_that_is_none_is_refused(offices, day):
    refused(Code.BAD_TIME, lambda: offices.state(COMMUNITY, on=day))


def test_before_its_opening_day_a_record_is_not_yet(offices):
    refused(Code.NOT_YET, lambda: offices.state(COMMUNITY, on="2019-12-09"))
    refused(Code.NOT_FOUND, lambda: offices.state(COMMUNITY, 1))


def test_a_position_not_recorded_yet_is_waited_for_and_then_given_up(offices, monkeypatch):
    monkeypatch.setattr("application.moments.WAIT_FOR_POSITION", 0.2)
    refused(Code.NOT_CAUGHT_UP, lambda: offices.ledger.asking.moment(None, None, offices.head + 1))
    assert offices.ledger.asking.moment(None, None, offices.head).position == offices.head


def test_the_version_counts_entries_by_position_whatever_the_day(offices):
    offices.record("township", COMMUNITY, "HouseholdsCounted", "2020-06-30", households=1)
    assert offices.state(COMMUNITY, on="2020-01-01")["version"] == 2


def test_a_difference_names_the_entries_that_made_it(offices):
    [counted] = offices.record("township", COMMUNITY, "HouseholdsCounted", "2020-06-30", households=1180)
    [corrected] = offices.record(
        "township", COMMUNITY, "EventCorrected", "2020-08-01", version=2, data={"households": 1108}, reasons="笔误"
    )
    [retracted] = offices.record("township", COMMUNITY, "EventRetracted", "2020-09-01", version=2, reasons="重复")

    def changes(start, end):
        moment = offices.ledger.asking.moment
        diff = offices.ledger.asking.diff(
            offices.everything,
            "communities",
            "610112002001",
            moment(str(start), None, None),
            moment(str(end), None, None),
        )
        return [(one["field"], one["from"], one["to"], one["entries"]) for one in diff["changes"]]

    assert changes(counted["position"] - 1, counted["position"]) == [("households", None, 1180, [counted["position"]])]
    assert changes(counted["position"], corrected["position"]) == [("households", 1180, 1108, [corrected["position"]])]
    assert changes(corrected["position"], retracted["position"]) == [
        ("households", 1108, None, [retracted["position"]])
    ]
    assert changes(counted["position"], counted["position"]) == []


def test_entries_show_what_corrects_and_retracts_them_as_far_as_known_then(offices):
    [counted] = offices.record("township", COMMUNITY, "HouseholdsCounted", "2020-06-30", households=1180)
    [corrected] = offices.record(
        "township", COMMUNITY, "EventCorrected", "2020-08-01", version=2, data={"households": 1108}, reasons="笔误"
    )

    def marks(known_at):
        moment = offices.ledger.asking.moment(str(known_at), None, None)
        shown, following = offices.ledger.asking.events(
            offices.everything, "communities", "610112002001", moment, 50, None
        )
        assert following is None
        return [(one["version"], one["corrected_by"]) for one in shown]

    assert marks(counted["position"]) == [(1, []), (2, [])]
    assert marks(corrected["position"]) == [(1, []), (2, [corrected["position"]]), (3, [])]


def test_pages_of_entries_go_on_where_the_last_one_ended(offices):
    for households in range(5):
        offices.record("township", COMMUNITY, "HouseholdsCounted", "2020-06-30", households=households)
    asking, moment = offices.ledger.asking, offices.ledger.asking.moment(None, None, None)
    seen, cursor = [], None
    while True:
        shown, cursor = asking.events(offices.everything, "communities", "610112002001", moment, 2, cursor)
        seen += [one["version"] for one in shown]
        if cursor is None:
            break
    assert seen == [1, 2, 3, 4, 5, 6]
    refused(Code.BAD_CURSOR, lambda: asking.events(offices.everything, "communities", "610112002001", moment, 2, "abc"))
