"""扣分: what the inspectorate takes from a New City's year, gives notice of, revises and revokes. Clause 8.4.

A deduction stands in its assessment's list `deductions` under its own key, with all notices and revisions beside it.
Rely on `points`, `status`, `notice` and `as_disputed` rather than on the item's fields: those are what was said last.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, StringConstraints

from domain.aggregate import Records, not_standing, standing
from domain.fact import Day, DisputeRef, Fact, JsonValue, Key, Person, Position, RecordPath, Text
from domain.offices import Authority
from domain.procedure import cap_of, procedure_by
from domain.refusals import Code, FieldError, Refused
from domain.state import Item, State, Step, item_json
from domain.working_days import UnknownYear, day_after

CLAUSE = "8.4"
EVIDENCE_POSITIONS = 100
"""Positions that a deduction, or a party's submission in a dispute, may cite."""
NOTHING = Decimal("0.00")

# facts


def _something(points: str) -> str:
    if not Decimal(points):
        raise ValueError("nothing is no deduction: to take it back wholly is to revoke it")
    return points


PointsTaken = Annotated[str, StringConstraints(pattern=r"^(100\.00|[1-9]?\d\.\d\d)$"), AfterValidator(_something)]
"""Points taken, more than none, as an exact decimal string with two decimals."""


class MayFollowRuling(Fact):
    """What the inspectorate does on its own motion, and the system does where a ruling brings it about."""

    reasons: Text
    ruling: DisputeRef | None = None
    """The dispute whose ruling brought it about."""

    def authorities(self, state: State | Fact | None) -> tuple[Authority, ...]:  # noqa: ARG002  # the ruling decides
        """The inspectorate; what a ruling brings about records itself."""
        return self.by if self.ruling is None else (Authority("system"),)


class DeductionImposed(Fact, stored_as="DeductionImposed/1", zh="扣分", clause="8.4", by="inspectorate"):
    """Points were taken from an indicator, for what was found about a record."""

    deduction: Key
    indicator: Key
    points: PointsTaken
    about: RecordPath
    grounds: Text
    evidence_positions: Annotated[tuple[Position, ...], Field(max_length=EVIDENCE_POSITIONS)]
    computed_at: Position
    """The position at which the finding was looked at."""


class NoticeServed(Fact, stored_as="NoticeServed/1", zh="送达扣分通知", clause="8.4", by="inspectorate"):
    """The New City was told of a deduction; the time to dispute it runs if its right to was stated."""

    deduction: Key
    recipient: Person
    states_right: bool
    dispute_by: Day
    """The last day to file a dispute."""


class DeductionRevised(MayFollowRuling, stored_as="DeductionRevised/1", zh="变更扣分", under="8.4", by="inspectorate"):
    """A deduction takes other points from here on, by a ruling or on the inspectorate's own motion."""

    deduction: Key
    points: PointsTaken


class DeductionRevoked(MayFollowRuling, stored_as="DeductionRevoked/1", zh="撤销扣分", under="8.4", by="inspectorate"):
    """A deduction takes no points from here on, by a ruling or on the inspectorate's own motion."""

    deduction: Key


Decision: TypeAlias = DeductionImposed | DeductionRevised | DeductionRevoked
DeductionFact: TypeAlias = Decision | NoticeServed
Status = Literal["in-force", "revised", "revoked"]


# state: in-force → revised → revoked, and back by a final ruling


def status(item: Item) -> Status:
    """How a deduction stands."""
    match _revision(item):
        case None:
            return "in-force"
        case DeductionRevoked():
            return "revoked"
        case _:
            return "revised"


def points(item: Item) -> Decimal:
    """The points that it takes now; none once it is revoked."""
    return NOTHING if status(item) == "revoked" else Decimal(item.value("points"))


def _revision(item: Item) -> Fact | None:
    later = [step for step in item.later.values() if isinstance(step.fact, DeductionRevised | DeductionRevoked)]
    return max(later, key=_rank).fact if later else None


def revisions(assessment: State, deduction: str) -> Iterator[Step[DeductionRevised | DeductionRevoked]]:
    """Every revision and revocation of it, oldest first."""
    for item in assessment.items("revisions").values():
        step = item.opened
        if isinstance(step.fact, DeductionRevised | DeductionRevoked) and step.fact.deduction == deduction:
            yield Step(step.fact, *step[1:])


