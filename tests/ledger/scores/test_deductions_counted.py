"""What is deducted, disputed and ruled shows in the score at every position, over HTTP, by a table made by hand."""

# fixtures are the callables of conftest.py

from __future__ import annotations

import pytest

from api.administration import issue_key

A, D = "assessments/2020-fengdong", "disputes/ss-1"
COMMUNITY = "communities/610112002001"
FIRST, SECOND = ["arbiter-1", "arbiter-2", "arbiter-3"], ["arbiter-4", "arbiter-5", "arbiter-6"]


class Office:
    """Records over HTTP; `refused` gives the problem."""

    def __init__(self, client, people):
        self.client, self.people = client, people

    def post(self, account, record, event, on, **data):
        body = {"type": event, "effective_on": on, "data": data}
        return self.client(account).post(f"{record}/events", json=body)

    def record(self, *args, **data):
        answer = self.post(*args, **data)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def refused(self, *args, **data):
        answer = self.post(*args, **data)
        assert answer.status_code in {403, 409, 422}, answer.text
        assert answer.json()["clause"] == "8.4", answer.text
        return answer.json()["code"]

    def get(self, path, account="inspector", **parameters):
        answer = self.client(account).get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def impose(self, on="2021-01-12", account="inspectorate", **changes):
        fields = {"deduction": "k1", "indicator": "community-size", "points": "1.00", "about": COMMUNITY,
                  "grounds": "户数不足", "evidence_positions": []}  # fmt: skip
        return self.record(account, A, "DeductionImposed", on, **(fields | changes))

    def serve(self, on="2021-01-13", dispute_by="2021-01-28"):
        told = {"deduction": "k1", "recipient": {"id": "p-1", "name": "张三"}, "states_right": True}
        return self.record("inspectorate", A, "NoticeServed", on, dispute_by=dispute_by, **told)

    def file(self, on="2021-01-20"):
        return self.record(
            "new-city", D, "DisputeFiled", on, assessment="2020-fengdong", deduction="k1", grounds="不服"
        )

    def rule(self, event, on, outcome, panel, **more):
        panel = [{"id": self.people[one], "name": "某"} for one in panel]
        return {"args": (event, on), "data": {"outcome": outcome, "reasons": "经合议", "panel": panel, **more}}

    def ruled(self, event, on, outcome, panel, **more):
        asked = self.rule(event, on, outcome, panel, **more)
        return self.record(panel[0], D, *asked["args"], **asked["data"])


@pytest.fixture
def office(offices, opened, client):
    assert opened
    offices.record("township", COMMUNITY, "HouseholdsCounted", "2020-06-30", households=600)
    for account in (*FIRST, *SECOND):
        issue_key(offices.ledger, account, "new-area", None, ["arbiter"])
    accounts = (*FIRST, *SECOND, "inspectorate", "new-city")
    return Office(client, {one: offices.ledger.access.account(one).person for one in accounts})


