"""The current row of every record: what lists filter by, search and show.

A row tells the record's present, and everything it has been at any (position, day), so that a list of the past finds
it too. Entries are folded as they come: each shows the record on the days that it changes, and these faces are kept.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Final, NamedTuple

from domain.aggregate import Aggregate
from domain.corrections import EventCorrected, EventRetracted
from domain.entry import Entry
from domain.fact import Fact
from domain.history import History, as_it_stands, with_next
from domain.records import AGGREGATES, state_json
from domain.state import State, Step

NAME: Final = "records"
VERSION: Final = 1
"""Of the fold: raised whenever the same entries give other rows."""


def digest(aggregates: Mapping[str, Aggregate]) -> str:
    """SHA-256, in hex, of the fold's version and of every stored name that it knows."""
    names = [f"{kind} {fact.stored_as}" for kind, one in aggregates.items() for fact in one.facts]
    return hashlib.sha256("\n".join([f"{NAME} {VERSION}", *names]).encode()).hexdigest()


DIGEST: Final = digest(AGGREGATES)
"""Rows of another digest are to be rebuilt."""
_NONE: Final[Mapping[str, Course]] = MappingProxyType({})


class Face(NamedTuple):
    """What lists filter by, as a record has it at some (position, day)."""

    status: str
    name: str | None
    new_city: str | None
    township: str | None


class FoldFailed(Exception):  # noqa: N818  # says what happened
    """An entry that no row can be made with: its position, and why."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(f"entry {position}: {reason}")
        self.position = position
        self.reason = reason


class Course(NamedTuple):
    """A record's entries up to some position, folded, and every face that they have shown."""

    entries: tuple[Entry, ...] = ()
    steps: tuple[Step[Fact], ...] = ()
    state: State | None = None
    faces: frozenset[Face] = frozenset()
    first_on: date = date.max
    """The earliest day that its opening was ever dated."""

    @property
    def latest_on(self) -> date:
        """The latest effective day of what stands; where nothing does, the first there was."""
        return self.steps[-1].effective_on if self.steps else self.first_on


class Row(NamedTuple):
    """The current row of a record. What it has been includes what it is."""

    kind: str
    id: str
    version: int
    status: str | None
    """None where its opening has been retracted."""
    new_city: str | None
    township: str | None
    first_on: date
    first_position: int
    last_position: int
    """Of its entries, and of those that its status is seen with."""
    latest_on: date
    names: tuple[str, ...]
    """Every name it has had, casefolded."""
    formerly: tuple[str, ...]
    """What it has been and is no longer: `status proposed`, `new_city fengxi`, `township 610112002`."""
    state: str | None
    """Its state as JSON, names of persons sealed; None where its opening has been retracted, and where one entry is
    all there is to tell: `state_of` folds that one."""


def fold(kind: Aggregate, record_id: str, course: Course, entries: Iterable[Entry]) -> Course:
    """The course with these entries, the next of the record, after it.

    In bits or all at once, the result is the same. Raises FoldFailed.
    """
    known = [*course.entries]
    steps = [*course.steps]
    state, first_on = course.state, course.first_on
    states: list[State] | None = None if steps else []
    """After each of the steps; None until one comes late."""
    faces: set[Face] = {*course.faces}
    for entry in entries:
        fact = entry.content.data
        if fact.latest_only:
            known = [*with_next(known, entry)]
            steps, states = [step for step in steps if type(step.fact) is not type(fact)], None
        else:
            known.append(entry)
        try:
            if isinstance(fact, EventCorrected | EventRetracted):
                history = History(kind, known)
                steps, states = [*history.steps], None
                state = history.state
                if isinstance(fact, EventCorrected) and fact.effective_on is not None:
                    original = history.entry(history.original(fact.version)).content.data
                    first_on = min(first_on, fact.effective_on) if isinstance(original, kind.opening) else first_on
                faces.update(_face(kind, record_id, one) for _, one in _by_day(kind, steps))
                continue
            step = as_it_stands(entry, ())
            if isinstance(fact, kind.opening):
                first_on = min(first_on, step.effective_on)
            if not steps or steps[-1].effective_on <= step.effective_on:
                steps.append(step)
                before, state = state, kind.evolve(state, step)
                if states is not None:
                    states.append(state)
                if before is None or state.fields is not before.fields or state.status != before.status:
                    faces.add(_face(kind, record_id, state))
            else:
                states = [*_states(kind, None, steps)] if states is None else states
                faces.update(_face(kind, record_id, one) for one in _late(kind, steps, states, step))
                state = states[-1]
        except Exception as fault:
            raise FoldFailed(entry.position, f"{type(fault).__name__}: {fault}") from fault
    return Course(tuple(known), tuple(steps), state, frozenset(faces), first_on)


