"""账户: who may act, for which office, in which roles and with which keys. Recorded like everything else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, NamedTuple, Self, TypeAlias, assert_never, get_args

from pydantic import AfterValidator, Field, model_validator

from domain.aggregate import Aggregate, Records, not_standing, standing, still_open
from domain.fact import Day, Fact, JsonValue, Key, OfficeName, Person, Sha256, Text, distinct
from domain.offices import ARBITERS, ROLES_OF_NEW_AREA, Actor, Bureau, Role
from domain.refusals import Code, Refused
from domain.state import State, Step

# facts

Roles = Annotated[tuple[Role, ...], Field(min_length=1), AfterValidator(distinct)]


class AccountOpened(Fact, stored_as="AccountOpened/1", zh="开立账户", by="administrator"):
    """A person may act for an office, in these roles."""

    person: Person
    office: OfficeName
    bureau: Bureau | None = None
    roles: Annotated[tuple[Role, ...], AfterValidator(distinct)]

    @model_validator(mode="after")
    def _roles_of_its_office(self) -> Self:
        if self.office != "new-area" and (only := ROLES_OF_NEW_AREA.intersection(self.roles)):
            raise ValueError(f"{', '.join(sorted(only))}: only at the New Area")
        return self

    def claims(self) -> tuple[str, ...]:
        """Arbiters are found by their role."""
        return _found_by(self.roles)


class RolesGranted(Fact, stored_as="RolesGranted/1", zh="授予角色", by="administrator"):
    """The account has these roles too."""

    roles: Roles

    def claims(self) -> tuple[str, ...]:
        """Arbiters are found by their role."""
        return _found_by(self.roles)


class RolesRevoked(Fact, stored_as="RolesRevoked/1", zh="收回角色", by="administrator"):
    """The account no longer has these roles."""

    roles: Roles
    reasons: Text


class KeyIssued(Fact, stored_as="KeyIssued/1", zh="签发密钥", by="administrator"):
    """The account has an API key, of which only the digest is kept."""

    key: Key
    sha256: Sha256
    expires_on: Day | None = None

    def claims(self) -> tuple[str, ...]:
        """A key is one account's, for ever."""
        return (f"keys/{self.sha256}",)


class KeyRevoked(Fact, stored_as="KeyRevoked/1", zh="吊销密钥", by="administrator"):
    """An API key no longer opens anything."""

    key: Key
    reasons: Text


class AccountClosed(Fact, stored_as="AccountClosed/1", zh="注销账户", by="administrator"):
    """Nobody acts through the account any more."""

    reasons: Text


AccountFact: TypeAlias = AccountOpened | RolesGranted | RolesRevoked | KeyIssued | KeyRevoked | AccountClosed


def _found_by(granted: tuple[Role, ...]) -> tuple[str, ...]:
    return (ARBITERS,) if "arbiter" in granted else ()


# state: open → closed

CLOSED = frozenset({"closed"})


class LiveKey(NamedTuple):
    """An API key that stands."""

    sha256: str
    """Of the key, lower-case hex."""
    expires_on: date | None
    """The last day on which it opens anything."""


def roles(state: State) -> frozenset[str]:
    """The roles of the account as they stand; none once it is closed."""
    return frozenset() if state.status in CLOSED else frozenset(map(str, state.items("roles")))


def _roles_in_order(state: State) -> JsonValue:
    return [*sorted(roles(state))]


def keys(state: State) -> Mapping[str, LiveKey]:
    """The account's API keys that are not revoked, by name; none once it is closed."""
    if state.status in CLOSED:
        return {}
    return {
        str(key): LiveKey(item.value("sha256"), item.opened.fact.expires_on)
        for key, item in state.items("keys").items()
        if isinstance(item.opened.fact, KeyIssued)
    }


def actor(account: str, state: State) -> Actor:
    """Who acts through the account, the name left out: it stands sealed in the state."""
    person: Person = state.value("person")
    return Actor(account, person.id, None, state.value("office"), state.value("bureau"), roles(state))


# fold


def evolve(account: State | None, step: Step[AccountFact]) -> State:
    """Fold one step. Refuses nothing: it has already happened."""
    if account is None:
        account = State("open")
    match step.fact:
        case AccountOpened():
            return _granted(account.say(step), step.fact.roles, step)
        case RolesGranted():
            return _granted(account, step.fact.roles, step)
        case RolesRevoked():
            for role in step.fact.roles:
                account = account.drop("roles", role)
            return account
        case KeyIssued(key=key):
            return account.put("keys", key, step)
        case KeyRevoked(key=key):
            return account.drop("keys", key)
        case AccountClosed():
            return account.take(step).become("closed")
        case _:
            assert_never(step.fact)


def _granted(account: State, granted: tuple[Role, ...], step: Step[AccountFact]) -> State:
    for role in granted:
        account = account.put("roles", role, step)
    return account


# what is admitted


def admit(account: State | None, step: Step[AccountFact]) -> None:
    """Refuse what would follow the closing, and roles and keys that do not stand or stand already."""
    if account is None:
        return
    still_open(account, CLOSED, step)
    match step.fact:
        case RolesGranted():
            _at_its_office(account, step.fact)
            for role in step.fact.roles:
                not_standing(account, "roles", role, step)
        case RolesRevoked():
            for role in step.fact.roles:
                standing(account, "roles", role, step)
        case KeyIssued(key=key, sha256=sha256):
            not_standing(account, "keys", key, step)
            if any(live.sha256 == sha256 for live in keys(account).values()):
                raise Refused(Code.ALREADY_STANDING, "the account has this key under another name")
        case KeyRevoked(key=key):
            standing(account, "keys", key, step)
        case AccountOpened() | AccountClosed():
            return
        case _:
            assert_never(step.fact)


def _at_its_office(account: State, granted: RolesGranted) -> None:
    office = account.value("office")
    if office != "new-area" and (only := ROLES_OF_NEW_AREA.intersection(granted.roles)):
        raise Refused(Code.NOT_ELIGIBLE, f"{', '.join(sorted(only))}: only at the New Area, not at {office}")


# what other records must allow


def conditions(record: str, account: State | None, step: Step[AccountFact], records: Records) -> None:  # noqa: ARG001
    """A key is issued to one account alone, revoked or not."""
    for claim in step.fact.claims() if isinstance(step.fact, KeyIssued) else ():
        for other in records.referring(claim, "accounts"):
            if other != record:
                raise Refused(Code.ALREADY_CLAIMED, "the key was issued to another account")


ACCOUNT = Aggregate(
    kind="accounts",
    zh="账户",
    facts=get_args(AccountFact),
    evolve=evolve,
    admit=admit,
    fields=("person", "office", "bureau"),
    lists=("keys",),
    worked_out={"roles": _roles_in_order},
    correctable=False,
    id_pattern=r"(?!system$)(?!\d{17}[\dx]$)[a-z0-9-]{3,32}",
    conditions=conditions,
)
