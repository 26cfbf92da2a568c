"""Schemes, assessments and inspections through the real recorder: guards that look at other records, stored names."""

# fixtures are the callables of conftest.py

from __future__ import annotations

import json
from datetime import date

import pytest

from api.administration import issue_key, record_as_system
from domain.refusals import Code, Refused
from domain.schemes import FIRST, first_scheme

FIRST_SCHEME, SECOND_SCHEME = f"schemes/{FIRST}", "schemes/opinions-2021"


@pytest.fixture
def scheme():
    def fields(**changes):
        return first_scheme().model_dump(mode="json", exclude_none=True) | changes

    return fields


@pytest.fixture
def judged(ledger, offices):
    """Offices of a ledger with its first scheme."""
    if ledger.asking.histories.at(FIRST_SCHEME, ledger.log.head()[0]).state is None:
        record_as_system(ledger.recorder, [(FIRST_SCHEME, first_scheme())], date(2019, 12, 10))
    return offices


def stored(ledger, position):
    return json.loads(ledger.log.entries(position - 1, 1)[0].entry.partition(b"\n")[2])["data"]


def test_a_scheme_is_adopted_once_the_arbiters_fill_two_panels(ledger, judged, scheme):
    adopted = (SECOND_SCHEME, "SchemeAdopted", "2021-01-04")
    for number in range(5):
        issue_key(ledger, f"arbiter-{number}", "new-area", None, ["arbiter"])
    with pytest.raises(Refused, match="need 6 arbiters; there are 5"):
        judged.record("new-area", *adopted, **scheme(effective_from="2021-01-01"))
    issue_key(ledger, "inspectorate", "new-area", None, ["arbiter"])
    (entry,) = judged.record("new-area", *adopted, **scheme(effective_from="2021-01-01"))
    assert entry["data"]["effective_from"] == "2021-01-01"
    with pytest.raises(Refused, match=SECOND_SCHEME) as caught:
        judged.record(
            "new-area", "schemes/opinions-2022", "SchemeAdopted", "2021-01-04", **scheme(effective_from="2021-01-01")
        )
    assert caught.value.code is Code.ALREADY_CLAIMED


def test_the_day_of_a_repeal_stands_in_the_log_and_in_answers_as_from(ledger, judged):
    (entry,) = judged.record(
        "new-area", FIRST_SCHEME, "SchemeRepealed", "2021-06-01", **{"from": "2021-07-01"}, reason="另行制定"
    )
    assert stored(ledger, entry["position"]) == {"from": "2021-07-01", "reason": "另行制定"}
    version = entry["version"]
    judged.record(
        "new-area", FIRST_SCHEME, "EventCorrected", "2021-06-02", version=version, data={"from": "2021-08-01"},
        reasons="日期有误",
    )  # fmt: skip
    assert judged.state(FIRST_SCHEME)["steps"]["SchemeRepealed"]["from"] == "2021-08-01"
    assert judged.state(FIRST_SCHEME, known_at=entry["position"])["steps"]["SchemeRepealed"]["from"] == "2021-07-01"


def test_the_clause_of_an_inspections_finding_stands_in_the_log_under_its_own_name(ledger, judged):
    inspection = "inspections/dc-2021-01"
    judged.record("inspectorate", inspection, "InspectionOpened", "2021-03-01", new_city="fengdong", subject="用房")
    (entry,) = judged.record(
        "inspectorate", inspection, "InspectionFindingRecorded", "2021-03-02", finding="f1", clause="4.1",
        about="communities/610112002001", observed="用房出租",
    )  # fmt: skip
    assert stored(ledger, entry["position"])["clause"] == "4.1"
    (finding,) = judged.state(inspection)["findings"]
    assert (finding["clause"], finding["about"]) == ("4.1", "communities/610112002001")
    with pytest.raises(Refused) as caught:
        judged.record(
            "inspectorate", inspection, "InspectionFindingRecorded", "2021-03-02", finding="f2", clause="4.1",
            about="communities/none", observed="用房出租",
        )  # fmt: skip
    assert caught.value.code is Code.UNKNOWN_REFERENCE


def test_an_assessment_is_opened_under_its_own_id_by_a_scheme_on_record(judged):
    opening = {"year": 2020, "new_city": "fengdong", "scheme": FIRST}
    for record, changes, code in (
        ("assessments/2021-fengdong", {}, Code.BAD_RECORD_ID),
        ("assessments/2020-fengdong", {"scheme": "unheard-of"}, Code.UNKNOWN_REFERENCE),
        ("assessments/2020-fengdong", {"new_city": "fengxi"}, Code.UNKNOWN_REFERENCE),
    ):
        with pytest.raises(Refused) as caught:
            judged.record("inspectorate", record, "AssessmentOpened", "2021-01-04", **(opening | changes))
        assert caught.value.code is code
    assessment = "assessments/2020-fengdong"
    judged.record("inspectorate", assessment, "AssessmentOpened", "2021-01-04", **opening)
    with pytest.raises(Refused) as caught:
        judged.record("inspectorate", assessment, "AssessmentReopened", "2021-01-05", reasons="裁定", ruling="s-1")
    assert caught.value.code is Code.SYSTEM_ONLY
