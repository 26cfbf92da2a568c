"""What one event brings about in other records stands and falls with it."""

import pytest

from api.administration import record_as_system
from domain.account import AccountOpened
from domain.fact import Person
from domain.refusals import Code, Refused


def test_an_approval_establishes_the_community_and_marks_the_village_in_one_transaction(convert, eligible):
    approved, established, converted = convert()

    assert [one["type"] for one in (approved, established, converted)] == [
        "ConversionApproved", "CommunityEstablished", "VillageConverted",
    ]  # fmt: skip
    assert established["causation_id"] == converted["causation_id"] == approved["position"]
    assert {one["correlation_id"] for one in (established, converted)} == {approved["correlation_id"]}
    assert established["recorded_by"]["account"] == "committee"
    community = eligible.state("communities/610112002301")
    assert (community["origin"], community["name"], community["new_city"]) == ("converted", "天台社区", "fengdong")
    assert eligible.state("villages/610112002201")["status"] == "converted"


def test_a_position_inside_a_transaction_reads_as_before_it(convert, eligible):
    approved, established, converted = convert()

    for inside in (approved["position"], established["position"]):
        moment = eligible.ledger.asking.moment(str(inside), None, None)
        assert moment.position == approved["position"] - 1
        assert eligible.state("conversion-cases/c-1", inside)["status"] == "passed"
    assert eligible.state("conversion-cases/c-1", converted["position"])["status"] == "approved"


def test_a_village_is_converting_while_its_case_is_open(eligible):
    eligible.record(
        "township", "conversion-cases/c-9", "ConversionProposed", "2020-04-01", village="610112002201",
        community="610112002301", community_name="天台社区",
    )  # fmt: skip
    assert eligible.state("villages/610112002201")["status"] == "converting"
    assert eligible.state("villages/610112002201", on="2020-03-31")["status"] == "standing"
    eligible.record("township", "conversion-cases/c-9", "ConversionWithdrawn", "2020-04-20", reasons="条件不成熟")
    assert eligible.state("villages/610112002201")["status"] == "standing"


def test_correcting_the_approval_moves_what_it_brought_about(convert, eligible):
    approved, *_ = convert()

    correction, *moved = eligible.record(
        "committee", "conversion-cases/c-1", "EventCorrected", "2020-06-01", version=approved["version"],
        effective_on="2020-05-20", reasons="批复日期误记",
    )  # fmt: skip

    assert [one["causation_id"] for one in moved] == [correction["position"]] * 2
    with pytest.raises(Refused) as refused:
        eligible.state("communities/610112002301", on="2020-05-19")
    assert refused.value.code is Code.NOT_YET
    assert eligible.state("communities/610112002301", on="2020-05-20")["status"] == "active"
    assert eligible.state("villages/610112002201", on="2020-05-19")["status"] == "converting"


def test_correcting_the_proposal_corrects_the_name_of_the_community_that_came_of_it(convert, eligible):
    convert()
    eligible.record(
        "township", "conversion-cases/c-1", "EventCorrected", "2020-06-01", version=1,
        data={"community_name": "天台路社区"}, reasons="名称误记",
    )  # fmt: skip
    assert eligible.state("communities/610112002301")["name"] == "天台路社区"


def test_retracting_the_approval_takes_back_what_it_brought_about(convert, eligible):
    approved, *_ = convert()
    eligible.record(
        "committee", "conversion-cases/c-1", "EventRetracted", "2020-06-01", version=approved["version"], reasons="误录"
    )
    with pytest.raises(Refused) as refused:
        eligible.state("communities/610112002301")
    assert refused.value.code is Code.NOT_FOUND
    assert eligible.state("villages/610112002201")["status"] == "converting"
    assert eligible.state("conversion-cases/c-1")["status"] == "passed"

    again = eligible.record("committee", "conversion-cases/c-1", "ConversionApproved", "2020-06-10")
    assert [one["version"] for one in again if one["record"] == "communities/610112002301"] == [3]


def test_an_approval_is_not_taken_back_from_under_later_entries(convert, eligible):
    approved, *_ = convert()
    [counted] = eligible.record(
        "township", "communities/610112002301", "HouseholdsCounted", "2020-07-01", households=900
    )
    before = eligible.head

    with pytest.raises(Refused) as refused:
        eligible.record(
            "committee", "conversion-cases/c-1", "EventRetracted", "2020-08-01", version=approved["version"],
            reasons="误录",
        )  # fmt: skip

    assert refused.value.code is Code.STANDS_IN_THE_WAY
    assert counted["position"] in refused.value.positions
    assert eligible.head == before


