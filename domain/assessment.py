"""年度考核: a New City's year as it is assessed, published and finalised. Clause 8.4."""

from __future__ import annotations

from typing import Annotated, TypeAlias, assert_never, get_args

from pydantic import StringConstraints

from domain.aggregate import Aggregate, Records, status_in, still_open
from domain.fact import Count, DisputeRef, Fact, NewCityRef, Position, SchemeRef, Sha256, Text, Year
from domain.offices import Authority
from domain.refusals import Code, Refused
from domain.state import State, Step

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


class ResultPublished(Fact, stored_as="ResultPublished/1", zh="公布考核结果", by="inspectorate"):
    """The official score was published, with the position it was computed at and the log's tree at that time."""

    score: Score
    computed_at: Position
    tree_size: Count
    root_hash: Sha256


class AssessmentFinalised(Fact, stored_as="AssessmentFinalised/1", zh="考核结果定案", by="inspectorate"):
    """The published result is final."""


class AssessmentReopened(Fact, stored_as="AssessmentReopened/1", zh="重启考核", by="inspectorate"):
    """A final result is to be published anew, after a ruling or on the inspectorate's own motion."""

    reasons: Text
    ruling: DisputeRef | None = None

    def authorities(self, state: State | Fact | None) -> tuple[Authority, ...]:  # noqa: ARG002  # the ruling decides
        """The inspectorate; a ruling reopens by itself."""
        return self.by if self.ruling is None else (Authority("system"),)


AssessmentFact: TypeAlias = (
    AssessmentOpened | CriticismIssued | ResultPublished | AssessmentFinalised | AssessmentReopened
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
        case CriticismIssued():
            return assessment.put("criticisms", step.position, step)
        case ResultPublished():
            return assessment.take(step).become("published")
        case AssessmentFinalised():
            return assessment.take(step).become("finalised")
        case AssessmentReopened():
            return assessment.take(step).become("open")
        case _:
            assert_never(step.fact)


# what is admitted


def admit(assessment: State | None, step: Step[AssessmentFact]) -> None:
    """Refuse to finalise what is not published, to reopen what is not final, and all else once it is."""
    if assessment is None:
        return
    match step.fact:
        case AssessmentOpened() | CriticismIssued() | ResultPublished():
            still_open(assessment, FINAL, step)
        case AssessmentFinalised():
            status_in(assessment, ("published",), step)
        case AssessmentReopened():
            status_in(assessment, ("finalised",), step)
        case _:
            assert_never(step.fact)


# what the record's id and other records must allow


def conditions(record: str, assessment: State | None, step: Step[AssessmentFact], records: Records) -> None:  # noqa: ARG001
    """An assessment's id says whose year it is; only a ruling names itself as what reopened it."""
    match step.fact:
        case AssessmentOpened(year=year, new_city=new_city):
            if record != f"assessments/{year}-{new_city}":
                raise Refused(Code.BAD_RECORD_ID, f"the year {year} of {new_city} is assessed in {year}-{new_city}")
        case AssessmentReopened(ruling=str()):
            if step.causation is None:
                raise Refused(Code.SYSTEM_ONLY, "what a ruling brings about is recorded by the system")
        case _:
            return


ASSESSMENT = Aggregate(
    kind="assessments",
    zh="年度考核",
    facts=get_args(AssessmentFact),
    evolve=evolve,
    admit=admit,
    fields=("year", "new_city", "scheme"),
    lists=("criticisms",),
    fixed=frozenset({"year", "new_city"}),
    not_correctable=frozenset({"ResultPublished", "AssessmentFinalised"}),
    id_pattern=r"\d{4}-[a-z0-9-]{2,32}",
    conditions=conditions,
)