def test_the_official_score_is_right_at_every_position(office):
    table, then = [], {}

    def at(entry, official, contested, stands, position=None):
        known_at = position or entry["position"]
        table.append((known_at, official, contested, stands))
        then[known_at] = office.get(A, known_at=known_at, on="2021-03-10")

    at(office.impose(), "99.00", "0.00", "in-force")
    at(office.serve(), "99.00", "0.00", "in-force")
    at(office.file(), "99.00", "1.00", "in-force")
    at(office.record("arbiter-1", D, "DisputeAccepted", "2021-01-22"), "99.00", "1.00", "in-force")
    at(office.record("arbiter-1", D, "HearingHeld", "2021-02-01", minutes="双方到场"), "99.00", "1.00", "in-force")
    ruling = office.ruled("RulingIssued", "2021-02-10", "revoked", FIRST)
    at(ruling, "100.00", "0.00", "revoked", ruling["position"] + 1)
    at(
        office.record("inspectorate", D, "ReviewRequested", "2021-02-20", grounds="证据充分"),
        "100.00",
        "0.00",
        "revoked",
    )
    final = office.ruled("FinalRulingIssued", "2021-03-10", "reduced", SECOND, points="0.40")
    at(final, "99.60", "0.00", "revised", final["position"] + 1)
    for position, official, contested, stands in table:
        score = office.get(A, known_at=position, on="2021-03-10")
        assert score == then[position], "as it was answered then"
        line = next(one for one in score["lines"] if one["indicator"] == "community-size")
        (one,) = line["deductions"]
        assert (score["official"], score["contested"], one["status"]) == (official, contested, stands), position
        assert score["record"]["deductions"][0]["points"] == one["points"]
    (revised,) = [one for one in office.get(f"{A}/events") if one["type"] == "DeductionRevised"]
    assert (revised["causation_id"], revised["data"]["ruling"]) == (final["position"], "ss-1")
    days = {"2021-01-19": "0.00", "2021-01-20": "1.00", "2021-02-09": "1.00", "2021-02-10": "0.00"}
    assert {on: office.get(A, on=on)["contested"] for on in days} == days


def test_an_upheld_deduction_is_contested_until_nobody_can_ask_for_review(office):
    office.impose()
    office.serve()
    office.file()
    office.record("arbiter-1", D, "DisputeAccepted", "2021-02-22")
    office.record("arbiter-1", D, "HearingHeld", "2021-03-01", minutes="双方到场")
    office.ruled("RulingIssued", "2021-03-10", "upheld", FIRST)
    assert [office.get(A, on=on)["contested"] for on in ("2021-03-25", "2021-03-26")] == ["1.00", "0.00"]
    dispute = office.get(D, on="2021-03-26")
    assert (dispute["status"], dispute["final_on"], dispute["contested"]) == ("ruled", "2021-03-26", False)
    shown = {one["step"]: (one["due_on"], one["done_on"], one["late"], one["lapsed"]) for one in dispute["limits"]}
    assert shown == {
        "file": ("2021-01-28", "2021-01-20", False, False),
        "accept": ("2021-01-25", "2021-02-22", True, False),
        "rule": ("2021-03-24", "2021-03-10", False, False),
        "request-review": ("2021-03-25", None, False, True),
    }
    assert dispute["steps"]["RulingIssued"]["panel"][0] == {"id": office.people["arbiter-1"], "name": "某"}
    assert [one["consequence"] for one in dispute["limits"]] == [None, "stays-contested", None, "ruling-final"]
    assert all((one["recorded_at"] is None) is (one["done_on"] is None) for one in dispute["limits"])


def test_evidence_was_known_at_the_decision_or_came_later_by_position(offices, office):
    imposed = office.impose()["position"]
    office.file()
    (later,) = offices.record("township", COMMUNITY, "HouseholdsCounted", "2020-12-01", households=1200)
    cited = [imposed - 1, later["position"]]
    office.record("new-city", D, "DisputeEvidenceSubmitted", "2021-01-25", party="new-city", statement="见",
                  positions=cited)  # fmt: skip
    dispute = office.get(D)
    assert [(one["position"], one["party"], one["known_at_decision"]) for one in dispute["evidence"]] == [
        (cited[0], "new-city", True), (cited[1], "new-city", False),
    ]  # fmt: skip
    assert (dispute["late"], dispute["disputed"]["points"]) == (False, "1.00")
    asked = {"party": "inspectorate", "statement": "代对方提交"}
    assert office.post("new-city", D, "DisputeEvidenceSubmitted", "2021-01-26", **asked).status_code == 403


def test_a_late_filing_says_so(office):
    office.impose()
    office.serve()
    office.file("2021-02-01")
    dispute = office.get(D)
    assert (dispute["late"], dispute["limits"][0]["consequence"]) == (True, "answered-with-reasons")
    office.record("arbiter-1", D, "DisputeDeclined", "2021-02-02", reasons="逾期")
    assert office.get(A)["contested"] == "0.00"


