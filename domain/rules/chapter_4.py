"""Chapter 4, 社区用房: premises of existing and converted communities, and the gates that a new estate's pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal

from domain.community import HouseholdsCounted, PremisesProvided, RenovationCompleted, RenovationPlanned
from domain.estate import (
    CommitmentCertified,
    CompletionAccepted,
    MasterPlanReviewed,
    PremisesHandedOver,
    PremisesTermsSet,
    PresaleExclusionRecorded,
)
from domain.fact import Fact, JsonValue
from domain.rules.city import City, Subject, rank
from domain.rules.counts import Need, Reading, households_by_day, premises_by_day
from domain.rules.example import Example, Given, community, estate
from domain.rules.finding import Deadline, Finding, Outcome, by_deadlines, day_of, evidence, holding_since, shown_day
from domain.rules.rule import Area, Figures, Grace, OneDay, rule
from domain.state import Step

# 4.1


class Renovation(Figures):
    """When the policy took effect, what was due by when, and the standard that premises fell short of."""

    in_force_from: OneDay
    due_on: OneDay
    square_metres_per_100_households: Area


def _renovation(due_on: str) -> dict[str, JsonValue]:
    return {"in_force_from": "2019-12-10", "due_on": due_on, "square_metres_per_100_households": "30"}


_SMALL = (
    Given("communities/a", date(2019, 6, 1), community(households=1200)),
    Given("communities/a", date(2019, 6, 1), PremisesProvided(premises="1", area="200", address="一号", how="built")),
)
_SHORT: dict[str, JsonValue] = {
    "square_metres_per_100_households": "30",
    "square_metres": "200.00",
    "households": 1200,
    "square_metres_needed": "360.00",
}


@rule(
    "renovation-plan/1",
    clause="4.1",
    zh="用房改造提升方案",
    figures=Renovation,
    examples=(
        Example(
            "用房不足，2019年底前制定方案：符合",
            2020,
            _renovation("2019-12-31"),
            (*_SMALL, Given("communities/a", date(2019, 12, 20), RenovationPlanned(due_on=date(2020, 10, 1)))),
            (
                Finding(
                    "met",
                    "communities/a",
                    None,
                    {**_SHORT, "due_on": "2019-12-31", "done_on": "2019-12-20"},
                    (1, 2, 3),
                ),
            ),
        ),
        Example(
            "用房不足，未制定方案：2020年1月1日起不符合",
            2020,
            _renovation("2019-12-31"),
            _SMALL,
            (
                Finding(
                    "found",
                    "communities/a",
                    date(2020, 1, 1),
                    {**_SHORT, "due_on": "2019-12-31"},
                    (1, 2),
                    ("RenovationPlanned",),
                ),
            ),
        ),
        Example(
            "用房面积从未登记：无法判定是否不足",
            2020,
            _renovation("2019-12-31"),
            _SMALL[:1],
            (
                Finding(
                    "undeterminable",
                    "communities/a",
                    None,
                    {"square_metres_per_100_households": "30", "households": 1200, "square_metres_needed": "360.00"},
                    (1,),
                    ("PremisesProvided",),
                ),
            ),
        ),
    ),
)
def renovation_plan(city: City, figures: Renovation) -> Iterator[Finding]:
    """An existing community short of premises has no renovation plan in time, and has not been renovated either."""
    return _renovated(city, figures, (RenovationPlanned, RenovationCompleted))


@rule(
    "renovation/1",
    clause="4.1",
    zh="用房改造提升",
    figures=Renovation,
    examples=(
        Example(
            "用房不足，2020年底前完成改造：符合",
            2020,
            _renovation("2020-12-31"),
            (*_SMALL, Given("communities/a", date(2020, 12, 31), RenovationCompleted())),
            (
                Finding(
                    "met",
                    "communities/a",
                    None,
                    {**_SHORT, "due_on": "2020-12-31", "done_on": "2020-12-31"},
                    (1, 2, 3),
                ),
            ),
        ),
        Example(
            "2020年底仍在期限之内：暂不判为不符合",
            2020,
            _renovation("2020-12-31"),
            _SMALL,
            (Finding("met", "communities/a", None, {**_SHORT, "due_on": "2020-12-31", "pending": True}, (1, 2)),),
        ),
        Example(
            "2021年仍未改造：自2021年1月1日起不符合",
            2021,
            _renovation("2020-12-31"),
            _SMALL,
            (
                Finding(
                    "found",
                    "communities/a",
                    date(2021, 1, 1),
                    {**_SHORT, "due_on": "2020-12-31"},
                    (1, 2),
                    ("RenovationCompleted",),
                ),
            ),
        ),
        Example(
            "用房够用的社区不在此列",
            2020,
            _renovation("2020-12-31"),
            (
                Given("communities/a", date(2019, 6, 1), community(households=1200)),
                Given(
                    "communities/a",
                    date(2020, 2, 1),
                    PremisesProvided(premises="1", area="360.00", address="一号", how="built"),
                ),
            ),
            (),
        ),
    ),
)
def renovation(city: City, figures: Renovation) -> Iterator[Finding]:
    """An existing community short of premises is not renovated in time."""
    return _renovated(city, figures, (RenovationCompleted,))


def _renovated(city: City, figures: Renovation, meeting: tuple[type[Fact], ...]) -> Iterator[Finding]:
    """What any of the facts in time says of the communities that were short when the policy took effect."""
    for record in city.existing:
        need = Need(
            _about(figures.in_force_from, record.once(premises_by_day)),
            _about(figures.in_force_from, record.once(households_by_day)),
            figures.square_metres_per_100_households,
        )
        if not need.missing and not need.is_short:
            continue
        done = min((step for fact in meeting if (step := record.first(fact))), key=rank, default=None)
        deadline = Deadline(meeting[0].event, figures.due_on, day_of(done))
        if need.missing and (done is None or deadline.standing(city) == "found"):
            positions = evidence(record.opened, *need.steps, done)
            yield Finding("undeterminable", record.record, None, need.figures, positions, need.missing)
        else:
            positions = evidence(*need.steps, done)
            yield by_deadlines(city, record.record, (deadline,), need.figures, positions)


def _about(day: date, readings: Mapping[date, Reading]) -> Reading | None:
    """What was counted last before a day, or else first from it on."""
    if not readings:
        return None
    before = [counted_on for counted_on in readings if counted_on < day]
    return readings[max(before) if before else min(readings)]


# 4.2


class PremisesArea(Figures):
    """The standard for premises of converted communities."""

    square_metres_per_100_households: Area


_STANDARD: dict[str, JsonValue] = {"square_metres_per_100_households": "30"}


@rule(
    "premises-area/1",
    clause="4.2",
    zh="撤村建居社区用房面积",
    figures=PremisesArea,
    examples=(
        Example(
            "每百户30平方米：符合",
            2020,
            _STANDARD,
            (
                Given("communities/a", date(2020, 3, 1), community("converted")),
                Given("communities/a", date(2020, 4, 1), HouseholdsCounted(households=1000)),
                Given(
                    "communities/a",
                    date(2020, 5, 1),
                    PremisesProvided(premises="1", area="300", address="一号", how="built"),
                ),
            ),
            (
                Finding(
                    "met",
                    "communities/a",
                    None,
                    {
                        **_STANDARD,
                        "square_metres": "300.00",
                        "households": 1000,
                        "square_metres_needed": "300.00",
                    },
                    (2, 3),
                ),
            ),
        ),
        Example(
            "户数增加后面积不足：自清点之日起不符合",
            2020,
            _STANDARD,
            (
                Given("communities/a", date(2020, 3, 1), community("converted", households=1000)),
                Given(
                    "communities/a",
                    date(2020, 3, 1),
                    PremisesProvided(premises="1", area="300", address="一号", how="built"),
                ),
                Given("communities/a", date(2020, 7, 1), HouseholdsCounted(households=1001)),
            ),
            (
                Finding(
                    "found",
                    "communities/a",
                    date(2020, 7, 1),
                    {
                        **_STANDARD,
                        "square_metres": "300.00",
                        "households": 1001,
                        "square_metres_needed": "300.30",
                    },
                    (2, 3),
                ),
            ),
        ),
        Example(
            "用房面积从未登记：无法判定",
            2020,
            _STANDARD,
            (Given("communities/a", date(2020, 3, 1), community("converted", households=1000)),),
            (
                Finding(
                    "undeterminable",
                    "communities/a",
                    None,
                    {**_STANDARD, "households": 1000, "square_metres_needed": "300.00"},
                    (1,),
                    ("PremisesProvided",),
                ),
            ),
        ),
    ),
)
def premises_area(city: City, figures: PremisesArea) -> Iterator[Finding]:
    """A converted community's premises are below the standard."""
    standard = figures.square_metres_per_100_households
    for record in city.converted:
        areas, counts = premises_by_day(record), households_by_day(record)
        days = sorted({*areas, *counts})
        need = Need(None, None, standard)
        readings: list[tuple[date, bool]] = []
        for day in days:
            need = Need(areas.get(day, need.area), counts.get(day, need.households), standard)
            readings.append((day, need.is_short))
        if need.missing:
            positions = evidence(record.opened, *need.steps)
            yield Finding("undeterminable", record.record, None, need.figures, positions, need.missing)
        else:
            since = holding_since(readings)
            outcome: Outcome = "met" if since is None else "found"
            yield Finding(outcome, record.record, since, need.figures, evidence(*need.steps))


