"""考核办法: what may be adopted as a scheme, from when on it holds, and what the first one says. Clause 8.4."""

from __future__ import annotations

import copy
import json
from datetime import date
from fractions import Fraction

import pytest
from pydantic import ValidationError

from application.correcting import correction_target
from domain.corrections import EventCorrected, EventRetracted
from domain.log import ENTRY_LIMIT
from domain.procedure import procedure_on
from domain.records import AGGREGATES, state_json
from domain.refusals import Code, Refused
from domain.scheme import in_force
from domain.schemes import FIRST, first_scheme

S1, S2 = f"schemes/{FIRST}", "schemes/opinions-2021"
GRACE = {"value": 120, "basis": "assumed", "clause": "2.3"}


@pytest.fixture
def scheme():
    """The first scheme's fields, with what is changed in them: a path → the value, or None to take it out."""

    def fields(changes=None):
        changed = copy.deepcopy(first_scheme().model_dump(mode="json", exclude_none=True))
        for path, value in (changes or {}).items():
            *way, last = (int(part) if part.isdigit() else part for part in path.split("."))
            place = changed
            for part in way:
                place = place[part]
            if value is None:
                del place[last]
            else:
                place[last] = value
        return changed

    return fields


@pytest.fixture
def first(on, scheme):
    return on("2019-12-10", S1, "SchemeAdopted", **scheme())


@pytest.fixture
def second(on, scheme):
    def adopted(changes=None, record=S2, effective_from="2021-01-01"):
        return on("2020-12-01", record, "SchemeAdopted", **scheme({"effective_from": effective_from} | (changes or {})))

    return adopted


@pytest.fixture
def arbiter(on):
    def opened(person, account=None, roles=("arbiter",)):
        return on(
            "2020-01-01", f"accounts/{account or person}", "AccountOpened",
            person={"id": person, "name": person}, office="new-area", roles=roles,
        )  # fmt: skip

    return opened


@pytest.fixture
def arbiters(arbiter):
    return [arbiter(f"arbiter-{number}") for number in range(6)]


@pytest.fixture
def founded(given, first, arbiters):
    """A ledger with its first scheme and arbiters for two panels of three."""
    return lambda *more: given(first, *arbiters, *more)


# what may be adopted


def test_the_first_scheme_is_adopted_before_there_are_arbiters(given, first):
    given().when(first).then(S1, status="adopted", effective_from="2019-12-10", steps={})


def test_a_scheme_says_each_figure_with_its_clause_and_where_it_comes_from(given, first):
    shown = state_json(AGGREGATES["schemes"], FIRST, 1, given(first).state(S1))
    (size,) = (one for one in shown["indicators"] if one["indicator"] == "community-size")
    assert size["rules"][0]["parameters"]["minimum"] == {
        "value": 1000, "basis": "policy", "clause": "2.2", "quote": "各类社区规模原则上不得低于1000户",
    }  # fmt: skip
    assert shown["procedure"]["panel_size"] == {"value": 3, "basis": "assumed", "clause": "8.4", "quote": None}


def test_another_scheme_is_adopted_with_two_panels_of_arbiters_at_hand(founded, second):
    founded().when(second()).then(S2, status="adopted", effective_from="2021-01-01")


def test_a_panel_that_the_arbiters_do_not_fill_twice_is_refused(given, first, arbiters, second):
    given(first, *arbiters[:5]).when(second()).refused(Code.NOT_ELIGIBLE, saying="need 6 arbiters; there are 5")
    larger = {"procedure.panel_size.value": 4}
    given(first, *arbiters).when(second(larger)).refused(Code.NOT_ELIGIBLE, saying="need 8 arbiters; there are 6")


