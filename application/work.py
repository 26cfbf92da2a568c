"""待办: what is to be done, by whom and by when, worked out from what the records are shown as at the same times.

A duty follows from a procedure that has begun and not ended, or from a rule that finds a deadline passed. Nothing is
kept of it: asked at a position and a day, it is what it was then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from application.asking import Asking
from application.listing import Filters
from application.moments import Moment
from application.rights import Reader
from application.score_answers import Question, ScoreAnswers
from domain.fact import JsonValue
from domain.offices import Actor
from domain.refusals import Code, Refused
from domain.rules import RULES

RECORDS_LIMIT: Final = 2_000
"""Records of a kind that are looked through at most; of more, the first by id."""
FINDINGS_LIMIT: Final = 500
"""Findings of passed deadlines that are taken up at most."""
_PAGE: Final = 500

_RULED_BY: Final = {"accept": "DisputeAccepted", "rule": "RulingIssued", "rule-finally": "FinalRulingIssued"}
_CONVERSION: Final = {
    "proposed": ("VillagersAssented", "township", None),
    "returned": ("ConversionResubmitted", "township", None),
    "assented": ("ProcedurePassed", "new-city", "civil-affairs"),
    "passed": ("ConversionApproved", "new-city", "committee"),
}
"""What follows each status of a conversion, and whose it is."""

Shown = Mapping[str, Any]


class Duty(NamedTuple):
    """One thing to be done."""

    record: str
    event: str | None
    """The event that does it; None where several may."""
    rule: str | None
    """The rule that finds it undone."""
    office: str
    """Whose it is: a role of the New Area, or an office with its bureau where only that one may."""
    due_on: str | None
    overdue: bool
    position: int
    """The entry that it follows from."""
    clause: str | None

    def concerns(self, actor: Actor) -> bool:
        """Whether it is the actor's."""
        office, _, bureau = self.office.partition(" ")
        return office in actor.roles or (office == actor.office and bureau in {"", actor.bureau})

    def shown(self) -> dict[str, JsonValue]:
        """As clients see it."""
        return self._asdict()