# 4.3


_GRACE: dict[str, JsonValue] = {"grace_days": 90, "days_are": "calendar"}
_TERMS = PremisesTermsSet(contract="补充条款")
_AGREED = MasterPlanReviewed(agreed=True, area="600", location="一号楼", opinion="同意")
_EXCLUDED = PresaleExclusionRecorded(permit="预售1号", area="600")
_CERTIFIED = CommitmentCertified(certificate="证明1号")
_ACCEPTED = CompletionAccepted(acceptance="备案1号")
_HANDED_OVER = PremisesHandedOver(premises="1", area="600")


def _gates(**days: str) -> tuple[Given, ...]:
    """An estate whose gates were passed on these days, an earlier one where none is given."""
    facts: dict[str, tuple[str, Fact]] = {
        "terms": ("2018-03-01", _TERMS),
        "review": ("2018-09-01", _AGREED),
        "exclusion": ("2019-05-01", _EXCLUDED),
        "certificate": ("2020-05-20", _CERTIFIED),
        "completion": ("2020-06-01", _ACCEPTED),
        "handover": ("2020-08-30", _HANDED_OVER),
    }
    return (
        Given("estates/x", date(2018, 1, 1), estate()),
        *(
            Given("estates/x", date.fromisoformat(days.get(gate, day)), fact)
            for gate, (day, fact) in facts.items()
            if days.get(gate) != "never"
        ),
    )


