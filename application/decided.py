"""扣分: the deductions of an assessment as scores count them, with their disputes, flagged where evidence changed.

Everything is as known at a position and as it stands on a day, so that a past answer stays what it was.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from application.histories import Histories
from application.recent import Recent
from domain import deduction, dispute_course
from domain.aggregate import Records
from domain.fact import JsonValue
from domain.procedure import cap_of, procedure_by
from domain.scoring import Deduction, Judged
from domain.state import Item, State

REMEMBERED: Final = 2_000
"""Deductions of which it is remembered what they stood on when they were imposed."""
_OF_NOTICE: Final = frozenset({"recipient", "steps"})
"""What is left out beside a score: whom notice was served on is in the record."""


class Ground(NamedTuple):
    """What a deduction is imposed for: an indicator and a record, looked at as known at a position, about a day."""

    new_city: str
    year: int
    indicator: str
    about: str
    computed_at: int
    on: date
    scheme: str

    @classmethod
    def of(cls, assessment: State, item: Item) -> Ground:
        """The ground of a deduction that was imposed."""
        fact = item.opened.fact
        return cls(
            new_city=assessment.value("new_city"),
            year=assessment.value("year"),
            indicator=fact.value("indicator"),
            about=fact.value("about"),
            computed_at=fact.value("computed_at"),
            on=item.opened.effective_on,
            scheme=assessment.value("scheme"),
        )


Judging = Callable[[Ground, int], Sequence[Judged]]
"""What the rules of the indicator said of the record there and then, by a scheme adopted by a position."""


class Decided:
    """Deductions as they stand. Safe for threads."""

    def __init__(self, histories: Histories, judging: Judging) -> None:
        self._histories = histories
        self._judging = judging
        self._stood_on: Recent[tuple[str, int], tuple[tuple[int, str], ...]] = Recent(REMEMBERED)

    def deductions(self, path: str, assessment: State | None, position: int, on: date) -> tuple[Deduction, ...] | None:
        """The deductions of `assessments/ID`, revoked ones included, by when they came; None where it isn't open."""
        if assessment is None:
            return None
        held = assessment.items("deductions")
        if not held:
            return ()
        records = self._histories.known_at(position)
        disputes = _disputes(path, records, on)
        procedure = procedure_by(assessment.value("scheme"), records)
        found: list[Deduction] = []
        for key, item in held.items():
            filed = disputes.get(str(key))
            contested = filed is not None and dispute_course.contested(filed[1], procedure, on)
            flags: list[JsonValue] = [*self._flags(path, assessment, item, position)]
            shown = _shown(deduction.deduction_json(assessment, str(key)), filed, on)
            shown |= {"contested": contested, "flags": flags}
            taken = deduction.points(item)
            course = deduction.course(assessment, str(key))
            found.append(Deduction(str(key), item.value("indicator"), taken, contested, course, shown))
        return tuple(found)

    def _flags(self, path: str, assessment: State, item: Item, position: int) -> Iterator[dict[str, JsonValue]]:
        """The entries that a deduction in force stood on and that were corrected or retracted since, and by which."""
        if deduction.status(item) == "revoked":
            return
        for cited, record in self._evidence(path, assessment, item):
            history = self._histories.at(record, position)
            version = next((one.version for one in history.entries if one.position == cited), None)
            if version is None:
                continue
            corrections, retracted = history.resolved
            original = history.original(version)
            changes = {"corrected": corrections.get(original, ())}
            changes["retracted"] = tuple(retracted[one] for one in {version, original} & retracted.keys())
            for what, entries in changes.items():
                by = sorted(one.position for one in entries if one.position > item.opened.position)
                if by:
                    yield {"position": cited, "record": record, "what": what, "by": by}

    def _evidence(self, path: str, assessment: State, item: Item) -> tuple[tuple[int, str], ...]:
        """The entries that the deduction cites or was imposed for, each with its record: for ever the same."""
        key = (path, item.opened.position)
        stood_on = self._stood_on.get(key)
        if stood_on is None:
            ground = Ground.of(assessment, item)
            positions: set[int] = {*item.opened.fact.value("evidence_positions")}
            judged = self._judging(ground, item.opened.position)
            positions.update(
                position for one in judged if one.finding.outcome == "found" for position in one.finding.evidence
            )
            positions.update(inspected(ground, positions, self._histories.known_at(ground.computed_at)))
            placed = ((position, self._histories.entry_at(position)) for position in sorted(positions))
            stood_on = tuple((position, at.record) for position, at in placed if at is not None)
            self._stood_on.keep(key, stood_on)
        return stood_on


def inspected(ground: Ground, cited: Collection[int], records: Records) -> list[int]:
    """The positions of inspections' findings about the record that bear a deduction out, not put right by its day.

    Each is of a clause of the indicator, or cited.
    """
    cap = cap_of(ground.scheme, ground.indicator, records)
    clauses = frozenset[str]() if cap is None else cap.clauses
    found: list[int] = []
    for path in records.referring(ground.about, "inspections"):
        inspection = records.state(path, ground.on)
        for item in () if inspection is None else inspection.items("findings").values():
            position = item.opened.position
            is_ground = item.value("clause") in clauses or position in cited
            if is_ground and item.value("about") == ground.about and "RectificationConfirmed" not in item.later:
                found.append(position)
    return found


def counted(assessment: State | None) -> tuple[Deduction, ...] | None:
    """The deductions with what they take alone, for who asks after the official score and nothing else."""
    if assessment is None:
        return None
    return tuple(
        Deduction(str(key), item.value("indicator"), deduction.points(item), contested=False, course=(), shown={})
        for key, item in assessment.items("deductions").items()
    )


def _shown(fields: Mapping[str, JsonValue], filed: tuple[str, State] | None, on: date) -> dict[str, JsonValue]:
    """A deduction's fields with its dispute; `undisputed_after`: the last day to dispute it, which passed unused."""
    last = fields["dispute_by"]
    return {
        **{name: value for name, value in fields.items() if name not in _OF_NOTICE},
        "dispute": None if filed is None else filed[0].partition("/")[2],
        "dispute_status": None if filed is None else filed[1].status,
        "undisputed_after": last if filed is None and isinstance(last, str) and on.isoformat() > last else None,
    }


def _disputes(path: str, records: Records, on: date) -> Mapping[str, tuple[str, State]]:
    """The disputes filed by a day against the assessment's deductions, by deduction."""
    found: dict[str, tuple[str, State]] = {}
    for dispute in records.referring(path, "disputes"):
        state = records.state(dispute, on)
        if state is not None and f"assessments/{state.value('assessment')}" == path:
            found[state.value("deduction")] = dispute, state
    return found