def test_arbiters_are_counted_by_person_and_as_their_accounts_stand(on, given, first, arbiter, arbiters, second):
    five = [first, *arbiters[:5]]
    again = arbiter("arbiter-0", "arbiter-0-again")
    recorder = arbiter("clerk", roles=("recorder",))
    given(*five, again, recorder).when(second()).refused(Code.NOT_ELIGIBLE, saying="there are 5")
    granted = on("2020-06-01", "accounts/clerk", "RolesGranted", roles=["arbiter"])
    given(*five, recorder, granted).when(second()).then(S2, status="adopted")
    revoked = on("2020-07-01", "accounts/clerk", "RolesRevoked", roles=["arbiter"], reasons="调离")
    given(*five, recorder, granted, revoked).when(second()).refused(Code.NOT_ELIGIBLE, saying="there are 5")
    closed = on("2020-07-01", "accounts/arbiter-5", "AccountClosed", reasons="退休")
    given(first, *arbiters, closed).when(second()).refused(Code.NOT_ELIGIBLE, saying="there are 5")


def test_an_effective_date_is_taken_once(founded, second):
    founded().when(second(effective_from="2019-12-10")).refused(Code.ALREADY_CLAIMED, saying=S1)
    founded(second()).when(second(record="schemes/opinions-2022")).refused(Code.ALREADY_CLAIMED, saying=S2)


def test_a_repealed_schemes_date_stays_taken(on, founded, second):
    repealed = on("2020-12-02", S2, "SchemeRepealed", **{"from": "2021-01-01"}, reason="有误")
    founded(second(), repealed).when(second(record="schemes/opinions-2022")).refused(Code.ALREADY_CLAIMED, saying=S2)


DUE = "indicators.3.rules.0"
SIZE = "indicators.2.rules.0"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({f"{SIZE}.rule": "community-size/9"}, "/data/indicators/2/rules/0/rule"),
        ({f"{SIZE}.rule": "no-such-rule/1"}, "/data/indicators/2/rules/0/rule"),
        ({f"{SIZE}.clause": "2.9"}, "/data/indicators/2/rules/0/clause"),
        ({f"{SIZE}.parameters.minimum": None}, "/data/indicators/2/rules/0/parameters/minimum"),
        ({f"{DUE}.parameters.grace_days": None}, "/data/indicators/3/rules/0/parameters/grace_days"),
        ({f"{SIZE}.parameters.grace_days": GRACE}, "/data/indicators/2/rules/0/parameters/grace_days"),
        ({f"{DUE}.parameters.grace_days.value": "90"}, "/data/indicators/3/rules/0/parameters/grace_days"),
        ({f"{DUE}.parameters.grace_days.value": 40_000}, "/data/indicators/3/rules/0/parameters/grace_days"),
        ({f"{DUE}.parameters.days_are.value": "lunar"}, "/data/indicators/3/rules/0/parameters/days_are"),
        ({f"{SIZE}.parameters.minimum.quote": "不得低于1200户"}, "/data/indicators/2/rules/0/parameters/minimum/quote"),
        ({f"{SIZE}.parameters.minimum.clause": "2.1"}, "/data/indicators/2/rules/0/parameters/minimum/quote"),
        ({f"{SIZE}.parameters.minimum.clause": "2.9"}, "/data/indicators/2/rules/0/parameters/minimum/quote"),
        ({"procedure.panel_size": None}, "/data/procedure/panel_size"),
        ({"procedure.panel_size.value": 0}, "/data/procedure/panel_size"),
        ({"procedure.days_to_dispute.value": "15"}, "/data/procedure/days_to_dispute"),
        ({"procedure.assent_needs_more_than.value": "1/1"}, "/data/procedure/assent_needs_more_than"),
        ({"procedure.days_are.value": "lunar"}, "/data/procedure/days_are"),
        ({"procedure.hearing_needed.value": 1}, "/data/procedure/hearing_needed"),
        ({"procedure.unheard_of": GRACE}, "/data/procedure/unheard_of"),
    ],
)
def test_a_scheme_that_cannot_be_judged_by_is_refused_with_the_place_of_the_fault(founded, second, changes, pointer):
    with pytest.raises(Refused) as caught:
        founded().record(second(changes))
    assert caught.value.code is Code.INVALID_FIELDS
    assert [error.pointer for error in caught.value.errors] == [pointer]
    assert caught.value.errors[0].detail in caught.value.detail