class Work:
    """Says what is to be done."""

    def __init__(self, asking: Asking, scores: ScoreAnswers) -> None:
        self._asking = asking
        self._scores = scores

    def duties(self, reader: Reader, moment: Moment, scheme: str | None = None) -> list[Duty]:
        """What is to be done in records that the reader may read: of procedures, then of rules; the overdue first.

        Raises Refused as lists do.
        """
        moment, on = moment._replace(is_current=False), moment.on.isoformat()  # one position for all lists
        disputes = [*self._records(reader, "disputes", moment)]
        open_ = {(one["assessment"], one["deduction"]): one["final_on"] is None for one in disputes}
        found = [
            *(duty for one in disputes for duty in _of_dispute(one, on)),
            *(duty for one in self._records(reader, "assessments", moment) for duty in _of_assessment(one, open_, on)),
            *(duty for one in self._records(reader, "inspections", moment) for duty in _of_inspection(one, on)),
            *self._of_conversions(reader, moment),
            *self._of_findings(reader, moment, scheme),
        ]
        return sorted(found, key=lambda one: (one.event is None, not one.overdue, one.due_on or "9999", one))

    def of_record(self, shown: Shown, moment: Moment, findings: Iterable[Shown]) -> list[Duty]:
        """What is to be done of one record as it is shown, and as the rules find it."""
        on = moment.on.isoformat()
        match shown["kind"]:
            case "disputes":
                found = [*_of_dispute(shown, on)]
            case "inspections":
                found = [*_of_inspection(shown, on)]
            case "conversion-cases":
                found = [*self._of_conversion(shown, moment)]
            case _:
                found = []
        return [*found, *(duty for one in findings for duty in _of_finding(one))]

    def _records(self, reader: Reader, kind: str, moment: Moment, status: str | None = None) -> Iterator[Shown]:
        cursor: str | None = None
        for _ in range(RECORDS_LIMIT // _PAGE):
            page, cursor, _ = self._asking.listing(reader, kind, Filters(status=status), moment, _PAGE, cursor)
            yield from page
            if cursor is None:
                return

    def _of_conversions(self, reader: Reader, moment: Moment) -> Iterator[Duty]:
        for status in _CONVERSION:
            for case in self._records(reader, "conversion-cases", moment, status):
                yield from self._of_conversion(case, moment)

    def _of_conversion(self, case: Shown, moment: Moment) -> Iterator[Duty]:
        if case["status"] not in _CONVERSION:
            return
        event, level, bureau = _CONVERSION[case["status"]]
        village = self._asking.histories.at(f"villages/{case['village']}", moment.position).state
        unit = None if village is None else village.value("new_city" if level == "new-city" else "township_code")
        office = f"{level}:{unit}" if bureau is None else f"{level}:{unit} {bureau}"
        yield Duty(_path(case), event, None, office, None, overdue=False, position=_last(case), clause="3.1")

    def _of_findings(self, reader: Reader, moment: Moment, scheme: str | None) -> Iterator[Duty]:
        """Deadlines of the day's year that the rules find passed, and not met since."""
        asked = Question(moment.on.year, outcome="found")
        try:
            findings, _, _ = self._scores.findings(reader, asked, moment, scheme, "", FINDINGS_LIMIT)
        except Refused as refusal:
            if refusal.code is not Code.NO_SCHEME:
                raise
            return
        for one in findings:
            yield from _of_finding(one)


def of_office(duties: Iterable[Duty], actor: Actor) -> list[Duty]:
    """Those that are the actor's; of one who acts for no office, all."""
    everything = not actor.roles & {"recorder", "inspectorate", "arbiter"}
    return [one for one in duties if everything or one.concerns(actor)]


def _path(shown: Shown) -> str:
    return f"{shown['kind']}/{shown['id']}"


def _last(shown: Shown) -> int:
    """The last entry of a procedure's steps, or of its fields where it has taken none."""
    positions: list[int] = [one["position"] for one in (shown["steps"] or shown["values"]).values()]
    return max(positions)


def _of_dispute(dispute: Shown, on: str) -> Iterator[Duty]:
    """What the arbiters owe an answer to. A review may be requested, and need not be."""
    if dispute["final_on"] is not None:
        return
    for limit in dispute["limits"]:
        event = _RULED_BY.get(limit["step"])
        if event is None or limit["done_on"] is not None:
            continue
        if event == "RulingIssued" and "HearingHeld" not in dispute["steps"]:
            event = "HearingHeld"
        yield _duty(dispute, event, "arbiter", limit["due_on"], on, _last(dispute))


def _of_assessment(assessment: Shown, disputes: Mapping[tuple[str, str], bool], on: str) -> Iterator[Duty]:
    """What deductions and results wait for; `disputes` says of those filed whether they are undecided."""
    mine = {one["deduction"]: disputes.get((assessment["id"], one["deduction"])) for one in assessment["deductions"]}
    new_city = f"new-city:{assessment['new_city']}"
    for one in assessment["deductions"]:
        if one["status"] == "revoked":
            continue
        if one["dispute_by"] is None:
            yield _duty(assessment, "NoticeServed", "inspectorate", None, on, one["position"])
        elif mine[one["deduction"]] is None and one["dispute_by"] >= on:
            yield _duty(assessment, "DisputeFiled", new_city, one["dispute_by"], on, one["position"])
    results = assessment["results"]
    if not results or results[-1]["superseded"]:
        yield _duty(assessment, "ResultPublished", "inspectorate", None, on, _last(assessment))
    elif assessment["status"] == "published" and not any(mine.values()):
        yield _duty(assessment, "AssessmentFinalised", "inspectorate", None, on, results[-1]["position"])


def _of_inspection(inspection: Shown, on: str) -> Iterator[Duty]:
    for one in inspection["findings"]:
        steps = one.get("steps", {})
        ordered = steps.get("RectificationOrdered")
        if "RectificationConfirmed" in steps:
            continue
        if ordered is None:
            yield _duty(inspection, "RectificationOrdered", "inspectorate", None, on, one["position"])
        else:
            at, due_on = ordered["position"], ordered["due_on"]
            yield _duty(inspection, "RectificationConfirmed", "inspectorate", due_on, on, at)


def _of_finding(finding: Shown) -> Iterator[Duty]:
    """A deadline that passed and was not met since."""
    figures, evidence = finding["figures"], finding["evidence"]
    due_on = figures.get("due_on")
    if finding["outcome"] == "found" and isinstance(due_on, str) and figures.get("done_on") is None and evidence:
        against = RULES[finding["rule"]].against
        office = "new-area" if against == "new-area" else f"new-city:{finding['new_city']}"
        yield Duty(
            finding["about"], None, finding["rule"], office, due_on, overdue=True,
            position=max(evidence), clause=finding["clause"],
        )  # fmt: skip


def _duty(shown: Shown, event: str, office: str, due_on: str | None, on: str, position: int) -> Duty:
    overdue = due_on is not None and due_on < on
    return Duty(_path(shown), event, None, office, due_on, overdue=overdue, position=position, clause="8.4")
