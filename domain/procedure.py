"""What guards ask of procedures: when a case is undecided, and the figures of the scheme in force."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from domain.aggregate import Records
from domain.scheme import Figure, Indicator, Procedure, adopted, in_force, values_of
from domain.schemes import first_scheme

UNDECIDED = ("proposed", "assented", "returned", "passed")
"""Statuses of a conversion case from its proposal to its decision."""


def scheme_of_year(year: int, records: Records) -> str | None:
    """The id of the scheme that judges a year: the one in force on its last day; None where none is."""
    return in_force(adopted(records).items(), date(year, 12, 31))


def procedure_on(day: date, records: Records) -> Procedure:
    """The procedure of the scheme in force on a day.

    Where none is in force it is the first scheme's, as is a figure that an older scheme did not know.
    """
    schemes = adopted(records)
    scheme = in_force(schemes.items(), day)
    return _procedure({} if scheme is None else schemes[scheme].value("procedure"))


def procedure_by(scheme: str, records: Records) -> Procedure:
    """The procedure of a scheme, the one that an assessment was opened with; what it did not know is the first's."""
    state = records.state(f"schemes/{scheme}")
    return _procedure({} if state is None else state.value("procedure"))


def _procedure(figures: Mapping[str, Figure]) -> Procedure:
    return Procedure.read(values_of({**first_scheme().procedure, **figures}))


class Cap(NamedTuple):
    """What an indicator has to lose, and by how many rules."""

    points: Decimal
    rules: int
    clauses: frozenset[str]


def cap_of(scheme: str, indicator: str, records: Records) -> Cap | None:
    """What a scheme's indicator has to lose; None where the scheme has no such indicator."""
    state = records.state(f"schemes/{scheme}")
    indicators: tuple[Indicator, ...] = () if state is None else state.value("indicators")
    for one in indicators:
        if one.indicator == indicator:
            return Cap(Decimal(one.points), len(one.rules), frozenset(use.clause for use in one.rules))
    return None
