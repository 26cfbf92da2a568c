"""A deduction and its dispute over HTTP: each forbidden step has its own code and clause, and records nothing."""

from __future__ import annotations

import pytest

from api.administration import issue_key

A, D = "assessments/2020-fengdong", "disputes/ss-1"
COMMUNITY = "communities/610112002001"
K1 = {"deduction": "k1", "indicator": "community-size", "points": "1.00", "about": COMMUNITY, "grounds": "户数不足",
      "evidence_positions": []}  # fmt: skip
NOTICE = {"deduction": "k1", "recipient": {"id": "p-1", "name": "张三"}, "states_right": True}
FILED = {"assessment": "2020-fengdong", "deduction": "k1", "grounds": "不服"}
SUBMITTED = {"party": "new-city", "statement": "见附件"}


@pytest.fixture
def post(offices, opened, client, ledger):
    assert opened
    offices.record("township", COMMUNITY, "HouseholdsCounted", "2020-06-30", households=600)
    for number in range(1, 7):
        issue_key(ledger, f"arbiter-{number}", "new-area", None, ["arbiter"])
    issue_key(ledger, "elsewhere", "new-city:fengxi", None, ["recorder"])

    def posted(account, record, event, on, **data):
        body = {"type": event, "effective_on": on, "data": data}
        return client(account).post(f"{record}/events", json=body)

    return posted


@pytest.fixture
def does(post):
    def done(*args, **data):
        answer = post(*args, **data)
        assert answer.status_code == 201, answer.text

    return done


@pytest.fixture
def forbidden(post, client, ledger):
    def refused(code, account, *args, **data):
        client(account)  # its key is recorded before
        before = ledger.log.head()[0]
        answer = post(account, *args, **data)
        problem = answer.json()
        assert (problem["code"], problem["clause"]) == (code, "8.4"), problem
        assert answer.status_code in {403, 409, 422}
        assert ledger.log.head()[0] == before

    return refused


@pytest.fixture
def panel(ledger):
    def of(*accounts):
        return [{"id": ledger.access.account(one).person, "name": "某"} for one in accounts]

    return of


def test_each_forbidden_step_says_what_forbids_it_and_records_nothing(does, forbidden, panel):
    def imposes(code, account="inspectorate", **changes):
        forbidden(code, account, A, "DeductionImposed", "2021-01-12", **(K1 | changes))

    imposes("not-entitled", "new-city")
    imposes("above-cap", points="9.00")
    imposes("unknown-indicator", indicator="nothing")
    imposes("unknown-evidence", evidence_positions=[999_999])
    imposes("not-borne-out", indicator="measures")
    does("inspectorate", A, "DeductionImposed", "2021-01-12", **K1)
    imposes("already-deducted", deduction="k2")
    forbidden("too-little-time", "inspectorate", A, "NoticeServed", "2021-01-13", dispute_by="2021-01-20", **NOTICE)
    does("inspectorate", A, "NoticeServed", "2021-01-13", dispute_by="2021-01-28", **NOTICE)

    forbidden("not-entitled", "elsewhere", D, "DisputeFiled", "2021-01-20", **FILED)
    forbidden("not-standing", "new-city", D, "DisputeFiled", "2021-01-20", **(FILED | {"deduction": "k9"}))
    does("new-city", D, "DisputeFiled", "2021-01-20", **FILED)
    forbidden("already-disputed", "new-city", "disputes/ss-2", "DisputeFiled", "2021-01-21", **FILED)
    forbidden("not-entitled", "new-city", D, "DisputeAccepted", "2021-01-22")
    forbidden("not-entitled", "inspectorate", D, "DisputeAccepted", "2021-01-22")

    first = {"outcome": "upheld", "reasons": "经合议", "panel": panel("arbiter-1", "arbiter-2", "arbiter-3")}
    forbidden("out-of-order", "arbiter-1", D, "RulingIssued", "2021-01-22", **first)
    does("arbiter-1", D, "DisputeAccepted", "2021-01-22")
    forbidden("out-of-order", "arbiter-1", D, "DisputeAccepted", "2021-01-22")
    unknown = SUBMITTED | {"positions": [999_999]}
    forbidden("unknown-evidence", "new-city", D, "DisputeEvidenceSubmitted", "2021-01-25", **unknown)
    other_side = SUBMITTED | {"party": "inspectorate"}
    forbidden("not-entitled", "new-city", D, "DisputeEvidenceSubmitted", "2021-01-25", **other_side)
    forbidden("no-hearing", "arbiter-1", D, "RulingIssued", "2021-01-25", **first)
    does("arbiter-1", D, "HearingHeld", "2021-02-01", minutes="双方到场")

    def rules(code, account="arbiter-1", **changes):
        forbidden(code, account, D, "RulingIssued", "2021-02-10", **(first | changes))

    rules("wrong-panel", panel=panel("arbiter-1", "arbiter-2"))
    rules("wrong-panel", "arbiter-4")
    rules("heavier", outcome="reduced", points="1.00")
    rules("separation-of-duties", panel=panel("arbiter-1", "arbiter-2", "inspectorate"))
    does("arbiter-1", D, "RulingIssued", "2021-02-10", **(first | {"outcome": "reduced", "points": "0.50"}))
    rules("out-of-order")
    by_hand = {"deduction": "k1", "reasons": "照裁定", "ruling": "ss-1"}
    forbidden("system-only", "inspectorate", A, "DeductionRevoked", "2021-02-11", **by_hand)
    forbidden("past-limit", "new-city", D, "ReviewRequested", "2021-03-20", grounds="仍不服")
    does("new-city", D, "ReviewRequested", "2021-02-20", grounds="仍不服")

    last = {"outcome": "upheld", "reasons": "经合议", "panel": panel("arbiter-4", "arbiter-5", "arbiter-6")}

    def rules_finally(code, **changes):
        forbidden(code, "arbiter-4", D, "FinalRulingIssued", "2021-03-10", **(last | changes))

    rules_finally("separation-of-duties", panel=panel("arbiter-4", "arbiter-5", "arbiter-1"))
    rules_finally("heavier", outcome="reduced", points="1.00")
    does("arbiter-4", D, "FinalRulingIssued", "2021-03-10", **(last | {"outcome": "revoked"}))
    forbidden("out-of-order", "new-city", D, "DisputeWithdrawn", "2021-03-11", reasons="和解")
