"""Chapter 5, 社区工作队伍: how many staff each body has, rewards for certificates, and measures for managing staff."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple, get_args

from domain.community import Body, BodyFormed, CertificateRegistered, Level, PostFilled, PostVacated, RewardPaid
from domain.fact import Count, JsonValue
from domain.new_city import StaffMeasuresIssued
from domain.rules.city import City, Subject, in_order, rank
from domain.rules.example import Example, Given, community, new_city, person
from domain.rules.finding import Deadline, Finding, by_deadlines, evidence, holding_since
from domain.rules.on_record import on_record
from domain.rules.posts import posts_held
from domain.rules.rule import Amount, Figures, Grace, NoFigures, rule
from domain.state import Step

# 5.1


class Staffing(Figures):
    """How many persons each of the four bodies has."""

    party_minimum: Count
    party_maximum: Count
    residents_committee_minimum: Count
    residents_committee_maximum: Count
    supervisory_committee_minimum: Count
    supervisory_committee_maximum: Count
    service_station_minimum: Count
    service_station_maximum: Count

    def ranges(self) -> dict[Body, tuple[int, int]]:
        """The fewest and the most persons of each body."""
        return {
            "party": (self.party_minimum, self.party_maximum),
            "residents-committee": (self.residents_committee_minimum, self.residents_committee_maximum),
            "supervisory-committee": (self.supervisory_committee_minimum, self.supervisory_committee_maximum),
            "service-station": (self.service_station_minimum, self.service_station_maximum),
        }


_BODIES: tuple[Body, ...] = get_args(Body)
_STAFF: dict[str, JsonValue] = {
    "party_minimum": 3,
    "party_maximum": 5,
    "residents_committee_minimum": 5,
    "residents_committee_maximum": 9,
    "supervisory_committee_minimum": 3,
    "supervisory_committee_maximum": 3,
    "service_station_minimum": 5,
    "service_station_maximum": 9,
}


def _formed(*bodies: Body) -> tuple[Given, ...]:
    return tuple(Given("communities/a", date(2020, 1, 2), BodyFormed(body=body)) for body in bodies)


def _filled(body: Body, *persons: str) -> tuple[Given, ...]:
    return tuple(
        Given("communities/a", date(2020, 1, 2), PostFilled(person=person(one), body=body, role="member"))
        for one in persons
    )


def _persons(**counted: int | None) -> dict[str, JsonValue]:
    """The figures of a finding: how many of each body, in the order of the bodies."""
    return {
        body: {
            "persons": counted[body.replace("-", "_")],
            "minimum": _STAFF[f"{body.replace('-', '_')}_minimum"],
            "maximum": _STAFF[f"{body.replace('-', '_')}_maximum"],
        }
        for body in _BODIES
    }


_ABCDE = ("p-1", "p-2", "p-3", "p-4", "p-5")


@rule(
    "staffing/1",
    clause="5.1",
    zh="社区工作人员配备",
    figures=Staffing,
    examples=(
        Example(
            "四个班子人数都在范围内，交叉任职各算一人：符合",
            2020,
            _STAFF,
            (
                Given("communities/a", date(2020, 1, 1), community()),
                *_formed(*_BODIES),
                *_filled("party", "p-1", "p-2", "p-3"),
                *_filled("residents-committee", *_ABCDE),
                *_filled("supervisory-committee", "p-4", "p-5", "p-6"),
                *_filled("service-station", *_ABCDE),
            ),
            (
                Finding(
                    "met",
                    "communities/a",
                    None,
                    _persons(party=3, residents_committee=5, supervisory_committee=3, service_station=5),
                    tuple(range(2, 22)),
                ),
            ),
        ),
        Example(
            "党组织只有两人，其余班子从未组建：不符合，并说明缺哪些",
            2020,
            _STAFF,
            (
                Given("communities/a", date(2020, 1, 1), community()),
                *_formed("party"),
                *_filled("party", "p-1", "p-2"),
            ),
            (
                Finding(
                    "found",
                    "communities/a",
                    date(2020, 1, 2),
                    _persons(party=2, residents_committee=None, supervisory_committee=None, service_station=None),
                    (2, 3, 4),
                    (
                        "BodyFormed residents-committee",
                        "BodyFormed supervisory-committee",
                        "BodyFormed service-station",
                    ),
                ),
            ),
        ),
        Example(
            "四个班子都从未组建：无法判定",
            2020,
            _STAFF,
            (Given("communities/a", date(2020, 1, 1), community()),),
            (
                Finding(
                    "undeterminable",
                    "communities/a",
                    None,
                    _persons(party=None, residents_committee=None, supervisory_committee=None, service_station=None),
                    (1,),
                    tuple(f"BodyFormed {body}" for body in _BODIES),
                ),
            ),
        ),
    ),
)
def staffing(city: City, figures: Staffing) -> Iterator[Finding]:
    """A body of an active community has fewer or more persons than its range; one never formed has no figure."""
    ranges = figures.ranges()
    for record in city.active:
        formed, held = record.of(BodyFormed), posts_held(record)
        persons: dict[Body, set[str]] = {step.fact.body: set() for step in (*formed, *record.of(PostVacated))}
        for step in held:
            fact = step.fact
            persons.setdefault(fact.body, set()).add(fact.person.id)
        shown: dict[str, JsonValue] = {
            body: {"persons": len(persons[body]) if body in persons else None, "minimum": low, "maximum": high}
            for body, (low, high) in ranges.items()
        }
        missing = tuple(f"BodyFormed {body}" for body in ranges if body not in persons)
        if any(not ranges[body][0] <= len(several) <= ranges[body][1] for body, several in persons.items()):
            vacated = record.of(PostVacated)
            since = _outside_since(in_order(formed, record.of(PostFilled), vacated), ranges)
            begun = [step for step in vacated if step.effective_on == since]
            yield Finding("found", record.record, since, shown, evidence(*formed, *held, *begun), missing)
        elif missing:
            positions = evidence(record.opened, *formed, *held)
            yield Finding("undeterminable", record.record, None, shown, positions, missing)
        else:
            yield Finding("met", record.record, None, shown, evidence(*formed, *held))


def _outside_since(steps: Iterable[Step[Any]], ranges: Mapping[Body, tuple[int, int]]) -> date | None:
    """The day since when some body has been outside its range."""
    held: dict[Body, list[str]] = {}
    outside: set[Body] = set()
    readings: list[tuple[date, bool]] = []
    for step in steps:
        fact = step.fact
        body: Body = fact.body
        persons = held.setdefault(body, [])
        if type(fact) is PostFilled:
            persons.append(fact.person.id)
        elif type(fact) is PostVacated and fact.person in persons:
            persons.remove(fact.person)
        low, high = ranges[body]
        if low <= len(set(persons)) <= high:
            outside.discard(body)
        else:
            outside.add(body)
        readings.append((step.effective_on, bool(outside)))
    return holding_since(readings)


# 5.2


class Reward(Grace):
    """Yuan for each level of a social worker's certificate, and the time to pay them in."""

    senior: Amount
    social_worker: Amount
    assistant: Amount

    def owed(self) -> dict[Level, Decimal]:
        """Yuan owed by level."""
        return {"senior": self.senior, "social-worker": self.social_worker, "assistant": self.assistant}