def _passed(**shown: JsonValue) -> dict[str, JsonValue]:
    return {
        "completion_accepted_on": "2020-06-01",
        "PremisesTermsSet": "2018-03-01",
        "MasterPlanReviewed": "2018-09-01",
        "PresaleExclusionRecorded": "2019-05-01",
        "CommitmentCertified": "2020-05-20",
        "PremisesHandedOver": "2020-08-30",
        "agreed": True,
        "square_metres_reviewed": "600",
        "square_metres_excluded": "600",
        **shown,
    }


@rule(
    "premises-gates/1",
    clause="4.3",
    zh="新建小区社区用房关口",
    figures=Grace,
    examples=(
        Example(
            "各关口依次办结，验收后第90天移交：符合",
            2020,
            _GRACE,
            _gates(),
            (
                Finding(
                    "met",
                    "estates/x",
                    None,
                    _passed(due_on="2020-08-30", done_on="2020-08-30"),
                    (2, 3, 4, 5, 6, 7),
                ),
            ),
        ),
        Example(
            "未从预售范围剔除用房面积：自验收之日起不符合",
            2020,
            _GRACE,
            _gates(exclusion="never"),
            (
                Finding(
                    "found",
                    "estates/x",
                    date(2020, 6, 1),
                    _passed(PresaleExclusionRecorded=None, square_metres_excluded=None, due_on="2020-06-01"),
                    (2, 3, 4, 5, 6),
                    ("PresaleExclusionRecorded",),
                ),
            ),
        ),
        Example(
            "总平面图审查在验收之后：计入验收的当年",
            2020,
            _GRACE,
            _gates(review="2020-07-01"),
            (
                Finding(
                    "found",
                    "estates/x",
                    date(2020, 6, 1),
                    _passed(MasterPlanReviewed="2020-07-01", due_on="2020-06-01", done_on="2020-07-01"),
                    (2, 3, 4, 5, 6, 7),
                ),
            ),
        ),
        Example("尚未竣工验收的小区不在此列", 2020, _GRACE, _gates(completion="never", handover="never"), ()),
    ),
)
def premises_gates(city: City, figures: Grace) -> Iterator[Finding]:
    """An estate's completion was accepted without one of the gates before it, or its premises not handed over."""
    for record in city.estates.values():
        accepted = record.first(CompletionAccepted)
        if accepted is None:
            continue
        completed_on = accepted.effective_on
        review = _review(record, completed_on)
        excluded, excluded_on = _exclusion(record, review)
        terms, certified = record.first(PremisesTermsSet), record.first(CommitmentCertified)
        handed_over = record.first(PremisesHandedOver)
        exclusions = record.of(PresaleExclusionRecorded)
        gates = {
            "PremisesTermsSet": day_of(terms),
            "MasterPlanReviewed": day_of(review) if review is not None and review.fact.agreed else None,
            "PresaleExclusionRecorded": excluded_on,
            "CommitmentCertified": day_of(certified),
        }
        deadlines = [Deadline(event, completed_on, day, before=True) for event, day in gates.items()]
        due_on = figures.due_on(completed_on)
        deadlines.append(Deadline("PremisesHandedOver", due_on, day_of(handed_over)))
        shown: dict[str, JsonValue] = {"completion_accepted_on": shown_day(accepted)}
        shown |= {event: None if day is None else day.isoformat() for event, day in gates.items()}
        shown |= {
            "PremisesHandedOver": shown_day(handed_over),
            "agreed": None if review is None else review.fact.agreed,
            "square_metres_reviewed": None if review is None else review.fact.area,
            "square_metres_excluded": excluded,
        }
        positions = evidence(accepted, terms, review, *exclusions, certified, handed_over)
        finding = by_deadlines(city, record.record, deadlines, shown, positions)
        yield finding._replace(missing=tuple(one for one in finding.missing if one not in _on_record(record)))


