"""Why a score changed between two times of knowing: every point put down to what was recorded in between.

Changes are taken one after the other, by the position that completes each, from the earlier score to the later one.
What each moves its indicator by, within what the indicator has, is its cause's; so causes add up to the difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Literal, NamedTuple

from domain.corrections import EventCorrected, EventRetracted
from domain.history import History
from domain.scoring import FULL_MARKS, NONE_LOST, Deduction, Judged, Line, Score

Kind = Literal["new-fact", "late-fact", "corrected-fact", "decision", "ruling", "scheme"]
_DECIDED: frozenset[Kind] = frozenset({"decision", "ruling"})


class Change(NamedTuple):
    """An entry that was recorded between the two times."""

    position: int
    record: str
    kind: Kind
    corrects: int | None = None
    """The position of the entry that a correction or a retraction is in the end about."""


class Cause(NamedTuple):
    """Points of one of the two scores, put down to entries of one kind."""

    score: Literal["official", "indicative"]
    kind: Kind
    indicator: str | None
    """None for another scheme, which moves them all."""
    points: Decimal
    """What the score gained by it; lost points are negative."""
    positions: tuple[int, ...]


def changes_in(record: str, history: History, after: int, known_on: date) -> Iterator[Change]:
    """What a record's entries past a position change; a fact dated by `known_on`, the earlier time's day, came late."""
    for entry in history.entries:
        if entry.position <= after:
            continue
        match entry.fact:
            case EventCorrected(version=version) | EventRetracted(version=version):
                corrects = history.entry(history.original(version)).position
                yield Change(entry.position, record, "corrected-fact", corrects)
            case fact if record.startswith("assessments/"):
                yield Change(entry.position, record, "decision" if getattr(fact, "ruling", None) is None else "ruling")
            case _:
                late = entry.content.effective_on <= known_on
                yield Change(entry.position, record, "late-fact" if late else "new-fact")


def difference(
    before: Score, after: Score, changes: Sequence[Change], anew: Score | None = None, adopted_at: Sequence[int] = ()
) -> list[Cause]:
    """What moved the scores of one New City and year from `before` to `after`, both read at one day.

    Args:
        before: as known earlier.
        after: as known later.
        changes: every entry in between of the New City's records.
        anew: what was known earlier, by the later scheme; where there is another scheme by then.
        adopted_at: the positions that made it another scheme.

    Returns:
        Causes whose points add up exactly: those of `official` to its difference, an assessment not yet open counting
        as full marks, and those of `indicative` to its own. None is nothing.

    Raises:
        ValueError: a difference that no change accounts for: they are not all of those in between.
    """
    causes: list[Cause] = []
    if anew is not None:
        positions = tuple(sorted(adopted_at))
        causes += (
            Cause("official", "scheme", None, _official(anew) - _official(before), positions),
            Cause("indicative", "scheme", None, anew.indicative - before.indicative, positions),
        )
    start = anew or before
    lines = {line.indicator: line for line in start.lines}
    entries = _Entries(changes)
    for line in after.lines:
        earlier = lines.pop(line.indicator, None)
        cap = line.cap if earlier is None else max(line.cap, earlier.cap)
        causes += _moved("indicative", line.indicator, cap, entries.of_findings(earlier, line))
        causes += _moved("official", line.indicator, cap, entries.of_deductions(earlier, line))
    causes += (
        cause
        for line in lines.values()
        for cause in _moved(
            "official", line.indicator, line.cap, entries.of_deductions(line, line._replace(deductions=()))
        )
    )
    return _together(causes)


def _official(score: Score) -> Decimal:
    return FULL_MARKS if score.official is None else score.official


class _Move(NamedTuple):
    """What one finding or deduction came to cost more or less, and by which entries."""

    more: Decimal
    kind: Kind
    positions: tuple[int, ...]


class _Moves(NamedTuple):
    cost_before: Decimal
    """What they all cost before, not capped."""
    in_order: Sequence[_Move]


class _Entries:
    """The changes in between, to be looked up by what findings and deductions stand on."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self._facts = sorted(change for change in changes if change.kind not in _DECIDED)
        self._by_record: dict[str, list[Change]] = {}
        self._by_position: dict[int, list[Change]] = {}
        for change in self._facts:
            self._by_record.setdefault(change.record, []).append(change)
            self._by_position.setdefault(change.position, []).append(change)
            if change.corrects is not None:
                self._by_position.setdefault(change.corrects, []).append(change)
        self._decisions = {change.position: change for change in changes if change.kind in _DECIDED}

    def of_findings(self, before: Line | None, after: Line) -> _Moves:
        """How the findings of an indicator moved, by the entries that they stand on."""
        old, new = _by_subject(before), _by_subject(after)
        moves = [
            self._move(about, was, now, more)
            for rule, about in dict.fromkeys((*old, *new))
            for was, now in ((old.get((rule, about), ()), new.get((rule, about), ())),)
            if (more := _cost(now) - _cost(was))
        ]
        return _Moves(_cost([one for judged in old.values() for one in judged]), sorted(moves, key=_completed_at))

    def _move(self, about: str, was: Sequence[Judged], now: Sequence[Judged], more: Decimal) -> _Move:
        stood = {position for one in (*was, *now) for position in one.finding.evidence}
        near = {change for position in stood for change in self._by_position.get(position, ())}
        return self._put_down(more, sorted(near) or self._by_record.get(about, []) or self._facts)

    def of_deductions(self, before: Line | None, after: Line) -> _Moves:
        """How the deductions from an indicator moved, by the decisions and rulings on them."""
        old = {one.deduction: one for one in before.deductions} if before is not None else {}
        new = {one.deduction: one for one in after.deductions}
        moves = [
            move for name in dict.fromkeys((*old, *new)) for move in self._decided(_taken(old.get(name)), new.get(name))
        ]
        return _Moves(sum((one.points for one in old.values()), NONE_LOST), sorted(moves, key=_completed_at))

    def _decided(self, taken: Decimal, now: Deduction | None) -> Iterator[_Move]:
        """What each decision in between made a deduction cost more or less."""
        for position, points in () if now is None else now.course:
            decision = self._decisions.get(position)
            if decision is not None and points != taken:
                yield _Move(points - taken, decision.kind, (position,))
                taken = points
        if taken != _taken(now):
            raise ValueError("a deduction differs by what none of the entries in between accounts for")

    @staticmethod
    def _put_down(more: Decimal, changes: Sequence[Change]) -> _Move:
        if not changes:
            raise ValueError("a score differs by what none of the entries in between accounts for")
        return _Move(more, changes[-1].kind, tuple(change.position for change in changes))