_REWARDS: dict[str, JsonValue] = {
    "senior": "5000.00",
    "social_worker": "3000.00",
    "assistant": "2000.00",
    "grace_days": 90,
    "days_are": "calendar",
}
_QUALIFIED = (
    Given("communities/a", date(2020, 1, 1), community()),
    Given(
        "communities/a",
        date(2020, 3, 1),
        CertificateRegistered(person=person("p-1"), level="social-worker", certificate="zs-1"),
    ),
)


def _paid(day: date, amount: str) -> Given:
    return Given(
        "communities/a", day, RewardPaid(person="p-1", certificate="zs-1", level="social-worker", amount=amount)
    )


def _claim(paid: str | None, paid_on: str | None) -> list[JsonValue]:
    return [
        {
            "person": "p-1",
            "level": "social-worker",
            "certificate": "zs-1",
            "registered_on": "2020-03-01",
            "owed": "3000.00",
            "paid": paid,
            "paid_on": paid_on,
        }
    ]


@rule(
    "reward/1",
    clause="5.2",
    zh="职业资格一次性奖励",
    figures=Reward,
    examples=(
        Example(
            "社会工作师3000元，90日内发放：符合",
            2020,
            _REWARDS,
            (*_QUALIFIED, _paid(date(2020, 5, 30), "3000.00")),
            (
                Finding(
                    "met",
                    "communities/a",
                    None,
                    {
                        "rewards": _claim("3000.00", "2020-05-30"),
                        "due_on": "2020-05-30",
                        "done_on": "2020-05-30",
                    },
                    (2, 3),
                ),
            ),
        ),
        Example(
            "逾期未发放：自次日起不符合",
            2020,
            _REWARDS,
            _QUALIFIED,
            (
                Finding(
                    "found",
                    "communities/a",
                    date(2020, 5, 31),
                    {"rewards": _claim(None, None), "due_on": "2020-05-30"},
                    (2,),
                    ("RewardPaid zs-1",),
                ),
            ),
        ),
        Example(
            "发放金额不是3000元：自发放之日起不符合",
            2020,
            _REWARDS,
            (*_QUALIFIED, _paid(date(2020, 4, 1), "2000")),
            (Finding("found", "communities/a", date(2020, 4, 1), {"rewards": _claim("2000", "2020-04-01")}, (2, 3)),),
        ),
    ),
)
def reward(city: City, figures: Reward) -> Iterator[Finding]:
    """A reward is unpaid after the grace, or was paid in another amount: one a person and level in the New City."""
    owed = figures.owed()
    for record, claims in _claims(city).items():
        deadlines: list[Deadline] = []
        wrong: list[Step[RewardPaid]] = []
        shown: list[JsonValue] = []
        for claim in claims:
            right: list[Step[RewardPaid]] = []
            for one in claim.paid:
                (right if Decimal(one.fact.amount) == owed[claim.level] else wrong).append(one)
            if right or not claim.paid:
                due_on = figures.due_on(claim.registered.effective_on)
                done_on = right[0].effective_on if right else None
                deadlines.append(Deadline(f"RewardPaid {claim.registered.fact.certificate}", due_on, done_on))
            shown.append(claim.shown(owed[claim.level]))
        positions = evidence(*(step for claim in claims for step in (claim.registered, *claim.paid)))
        compared: dict[str, JsonValue] = {"rewards": shown}
        finding = by_deadlines(city, record, deadlines, compared, positions) if deadlines else None
        if wrong:
            since = min(one.effective_on for one in wrong)
            if finding is None or finding.outcome != "found":
                finding = Finding("found", record, since, {"rewards": shown}, positions)
            finding = finding._replace(since=min(since, finding.since or since))
        if finding is not None:
            yield finding


