"""What has been counted of a community: its households, and the area of its premises. Clauses 2.2, 4.1 and 4.2."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from domain.community import CommunityEstablished, HouseholdsCounted, PremisesProvided, PremisesWithdrawn
from domain.fact import JsonValue
from domain.rules.city import Subject, in_order
from domain.state import Step


class Reading(NamedTuple):
    """What was counted, by the steps that say so."""

    value: Decimal
    steps: tuple[Step[Any], ...]


def households_counted(community: Subject) -> Sequence[Step[Any]]:
    """The steps that count a community's households, oldest first."""
    established = community.of(CommunityEstablished)[0]
    counted = community.of(HouseholdsCounted)
    return counted if established.fact.households is None else (established, *counted)


def households_by_day(community: Subject) -> dict[date, Reading]:
    """The households as each count left them."""
    return {
        step.effective_on: Reading(Decimal(step.fact.households), (step,)) for step in households_counted(community)
    }


def premises_by_day(community: Subject) -> dict[date, Reading]:
    """The square metres of all premises together, as each change left them."""
    held: dict[str, Step[Any]] = {}
    withdrawn: list[Step[Any]] = []
    readings: dict[date, Reading] = {}
    for step in in_order(community.of(PremisesProvided), community.of(PremisesWithdrawn)):
        if type(step.fact) is PremisesProvided:
            held[step.fact.premises] = step
        else:
            held.pop(step.fact.premises, None)
            withdrawn.append(step)
        area = sum((Decimal(one.fact.area) for one in held.values()), Decimal(0))
        readings[step.effective_on] = Reading(area, (*held.values(), *withdrawn))
    return readings


class Need(NamedTuple):
    """The premises that a community has, beside those that its households need by the standard."""

    area: Reading | None
    households: Reading | None
    standard: Decimal
    """Square metres per 100 households."""

    @property
    def is_short(self) -> bool:
        """Whether both are known and the area falls short."""
        return (
            self.area is not None
            and self.households is not None
            and self.area.value * 100 < self.standard * self.households.value
        )

    @property
    def missing(self) -> tuple[str, ...]:
        """The events that would give what is not known."""
        known = {"PremisesProvided": self.area, "HouseholdsCounted": self.households}
        return tuple(event for event, reading in known.items() if reading is None)

    @property
    def steps(self) -> tuple[Step[Any], ...]:
        """The steps that say what is known."""
        return tuple(step for reading in (self.area, self.households) if reading is not None for step in reading.steps)

    @property
    def figures(self) -> dict[str, JsonValue]:
        """What is known, in square metres and households."""
        shown: dict[str, JsonValue] = {"square_metres_per_100_households": str(self.standard)}
        if self.area is not None:
            shown["square_metres"] = f"{self.area.value:.2f}"
        if self.households is not None:
            shown["households"] = int(self.households.value)
            shown["square_metres_needed"] = f"{self.standard * self.households.value / 100:.2f}"
        return shown