@pytest.mark.parametrize("share", ["half", "1", "3/2", "1/0", "-1/2", "1e-9999999999", "٠", 1, True], ids=repr)
def test_a_share_is_a_part_of_the_whole(founded, second, share):
    founded().when(second({"procedure.assent_needs_more_than.value": share})).refused(
        Code.INVALID_FIELDS, saying="assent_needs_more_than"
    )


@pytest.mark.parametrize(("share", "part"), [("2/3", Fraction(2, 3)), ("0.6", Fraction(3, 5)), ("0", Fraction(0))])
def test_a_share_is_read_exactly(founded, second, share, part):
    world = founded(second({"procedure.assent_needs_more_than.value": share}))
    assert procedure_on(date(2021, 1, 1), world).assent_needs_more_than == part


def test_every_fault_is_told_at_once(founded, second):
    faults = {f"{SIZE}.rule": "no-such-rule/1", f"{DUE}.parameters.grace_days": None, "procedure.panel_size": None}
    with pytest.raises(Refused) as caught:
        founded().record(second(faults))
    assert len(caught.value.errors) == 3


@pytest.mark.parametrize(
    ("changes", "saying"),
    [
        ({"indicators.0.points": "2.99"}, "add up to 99.99, not to 100"),
        ({"indicators.0.points": "3.01"}, "add up to 100.01, not to 100"),
        ({"indicators.0": None}, "add up to 97.00, not to 100"),
        ({"indicators.0.points": "3.001"}, "points"),
        ({"indicators.0.points": 3}, "points"),
        ({"indicators.1.indicator": "demonstration"}, "demonstration stands there again"),
        ({"indicators.1.rules.0.rule": "demonstration/1"}, "demonstration/1 stands there again"),
        ({"indicators.0.rules": []}, "rules"),
        ({f"{SIZE}.rule": "community-size"}, "rule"),
        ({f"{SIZE}.per_finding": "half"}, "per_finding"),
        ({f"{SIZE}.per_finding": "-1"}, "per_finding"),
        ({f"{SIZE}.parameters.minimum.quote": None}, "cites its clause and quotes it"),
        ({f"{SIZE}.parameters.minimum.clause": None}, "cites its clause and quotes it"),
        ({f"{SIZE}.parameters.minimum.basis": "guessed"}, "basis"),
        ({f"{SIZE}.parameters.minimum.value": -1}, "value"),
        ({f"{SIZE}.parameters.minimum.value": 1000.5}, "value"),
        ({f"{SIZE}.parameters.minimum.value": {"from": 1000}}, "value"),
        ({f"{SIZE}.parameters.minimum.value": [1000]}, "value"),
    ],
)
def test_what_is_no_scheme_is_not_valid(founded, second, changes, saying):
    with pytest.raises(ValidationError, match=saying):
        founded().record(second(changes))


def test_a_figure_without_its_value_is_none(founded, second):
    with pytest.raises(ValidationError):
        founded().record(second({f"{SIZE}.parameters.minimum.value": None}))


# from when on a scheme holds