class _Claim(NamedTuple):
    """The one reward that a person's first certificate of a level gives a right to."""

    registered: Step[CertificateRegistered]
    paid: Sequence[Step[RewardPaid]]
    """The last payment for each of the person's certificates of the level, oldest first."""

    @property
    def level(self) -> Level:
        """The level of the certificate."""
        return self.registered.fact.level

    def shown(self, owed: Decimal) -> JsonValue:
        """The claim as figures show it."""
        last = self.paid[-1] if self.paid else None
        return {
            "person": self.registered.fact.person.id,
            "level": self.level,
            "certificate": self.registered.fact.certificate,
            "registered_on": self.registered.effective_on.isoformat(),
            "owed": f"{owed:.2f}",
            "paid": None if last is None else last.fact.amount,
            "paid_on": None if last is None else last.effective_on.isoformat(),
        }


def _claims(city: City) -> Mapping[str, Sequence[_Claim]]:
    """What each active community's staff have a right to, where they were certified first."""
    first: dict[tuple[str, Level], tuple[Subject, Step[CertificateRegistered]]] = {}
    for record in city.active:
        for step in record.of(CertificateRegistered):
            whose = step.fact.person.id, step.fact.level
            if whose not in first or rank(step) < rank(first[whose][1]):
                first[whose] = record, step
    payments: dict[tuple[str, Level], list[Step[RewardPaid]]] = {}
    for record in city.communities.values() if first else ():
        for one in record.of(RewardPaid):
            payments.setdefault((one.fact.person, one.fact.level), []).append(one)
    claims: dict[str, list[_Claim]] = {}
    for whose, (record, step) in first.items():
        paid = payments.get(whose, [])
        if len(paid) > 1:
            paid = in_order({one.fact.certificate: one for one in in_order(paid)}.values())
        claims.setdefault(record.record, []).append(_Claim(step, paid))
    return claims


# 5.3


@rule(
    "measures/1",
    clause="5.3",
    zh="社区工作人员管理办法",
    figures=NoFigures,
    examples=(
        Example(
            "制定了管理办法：符合",
            2020,
            {},
            (
                Given("new-cities/fengdong", date(2019, 12, 10), new_city()),
                Given("new-cities/fengdong", date(2020, 5, 6), StaffMeasuresIssued(title="管理办法")),
            ),
            (Finding("met", "new-cities/fengdong", None, {"StaffMeasuresIssued": "2020-05-06"}, (2,)),),
        ),
        Example(
            "没有管理办法的记录：不符合",
            2020,
            {},
            (Given("new-cities/fengdong", date(2019, 12, 10), new_city()),),
            (
                Finding(
                    "found",
                    "new-cities/fengdong",
                    date(2019, 12, 10),
                    {"StaffMeasuresIssued": None},
                    (1,),
                    ("StaffMeasuresIssued",),
                ),
            ),
        ),
    ),
)
def measures(city: City, figures: NoFigures) -> Iterator[Finding]:  # noqa: ARG001  # compares with nothing
    """A New City has issued no measures for managing staff."""
    return on_record(city, StaffMeasuresIssued)