def row(
    kind: Aggregate,
    record_id: str,
    course: Course,
    parents: Mapping[str, Course] = _NONE,
    referring: Sequence[Course] = (),
) -> Row:
    """The row of a record.

    `parents` are the courses of the records that its ownership has followed, as `owners` names them; `referring` are
    those of the records that its status is seen with.
    """
    others = [one for one in referring if one.entries]
    state, faces = course.state, course.faces
    if others:
        faces = _faces_seen(kind, record_id, course, others)
        if state is not None:
            state = seen(kind, record_id, state, (one.state for one in others))
    version = course.entries[-1].version
    last_position, latest_on = course.entries[-1].position, course.latest_on
    if others:
        last_position = max(last_position, *(one.entries[-1].position for one in others))
        latest_on = max(latest_on, *(one.latest_on for one in others))
    new_city, township = _owner(kind, record_id, course, parents)
    status = None if state is None else state.status
    return Row(
        kind.kind,
        record_id,
        version,
        status,
        new_city,
        township,
        course.first_on,
        course.entries[0].position,
        last_position,
        latest_on,
        tuple(sorted({face.name.casefold() for face in faces if face.name is not None})),
        _formerly(faces, parents, status, new_city, township) if parents or status is None or len(faces) > 1 else (),
        None if state is None or (version == 1 and not others) else _text(kind, record_id, version, state),
    )


def row_alone(kind: Aggregate, record_id: str, entries: Sequence[Entry]) -> Row:
    """The row of a record that these entries are all of, which follows no owner and is seen with no other."""
    if len(entries) > 1:
        return row(kind, record_id, fold(kind, record_id, Course(), entries))
    (entry,) = entries  # as most are after an import
    state = _state_of_one(kind, entry)
    name = state.value("name")
    new_city, township = _place(kind, record_id, state.value)
    day, position = entry.content.effective_on, entry.position
    names = () if name is None else (name.casefold(),)
    return Row(kind.kind, record_id, 1, state.status, new_city, township, day, position, position, day, names, (), None)


def _state_of_one(kind: Aggregate, entry: Entry) -> State:
    try:
        return kind.evolve(None, as_it_stands(entry, ()))
    except Exception as fault:
        raise FoldFailed(entry.position, f"{type(fault).__name__}: {fault}") from fault


def _formerly(
    faces: frozenset[Face],
    parents: Mapping[str, Course],
    status: str | None,
    new_city: str | None,
    township: str | None,
) -> tuple[str, ...]:
    owned = faces.union(*(one.faces for one in parents.values()))
    formerly = {f"status {face.status}" for face in faces if face.status != status}
    formerly |= {f"new_city {face.new_city}" for face in owned if face.new_city not in (None, new_city)}
    formerly |= {f"township {face.township}" for face in owned if face.township not in (None, township)}
    return tuple(sorted(formerly))


def state_of(kind: Aggregate, record_id: str, entry: Entry) -> str:
    """The state, as in a row, of a record that this one entry is all of."""
    return _text(kind, record_id, 1, _state_of_one(kind, entry))


def seen(kind: Aggregate, record_id: str, state: State, referring: Iterable[State | None]) -> State:
    """A state as it is seen with the states of the records that refer to it, as they are at the same moment."""
    if kind.seen_with is None:
        return state
    owned_by = AGGREGATES[kind.seen_with].parent
    return kind.overlay(
        state,
        [one for one in referring if one is not None and (owned_by is None or one.value(owned_by[0]) == record_id)],
    )


def owners(kind: Aggregate, entries: Iterable[Entry]) -> tuple[str, ...]:
    """The records that the ownership of this one has ever followed, in the order of the entries that opened it."""
    if kind.parent is None:
        return ()
    field, owner = kind.parent
    openings = (entry.fact for entry in entries if isinstance(entry.fact, kind.opening))
    return tuple(dict.fromkeys(f"{owner}/{getattr(fact, field)}" for fact in openings))


