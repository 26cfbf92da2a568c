"""What somebody is about to record: the form as it was filled in, the event that it makes, what is wrong with it."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from api.http.problems import Described
from api.web.form_fields import Spec, data_of, fault, specs, write
from api.web.posting import Posted
from api.web.words import Words
from application.commands import Proposal, proposal
from domain.entry import EVIDENCE_LIMIT
from domain.fact import Fact
from domain.records import VOCABULARY
from domain.refusals import Refused

DOCUMENT: Final = (
    Spec(("number",), "text", required=False),
    Spec(("title",), "text", required=False),
    Spec(("issued_on",), "date", required=False),
)
"""What is asked about the document that the event rests on."""
ENVELOPE: Final = ("effective_on", "note")


class Draft(NamedTuple):
    """A form as far as it has been filled in. Nothing of it is lost between its pages."""

    typed: Mapping[str, str]
    evidence: Sequence[str]
    """The digests of the files attached; they are kept already."""
    key: str
    """The idempotency key: sent twice, it is recorded once."""

    @classmethod
    def new(cls, typed: Mapping[str, str] | None = None) -> Draft:
        """A form that nobody has sent yet."""
        return cls(typed or {}, (), secrets.token_urlsafe(16))

    @classmethod
    def of(cls, posted: Posted) -> Draft:
        """The form as it was sent; its files aside."""
        typed = {
            name: value
            for name, value in posted.fields.items()
            if name.startswith(("data.", "document.")) or name in {"id", "decided_on", "reasons", *ENVELOPE}
        }
        kept = [one for one in posted.several.get("evidence_sha256", ()) if _is_digest(one)]
        return cls(typed, tuple(dict.fromkeys(kept))[:EVIDENCE_LIMIT], posted.fields.get("key", "")[:64] or _key())

    def body(self, fact: type[Fact]) -> dict[str, Any]:
        """The event, as the API takes it."""
        body: dict[str, Any] = {"type": fact.event, "data": data_of(specs(fact), _lined(self.typed))}
        body |= {name: text for name in ENVELOPE if (text := one_line(self.typed.get(name, "")))}
        document = {
            name: text
            for name in ("number", "title", "issued_on", "sha256")
            if (text := one_line(self.typed.get(f"document.{name}", "")))
        }
        if document:
            body["document"] = document
        if self.evidence:
            body["evidence"] = [*self.evidence]
        return body


class Faults(NamedTuple):
    """What is wrong with a draft."""

    fields: Mapping[str, str]
    """By the name of the field."""
    whole: str | None = None
    """Of no field: the procedure, another record, the account's rights."""
    detail: str = ""
    clause: str | None = None
    positions: Sequence[int] = ()


NONE: Final = Faults({})


def with_files(draft: Draft, posted: Posted, keep: Any) -> Draft:  # noqa: ANN401  # what keeps a file by its digest
    """The draft with the files that came with the form; `keep(sha256, content)` stores each."""
    typed, evidence = dict(draft.typed), list(draft.evidence)
    for upload in posted.files.get("document_file", ()):
        typed["document.sha256"] = _kept(upload.content, keep)
    evidence += [_kept(upload.content, keep) for upload in posted.files.get("evidence", ())]
    return draft._replace(typed=typed, evidence=tuple(dict.fromkeys(evidence))[:EVIDENCE_LIMIT])


def _kept(content: bytes, keep: Any) -> str:  # noqa: ANN401  # the same
    digest = hashlib.sha256(content).hexdigest()
    keep(digest, content)
    return digest


def checked(record: str, body: Mapping[str, Any], today: Any, words: Words) -> Proposal | Faults:  # noqa: ANN401  # a day
    """The proposal that an event makes, or what is wrong with its fields."""
    kind = record.partition("/")[0]
    fact = VOCABULARY.fact(kind, str(body["type"]))
    if fact is None:
        raise TypeError(body["type"])
    asked = specs(fact)
    try:
        VOCABULARY.content(kind, fact.stored_as).model_validate_json(
            json.dumps({name: value for name, value in body.items() if name != "type"})
        )
    except ValidationError as invalid:
        found: dict[str, str] = {}
        for error in invalid.errors(include_url=False, include_input=False):
            name, spec = _place(tuple(map(str, error["loc"])), asked)
            found.setdefault(name, fault(spec, error, words))
        return Faults(found)
    try:
        return proposal(record, dict(body), today=today)
    except Refused as refusal:
        return faults_of(refusal, asked, words)


def faults_of(refusal: Refused, asked: Sequence[Spec], words: Words) -> Faults:
    """What a refusal says of the fields, and of the whole."""
    described = Described.of(refusal.code)
    title = described.zh if words.language == "zh" else described.en
    fields: dict[str, str] = {}
    for error in refusal.errors:
        name, spec = _place(tuple(error.pointer.strip("/").split("/")), asked)
        if spec is not None or name in {"effective_on", "evidence", "note", "id"}:
            fields.setdefault(name, title)
    return Faults(fields, title, refusal.detail, refusal.clause, refusal.positions)


def _place(loc: Sequence[str], asked: Sequence[Spec]) -> tuple[str, Spec | None]:
    """The field of the form that a place in the event is."""
    if loc[0] == "data":
        inner = [one for one in loc[1:] if not one.isdigit()]
        if inner[:1] == ["data"]:  # what a correction changes
            inner = inner[1:]
        for length in range(len(inner), 0, -1):
            for spec in asked:
                if list(spec.path[:length]) == inner[:length]:
                    return spec.name, spec
    return ".".join(loc), next((one for one in DOCUMENT if loc[0] == "document" and one.path[-1] == loc[-1]), None)


def typed_from(fact: type[Fact], data: Mapping[str, Any]) -> dict[str, str]:
    """An event's data as it would have been typed into its form."""
    return {spec.name: write(spec, data) for spec in specs(fact)}


def one_line(text: str) -> str:
    """The text as it is recorded: one line, without space around it."""
    return " ".join(text.split())


def _lined(typed: Mapping[str, str]) -> dict[str, str]:
    return {name: "\n".join(map(one_line, text.splitlines())) for name, text in typed.items()}


def _is_digest(text: str) -> bool:
    return len(text) == 64 and set(text) <= set("0123456789abcdef")  # noqa: PLR2004  # SHA-256 in hex


def _key() -> str:
    return secrets.token_urlsafe(16)