def notices(assessment: State, deduction: str) -> Iterator[Step[NoticeServed]]:
    """Every notice of it, oldest first."""
    for item in assessment.items("notices").values():
        step = item.opened
        if isinstance(step.fact, NoticeServed) and step.fact.deduction == deduction:
            yield Step(step.fact, *step[1:])


def notice(assessment: State, deduction: str) -> Step[NoticeServed] | None:
    """The notice from which the time to dispute runs: the last that states the right; None where none runs."""
    return max((one for one in notices(assessment, deduction) if one.fact.states_right), key=_rank, default=None)


def as_disputed(assessment: State, deduction: str) -> Decimal:
    """The points that a dispute is about: as imposed, and as since revised on the inspectorate's own motion.

    A final ruling speaks of these, whatever the first one made of them.
    """
    own = [one.fact for one in revisions(assessment, deduction) if one.fact.ruling is None]
    if not own:
        return Decimal(assessment.items("deductions")[deduction].opened.fact.value("points"))
    last = own[-1]
    return Decimal(last.points) if isinstance(last, DeductionRevised) else NOTHING


def course(assessment: State, deduction: str) -> tuple[tuple[int, Decimal], ...]:
    """The positions of the entries that imposed and revised it, in the log's order, each with the points known there.

    Of revisions known at a position the last by its day holds, as it does in the state.
    """
    imposed = assessment.items("deductions")[deduction].opened
    steps = sorted(revisions(assessment, deduction), key=_rank)
    found = [(imposed.position, Decimal(imposed.fact.value("points")))]
    for position in sorted(one.position for one in steps):
        last = [one.fact for one in steps if one.position <= position][-1]
        found.append((position, Decimal(last.points) if isinstance(last, DeductionRevised) else NOTHING))
    return tuple(found)


def acts(assessment: State, deduction: str) -> list[Step[Fact]]:
    """What imposed it, served notice of it or revised it on the inspectorate's own motion."""
    steps: list[Step[Fact]] = [assessment.items("deductions")[deduction].opened]
    steps += (Step(*one) for one in notices(assessment, deduction))
    steps += (Step(*one) for one in revisions(assessment, deduction) if one.fact.ruling is None)
    return steps


def _rank(step: Step[Fact]) -> tuple[object, int]:
    return step.effective_on, step.position


def shown(assessment: State) -> JsonValue:
    """The deductions as they came to stand: their events' fields, `status`, and `points` as they are now."""
    return [deduction_json(assessment, str(key)) for key in assessment.items("deductions")]


def deduction_json(assessment: State, deduction: str) -> dict[str, JsonValue]:
    """A deduction's fields, how it stands, the points it takes now and was imposed with, and its time to dispute."""
    item = assessment.items("deductions")[deduction]
    served = notice(assessment, deduction)
    return {
        **item_json(item),
        "points": f"{points(item):.2f}",
        "imposed_points": item.opened.fact.value("points"),
        "status": status(item),
        "dispute_by": None if served is None else served.fact.dispute_by.isoformat(),
    }


# fold


def evolve(assessment: State, step: Step[DeductionFact]) -> State:
    """Fold one step about a deduction. Refuses nothing: it has already happened."""
    fact = step.fact
    match fact:
        case DeductionImposed():
            return assessment.put("deductions", fact.deduction, step)
        case NoticeServed():
            return assessment.amend("deductions", fact.deduction, step).put("notices", step.position, step)
        case DeductionRevised() | DeductionRevoked():
            return assessment.amend("deductions", fact.deduction, step).put("revisions", step.position, step)


# what is admitted


def admit(assessment: State, step: Step[DeductionFact]) -> None:
    """Refuse a second deduction under one key, and what is about none, about a revoked one, or changes nothing."""
    fact = step.fact
    match fact:
        case DeductionImposed():
            not_standing(assessment, "deductions", fact.deduction, step)
        case NoticeServed():
            _in_force(assessment, fact.deduction, step)
            _served_once(assessment, fact, step)
        case DeductionRevised():
            standing(assessment, "deductions", fact.deduction, step)
            if fact.ruling is None:
                held = _in_force(assessment, fact.deduction, step)
                if points(held) == Decimal(fact.points):
                    raise Refused(
                        Code.ALREADY_STANDING,
                        f"{fact.deduction} takes {fact.points} points already",
                        clause=CLAUSE,
                        positions=(held.fields["points"].position,),
                    )
        case DeductionRevoked():
            _in_force(assessment, fact.deduction, step)