def test_what_a_deduction_stood_on_and_is_corrected_since_flags_it_and_changes_nothing(offices, office):
    imposed = office.impose()
    counted = next(one["position"] for one in office.get(f"{COMMUNITY}/events") if one["type"] == "HouseholdsCounted")
    (fixed,) = offices.record("township", COMMUNITY, "EventCorrected", "2021-02-01", version=2,
                              data={"households": 1600}, reasons="漏计")  # fmt: skip
    score = office.get(A)
    line = next(one for one in score["lines"] if one["indicator"] == "community-size")
    assert line["deductions"][0]["flags"] == [
        {"position": counted, "record": COMMUNITY, "what": "corrected", "by": [fixed["position"]]}
    ]
    assert (score["official"], score["flagged"], line["flagged"]) == ("99.00", ["k1"], ["k1"])
    (row,) = office.get("assessments", year=2020)
    assert (row["official"], row["flagged"]) == ("99.00", ["k1"])
    before = office.get(A, known_at=imposed["position"])
    assert before["flagged"] == []


def test_what_changed_the_score_adds_up_with_decisions_and_rulings_apart(office):
    start = office.impose()["position"] - 1
    office.file()
    office.record("arbiter-1", D, "DisputeAccepted", "2021-01-22")
    office.record("arbiter-1", D, "HearingHeld", "2021-02-01", minutes="双方到场")
    ruling = office.ruled("RulingIssued", "2021-02-10", "reduced", FIRST, points="0.25")
    causes = office.get(f"{A}/diff", from_known_at=start, to_known_at=ruling["position"] - 1)["causes"]
    assert [(one["kind"], one["points"]) for one in causes if one["score"] == "official"] == [("decision", "-1.00")]
    causes = office.get(f"{A}/diff", from_known_at=ruling["position"] - 1)["causes"]
    official = [(one["kind"], one["points"], one["positions"]) for one in causes if one["score"] == "official"]
    assert official == [("ruling", "0.75", [ruling["position"] + 1])]


def test_a_result_that_counted_what_was_changed_since_is_superseded(office):
    office.impose()
    first = office.record("inspectorate", A, "ResultPublished", "2021-01-15")
    assert first["data"]["score"] == "99.00"
    report = office.record("inspectorate", "ledger/ledger", "ReportIssued", "2021-01-15", report="考核报告",
                           parameters={"year": 2020, "scheme": "opinions-2019"}, sha256="ab" * 32)  # fmt: skip
    office.record("inspectorate", A, "AssessmentFinalised", "2021-01-16")
    office.file()
    office.record("arbiter-1", D, "DisputeAccepted", "2021-01-22")
    office.record("arbiter-1", D, "HearingHeld", "2021-02-01", minutes="双方到场")
    ruling = office.ruled("RulingIssued", "2021-02-10", "revoked", FIRST)
    record = office.get(A)["record"]
    assert record["status"] == "open"
    (result,) = record["results"]
    assert (result["superseded"], result["superseded_by"]) == (True, None)
    assert result["changed_by"] == [ruling["position"] + 1]
    second = office.record("inspectorate", A, "ResultPublished", "2021-02-11")
    again = {"report": "考核报告", "parameters": {"year": 2020, "scheme": "opinions-2019"}, "sha256": "cd" * 32,
             "supersedes": report["position"]}  # fmt: skip
    following = office.record("inspectorate", "ledger/ledger", "ReportIssued", "2021-02-11", **again)
    record = office.get(A)["record"]
    assert [one["superseded_by"] for one in record["results"]] == [second["position"], None]
    assert [(one["superseded"], one["superseded_by"]) for one in record["reports"]] == [
        (True, following["position"]), (False, None),
    ]  # fmt: skip
    refused = office.refused("inspectorate", "ledger/ledger", "ReportIssued", "2021-02-12", **again)
    assert refused == "already-superseded"


GROUNDLESS = {"deduction": "k2", "points": "1.00", "grounds": "无", "evidence_positions": []}


