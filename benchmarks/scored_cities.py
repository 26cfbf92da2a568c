"""Five New Cities with a history worth judging: the same one every time it is asked for."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from datetime import date, timedelta
from itertools import islice
from typing import Final, TypeAlias

from api.composition import Taizhang
from application.commands import Command, Proposal
from application.committing import Recorded
from application.drafting import content_of
from domain import community, estate, funding_allocation, new_city, village
from domain.corrections import EventCorrected
from domain.fact import Fact, Organisation, Person
from domain.offices import SYSTEM

NEW_CITIES: Final = ("fengdong", "fengxi", "jinghe", "konggang", "qinhan")
BEGINS, ENDS = date(2019, 12, 10), date(2022, 6, 30)
ENTRIES: Final = 100
"""Of each community."""
CORRECTIONS: Final = 3
"""Among them, recorded after all else."""
SEED: Final = 20191210

Said: TypeAlias = tuple[str, date, Fact]

_TOWNSHIP: Final = {"township_code": "610112002", "township": "三桥街道"}
_BODIES: Final[tuple[community.Body, ...]] = (
    "party",
    "residents-committee",
    "supervisory-committee",
    "service-station",
)
_POSTS: Final[tuple[community.Post, ...]] = ("secretary", "director", "deputy", "member", "worker")
_TURN: Final = 3
"""Facts that a record says before others have their turn."""
_BATCH: Final = 500


def record(ledger: Taizhang, communities: int) -> int:
    """Record so many communities with 100 entries each, and what goes with them.

    Returns the position by which all records are open.
    """
    chance = random.Random(SEED)  # noqa: S311  # the same history every time
    opening = [said for city in NEW_CITIES for said in _new_city(city)]
    histories: list[Iterator[Said]] = []
    corrections: list[Said] = []
    for number in range(communities):
        city = NEW_CITIES[number % len(NEW_CITIES)]
        opening.append((f"communities/c{number:06}", BEGINS, _established(number, city)))
        said = _community(number, chance)
        histories.append(iter(said))
        corrections += _corrections(said, chance)
        if number % 10 == 0:
            histories.append(_estate(number, city))
        if number % 40 == 0:
            histories.append(_village(number, city))
    _record(ledger, opening)
    opened_by, _ = ledger.log.head()
    _record(ledger, _side_by_side(histories, chance))
    _record(ledger, corrections)
    return opened_by


def _record(ledger: Taizhang, said: Sequence[Said]) -> None:
    waiting: list[Future[Recorded]] = []
    for start in range(0, len(said), _BATCH):
        proposals = tuple(
            Proposal(path, content_of(path.partition("/")[0], fact, day))
            for path, day, fact in said[start : start + _BATCH]
        )
        waiting.append(ledger.recorder.submit(Command(SYSTEM.account, proposals, is_batch=True)))
    for one in waiting:
        one.result(600)


def _side_by_side(histories: Sequence[Iterator[Said]], chance: random.Random) -> list[Said]:
    """Everyone's facts, each in its own order, as they come in from many offices."""
    going_on, said = [*histories], list[Said]()
    while going_on:
        chance.shuffle(going_on)
        turns = [(one, [*islice(one, _TURN)]) for one in going_on]
        said += [fact for _, facts in turns for fact in facts]
        going_on = [one for one, facts in turns if len(facts) == _TURN]
    return said


def _new_city(city: str) -> Iterator[Said]:
    path = f"new-cities/{city}"
    yield path, BEGINS, new_city.NewCityRegistered(name=city, kind="new-city")
    yield path, date(2020, 3, 1), new_city.SettingPlanAdopted(title="社区设置专项规划")
    yield path, date(2020, 5, 1), new_city.IncubationBaseOpened(base="b-1", name="孵化基地")
    for year in (2020, 2021):
        allocation = f"funding-allocations/{city}-{year}"
        approved = {"new_city": city, "year": year, "bearer": "new-city", "purpose": "community-work"}
        yield (
            allocation,
            date(year, 2, 1),
            funding_allocation.AllocationApproved.model_validate(approved | {"amount": "1000000.00"}),
        )
        for part in ("p-1", "p-2"):
            paid = funding_allocation.FundsDisbursed(payment=part, amount="500000.00", payer="财政局", payee="街道")
            yield allocation, date(year, 5, 20), paid
            yield allocation, date(year, 6, 20), funding_allocation.FundsReceived(payment=part, amount="500000.00")


