"""Chapter 2, 社区划分设置: a plan for setting communities, their size, and their coverage of new estates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from domain.community import HouseholdsCounted
from domain.estate import (
    CaretakerAssigned,
    CommunityAssigned,
    EstateRegistered,
    OccupancyCounted,
    ResidentGroupFormed,
)
from domain.fact import Count, Fact, JsonValue
from domain.new_city import SettingPlanAdopted
from domain.rules.city import City
from domain.rules.counts import households_counted
from domain.rules.example import Example, Given, community, estate, new_city
from domain.rules.finding import Deadline, Finding, by_deadlines, day_of, evidence, first_of_those_holding
from domain.rules.on_record import on_record
from domain.rules.rule import Figures, Grace, NoFigures, Percent, rule

# 2.1


@rule(
    "setting-plan/1",
    clause="2.1",
    zh="社区设置专项规划",
    figures=NoFigures,
    examples=(
        Example(
            "编制了专项规划：符合",
            2020,
            {},
            (
                Given("new-cities/fengdong", date(2019, 12, 10), new_city()),
                Given("new-cities/fengdong", date(2020, 12, 31), SettingPlanAdopted(title="社区设置专项规划")),
            ),
            (Finding("met", "new-cities/fengdong", None, {"SettingPlanAdopted": "2020-12-31"}, (2,)),),
        ),
        Example(
            "年底仍未编制专项规划：不符合",
            2020,
            {},
            (
                Given("new-cities/fengdong", date(2019, 12, 10), new_city()),
                Given("new-cities/fengdong", date(2021, 1, 1), SettingPlanAdopted(title="社区设置专项规划")),
            ),
            (
                Finding(
                    "found",
                    "new-cities/fengdong",
                    date(2019, 12, 10),
                    {"SettingPlanAdopted": None},
                    (1,),
                    ("SettingPlanAdopted",),
                ),
            ),
        ),
    ),
)
def setting_plan(city: City, figures: NoFigures) -> Iterator[Finding]:  # noqa: ARG001  # compares with nothing
    """A New City has adopted no plan for setting communities."""
    return on_record(city, SettingPlanAdopted)


# 2.2


class CommunitySize(Figures):
    """Households of a community: as many as the minimum, fewer than the maximum; what is recommended is shown."""

    minimum: Count
    maximum: Count
    recommended: Count


_SIZES: dict[str, JsonValue] = {"minimum": 1000, "maximum": 5000, "recommended": 3000}


@rule(
    "community-size/1",
    clause="2.2",
    zh="社区规模",
    figures=CommunitySize,
    examples=(
        Example(
            "恰好1000户：符合",
            2020,
            _SIZES,
            (
                Given("communities/a", date(2019, 12, 10), community()),
                Given("communities/a", date(2020, 6, 30), HouseholdsCounted(households=1000)),
            ),
            (Finding("met", "communities/a", None, {"households": 1000, **_SIZES}, (2,)),),
        ),
        Example(
            "恰好5000户属于“5000户以上”：自超出之日起不符合",
            2020,
            _SIZES,
            (
                Given("communities/a", date(2019, 12, 10), community(households=4999)),
                Given("communities/a", date(2020, 6, 30), HouseholdsCounted(households=5000)),
                Given("communities/a", date(2020, 9, 30), HouseholdsCounted(households=5200)),
            ),
            (Finding("found", "communities/a", date(2020, 6, 30), {"households": 5200, **_SIZES}, (2, 3)),),
        ),
        Example(
            "从未清点户数：无法判定",
            2020,
            _SIZES,
            (Given("communities/a", date(2019, 12, 10), community()),),
            (Finding("undeterminable", "communities/a", None, _SIZES, (1,), ("HouseholdsCounted",)),),
        ),
    ),
)
def community_size(city: City, figures: CommunitySize) -> Iterator[Finding]:
    """An active community has too few or too many households."""
    minimum, maximum = figures.minimum, figures.maximum
    compared: dict[str, JsonValue] = {"minimum": minimum, "maximum": maximum, "recommended": figures.recommended}
    for record in city.active:
        counts = households_counted(record)
        if not counts:
            yield Finding(
                "undeterminable", record.record, None, compared, evidence(record.opened), ("HouseholdsCounted",)
            )
            continue
        counted: int = counts[-1].fact.households
        shown = {"households": counted, **compared}
        if minimum <= counted < maximum:
            yield Finding("met", record.record, None, shown, evidence(counts[-1]))
            continue
        first = first_of_those_holding(counts, lambda fact: not minimum <= fact.households < maximum)
        yield Finding("found", record.record, first.effective_on, shown, evidence(first, counts[-1]))


# 2.3


class CommunityDue(Grace):
    """The share of planned households that have moved in from which on a community is due."""

    occupancy_percent: Percent


_DUE: dict[str, JsonValue] = {"occupancy_percent": "50", "grace_days": 90, "days_are": "calendar"}
_ESTATE = Given("estates/x", date(2019, 12, 10), estate(households_planned=1000))
_SERVED = CommunityAssigned(community="a")


@rule(
    "community-due/1",
    clause="2.3",
    zh="及时设立社区",
    figures=CommunityDue,
    examples=(
        Example(
            "入住率达到50%，第90天由社区接管：符合",
            2020,
            _DUE,
            (
                _ESTATE,
                Given("estates/x", date(2020, 3, 1), OccupancyCounted(households=500)),
                Given("estates/x", date(2020, 5, 30), _SERVED),
            ),
            (
                Finding(
                    "met",
                    "estates/x",
                    None,
                    {
                        "occupancy_percent": "50",
                        "households": 500,
                        "households_planned": 1000,
                        "reached_on": "2020-03-01",
                        "due_on": "2020-05-30",
                        "done_on": "2020-05-30",
                    },
                    (2, 3),
                ),
            ),
        ),
        Example(
            "宽限期已过仍无社区接管：次日起不符合",
            2020,
            _DUE,
            (_ESTATE, Given("estates/x", date(2020, 3, 1), OccupancyCounted(households=500))),
            (
                Finding(
                    "found",
                    "estates/x",
                    date(2020, 5, 31),
                    {
                        "occupancy_percent": "50",
                        "households": 500,
                        "households_planned": 1000,
                        "reached_on": "2020-03-01",
                        "due_on": "2020-05-30",
                    },
                    (2,),
                    ("CommunityAssigned",),
                ),
            ),
        ),
        Example(
            "从未清点入住户数：无法判定",
            2020,
            _DUE,
            (_ESTATE,),
            (
                Finding(
                    "undeterminable",
                    "estates/x",
                    None,
                    {"occupancy_percent": "50", "households_planned": 1000},
                    (1,),
                    ("OccupancyCounted",),
                ),
            ),
        ),
    ),
)
def community_due(city: City, figures: CommunityDue) -> Iterator[Finding]:
    """An estate's occupancy reached the threshold, and no community served it in time."""
    for record in city.estates.values():
        planned = record.of(EstateRegistered)[0].fact.households_planned
        counts = record.of(OccupancyCounted)
        served = record.first(CommunityAssigned)
        compared: dict[str, JsonValue] = {
            "occupancy_percent": str(figures.occupancy_percent),
            "households_planned": planned,
        }
        reached = next(
            (one for one in counts if planned and one.fact.households * 100 >= figures.occupancy_percent * planned),
            None,
        )
        if reached is not None:
            compared |= {"households": counts[-1].fact.households, "reached_on": reached.effective_on.isoformat()}
            deadline = Deadline("CommunityAssigned", figures.due_on(reached.effective_on), day_of(served))
            yield by_deadlines(city, record.record, (deadline,), compared, evidence(reached, counts[-1], served))
        elif served is not None:
            compared["done_on"] = served.effective_on.isoformat()
            yield Finding("met", record.record, None, compared, evidence(served))
        elif counts and planned:
            compared["households"] = counts[-1].fact.households
            yield Finding("met", record.record, None, compared, evidence(counts[-1]))
        else:
            missing = "OccupancyCounted" if planned else "households_planned"
            yield Finding("undeterminable", record.record, None, compared, evidence(record.opened), (missing,))