def test_what_the_ledger_does_not_bear_out_is_not_deducted(offices, office):
    (counted,) = offices.record("township", COMMUNITY, "HouseholdsCounted", "2020-12-01", households=1200)
    asked = GROUNDLESS | {"indicator": "community-size", "about": COMMUNITY}
    answer = office.post("inspectorate", A, "DeductionImposed", "2021-01-12", **asked)
    assert (answer.status_code, answer.json()["code"]) == (409, "not-borne-out"), answer.text
    assert "community-size/1" in answer.json()["detail"]
    assert "households 1200" in answer.json()["detail"]
    before = office.record("inspectorate", A, "DeductionImposed", "2021-01-12",
                           **asked, computed_at=counted["position"] - 1)  # fmt: skip
    assert before["data"]["computed_at"] == counted["position"] - 1
    future = asked | {"deduction": "k3", "computed_at": 999_999}
    assert office.post("inspectorate", A, "DeductionImposed", "2021-01-12", **future).json()["code"] == "check-failed"


@pytest.mark.parametrize(
    ("clause", "cites", "borne_out"), [("2.2", False, True), ("5.1", False, False), ("5.1", True, True)]
)
def test_an_inspections_finding_bears_a_deduction_out(offices, office, clause, cites, borne_out):
    offices.record("township", COMMUNITY, "HouseholdsCounted", "2020-12-01", households=1200)
    office.record(
        "inspectorate", "inspections/dc-1", "InspectionOpened", "2020-12-05", new_city="fengdong", subject="规模"
    )
    seen = office.record("inspectorate", "inspections/dc-1", "InspectionFindingRecorded", "2020-12-06", finding="f1",
                         clause=clause, about=COMMUNITY, observed="实有户数不足")  # fmt: skip
    asked = GROUNDLESS | {"indicator": "community-size", "about": COMMUNITY}
    asked["evidence_positions"] = [seen["position"]] if cites else []
    answer = office.post("inspectorate", A, "DeductionImposed", "2021-01-12", **asked)
    assert answer.status_code == (201 if borne_out else 409), answer.text


def test_each_forbidden_step_has_a_code_of_its_own_with_its_clause_and_records_nothing(offices, office):
    office.impose()
    office.serve()
    assert office.client("other-city")  # whose key is an entry
    head = offices.head
    filing = {"assessment": "2020-fengdong", "deduction": "k1", "grounds": "不服"}
    assert office.refused("other-city", D, "DisputeFiled", "2021-01-20", **filing) == "not-entitled"
    assert office.refused("inspectorate", A, "DeductionRevoked", "2021-01-20", deduction="k1", reasons="裁定",
                          ruling="ss-1") == "system-only"  # fmt: skip
    assert offices.head == head
    office.file()
    again = office.refused("new-city", "disputes/ss-2", "DisputeFiled", "2021-01-21", **filing)
    assert again == "already-disputed"
    assert office.refused("arbiter-1", D, "HearingHeld", "2021-01-21", minutes="早") == "out-of-order"
    office.record("arbiter-1", D, "DisputeAccepted", "2021-01-22")
    unknown = {"party": "new-city", "statement": "见", "positions": [99_999]}
    assert office.refused("new-city", D, "DisputeEvidenceSubmitted", "2021-01-23", **unknown) == "unknown-evidence"
    early = office.rule("RulingIssued", "2021-01-25", "upheld", FIRST)
    assert office.refused("arbiter-1", D, *early["args"], **early["data"]) == "no-hearing"
    office.record("arbiter-1", D, "HearingHeld", "2021-02-01", minutes="双方到场")
    own = office.rule("RulingIssued", "2021-02-10", "upheld", [*FIRST[:2], "inspectorate"])
    assert office.refused("arbiter-1", D, *own["args"], **own["data"]) == "separation-of-duties"
    small = office.rule("RulingIssued", "2021-02-10", "upheld", FIRST[:2])
    assert office.refused("arbiter-1", D, *small["args"], **small["data"]) == "wrong-panel"
    heavier = office.rule("RulingIssued", "2021-02-10", "reduced", FIRST, points="1.50")
    assert office.refused("arbiter-1", D, *heavier["args"], **heavier["data"]) == "heavier"
    office.ruled("RulingIssued", "2021-02-10", "upheld", FIRST)
    assert office.refused("new-city", D, "ReviewRequested", "2021-02-26", grounds="不服") == "past-limit"
    office.record("new-city", D, "ReviewRequested", "2021-02-25", grounds="不服")
    same = office.rule("FinalRulingIssued", "2021-03-10", "upheld", [*SECOND[:2], FIRST[2]])
    assert office.refused(SECOND[0], D, *same["args"], **same["data"]) == "separation-of-duties"