def _established(number: int, city: str) -> Fact:
    origin = ("existing", "converted", "new-estate")[number % 3]
    said = {"name": f"第{number}社区", "origin": origin, "new_city": city, "households": 1500, **_TOWNSHIP}
    return community.CommunityEstablished.model_validate(said)


def _community(number: int, chance: random.Random) -> list[Said]:
    """What comes after its opening, but for corrections."""
    facts = [*_organised(number), *_equipped()]
    while len(facts) < ENTRIES - 1 - CORRECTIONS:
        day = BEGINS + timedelta(days=chance.randrange((ENDS - BEGINS).days))
        if chance.random() < 0.5:  # noqa: PLR2004  # as many of the one as of the other
            facts.append((day, community.HouseholdsCounted(households=chance.randint(900, 5200))))
        else:
            facts.append((day, community.ServiceProvided(audience="elderly", title="日间照料")))
    facts.sort(key=lambda one: one[0])
    return [(f"communities/c{number:06}", day, fact) for day, fact in facts]


def _corrections(said: Sequence[Said], chance: random.Random) -> Iterator[Said]:
    """Corrections of counts among what a community says, which are recorded in versions 2 and up."""
    counts = [version for version, one in enumerate(said, 2) if isinstance(one[2], community.HouseholdsCounted)]
    for version in chance.sample(counts, CORRECTIONS):
        corrected = {"households": chance.randint(900, 5200)}
        yield said[0][0], date(2022, 7, 1), EventCorrected(version=version, reasons="录入有误", data=corrected)


def _organised(number: int) -> Iterator[tuple[date, Fact]]:
    """Bodies, posts, certificates and their rewards."""
    persons = [Person(id=f"p-{number}-{index}", name="某某") for index in range(20)]
    for body in _BODIES:
        yield date(2020, 1, 10), community.BodyFormed(body=body, term_ends_on=date(2025, 1, 9))
    for index, person in enumerate(persons):
        filled = community.PostFilled(body=_BODIES[index % 4], person=person, role=_POSTS[index // 4])
        yield date(2020, 1, 11), filled
    for person in persons[:5]:
        certificate = f"c-{person.id}"
        registered = community.CertificateRegistered(person=person, level="assistant", certificate=certificate)
        yield date(2020, 6, 1), registered
        paid = community.RewardPaid(person=person.id, certificate=certificate, level="assistant", amount="2000.00")
        yield date(2020, 7, 1), paid


def _equipped() -> Iterator[tuple[date, Fact]]:
    """Premises, the 15-minute circle and partnerships."""
    provided = community.PremisesProvided(premises="p-1", area="480.00", address="某路1号", how="built")
    yield date(2020, 2, 1), provided
    yield date(2020, 2, 2), community.RenovationPlanned(due_on=date(2020, 12, 31))
    yield date(2020, 10, 2), community.RenovationCompleted()
    yield date(2020, 11, 2), community.ConvenienceCircleRecognised()
    for agreement in ("a-1", "a-2", "a-3", "a-4"):
        signed = community.PartnershipSigned(agreement=agreement, organisation=Organisation(name="某驻区企业"))
        yield date(2020, 3, 1), signed
        for year in (2020, 2021):
            agreed = community.PartnershipProjectAgreed(agreement=agreement, project=f"{year}", year=year, title="共建")
            yield date(year, 4, 1), agreed


def _estate(number: int, city: str) -> Iterator[Said]:
    path = f"estates/e{number:06}"
    said = {"name": "某小区", "developer": Organisation(name="某开发企业"), "households_planned": 1000}
    yield path, BEGINS, estate.EstateRegistered.model_validate(said | {"new_city": city, **_TOWNSHIP})
    for month in range(1, 13):
        yield path, date(2020, month, 28), estate.OccupancyCounted(households=80 * month)
    yield path, date(2021, 1, 5), estate.CommunityAssigned(community=f"c{number:06}")


def _village(number: int, city: str) -> Iterator[Said]:
    path = f"villages/v{number:06}"
    yield path, BEGINS, village.VillageRegistered.model_validate({"name": "某村", "new_city": city, **_TOWNSHIP})
    yield path, date(2020, 6, 1), village.VillageDemolished()
