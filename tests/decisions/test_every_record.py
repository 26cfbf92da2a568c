"""What holds of every kind of record: its ids, its vocabulary, whose it is, how it is shown."""

# fixtures are the callables of conftest.py

from __future__ import annotations

import json

import pytest

from domain.corrections import EventCorrected, EventRetracted
from domain.fact import Fact
from domain.offices import Scope
from domain.records import AGGREGATES, OWN_NAMES, VOCABULARY, record_kind, scope_of
from domain.refusals import Code, Refused
from domain.schemes import first_scheme

PLACE = {"township_code": "610112002", "township": "三桥街道", "new_city": "fengdong"}


@pytest.mark.parametrize(
    ("record", "valid"),
    [
        ("new-area/xixian", True),
        ("new-area/other", False),
        ("ledger/ledger", True),
        ("ledger/2", False),
        ("new-cities/fengdong", True),
        ("new-cities/F", False),
        ("communities/610112002001", True),
        ("communities/SQ-7", True),
        ("communities/-7", False),
        ("communities/" + "7" * 64, True),
        ("communities/" + "7" * 65, False),
        ("communities/甲", False),
        ("communities/a/b", False),
        ("communities/a\n", False),
        ("communities/", False),
        ("communities", False),
        ("conversion-cases/2020-001", True),
        ("accounts/wang-1", True),
        ("assessments/2020-fengdong", True),
        ("assessments/20-fengdong", False),
        ("assessments/2020-", False),
        ("disputes/ss-2021-001", True),
    ],
)
def test_an_id_is_one_that_its_kind_of_record_can_have(record, valid):
    if valid:
        assert "/".join(record_kind(record)) == record
    else:
        with pytest.raises(Refused) as caught:
            record_kind(record)
        assert caught.value.code is Code.BAD_RECORD_ID


@pytest.mark.parametrize("record", ["subprocess/Popen", "", "/", "keys/1"])
def test_a_kind_that_there_is_not_is_not_found(record):
    with pytest.raises(Refused) as caught:
        record_kind(record)
    assert caught.value.code is Code.NOT_FOUND


def test_corrections_belong_to_every_record_but_accounts_and_ledger():
    with_corrections = {kind for kind in AGGREGATES if VOCABULARY.fact(kind, "EventCorrected") is EventCorrected}
    assert with_corrections == AGGREGATES.keys() - {"accounts", "ledger"}
    assert with_corrections == {
        kind for kind in AGGREGATES if VOCABULARY.fact(kind, "EventRetracted") is EventRetracted
    }


@pytest.mark.parametrize("kind", AGGREGATES)
def test_a_stored_name_is_the_events_own_with_a_version_and_a_chinese_name_of_its_own(kind):
    facts: tuple[type[Fact], ...] = AGGREGATES[kind].facts
    assert [fact.stored_as for fact in facts] == [f"{fact.__name__}/1" for fact in facts]
    assert len({fact.zh for fact in facts}) == len(facts)
    assert all("一" <= sign <= "鿿" or sign.isdigit() for fact in facts for sign in fact.zh)


@pytest.mark.parametrize("kind", AGGREGATES)
def test_what_a_state_is_shown_with_never_hides_what_it_says_of_itself(kind):
    aggregate = AGGREGATES[kind]
    names = [*aggregate.lists, *aggregate.worked_out, *aggregate.beside, "steps", "values"]
    assert len(set(names)) == len(names)
    assert not OWN_NAMES & set(names)
    assert not set(aggregate.fields) & set(names)
    assert aggregate.fixed <= aggregate.opening.model_fields.keys()


def test_a_record_is_its_new_citys_townships_and_communitys(given, on):
    city, area = "new-cities/fengdong", "new-area/xixian"
    world = given(
        on("2019-01-01", area, "NewAreaRegistered", name="西咸新区"),
        on("2019-01-01", city, "NewCityRegistered", name="沣东新城", kind="new-city"),
        on("2019-01-01", "communities/c1", "CommunityEstablished", name="甲", origin="existing", **PLACE),
        on("2019-01-01", "villages/v1", "VillageRegistered", name="乙", **PLACE),
        on("2019-01-02", "villages/v1", "EconomicOrganizationFounded", organisation={"name": "乙社"}),
        on("2019-01-02", "villages/v1", "AssetsVerified", total="1"),
        on("2019-01-02", "villages/v1", "EquityQuantified", shareholders=1, shares=1),
        on("2019-02-01", "conversion-cases/1", "ConversionProposed", village="v1", community="c2", community_name="乙"),
        on("2019-01-01", "funding-allocations/1", "AllocationApproved", new_city="fengdong", year=2019,
           bearer="new-city", purpose="other", amount="1"),
        on("2019-01-01", "estates/e1", "EstateRegistered", name="丙", developer={"name": "某公司"},
           households_planned=1, **PLACE),
        on("2019-01-01", "inspections/1", "InspectionOpened", new_city="fengdong", subject="社区用房"),
        on("2019-01-01", "schemes/opinions-2019", "SchemeAdopted", **first_scheme().model_dump(mode="json")),
        on("2020-01-01", "assessments/2019-fengdong", "AssessmentOpened", year=2019, new_city="fengdong",
           scheme="opinions-2019"),
        on("2020-01-02", "assessments/2019-fengdong", "DeductionImposed", deduction="k1", indicator="community-size",
           points="1.00", about="communities/c1", grounds="户数不足", evidence_positions=[3], computed_at=12),
        on("2020-01-03", "disputes/ss-1", "DisputeFiled", assessment="2019-fengdong", deduction="k1", grounds="不服"),
    )  # fmt: skip
    whose = {record: scope_of(record, world.state(record), world) for record in world.histories}
    assert whose == {
        area: Scope(),
        city: Scope("fengdong"),
        "communities/c1": Scope("fengdong", "610112002", "c1"),
        "villages/v1": Scope("fengdong", "610112002"),
        "conversion-cases/1": Scope("fengdong", "610112002"),
        "funding-allocations/1": Scope("fengdong"),
        "estates/e1": Scope("fengdong", "610112002"),
        "inspections/1": Scope("fengdong"),
        "schemes/opinions-2019": Scope(),
        "assessments/2019-fengdong": Scope("fengdong"),
        "disputes/ss-1": Scope("fengdong"),
    }
    opening = {record: scope_of(record, history.entries[0].fact, world) for record, history in world.histories.items()}
    assert opening == whose


def test_a_record_whose_owner_is_not_on_record_is_nobodys(given):
    fact = VOCABULARY.content("conversion-cases", "ConversionProposed/1").model_validate_json(
        json.dumps({
            "effective_on": "2019-02-01",
            "data": {"village": "v1", "community": "c2", "community_name": "乙"},
        })
    ).data  # fmt: skip
    assert scope_of("conversion-cases/1", fact, given()) == Scope()
