"""Who may record what, and who may read what: always by the rights that an account has today."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from domain.aggregate import Records, Whereabouts
from domain.fact import Fact
from domain.offices import Actor, Authority, Office, Scope
from domain.records import aggregate, scope_of
from domain.refusals import Code, Refused
from domain.state import State, Step

BASELINE = frozenset({"new-cities", "communities", "villages"})
"""Kinds of record whose opening events an administrator may import."""
OPEN_TO_ALL = frozenset({"schemes", "ledger", "new-area", "new-cities"})
KEPT_BY_ADMINISTRATORS = frozenset({"accounts", "ledger", "schemes"})
READ_EVERYTHING = frozenset({"inspector", "inspectorate", "arbiter"})


class WithOpened(NamedTuple):
    """The records, and those that earlier items of the same batch would open (`domain.aggregate.Records`)."""

    records: Records
    opened: Mapping[str, Step[Fact]]

    def state(self, record: str, on: date | None = None) -> State | None:
        """The record's state, or the one that its opening event would leave."""
        state = self.records.state(record, on)
        if state is None and (step := self.opened.get(record)) is not None:
            return aggregate(record.partition("/")[0]).evolve(None, step)
        return state

    def referring(self, target: str, kind: str) -> Iterable[str]:
        """The records of that kind that name the target."""
        return self.records.referring(target, kind)

    def entry_at(self, position: int) -> Whereabouts | None:
        """Where and when the entry at a position was recorded."""
        return self.records.entry_at(position)

    def new_city_of(self, record: str) -> str | None:
        """The New City that the record belongs to."""
        return self.records.new_city_of(record)


def may_record(actor: Actor, record: str, fact: Fact, records: Records) -> None:
    """Refuse an account that is none of those who may record this fact in this record; the system may record all."""
    if actor.is_system:
        return
    kind = aggregate(record.partition("/")[0])
    opens = isinstance(fact, kind.opening)
    if opens and kind.kind in BASELINE and "administrator" in actor.roles:
        return
    said = records.state(record) or (fact if opens else None)
    if said is None:
        raise Refused(Code.NOT_FOUND, f"there is no {record}")
    named = fact.authorities(said)
    if any(authority.who == "system" for authority in named):
        raise Refused(Code.SYSTEM_ONLY, f"{fact.event} is recorded by the system", clause=fact.under)
    scope = scope_of(record, said, records)
    if not any(authority.covers(actor, scope) for authority in named):
        raise Refused(
            Code.NOT_ENTITLED,
            f"{fact.event} in {record} is recorded by {' or '.join(map(_name, named))}",
            clause=fact.under,
        )


def may_be_offered(actor: Actor, record: str | None, kind: str, records: Records) -> list[type[Fact]]:
    """The facts that a form may offer an account: those of a record that stands, or the one that opens another.

    What a fact says can still make it somebody else's: `may_record` has the last word.
    """
    about = aggregate(kind)
    said = None if record is None else records.state(record)
    if said is not None and record is not None:
        scope = scope_of(record, said, records)
        return [fact for fact in about.facts[1:] if any(one.covers(actor, scope) for one in fact.by)]
    opening = about.opening
    own = _scope_of_office(actor)
    keeps = kind in BASELINE and "administrator" in actor.roles
    return [opening] if keeps or any(one.covers(actor, own) for one in opening.by) else []


def _scope_of_office(actor: Actor) -> Scope:
    """A record that is the account's own at every level that it could be."""
    unit = None if actor.office is None else Office.parse(actor.office).unit
    return Scope(unit, unit, unit)


def _name(authority: Authority) -> str:
    return authority.who if authority.bureau is None else f"{authority.who} {authority.bureau}"


class Reader(NamedTuple):
    """What an account may read today."""

    account: str
    everything: bool = False
    all_but_accounts: bool = False
    administrator: bool = False
    new_cities: frozenset[str] = frozenset()

    def may_read(self, kind: str, new_city: str | None) -> bool:
        """Whether records of that kind belonging to that New City (None: to none) are open to the account."""
        if self.everything or kind in OPEN_TO_ALL:
            return True
        if self.administrator and kind in KEPT_BY_ADMINISTRATORS:
            return True
        if self.all_but_accounts:
            return kind != "accounts"
        return new_city is not None and new_city in self.new_cities and kind != "accounts"


def reader(actor: Actor, new_cities: frozenset[str]) -> Reader:
    """What the actor may read; `new_cities` are those that the actor's office belongs to."""
    if actor.office is None:
        return Reader(actor.account)
    administrator = "administrator" in actor.roles
    return Reader(
        actor.account,
        everything=bool(READ_EVERYTHING & actor.roles),
        all_but_accounts=not administrator and Office.parse(actor.office).level == "new-area",
        administrator=administrator,
        new_cities=frozenset() if administrator else new_cities,
    )
