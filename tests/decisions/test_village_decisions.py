"""What may be recorded of a village, and how it is seen while its case is undecided. Clause 3.1."""

# fixtures are the callables of conftest.py

from __future__ import annotations

import pytest

from domain.procedure import UNDECIDED
from domain.records import AGGREGATES
from domain.refusals import Code
from domain.state import State

V = "villages/v1"
OVERLAY = AGGREGATES["villages"].overlay


@pytest.fixture
def registered(on):
    return on(
        "2019-01-01", V, "VillageRegistered",
        name="甲村", township_code="610112002", township="三桥街道", new_city="fengdong", households=410,
    )  # fmt: skip


def test_a_registered_village_stands_and_becomes_eligible_step_by_step(given, on, registered):
    world = given(registered).then(V, status="standing", households=410)
    world.when(on("2019-02-01", V, "AssetsVerified", total="123456.70")).then(
        V, steps={"AssetsVerified": {"position": 2, "effective_on": "2019-02-01", "total": "123456.70"}}
    )


def test_a_village_is_demolished_once(given, on, registered):
    world = given(registered, on("2019-05-01", V, "VillageDemolished")).then(V, status="demolished")
    world.when(on("2019-06-01", V, "VillageDemolished")).refused(Code.ALREADY_STANDING, positions=(2,))
    world.when(on("2019-06-01", V, "AssetsVerified", total="1")).then(V, status="demolished")


def test_a_converted_village_takes_nothing_later(given, on, registered):
    world = given(registered, on("2020-05-01", V, "VillageConverted", case="aj-1", community="c1"))
    world.then(V, status="converted").then(V, on="2020-04-30", status="standing")
    world.when(on("2020-05-01", V, "AssetsVerified", total="1")).refused(Code.CLOSED)
    world.when(on("2020-04-30", V, "VillageDemolished")).then(V, status="converted")


@pytest.mark.parametrize("status", ["standing", "demolished"])
def test_a_village_is_seen_converting_exactly_while_a_case_is_undecided(status):
    assert all(OVERLAY(State(status), [State("refused"), State(one)]).status == "converting" for one in UNDECIDED)
    decided = [State(one) for one in ("refused", "declined", "withdrawn", "approved", "completed")]
    assert OVERLAY(State(status), decided).status == status


def test_a_converted_village_is_never_seen_converting():
    assert OVERLAY(State("converted"), [State("proposed")]).status == "converted"
