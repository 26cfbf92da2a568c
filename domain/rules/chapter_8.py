"""Chapter 8, 组织保障: governance bodies of a New City, and the two shares of its funding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

from domain.fact import JsonValue, fen, yuan
from domain.funding_allocation import (
    AllocationApproved,
    Bearer,
    FundsDisbursed,
    FundsReceived,
    FundsReturned,
    Purpose,
)
from domain.new_city import GovernanceCommitteeEstablished, ServiceAgencyEstablished
from domain.rules.city import City, Subject, in_order
from domain.rules.example import NEW_CITY, Example, Given, new_city
from domain.rules.finding import Deadline, Finding, by_deadlines, evidence
from domain.rules.on_record import on_record
from domain.rules.rule import EveryYear, Figures, NoFigures, rule

# 8.1

_REGISTERED = Given("new-cities/fengdong", date(2019, 12, 10), new_city())


@rule(
    "governance-bodies/1",
    clause="8.1",
    zh="社区治理工作机构",
    figures=NoFigures,
    examples=(
        Example(
            "委员会和服务管理机构都已成立：符合",
            2020,
            {},
            (
                _REGISTERED,
                Given("new-cities/fengdong", date(2020, 3, 1), GovernanceCommitteeEstablished()),
                Given("new-cities/fengdong", date(2020, 3, 2), ServiceAgencyEstablished(name="服务中心")),
            ),
            (
                Finding(
                    "met",
                    "new-cities/fengdong",
                    None,
                    {"GovernanceCommitteeEstablished": "2020-03-01", "ServiceAgencyEstablished": "2020-03-02"},
                    (2, 3),
                ),
            ),
        ),
        Example(
            "没有设立服务管理机构：不符合",
            2020,
            {},
            (_REGISTERED, Given("new-cities/fengdong", date(2020, 3, 1), GovernanceCommitteeEstablished())),
            (
                Finding(
                    "found",
                    "new-cities/fengdong",
                    date(2019, 12, 10),
                    {"GovernanceCommitteeEstablished": "2020-03-01", "ServiceAgencyEstablished": None},
                    (1, 2),
                    ("ServiceAgencyEstablished",),
                ),
            ),
        ),
    ),
)
def governance_bodies(city: City, figures: NoFigures) -> Iterator[Finding]:  # noqa: ARG001  # compares with nothing
    """A New City lacks its governance committee or its service agency."""
    return on_record(city, GovernanceCommitteeEstablished, ServiceAgencyEstablished)


# 8.3


class Funding(Figures):
    """The day of every year by which a share is in place."""

    due_by: EveryYear


_JUDGED: tuple[Purpose, ...] = ("premises-construction", "community-work")
_WORK = "funding-allocations/z"
_UNAPPROVED_PREMISES = Finding(
    "undeterminable",
    "new-cities/fengdong",
    None,
    {"year": 2020, "bearer": "new-area", "purpose": "premises-construction", "due_on": "2020-05-31"},
    (1,),
    ("AllocationApproved premises-construction",),
)


def _allocation(bearer: Bearer) -> tuple[Given, ...]:
    """A share of 1000 yuan for community work, approved by entry 2 and disbursed by entry 3."""
    return (
        _REGISTERED,
        Given(
            _WORK,
            date(2020, 1, 10),
            AllocationApproved(new_city=NEW_CITY, year=2020, bearer=bearer, purpose="community-work", amount="1000"),
        ),
        Given(_WORK, date(2020, 5, 31), FundsDisbursed(payment="1", amount="1000", payer="财政局", payee="沣东新城")),
    )


def _work(bearer: Bearer, **shown: JsonValue) -> dict[str, JsonValue]:
    return {"year": 2020, "bearer": bearer, "purpose": "community-work", "approved": "1000.00", **shown}


@rule(
    "funding-new-area/1",
    clause="8.3",
    zh="新区经费拨付",
    figures=Funding,
    against="new-area",
    examples=(
        Example(
            "5月31日拨足，此后退回不影响：符合；未核定的一项无法判定",
            2020,
            {"due_by": "05-31"},
            (
                *_allocation("new-area"),
                Given(_WORK, date(2020, 8, 1), FundsReturned(payment="1", amount="10.50", reason="结余")),
            ),
            (
                _UNAPPROVED_PREMISES,
                Finding(
                    "met",
                    _WORK,
                    None,
                    _work("new-area", in_place="989.50", due_on="2020-05-31", done_on="2020-05-31"),
                    (2, 3, 4),
                ),
            ),
        ),
        Example(
            "5月31日前退回一部分，未拨足：6月1日起不符合",
            2020,
            {"due_by": "05-31"},
            (
                *_allocation("new-area"),
                Given(_WORK, date(2020, 5, 31), FundsReturned(payment="1", amount="10.50", reason="账户有误")),
            ),
            (
                _UNAPPROVED_PREMISES,
                Finding(
                    "found",
                    _WORK,
                    date(2020, 6, 1),
                    _work("new-area", in_place="989.50", due_on="2020-05-31"),
                    (2, 3, 4),
                    ("FundsDisbursed",),
                ),
            ),
        ),
    ),
)
def funding_new_area(city: City, figures: Funding) -> Iterator[Finding]:
    """The New Area's share was not disbursed in full by its day."""
    return _in_place(city, figures, "new-area", FundsDisbursed)


