"""谁看过什么: who read what, counted by the day, outside the log and forgotten after a year."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final, NamedTuple, Protocol

from application.rights import READ_EVERYTHING
from domain.offices import Actor

MAY_LOOK: Final = frozenset({"inspector", "inspectorate", "administrator"}) & (READ_EVERYTHING | {"administrator"})
"""Roles that may see who read what."""


class Read(NamedTuple):
    """What an account read on a day, and how often."""

    day: date
    account: str
    what: str
    """A path: `communities/610112002001`, `assessments`, `log/entries/41`."""
    times: int
    first_at: datetime
    last_at: datetime


class Wanted(NamedTuple):
    """Which reads are asked for."""

    account: str | None = None
    what: str | None = None
    """The beginning of the path."""
    day: date | None = None


class Trails(Protocol):
    """Keeps who read what."""

    def note(self, account: str, what: str) -> None:
        """An account has read something; returns at once."""
        ...

    def reads(self, wanted: Wanted, before: datetime | None, limit: int) -> Sequence[Read]:
        """Reads by when they were last made, the latest first, those before an instant."""
        ...


def may_look(actor: Actor) -> bool:
    """Whether the account may see who read what."""
    return bool(MAY_LOOK & actor.roles)
