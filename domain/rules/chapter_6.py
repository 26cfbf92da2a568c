"""Chapter 6, 社区服务: services for four groups of residents, the convenience circle, three-without estates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal

from domain.community import ConvenienceCircleLost, ConvenienceCircleRecognised, ServiceProvided
from domain.estate import ThreeWithoutFound, ThreeWithoutResolved
from domain.fact import JsonValue
from domain.rules.city import City, Subject, in_order
from domain.rules.example import Example, Given, community, estate
from domain.rules.finding import Deadline, Finding, by_deadlines, day_of, evidence, shown_day
from domain.rules.rule import Grace, NoFigures, rule
from domain.state import Step

# 6.1

Group = Literal["elderly", "youth", "job-seekers", "migrants"]
_GROUPS: tuple[Group, ...] = ("elderly", "youth", "job-seekers", "migrants")


def _service(day: date, audience: Literal["elderly", "youth", "everyone"]) -> Given:
    return Given("communities/a", day, ServiceProvided(audience=audience, title="服务"))


@rule(
    "services/1",
    clause="6.1",
    zh="分类公共服务",
    figures=NoFigures,
    examples=(
        Example(
            "面向全体居民的服务计入四类人群：符合",
            2020,
            {},
            (Given("communities/a", date(2020, 1, 1), community()), _service(date(2020, 5, 1), "everyone")),
            (Finding("met", "communities/a", None, dict.fromkeys(_GROUPS, "2020-05-01"), (2,)),),
        ),
        Example(
            "全年没有面向青少年和流动人口等的服务：不符合",
            2020,
            {},
            (Given("communities/a", date(2019, 1, 1), community()), _service(date(2020, 5, 1), "elderly")),
            (
                Finding(
                    "found",
                    "communities/a",
                    date(2020, 12, 31),
                    {"elderly": "2020-05-01", "youth": None, "job-seekers": None, "migrants": None},
                    (1, 2),
                    ("ServiceProvided youth", "ServiceProvided job-seekers", "ServiceProvided migrants"),
                ),
            ),
        ),
        Example(
            "年内尚可提供：暂不判为不符合",
            2020,
            {},
            (Given("communities/a", date(2019, 1, 1), community()),),
            (
                Finding(
                    "met",
                    "communities/a",
                    None,
                    {**dict.fromkeys(_GROUPS), "due_on": "2020-12-31", "pending": True},
                    (1,),
                ),
            ),
            on=date(2020, 6, 30),
        ),
    ),
)
def services(city: City, figures: NoFigures) -> Iterator[Finding]:  # noqa: ARG001  # compares with nothing
    """An active community provided no service for one of four groups in the year."""
    begins = date(city.year, 1, 1)
    for record in city.active:
        last: dict[str, Step[ServiceProvided]] = {}
        for step in reversed(record.of(ServiceProvided)):
            if step.effective_on < begins or len(last) == len(_GROUPS):
                break
            for group in _GROUPS if step.fact.audience == "everyone" else (step.fact.audience,):
                last.setdefault(group, step)
        shown: dict[str, JsonValue] = {group: shown_day(last.get(group)) for group in _GROUPS}
        if len(last) == len(_GROUPS):
            yield Finding("met", record.record, None, shown, evidence(*last.values()))
            continue
        positions = evidence(record.opened, *last.values())
        if city.year_is_over:
            missing = tuple(f"ServiceProvided {group}" for group in _GROUPS if group not in last)
            yield Finding("found", record.record, city.day, shown, positions, missing)
        else:
            yield Finding("met", record.record, None, shown | city.pending_in_year, positions)


# 6.2


@rule(
    "convenience-circle/1",
    clause="6.2",
    zh="15分钟便民服务圈",
    figures=NoFigures,
    examples=(
        Example(
            "建成便民服务圈：符合",
            2020,
            {},
            (
                Given("communities/a", date(2020, 1, 1), community()),
                Given("communities/a", date(2020, 7, 1), ConvenienceCircleRecognised()),
            ),
            (Finding("met", "communities/a", None, {"recognised_on": "2020-07-01"}, (2,)),),
        ),
        Example(
            "不再达标：自当日起不符合",
            2020,
            {},
            (
                Given("communities/a", date(2020, 1, 1), community()),
                Given("communities/a", date(2020, 7, 1), ConvenienceCircleRecognised()),
                Given("communities/a", date(2020, 10, 8), ConvenienceCircleLost(reason="菜市场关闭")),
            ),
            (
                Finding(
                    "found",
                    "communities/a",
                    date(2020, 10, 8),
                    {"recognised_on": None},
                    (1, 3),
                    ("ConvenienceCircleRecognised",),
                ),
            ),
        ),
    ),
)
def convenience_circle(city: City, figures: NoFigures) -> Iterator[Finding]:  # noqa: ARG001  # compares with nothing
    """An active community has no 15-minute convenience circle."""
    for record in city.active:
        recognised = record.standing(ConvenienceCircleRecognised, ConvenienceCircleLost)
        shown: dict[str, JsonValue] = {"recognised_on": shown_day(recognised)}
        if recognised is not None:
            yield Finding("met", record.record, None, shown, (recognised.position,))
            continue
        lost = record.last(ConvenienceCircleLost)
        yield Finding(
            "found",
            record.record,
            (lost or record.opened).effective_on,
            shown,
            evidence(record.opened, lost),
            ("ConvenienceCircleRecognised",),
        )


# 6.3

_GRACE: dict[str, JsonValue] = {"grace_days": 180, "days_are": "calendar"}
_FOUND = (
    Given("estates/x", date(2019, 12, 10), estate()),
    Given("estates/x", date(2020, 1, 15), ThreeWithoutFound(description="无物业、无主管部门、无人防物防")),
)


@rule(
    "three-without/1",
    clause="6.3",
    zh="“三无”小区",
    figures=Grace,
    examples=(
        Example(
            "180日内解决：符合",
            2020,
            _GRACE,
            (*_FOUND, Given("estates/x", date(2020, 7, 13), ThreeWithoutResolved(description="引入物业"))),
            (
                Finding(
                    "met",
                    "estates/x",
                    None,
                    {
                        "episodes": [{"found_on": "2020-01-15", "resolved_on": "2020-07-13"}],
                        "due_on": "2020-07-13",
                        "done_on": "2020-07-13",
                    },
                    (2, 3),
                ),
            ),
        ),
        Example(
            "逾期未解决：自次日起不符合",
            2020,
            _GRACE,
            _FOUND,
            (
                Finding(
                    "found",
                    "estates/x",
                    date(2020, 7, 14),
                    {"episodes": [{"found_on": "2020-01-15", "resolved_on": None}], "due_on": "2020-07-13"},
                    (2,),
                    ("ThreeWithoutResolved",),
                ),
            ),
        ),
        Example("从未认定为“三无”的小区不在此列", 2020, _GRACE, _FOUND[:1], ()),
    ),
)
def three_without(city: City, figures: Grace) -> Iterator[Finding]:
    """A three-without estate is not resolved in time; each time that it was found to be one counts by itself."""
    for record in city.estates.values():
        episodes = _episodes(record)
        if not episodes:
            continue
        deadlines = [
            Deadline("ThreeWithoutResolved", figures.due_on(found.effective_on), day_of(resolved))
            for found, resolved in episodes
        ]
        shown: list[JsonValue] = [
            {"found_on": shown_day(found), "resolved_on": shown_day(resolved)} for found, resolved in episodes
        ]
        positions = evidence(*(step for episode in episodes for step in episode))
        yield by_deadlines(city, record.record, deadlines, {"episodes": shown}, positions)


def _episodes(estate: Subject) -> list[tuple[Step[ThreeWithoutFound], Step[ThreeWithoutResolved] | None]]:
    """Each time that the estate was found to be a three-without one, with what resolved it."""
    episodes: list[tuple[Step[ThreeWithoutFound], Step[ThreeWithoutResolved] | None]] = []
    for step in in_order(estate.of(ThreeWithoutFound), estate.of(ThreeWithoutResolved)):
        is_open = bool(episodes) and episodes[-1][1] is None
        if type(step.fact) is ThreeWithoutFound:
            if not is_open:
                episodes.append((step, None))
        elif is_open:
            episodes[-1] = (episodes[-1][0], step)
    return episodes
