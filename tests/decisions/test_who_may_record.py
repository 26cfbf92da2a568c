"""Every event × every kind of account: exactly those that the table names may record it."""

# fixtures are the callables of conftest.py

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import chain, combinations, product
from pathlib import Path
from typing import Any

import pytest
import yaml

from domain.fact import Fact
from domain.offices import BUREAUS, ROLES, SYSTEM, Actor, Scope
from domain.records import AGGREGATES, VOCABULARY
from domain.state import State, Step

TABLE: dict[str, dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("authority.yaml").read_text(encoding="utf-8")
)

OWN = {"new-city": "fengdong", "township": "610112002", "community": "c1"}
WHOSE = {
    "new-area": Scope(),
    "new-cities": Scope("fengdong"),
    "communities": Scope("fengdong", "610112002", "c1"),
    "villages": Scope("fengdong", "610112002"),
    "conversion-cases": Scope("fengdong", "610112002"),
    "estates": Scope("fengdong", "610112002"),
    "funding-allocations": Scope("fengdong"),
    "schemes": Scope(),
    "inspections": Scope("fengdong"),
    "assessments": Scope("fengdong"),
    "disputes": Scope("fengdong"),
    "accounts": Scope(),
    "ledger": Scope(),
}
OFFICES = ["new-area", *(f"{level}:{unit}" for level, own in OWN.items() for unit in (own, "elsewhere"))]
ACCOUNTS = [
    Actor("a", "p", None, office, bureau, frozenset(roles))
    for office, bureau, roles in product(
        OFFICES,
        (None, *BUREAUS),
        chain.from_iterable(combinations(ROLES, count) for count in range(len(ROLES) + 1)),
    )
] + [Actor("a", "p", None, None, None, frozenset(ROLES))]


def named(who: str, actor: Actor) -> bool:
    """Whether the words of the table mean this account, in a record that its own units own."""
    if "administrator" in actor.roles:
        return who == "administrator"
    if who in ("inspectorate", "arbiter"):
        return actor.office == "new-area" and who in actor.roles
    level, _, bureau = who.partition(" ")
    office = "new-area" if level == "new-area" else f"{level}:{OWN.get(level)}"
    return "recorder" in actor.roles and actor.office == office and bureau in ("", actor.bureau)


def cases() -> Iterator[Any]:
    for kind, events in TABLE.items():
        for event, who in events.items():
            if isinstance(who, str):
                yield pytest.param(kind, event, {}, who, id=f"{kind}-{event}")
            else:
                ((field, deciding),) = who.items()
                for value, by in deciding.items():
                    yield pytest.param(kind, event, {field: value}, by, id=f"{kind}-{event}-{value}")


def test_the_table_names_every_event_of_every_kind_of_record():
    assert {kind: list(events) for kind, events in TABLE.items()} == {
        kind: [fact.event for fact in aggregate.facts] for kind, aggregate in AGGREGATES.items()
    }


@pytest.mark.parametrize(("kind", "event", "deciding", "who"), list(cases()))
def test_an_event_is_recorded_by_exactly_those_it_names(kind, event, deciding, who):
    fact, opening = VOCABULARY.fact(kind, event), AGGREGATES[kind].opening
    assert fact is not None
    data = {name: value for name, value in deciding.items() if name in fact.model_fields}
    opened = Step[Fact](opening.model_construct(**deciding), date(2020, 1, 1), 1, 1)
    state = None if fact is opening else State("open", dict.fromkeys(deciding, opened))
    allowed = fact.model_construct(**data).authorities(state)
    for actor in ACCOUNTS:
        expected = any(named(one, actor) for one in who.split(" or "))
        assert any(one.covers(actor, WHOSE[kind]) for one in allowed) is expected, actor


def test_each_row_of_the_table_lets_somebody_record_and_somebody_not():
    for _, _, _, who in (case.values for case in cases()):
        lets = {any(named(one, actor) for one in who.split(" or ")) for actor in ACCOUNTS}
        assert lets == ({False} if who == "system" else {True, False})


def test_the_ledger_itself_may_record_everything_for_it_opens_the_first_account():
    assert all(one.covers(SYSTEM, Scope()) for kind in AGGREGATES.values() for fact in kind.facts for one in fact.by)