def _on_record(estate: Subject) -> Iterator[str]:
    """Of the gates that may be on record and yet not passed, those that are: a refusal, too small an area."""
    return (fact.event for fact in (MasterPlanReviewed, PresaleExclusionRecorded) if estate.of(fact))


def _review(estate: Subject, completed_on: date) -> Step[MasterPlanReviewed] | None:
    """The review that counts: the last one by the completion, or the first to agree after it."""
    reviews = estate.of(MasterPlanReviewed)
    before = [one for one in reviews if one.effective_on <= completed_on]
    if before and before[-1].fact.agreed:
        return before[-1]
    agreeing = next((one for one in reviews if one.effective_on > completed_on and one.fact.agreed), None)
    return agreeing or (reviews[-1] if reviews else None)


def _exclusion(estate: Subject, review: Step[MasterPlanReviewed] | None) -> tuple[str | None, date | None]:
    """The square metres that all presale permits together leave out, and since when they are what was reviewed."""
    by_permit: dict[str, Decimal] = {}
    enough_on: date | None = None
    for step in estate.of(PresaleExclusionRecorded):
        by_permit[step.fact.permit] = Decimal(step.fact.area)
        if enough_on is None and (review is None or sum(by_permit.values()) >= Decimal(review.fact.area)):
            enough_on = step.effective_on
    return (str(sum(by_permit.values())) if by_permit else None), enough_on