def test_a_consequence_is_never_corrected_alone(convert, eligible):
    _, established, _ = convert()
    with pytest.raises(Refused) as refused:
        eligible.record(
            "new-city", "communities/610112002301", "EventCorrected", "2020-06-01", version=established["version"],
            data={"name": "别名社区"}, reasons="误录",
        )  # fmt: skip
    assert refused.value.code is Code.CONSEQUENCE


def test_what_the_system_records_is_not_recorded_by_hand(eligible):
    with pytest.raises(Refused) as refused:
        eligible.record(
            "new-city", "villages/610112002201", "VillageConverted", "2020-06-01", case="c-1", community="610112002001"
        )
    assert refused.value.code in {Code.SYSTEM_ONLY, Code.UNKNOWN_REFERENCE}
    assert refused.value.code is Code.SYSTEM_ONLY


def test_what_an_open_case_stands_on_is_not_retracted(eligible):
    eligible.record(
        "township", "conversion-cases/c-1", "ConversionProposed", "2020-04-01", village="610112002201",
        community="610112002301", community_name="天台社区",
    )  # fmt: skip
    with pytest.raises(Refused) as refused:
        eligible.record("township", "villages/610112002201", "EventRetracted", "2020-05-01", version=3, reasons="误录")
    assert refused.value.code is Code.STANDS_IN_THE_WAY


def test_one_village_has_one_open_case_and_one_community_one_reservation(eligible):
    proposed = {"village": "610112002201", "community": "610112002301", "community_name": "天台社区"}
    eligible.record("township", "conversion-cases/c-1", "ConversionProposed", "2020-04-01", **proposed)
    with pytest.raises(Refused) as refused:
        eligible.record("township", "conversion-cases/c-2", "ConversionProposed", "2020-04-02", **proposed)
    assert refused.value.code is Code.ALREADY_CLAIMED
    with pytest.raises(Refused) as refused:
        eligible.record(
            "new-city", "communities/610112002301", "CommunityEstablished", "2020-04-02", name="抢注",
            origin="existing", township_code="610112002", township="三桥街道", new_city="fengdong",
        )  # fmt: skip
    assert refused.value.code is Code.ALREADY_CLAIMED


def test_who_proposed_a_case_neither_reviews_nor_approves_it(ledger, eligible):
    same = AccountOpened(
        person=Person(id="township", name="x"), office="new-city:fengdong", bureau="civil-affairs", roles=("recorder",)
    )
    record_as_system(ledger.recorder, [("accounts/same-person", same)])
    case = "conversion-cases/c-1"
    eligible.record(
        "township", case, "ConversionProposed", "2020-04-01", village="610112002201", community="610112002301",
        community_name="天台社区",
    )  # fmt: skip
    eligible.record(
        "township", case, "VillagersAssented", "2020-04-10", meeting="villagers-assembly", eligible=9, present=8,
        in_favour=7,
    )  # fmt: skip
    with pytest.raises(Refused) as refused:
        eligible.record("same-person", case, "ProcedurePassed", "2020-04-20")
    assert refused.value.code is Code.SEPARATION_OF_DUTIES


def test_a_case_whose_withdrawal_is_retracted_must_still_be_allowed(eligible):
    proposed = {"village": "610112002201", "community": "610112002301", "community_name": "天台社区"}
    eligible.record("township", "conversion-cases/c-8", "ConversionProposed", "2020-04-01", **proposed)
    eligible.record("township", "conversion-cases/c-8", "ConversionWithdrawn", "2020-04-20", reasons="条件不成熟")
    eligible.record("township", "conversion-cases/c-9", "ConversionProposed", "2020-05-01", **proposed)
    with pytest.raises(Refused) as refused:
        eligible.record("township", "conversion-cases/c-8", "EventRetracted", "2020-06-01", version=2, reasons="误录")
    assert refused.value.code is Code.ALREADY_CLAIMED


def test_a_batch_may_register_a_village_and_propose_it(offices):
    village, case = "villages/610112002299", "conversion-cases/c-7"
    items = [
        {"record": village, "type": "VillageRegistered", "effective_on": "2020-01-01", "data": {
            "name": "新村", "township_code": "610112002", "township": "三桥街道", "new_city": "fengdong"}},
        {"record": village, "type": "EconomicOrganizationFounded", "effective_on": "2020-01-01",
         "data": {"organisation": {"name": "新村合作社"}}},
        {"record": village, "type": "AssetsVerified", "effective_on": "2020-01-01", "data": {"total": "1.00"}},
        {"record": village, "type": "EquityQuantified", "effective_on": "2020-01-01",
         "data": {"shareholders": 1, "shares": 1}},
        {"record": case, "type": "ConversionProposed", "effective_on": "2020-01-01", "data": {
            "village": "610112002299", "community": "610112002399", "community_name": "新社区"}},
    ]  # fmt: skip
    assert len(offices.batch("township", items)) == 5
