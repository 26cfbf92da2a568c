"""The scoreboard at random past positions and days: asked for the first time, and asked again."""

from __future__ import annotations

import argparse
import math
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from api.command_line import tune
from api.composition import Taizhang, initialise, opened, record_as_system
from api.http.answers import json_bytes
from application.commands import Command, Proposal
from application.drafting import content_of
from application.rights import Reader
from benchmarks import bulk
from domain import community as c
from domain import estate as e
from domain import funding_allocation as f
from domain import new_city as n
from domain import village as v
from domain.corrections import EventCorrected
from domain.fact import Fact, Organisation, Person
from domain.offices import SYSTEM

NEW_CITIES: Final = ("fengdong", "fengxi", "jinghe", "konggang", "qinhan")
COMMUNITIES: Final = 400
ENTRIES: Final = 100
"""Of each community."""
QUESTIONS: Final = 200
SEED: Final = 20191210
BEGINS, ENDS = date(2019, 12, 10), date(2022, 6, 30)

_ALL: Final = Reader("inspector", everything=True)
_BODIES: Final[tuple[c.Body, ...]] = (
    "party-organization",
    "residents-committee",
    "supervisory-committee",
    "service-station",
)
_BATCH: Final = 500


class Latency(NamedTuple):
    """Milliseconds."""

    p50: float
    p95: float
    worst: float


class Scoreboards(NamedTuple):
    """What scoreboards took."""

    entries: int
    """Of the log."""
    first_of_all: float
    """Milliseconds of the first one in a process that holds nothing yet."""
    cold: Latency
    again: Latency


def measured(directory: Path, communities: int = COMMUNITIES, questions: int = QUESTIONS) -> Scoreboards:
    """Scoreboards of a ledger with so many communities of 100 entries, which is made first."""
    initialise(directory, bulk.ORIGIN)
    with opened(directory, follow=False) as ledger:
        opening = prepare(ledger, communities)
    with opened(directory, follow=False) as ledger:  # nothing is kept from recording
        head, _ = ledger.log.head()
        chance = random.Random(SEED)  # noqa: S311  # the same questions every time

        def asked() -> tuple[str, str, int]:
            day = BEGINS + timedelta(days=chance.randrange((ENDS - BEGINS).days))
            return str(chance.randint(opening, head)), day.isoformat(), chance.choice((2020, 2021))

        first_of_all = _milliseconds(lambda: scoreboard(ledger, *asked()))
        cold: list[float] = []
        again: list[float] = []
        for _ in range(questions):
            question = asked()
            for taken in (cold, again):
                taken.append(_milliseconds(lambda: scoreboard(ledger, *question)))  # noqa: B023  # at once
    return Scoreboards(head, first_of_all, _latency(cold), _latency(again))


def scoreboard(ledger: Taizhang, known_at: str, on: str, year: int) -> bytes:
    """The scoreboard as an inspector gets it."""
    moment = ledger.asking.moment(known_at, on, None)
    board, scheme = ledger.scores.scoreboard(_ALL, year, moment, None)
    return json_bytes({"data": board, "next": None, "provenance": ledger.asking.provenance(moment, scheme)})


def prepare(ledger: Taizhang, communities: int) -> int:
    """Record New Cities with communities of 100 entries, villages, estates and allocations.

    Returns the position by which all have been opened.
    """
    chance = random.Random(SEED)  # noqa: S311  # the same history every time
    opening = [*_new_cities()]
    histories: list[Iterator[tuple[str, date, Fact]]] = []
    for number in range(communities):
        record, city = f"communities/c{number:06}", NEW_CITIES[number % len(NEW_CITIES)]
        opening.append((record, BEGINS, _established(number, city)))
        histories.append(_community(record, chance))
        if number % 10 == 0:
            histories.append(_estate(f"estates/e{number:06}", city, record, chance))
        if number % 40 == 0:
            histories.append(_village(f"villages/v{number:06}", city))
    _record(ledger, opening)
    opened_by, _ = ledger.log.head()
    _record(ledger, _interleaved(histories, chance))
    return opened_by


def _record(ledger: Taizhang, facts: list[tuple[str, date, Fact]]) -> None:
    waiting = []
    for start in range(0, len(facts), _BATCH):
        proposals = tuple(
            Proposal(record, content_of(record.partition("/")[0], fact, day))
            for record, day, fact in facts[start : start + _BATCH]
        )
        waiting.append(ledger.recorder.submit(Command(SYSTEM.account, proposals, is_batch=True)))
    for one in waiting:
        one.result(600)