def test_a_version_that_has_moved_on_is_told_before_grounds_that_nothing_bears_out(office):
    fields = {"deduction": "k9", "indicator": "measures", "points": "1.00", "about": COMMUNITY, "grounds": "无",
              "evidence_positions": []}  # fmt: skip
    body = {"type": "DeductionImposed", "effective_on": "2021-01-12", "data": fields}
    inspectorate, size = office.client("inspectorate"), office.get(A)["record"]["version"]
    told = {
        tag: inspectorate.post(f"{A}/events", json=body, headers={"If-Match": tag})
        for tag in (f'"{size + 1}"', f'"{size}"')
    }
    assert [one.status_code for one in told.values()] == [412, 409]
    item = {"record": A, **body}
    batches = [inspectorate.post("batches", json={"entries": [item | {"if_version": size + more}]}) for more in (1, 0)]
    assert [one.status_code for one in batches] == [412, 409]
    assert office.get(A)["record"]["version"] == size


def test_what_is_due_is_said_to_whose_it_is_and_stays_what_it_was(office, ledger):
    asked, inspector = [], office.client("inspector")

    def due(on, *expected):
        ledger.rebuild_views(lambda _done, _of: None)  # nobody follows the log here
        answer = inspector.get("work", params={"office": "all", "on": on}).json()
        found = [(one["event"], one["office"], one["due_on"], one["overdue"]) for one in answer["data"] if one["event"]]
        assert found == [*expected], on
        asked.append((on, answer["provenance"]["position"], answer["data"]))

    publish = ("ResultPublished", "inspectorate", None, False)
    due("2021-01-11", publish)
    office.impose()
    due("2021-01-12", ("NoticeServed", "inspectorate", None, False), publish)
    office.serve()
    due("2021-01-28", ("DisputeFiled", "new-city:fengdong", "2021-01-28", False), publish)
    due("2021-01-29", publish)
    office.file()
    due("2021-01-25", ("DisputeAccepted", "arbiter", "2021-01-25", False), publish)
    due("2021-01-26", ("DisputeAccepted", "arbiter", "2021-01-25", True), publish)
    office.record("arbiter-1", D, "DisputeAccepted", "2021-01-22")
    due("2021-01-26", ("HearingHeld", "arbiter", "2021-02-21", False), publish)
    office.record("arbiter-1", D, "HearingHeld", "2021-02-01", minutes="双方到场")
    due("2021-02-22", ("RulingIssued", "arbiter", "2021-02-21", True), publish)
    assert office.client("inspectorate")
    ledger.rebuild_views(lambda _done, _of: None)
    mine = [one["event"] for one in office.get("work", "arbiter-1", on="2021-02-22")]
    assert mine == ["RulingIssued"]
    assert office.get("work", "inspectorate", on="2021-02-22", overdue="true") == []
    office.ruled("RulingIssued", "2021-02-10", "revoked", FIRST)
    due("2021-02-22", publish)
    for on, position, then in asked:
        assert office.get("work", office="all", on=on, known_at=position) == then
    assert office.client("inspector").get("work", params={"overdue": "maybe"}).status_code == 422
