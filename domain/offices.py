"""Offices, their bureaus and the roles of accounts: who may record what (clauses 2–8 name the offices)."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, get_args

Level = Literal["new-area", "new-city", "township", "community"]
Bureau = Literal["civil-affairs", "finance", "natural-resources", "planning", "committee"]
Role = Literal["recorder", "inspectorate", "arbiter", "inspector", "administrator"]

LEVELS: tuple[Level, ...] = get_args(Level)
BUREAUS: tuple[Bureau, ...] = get_args(Bureau)
ROLES: tuple[Role, ...] = get_args(Role)
ROLES_OF_NEW_AREA: frozenset[Role] = frozenset({"inspectorate", "arbiter"})
ARBITERS = "roles/arbiter"
"""What the accounts of arbiters are found by."""

OFFICE_PATTERN = r"^(new-area|(new-city|township|community):[A-Za-z0-9][A-Za-z0-9-]{0,63})$"

_BUREAU_AT_END = re.compile(rf"^(?P<levels>.+?)(?: (?P<bureau>{'|'.join(BUREAUS)}))?$")


class Office(NamedTuple):
    """An office: its level and, below the New Area, which one it is."""

    level: Level
    unit: str | None

    @classmethod
    def parse(cls, text: str) -> Office:
        """The office that `new-city:fengdong` names. Raises ValueError for anything else."""
        if not re.fullmatch(OFFICE_PATTERN, text):
            raise ValueError("an office is new-area, new-city:ID, township:CODE or community:ID")
        level, _, unit = text.partition(":")
        for known in LEVELS:
            if known == level:
                return cls(known, unit or None)
        raise ValueError(level)


class Scope(NamedTuple):
    """Whose a record is: the New City, the township and the community it belongs to, where it does."""

    new_city: str | None = None
    township: str | None = None
    community: str | None = None

    def unit(self, level: Level) -> str | None:
        """The unit of that level that the record belongs to; None at the New Area or where it belongs to none."""
        match level:
            case "new-area":
                return None
            case "new-city":
                return self.new_city
            case "township":
                return self.township
            case "community":
                return self.community


class Actor(NamedTuple):
    """Who acts: an account with its person, office and roles as they stand today."""

    account: str
    person: str | None
    name: str | None
    """In clear, to be sealed into the entry; None for the system."""
    office: str | None
    bureau: str | None
    roles: frozenset[str]

    @property
    def is_system(self) -> bool:
        """Whether the ledger itself acts."""
        return self.account == "system"


SYSTEM = Actor("system", None, None, None, None, frozenset())


class Authority(NamedTuple):
    """One of those who may record an event: an office's level with its bureau, or a role of the New Area."""

    who: Literal["new-area", "new-city", "township", "community", "inspectorate", "arbiter", "administrator", "system"]
    bureau: str | None = None

    def covers(self, actor: Actor, scope: Scope) -> bool:
        """Whether this actor is the one meant, for a record of this scope.

        An office above never acts for one below; an administrator acts for no office.
        """
        if actor.is_system or self.who == "system":
            return actor.is_system
        if self.who == "administrator":
            return "administrator" in actor.roles
        if actor.office is None or "administrator" in actor.roles:
            return False
        office = Office.parse(actor.office)
        if self.who in ("inspectorate", "arbiter"):
            return office.level == "new-area" and self.who in actor.roles
        return (
            "recorder" in actor.roles
            and office.level == self.who
            and (office.level == "new-area" or office.unit == scope.unit(office.level))
            and (self.bureau is None or self.bureau == actor.bureau)
        )


def authorities(by: str) -> tuple[Authority, ...]:
    """The authorities that phrases name: `new-city or new-area planning; community` is the planning bureau of either.

    Raises ValueError for a phrase that names no authority.
    """
    return tuple(authority for phrase in by.split("; ") for authority in _authorities(phrase))


def _authorities(phrase: str) -> tuple[Authority, ...]:
    found = _BUREAU_AT_END.match(phrase)
    if found is None:
        raise ValueError(phrase)
    return tuple(Authority(_who(level), found["bureau"]) for level in found["levels"].split(" or "))


def _who(
    level: str,
) -> Literal["new-area", "new-city", "township", "community", "inspectorate", "arbiter", "administrator", "system"]:
    match level:
        case (
            "new-area"
            | "new-city"
            | "township"
            | "community"
            | "inspectorate"
            | "arbiter"
            | "administrator"
            | "system" as who
        ):
            return who
        case _:
            raise ValueError(f"no such authority: {level}")
