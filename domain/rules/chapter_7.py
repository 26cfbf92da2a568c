"""Chapter 7, 共建共治共享: partnerships with resident organisations, and incubation bases for social ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from domain.community import PartnershipEnded, PartnershipProjectAgreed, PartnershipSigned
from domain.fact import Count, JsonValue
from domain.new_city import IncubationBaseClosed, IncubationBaseOpened
from domain.rules.city import City, Subject, in_order
from domain.rules.example import FACTORY, Example, Given, community, new_city
from domain.rules.finding import Finding, evidence, holding_since
from domain.rules.rule import Figures, rule
from domain.state import Step

# 7.2


class Partnership(Figures):
    """How many projects an agreement has a year, and how many days of it an agreement must be in force to count."""

    projects_a_year: Count
    minimum_days_in_force: Count


_PROJECTS: dict[str, JsonValue] = {"projects_a_year": 1, "minimum_days_in_force": 180}
_COMMUNITY = Given("communities/a", date(2020, 1, 1), community())


def _signed(day: date) -> Given:
    return Given("communities/a", day, PartnershipSigned(agreement="gj-1", organisation=FACTORY))


def _agreement(days: int, projects: int) -> list[JsonValue]:
    return [{"agreement": "gj-1", "days_in_force": days, "projects": projects}]


@rule(
    "partnership/1",
    clause="7.2",
    zh="共建项目",
    figures=Partnership,
    examples=(
        Example(
            "协议当年确定了一个共建项目：符合",
            2020,
            _PROJECTS,
            (
                _COMMUNITY,
                _signed(date(2020, 2, 1)),
                Given(
                    "communities/a",
                    date(2020, 6, 1),
                    PartnershipProjectAgreed(agreement="gj-1", project="xm-1", year=2020, title="助老食堂"),
                ),
            ),
            (Finding("met", "communities/a", None, {"agreements": _agreement(335, 1), **_PROJECTS}, (2, 3)),),
        ),
        Example(
            "协议生效满180日而全年没有共建项目：不符合",
            2020,
            _PROJECTS,
            (_COMMUNITY, _signed(date(2020, 7, 5))),
            (
                Finding(
                    "found",
                    "communities/a",
                    date(2020, 12, 31),
                    {"agreements": _agreement(180, 0), **_PROJECTS},
                    (2,),
                    ("PartnershipProjectAgreed gj-1",),
                ),
            ),
        ),
        Example(
            "协议当年生效不满180日：不计",
            2020,
            _PROJECTS,
            (_COMMUNITY, _signed(date(2020, 7, 6))),
            (Finding("met", "communities/a", None, {"agreements": _agreement(179, 0), **_PROJECTS}, (2,)),),
        ),
    ),
)
def partnership(city: City, figures: Partnership) -> Iterator[Finding]:
    """An agreement in force long enough has too few projects agreed for the year."""
    for record in city.active:
        agreements = _agreements(record, city)
        if not agreements:
            continue
        shown: dict[str, JsonValue] = {
            "agreements": [
                {"agreement": one.agreement, "days_in_force": one.days, "projects": len(one.projects)}
                for one in agreements
            ],
            "projects_a_year": figures.projects_a_year,
            "minimum_days_in_force": figures.minimum_days_in_force,
        }
        positions = evidence(*(step for one in agreements for step in (*one.steps, *one.projects)))
        lacking = [one for one in agreements if len(one.projects) < figures.projects_a_year]
        if not city.year_is_over and lacking:
            yield Finding("met", record.record, None, shown | city.pending_in_year, positions)
        elif counted := [one for one in lacking if one.days >= figures.minimum_days_in_force]:
            missing = tuple(f"PartnershipProjectAgreed {one.agreement}" for one in counted)
            yield Finding("found", record.record, city.day, shown, positions, missing)
        else:
            yield Finding("met", record.record, None, shown, positions)


class _Agreement(NamedTuple):
    """An agreement that is in force in the year."""

    agreement: str
    days: int
    """Days in force in the year, up to the judged day."""
    steps: tuple[Step[Any], ...]
    """Those that signed and ended it."""
    projects: Sequence[Step[PartnershipProjectAgreed]]
    """Those agreed for the year."""


def _agreements(record: Subject, city: City) -> list[_Agreement]:
    if record.first(PartnershipSigned) is None:
        return []
    terms: dict[str, list[tuple[Step[PartnershipSigned], Step[PartnershipEnded] | None]]] = {}
    for step in in_order(record.of(PartnershipSigned), record.of(PartnershipEnded)):
        same = terms.setdefault(step.fact.agreement, [])
        if type(step.fact) is PartnershipSigned:
            same.append((step, None))
        elif same:
            same[-1] = (same[-1][0], step)
    projects: dict[str, list[Step[PartnershipProjectAgreed]]] = {}
    for project in record.of(PartnershipProjectAgreed):
        if project.fact.year == city.year:
            projects.setdefault(project.fact.agreement, []).append(project)
    return [
        _Agreement(
            agreement,
            days,
            tuple(step for term in same for step in term if step is not None),
            projects.get(agreement, ()),
        )
        for agreement, same in terms.items()
        if (days := sum(_days_in_force(signed, ended, city) for signed, ended in same))
    ]


def _days_in_force(signed: Step[PartnershipSigned], ended: Step[PartnershipEnded] | None, city: City) -> int:
    """Days of the year from the signature to the day it expires on, or the one before it was ended."""
    last = min(city.day, signed.fact.expires_on or city.day)
    if ended is not None:
        last = min(last, ended.effective_on - timedelta(days=1))
    first = max(date(city.year, 1, 1), signed.effective_on)
    return max(0, (last - first).days + 1)


# 7.3


class Incubation(Figures):
    """How many incubation bases a New City has."""

    minimum: Count


_BASES: dict[str, JsonValue] = {"minimum": 1}
_OPENED = (
    Given("new-cities/fengdong", date(2019, 12, 10), new_city()),
    Given("new-cities/fengdong", date(2020, 4, 1), IncubationBaseOpened(base="jd-1", name="孵化基地")),
)


@rule(
    "incubation/1",
    clause="7.3",
    zh="社会组织孵化基地",
    figures=Incubation,
    examples=(
        Example(
            "有一处开放的孵化基地：符合",
            2020,
            _BASES,
            _OPENED,
            (Finding("met", "new-cities/fengdong", None, {"open_bases": 1, **_BASES}, (2,)),),
        ),
        Example(
            "唯一的基地关闭：自当日起不符合",
            2020,
            _BASES,
            (*_OPENED, Given("new-cities/fengdong", date(2020, 11, 1), IncubationBaseClosed(base="jd-1"))),
            (
                Finding(
                    "found",
                    "new-cities/fengdong",
                    date(2020, 11, 1),
                    {"open_bases": 0, **_BASES},
                    (1, 3),
                    ("IncubationBaseOpened",),
                ),
            ),
        ),
    ),
)
def incubation(city: City, figures: Incubation) -> Iterator[Finding]:
    """A New City has too few open incubation bases."""
    if city.subject is None:
        return
    opened = city.subject.opened
    held: dict[str, Step[Any]] = {}
    closed: list[Step[Any]] = []
    readings = [(opened.effective_on, figures.minimum > 0)]
    for step in in_order(city.subject.of(IncubationBaseOpened), city.subject.of(IncubationBaseClosed)):
        if type(step.fact) is IncubationBaseOpened:
            held[step.fact.base] = step
        else:
            held.pop(step.fact.base, None)
            closed.append(step)
        readings.append((step.effective_on, len(held) < figures.minimum))
    shown: dict[str, JsonValue] = {"open_bases": len(held), "minimum": figures.minimum}
    since = holding_since(readings)
    if since is None:
        yield Finding("met", city.subject.record, None, shown, evidence(*held.values()))
    else:
        positions = evidence(opened, *held.values(), *closed)
        yield Finding("found", city.subject.record, since, shown, positions, ("IncubationBaseOpened",))
