"""Accounts: who may act, in which roles, with which keys."""

# fixtures are the callables of conftest.py

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from domain import account
from domain.offices import Actor
from domain.records import record_kind
from domain.refusals import Code, Refused

A = "accounts/wang"
DIGEST = "a" * 64


@pytest.fixture
def opened(on):
    def opening(record=A, office="new-city:fengdong", roles=("recorder",), bureau=None):
        person = {"id": "wang-1", "name": "王"}
        return on("2020-01-01", record, "AccountOpened", person=person, office=office, bureau=bureau, roles=list(roles))

    return opening


@pytest.fixture
def issued(on):
    def key(name="k1", record=A, sha256=DIGEST, **data):
        return on("2020-01-02", record, "KeyIssued", key=name, sha256=sha256, **data)

    return key


def test_an_account_acts_for_its_person_and_office_in_its_roles(given, opened):
    world = given(opened(bureau="finance"))
    actor = account.actor("wang", world.state(A))
    assert actor == Actor("wang", "wang-1", None, "new-city:fengdong", "finance", frozenset({"recorder"}))
    world.then(A, status="open", office="new-city:fengdong", bureau="finance", roles=["recorder"], keys=[])


def test_roles_are_granted_and_revoked(given, on, opened):
    world = given(opened(), on("2020-02-01", A, "RolesGranted", roles=["inspector", "administrator"]))
    world.then(A, roles=["administrator", "inspector", "recorder"])
    world.when(on("2020-03-01", A, "RolesRevoked", roles=["recorder"], reasons="调岗")).then(
        A, roles=["administrator", "inspector"]
    )
    assert account.roles(world.state(A)) == {"administrator", "inspector"}
    assert account.roles(world.state(A, date(2020, 2, 28))) == {"administrator", "inspector", "recorder"}


def test_a_role_is_granted_once_and_revoked_where_it_is_held(given, on, opened):
    world = given(opened())
    world.when(on("2020-02-01", A, "RolesGranted", roles=["recorder"])).refused(Code.ALREADY_STANDING)
    world.when(on("2020-02-01", A, "RolesRevoked", roles=["inspector"], reasons="调岗")).refused(Code.NOT_STANDING)


@pytest.mark.parametrize("role", ["inspectorate", "arbiter"])
def test_inspectorate_and_arbiter_are_roles_at_the_new_area(given, on, opened, role):
    with pytest.raises(ValidationError, match="only at the New Area"):
        given().when(opened(roles=[role])).then(A)
    given().when(opened(office="new-area", roles=[role])).then(A, roles=[role])
    granted = on("2020-02-01", A, "RolesGranted", roles=[role])
    given(opened()).when(granted).refused(Code.NOT_ELIGIBLE, saying="new-city:fengdong")
    given(opened(office="new-area")).when(granted).then(A, roles=sorted(["recorder", role]))


@pytest.mark.parametrize(
    "office", ["new-area:x", "new-city", "new-city:", "village:v1", "new-city:a b", "new-city:a\n"]
)
def test_an_office_is_named_by_level_and_unit(given, opened, office):
    with pytest.raises(ValidationError):
        given().when(opened(office=office)).then(A)


def test_keys_stand_until_they_are_revoked(given, on, opened, issued):
    world = given(opened(), issued(expires_on="2021-01-01"), issued("k2", sha256="b" * 64))
    assert account.keys(world.state(A)) == {
        "k1": account.LiveKey(DIGEST, date(2021, 1, 1)),
        "k2": account.LiveKey("b" * 64, None),
    }
    world.when(on("2020-02-01", A, "KeyRevoked", key="k1", reasons="遗失")).then(A)
    assert set(account.keys(world.state(A))) == {"k2"}
    world.when(on("2020-02-02", A, "KeyRevoked", key="k1", reasons="遗失")).refused(Code.NOT_STANDING)


def test_a_key_has_one_name_in_its_account(given, opened, issued):
    world = given(opened(), issued())
    world.when(issued(sha256="b" * 64)).refused(Code.ALREADY_STANDING)
    world.when(issued("k2")).refused(Code.ALREADY_STANDING)


def test_a_key_is_one_accounts_alone_even_when_revoked(given, on, opened, issued):
    other = "accounts/zhao"
    world = given(opened(), opened(other), issued(), on("2020-02-01", A, "KeyRevoked", key="k1", reasons="遗失"))
    world.when(issued(record=other)).refused(Code.ALREADY_CLAIMED)


def test_a_closed_account_has_neither_roles_nor_keys_and_takes_nothing_later(given, on, opened, issued):
    world = given(opened(), issued(), on("2020-03-01", A, "AccountClosed", reasons="离职")).then(A, status="closed")
    assert account.roles(world.state(A)) == frozenset()
    assert account.keys(world.state(A)) == {}
    world.when(on("2020-03-02", A, "RolesGranted", roles=["inspector"])).refused(Code.CLOSED)


@pytest.mark.parametrize(
    "record_id", ["610112199001011234", "61011219900101123x", "system", "ab", "Wang", "w" * 33, "王"]
)
def test_an_account_is_an_opaque_code_and_never_the_system(record_id):
    with pytest.raises(Refused) as caught:
        record_kind(f"accounts/{record_id}")
    assert caught.value.code is Code.BAD_RECORD_ID


@pytest.mark.parametrize("person", ["610112199001011234", "61011219900101123x"])
def test_a_resident_number_is_no_code_for_a_person(given, on, person):
    opening = {"person": {"id": person, "name": "王"}, "office": "new-area", "roles": []}
    with pytest.raises(ValidationError, match="不得使用身份证号码"):
        given().when(on("2020-01-01", A, "AccountOpened", **opening)).then(A)
