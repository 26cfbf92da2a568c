"""登记: a form for each event that the account may record, its answers checked, its receipt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import TimeoutError as TimedOut
from datetime import date
from typing import Any, Final, NamedTuple, cast

from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from api.composition import Taizhang, now
from api.http.attaching import RECORDING_ROLES
from api.http.bodies import canonical
from api.web.drafts import DOCUMENT, NONE, Draft, Faults, checked, faults_of, one_line, with_files
from api.web.form_fields import Spec, specs
from api.web.posting import Posted
from api.web.shell import Shown
from api.web.timeline import happening
from api.web.values import Values
from api.web.visit import Visit
from application.commands import Command, Idempotent, Proposal
from application.committing import Busy, Recorded, Unsettled
from application.listing import Filters
from application.moments import today
from application.rights import may_be_offered
from domain.fact import Fact
from domain.offices import Office
from domain.policy import clauses
from domain.records import AGGREGATES, VOCABULARY, aggregate, record_kind
from domain.refusals import Code, Refused

WITHIN: Final = 30.0
"""Seconds that a form waits for what it records."""
SUGGESTED: Final = 200
"""Records that a field suggests at most."""
NOT_BY_FORM: Final = frozenset({"SchemeAdopted", "KeyIssued"})
"""Events with their own ways in: a scheme is a file, a key is made by the command line and shown once."""

NOT_ASKED: Final = frozenset({"ruling"})
"""Fields that the system alone fills in."""


class Asked(NamedTuple):
    """A field of a form with all that stands around it."""

    spec: Spec
    label: str
    hint: str
    now: Markup | None
    """What the record says of it today."""
    choices: Sequence[tuple[str, str]]
    suggestions: Sequence[tuple[str, str]]


class Target(NamedTuple):
    """What a form is about to record, and where."""

    fact: type[Fact]
    kind: str
    record_id: str | None
    """None: the form opens a record, and asks for its id."""


class Forms:
    """The pages that record. Every method raises Refused for what the account may not do."""

    def __init__(self, taizhang: Taizhang) -> None:
        self._taizhang = taizhang
        self._asking = taizhang.asking

    def start(self, visit: Visit) -> Shown:
        """What the account may open, and where it finds the records that it may add to."""
        kinds = [
            (kind, one.opening)
            for kind, one in AGGREGATES.items()
            if one.opening.event not in NOT_BY_FORM and self._offered(visit, None, kind)
        ]
        return Shown("record_start.html", visit.words("forms.start"), {"kinds": kinds})

    def choose(self, visit: Visit) -> Shown:
        """The events that the account may record in a record."""
        kind, record_id = visit.parts["kind"], visit.parts["id"]
        record = _path(kind, record_id)
        self._asking.record(visit.reader, kind, record_id, visit.moment)  # it is there, and open to the reader
        offered = [fact for fact in self._offered(visit, record, kind) if fact.event not in NOT_BY_FORM]
        context = {"kind": kind, "record_id": record_id, "offered": offered, "name": self._values(visit).name(record)}
        return Shown("record_choose.html", visit.words("record"), context)

    def opening(self, visit: Visit) -> Shown:
        """The form that opens a record of a kind."""
        target = self._target(visit)
        return self._form(visit, target, Draft.new(self._known(visit, target)))

    def event(self, visit: Visit) -> Shown:
        """The form of an event in a record."""
        return self._form(visit, self._target(visit), Draft.new())

    def send(self, visit: Visit, posted: Posted) -> Shown | Response:
        """What comes of sending a form: it is shown again, its answers are to be checked, or they are recorded."""
        target = self._target(visit)
        draft = Draft.of(posted)
        if not RECORDING_ROLES & visit.actor.roles:
            raise Refused(Code.NOT_ENTITLED, "this account records nothing")
        draft = with_files(draft, posted, self._taizhang.attachments.put)
        step = posted.fields.get("step", "check")
        if step == "edit":
            return self._form(visit, target, draft)
        record_id = target.record_id or one_line(draft.typed.get("id", ""))
        record, faults = self._record_of(visit, target, record_id)
        body = draft.body(target.fact)
        found: Proposal | Faults = faults
        if faults is NONE:
            found = self._checked(visit, record, body, checks=step == "record")
        else:
            also = self._checked(visit, f"{target.kind}/x", body, checks=False)
            found = Faults({**also.fields, **faults.fields}) if isinstance(also, Faults) else faults
        if isinstance(found, Faults):
            return self._form(visit, target, draft, found)
        if step != "record":
            return self._check(visit, target, draft, record, body)
        recorded = self._recorded(visit, target, draft, record, body, found)
        if isinstance(recorded, Faults):
            return self._form(visit, target, draft, recorded)
        return RedirectResponse(f"/receipt/{recorded}", 303)

    def receipt(self, visit: Visit) -> Shown:
        """That an entry is in the log: its number, its hash, and the checkpoint that covers it."""
        text = visit.parts["position"]
        if not text.isascii() or not text.isdigit():
            raise Refused(Code.NOT_FOUND, f"there is no entry {text[:20]}")
        entry: dict[str, Any] = self._asking.entry(visit.reader, int(text))
        values = self._values(visit)
        moment = self._asking.moment(text, None, None)
        context = {
            "entry": entry,
            "one": happening(entry, entry["version"], values, visit.words, {}),
            "record_link": values.record(entry["record"]),
            "sealed": self._asking.provenance(moment)["checkpoint"],
        }
        return Shown("receipt.html", visit.words("receipt.title"), context)

    def recorded(
        self, visit: Visit, draft: Draft, record: str, found: Proposal, body: Mapping[str, Any]
    ) -> int | Faults:
        """Record one event, once for its key; its position, or what stands against it."""
        mac = self._taizhang.keys.idempotency_mac(visit.actor.account, f"form {record}\n".encode() + canonical(body))
        command = Command(visit.actor.account, (found,), Idempotent(f"form-{draft.key}", mac))
        try:
            done: Recorded = self._taizhang.recorder.record(command, WITHIN)
        except Refused as refusal:
            return faults_of(refusal, specs(type(found.fact)), visit.words)
        except (Busy, TimedOut):
            return Faults({}, visit.words("forms.busy"))
        except Unsettled:
            return Faults({}, visit.words("forms.unsettled"))
        return done.entries[0].position

    def fields(
        self, visit: Visit, target: Target, asked: Sequence[Spec], state: Mapping[str, Any], values: Values
    ) -> list[Asked]:
        """What a form asks for, with labels, hints, choices and what the record says today."""
        t = visit.words
        shown: list[Asked] = []
        for spec in asked:
            name = spec.path[-1]
            hint = next(
                (
                    said
                    for key in (f"{target.fact.event}.{name}", ".".join(spec.path), name, spec.control)
                    if (said := t.named("hint", key)) != key
                ),
                "",
            )
            standing = state.get(name) if len(spec.path) == 1 else None
            choices = [(one, t.named("value", one)) for one in spec.options]
            if spec.refers_to == "new-cities":
                choices = [*values.offices.new_cities().items()]
            shown.append(
                Asked(
                    spec,
                    values.label(spec.label) if len(spec.path) == 1 else self._inner_label(visit, spec, values),
                    hint,
                    values.value(name, standing) if isinstance(standing, str | int | bool) else None,
                    choices,
                    self._suggested(visit, spec, state, values),
                )
            )
        return shown

    def _inner_label(self, visit: Visit, spec: Spec, values: Values) -> str:
        outer, inner = values.label(spec.path[0]), spec.path[-1]
        if inner == "uscc":
            return values.label("uscc")
        if inner == "name" and not spec.of_person:
            return outer
        return visit.words(f"forms.person.{inner}", of=outer)

    def _suggested(
        self, visit: Visit, spec: Spec, state: Mapping[str, Any], values: Values
    ) -> Sequence[tuple[str, str]]:
        """What the field may name: records of the kind it refers to, or what stands in the record under its name."""
        if spec.refers_to is not None and spec.refers_to != "new-cities":
            owner = state.get("new_city") or next(iter(sorted(visit.reader.new_cities)), None)
            filters = Filters(new_city=None if owner is None else str(owner))
            try:
                found, _, _ = self._asking.listing(visit.reader, spec.refers_to, filters, visit.moment, SUGGESTED, None)
            except Refused:
                return ()
            return [(str(one["id"]), values.name(f"{spec.refers_to}/{one['id']}")) for one in found]
        if spec.control != "text" or len(spec.path) != 1:
            return ()
        if spec.path == ("indicator",) and state.get("scheme"):
            scheme: Any = self._asking.record(visit.reader, "schemes", str(state["scheme"]), visit.moment)
            return [(str(one["indicator"]), str(one["title"])) for one in scheme["indicators"]]
        (field,) = spec.path
        standing: dict[str, str] = {}
        for items in state.values():
            several = cast("list[object]", items) if isinstance(items, list) else []
            for one in several:
                standing |= _named(one, field)
        return [*standing.items()][:SUGGESTED]

    def _offered(self, visit: Visit, record: str | None, kind: str) -> list[type[Fact]]:
        known = self._asking.histories.known_at(visit.moment.position)
        return may_be_offered(visit.actor, record, kind, known)

    def _target(self, visit: Visit) -> Target:
        """What the address names. Raises Refused: not-found, not-entitled, unknown-type."""
        kind, record_id, event = visit.parts["kind"], visit.parts.get("id"), visit.parts.get("event")
        about = aggregate(kind)
        fact = about.opening if event is None else VOCABULARY.fact(kind, event)
        if fact is None or fact not in about.facts or fact.event in NOT_BY_FORM:
            raise Refused(Code.NOT_FOUND, f"there is no form for {event} in {kind}")
        record = None
        if record_id is not None:
            record = _path(kind, record_id)
            self._asking.record(visit.reader, kind, record_id, visit.moment)
        if fact not in self._offered(visit, record, kind):
            raise Refused(Code.NOT_ENTITLED, f"{fact.event} is not this account's to record here")
        return Target(fact, kind, record_id)

    def _known(self, visit: Visit, target: Target) -> dict[str, str]:
        """What the account's own office says already of a record that it opens."""
        if visit.actor.office is None:
            return {}
        level, unit = Office.parse(visit.actor.office)
        names = {spec.name for spec in specs(target.fact)}
        known: dict[str, str] = {}
        cities = sorted(visit.reader.new_cities)
        if "data.new_city" in names and len(cities) == 1:
            known["data.new_city"] = cities[0]
        if "data.township_code" in names and level == "township" and unit is not None:
            known["data.township_code"] = unit
        return known

    def _record_of(self, visit: Visit, target: Target, record_id: str) -> tuple[str, Faults]:
        record = f"{target.kind}/{record_id}"
        try:
            record_kind(record)
        except Refused:
            if target.record_id is not None:
                raise
            key = "fault.missing" if not record_id else "fault.id"
            return record, Faults({"id": visit.words(key)})
        return record, NONE

    def _checked(self, visit: Visit, record: str, body: dict[str, Any], *, checks: bool) -> Proposal | Faults:
        fact = VOCABULARY.fact(record.partition("/")[0], str(body["type"]))
        try:
            filled = self._taizhang.filling.filled(visit.actor.account, record, body, check=checks)
        except Refused as refusal:
            return faults_of(refusal, () if fact is None else specs(fact), visit.words)
        return checked(record, filled, today(now), visit.words)

    def _recorded(
        self, visit: Visit, target: Target, draft: Draft, record: str, body: Mapping[str, Any], found: Proposal
    ) -> int | Faults:
        done = self.recorded(visit, draft, record, found, body)
        if isinstance(done, Faults) and done.whole and target.record_id is None and self._exists(record):
            return done._replace(fields={**done.fields, "id": visit.words("fault.taken")})
        return done

    def _exists(self, record: str) -> bool:
        head, _ = self._taizhang.log.head()
        return self._asking.histories.at(record, head).state is not None

    def _form(self, visit: Visit, target: Target, draft: Draft, faults: Faults = NONE) -> Shown:
        values = self._values(visit)
        asked = [spec for spec in specs(target.fact) if spec.path[0] not in NOT_ASKED]
        state: Mapping[str, Any] = {}
        if target.record_id is not None:
            state = self._asking.record(visit.reader, target.kind, target.record_id, visit.moment)
        context = {
            "target": target,
            "draft": draft,
            "faults": faults,
            "fields": self.fields(visit, target, asked, state, values),
            "document": [
                Asked(one, visit.words(f"forms.document.{one.path[0]}"), "", None, (), ()) for one in DOCUMENT
            ],
            "name": "" if target.record_id is None else values.name(f"{target.kind}/{target.record_id}"),
            "id_hint": visit.words.named("hint", f"id.{target.kind}"),
            "today": today(now),
            "action": visit.path,
            "clause": clauses().get(target.fact.clause or ""),
            "facts": values.chips({name: state.get(name) for name in aggregate(target.kind).fields if name in state}),
        }
        status = 200 if faults is NONE else 422
        return Shown("record_form.html", visit.words.event(target.kind, target.fact.event), context, status)

    def _check(self, visit: Visit, target: Target, draft: Draft, record: str, body: dict[str, Any]) -> Shown:
        values = self._values(visit)
        context = {
            "target": target,
            "draft": draft,
            "record": record,
            "name": values.name(record) if target.record_id else "",
            "chips": values.chips(body["data"]),
            "effective_on": date.fromisoformat(body["effective_on"]),
            "document": dict.fromkeys(("number", "title", "issued_on", "sha256")) | body.get("document", {}),
            "note": body.get("note"),
            "action": visit.path,
            "hidden": hidden(draft),
        }
        return Shown("record_check.html", visit.words("forms.check"), context)

    def _values(self, visit: Visit) -> Values:
        return Values(self._asking, visit)


def hidden(draft: Draft) -> list[tuple[str, str]]:
    """The draft as hidden fields."""
    return [
        *draft.typed.items(),
        *(("evidence_sha256", digest) for digest in draft.evidence),
        ("key", draft.key),
    ]


def _path(kind: str, record_id: str) -> str:
    record = f"{kind}/{record_id}"
    record_kind(record)
    return record


def _named(item: object, field: str) -> dict[str, str]:
    """What an item of a list in a record has under the field's name: a key with what it is called."""
    if not isinstance(item, dict):
        return {}
    one = cast("dict[str, Any]", item)
    match one.get(field):
        case {"id": str(person), "name": name}:
            return {person: str(name or "")}
        case str(key):
            return {key: str(one.get("title") or one.get("address") or "")}
        case _:
            return {}
