"""更正与作废: an entry said something wrong, or what it says never happened. The entry itself stays as it is."""

from __future__ import annotations

from datetime import date
from typing import Any

from starlette.responses import RedirectResponse, Response

from api.composition import Taizhang, now
from api.http.attaching import RECORDING_ROLES
from api.web.drafts import NONE, Draft, Faults, checked, one_line, typed_from
from api.web.form_fields import data_of, specs
from api.web.forms import Forms, Target, hidden
from api.web.posting import Posted
from api.web.shell import Shown
from api.web.values import Values
from api.web.visit import Visit
from application.asking import Standing
from application.moments import today
from application.rights import may_record
from domain.refusals import Code, Refused

REASONS = 4_000
"""Characters of the reasons."""


class Corrections:
    """The pages that correct and retract, from the entry itself."""

    def __init__(self, taizhang: Taizhang, forms: Forms) -> None:
        self._taizhang = taizhang
        self._asking = taizhang.asking
        self._forms = forms

    def correct(self, visit: Visit) -> Shown:
        """The form with what stands, to be changed to what it should have been."""
        standing = self._standing(visit)
        typed = typed_from(type(standing.fact), standing.data) | {"effective_on": standing.effective_on.isoformat()}
        return self._form(visit, standing, Draft.new(typed | {"decided_on": today(now).isoformat()}))

    def send_correction(self, visit: Visit, posted: Posted) -> Shown | Response:
        """What comes of sending the form."""
        standing = self._standing(visit)
        draft = Draft.of(posted)
        step = posted.fields.get("step", "check")
        if step == "edit":
            return self._form(visit, standing, draft)
        body, changes = self._correction(standing, draft)
        faults = self._missing(visit, draft)
        if not changes and not faults.fields:
            faults = Faults({}, visit.words("correct.unchanged"))
        if faults is NONE:
            faults = self._fields(visit, standing, draft)
        if faults is not NONE:
            return self._form(visit, standing, draft, faults)
        if step != "record":
            return self._check(visit, standing, draft, changes)
        done = self._record(visit, standing, draft, body)
        return self._form(visit, standing, draft, done) if isinstance(done, Faults) else done

    def retract(self, visit: Visit) -> Shown:
        """The form that takes an entry back."""
        return self._retraction(visit, self._standing(visit), Draft.new({"decided_on": today(now).isoformat()}))

    def send_retraction(self, visit: Visit, posted: Posted) -> Shown | Response:
        """What comes of sending the form: it is shown again, or recorded."""
        standing = self._standing(visit)
        draft = Draft.of(posted)
        faults = self._missing(visit, draft)
        if faults is not NONE:
            return self._retraction(visit, standing, draft, faults)
        body = {
            "type": "EventRetracted",
            "effective_on": draft.typed["decided_on"],
            "data": {"version": standing.version, "reasons": one_line(draft.typed["reasons"])},
        }
        done = self._record(visit, standing, draft, body)
        return self._retraction(visit, standing, draft, done) if isinstance(done, Faults) else done

    def _standing(self, visit: Visit) -> Standing:
        """The event that the address names, as it stands. Raises Refused where it isn't the account's to correct."""
        text = visit.parts["position"]
        if not text.isascii() or not text.isdigit() or len(text) > 15:  # noqa: PLR2004  # a position
            raise Refused(Code.NOT_FOUND, f"there is no entry {text[:20]}")
        standing = self._asking.standing(visit.reader, int(text))
        if not RECORDING_ROLES & visit.actor.roles:
            raise Refused(Code.NOT_ENTITLED, "this account records nothing")
        known = self._asking.histories.known_at(visit.moment.position)
        may_record(visit.actor, standing.record, standing.fact, known)
        return standing

    def _correction(self, standing: Standing, draft: Draft) -> tuple[dict[str, Any], dict[str, Any]]:
        """The event that corrects, and what it changes."""
        asked = specs(type(standing.fact))
        said = data_of(asked, draft.typed)
        names = dict.fromkeys(spec.path[0] for spec in asked)
        changes: dict[str, Any] = {name: said.get(name) for name in names if said.get(name) != standing.data.get(name)}
        data: dict[str, Any] = {"version": standing.version, "reasons": one_line(draft.typed.get("reasons", ""))}
        if changes:
            data["data"] = changes
        effective_on = one_line(draft.typed.get("effective_on", ""))
        if effective_on and effective_on != standing.effective_on.isoformat():
            data["effective_on"] = effective_on
            changes = {**changes, "effective_on": effective_on}
        body = {"type": "EventCorrected", "effective_on": draft.typed.get("decided_on", ""), "data": data}
        return body, changes

    def _missing(self, visit: Visit, draft: Draft) -> Faults:
        found: dict[str, str] = {}
        decided = draft.typed.get("decided_on", "")
        try:
            if date.fromisoformat(decided) > today(now):
                found["decided_on"] = visit.words("fault.date")
        except ValueError:
            found["decided_on"] = visit.words("fault.missing" if not decided else "fault.date")
        reasons = one_line(draft.typed.get("reasons", ""))
        if not reasons:
            found["reasons"] = visit.words("fault.missing")
        elif len(reasons) > REASONS:
            found["reasons"] = visit.words("fault.string_too_long", max_length=REASONS)
        return Faults(found) if found else NONE

    def _fields(self, visit: Visit, standing: Standing, draft: Draft) -> Faults:
        """What is wrong with the event as it would stand."""
        whole = {
            "type": standing.fact.event,
            "effective_on": draft.typed.get("effective_on", ""),
            "data": data_of(specs(type(standing.fact)), draft.typed),
        }
        found = checked(standing.record, whole, today(now), visit.words)
        return found if isinstance(found, Faults) else NONE

    def _record(self, visit: Visit, standing: Standing, draft: Draft, body: dict[str, Any]) -> Response | Faults:
        """Record it, and lead to the receipt; or what stands against it."""
        found = checked(standing.record, body, today(now), visit.words)
        if isinstance(found, Faults):
            return found
        recorded = self._forms.recorded(visit, draft, standing.record, found, body)
        return recorded if isinstance(recorded, Faults) else RedirectResponse(f"/receipt/{recorded}", 303)

    def _form(self, visit: Visit, standing: Standing, draft: Draft, faults: Faults = NONE) -> Shown:
        values = Values(self._asking, visit)
        kind, _, record_id = standing.record.partition("/")
        target = Target(type(standing.fact), kind, record_id)
        fixed = self._asking.histories.at(standing.record, visit.moment.position).aggregate.fixed
        asked = [spec for spec in specs(type(standing.fact)) if spec.path[0] not in fixed or standing.version != 1]
        fixed_specs = [spec for spec in specs(type(standing.fact)) if spec not in asked]
        context = {
            "standing": standing,
            "target": target,
            "record_link": values.record(standing.record),
            "draft": draft,
            "faults": faults,
            "fields": self._forms.fields(visit, target, asked, standing.data, values),
            "kept": [(spec.name, draft.typed.get(spec.name, "")) for spec in fixed_specs],
            "today": today(now),
            "action": visit.path,
        }
        return Shown(
            "correct_form.html",
            f"{visit.words('correct.title')}：{visit.words.event(kind, standing.fact.event)}",
            context,
            200 if faults is NONE else 422,
        )

    def _check(self, visit: Visit, standing: Standing, draft: Draft, changes: dict[str, Any]) -> Shown:
        values = Values(self._asking, visit)
        kind = standing.record.partition("/")[0]
        before = {**standing.data, "effective_on": standing.effective_on.isoformat()}
        context = {
            "standing": standing,
            "record_link": values.record(standing.record),
            "draft": draft,
            "changes": [
                (values.label(name), values.value(name, before.get(name)), values.value(name, value))
                for name, value in changes.items()
            ],
            "decided_on": date.fromisoformat(draft.typed["decided_on"]),
            "event": visit.words.event(kind, standing.fact.event),
            "action": visit.path,
            "hidden": hidden(draft),
        }
        return Shown("correct_check.html", visit.words("forms.check"), context)

    def _retraction(self, visit: Visit, standing: Standing, draft: Draft, faults: Faults = NONE) -> Shown:
        values = Values(self._asking, visit)
        kind = standing.record.partition("/")[0]
        context = {
            "standing": standing,
            "record_link": values.record(standing.record),
            "chips": values.chips(dict(standing.data)),
            "draft": draft,
            "faults": faults,
            "today": today(now),
            "action": visit.path,
        }
        title = f"{visit.words('retract.title')}：{visit.words.event(kind, standing.fact.event)}"
        return Shown("retract_form.html", title, context, 200 if faults is NONE else 422)