def _interleaved(histories: list[Iterator[tuple[str, date, Fact]]], chance: random.Random) -> list[tuple[str, date, Fact]]:
    """Everyone's facts, each in its own order, as they would have been recorded side by side."""
    running, facts = [*histories], []
    while running:
        chance.shuffle(running)
        going_on = []
        for one in running:
            taken = [fact for _, fact in zip(range(3), one)]
            facts += taken
            if len(taken) == 3:
                going_on.append(one)
        running = going_on
    return facts


def _new_cities() -> Iterator[tuple[str, date, Fact]]:
    for city in NEW_CITIES:
        record = f"new-cities/{city}"
        yield record, BEGINS, n.NewCityRegistered(name=city, kind="new-city")
        yield record, date(2020, 3, 1), n.SettingPlanAdopted(title="社区设置专项规划")
        yield record, date(2020, 5, 1), n.IncubationBaseOpened(base="b-1", name="孵化基地")
        for year in (2020, 2021):
            allocation = f"funding-allocations/{city}-{year}"
            yield allocation, date(year, 2, 1), f.AllocationApproved(
                new_city=city, year=year, bearer="new-city", purpose="community-work", amount="1000000.00"
            )  # fmt: skip
            for part in (1, 2):
                yield allocation, date(year, 4 + part, 20), f.FundsDisbursed(
                    payment=f"p-{part}", amount="500000.00", payer="财政局", payee=city
                )  # fmt: skip
                yield allocation, date(year, 5 + part, 1), f.FundsReceived(payment=f"p-{part}", amount="500000.00")


def _established(number: int, city: str) -> Fact:
    return c.CommunityEstablished(
        name=f"第{number}社区",
        origin=("existing", "converted", "new-estate")[number % 3],  # type: ignore[arg-type]
        township_code="610112002",
        township="三桥街道",
        new_city=city,
        households=1500,
    )


def _community(record: str, chance: random.Random) -> Iterator[tuple[str, date, Fact]]:
    """99 facts after its opening: bodies, posts, certificates, premises, services, partnerships, counts."""
    code = record.rpartition("/")[2]
    facts: list[tuple[date, Fact]] = []
    for body in _BODIES:
        facts.append((date(2020, 1, 10), c.BodyFormed(body=body, term_ends_on=date(2025, 1, 9))))
    for number in range(20):
        person = Person(id=f"p-{code}-{number}", name="某某")
        role = ("secretary", "deputy-secretary", "member")[min(number, 2)] if number < 4 else "member"
        facts.append((date(2020, 1, 11), c.PostFilled(body=_BODIES[number % 4], person=person, role=role)))  # type: ignore[arg-type]
    for number in range(6):
        person = Person(id=f"p-{code}-{number}", name="某某")
        facts.append((_day(chance, 2020), c.CertificateRegistered(person=person, level="assistant", certificate=f"c-{number}")))
    facts.append((date(2020, 2, 1), c.PremisesProvided(premises="p-1", area="480.00", address="某路1号", how="built")))
    facts.append((date(2020, 2, 2), c.RenovationPlanned(due_on=date(2020, 12, 31))))
    facts.append((date(2020, 10, 2), c.RenovationCompleted()))
    facts.append((date(2020, 11, 2), c.ConvenienceCircleRecognised()))
    for number in range(4):
        agreement = f"a-{number}"
        signed = date(2020, 3, 1 + number)
        facts.append((signed, c.PartnershipSigned(agreement=agreement, organisation=Organisation(name="某企业"))))
        for year in (2020, 2021):
            facts.append(
                (date(year, 4, 1 + number), c.PartnershipProjectAgreed(agreement=agreement, project=f"j-{year}", year=year, title="共建"))
            )
    while len(facts) < ENTRIES - 5:
        if chance.random() < 0.5:
            facts.append((_day(chance), c.HouseholdsCounted(households=chance.randint(900, 5200))))
        else:
            facts.append((_day(chance), c.ServiceProvided(audience=chance.choice(("elderly", "youth", "migrants")), title="服务")))  # type: ignore[arg-type]
    facts.sort(key=lambda one: one[0])
    for day, fact in facts:
        yield record, day, fact
    for _ in range(ENTRIES - 1 - len(facts)):
        version = 2 + next(
            index for index in iter(lambda: chance.randrange(len(facts)), -1)
            if isinstance(facts[index][1], c.HouseholdsCounted)
        )
        yield record, date(2022, 7, 1), EventCorrected(
            version=version, reasons="录入有误", data={"households": chance.randint(900, 5200)}
        )