def _in_force(assessment: State, deduction: str, step: Step[DeductionFact]) -> Item:
    standing(assessment, "deductions", deduction, step)
    item = assessment.items("deductions")[deduction]
    if status(item) == "revoked":
        revoked = item.later[DeductionRevoked.event]
        raise Refused(
            Code.REVOKED,
            f"{deduction} was revoked on {revoked.effective_on}",
            clause=CLAUSE,
            positions=(revoked.position,),
        )
    return item


def _served_once(assessment: State, fact: NoticeServed, step: Step[DeductionFact]) -> None:
    """Refuse to start the time to dispute anew, but for a deduction made heavier since."""
    served = notice(assessment, fact.deduction)
    if served is None or not fact.states_right:
        return
    last = max(revisions(assessment, fact.deduction), key=_rank, default=None)
    if last is None or _rank(last) < _rank(served):
        raise Refused(
            Code.ALREADY_STANDING,
            f"notice of {fact.deduction} was served on {served.effective_on}: "
            f"it may be disputed until {served.fact.dispute_by}, and {step.effective_on} starts no other time",
            clause=CLAUSE,
            positions=(served.position,),
        )


# what other records must allow


def conditions(record: str, assessment: State, step: Step[DeductionFact], records: Records) -> None:
    """Points within what the indicator has, evidence that is the New City's, time to dispute as the scheme gives it.

    What stands already was judged when it was recorded, and is not judged again.
    """
    fact = step.fact
    if _stands(assessment, step):
        return
    if isinstance(fact, DeductionRevised | DeductionRevoked) and fact.ruling is not None:
        if step.causation is None:
            raise Refused(Code.SYSTEM_ONLY, "what a ruling brings about is recorded by the system", clause=CLAUSE)
        return
    match fact:
        case DeductionImposed():
            _one_a_finding(assessment, fact, records)
            _within_cap(assessment, fact.indicator, fact.deduction, Decimal(fact.points), records)
            _concerns(assessment.value("new_city"), fact, records)
        case NoticeServed():
            _time_to_dispute(assessment, fact, step, records)
        case DeductionRevised():
            indicator: str = assessment.items("deductions")[fact.deduction].value("indicator")
            _within_cap(assessment, indicator, fact.deduction, Decimal(fact.points), records)
            _never_heavier(record, assessment, fact, records)
        case DeductionRevoked():
            return


def _stands(assessment: State, step: Step[DeductionFact]) -> bool:
    name = "revisions"
    if isinstance(step.fact, DeductionImposed):
        name = "deductions"
    elif isinstance(step.fact, NoticeServed):
        name = "notices"
    return any(item.opened.position == step.position for item in assessment.items(name).values())


def _one_a_finding(assessment: State, fact: DeductionImposed, records: Records) -> None:
    """An indicator whose rules can find several things about a record may be deducted from as often, never more."""
    cap = cap_of(assessment.value("scheme"), fact.indicator, records)
    alike = [
        item.opened.position
        for item in assessment.items("deductions").values()
        if (item.value("indicator"), item.value("about")) == (fact.indicator, fact.about)
    ]
    if cap is not None and len(alike) >= cap.rules:
        raise Refused(
            Code.ALREADY_DEDUCTED,
            f"{fact.indicator} was deducted from about {fact.about} already: one deduction a finding",
            clause=CLAUSE,
            positions=alike,
        )


def _within_cap(assessment: State, indicator: str, deduction: str, taken: Decimal, records: Records) -> None:
    scheme: str = assessment.value("scheme")
    cap = cap_of(scheme, indicator, records)
    if cap is None:
        raise Refused(
            Code.UNKNOWN_INDICATOR,
            f"{scheme} has no indicator {indicator}",
            clause=CLAUSE,
            errors=[FieldError("/data/indicator", f"{scheme} has no such indicator")],
        )
    others = sum(
        (
            points(item)
            for key, item in assessment.items("deductions").items()
            if key != deduction and item.value("indicator") == indicator
        ),
        NOTHING,
    )
    if others + taken > cap.points:
        raise Refused(
            Code.ABOVE_CAP,
            f"{indicator} has {cap.points:.2f} points, {others:.2f} of them deducted: {taken:.2f} exceeds the rest",
            clause=CLAUSE,
            errors=[FieldError("/data/points", f"at most {max(cap.points - others, NOTHING):.2f}")],
        )


