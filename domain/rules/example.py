"""Worked examples of rules: short histories with what a rule says of them, worked out by hand, told to inspectors."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal, NamedTuple

from domain.community import CommunityEstablished
from domain.estate import EstateRegistered
from domain.fact import Fact, JsonValue, Organisation, Person
from domain.new_city import NewCityRegistered
from domain.rules.finding import Finding
from domain.village import VillageRegistered

NEW_CITY = "fengdong"
"""The New City that every example is about."""

TOWNSHIP_CODE, TOWNSHIP = "610112002", "三桥街道"


class Given(NamedTuple):
    """A fact of an example's history; the first one is entry 1, and so on."""

    record: str
    effective_on: date
    fact: Fact


class Example(NamedTuple):
    """A history with what the rule says of it. A test holds the rule to it."""

    zh: str
    """What it shows, in a sentence."""
    year: int
    figures: Mapping[str, JsonValue]
    given: tuple[Given, ...]
    then: tuple[Finding, ...]
    """What the rule says; nothing where its subject doesn't exist."""
    on: date | None = None
    """The asked day; the year's last where none is."""


def new_city() -> NewCityRegistered:
    """The New City of the examples."""
    return NewCityRegistered(name="沣东新城", kind="new-city")


def community(
    origin: Literal["new-estate", "existing", "converted"] = "existing", households: int | None = None
) -> CommunityEstablished:
    """A community of it."""
    return CommunityEstablished(
        name="甲社区",
        origin=origin,
        township_code=TOWNSHIP_CODE,
        township=TOWNSHIP,
        new_city=NEW_CITY,
        households=households,
    )


def estate(households_planned: int = 1000) -> EstateRegistered:
    """An estate in it."""
    return EstateRegistered(
        name="乙小区",
        developer=Organisation(name="某开发企业"),
        households_planned=households_planned,
        township_code=TOWNSHIP_CODE,
        township=TOWNSHIP,
        new_city=NEW_CITY,
    )


def village() -> VillageRegistered:
    """A village in it."""
    return VillageRegistered(name="丙村", township_code=TOWNSHIP_CODE, township=TOWNSHIP, new_city=NEW_CITY)


def person(code: str) -> Person:
    """A person, named by their code."""
    return Person(id=code, name=code)


FACTORY = Organisation(name="某驻区企业")
