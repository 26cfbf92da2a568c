"""经费: one allocation a place, exact to the fen, never paid beyond what was approved. Clause 8.3."""

# fixtures are the callables of conftest.py

from __future__ import annotations

import pytest
from pydantic import ValidationError

from domain.refusals import Code

A = "funding-allocations/a1"
PLACE = {"new_city": "fengdong", "year": 2020, "bearer": "new-area", "purpose": "community-work"}


@pytest.fixture
def approved(on):
    def allocation(record=A, amount="100.00", **changes):
        return on("2020-01-10", record, "AllocationApproved", **(PLACE | changes), amount=amount)

    return allocation


@pytest.fixture
def paid(on):
    def disbursement(day, payment, amount):
        payees = {"payer": "新区财政局", "payee": "沣东新城"}
        return on(day, A, "FundsDisbursed", payment=payment, amount=amount, **payees)

    return disbursement


def test_part_payments_add_up_to_the_fen(given, approved, paid):
    world = given(approved()).then(A, status="approved", amount="100.00", payments=[])
    world.when(paid("2020-02-01", "p1", "99.99")).then(A, status="part-paid")
    world.when(paid("2020-03-01", "p2", "0.01")).then(A, status="paid").then(A, on="2020-02-28", status="part-paid")


def test_no_more_is_paid_than_was_approved(given, approved, paid):
    given(approved(), paid("2020-02-01", "p1", "99.99")).when(paid("2020-03-01", "p2", "0.02")).refused(
        Code.OVERDRAWN, saying="99.99 of 100.00 yuan paid out, 0.02 more exceeds it"
    )


def test_a_late_payment_leaves_room_for_those_recorded_before_it(given, approved, paid):
    given(approved(), paid("2020-03-01", "p1", "60")).when(paid("2020-02-01", "p2", "60")).refused(
        Code.STANDS_IN_THE_WAY, positions=(2,)
    )


def test_money_returned_may_be_paid_again_from_its_return_on(given, on, approved, paid):
    returned = on("2020-03-01", A, "FundsReturned", payment="p1", amount="40", reason="结余")
    world = given(approved(), paid("2020-02-01", "p1", "100"), returned).then(A, status="part-paid")
    world.when(paid("2020-02-28", "p2", "40")).refused(Code.OVERDRAWN)
    world.when(paid("2020-03-02", "p2", "40.01")).refused(Code.OVERDRAWN)
    world.when(paid("2020-03-02", "p2", "40")).then(A, status="paid")


def test_a_return_that_a_payment_stands_on_is_not_retracted(given, on, approved, paid, retracted):
    given(
        approved(),
        paid("2020-02-01", "p1", "100"),
        on("2020-03-01", A, "FundsReturned", payment="p1", amount="40", reason="结余"),
        paid("2020-03-02", "p2", "40"),
    ).when(retracted(A, 3)).refused(Code.STANDS_IN_THE_WAY, positions=(4,))


def test_all_of_it_returned_leaves_an_allocation_approved(given, on, approved, paid):
    given(approved(), paid("2020-02-01", "p1", "100")).when(
        on("2020-03-01", A, "FundsReturned", payment="p1", amount="100", reason="项目取消")
    ).then(A, status="approved")


@pytest.mark.parametrize(
    ("event", "data", "name"), [("FundsReceived", {}, "receipts"), ("FundsReturned", {"reason": "结余"}, "returns")]
)
def test_of_a_payment_no_more_is_received_or_returned_than_was_paid(given, on, approved, paid, event, data, name):
    world = given(
        approved(),
        paid("2020-02-01", "p1", "50"),
        on("2020-03-01", A, event, payment="p1", amount="30", **data),
    )
    world.when(on("2020-03-02", A, event, payment="p1", amount="20.01", **data)).refused(
        Code.OVERDRAWN, saying="30.00 of the 50.00 yuan"
    )
    world.when(on("2020-01-31", A, event, payment="p1", amount="1", **data)).refused(Code.NOT_STANDING)
    world.when(on("2020-03-02", A, event, payment="p2", amount="1", **data)).refused(Code.NOT_STANDING)
    world.when(on("2020-03-02", A, event, payment="p1", amount="20", **data)).then(A)
    assert [item.value("amount") for item in world.state(A).items(name).values()] == ["30", "20"]


def test_a_payment_is_made_once(given, approved, paid):
    given(approved(), paid("2020-02-01", "p1", "10")).when(paid("2020-03-01", "p1", "10")).refused(
        Code.ALREADY_STANDING
    )


@pytest.mark.parametrize("amount", ["0", "0.00", "-1", "1.001", "1e3", "01"])
def test_an_amount_is_an_exact_sum_and_a_payment_more_than_nothing(given, approved, paid, amount):
    with pytest.raises(ValidationError):
        given(approved()).when(paid("2020-02-01", "p1", amount)).then(A)


def test_a_lower_amount_is_no_correction_where_more_was_paid(given, approved, paid, corrected):
    world = given(approved(), paid("2020-02-01", "p1", "60"))
    world.when(corrected(A, 1, amount="59.99")).refused(Code.STANDS_IN_THE_WAY, positions=(2,))
    world.when(corrected(A, 1, amount="60.00")).then(A, status="paid")


OTHER = {"purpose": "other"}


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ({}, {}, True),
        ({}, {"purpose_note": "不作区分"}, True),
        (OTHER | {"purpose_note": "培训"}, OTHER | {"purpose_note": "培训"}, True),
        (OTHER | {"purpose_note": "培训"}, OTHER | {"purpose_note": "宣传"}, False),
        (OTHER, OTHER | {"purpose_note": "宣传"}, False),
        ({}, {"purpose": "premises-construction"}, False),
        ({}, {"bearer": "new-city"}, False),
        ({}, {"year": 2021}, False),
        ({}, {"new_city": "fengxi"}, False),
    ],
)
def test_one_allocation_a_new_city_year_bearer_and_purpose(given, approved, first, second, same):
    other = "funding-allocations/a2"
    asked = given(approved(**first)).when(approved(other, **second))
    if same:
        asked.refused(Code.ALREADY_CLAIMED, saying=A)
    else:
        asked.then(other, status="approved")


def test_a_retracted_or_corrected_allocation_gives_its_place_free(given, approved, retracted, corrected):
    other = "funding-allocations/a2"
    given(approved(), retracted(A, 1)).when(approved(other)).then(other, status="approved")
    elsewhere = corrected(A, 1, purpose="premises-construction")
    given(approved(), elsewhere).when(approved(other)).then(other, status="approved")
