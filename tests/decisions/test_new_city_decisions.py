"""What may be recorded of the New Area and of a New City. Clauses 2.1, 5.3, 7.1, 7.3 and 8."""

# fixtures are the callables of conftest.py

from __future__ import annotations

import pytest
from pydantic import ValidationError

from domain.refusals import Code

N = "new-cities/fengdong"
LI, WANG = {"id": "li-1", "name": "李"}, {"id": "wang-1", "name": "王"}
FORMED = {"committee": "dw-1", "communities": ["c1", "c2"], "secretary": LI, "secretary_from": "elected"}


@pytest.fixture
def registered(on):
    return on("2019-01-01", N, "NewCityRegistered", name="沣东新城", kind="new-city")


def test_the_new_city_says_what_it_is_beside_what_kind_of_record_it_is(given, registered):
    given().when(registered).then(N, status="registered", kind="new-cities", registered_kind="new-city")


def test_an_incubation_base_stands_until_it_closes(given, on, registered):
    closed = on("2020-05-01", N, "IncubationBaseClosed", base="jd-1")
    world = given(registered)
    world.when(closed).refused(Code.NOT_STANDING)
    opened = on("2020-01-01", N, "IncubationBaseOpened", base="jd-1", name="孵化基地")
    world = given(registered, opened)
    world.when(opened).refused(Code.ALREADY_STANDING)
    world.when(closed).then(N, bases=[])
    assert list(world.state(N, world.history(N).steps[1].effective_on).items("bases")) == ["jd-1"]


@pytest.mark.parametrize("communities", [[], ["c1"], ["c1", "c1"]])
def test_a_regional_committee_has_two_or_more_communities(given, on, registered, communities):
    with pytest.raises(ValidationError):
        given(registered).when(
            on("2020-01-01", N, "RegionalPartyCommitteeFormed", **(FORMED | {"communities": communities}))
        ).then(N)


def test_a_regional_committee_has_the_secretary_named_last_and_stands_until_dissolved(given, on, registered):
    replaced = {"committee": "dw-1", "secretary": WANG, "secretary_from": "township"}
    world = given(registered, on("2020-01-01", N, "RegionalPartyCommitteeFormed", **FORMED))
    world.when(on("2020-02-01", N, "RegionalPartySecretaryReplaced", **replaced)).then(N)
    committee = world.state(N).items("committees")["dw-1"]
    assert committee.value("secretary").id == "wang-1"
    assert committee.value("communities") == ("c1", "c2")
    world.when(on("2020-03-01", N, "RegionalPartyCommitteeFormed", **FORMED)).refused(Code.ALREADY_STANDING)
    world.when(on("2020-03-01", N, "RegionalPartyCommitteeDissolved", committee="dw-1")).then(N, committees=[])
    for event in ("RegionalPartySecretaryReplaced", "RegionalPartyCommitteeDissolved"):
        data = replaced if event == "RegionalPartySecretaryReplaced" else {"committee": "dw-1"}
        world.when(on("2020-04-01", N, event, **data)).refused(Code.NOT_STANDING)


def test_purchases_stand_each_for_itself(given, on, registered):
    bought = {"organisation": {"name": "某社工机构"}, "project": "助老", "amount": "30000.00"}
    world = given(registered, *(on("2020-01-01", N, "ServicePurchased", **bought) for _ in range(2)))
    assert len(world.state(N).items("purchases")) == 2


def test_plans_and_measures_are_steps(given, on, registered):
    given(registered).when(on("2020-01-01", N, "SettingPlanAdopted", title="专项规划")).then(
        N, steps={"SettingPlanAdopted": {"position": 2, "effective_on": "2020-01-01", "title": "专项规划"}}
    )


def test_the_new_area_keeps_its_circulars_and_interpretations_and_its_own_name(given, on):
    x = "new-area/xixian"
    world = given(
        on("2019-12-10", x, "NewAreaRegistered", name="西咸新区"),
        on("2020-01-01", x, "ServiceAgencyEstablished", name="社区服务中心"),
        on("2020-03-01", x, "ProgressCircularIssued", title="一季度通报"),
        on("2020-06-01", x, "ProgressCircularIssued", title="二季度通报"),
        on("2020-06-02", x, "PolicyInterpreted", about_clause="2.2", text="五千户以上含五千户"),
    )
    world.then(x, name="西咸新区", status="registered")
    assert [item.value("title") for item in world.state(x).items("circulars").values()] == ["一季度通报", "二季度通报"]
    assert len(world.state(x).items("interpretations")) == 1
