"""What is asked of the log: requests checked field by field before anyone judges them."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from pydantic import ValidationError

from domain.entry import Content
from domain.fact import Fact, JsonValue
from domain.log import BATCH_LIMIT
from domain.records import VOCABULARY, record_kind
from domain.refusals import Code, FieldError, Refused

_ITEM_FIELDS = frozenset({"type", "effective_on", "data", "document", "evidence", "note"})


class Proposal(NamedTuple):
    """One event that somebody wants recorded, its fields valid, its names still in clear."""

    record: str
    content: Content
    if_version: int | None = None
    """The record's version that the client saw; compared before anything of the command is recorded."""

    @property
    def fact(self) -> Fact:
        """What it says."""
        return self.content.data


class Idempotent(NamedTuple):
    """An Idempotency-Key and the HMAC of the request that it came with."""

    key: str
    mac: str


class Command(NamedTuple):
    """Events to be recorded together or not at all, in order, by an account."""

    account: str
    proposals: tuple[Proposal, ...]
    idempotent: Idempotent | None = None
    is_batch: bool = False


def proposal(
    record: str, body: dict[str, Any], *, today: date, pointer: str = "", if_version: int | None = None
) -> Proposal:
    """The proposal that a request's JSON object makes about `KIND/id`.

    Raises Refused with a pointer to every field at fault: an unknown type, a field that isn't valid or doesn't
    belong, a date in the future, text that isn't NFC.
    """
    kind, _ = record_kind(record)
    event = body.get("type")
    if not isinstance(event, str):
        raise Refused(
            Code.INVALID_FIELDS, "an event has a type", errors=[FieldError(f"{pointer}/type", "a string is required")]
        )
    fact = VOCABULARY.fact(kind, event)
    if fact is None:
        raise Refused(
            Code.UNKNOWN_TYPE,
            f"{event} is no event of {kind}",
            errors=[FieldError(f"{pointer}/type", f"one of {', '.join(VOCABULARY.events(kind))}")],
        )
    errors = [FieldError(f"{pointer}/{name}", "there is no such field") for name in body.keys() - _ITEM_FIELDS]
    errors += _not_normal(body, pointer)
    content: Content | None = None
    try:
        content = VOCABULARY.content(kind, fact.stored_as).model_validate_json(
            json.dumps({name: body[name] for name in _ITEM_FIELDS - {"type"} if name in body})
        )
    except ValidationError as fault:
        errors += [
            FieldError("/".join([pointer, *map(str, error["loc"])]), error["msg"])
            for error in fault.errors(include_url=False, include_input=False)
        ]
    if content is None or errors:
        raise Refused(Code.INVALID_FIELDS, f"{len(errors)} field(s) of {event} are not valid", errors=errors)
    if content.effective_on > today:
        raise Refused(
            Code.FUTURE_DATE,
            f"{content.effective_on} is after today, {today} (Asia/Shanghai)",
            errors=[FieldError(f"{pointer}/effective_on", f"not after {today}")],
        )
    return Proposal(record, content, if_version)


def batch(items: Sequence[JsonValue], *, today: date) -> tuple[Proposal, ...]:
    """The proposals of a batch: objects with `record` and, if wanted, `if_version`, beside an event's own fields.

    Raises Refused for none, for more than 10,000, and for the first item at fault.
    """
    if not 0 < len(items) <= BATCH_LIMIT:
        raise Refused(
            Code.INVALID_FIELDS,
            f"a batch has 1 to {BATCH_LIMIT} entries, not {len(items)}",
            errors=[FieldError("/entries", f"1 to {BATCH_LIMIT} entries")],
        )
    return tuple(_batch_item(item, f"/entries/{index}", today) for index, item in enumerate(items))


def _batch_item(item: JsonValue, pointer: str, today: date) -> Proposal:
    if not isinstance(item, dict):
        raise Refused(Code.INVALID_FIELDS, "an entry is an object", errors=[FieldError(pointer, "an object")])
    fields = dict(item)
    record, if_version = fields.pop("record", None), fields.pop("if_version", None)
    errors = [] if isinstance(record, str) else [FieldError(f"{pointer}/record", "KIND/id is required")]
    if if_version is not None and (not isinstance(if_version, int) or isinstance(if_version, bool) or if_version < 0):
        errors.append(FieldError(f"{pointer}/if_version", "a version, 0 where the record must not exist"))
    if errors:
        raise Refused(Code.INVALID_FIELDS, "the entry's envelope is not valid", errors=errors)
    try:
        return proposal(str(record), fields, today=today, pointer=pointer, if_version=if_version)
    except Refused as refusal:
        if refusal.errors:
            raise
        raise Refused(
            refusal.code,
            refusal.detail,
            clause=refusal.clause,
            positions=refusal.positions,
            errors=[FieldError(pointer, refusal.detail)],
        ) from None


def _not_normal(value: JsonValue, pointer: str) -> list[FieldError]:
    """Where text isn't in Unicode normal form C: it is stored as sent, so it must come so."""
    match value:
        case str():
            return [] if unicodedata.is_normalized("NFC", value) else [FieldError(pointer, "text must be in NFC")]
        case dict():
            return [fault for name, one in value.items() for fault in _not_normal(one, f"{pointer}/{name}")]
        case list():
            return [fault for index, one in enumerate(value) for fault in _not_normal(one, f"{pointer}/{index}")]
        case _:
            return []
