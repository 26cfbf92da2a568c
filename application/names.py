"""Names in answers: opened for readers entitled to the record, null for persons who have been erased."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, cast

from domain.entry import Header
from domain.fact import JsonValue
from domain.log import Stored
from domain.records import VOCABULARY


class Sealed(NamedTuple):
    """A sealed name and what it was sealed for."""

    person: str
    record: str
    version: int
    pointer: str
    token: str


class Names(Protocol):
    """Opens sealed names."""

    def open_many(self, sealed: Sequence[Sealed]) -> Sequence[str | None]:
        """Each name in clear; None for a person who has been erased."""
        ...


def open_state(names: Names, record: str, state: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The state's JSON with every person as `{id, name}`, or `{id, name: null, erased: true}`. Changes it in place."""
    found: list[tuple[dict[str, Any], Sealed]] = []
    _collect(record, state, found)
    _open(names, found)
    return state


def open_entry(names: Names, header: Header, data: dict[str, JsonValue], recorded_by: dict[str, JsonValue]) -> None:
    """Open, in place, the names in an entry's data and that of its recorder."""
    record, version = header.record, header.version
    found: list[tuple[dict[str, Any], Sealed]] = []
    _collect_tokens(data, "/data", record, version, found)
    person, token = header.recorded_by.person, header.recorded_by.name
    if person is not None and token is not None:
        found.append((recorded_by, Sealed(person, record, version, "/recorded_by/name", token)))
    elif person is not None:
        recorded_by["erased"] = True  # before this was recorded, so that there was no name to seal
    _open(names, found)


def sealed_in(stored: Stored) -> list[Sealed]:
    """Every sealed name in an entry."""
    header, _ = VOCABULARY.parts(stored.entry)
    found: list[tuple[dict[str, Any], Sealed]] = []
    said = json.loads(stored.entry.partition(b"\n")[2])
    _collect_tokens(said["data"], "/data", header.record, header.version, found)
    sealed = [one for _, one in found]
    person, token = header.recorded_by.person, header.recorded_by.name
    if person is not None and token is not None:
        sealed.append(Sealed(person, header.record, header.version, "/recorded_by/name", token))
    return sealed


def _open(names: Names, found: list[tuple[dict[str, Any], Sealed]]) -> None:
    if not found:
        return
    for (holder, _), name in zip(found, names.open_many([sealed for _, sealed in found]), strict=True):
        holder["name"] = name
        if name is None:
            holder["erased"] = True


def _collect(record: str, value: JsonValue, found: list[tuple[dict[str, Any], Sealed]]) -> None:
    if isinstance(value, dict):
        where = value.pop("sealed", None) if "id" in value and "name" in value else None
        if where is not None:
            version, pointer = cast("tuple[int, str]", where)
            found.append((value, Sealed(str(value["id"]), record, version, pointer, str(value["name"]))))
            return
        for one in value.values():
            _collect(record, one, found)
    elif isinstance(value, list):
        for one in value:
            _collect(record, one, found)


def _collect_tokens(
    value: JsonValue, pointer: str, record: str, version: int, found: list[tuple[dict[str, Any], Sealed]]
) -> None:
    if isinstance(value, dict):
        if value.keys() == {"id", "name"} and str(value["name"]).startswith("sealed1."):
            found.append((value, Sealed(str(value["id"]), record, version, f"{pointer}/name", str(value["name"]))))
            return
        for name, one in value.items():
            _collect_tokens(one, f"{pointer}/{name}", record, version, found)
    elif isinstance(value, list):
        for index, one in enumerate(value):
            _collect_tokens(one, f"{pointer}/{index}", record, version, found)
