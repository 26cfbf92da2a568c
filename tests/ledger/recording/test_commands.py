"""A command is recorded once, whole and by right, or not at all."""

from datetime import date

import pytest

from application.commands import Command, Idempotent, proposal
from domain.refusals import Code, Refused

TODAY = date(2026, 11, 23)
COMMUNITY = "communities/610112002001"
COUNTED = {"type": "HouseholdsCounted", "effective_on": "2020-06-30", "data": {"households": 1180}}


def refused_with(code, action, offices):
    before = offices.head
    with pytest.raises(Refused) as refusal:
        action()
    assert refusal.value.code is code
    assert offices.head == before
    return refusal.value


def test_a_name_is_nowhere_in_the_log_in_clear(offices):
    offices.record(
        "township", COMMUNITY, "PostFilled", "2020-01-01", person={"id": "p-100", "name": "张三丰"}, body="party",
        role="secretary",
    )  # fmt: skip
    stored = b"".join(one.entry for one in offices.ledger.log.entries(0, 1_000))
    assert "张三丰".encode() not in stored
    assert "台账管理员".encode() not in stored
    assert offices.state(COMMUNITY)["posts"][0]["person"] == {"id": "p-100", "name": "张三丰"}


def test_an_erased_person_has_no_name_anywhere_and_gets_none_again(offices):
    post = {"person": {"id": "p-100", "name": "张三丰"}, "body": "party", "role": "secretary"}
    offices.record("township", COMMUNITY, "PostFilled", "2020-01-01", **post)
    known = offices.head
    offices.record("administrator", "ledger/ledger", "PersonErased", "2020-02-01", person="p-100", reasons="依申请")
    assert offices.state(COMMUNITY, known)["posts"][0]["person"] == {"id": "p-100", "name": None, "erased": True}
    refused_with(
        Code.PERSON_ERASED,
        lambda: offices.record("township", COMMUNITY, "PostFilled", "2020-03-01", **post | {"role": "member"}),
        offices,
    )


def test_a_corrected_person_is_sealed_for_the_correction(offices):
    offices.record(
        "township", COMMUNITY, "PostFilled", "2020-01-01", person={"id": "p-100", "name": "张三"}, body="party",
        role="secretary",
    )  # fmt: skip
    offices.record(
        "township", COMMUNITY, "EventCorrected", "2020-02-01", version=2, reasons="姓名误记",
        data={"person": {"id": "p-100", "name": "章三"}},
    )  # fmt: skip
    assert offices.state(COMMUNITY)["posts"][0]["person"]["name"] == "章三"
    assert "章三".encode() not in b"".join(one.entry for one in offices.ledger.log.entries(0, 1_000))


def test_the_same_key_and_request_is_recorded_once_and_answered_alike(offices):
    first = offices.record("township", COMMUNITY, "HouseholdsCounted", "2020-06-30", key=("k1", "a" * 64), households=1)
    head = offices.head
    again = offices.record("township", COMMUNITY, "HouseholdsCounted", "2020-06-30", key=("k1", "a" * 64), households=1)
    assert first == again
    assert offices.head == head


def test_the_same_key_with_another_request_is_refused_and_binds_per_account(offices):
    offices.record("township", COMMUNITY, "HouseholdsCounted", "2020-06-30", key=("k1", "a" * 64), households=1)
    refused_with(
        Code.IDEMPOTENCY_REUSED,
        lambda: offices.record(
            "township", COMMUNITY, "HouseholdsCounted", "2020-06-30", key=("k1", "b" * 64), households=2
        ),
        offices,
    )
    assert offices.record("new-city", COMMUNITY, "CommunityRenamed", "2020-06-30", key=("k1", "b" * 64), name="新名")


def test_a_refusal_binds_no_key(offices):
    refused_with(
        Code.BEFORE_OPENING,
        lambda: offices.record(
            "township", COMMUNITY, "HouseholdsCounted", "2018-06-30", key=("k2", "a" * 64), households=2
        ),
        offices,
    )
    assert offices.record("township", COMMUNITY, "HouseholdsCounted", "2020-06-30", key=("k2", "c" * 64), households=2)


def test_twins_that_wait_together_become_one_entry(offices):
    asked = Command("township", (proposal(COMMUNITY, COUNTED, today=TODAY),), Idempotent("twin", "d" * 64))
    before = offices.head
    answers = [offices.ledger.recorder.submit(asked) for _ in range(20)]
    assert len({answer.result(30).entries for answer in answers}) == 1
    assert offices.head == before + 1


