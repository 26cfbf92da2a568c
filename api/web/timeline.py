"""Entries as a timeline: when each happened, when it was recorded, by whom, on what document, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from api.web.formatting import day_of
from api.web.values import Chip, Values
from api.web.words import CORRECTING, Words

AT_ONCE: Final = 7
"""Days after which an entry counts as recorded late."""


_WHOLE: Final[dict[str, Any]] = dict.fromkeys(("number", "title", "issued_on", "sha256"))


class Happening(NamedTuple):
    """One entry as a timeline shows it."""

    number: int
    position: int
    record: str
    title: str
    effective_on: date
    recorded_at: str
    who: str
    document: Mapping[str, Any] | None
    note: str | None
    evidence: Sequence[str]
    chips: Sequence[Chip]
    leaf_hash: str
    correction: str | None
    """`EventCorrected` or `EventRetracted`, where it is one."""
    target: int | None
    """The position of the entry that it corrects."""
    late: int
    """Days from when it happened to when it was recorded, where they are more than `AT_ONCE`."""
    corrected_by: Sequence[int]
    retracted_by: int | None
    causation: int | None

    @property
    def look(self) -> str:
        """What its knob looks like."""
        return "correction" if self.correction else "late" if self.late else ""


def happening(
    entry: Mapping[str, Any], number: int, values: Values, words: Words, targets: Mapping[int, Any]
) -> Happening:
    """An entry as a timeline shows it; `targets` are the entries of its record by version, as far as they are shown."""
    kind = str(entry["record"]).partition("/")[0]
    event = str(entry["type"])
    correction = event if event in CORRECTING else None
    target = targets.get(entry["data"]["version"]) if correction else None
    effective_on = date.fromisoformat(entry["effective_on"])
    data: dict[str, Any] = dict(entry["data"])
    title = words.event(kind, event)
    if correction:
        title = f"{title}：{words.event(kind, target['type'])}" if target and words.language == "zh" else title
        effective_on = date.fromisoformat(
            data.get("effective_on") or (target["effective_on"] if target else entry["effective_on"])
        )
        changed: dict[str, Any] = data.get("data") or {}
        moved = {"effective_on": data["effective_on"]} if data.get("effective_on") else {}
        data = {**changed, **moved, "reasons": data["reasons"]}
    late = (day_of(entry["recorded_at"]) - effective_on).days
    return Happening(
        number=number,
        position=entry["position"],
        record=entry["record"],
        title=title,
        effective_on=effective_on,
        recorded_at=entry["recorded_at"],
        who=values.offices.who(entry["recorded_by"]),
        document=None if entry["document"] is None else _WHOLE | entry["document"],
        note=entry["note"],
        evidence=entry["evidence"],
        chips=values.chips(data),
        leaf_hash=entry["leaf_hash"],
        correction=correction,
        target=None if target is None else target["position"],
        late=late if late > AT_ONCE else 0,
        corrected_by=entry.get("corrected_by", ()),
        retracted_by=entry.get("retracted_by"),
        causation=entry["causation_id"],
    )


def timeline(entries: Sequence[Mapping[str, Any]], values: Values, words: Words, first: int = 1) -> list[Happening]:
    """A record's entries as a timeline, numbered from `first`."""
    targets = {entry["version"]: entry for entry in entries}
    return [happening(entry, number, values, words, targets) for number, entry in enumerate(entries, first)]
