"""An entry: the bytes of the log, read strictly.

A header line, then a body line. Nothing here resolves a stored name to code: names are looked up in a closed
vocabulary, and everything is validated, whoever wrote the row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256 as _sha256
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, Field, StringConstraints, ValidationError, create_model

from domain.fact import Count, Day, Document, Fact, OfficeName, PersonId, Position, Sha256, Text, Value
from domain.offices import OFFICE_PATTERN

EVIDENCE_LIMIT = 100
"""Attachments that one entry may name."""


def _utc(instant: datetime) -> datetime:
    if instant.utcoffset() != timedelta(0):
        raise ValueError("recorded_at is UTC")
    return instant


_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_Uuid = Annotated[str, StringConstraints(pattern=f"^{_UUID}$")]
_Name = Annotated[str, StringConstraints(max_length=600)]


class RecordedBy(Value):
    """Who recorded an entry: the account, its person with the name sealed, its office and roles at the time."""

    account: str
    person: PersonId | None = None
    name: _Name | None = None
    office: OfficeName | None = None
    bureau: str | None = None
    roles: tuple[str, ...] = ()


class Idempotency(Value):
    """The key a command came with, and an HMAC of what was asked under a secret that is not in the log."""

    key: str
    mac: Sha256


class BodyDigest(Value):
    """Length in bytes and SHA-256 of the body."""

    length: Count
    sha256: Sha256


class Header(Value):
    """The first line of an entry."""

    format: Literal["taizhang-entry/1"]
    position: Position
    recorded_at: Annotated[datetime, AfterValidator(_utc)]
    causation: Position | None
    entry: _Uuid
    record: str
    version: Position
    name: str
    recorded_by: RecordedBy
    correlation: _Uuid
    part: tuple[Position, Position]
    """Which entry of its transaction this is, and of how many."""
    idempotency: Idempotency | None = None
    body: BodyDigest


def _as_written() -> re.Pattern[str]:
    """Headers as they are usually written, in the order of their members and without escapes."""
    number, text = r"[1-9]\d{0,14}", r'[^"\\\x00-\x1f\x7f]'
    by = "".join(
        (
            rf'"account":"(?P<account>{text}*)"',
            r'(?:,"person":"(?P<person>(?!\d{18}")[a-z0-9-]{3,32})")?',
            rf'(?:,"name":"{text}{{0,600}}")?',
            rf'(?:,"office":"{OFFICE_PATTERN[1:-1]}")?',
            rf'(?:,"bureau":"{text}*")?',
            rf'(?:,"roles":\[(?:"{text}*"(?:,"{text}*")*)?\])?',
        )
    )
    digest = r'"length":(?P<length>0|[1-9]\d{0,11}),"sha256":"(?P<sha256>[0-9a-f]{64})"'
    members = (
        r'"format":"taizhang-entry/1"',
        rf'"position":(?P<position>{number})',
        r'"recorded_at":"(?P<recorded_at>\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d\.\d{6}Z)"',
        rf'"causation":(?:null|(?P<causation>{number}))',
        rf'"entry":"{_UUID}"',
        rf'"record":"(?P<record>{text}*)"',
        rf'"version":(?P<version>{number})',
        rf'"name":"(?P<name>{text}*)"',
        rf'"recorded_by":\{{{by}\}}',
        rf'"correlation":"(?P<correlation>{_UUID})"',
        rf'"part":\[(?P<part>{number}),(?P<of>{number})\]',
        rf'(?:"idempotency":\{{"key":"(?P<key>{text}*)","mac":"[0-9a-f]{{64}}"\}},)?"body":\{{' + digest + r"\}",
    )
    return re.compile(r"\{" + ",".join(members) + r"\}", re.ASCII)


_AS_WRITTEN = _as_written()
_MEMBERS = ("position", "recorded_at", "causation", "person", "record", "version", "name", "length", "sha256")


class Headline(NamedTuple):
    """What a header says of its entry's place, in the log's own words: all that can be held against something else."""

    position: int
    recorded_at: str
    """UTC with six decimals; the later one is the greater one."""
    causation: int | None
    account: str
    record: str
    version: int
    name: str
    correlation: str
    part: int
    of: int
    key: str | None
    """The Idempotency-Key of its command."""
    length: int
    sha256: str


_HEADLINE = (
    "position", "recorded_at", "causation", "account", "record", "version", "name", "correlation", "part", "of", "key",
    "length", "sha256",
)  # fmt: skip


def headline(head: bytes) -> Headline:
    """What a header line says. Raises InvalidEntry."""
    seen = _AS_WRITTEN.fullmatch(head.decode("ascii")) if head.isascii() else None
    if seen is not None:
        position, at, cause, account, record, version, name, correlation, part, of, key, length, digest = seen.group(
            *_HEADLINE
        )
        cause = None if cause is None else int(cause)
        return Headline(
            int(position), at, cause, account, record, int(version), name, correlation, int(part), int(of), key,
            int(length), digest,
        )  # fmt: skip
    try:
        header = Header.model_validate_json(head)
    except ValidationError as fault:
        raise InvalidEntry(_first(fault)) from None
    recorded_at = header.recorded_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    part, of = header.part
    key = None if header.idempotency is None else header.idempotency.key
    return Headline(
        header.position, recorded_at, header.causation, header.recorded_by.account, header.record, header.version,
        header.name, header.correlation, part, of, key, header.body.length, header.body.sha256,
    )  # fmt: skip


class Content(Value):
    """The body of an entry: what happened, when, on what document and evidence.

    `Vocabulary` narrows `data` to the one fact that the header names.
    """

    effective_on: Day
    data: Fact
    document: Document | None = None
    evidence: Annotated[tuple[Sha256, ...], Field(max_length=EVIDENCE_LIMIT)] = ()
    note: Text | None = None


class Entry(NamedTuple):
    """One entry of the log, validated: its place, who recorded it, and what it says."""

    position: int
    """Its 1-based place in the log."""
    record: str
    version: int
    """Its 1-based place in its record."""
    person: str | None
    """Who recorded it, for the separation of duties; None for the system."""
    causation: int | None
    """The position of the entry that brought it about."""
    content: Content

    @property
    def fact(self) -> Fact:
        """What it says, names sealed."""
        return self.content.data


class InvalidEntry(Exception):  # noqa: N818  # says what the bytes are
    """Bytes that are no entry: `position` where the header tells it, and the reason."""

    def __init__(self, reason: str, position: int | None = None) -> None:
        super().__init__(reason if position is None else f"entry {position}: {reason}")
        self.position = position
        self.reason = reason


class Vocabulary:
    """The closed list of stored names, per kind of record, and the only way from bytes to an entry."""

    def __init__(self, facts: Mapping[str, Sequence[type[Fact]]]) -> None:
        self._contents: dict[tuple[str, str], type[Content]] = {
            (kind, fact.stored_as): create_model(f"{fact.__name__}Content", __base__=Content, data=(fact, ...))
            for kind, types in facts.items()
            for fact in types
        }
        # Past the class method: entries are read by the million.
        self._validate: dict[tuple[str, str], Callable[[bytes], Content]] = {
            name: model.__pydantic_validator__.validate_json for name, model in self._contents.items()
        }
        self._events = {kind: {fact.event: fact for fact in types} for kind, types in facts.items()}

    def fact(self, kind: str, event: str) -> type[Fact] | None:
        """The newest fact that an event's API name stands for in a kind of record; None where it knows none."""
        return self._events.get(kind, {}).get(event)

    def events(self, kind: str) -> tuple[str, ...]:
        """The API names of a kind's events, in the catalogue's order."""
        return tuple(self._events.get(kind, ()))

    def content(self, kind: str, name: str) -> type[Content]:
        """The body's model for a stored name. Raises KeyError for a name that this kind of record doesn't know."""
        return self._contents[kind, name]

    def read(self, stored: bytes) -> Entry:
        """The entry that these bytes are. Raises InvalidEntry when anything about them is not as it must be.

        A header as usually written is read at a glance: what the pattern lets through is what `Header` lets through.
        """
        head, _, body = stored.partition(b"\n")
        try:
            seen = _AS_WRITTEN.fullmatch(head.decode("ascii"))
            if seen is not None:
                position, recorded_at, causation, person, record, version, name, length, digest = seen.group(*_MEMBERS)
                datetime.fromisoformat(recorded_at)
                validate = self._validate.get((record.partition("/")[0], name))
                if validate is not None and len(body) == int(length) and _sha256(body).hexdigest() == digest:
                    cause = None if causation is None else int(causation)
                    return Entry(int(position), record, int(version), person, cause, validate(body))
        except ValueError:
            pass  # not as usually written, or not as it must be: for `parts` to judge
        header, content = self.parts(stored)
        return Entry(
            header.position, header.record, header.version, header.recorded_by.person, header.causation, content
        )

    def parts(self, stored: bytes) -> tuple[Header, Content]:
        """The header and the body of these bytes. Raises InvalidEntry as `read` does."""
        head, feed, body = stored.partition(b"\n")
        try:
            header = Header.model_validate_json(head)
        except ValidationError as fault:
            raise InvalidEntry(_first(fault)) from None
        if not feed or len(body) != header.body.length:
            raise InvalidEntry("the body is not the one that the header describes", header.position)
        return header, self._content(header.position, header.record, header.name, header.body.sha256, body)

    def _content(self, position: int, record: str, name: str, sha256: str, body: bytes) -> Content:
        if _sha256(body).hexdigest() != sha256:
            raise InvalidEntry("the body is not the one that the header describes", position)
        model = self._contents.get((record.partition("/")[0], name))
        if model is None:
            raise InvalidEntry(f"{name} is no event of {record}", position)
        try:
            return model.model_validate_json(body)
        except ValidationError as fault:
            raise InvalidEntry(_first(fault), position) from None


def _first(fault: ValidationError) -> str:
    error = fault.errors(include_url=False, include_input=False)[0]
    return f"{'/'.join(map(str, error['loc']))}: {error['msg']}"