def test_a_record_that_moved_on_is_not_recorded_to(offices):
    offices.record("township", COMMUNITY, "HouseholdsCounted", "2020-06-30", if_version=1, households=1180)
    refused_with(
        Code.VERSION_MOVED,
        lambda: offices.record("township", COMMUNITY, "HouseholdsCounted", "2020-07-30", if_version=1, households=1190),
        offices,
    )


def test_a_batch_is_all_or_nothing_and_each_item_sees_the_ones_before(offices):
    opened = {
        "record": "communities/new-1", "type": "CommunityEstablished", "effective_on": "2020-01-01",
        "data": {"name": "新社区", "origin": "new-estate", "township_code": "610112002", "township": "三桥街道",
                 "new_city": "fengdong"},
    }  # fmt: skip
    renamed = {"record": "communities/new-1", "type": "CommunityRenamed", "effective_on": "2020-02-01",
               "data": {"name": "更名社区"}}  # fmt: skip
    refusal = refused_with(
        Code.BEFORE_OPENING,
        lambda: offices.batch("new-city", [opened, renamed | {"effective_on": "2019-12-31"}]),
        offices,
    )
    assert refusal.errors[0].pointer == "/entries/1"
    assert [one["version"] for one in offices.batch("new-city", [opened, renamed])] == [1, 2]


def test_versions_of_a_batch_are_those_at_its_start(offices):
    items = [{"record": COMMUNITY, "if_version": 1, **COUNTED} for _ in range(2)]
    assert [one["version"] for one in offices.batch("township", items)] == [2, 3]


@pytest.mark.parametrize("account", ["new-city", "other-city", "community", "new-area", "inspectorate", "inspector"])
def test_another_office_does_not_record_for_the_township(offices, account):
    refused_with(
        Code.NOT_ENTITLED,
        lambda: offices.record(account, COMMUNITY, "HouseholdsCounted", "2020-06-30", households=1),
        offices,
    )


def test_a_closed_account_records_nothing_from_then_on(offices):
    offices.record("administrator", "accounts/township", "AccountClosed", "2020-06-30", reasons="离岗")
    refused_with(
        Code.NOT_ENTITLED,
        lambda: offices.record("township", COMMUNITY, "HouseholdsCounted", "2020-06-30", households=1),
        offices,
    )


def test_an_unknown_record_or_reference_or_attachment_is_refused(offices):
    refused_with(
        Code.NOT_FOUND,
        lambda: offices.record("township", "communities/none", "HouseholdsCounted", "2020-06-30", households=1),
        offices,
    )
    refused_with(
        Code.UNKNOWN_REFERENCE,
        lambda: offices.record("new-city", COMMUNITY, "CommunityMerged", "2020-06-30", into="none"),
        offices,
    )
    refused_with(
        Code.UNKNOWN_ATTACHMENT,
        lambda: offices.record(
            "township", COMMUNITY, "HouseholdsCounted", "2020-06-30", envelope={"evidence": ["0" * 64]}, households=1
        ),
        offices,
    )


def test_an_opening_event_is_retracted_only_while_nothing_refers_to_it_and_the_id_may_be_opened_again(offices):
    refused_with(
        Code.STANDS_IN_THE_WAY,
        lambda: offices.record(
            "new-area", "new-cities/fengdong", "EventRetracted", "2020-06-30", version=1, reasons="误录"
        ),
        offices,
    )
    offices.record("new-city", COMMUNITY, "EventRetracted", "2020-06-30", version=1, reasons="误录")
    refused_with(Code.NOT_FOUND, lambda: offices.state(COMMUNITY), offices)
    [opened] = offices.record(
        "new-city", COMMUNITY, "CommunityEstablished", "2020-01-01", name="重设", origin="existing",
        township_code="610112002", township="三桥街道", new_city="fengdong",
    )  # fmt: skip
    assert opened["version"] == 3
    assert offices.state(COMMUNITY, opened["position"] - 2)["name"] == "三桥火车站社区"


def test_one_refusal_in_a_group_leaves_the_others_standing(offices):
    before = offices.head
    answers = [
        offices.submit("township", COMMUNITY, "HouseholdsCounted", "2018-01-01" if n % 3 == 0 else "2020-01-01",
                       households=n)
        for n in range(60)
    ]  # fmt: skip
    outcomes = [answer.exception(30) for answer in answers]
    assert sum(outcome is None for outcome in outcomes) == 40
    assert {outcome.code for outcome in outcomes if outcome} == {Code.BEFORE_OPENING}
    assert offices.head == before + 40
