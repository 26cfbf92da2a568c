"""Schemas of scores: what stands behind every point."""

from __future__ import annotations

from typing import Final, get_args

from api.http.schemas import Schema, closed, reference
from application.score_json import OUTCOMES
from domain.causes import Kind
from domain.deduction import Status

_POINTS: Final[Schema] = {"type": "string", "pattern": r"^-?\d+\.\d{2}$", "examples": ["97.40"]}
_OR_NULL: Final[Schema] = {"anyOf": [_POINTS, {"type": "null"}]}
_TEXT: Final[Schema] = {"type": "string"}
_DAY: Final[Schema] = {"type": "string", "format": "date"}
_DAY_OR_NULL: Final[Schema] = {"anyOf": [_DAY, {"type": "null"}]}
_FLAGGED: Final[Schema] = {
    "type": "array",
    "items": _TEXT,
    "description": "Deductions in force of which something they stood on was corrected or retracted since.",
}
_POSITIONS: Final[Schema] = {"type": "array", "items": {"type": "integer", "minimum": 1}}


def of_scores() -> dict[str, Schema]:
    """The schemas that answers about scores are made of, by name."""
    return {
        "Counts": closed("各类结论数", {one: {"type": "integer", "minimum": 0} for one in OUTCOMES}),
        "Finding": closed("规则结论", _finding()),
        "Line": closed("指标得分", _line(), {"findings": _several("Finding"), "deductions": _several("Deduction")}),
        "Deduction": closed("扣分", _deduction()),
        "Flag": closed("扣分依据的变化", _flag()),
        "Score": closed("考核得分", _score() | {"lines": _several("Line"), "record": _state()}, _published()),
        "Duty": closed("待办事项", _duty()),
        "Cause": closed("变化原因", _cause()),
        "ScoreDifference": closed("得分变化", _difference()),
        "Report": closed("报告", {"report": _TEXT, "year": _year(), "scores": _several("Score")}, {"new_city": _TEXT}),
    }


def _finding() -> Schema:
    return {
        "rule": _TEXT,
        "clause": _TEXT,
        "outcome": {"type": "string", "enum": list(OUTCOMES)},
        "about": {"type": "string", "description": "KIND/id", "examples": ["communities/610112002001"]},
        "new_city": _TEXT,
        "since": {"anyOf": [_DAY, {"type": "null"}]},
        "figures": {"type": "object", "description": "What was compared with what; decimals and days are strings."},
        "points": _POINTS,
        "evidence": _POSITIONS,
        "missing": {"type": "array", "items": _TEXT, "description": "What is not on record."},
    }


def _duty() -> Schema:
    text_or_null: Schema = {"anyOf": [_TEXT, {"type": "null"}]}
    return {
        "record": {"type": "string", "description": "KIND/id"},
        "event": text_or_null | {"description": "The event that does it; null where several may."},
        "rule": text_or_null | {"description": "The rule that finds it undone."},
        "office": {"type": "string", "description": "A role of the New Area, or an office, with its bureau."},
        "due_on": _DAY_OR_NULL,
        "overdue": {"type": "boolean"},
        "position": {"type": "integer", "minimum": 1, "description": "The entry that it follows from."},
        "clause": text_or_null,
    }


def _line() -> Schema:
    return {
        "indicator": _TEXT,
        "clause": _TEXT,
        "title": _TEXT,
        **dict.fromkeys(
            ("points", "cap", "official_deducted", "indicative_deducted", "undeterminable", "contested"), _POINTS
        ),
        "counts": reference("Counts"),
        "flagged": _FLAGGED,
    }


def _deduction() -> Schema:
    return {
        "deduction": _TEXT,
        "indicator": _TEXT,
        "points": _POINTS | {"description": "What it takes now."},
        "imposed_points": _POINTS,
        "about": {"type": "string", "description": "KIND/id"},
        "grounds": _TEXT,
        "evidence_positions": _POSITIONS,
        "computed_at": {"type": "integer", "minimum": 1},
        "dispute_by": _DAY_OR_NULL | {"description": "Null while no notice states the right to dispute it."},
        "status": {"type": "string", "enum": list(get_args(Status))},
        "contested": {"type": "boolean"},
        "dispute": {"type": ["string", "null"], "description": "The dispute's id."},
        "dispute_status": {"type": ["string", "null"]},
        "undisputed_after": _DAY_OR_NULL | {"description": "The last day to dispute it, which passed unused."},
        "flags": _several("Flag"),
        "position": {"type": "integer", "minimum": 1},
        "effective_on": _DAY,
    }


def _flag() -> Schema:
    return {
        "position": {"type": "integer", "minimum": 1, "description": "What the deduction stood on."},
        "record": _TEXT,
        "what": {"type": "string", "enum": ["corrected", "retracted"]},
        "by": _POSITIONS,
    }


def _score() -> Schema:
    return {
        "new_city": _TEXT,
        "year": _year(),
        "official": _OR_NULL | {"description": "Null while no assessment is open."},
        "indicative": _OR_NULL,
        "contested": _OR_NULL,
        "undeterminable": _OR_NULL,
        "scheme": _TEXT,
        "simulated": {"type": "boolean"},
        "rank": {"type": ["integer", "null"], "minimum": 1},
        "counts": {"anyOf": [reference("Counts"), {"type": "null"}]},
        "flagged": {"anyOf": [_FLAGGED, {"type": "null"}]},
    }


def _difference() -> Schema:
    side = closed("得分", {"position": {"type": "integer"}, "known_at": {"type": ["string", "null"]}, **_score()})
    return {
        "id": _TEXT,
        "kind": {"const": "assessments"},
        "new_city": _TEXT,
        "year": _year(),
        "from": side,
        "to": side,
        "causes": _several("Cause"),
        "record": _state(),
    }


def _cause() -> Schema:
    return {
        "kind": {"type": "string", "enum": list(get_args(Kind))},
        "points": _POINTS | {"description": "What the score gained by it; those of one score add up to its change."},
        "positions": _POSITIONS,
        "score": {"type": "string", "enum": ["official", "indicative"]},
        "indicator": {"type": ["string", "null"]},
    }


def _published() -> Schema:
    return {"published": {"type": "object", "description": "The result, where that is all that may be seen."}}


def _state() -> Schema:
    return {"anyOf": [reference("assessments.State"), {"type": "null"}]}


def _several(name: str) -> Schema:
    return {"type": "array", "items": reference(name)}


def _year() -> Schema:
    return {"type": "integer", "examples": [2020]}
