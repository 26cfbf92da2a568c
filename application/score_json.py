"""Scores, lines and results as clients see them, names of persons still sealed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final, cast

from application.assessing import Scored
from application.names import Names, open_state
from domain.fact import JsonValue
from domain.records import aggregate, state_json
from domain.scoring import NONE_LOST, Deduction, Judged, Line, finding_json
from domain.state import step_json

PUBLISHED: Final = "ResultPublished"
OUTCOMES: Final = ("found", "met", "undeterminable")


def shown_json(scored: Scored, *, in_full: bool) -> dict[str, Any]:
    """A score with its lines and the assessment's record, names in it still sealed."""
    lines = [line_json(line, in_full=in_full) for line in scored.score.lines]
    return score_json(scored) | {"lines": lines, "record": record_json(scored)}


def record_json(scored: Scored) -> dict[str, JsonValue] | None:
    """The assessment's record with its deductions as they count; None where it isn't opened."""
    standing = scored.standing
    if standing.record is None:
        return None
    record_id = scored.path.partition("/")[2]
    state = state_json(aggregate("assessments"), record_id, standing.assessment.version, standing.record)
    state |= standing.beside
    decided = {one.deduction: one.shown for one in standing.deductions or ()}
    state["deductions"] = [one | decided[one["deduction"]] for one in cast("list[Any]", state["deductions"])]
    return state


def opened(names: Names, shown: dict[str, Any]) -> dict[str, Any]:
    """The score with the names in its record opened."""
    if shown["record"] is not None:
        open_state(names, f"assessments/{shown['year']}-{shown['new_city']}", shown["record"])
    return shown


def line_json(line: Line, *, in_full: bool) -> dict[str, JsonValue]:
    """A line as clients see it; in full with the findings that take points or may, and its deductions."""
    shown: dict[str, JsonValue] = {
        "indicator": line.indicator,
        "clause": line.clause,
        "title": line.title,
        "points": points_json(line.points),
        "cap": points_json(line.cap),
        "official_deducted": points_json(line.official_deducted),
        "indicative_deducted": points_json(line.indicative_deducted),
        "undeterminable": points_json(line.undeterminable),
        "contested": points_json(line.contested),
        "counts": _counts(line.findings),
        "flagged": flagged(line.deductions),
    }
    if in_full:
        shown["findings"] = [finding_json(one) for one in line.findings if one.finding.outcome != "met"]
        shown["deductions"] = [dict(one.shown) for one in line.deductions]
    return shown


def score_json(scored: Scored) -> dict[str, JsonValue]:
    """A score's sums, before it is ranked."""
    score = scored.score
    return {
        "new_city": score.new_city,
        "year": score.year,
        "official": None if score.official is None else points_json(score.official),
        "indicative": points_json(score.indicative),
        "contested": points_json(score.contested),
        "undeterminable": points_json(score.undeterminable),
        "scheme": scored.standing.scheme,
        "simulated": scored.standing.simulated,
        "rank": None,
        "counts": _counts([one for line in score.lines for one in line.findings]),
        "flagged": flagged([one for line in score.lines for one in line.deductions]),
    }


def published_json(scored: Scored) -> dict[str, JsonValue] | None:
    """A result as everyone may see it: as it was published; None where it isn't, or another scheme is tried."""
    record = scored.standing.record
    if record is None or not scored.place.is_published or scored.standing.simulated:
        return None
    published = step_json(record.steps[PUBLISHED])
    return {
        "new_city": scored.score.new_city,
        "year": scored.score.year,
        "official": published["score"],
        "indicative": None,
        "contested": None,
        "undeterminable": None,
        "scheme": scored.standing.scheme,
        "simulated": False,
        "rank": None,
        "counts": None,
        "flagged": None,
        "lines": [],
        "record": None,
        "published": published,
    }


def flagged(deductions: Iterable[Deduction]) -> list[JsonValue]:
    """The deductions in force of which an entry that they stood on was corrected or retracted since."""
    return [one.deduction for one in deductions if one.shown["flags"]]


def _counts(findings: Sequence[Judged]) -> dict[str, JsonValue]:
    counted = Counter(one.finding.outcome for one in findings)
    return {outcome: counted[outcome] for outcome in OUTCOMES}


def points_json(points: Decimal) -> str:
    """Points with two decimals."""
    return f"{points or NONE_LOST:.2f}"