def _owner(
    kind: Aggregate, record_id: str, course: Course, parents: Mapping[str, Course]
) -> tuple[str | None, str | None]:
    """New City and township as they stand; of a retracted record, those that it was first opened with."""
    if kind.parent is not None:
        field, owner = kind.parent
        owned = owners(kind, course.entries)
        current = owned[0] if course.state is None else f"{owner}/{course.state.value(field)}"
        if current not in parents:
            return None, None
        return _owner(AGGREGATES[owner], current.partition("/")[2], parents[current], _NONE)
    if course.state is not None:
        return _place(kind, record_id, course.state.value)
    fact = course.entries[0].fact
    return _place(kind, record_id, lambda field: getattr(fact, field, None))


def _place(kind: Aggregate, record_id: str, value: Callable[[str], str | None]) -> tuple[str | None, str | None]:
    return record_id if kind.kind == "new-cities" else value("new_city"), value("township_code")


def _face(kind: Aggregate, record_id: str, state: State) -> Face:
    new_city, township = _place(kind, record_id, state.value)
    return Face(state.status, state.value("name"), new_city, township)


def _states(kind: Aggregate, state: State | None, steps: Iterable[Step[Fact]]) -> Iterator[State]:
    """The state after each of the steps that follow one."""
    for step in steps:
        state = kind.evolve(state, step)
        yield state


def _late(kind: Aggregate, steps: list[Step[Fact]], states: list[State], step: Step[Fact]) -> Iterator[State]:
    """Put a late step among the others, and tell what that shows: of days before its own, nothing.

    A state that looks like the one told before it is left out.
    """
    at = bisect_right(steps, _rank(step), key=_rank)
    steps.insert(at, step)
    states[at:] = _states(kind, states[at - 1] if at else None, steps[at:])
    told: State | None = None
    for index in range(at, len(steps)):
        is_days_last = index + 1 == len(steps) or steps[index + 1].effective_on != steps[index].effective_on
        state = states[index]
        if is_days_last and (told is None or state.fields is not told.fields or state.status != told.status):
            yield state
            told = state


def _text(kind: Aggregate, record_id: str, version: int, state: State) -> str:
    return json.dumps(state_json(kind, record_id, version, state), ensure_ascii=False, separators=(",", ":"))


def _by_day(kind: Aggregate, steps: Sequence[Step[Fact]]) -> list[tuple[date, State]]:
    """The state at the end of each day on which something happened."""
    days: list[tuple[date, State]] = []
    for step, state in zip(steps, _states(kind, None, steps), strict=True):
        if days and days[-1][0] == step.effective_on:
            days.pop()
        days.append((step.effective_on, state))
    return days


def _faces_seen(kind: Aggregate, record_id: str, course: Course, referring: Sequence[Course]) -> frozenset[Face]:
    """Every face of a record that is seen with others: as the entries of all of them came, one after the other."""
    kinds = [kind, *(AGGREGATES[str(kind.seen_with)] for _ in referring)]
    courses = [Course() for _ in kinds]
    faces: set[Face] = set()
    coming = sorted(
        ((entry, index) for index, one in enumerate((course, *referring)) for entry in one.entries),
        key=lambda one: one[0].position,
    )
    for entry, index in coming:
        latest = max((one.latest_on for one in courses if one.steps), default=date.min)
        courses[index] = fold(kinds[index], record_id, courses[index], [entry])
        days = {step.effective_on for one in courses for step in one.steps}
        corrects = isinstance(entry.fact, EventCorrected | EventRetracted)
        if not corrects and entry.content.effective_on >= latest:
            days = {entry.content.effective_on}
        own, *others = (_by_day(one, course.steps) for one, course in zip(kinds, courses, strict=True))
        for day in days:
            state = _on(own, day)
            if state is not None:
                state = seen(kind, record_id, state, (_on(other, day) for other in others))
                faces.add(_face(kind, record_id, state))
    return frozenset(faces)


def _on(days: Sequence[tuple[date, State]], day: date) -> State | None:
    at = bisect_right(days, day, key=lambda one: one[0])
    return days[at - 1][1] if at else None


def _rank(step: Step[Fact]) -> tuple[date, int]:
    return step.effective_on, step.position