def _concerns(new_city: str, fact: DeductionImposed, records: Records) -> None:
    owner = records.new_city_of(fact.about)
    if owner != new_city:
        raise Refused(
            Code.FOREIGN_EVIDENCE,
            f"{fact.about} does not belong to {new_city}" + ("" if owner is None else f" but to {owner}"),
            clause=CLAUSE,
            errors=[FieldError("/data/about", f"a record of {new_city}")],
        )
    for index, position in enumerate(fact.evidence_positions):
        pointer = f"/data/evidence_positions/{index}"
        cited = records.entry_at(position)
        if cited is None:
            raise unknown_evidence(position, pointer)
        if position > fact.computed_at:
            raise Refused(
                Code.UNKNOWN_EVIDENCE,
                f"entry {position} was recorded after {fact.computed_at}, where the finding was looked at",
                clause=CLAUSE,
                errors=[FieldError(pointer, f"at most {fact.computed_at}")],
            )
        if cited.record != fact.about and records.new_city_of(cited.record) != new_city:
            raise Refused(
                Code.FOREIGN_EVIDENCE,
                f"entry {position} is about {cited.record}, which does not belong to {new_city}",
                clause=CLAUSE,
                positions=(position,),
                errors=[FieldError(pointer, f"an entry that concerns {new_city}")],
            )


def unknown_evidence(position: int, pointer: str) -> Refused:
    """The refusal of evidence that isn't in the ledger."""
    return Refused(
        Code.UNKNOWN_EVIDENCE,
        f"there is no entry {position}",
        clause=CLAUSE,
        errors=[FieldError(pointer, f"there is no entry {position}")],
    )


def _time_to_dispute(assessment: State, fact: NoticeServed, step: Step[DeductionFact], records: Records) -> None:
    """Refuse a last day that gives less time than the scheme does, or that nobody can count to."""
    procedure = procedure_by(assessment.value("scheme"), records)
    least = day_after(step.effective_on, procedure.days_to_dispute, procedure.days_are)
    if isinstance(least, UnknownYear):
        raise unknown_year(least, procedure.days_to_dispute, step)
    if fact.dispute_by < least:
        raise Refused(
            Code.TOO_LITTLE_TIME,
            f"{procedure.days_to_dispute} {procedure.days_are} days after {step.effective_on} end on {least}; "
            f"{fact.dispute_by} is earlier",
            clause=CLAUSE,
            errors=[FieldError("/data/dispute_by", f"not before {least}")],
        )


def unknown_year(found: UnknownYear, days: int, step: Step[Fact]) -> Refused:
    """The refusal of a step whose limit runs through a year whose working days aren't known."""
    return Refused(
        Code.UNKNOWN_CALENDAR,
        f"{days} working days after {step.effective_on} run into {found.year}, whose working days are not known here",
        clause=CLAUSE,
    )


def _never_heavier(record: str, assessment: State, fact: DeductionRevised, records: Records) -> None:
    """Once it has been disputed, the inspectorate's own motion only lightens a deduction."""
    held = points(assessment.items("deductions")[fact.deduction])
    if Decimal(fact.points) < held:
        return
    for dispute in disputes_of(record, fact.deduction, records):
        raise Refused(
            Code.HEAVIER,
            f"{fact.deduction} takes {held:.2f} points and has been disputed in {dispute}: {fact.points} is heavier",
            clause=CLAUSE,
            errors=[FieldError("/data/points", f"less than {held:.2f}")],
        )


def disputes_of(assessment: str, deduction: str, records: Records) -> list[str]:
    """The disputes that have been filed against a deduction of `assessments/ID`, by path: one at most."""
    found = ((one, records.state(one)) for one in records.referring(assessment, "disputes"))
    return [
        path
        for path, state in found
        if state is not None
        and state.value("deduction") == deduction
        and f"assessments/{state.value('assessment')}" == assessment
    ]
