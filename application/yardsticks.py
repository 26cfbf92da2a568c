"""The versions of the scheme: which one judges a year, as known at a position, and its figures ready to judge by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from application.histories import Histories
from domain.refusals import Code, FieldError, Refused
from domain.scheme import SchemeAdopted, adopted, in_force
from domain.scoring import Yardstick
from domain.state import State

YEARS: Final = 20
"""Years that are named at most."""


class Yardsticks:
    """Schemes in the log; safe for threads."""

    def __init__(self, histories: Histories) -> None:
        self._histories = histories
        self._read: dict[str, Yardstick] = {}

    def adopted(self, position: int) -> Mapping[str, State]:
        """The schemes adopted by a position, by id."""
        return adopted(self._histories.known_at(position))

    def of_year(self, year: int, position: int) -> str | None:
        """The scheme in force on the year's last day, as known at a position; None where none is."""
        return in_force(self.adopted(position).items(), date(year, 12, 31))

    def years(self, latest: int, position: int) -> list[int]:
        """The years up to the latest that a scheme judges, as known at a position: the last twenty, newest first."""
        adopted = self.adopted(position).items()
        first = min((state.value("effective_from").year for _, state in adopted), default=latest + 1)
        years = range(latest, max(first, latest - YEARS) - 1, -1)
        return [year for year in years if in_force(adopted, date(year, 12, 31)) is not None]

    def yardstick(self, scheme: str, position: int) -> Yardstick:
        """The scheme's figures, as known at a position. Raises Refused (unknown-reference) where it isn't adopted."""
        state = self._histories.at(f"schemes/{scheme}", position).state
        if state is None:
            detail = f"there is no schemes/{scheme}"
            raise Refused(Code.UNKNOWN_REFERENCE, detail, errors=[FieldError("/scheme", detail)])
        read = self._read.get(scheme)
        if read is None:
            fact = state.fields["indicators"].fact
            if not isinstance(fact, SchemeAdopted):
                raise TypeError(fact)
            read = self._read[scheme] = Yardstick.of(fact)  # an adopted scheme never changes
        return read
