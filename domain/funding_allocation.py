"""经费: what one bearer gives one New City for one purpose in one year, approved, disbursed, received. Clause 8.3."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Literal, TypeAlias, assert_never, get_args

from pydantic import AfterValidator

from domain.aggregate import Aggregate, Records, not_standing, standing
from domain.fact import Fact, Key, NewCityRef, Text, Year, Yuan, fen, yuan
from domain.offices import Authority
from domain.refusals import Code, Refused
from domain.state import Item, State, Step

# facts

Bearer = Literal["new-area", "new-city"]
Purpose = Literal["premises-construction", "community-work", "other"]


def _more_than_nothing(amount: str) -> str:
    if fen(amount) == 0:
        raise ValueError("nothing is no payment")
    return amount


Payment = Annotated[Yuan, AfterValidator(_more_than_nothing)]


def _paying(bearer: Bearer) -> tuple[Authority, ...]:
    """The bearer's finance bureau; at the New Area its civil affairs bureau too."""
    if bearer == "new-area":
        return (Authority("new-area", "finance"), Authority("new-area", "civil-affairs"))
    return (Authority("new-city", "finance"),)


class AllocationApproved(
    Fact,
    stored_as="AllocationApproved/1",
    zh="核定经费",
    clause="8.3",
    by="new-city or new-area finance; new-area civil-affairs",
):
    """An amount was approved: one allocation a New City, year, bearer and purpose."""

    new_city: NewCityRef
    year: Year
    bearer: Bearer
    purpose: Purpose
    purpose_note: Text | None = None
    amount: Yuan

    def authorities(self, state: State | Fact | None) -> tuple[Authority, ...]:  # noqa: ARG002  # the bearer is in the fact
        """Whoever pays out for the bearer."""
        return _paying(self.bearer)

    def claims(self) -> tuple[str, ...]:
        """The one place that a New City, year, bearer and purpose give; what `other` is for tells others apart."""
        return (_claim(self.new_city, self.year, self.bearer, self.purpose, self.purpose_note),)


class FundsDisbursed(
    Fact,
    stored_as="FundsDisbursed/1",
    zh="拨付经费",
    clause="8.3",
    by="new-city or new-area finance; new-area civil-affairs",
):
    """The bearer paid out a part or all of it."""

    payment: Key
    amount: Payment
    payer: Text
    payee: Text

    def authorities(self, state: State | Fact | None) -> tuple[Authority, ...]:
        """Whoever pays out for the allocation's bearer."""
        if isinstance(state, AllocationApproved):
            return _paying(state.bearer)
        return _paying(state.value("bearer")) if isinstance(state, State) else self.by


class FundsReceived(Fact, stored_as="FundsReceived/1", zh="经费到位", clause="8.3", by="new-city"):
    """The New City received a part or all of a payment."""

    payment: Key
    amount: Payment


class FundsReturned(Fact, stored_as="FundsReturned/1", zh="退回经费", clause="8.3", by="new-city"):
    """The New City returned a part or all of a payment."""

    payment: Key
    amount: Payment
    reason: Text


FundingAllocationFact: TypeAlias = AllocationApproved | FundsDisbursed | FundsReceived | FundsReturned


def _claim(new_city: str, year: int, bearer: str, purpose: str, purpose_note: str | None) -> str:
    place = f"funding-allocations?new_city={new_city}&year={year}&bearer={bearer}&purpose={purpose}"
    if purpose != "other" or purpose_note is None:
        return place
    return f"{place}&purpose_note={sha256(purpose_note.encode()).hexdigest()}"  # a note is too long for an index


# state: approved → part-paid → paid, and back when money is returned


def total(state: State, name: str, payment: str | None = None) -> int:
    """The sum of `payments`, `receipts` or `returns` in fen, of one payment where it is named."""
    return sum(_fen(item) for item in state.items(name).values() if payment in (None, item.value("payment")))


def outstanding(state: State) -> int:
    """What is paid out and not returned, in fen."""
    return total(state, "payments") - total(state, "returns")


def _fen(item: Item) -> int:
    return fen(item.value("amount"))


# fold


def evolve(allocation: State | None, step: Step[FundingAllocationFact]) -> State:
    """Fold one step. Refuses nothing: it has already happened."""
    if allocation is None:
        allocation = State("approved")
    match step.fact:
        case AllocationApproved():
            return allocation.say(step)
        case FundsDisbursed(payment=payment):
            return _paid(allocation.put("payments", payment, step))
        case FundsReceived(payment=payment):
            return allocation.note("payments", payment, step).put("receipts", step.position, step)
        case FundsReturned(payment=payment):
            return _paid(allocation.note("payments", payment, step).put("returns", step.position, step))
        case _:
            assert_never(step.fact)


def _paid(allocation: State) -> State:
    paid = outstanding(allocation)
    if paid == 0:
        return allocation.become("approved")
    return allocation.become("paid" if paid >= fen(allocation.value("amount")) else "part-paid")


# what is admitted


def admit(allocation: State | None, step: Step[FundingAllocationFact]) -> None:
    """Refuse more than was approved, and receipts and returns of more than was paid."""
    if allocation is None:
        return
    match step.fact:
        case AllocationApproved():
            return
        case FundsDisbursed(payment=payment, amount=amount):
            not_standing(allocation, "payments", payment, step)
            approved, paid = fen(allocation.value("amount")), outstanding(allocation)
            if paid + fen(amount) > approved:
                _overdrawn(f"{yuan(paid)} of {yuan(approved)} yuan paid out, {amount} more exceeds it", step)
        case FundsReceived(payment=payment, amount=amount):
            standing(allocation, "payments", payment, step)
            paid, received = total(allocation, "payments", payment), total(allocation, "receipts", payment)
            if received + fen(amount) > paid:
                _overdrawn(f"{yuan(received)} of the {yuan(paid)} yuan paid received, {amount} more exceeds it", step)
        case FundsReturned(payment=payment, amount=amount):
            standing(allocation, "payments", payment, step)
            paid, returned = total(allocation, "payments", payment), total(allocation, "returns", payment)
            if returned + fen(amount) > paid:
                _overdrawn(f"{yuan(returned)} of the {yuan(paid)} yuan paid returned, {amount} more exceeds it", step)
        case _:
            assert_never(step.fact)


def _overdrawn(detail: str, step: Step[FundingAllocationFact]) -> None:
    raise Refused(Code.OVERDRAWN, detail, clause=step.fact.clause)


# what other records must allow


def conditions(
    record: str,
    allocation: State | None,  # noqa: ARG001  # the claim is in the fact
    step: Step[FundingAllocationFact],
    records: Records,
) -> None:
    """No other allocation stands for the same New City, year, bearer and purpose."""
    for claim in step.fact.claims():
        for other in records.referring(claim, "funding-allocations"):
            state = None if other == record else records.state(other)
            if state is not None and _claim(*map(state.value, CLAIMED)) == claim:
                raise Refused(Code.ALREADY_CLAIMED, f"{other} stands for the same funds", clause=step.fact.clause)


CLAIMED = ("new_city", "year", "bearer", "purpose", "purpose_note")


FUNDING_ALLOCATION = Aggregate(
    kind="funding-allocations",
    zh="经费",
    facts=get_args(FundingAllocationFact),
    evolve=evolve,
    admit=admit,
    fields=("new_city", "year", "bearer", "purpose", "purpose_note", "amount"),
    lists=("payments", "receipts", "returns"),
    fixed=frozenset({"new_city", "year", "bearer"}),
    conditions=conditions,
)
