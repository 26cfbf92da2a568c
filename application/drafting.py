"""From what is to be recorded to the bytes of an entry: names sealed, body hashed, header written."""

from __future__ import annotations

import hashlib
import os
from datetime import date
from typing import NamedTuple, Protocol

from pydantic_core import to_json

from application.commands import Idempotent
from domain.corrections import EventCorrected
from domain.entry import Content, Entry
from domain.fact import Fact, JsonValue
from domain.log import BATCH_LIMIT, ENTRY_LIMIT, Draft
from domain.offices import Actor
from domain.records import VOCABULARY
from domain.refusals import Code, FieldError, Refused

NAME_LIMIT = 100
"""Characters of a person's name at most."""
_POSITION_ROOM = 160
"""Bytes that the append function adds to a header at most: format, position, instant, cause."""
_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
"""The digit of a UUID that tells its variant, of a random one."""


class Seal(Protocol):
    """Encrypts a name under its person's key, bound to where it stands."""

    def __call__(self, person: str, record: str, version: int, pointer: str, name: str) -> str | None:
        """The sealed name; None for a person who has been erased."""
        ...


class Planned(NamedTuple):
    """An entry whose place in its record and whose body are settled."""

    entry: Entry
    """As folds and guards will read it."""
    recorded_by: str
    """The header's member of that name, as JSON."""
    body: bytes
    refers_to: tuple[str, ...]
    cause: int | None = None
    """Index, in the same command, of the entry that brought it about."""


class Place(NamedTuple):
    """Where an entry goes."""

    record: str
    version: int
    position: int
    cause: int | None = None
    """Index, in the same command, of the entry that brings it about."""
    causation: int | None = None
    """The position of that entry."""


def planned(
    content: Content, place: Place, actor: Actor, *, target: type[Fact], refers_to: tuple[str, ...], seal: Seal
) -> Planned:
    """Settle an entry's body, with every name in it and its recorder's name sealed.

    `target` is the fact's own type, or for a correction the type of what it corrects: the type tells which fields
    name persons.
    """
    body = content.model_dump_json(exclude_unset=True).encode()
    sealed = content
    if target.person_fields:
        body = to_json(_with_sealed_names(content, place, target, seal))
        sealed = type(content).model_validate_json(body)
    entry = Entry(place.position, place.record, place.version, actor.person, place.causation, sealed)
    return Planned(entry, _recorded_by(actor, place, seal), body, refers_to, place.cause)


def _with_sealed_names(content: Content, place: Place, target: type[Fact], seal: Seal) -> dict[str, JsonValue]:
    fields = content.model_dump(mode="json", exclude_unset=True)
    named, pointer = fields["data"], "/data"
    if isinstance(content.data, EventCorrected):
        named, pointer = named.get("data", {}), "/data/data"
    for field in target.person_fields:
        if field in named:
            named[field] = _sealed(named[field], f"{pointer}/{field}", place.record, place.version, seal)
    return fields


def _recorded_by(actor: Actor, place: Place, seal: Seal) -> str:
    if actor.person is None:
        return f'{{"account":"{actor.account}"}}'
    recorded_by: dict[str, JsonValue] = {"account": actor.account, "person": actor.person}
    if actor.name is not None:
        token = seal(actor.person, place.record, place.version, "/recorded_by/name", actor.name)
        if token is not None:
            recorded_by["name"] = token
    recorded_by["office"] = actor.office
    if actor.bureau is not None:
        recorded_by["bureau"] = actor.bureau
    recorded_by["roles"] = sorted(actor.roles)
    return to_json(recorded_by).decode()


def drafts(plan: list[Planned], account: str, idempotent: Idempotent | None) -> list[Draft]:
    """The drafts of one command's entries, marked as one transaction of the log.

    Raises Refused for an entry over 65,535 bytes, and for more than 10,000 entries.
    """
    if len(plan) > BATCH_LIMIT:
        raise Refused(
            Code.INVALID_FIELDS,
            f"with what it brings about this would be {len(plan)} entries; {BATCH_LIMIT} are the limit",
            errors=[FieldError("/entries", "too many")],
        )
    ids = _ids(len(plan))
    asked = ""
    if idempotent is not None:
        asked = f'"idempotency":{to_json(idempotent._asdict()).decode()},'
    drafted: list[Draft] = []
    for index, (entry, recorded_by, body, refers_to, cause) in enumerate(plan):
        name = entry.content.data.stored_as
        # Ids of records, stored names and ids of entries have no character that JSON escapes.
        header = (
            f'"entry":"{ids[index]}","record":"{entry.record}","version":{entry.version},"name":"{name}"'
            f',"recorded_by":{recorded_by},"correlation":"{ids[0]}","part":[{index + 1},{len(plan)}],{asked}'
            f'"body":{{"length":{len(body)},"sha256":"{hashlib.sha256(body).hexdigest()}"}}'
        )
        _check_size(header, body)
        key = f"{account} {idempotent.key}" if idempotent is not None and index == 0 else None
        drafted.append(
            Draft(entry.record, entry.version, name, header, body, cause, index + 1 == len(plan), key, refers_to)
        )
    return drafted


def _ids(size: int) -> list[str]:
    """New ids of entries: UUIDs of version 4 (RFC 9562, section 5.4)."""
    digits = os.urandom(16 * size).hex()
    return [
        f"{one[:8]}-{one[8:12]}-4{one[13:16]}-{_VARIANT[one[16]]}{one[17:20]}-{one[20:]}"
        for one in (digits[at : at + 32] for at in range(0, len(digits), 32))
    ]


def _check_size(header: str, body: bytes) -> None:
    size = len(header.encode()) + len(body) + _POSITION_ROOM
    if size > ENTRY_LIMIT:
        raise Refused(
            Code.ENTRY_TOO_LARGE,
            f"the entry would have about {size} bytes; {ENTRY_LIMIT} are the limit: longer things are attachments",
            errors=[FieldError("/data", "too long")],
        )


def content_of(kind: str, fact: Fact, effective_on: date) -> Content:
    """The body that says this fact, for entries that the system itself writes."""
    model = VOCABULARY.content(kind, fact.stored_as)
    return model.model_construct(_fields_set={"effective_on", "data"}, effective_on=effective_on, data=fact)


def _sealed(value: JsonValue, pointer: str, record: str, version: int, seal: Seal) -> JsonValue:
    match value:
        case {"id": str(person), "name": str(name)}:
            if len(name) > NAME_LIMIT:
                raise Refused(
                    Code.INVALID_FIELDS,
                    f"a name has at most {NAME_LIMIT} characters",
                    errors=[FieldError(f"{pointer}/name", f"at most {NAME_LIMIT} characters")],
                )
            token = seal(person, record, version, f"{pointer}/name", name)
            if token is None:
                raise Refused(
                    Code.PERSON_ERASED,
                    f"person {person} has been erased: no name is recorded again",
                    errors=[FieldError(pointer, "this person has been erased")],
                )
            return {"id": person, "name": token}
        case list():
            return [_sealed(one, f"{pointer}/{index}", record, version, seal) for index, one in enumerate(value)]
        case dict():
            return {name: _sealed(one, f"{pointer}/{name}", record, version, seal) for name, one in value.items()}
        case _:
            return value
