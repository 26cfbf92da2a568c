"""Chapter 1, 总体思路和目标: a demonstration of community governance in every New City."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from domain.community import (
    CommunityDissolved,
    CommunityMerged,
    CommunitySplit,
    DemonstrationGranted,
    DemonstrationWithdrawn,
)
from domain.fact import Count, Fact, JsonValue, Year
from domain.rules.city import City, Subject, in_order
from domain.rules.example import Example, Given, community, new_city
from domain.rules.finding import Finding, evidence, holding_since
from domain.rules.rule import Figures, rule
from domain.state import Step

_FACTS: tuple[type[Fact], ...] = (
    DemonstrationGranted,
    DemonstrationWithdrawn,
    CommunitySplit,
    CommunityMerged,
    CommunityDissolved,
)


class Demonstration(Figures):
    """How many demonstration communities a New City has, and from which year on."""

    minimum: Count
    from_year: Year


_FIGURES: dict[str, JsonValue] = {"minimum": 1, "from_year": 2020}
_OPENED = Given("new-cities/fengdong", date(2019, 12, 10), new_city())
_COMMUNITY = Given("communities/a", date(2019, 12, 10), community())
_GRANTED = Given("communities/a", date(2020, 9, 1), DemonstrationGranted(title="示范样板"))


@rule(
    "demonstration/1",
    clause="1",
    zh="示范样板社区",
    figures=Demonstration,
    examples=(
        Example(
            "2020年评出一个示范样板社区：符合",
            2020,
            _FIGURES,
            (_OPENED, _COMMUNITY, _GRANTED),
            (Finding("met", "new-cities/fengdong", None, {"demonstrations": 1, "minimum": 1}, (3,)),),
        ),
        Example(
            "示范样板被取消，此后没有：自取消之日起不符合",
            2020,
            _FIGURES,
            (
                _OPENED,
                _COMMUNITY,
                _GRANTED,
                Given("communities/a", date(2020, 11, 2), DemonstrationWithdrawn(reason="复查不达标")),
            ),
            (
                Finding(
                    "found",
                    "new-cities/fengdong",
                    date(2020, 11, 2),
                    {"demonstrations": 0, "minimum": 1},
                    (1, 4),
                    ("DemonstrationGranted",),
                ),
            ),
        ),
        Example(
            "2019年尚未要求",
            2019,
            _FIGURES,
            (_OPENED, _COMMUNITY),
            (
                Finding(
                    "met",
                    "new-cities/fengdong",
                    None,
                    {"demonstrations": 0, "minimum": 1, "due_on": "2019-12-31", "pending": True},
                    (1,),
                ),
            ),
        ),
    ),
)
def demonstration(city: City, figures: Demonstration) -> Iterator[Finding]:
    """A New City has fewer demonstration communities than it should."""
    if city.subject is None:
        return
    about = city.subject.record
    granted = [
        grant
        for one in city.active
        if (grant := one.standing(DemonstrationGranted, DemonstrationWithdrawn)) is not None
    ]
    compared: dict[str, JsonValue] = {"demonstrations": len(granted), "minimum": figures.minimum}
    if len(granted) >= figures.minimum:
        yield Finding("met", about, None, compared, evidence(*granted))
        return
    begins = date(figures.from_year, 1, 1)
    if city.day < begins:
        compared |= {"due_on": (begins - timedelta(days=1)).isoformat(), "pending": True}
        yield Finding("met", about, None, compared, evidence(city.subject.opened, *granted))
        return
    lost, since = _lost(city.communities.values(), city.subject.opened, figures.minimum)
    yield Finding(
        "found",
        about,
        max(since, begins),
        compared,
        evidence(city.subject.opened, *granted, *lost),
        ("DemonstrationGranted",),
    )


def _lost(communities: Iterable[Subject], opened: Step[Fact], minimum: int) -> tuple[list[Step[Fact]], date]:
    """The steps by which demonstrations were lost, and since when there have been too few."""
    marked = [one for one in communities if one.first(DemonstrationGranted) is not None]
    record_of = {step.position: one.record for one in marked for fact in _FACTS for step in one.of(fact)}
    held: set[str] = set()
    lost: list[Step[Fact]] = []
    readings = [(date.min, True)]
    for step in in_order(*(one.of(fact) for one in marked for fact in _FACTS)):
        record = record_of[step.position]
        if type(step.fact) is DemonstrationGranted:
            held.add(record)
        elif record in held:
            held.remove(record)
            lost.append(step)
        readings.append((step.effective_on, len(held) < minimum))
    return lost, max(holding_since(readings) or date.min, opened.effective_on)
