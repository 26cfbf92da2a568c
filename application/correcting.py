"""更正与作废: what a correction is about, and what else it moves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple

from application.records_view import RecordsView
from domain.aggregate import Aggregate, Consequence
from domain.corrections import EventCorrected, EventRetracted
from domain.entry import Entry
from domain.fact import Fact
from domain.history import History
from domain.records import AGGREGATES
from domain.refusals import Code, FieldError, Refused
from domain.state import Step

_REFERRERS_LOOKED_AT = 1_000


class Target(NamedTuple):
    """The original entry that a correction is in the end about, and its fact as it stands."""

    position: int
    version: int
    fact: Fact


class Change(NamedTuple):
    """A correction or retraction that a consequence undergoes with its cause."""

    record: str
    version: int
    fact: EventCorrected | EventRetracted
    decided_on: date


def correction_target(history: History, fact: EventCorrected | EventRetracted) -> Target:
    """What the correction is about.

    Raises Refused for what can't be corrected: an unknown version, a retraction, something retracted, a consequence,
    an event with a procedure of its own, a field that decides the record's id or owner.
    """
    if not 1 <= fact.version <= history.version:
        raise Refused(
            Code.UNKNOWN_REFERENCE,
            f"the record has versions 1 to {history.version}, not {fact.version}",
            errors=[FieldError("/data/version", f"1 to {history.version}")],
        )
    named = history.entry(fact.version)
    if isinstance(named.fact, EventRetracted):
        raise Refused(Code.NOT_CORRECTABLE, "a retraction is final", positions=(named.position,))
    original = history.entry(history.original(fact.version))
    corrections, retracted = history.resolved
    for one in (named, original):
        if one.version in retracted:
            by = retracted[one.version].position
            raise Refused(Code.RETRACTED, f"entry {one.position} was retracted by entry {by}", positions=(by,))
    if original.causation is not None:
        raise Refused(
            Code.CONSEQUENCE,
            f"entry {original.position} follows from entry {original.causation}: correct that one",
            positions=(original.causation,),
        )
    _correctable(history.aggregate, original, fact)
    standing_on = [
        one.position
        for one in corrections.get(original.version, ())
        if named is not original and isinstance(one.fact, EventCorrected) and one.fact.version == named.version
    ]
    if isinstance(fact, EventRetracted) and standing_on:
        raise Refused(Code.STANDS_IN_THE_WAY, "a later correction stands on this one", positions=standing_on)
    standing = next(step.fact for step in history.steps if step.position == original.position)
    return Target(original.position, original.version, standing)


def _correctable(kind: Aggregate, original: Entry, fact: EventCorrected | EventRetracted) -> None:
    if not kind.correctable or original.fact.event in kind.not_correctable:
        raise Refused(
            Code.NOT_CORRECTABLE,
            f"{original.fact.event} has a procedure of its own",
            clause=original.fact.clause,
            positions=(original.position,),
        )
    if isinstance(fact, EventRetracted):
        return
    if not fact.data and fact.effective_on is None:
        raise Refused(
            Code.INVALID_FIELDS,
            "a correction gives a field or a date",
            errors=[FieldError("/data/data", "name at least one field, or an effective_on")],
        )
    fixed = sorted(kind.fixed & fact.data.keys()) if isinstance(original.fact, kind.opening) else []
    if fixed:
        raise Refused(
            Code.NOT_CORRECTABLE,
            f"{', '.join(fixed)} decides whose record this is: retract it and open another",
            errors=[FieldError(f"/data/data/{name}", "can't be corrected") for name in fixed],
        )


def retraction_allowed(record: str, view: RecordsView) -> None:
    """Refuse to retract what opens a record while the entries of another refer to it."""
    for source in _referring(record, view):
        for step in view.history(source).steps:
            if record in {named for _, named in step.fact.referred()}:
                raise Refused(Code.STANDS_IN_THE_WAY, f"{source} refers to {record}", positions=(step.position,))


def dependents_hold(record: str, view: RecordsView) -> None:
    """Refuse a change on which steps of other records have come to stand."""
    kind = record.partition("/")[0]
    for aggregate in AGGREGATES.values():
        if kind not in aggregate.depends_on:
            continue
        for source in view.referring(record, aggregate.kind):
            history = view.history(source)
            for step in history.steps:
                try:
                    aggregate.conditions(source, history.state, step, view)
                except Refused as refusal:
                    raise Refused(
                        Code.STANDS_IN_THE_WAY,
                        f"{source} stands on what this would change: {refusal.detail}",
                        clause=refusal.clause,
                        positions=(step.position,),
                    ) from None


def consequence_changes(
    record: str, before: History, after: History, position: int, view: RecordsView
) -> Iterator[Change]:
    """What the consequences of a record's steps undergo when one of its entries is corrected or retracted.

    `position` is that of the corrected entry; other steps' consequences are looked at too, for they may follow from
    what it says.
    """
    kind = before.aggregate
    now = {step.position: step for step in after.steps}
    decided_on = after.entries[-1].content.effective_on
    for step in before.steps:
        brought = list(_brought_about(record, before, step, view))
        if not brought:
            continue
        still = now.get(step.position)
        expected = (
            {}
            if still is None or after.state is None
            else {(one.record, one.fact.event): one for one in kind.consequences(record, after.state, still, view)}
        )
        for one, effect in brought:
            where = one.record
            wanted = expected.get((where, one.fact.event))
            if wanted == one:
                continue  # what the correction doesn't touch stays as it came about
            if wanted is None and still is not None:
                raise Refused(
                    Code.NOT_CORRECTABLE,
                    f"{where} was opened by entry {step.position}: its id can't be corrected",
                    positions=(step.position, position),
                )
            if wanted is None:
                reasons = f"作废第{step.position}号记录的结果"
                yield Change(where, effect.version, EventRetracted(version=effect.version, reasons=reasons), decided_on)
                continue
            data = _differing(effect.fact, wanted.fact)
            moved = wanted.effective_on if wanted.effective_on != effect.effective_on else None
            if data or moved:
                fields: dict[str, Any] = {"version": effect.version, "data": data}
                if moved is not None:
                    fields["effective_on"] = moved
                correction = EventCorrected(**fields, reasons=f"随第{step.position}号记录更正")
                yield Change(where, effect.version, correction, decided_on)


def _brought_about(
    record: str, history: History, step: Step[Fact], view: RecordsView
) -> Iterator[tuple[Consequence, Step[Fact]]]:
    if history.state is None:
        return
    for one in history.aggregate.consequences(record, history.state, step, view):
        for effect in view.history(one.record).steps:
            if effect.causation == step.position and effect.fact.event == one.fact.event:
                yield one, effect


def _differing(held: Fact, wanted: Fact) -> dict[str, Any]:
    before, now = held.model_dump(mode="json"), wanted.model_dump(mode="json", exclude_unset=True)
    return {field: value for field, value in now.items() if before[field] != value}


def _referring(record: str, view: RecordsView) -> Iterator[str]:
    for kind in AGGREGATES:
        yield from view.referring(record, kind)