def _by_subject(line: Line | None) -> Mapping[tuple[str, str], list[Judged]]:
    found: dict[tuple[str, str], list[Judged]] = {}
    for one in line.findings if line is not None else ():
        found.setdefault((one.rule, one.finding.about), []).append(one)
    return found


def _cost(judged: Sequence[Judged]) -> Decimal:
    return sum((one.points for one in judged), NONE_LOST)


def _taken(deduction: Deduction | None) -> Decimal:
    return NONE_LOST if deduction is None else deduction.points


def _completed_at(move: _Move) -> tuple[int, ...]:
    return move.positions[-1], *move.positions


def _moved(score: Literal["official", "indicative"], indicator: str, cap: Decimal, moves: _Moves) -> Iterator[Cause]:
    """What the moves gain or lose within the indicator's cap, one after the other."""
    cost = moves.cost_before
    for move in moves.in_order:
        lost = min(cap, cost + move.more) - min(cap, cost)
        cost += move.more
        yield Cause(score, move.kind, indicator, -lost, move.positions)


def _together(causes: Sequence[Cause]) -> list[Cause]:
    """Causes that are alike but for their points as one; none that comes to nothing."""
    points: dict[Cause, Decimal] = {}
    for cause in causes:
        alike = cause._replace(points=NONE_LOST)
        points[alike] = points.get(alike, NONE_LOST) + cause.points
    return [cause._replace(points=moved) for cause, moved in points.items() if moved]
