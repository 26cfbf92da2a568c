"""年度考核: a New City's year as it is assessed, published and finalised. Clause 8.4."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import zip_longest
from typing import Annotated, TypeAlias, assert_never, get_args

from pydantic import StringConstraints

from domain import deduction
from domain.aggregate import Aggregate, Records, status_in, still_open
from domain.deduction import (
    DeductionImposed,
    DeductionRevised,
    DeductionRevoked,
    MayFollowRuling,
    NoticeServed,
)
from domain.fact import Count, Fact, JsonValue, NewCityRef, Position, SchemeRef, Sha256, Text, Year
from domain.procedure import scheme_of_year
from domain.refusals import Code, FieldError, Refused
from domain.state import State, Step, step_json

# facts

Score = Annotated[str, StringConstraints(pattern=r"^(100\.00|[1-9]?\d\.\d\d)$")]
"""Of 100 points, as an exact decimal string with two decimals."""


class AssessmentOpened(Fact, stored_as="AssessmentOpened/1", zh="启动年度考核", clause="8.4", by="inspectorate"):
    """A New City's year is assessed, by this version of the scheme."""

    year: Year
    new_city: NewCityRef
    scheme: SchemeRef


class CriticismIssued(Fact, stored_as="CriticismIssued/1", zh="通报批评", clause="8.4", by="inspectorate"):
    """The New City was criticised in a circular."""

    title: Text
    reasons: Text


class ResultPublished(Fact, stored_as="ResultPublished/1", zh="公布考核结果", under="8.4", by="inspectorate"):
    """The official score was published, with the position it was computed at and the log's tree at that time."""

    score: Score
    computed_at: Position
    tree_size: Count
    root_hash: Sha256


class AssessmentFinalised(Fact, stored_as="AssessmentFinalised/1", zh="考核结果定案", under="8.4", by="inspectorate"):
    """The published result is final."""


class AssessmentReopened(
    MayFollowRuling, stored_as="AssessmentReopened/1", zh="重启考核", under="8.4", by="inspectorate"
):
    """A final result is to be published anew, after a ruling or on the inspectorate's own motion."""


AssessmentFact: TypeAlias = (
    AssessmentOpened
    | DeductionImposed
    | NoticeServed
    | DeductionRevised
    | DeductionRevoked
    | CriticismIssued
    | ResultPublished
    | AssessmentFinalised
    | AssessmentReopened
)

# state: open → published → finalised, and open again

FINAL = frozenset({"finalised"})


# fold


def evolve(assessment: State | None, step: Step[AssessmentFact]) -> State:
    """Fold one step. Refuses nothing: it has already happened."""
    if assessment is None:
        assessment = State("open")
    match step.fact:
        case AssessmentOpened():
            return assessment.say(step)
        case DeductionImposed() | NoticeServed() | DeductionRevised() | DeductionRevoked():
            return deduction.evolve(assessment, Step(step.fact, *step[1:]))
        case CriticismIssued():
            return assessment.put("criticisms", step.position, step)
        case ResultPublished():
            return assessment.take(step).put("results", step.position, step).become("published")
        case AssessmentFinalised():
            return assessment.take(step).become("finalised")
        case AssessmentReopened():
            return assessment.take(step).become("open")
        case _:
            assert_never(step.fact)


# what is admitted


def admit(assessment: State | None, step: Step[AssessmentFact]) -> None:
    """Refuse to finalise what is not published, to reopen what is not final, and all else once it is.

    Once it is final, notice may still be served, and a ruling still changes a deduction.
    """
    if assessment is None:
        return
    match step.fact:
        case DeductionImposed() | DeductionRevised(ruling=None) | DeductionRevoked(ruling=None):
            still_open(assessment, FINAL, step)
            deduction.admit(assessment, Step(step.fact, *step[1:]))
        case NoticeServed() | DeductionRevised() | DeductionRevoked():
            deduction.admit(assessment, Step(step.fact, *step[1:]))
        case AssessmentOpened() | CriticismIssued() | ResultPublished():
            still_open(assessment, FINAL, step)
        case AssessmentFinalised():
            status_in(assessment, ("published",), step)
        case AssessmentReopened():
            status_in(assessment, ("finalised",), step)
        case _:
            assert_never(step.fact)


# what the record's id and other records must allow


