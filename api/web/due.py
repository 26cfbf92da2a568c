"""What is to be done and by when, and what the rules find, as pages show it of one record or of many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from api.composition import Taizhang
from api.web.explanation import Explanation, FindingShown
from api.web.values import Values
from api.web.visit import Visit
from application.work import Duty


class Judged(NamedTuple):
    """What the rules say of one record in a year."""

    year: int
    found: Sequence[Mapping[str, Any]]
    """As clients see it."""
    shown: Sequence[FindingShown]
    """As pages show it."""


class Dated(NamedTuple):
    """Something with a day by which it was to be done."""

    title: str
    due_on: date
    done_on: date | None
    late_by: int
    """Days past that day when it was done, or on the asked day while it isn't."""


class Due:
    """Says what is due."""

    def __init__(self, taizhang: Taizhang) -> None:
        self._histories = taizhang.asking.histories
        self._scores = taizhang.scores
        self._work = taizhang.work
        self._explanation = Explanation(taizhang)

    def judged(
        self, record: str, state: Mapping[str, Any], values: Values, visit: Visit, *, with_evidence: bool = True
    ) -> Judged:
        """What the rules say of a record: in the year that it is about, or else in that of the asked day."""
        year = state.get("year") or visit.moment.on.year
        new_city = self._histories.known_at(visit.moment.position).new_city_of(record)
        found: Sequence[Mapping[str, Any]] = (
            ()
            if new_city is None
            else self._scores.about(visit.reader, record, new_city, year, visit.moment, visit.scheme)
        )
        shown = [self._explanation.finding(one, values, visit) for one in found] if with_evidence else ()
        return Judged(year, found, shown)

    def dated(self, state: Mapping[str, Any], values: Values, visit: Visit) -> list[Dated]:
        """What has a day in a record: what rules ask of it, and what its procedure waits for; the overdue first."""
        found = self.judged(f"{state['kind']}/{state['id']}", state, values, visit, with_evidence=False).found
        waiting = [one for one in self._work.of_record(state, visit.moment, ()) if one.due_on is not None]
        shown = [
            *(
                _dated(values.rule(one["rule"]), one["figures"]["due_on"], one["figures"].get("done_on"), visit)
                for one in found
                if isinstance(one["figures"].get("due_on"), str)
            ),
            *(
                _dated(visit.words.event(state["kind"], one.event or ""), str(one.due_on), None, visit)
                for one in waiting
            ),
        ]
        return sorted(shown, key=lambda one: (one.done_on is not None, -one.late_by, one.due_on))

    def tasks(
        self, state: Mapping[str, Any], found: Sequence[Mapping[str, Any]], values: Values, visit: Visit
    ) -> list[dict[str, Any]]:
        """What is to be done of a record."""
        return [task(one, values, visit) for one in self._work.of_record(state, visit.moment, found)]


def _dated(title: str, due_on: str, done_on: object, visit: Visit) -> Dated:
    due, done = date.fromisoformat(due_on), date.fromisoformat(done_on) if isinstance(done_on, str) else None
    return Dated(title, due, done, max(0, ((done or visit.moment.on) - due).days))


def task(duty: Duty, values: Values, visit: Visit) -> dict[str, Any]:
    """A duty as a line of a list; `form` is where it is recorded, for whom it concerns."""
    kind = duty.record.partition("/")[0]
    by_form = duty.event is not None and not visit.is_past and duty.concerns(visit.actor)
    office, _, bureau = duty.office.partition(" ")
    return {
        **duty.shown(),
        "title": values.rule(duty.rule or "") if duty.event is None else visit.words.event(kind, duty.event),
        "form": f"/record/{duty.record}/{duty.event}" if by_form else None,
        "days": None if duty.due_on is None else (date.fromisoformat(duty.due_on) - visit.moment.on).days,
        "who": values.offices.office(office, bureau or None, ()),
    }
