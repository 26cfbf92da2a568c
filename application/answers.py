"""Entries and differences as clients see them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast

from application.names import Names, open_entry
from domain.entry import Entry
from domain.fact import JsonValue
from domain.history import History
from domain.ledger import PersonErased
from domain.log import Stored
from domain.records import VOCABULARY
from domain.state import State, Step, item_json, json_of, step_json

RECEIPT: Final[Mapping[str, JsonValue]] = {
    "destroyed": (
        "此人的密钥已销毁，不再生成；由其派生的各字段密钥随之失效。台账各处此人的姓名自此无法解读，"
        "条目、散列和证明保持原样。"
    ),
    "not_reached": [
        "此前披露给他人的字段密钥，以及据此读出的姓名",
        "此前查阅、下载、打印的答复、页面和报告",
        "此前复制的密钥库（数据目录下的 vault 目录）：请将各份副本一并销毁",
        "说明文字和附件中写明的姓名",
    ],
}
"""What the erasure of a person did, and what no ledger can do."""


def instant_json(instant: datetime) -> str:
    """An instant in UTC with six decimals."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def entry_json(stored: Stored, names: Names) -> dict[str, JsonValue]:
    """An entry of the log as JSON, names opened."""
    header, content = VOCABULARY.parts(stored.entry)
    said: dict[str, Any] = json.loads(stored.entry.partition(b"\n")[2])
    by = header.recorded_by
    recorded_by: dict[str, JsonValue] = {"account": by.account}
    if by.person is not None:
        recorded_by |= {
            "person": by.person,
            "name": None,
            "office": by.office,
            "bureau": by.bureau,
            "roles": list(by.roles),
        }
    open_entry(names, header, said["data"], recorded_by)
    shown: dict[str, JsonValue] = {
        "position": header.position,
        "record": header.record,
        "version": header.version,
        "type": content.data.event,
        "clause": content.data.clause,
        "effective_on": said["effective_on"],
        "recorded_at": instant_json(header.recorded_at),
        "recorded_by": recorded_by,
        "data": said["data"],
        "document": said.get("document"),
        "evidence": said.get("evidence", []),
        "note": said.get("note"),
        "correlation_id": header.correlation,
        "causation_id": header.causation,
        "leaf_hash": stored.leaf_hash.hex(),
    }
    if isinstance(content.data, PersonErased):
        shown["receipt"] = {**RECEIPT}
    return shown


def marked(entry: Entry, history: History) -> dict[str, JsonValue]:
    """What has become of an entry: the positions that correct it, and the one that retracts it, as far as known."""
    corrections, retracted = history.resolved
    by = retracted.get(entry.version)
    return {
        "corrected_by": [one.position for one in corrections.get(entry.version, ())],
        "retracted_by": None if by is None else by.position,
    }


def differences(before: History, then: State | None, after: History, now: State | None) -> list[JsonValue]:
    """What differs between two states of a record, field by field, each with the entries that made the change."""
    old, new = _parts(then), _parts(now)
    changes: list[JsonValue] = []
    for name in dict.fromkeys((*old, *new)):
        (was, was_on), (is_now, stands_on) = old.get(name, (None, ())), new.get(name, (None, ()))
        if was != is_now:
            changes.append(
                {"field": name, "from": was, "to": is_now, "entries": _made_by(before, was_on, after, stands_on)}
            )
    status = (None if then is None else then.status), (None if now is None else now.status)
    if status[0] != status[1]:
        made = _made_by(before, _standing(then), after, _standing(now))
        changes.insert(0, {"field": "status", "from": status[0], "to": status[1], "entries": made})
    return changes


def _parts(state: State | None) -> dict[str, tuple[JsonValue, tuple[Step[Any], ...]]]:
    """A state's fields, list items and steps by name, each with the steps that it stands on."""
    if state is None:
        return {}
    parts: dict[str, tuple[JsonValue, tuple[Step[Any], ...]]] = {
        field: (json_of(step, field), (step,)) for field, step in state.fields.items()
    }
    for name, items in state.lists.items():
        for key, item in items.items():
            shown = item_json(item)
            parts[f"{name}/{_key(key)}"] = (shown, (item.opened, *item.later.values()))
    for event, step in state.steps.items():
        parts[f"steps/{event}"] = (step_json(step), (step,))
    return parts


def _key(key: object) -> str:
    return "/".join(map(str, cast("tuple[object, ...]", key))) if isinstance(key, tuple) else str(key)


def _standing(state: State | None) -> tuple[Step[Any], ...]:
    return tuple(step for _, steps in _parts(state).values() for step in steps)


def _positions(steps: Iterable[Step[Any]]) -> set[int]:
    return {
        position
        for step in steps
        for position in (step.position, *(source.position for source in (step.corrected or {}).values()))
    }


def _made_by(before: History, was_on: Iterable[Step[Any]], after: History, stands_on: Iterable[Step[Any]]) -> list[int]:
    """The entries that made a change: what the new value stands on, or else what took the old one away."""
    old, new = _positions(was_on), _positions(stands_on)
    if new - old:
        return sorted(new - old)
    known = {entry.position for entry in before.entries}
    taken = {
        entry.position
        for version, entry in after.resolved[1].items()
        if entry.position not in known and after.entry(version).position in old
    }
    return sorted(taken or old - new or new)
