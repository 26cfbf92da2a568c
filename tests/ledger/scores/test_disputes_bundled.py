"""A dispute, handed over: from the real ledger to whoever has nothing but the bundle and the key."""

from __future__ import annotations

import json
from typing import Any

import pytest

from api.administration import issue_key
from api.bundles.archives import unpacked
from api.bundles.verify_bundle import check

A, D = "assessments/2020-fengdong", "disputes/ss-1"
COMMUNITY = "communities/610112002001"
ARBITERS = ("arbiter-1", "arbiter-2", "arbiter-3")
NAMES = ("张三", "李仲裁")


@pytest.fixture
def record(offices: Any, opened: int, client: Any) -> Any:
    assert opened
    for account in ARBITERS:
        issue_key(offices.ledger, account, "new-area", None, ["arbiter"])

    def post(account: str, record: str, event: str, on: str, **data: Any) -> int:
        answer = client(account).post(f"{record}/events", json={"type": event, "effective_on": on, "data": data})
        assert answer.status_code == 201, answer.text
        return int(answer.json()["position"])

    return post


@pytest.fixture
def disputed(offices: Any, record: Any) -> tuple[int, int]:
    """The positions of the evidence before the decision and after it, in a dispute that is ruled."""
    before = record("township", COMMUNITY, "HouseholdsCounted", "2020-06-30", households=600)
    record(
        "inspectorate", A, "DeductionImposed", "2021-01-12", deduction="k1", indicator="community-size", points="1.00",
        about=COMMUNITY, grounds="户数不足", evidence_positions=[before],
    )  # fmt: skip
    recipient = {"id": "p-1", "name": NAMES[0]}
    record(
        "inspectorate", A, "NoticeServed", "2021-01-13", deduction="k1", recipient=recipient, states_right=True,
        dispute_by="2021-01-28",
    )  # fmt: skip
    after = record("township", COMMUNITY, "HouseholdsCounted", "2020-12-30", households=2500)
    record("new-city", D, "DisputeFiled", "2021-01-20", assessment="2020-fengdong", deduction="k1", grounds="不服")
    record("new-city", D, "DisputeEvidenceSubmitted", "2021-01-21", party="new-city", statement="表", positions=[after])
    record("arbiter-1", D, "DisputeAccepted", "2021-01-22")
    record("arbiter-1", D, "HearingHeld", "2021-02-01", minutes="双方到场")
    people = [offices.ledger.access.account(one).person for one in ARBITERS]
    panel = [{"id": one, "name": NAMES[1]} for one in people]
    record("arbiter-1", D, "RulingIssued", "2021-02-10", outcome="reduced", points="0.40", reasons="合议", panel=panel)
    return before, after


def test_a_dispute_proves_itself_offline(offices: Any, client: Any, disputed: tuple[int, int]) -> None:
    key = offices.ledger.keys.signing_key.verifier_key
    answer = client("new-city").get(f"{D}/bundle")
    assert answer.status_code == 200, answer.text
    shown = check(answer.content, key)
    before, after = disputed
    assert shown["evidence"] == [
        {"position": before, "party": "deduction", "known_at_decision": True},
        {"position": after, "party": "new-city", "known_at_decision": False},
    ]
    assert [(one["event"], one["points"]) for one in shown["points"]] == [
        ("DeductionImposed", "1.00"), ("DeductionRevised", "0.40"),
    ]  # fmt: skip
    assert {A, D, COMMUNITY, "schemes/opinions-2019", "new-cities/fengdong"} <= set(shown["records"])
    asked = client("inspector").get(D, params={"known_at": shown["position"], "on": "2021-02-10"}).json()["data"]
    shared = ("position", "party", "known_at_decision")
    assert [{name: one[name] for name in shared} for one in asked["evidence"]] == shown["evidence"][1:]


def test_the_computation_is_what_the_rules_found_when_it_was_decided(client: Any, disputed: tuple[int, int]) -> None:
    before, _ = disputed
    files = unpacked(client("inspector").get(f"{D}/bundle").content)
    told = json.loads(files["bundle.json"])["computation"]
    assert told["indicator"] == "community-size"
    (line,) = [one for one in told["lines"] if one["about"] == COMMUNITY]
    assert before in line["evidence"]
    assert line["figures"]["households"] == 600
    page = files["index.html"].decode()
    assert "户数：600" in page
    assert "裁定" in page


def test_nobody_is_named_in_it(client: Any, disputed: tuple[int, int]) -> None:
    assert disputed
    bundle = client("inspector").get(f"{D}/bundle").content
    assert not [name for name in NAMES if name.encode() in bundle]
    assert "sealed1." not in unpacked(bundle)["bundle.json"].decode()
    assert client("other-city").get(f"{D}/bundle").status_code == 403


def test_the_dispute_as_it_was_known_before_the_ruling(offices: Any, client: Any, disputed: tuple[int, int]) -> None:
    _, after = disputed
    key = offices.ledger.keys.signing_key.verifier_key
    bundle = client("inspector").get(f"{D}/bundle", params={"known_at": after + 2}).content
    assert check(bundle, key)["position"] == after + 2
    assert client("inspector").get(f"{D}/bundle", params={"known_at": after + 2}).content == bundle