def conditions(record: str, assessment: State | None, step: Step[AssessmentFact], records: Records) -> None:
    """An assessment's id says whose year it is; only a ruling names itself as what reopened it."""
    match step.fact:
        case DeductionImposed() | NoticeServed() | DeductionRevised() | DeductionRevoked() if assessment is not None:
            deduction.conditions(record, assessment, Step(step.fact, *step[1:]), records)
        case AssessmentOpened(year=year, new_city=new_city, scheme=scheme):
            if record != f"assessments/{year}-{new_city}":
                raise Refused(Code.BAD_RECORD_ID, f"the year {year} of {new_city} is assessed in {year}-{new_city}")
            _judges(scheme, year, step, records)
        case AssessmentReopened(ruling=str()):
            if step.causation is None:
                raise Refused(Code.SYSTEM_ONLY, "what a ruling brings about is recorded by the system")
        case _:
            return


def _judges(scheme: str, year: int, step: Step[AssessmentFact], records: Records) -> None:
    """Refuse any other scheme than the one in force on the year's last day: what it gave would be a simulation."""
    in_force = scheme_of_year(year, records)
    if in_force is None:
        raise Refused(Code.NO_SCHEME, f"no scheme is in force on {year}-12-31", clause=step.fact.clause)
    if scheme != in_force:
        raise Refused(
            Code.SCHEME_NOT_IN_FORCE,
            f"{year} is judged by {in_force}, which is in force on {year}-12-31, not by {scheme}",
            clause=step.fact.clause,
            errors=(FieldError("/data/scheme", f"the scheme in force on {year}-12-31 is {in_force}"),),
        )


# what is shown


def results(assessment: State) -> JsonValue:
    """Every result as it was published: `superseded_by` the next one, `changed_by` what has changed since of it.

    A result is superseded once a deduction that it counted is revised or revoked, whether or not another one follows.
    """
    published = [item.opened for item in assessment.items("results").values()]
    following = [one.position for one in published[1:]]
    shown: list[JsonValue] = []
    for step, successor in zip_longest(published, following):
        changed_by = changed_since(assessment, step.fact.value("computed_at"))
        shown.append(
            {
                **step_json(step),
                "superseded": successor is not None or bool(changed_by),
                "superseded_by": successor,
                "changed_by": changed_by,
            }
        )
    return shown


def changed_since(assessment: State, position: int) -> list[JsonValue]:
    """The revisions and revocations, past a position, of deductions that were imposed by then."""
    held = assessment.items("deductions")
    return [
        item.opened.position
        for item in assessment.items("revisions").values()
        if item.opened.position > position and held[item.value("deduction")].opened.position <= position
    ]


def _reports(assessment: State, records: Records, on: date) -> JsonValue:
    """The reports that were issued of the year, each with what takes its place and what has changed since of it."""
    ledger = records.state("ledger/ledger", on)
    shown: list[JsonValue] = []
    issued = [] if ledger is None else [*ledger.items("reports").values()]
    successors = {one.opened.fact.value("supersedes"): one.opened.position for one in issued}
    for item in issued:
        parameters: Mapping[str, JsonValue] = item.value("parameters")
        if parameters.get("year") != assessment.value("year"):
            continue
        if parameters.get("new_city") not in {None, assessment.value("new_city")}:
            continue
        successor = successors.get(item.opened.position)
        changed_by = changed_since(assessment, item.value("tree_size"))
        shown.append(
            {
                "report": item.value("report"),
                "position": item.opened.position,
                "tree_size": item.value("tree_size"),
                "superseded": successor is not None or bool(changed_by),
                "superseded_by": successor,
                "changed_by": changed_by,
            }
        )
    return shown


ASSESSMENT = Aggregate(
    kind="assessments",
    zh="年度考核",
    facts=get_args(AssessmentFact),
    evolve=evolve,
    admit=admit,
    fields=("year", "new_city", "scheme"),
    lists=("criticisms", "notices", "revisions"),
    worked_out={"deductions": deduction.shown, "results": results},
    beside={"reports": _reports},
    fixed=frozenset({"year", "new_city"}),
    not_correctable=frozenset(
        {
            "DeductionImposed",
            "NoticeServed",
            "DeductionRevised",
            "DeductionRevoked",
            "ResultPublished",
            "AssessmentFinalised",
        }
    ),
    id_pattern=r"\d{4}-[a-z0-9-]{2,32}",
    conditions=conditions,
)
