"""Chapter 3, 撤村建居: villages that must convert, and what a conversion brings with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import get_args

from domain.community import Body, Post, PostFilled, PostVacated
from domain.conversion_case import (
    EQUAL_SERVICES,
    ConversionApproved,
    ConversionProposed,
    ConversionSubmittedForFiling,
    EqualService,
    EqualTreatmentGranted,
    NewSealIssued,
    OldSealCollected,
    ProcedurePassed,
    VillagersAssented,
)
from domain.fact import Fact, JsonValue
from domain.rules.city import City, Subject
from domain.rules.example import Example, Given, community, person, village
from domain.rules.finding import Deadline, Finding, by_deadlines, day_of, evidence, holding_since, shown_day
from domain.rules.posts import Holding, held_after, post_steps
from domain.rules.rule import Grace, NoFigures, rule
from domain.state import Step
from domain.village import VillageConverted, VillageDemolished

# 3.1


def _grace(days: int) -> dict[str, JsonValue]:
    return {"grace_days": days, "days_are": "calendar"}


_VILLAGE = Given("villages/v", date(2019, 12, 10), village())
_DEMOLISHED = Given("villages/v", date(2020, 1, 1), VillageDemolished())


@rule(
    "conversion-due/1",
    clause="3.1",
    zh="整村拆迁必须改制",
    figures=Grace,
    examples=(
        Example(
            "拆迁后第365天批复：符合",
            2020,
            _grace(365),
            (_VILLAGE, _DEMOLISHED, Given("villages/v", date(2020, 12, 31), VillageConverted(case="c", community="a"))),
            (
                Finding(
                    "met",
                    "villages/v",
                    None,
                    {"demolished_on": "2020-01-01", "due_on": "2020-12-31", "done_on": "2020-12-31"},
                    (2, 3),
                ),
            ),
        ),
        Example(
            "拆迁满一年仍无批复：次日起不符合",
            2021,
            _grace(365),
            (_VILLAGE, _DEMOLISHED),
            (
                Finding(
                    "found",
                    "villages/v",
                    date(2021, 1, 1),
                    {"demolished_on": "2020-01-01", "due_on": "2020-12-31"},
                    (2,),
                    ("ConversionApproved",),
                ),
            ),
        ),
        Example("未整村拆迁的村不在此列", 2020, _grace(365), (_VILLAGE,), ()),
    ),
)
def conversion_due(city: City, figures: Grace) -> Iterator[Finding]:
    """A wholly demolished village has no approved case in time."""
    for record in city.villages.values():
        demolished = record.first(VillageDemolished)
        if demolished is None:
            continue
        converted = record.first(VillageConverted)
        deadline = Deadline("ConversionApproved", figures.due_on(demolished.effective_on), day_of(converted))
        shown: dict[str, JsonValue] = {"demolished_on": shown_day(demolished)}
        yield by_deadlines(city, record.record, (deadline,), shown, evidence(demolished, converted))


def _approved(*after: tuple[date, Fact]) -> tuple[Given, ...]:
    """A case approved on 1 March 2020 by its entry 4, and what else happened in it."""
    return _case((date(2020, 3, 1), ConversionApproved()), *after)


def _case(*facts: tuple[date, Fact]) -> tuple[Given, ...]:
    """A case whose procedure was passed by its entry 3, and what happened then."""
    passed = (
        (date(2020, 1, 2), ConversionProposed(village="v", community="a", community_name="甲社区")),
        (date(2020, 1, 20), VillagersAssented(meeting="villagers-assembly", eligible=300, present=260, in_favour=250)),
        (date(2020, 2, 10), ProcedurePassed()),
    )
    return tuple(Given("conversion-cases/c", day, fact) for day, fact in (*passed, *facts))


def _within_grace(
    city: City, figures: Grace, record: Subject, done: Mapping[str, Step[Fact] | None]
) -> Iterator[Finding]:
    """What is due within the grace from the approval of a case on, by event."""
    approved = record.first(ConversionApproved)
    if approved is None:
        return
    due_on = figures.due_on(approved.effective_on)
    deadlines = [Deadline(event, due_on, day_of(step)) for event, step in done.items()]
    shown: dict[str, JsonValue] = {"approved_on": shown_day(approved)}
    shown |= {event: shown_day(step) for event, step in done.items()}
    yield by_deadlines(city, record.record, deadlines, shown, evidence(approved, *done.values()))


@rule(
    "filing/1",
    clause="3.1",
    zh="同步报备案",
    figures=Grace,
    examples=(
        Example(
            "复审后、批复前即报备案：符合",
            2020,
            _grace(30),
            _case((date(2020, 2, 20), ConversionSubmittedForFiling()), (date(2020, 3, 1), ConversionApproved())),
            (
                Finding(
                    "met",
                    "conversion-cases/c",
                    None,
                    {
                        "approved_on": "2020-03-01",
                        "ConversionSubmittedForFiling": "2020-02-20",
                        "due_on": "2020-03-31",
                        "done_on": "2020-02-20",
                    },
                    (4, 5),
                ),
            ),
        ),
        Example(
            "迟报备案：计入到期的当年",
            2020,
            _grace(30),
            _approved((date(2020, 4, 10), ConversionSubmittedForFiling())),
            (
                Finding(
                    "found",
                    "conversion-cases/c",
                    date(2020, 4, 1),
                    {
                        "approved_on": "2020-03-01",
                        "ConversionSubmittedForFiling": "2020-04-10",
                        "due_on": "2020-03-31",
                        "done_on": "2020-04-10",
                    },
                    (4, 5),
                ),
            ),
        ),
        Example(
            "工作日历未知的年份：无法判定",
            2030,
            {"grace_days": 30, "days_are": "working"},
            _case((date(2030, 3, 1), ConversionApproved())),
            (
                Finding(
                    "undeterminable",
                    "conversion-cases/c",
                    None,
                    {"approved_on": "2030-03-01", "ConversionSubmittedForFiling": None},
                    (4,),
                    ("working days of 2030",),
                ),
            ),
        ),
    ),
)
def filing(city: City, figures: Grace) -> Iterator[Finding]:
    """The New City did not submit an approved case for filing in time."""
    for record in city.cases.values():
        submitted = record.first(ConversionSubmittedForFiling)
        yield from _within_grace(city, figures, record, {"ConversionSubmittedForFiling": submitted})


# 3.2


@rule(
    "seal/1",
    clause="3.2",
    zh="印章收缴与核发",
    figures=Grace,
    examples=(
        Example(
            "批复后30日内收缴旧印章、核发新印章：符合",
            2020,
            _grace(30),
            _approved((date(2020, 3, 10), OldSealCollected()), (date(2020, 3, 31), NewSealIssued())),
            (
                Finding(
                    "met",
                    "conversion-cases/c",
                    None,
                    {
                        "approved_on": "2020-03-01",
                        "OldSealCollected": "2020-03-10",
                        "NewSealIssued": "2020-03-31",
                        "due_on": "2020-03-31",
                        "done_on": "2020-03-31",
                    },
                    (4, 5, 6),
                ),
            ),
        ),
        Example(
            "新印章未核发：自逾期次日起不符合",
            2020,
            _grace(30),
            _approved((date(2020, 3, 10), OldSealCollected())),
            (
                Finding(
                    "found",
                    "conversion-cases/c",
                    date(2020, 4, 1),
                    {
                        "approved_on": "2020-03-01",
                        "OldSealCollected": "2020-03-10",
                        "NewSealIssued": None,
                        "due_on": "2020-03-31",
                    },
                    (4, 5),
                    ("NewSealIssued",),
                ),
            ),
        ),
    ),
)
def seal(city: City, figures: Grace) -> Iterator[Finding]:
    """The old seal was not collected, or the new one not issued, in time."""
    for record in city.cases.values():
        seals = {"OldSealCollected": record.first(OldSealCollected), "NewSealIssued": record.first(NewSealIssued)}
        yield from _within_grace(city, figures, record, seals)


_CONVERTED = Given("communities/a", date(2020, 3, 1), community("converted"))


_DUAL: tuple[tuple[Body, Post], ...] = (("party", "secretary"), ("residents-committee", "director"))
_ALL_BUT_ALLOWANCE: tuple[EqualService, ...] = (
    "education",
    "medical-care",
    "health-and-family-planning",
    "elderly-care",
)


def _secretary(code: str) -> PostFilled:
    return PostFilled(person=person(code), body="party", role="secretary")


def _director(code: str) -> PostFilled:
    return PostFilled(person=person(code), body="residents-committee", role="director")


@rule(
    "dual-post/1",
    clause="3.2",
    zh="书记、主任一肩挑",
    figures=NoFigures,
    examples=(
        Example(
            "书记、主任由一人担任：符合",
            2020,
            {},
            (
                _CONVERTED,
                Given("communities/a", date(2020, 3, 1), _secretary("p-1")),
                Given("communities/a", date(2020, 3, 1), _director("p-1")),
            ),
            (Finding("met", "communities/a", None, {"secretary": ["p-1"], "director": ["p-1"]}, (2, 3)),),
        ),
        Example(
            "主任换人后不再是一人：自当日起不符合",
            2020,
            {},
            (
                _CONVERTED,
                Given("communities/a", date(2020, 3, 1), _secretary("p-1")),
                Given("communities/a", date(2020, 3, 1), _director("p-1")),
                Given(
                    "communities/a",
                    date(2020, 8, 1),
                    PostVacated(person="p-1", body="residents-committee", role="director"),
                ),
                Given("communities/a", date(2020, 9, 1), _director("p-2")),
            ),
            (
                Finding(
                    "found",
                    "communities/a",
                    date(2020, 8, 1),
                    {"secretary": ["p-1"], "director": ["p-2"]},
                    (2, 4, 5),
                ),
            ),
        ),
        Example(
            "没有书记或主任的任职记录：不符合",
            2020,
            {},
            (_CONVERTED, Given("communities/a", date(2020, 3, 1), _secretary("p-1"))),
            (
                Finding(
                    "found",
                    "communities/a",
                    date(2020, 3, 1),
                    {"secretary": ["p-1"], "director": []},
                    (1, 2),
                    ("PostFilled residents-committee director",),
                ),
            ),
        ),
    ),
)
def dual_post(city: City, figures: NoFigures) -> Iterator[Finding]:  # noqa: ARG001  # compares with nothing
    """In a converted community the secretary and the director are not one person."""
    for record in city.converted:
        steps = [step for step in post_steps(record) if (step.fact.body, step.fact.role) in _DUAL]
        held = held_after(steps)
        secretaries, directors = (_holders(held, post) for post in _DUAL)
        shown: dict[str, JsonValue] = {"secretary": [*secretaries], "director": [*directors]}
        if _one_person(held):
            yield Finding("met", record.record, None, shown, evidence(*held.values()))
            continue
        readings = [(step.effective_on, not _one_person(held_after(steps[:at]))) for at, step in enumerate(steps, 1)]
        since = holding_since([(record.opened.effective_on, True), *readings])
        begun = [step for step in (record.opened, *steps) if step.effective_on == since]
        holders = {"secretary": secretaries, "director": directors}
        missing = tuple(f"PostFilled {body} {role}" for body, role in _DUAL if not holders[role])
        yield Finding("found", record.record, since, shown, evidence(*held.values(), *begun), missing)


def _holders(held: Iterable[Holding], post: tuple[Body, Post]) -> list[str]:
    return sorted(person for person, *of in held if tuple(of) == post)


def _one_person(held: Iterable[Holding]) -> bool:
    secretaries, directors = (_holders(held, post) for post in _DUAL)
    return len(secretaries) == 1 and secretaries == directors


# 3.3


@rule(
    "equal-treatment/1",
    clause="3.3",
    zh="市民待遇",
    figures=Grace,
    examples=(
        Example(
            "五项待遇在180日内全部落实：符合",
            2020,
            _grace(180),
            _approved(*((date(2020, 4, 1), EqualTreatmentGranted(service=one)) for one in get_args(EqualService))),
            (
                Finding(
                    "met",
                    "conversion-cases/c",
                    None,
                    {
                        "approved_on": "2020-03-01",
                        **{f"EqualTreatmentGranted {one}": "2020-04-01" for one in get_args(EqualService)},
                        "due_on": "2020-08-28",
                        "done_on": "2020-04-01",
                    },
                    (4, 5, 6, 7, 8, 9),
                ),
            ),
        ),
        Example(
            "期限内尚未落实：暂不判为不符合",
            2020,
            _grace(180),
            _approved(),
            (
                Finding(
                    "met",
                    "conversion-cases/c",
                    None,
                    {
                        "approved_on": "2020-03-01",
                        **{f"EqualTreatmentGranted {one}": None for one in get_args(EqualService)},
                        "due_on": "2020-08-28",
                        "pending": True,
                    },
                    (4,),
                ),
            ),
            on=date(2020, 8, 28),
        ),
        Example(
            "缺低保一项：自逾期次日起不符合",
            2020,
            _grace(180),
            _approved(*((date(2020, 4, 1), EqualTreatmentGranted(service=one)) for one in _ALL_BUT_ALLOWANCE)),
            (
                Finding(
                    "found",
                    "conversion-cases/c",
                    date(2020, 8, 29),
                    {
                        "approved_on": "2020-03-01",
                        **{f"EqualTreatmentGranted {one}": "2020-04-01" for one in _ALL_BUT_ALLOWANCE},
                        "EqualTreatmentGranted subsistence-allowance": None,
                        "due_on": "2020-08-28",
                    },
                    (4, 5, 6, 7, 8),
                    ("EqualTreatmentGranted subsistence-allowance",),
                ),
            ),
        ),
    ),
)
def equal_treatment(city: City, figures: Grace) -> Iterator[Finding]:
    """Any of the five public services is not granted on equal terms in time."""
    for record in city.cases.values():
        done: dict[str, Step[Fact] | None] = {f"EqualTreatmentGranted {service}": None for service in EQUAL_SERVICES}
        for step in reversed(record.of(EqualTreatmentGranted)):
            done[f"EqualTreatmentGranted {step.fact.service}"] = step
        yield from _within_grace(city, figures, record, done)
