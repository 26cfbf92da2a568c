"""What a rule is: a pure function with a permanent versioned name, its figures, and examples worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

from pydantic import AfterValidator, Field, StringConstraints

from domain.fact import JsonValue, Value
from domain.rules.city import City
from domain.rules.example import Example
from domain.rules.finding import Finding
from domain.working_days import DaysAre, UnknownYear, day_after

Percent = Annotated[Decimal, Field(ge=0, le=100, max_digits=9)]
Area = Annotated[Decimal, Field(ge=0, max_digits=15)]
Amount = Annotated[Decimal, Field(ge=0, max_digits=15, decimal_places=2)]
"""Yuan, exact to the fen."""
GraceDays = Annotated[int, Field(ge=0, le=36_525)]

OneDay = Annotated[date, Field(ge=date(1949, 1, 1), le=date(2999, 12, 31))]


def _every_year(month_and_day: str) -> str:
    date.fromisoformat(f"2019-{month_and_day}")  # which has no 29 February
    return month_and_day


EveryYear = Annotated[str, StringConstraints(pattern=r"^\d{2}-\d{2}$"), AfterValidator(_every_year)]
"""A day of every year, MM-DD."""


class Figures(Value):
    """The figures that a rule compares with, as the scheme gives them. Fields are the names of its parameters."""


class NoFigures(Figures):
    """The rule asks whether something is on record, and compares with nothing."""


class Grace(Figures):
    """A time within which something is to be done."""

    grace_days: GraceDays
    days_are: DaysAre

    def due_on(self, start: date) -> date | UnknownYear:
        """The last day in time, counted from the day after `start`."""
        return day_after(start, self.grace_days, self.days_are)


class RuleSpec(NamedTuple):
    """One version of a rule. A changed rule has a new name, and the old one stays."""

    name: str
    clause: str
    zh: str
    figures: type[Figures]
    judge: Callable[[City, Any], Iterator[Finding]]
    """What it says of each of its subjects in a New City, by figures that `read` has given. Never raises."""
    examples: tuple[Example, ...]
    against: Literal["new-city", "new-area"]
    """Whose omission it finds: the New Area's costs a New City no points."""

    @property
    def parameters(self) -> frozenset[str]:
        """The names of the figures that the rule compares with."""
        return frozenset(self.figures.model_fields)

    def read(self, values: Mapping[str, JsonValue]) -> Figures:
        """The figures by their values in a scheme.

        Raises pydantic.ValidationError where one is missing, unknown or not of its kind.
        """
        return self.figures.model_validate_json(json.dumps(dict(values)))


_FiguresT = TypeVar("_FiguresT", bound=Figures)


def rule(
    name: str,
    *,
    clause: str,
    zh: str,
    figures: type[_FiguresT],
    examples: tuple[Example, ...],
    against: Literal["new-city", "new-area"] = "new-city",
) -> Callable[[Callable[[City, _FiguresT], Iterator[Finding]]], RuleSpec]:
    """Make the function below a rule under its permanent name."""

    def named(judge: Callable[[City, _FiguresT], Iterator[Finding]]) -> RuleSpec:
        return RuleSpec(name, clause, zh, figures, judge, examples, against)

    return named