@pytest.mark.parametrize(
    ("adopted", "repealed", "expected"),
    [
        ({}, {}, {"2020-12-31": None}),
        ({"a": "2020-01-01"}, {}, {"2019-12-31": None, "2020-01-01": "a", "2999-12-31": "a"}),
        (
            {"a": "2020-01-01", "b": "2021-01-01"},
            {},
            {"2019-12-31": None, "2020-12-31": "a", "2021-01-01": "b", "2030-01-01": "b"},
        ),
        ({"b": "2021-01-01", "a": "2020-01-01"}, {}, {"2020-12-31": "a", "2021-01-01": "b"}),
        ({"a": "2020-01-01"}, {"a": "2020-07-01"}, {"2020-06-30": "a", "2020-07-01": None}),
        (
            {"a": "2020-01-01", "b": "2021-01-01"},
            {"a": "2020-07-01"},
            {"2020-06-30": "a", "2020-07-01": None, "2021-01-01": "b"},
        ),
        (
            {"a": "2020-01-01", "b": "2021-01-01"},
            {"b": "2022-01-01"},
            {"2020-12-31": "a", "2021-12-31": "b", "2022-01-01": None},
        ),
        (
            {"a": "2020-01-01", "b": "2021-01-01"},
            {"b": "2021-01-01"},
            {"2020-12-31": "a", "2021-01-01": "a", "2022-01-01": "a"},
        ),
        ({"a": "2020-01-01"}, {"a": "2019-07-01"}, {"2019-08-01": None, "2020-01-01": None}),
    ],
)
def test_a_scheme_holds_until_the_next_one_or_its_repeal(on, founded, second, adopted, repealed, expected):
    world = founded(
        *(second(record=f"schemes/{name}", effective_from=day) for name, day in adopted.items()),
        *(
            on("2020-12-02", f"schemes/{name}", "SchemeRepealed", **{"from": day}, reason="有误")
            for name, day in repealed.items()
        ),
    )
    states = {name: world.state(f"schemes/{name}") for name in adopted}
    assert {day: in_force(states.items(), date.fromisoformat(day)) for day in expected} == expected


# repeal


@pytest.fixture
def repealed(on):
    return on("2021-06-01", S1, "SchemeRepealed", **{"from": "2021-07-01"}, reason="另行制定")


def test_a_repeal_is_stored_and_shown_as_from_a_day_on(given, first, repealed):
    world = given(first, repealed).then(
        S1,
        status="repealed",
        steps={
            "SchemeRepealed": {
                "position": 2, "effective_on": "2021-06-01", "from": "2021-07-01", "reason": "另行制定",
            }
        },
    )  # fmt: skip
    assert world.history(S1).entries[1].fact.model_dump(mode="json") == {"from": "2021-07-01", "reason": "另行制定"}
    world.then(S1, on="2021-05-31", status="adopted")


def test_the_day_of_a_repeal_is_corrected_under_its_own_name(given, first, repealed, corrected):
    world = given(first, repealed, corrected(S1, 2, **{"from": "2021-08-01"}))
    step = state_json(AGGREGATES["schemes"], FIRST, 3, world.state(S1))["steps"]["SchemeRepealed"]
    assert (step["from"], step["corrected_by"]) == ("2021-08-01", [3])
    world.when(corrected(S1, 2, from_="2021-08-01")).refused(Code.INVALID_FIELDS)
    world.when(corrected(S1, 2, **{"from": None})).refused(Code.INVALID_FIELDS)


def test_a_scheme_is_repealed_once(on, given, first, repealed):
    again = on("2021-06-02", S1, "SchemeRepealed", **{"from": "2021-09-01"}, reason="另行制定")
    given(first, repealed).when(again).refused(Code.CLOSED)


@pytest.mark.parametrize("correction", [EventCorrected, EventRetracted])
def test_an_adopted_scheme_is_not_corrected_and_its_repeal_may_be(given, first, repealed, correction):
    history = given(first, repealed).history(S1)
    with pytest.raises(Refused) as caught:
        correction_target(history, correction(version=1, reasons="误"))
    assert caught.value.code is Code.NOT_CORRECTABLE
    change = {"data": {"reason": "另行制定办法"}} if correction is EventCorrected else {}
    assert correction_target(history, correction(version=2, reasons="误", **change)).version == 2


# the procedure of the scheme in force


V, CASE = "villages/v1", "conversion-cases/aj-1"