_COVERING: tuple[type[Fact], ...] = (CommunityAssigned, ResidentGroupFormed, CaretakerAssigned)


@rule(
    "estate-coverage/1",
    clause="2.3",
    zh="小区管理全覆盖",
    figures=NoFigures,
    examples=(
        Example(
            "已有住户，由相邻社区代管：符合",
            2020,
            {},
            (
                _ESTATE,
                Given("estates/x", date(2020, 3, 1), OccupancyCounted(households=20)),
                Given("estates/x", date(2020, 4, 1), CaretakerAssigned(community="a")),
            ),
            (Finding("met", "estates/x", None, {"households": 20, "covered_by": "CaretakerAssigned"}, (2, 3)),),
        ),
        Example(
            "已有住户，既无社区，也无居民小组和代管：自入住之日起不符合",
            2020,
            {},
            (_ESTATE, Given("estates/x", date(2020, 3, 1), OccupancyCounted(households=20))),
            (
                Finding(
                    "found",
                    "estates/x",
                    date(2020, 3, 1),
                    {"households": 20, "covered_by": None},
                    (2,),
                    ("ResidentGroupFormed or CaretakerAssigned",),
                ),
            ),
        ),
        Example(
            "从未清点入住户数，也无人管理：无法判定",
            2020,
            {},
            (_ESTATE,),
            (
                Finding(
                    "undeterminable",
                    "estates/x",
                    None,
                    {"households": None, "covered_by": None},
                    (1,),
                    ("OccupancyCounted",),
                ),
            ),
        ),
    ),
)
def estate_coverage(city: City, figures: NoFigures) -> Iterator[Finding]:  # noqa: ARG001  # compares with nothing
    """An occupied estate that no community serves has neither resident group nor caretaker."""
    for record in city.estates.values():
        counted = record.last(OccupancyCounted)
        covered = next((step for fact in _COVERING if (step := record.first(fact)) is not None), None)
        compared: dict[str, JsonValue] = {
            "households": None if counted is None else counted.fact.households,
            "covered_by": None if covered is None else covered.fact.event,
        }
        if covered is not None or (counted is not None and counted.fact.households == 0):
            yield Finding("met", record.record, None, compared, evidence(counted, covered))
        elif counted is None:
            yield Finding(
                "undeterminable", record.record, None, compared, evidence(record.opened), ("OccupancyCounted",)
            )
        else:
            first = first_of_those_holding(record.of(OccupancyCounted), lambda fact: fact.households > 0)
            yield Finding(
                "found",
                record.record,
                first.effective_on,
                compared,
                evidence(first, counted),
                ("ResidentGroupFormed or CaretakerAssigned",),
            )