@rule(
    "funding-new-city/1",
    clause="8.3",
    zh="新城经费配套到位",
    figures=Funding,
    examples=(
        Example(
            "6月30日足额到位：符合",
            2020,
            {"due_by": "06-30"},
            (*_allocation("new-city"), Given(_WORK, date(2020, 6, 30), FundsReceived(payment="1", amount="1000.00"))),
            (
                _UNAPPROVED_PREMISES._replace(
                    figures={**_UNAPPROVED_PREMISES.figures, "bearer": "new-city", "due_on": "2020-06-30"}
                ),
                Finding(
                    "met",
                    _WORK,
                    None,
                    _work("new-city", in_place="1000.00", due_on="2020-06-30", done_on="2020-06-30"),
                    (2, 4),
                ),
            ),
        ),
        Example(
            "7月才足额到位：计入当年",
            2020,
            {"due_by": "06-30"},
            (
                *_allocation("new-city"),
                Given(_WORK, date(2020, 6, 30), FundsReceived(payment="1", amount="400")),
                Given(_WORK, date(2020, 7, 15), FundsReceived(payment="1", amount="600")),
            ),
            (
                _UNAPPROVED_PREMISES._replace(
                    figures={**_UNAPPROVED_PREMISES.figures, "bearer": "new-city", "due_on": "2020-06-30"}
                ),
                Finding(
                    "found",
                    _WORK,
                    date(2020, 7, 1),
                    _work("new-city", in_place="1000.00", due_on="2020-06-30", done_on="2020-07-15"),
                    (2, 4, 5),
                ),
            ),
        ),
    ),
)
def funding_new_city(city: City, figures: Funding) -> Iterator[Finding]:
    """The New City's share was not received in full by its day."""
    return _in_place(city, figures, "new-city", FundsReceived)


def _in_place(
    city: City, figures: Funding, bearer: Bearer, arriving: type[FundsDisbursed | FundsReceived]
) -> Iterator[Finding]:
    """Of each of the bearer's shares for the year, whether it was in place in full by its day."""
    due_on = date.fromisoformat(f"{city.year}-{figures.due_by}")
    approved = _approved(city, bearer)
    for purpose in _JUDGED:
        whose: dict[str, JsonValue] = {"year": city.year, "bearer": bearer, "purpose": purpose}
        allocations = approved.get(purpose, ())
        for allocation in allocations:
            share = _share(allocation, arriving)
            shown = {**whose, "approved": yuan(share.approved), "in_place": yuan(share.in_place)}
            steps = (*allocation.of(arriving), *allocation.of(FundsReturned))
            deadline = Deadline(arriving.event, due_on, share.in_full_on)
            yield by_deadlines(city, allocation.record, (deadline,), shown, evidence(allocation.opened, *steps))
        if not allocations and city.subject is not None:
            yield Finding(
                "undeterminable",
                city.subject.record,
                None,
                {**whose, "due_on": due_on.isoformat()},
                evidence(city.subject.opened),
                (f"AllocationApproved {purpose}",),
            )


def _approved(city: City, bearer: Bearer) -> Mapping[Purpose, list[Subject]]:
    """The bearer's allocations for the year, by purpose."""
    found: dict[Purpose, list[Subject]] = {}
    for record in city.allocations.values():
        approved = record.of(AllocationApproved)[0].fact
        if approved.year == city.year and approved.bearer == bearer:
            found.setdefault(approved.purpose, []).append(record)
    return found


class _Share(NamedTuple):
    """A share in fen: what was approved, what is in place, and the first day that ended with all of it in place."""

    approved: int
    in_place: int
    in_full_on: date | None


def _share(allocation: Subject, arriving: type[FundsDisbursed | FundsReceived]) -> _Share:
    approved = fen(allocation.of(AllocationApproved)[0].fact.amount)
    by_payment: dict[str, int] = {}
    in_place = 0
    by_day = {allocation.opened.effective_on: 0}
    steps: list[Any] = in_order(allocation.of(arriving), allocation.of(FundsReturned))
    for step in steps:
        signed = -fen(step.fact.amount) if type(step.fact) is FundsReturned else fen(step.fact.amount)
        by_payment[step.fact.payment] = by_payment.get(step.fact.payment, 0) + signed
        in_place = sum(max(0, held) for held in by_payment.values())  # returned before it was received: none is here
        by_day[step.effective_on] = in_place
    in_full_on = next((day for day, held in by_day.items() if held >= approved), None)
    return _Share(approved, in_place, in_full_on)