@pytest.mark.parametrize(
    ("day", "in_favour", "enough"),
    [("2020-12-31", 50, False), ("2020-12-31", 51, True), ("2021-01-01", 66, False), ("2021-01-01", 67, True)],
)
def test_assent_needs_the_majority_of_the_scheme_in_force_on_the_meetings_day(
    on, founded, second, day, in_favour, enough
):
    place = {"name": "甲村", "township_code": "610112002", "township": "三桥街道", "new_city": "fengdong"}
    asked = founded(
        second({"procedure.assent_needs_more_than.value": "2/3"}),
        on("2019-01-01", V, "VillageRegistered", **place),
        on("2019-02-01", V, "EconomicOrganizationFounded", organisation={"name": "甲社"}),
        on("2019-03-01", V, "AssetsVerified", total="1.00"),
        on("2019-04-01", V, "EquityQuantified", shareholders=410, shares=410),
        on("2020-01-01", CASE, "ConversionProposed", "zhen", village="v1", community="c1", community_name="甲社区"),
    ).when(
        on(
            day, CASE, "VillagersAssented", "zhen", meeting="villagers-assembly", eligible=100, present=100,
            in_favour=in_favour,
        )
    )  # fmt: skip
    if enough:
        asked.then(CASE, status="assented")
    else:
        asked.refused(Code.NO_MAJORITY, saying="of them are needed")


def test_where_no_scheme_is_in_force_the_first_ones_procedure_holds(given, founded, second):
    ours = founded(second({"procedure.panel_size.value": 1}))
    assert procedure_on(date(2019, 1, 1), given()).panel_size == 3
    assert procedure_on(date(2019, 1, 1), ours).panel_size == 3
    assert procedure_on(date(2021, 1, 1), ours).panel_size == 1


# what the first scheme says


def test_the_first_scheme_fits_into_an_entry():
    assert len(json.dumps(first_scheme().model_dump(mode="json"), ensure_ascii=False).encode()) < ENTRY_LIMIT // 2


POINTS = {
    ("demonstration",): 3, ("setting-plan",): 5, ("community-size",): 8, ("community-due", "estate-coverage"): 9,
    ("conversion-due", "filing"): 8, ("seal", "dual-post"): 7, ("equal-treatment",): 5,
    ("renovation-plan", "renovation"): 8, ("premises-area",): 4, ("premises-gates",): 6, ("staffing",): 8,
    ("reward",): 4, ("measures",): 3, ("services",): 0, ("convenience-circle",): 3, ("three-without",): 5,
    ("partnership",): 4, ("incubation",): 3, ("governance-bodies",): 2, ("funding-new-area",): 0,
    ("funding-new-city",): 5,
}  # fmt: skip


def test_the_first_schemes_points():
    indicators = first_scheme().indicators
    assert {tuple(use.rule.removesuffix("/1") for use in one.rules): one.points for one in indicators} == {
        rules: f"{points}.00" for rules, points in POINTS.items()
    }


def test_what_is_asked_once_of_a_new_city_costs_the_whole_indicator_and_the_rest_a_point():
    uses = {use.rule.removesuffix("/1"): use for one in first_scheme().indicators for use in one.rules}
    whole = {"demonstration", "setting-plan", "measures", "incubation", "governance-bodies"}
    free = {"services", "funding-new-area"}
    assert {name for name, use in uses.items() if use.per_finding == "whole"} == whole
    assert {name for name, use in uses.items() if use.per_finding == "0.00"} == free
    assert {name for name, use in uses.items() if use.advisory} == {"services"}
    assert {use.per_finding for name, use in uses.items() if name not in whole | free} == {"1.00"}


def test_the_first_schemes_figures_come_from_where_they_say():
    first = first_scheme()
    figures = {
        f"{use.rule}.{name}": figure
        for one in first.indicators
        for use in one.rules
        for name, figure in use.parameters.items()
    }
    assumed = {name.partition("/1.")[2] for name, figure in figures.items() if figure.basis == "assumed"}
    assert assumed == {"grace_days", "days_are", "square_metres_per_100_households", "minimum_days_in_force"}
    assert {figure.basis for figure in first.procedure.values()} == {"assumed"}
    quoted = [figure for figure in figures.values() if figure.basis == "policy"]
    assert all(len(figure.quote) <= 60 for figure in quoted)
    assert all(
        figure.quote is None for figure in (*figures.values(), *first.procedure.values()) if figure not in quoted
    )
    clauses = {use.rule: use.clause for one in first.indicators for use in one.rules}
    assert all(figure.clause in (clauses[name.partition(".")[0]], "last", "4.2") for name, figure in figures.items())
