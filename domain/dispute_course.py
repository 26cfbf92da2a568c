"""申诉进程: what a dispute is seen with: lateness, limits, evidence known before and after, whether it is decided.

All of it follows from the dispute and its assessment as they are on a day, and from the scheme's procedure. Days are
effective days; nothing here reads a clock. What happens when a side lets its time pass is said in `LAPSES`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, Protocol

from domain import deduction
from domain.aggregate import Beside, Records
from domain.fact import JsonValue
from domain.procedure import procedure_by
from domain.state import State, Step
from domain.working_days import DaysAre, UnknownYear, day_after

Name = Literal["file", "accept", "rule", "request-review", "rule-finally"]

LAPSES: Final[Mapping[Name, tuple[str, str]]] = MappingProxyType(
    {
        "file": ("answered-with-reasons", "逾期提出的申诉照录,受理与否由仲裁员说明理由"),
        "accept": ("stays-contested", "逾期未答复的申诉不失效,扣分继续列为争议"),
        "rule": ("stays-contested", "逾期未裁定的申诉不失效,扣分继续列为争议"),
        "request-review": ("ruling-final", "逾期未申请复审,裁定自期限届满之次日起终局"),
        "rule-finally": ("first-ruling-holds", "逾期未作终审裁定,原裁定继续有效,扣分继续列为争议"),
    }
)
"""What comes of it when a step is not taken in time: a stable word, and the sentence that explains it."""


class Procedure(Protocol):
    """What the limits are counted by (`domain.scheme.Procedure`)."""

    @property
    def days_to_accept(self) -> int:
        """From the filing to its answer."""
        ...

    @property
    def days_to_rule(self) -> int:
        """From the acceptance to the ruling."""
        ...

    @property
    def days_to_request_review(self) -> int:
        """From the ruling to a request for its review."""
        ...

    @property
    def days_to_rule_finally(self) -> int:
        """From that request to the final ruling."""
        ...

    @property
    def days_are(self) -> DaysAre:
        """What they count."""
        ...


class Limit(NamedTuple):
    """A time within which a side is to act, and what became of it by the asked day."""

    step: Name
    due_on: date | UnknownYear
    """The last day in time."""
    done: Step[Any] | None
    """The step taken, or the one that made it needless."""
    on: date
    """The asked day."""

    @property
    def late(self) -> bool:
        """Whether the step came after its day."""
        return self.done is not None and isinstance(self.due_on, date) and self.done.effective_on > self.due_on

    @property
    def lapsed(self) -> bool:
        """Whether the day has passed without the step."""
        return self.done is None and isinstance(self.due_on, date) and self.on > self.due_on


def review_by(ruled: Step[Any], procedure: Procedure) -> date | UnknownYear:
    """The last day on which a review of the ruling may be requested."""
    return day_after(ruled.effective_on, procedure.days_to_request_review, procedure.days_are)


def limits(dispute: State, assessment: State, procedure: Procedure, on: date) -> Iterator[Limit]:
    """The limits that have begun to run by a day, in their order.

    The one to file runs from the notice; a deduction of which none states the right has none.
    """
    steps = dispute.steps
    served = deduction.notice(assessment, dispute.value("deduction"))
    if served is not None:
        yield Limit("file", served.fact.dispute_by, steps["DisputeFiled"], on)

    def limit(step: Name, start: str, days: int, *ends: str) -> Iterator[Limit]:
        begun = steps.get(start)
        if begun is not None:
            done = next((steps[one] for one in (*ends, "DisputeWithdrawn") if one in steps), None)
            yield Limit(step, day_after(begun.effective_on, days, procedure.days_are), done, on)

    yield from limit("accept", "DisputeFiled", procedure.days_to_accept, "DisputeAccepted", "DisputeDeclined")
    yield from limit("rule", "DisputeAccepted", procedure.days_to_rule, "RulingIssued")
    yield from limit("request-review", "RulingIssued", procedure.days_to_request_review, "ReviewRequested")
    yield from limit("rule-finally", "ReviewRequested", procedure.days_to_rule_finally, "FinalRulingIssued")


def final_on(dispute: State, procedure: Procedure, on: date) -> date | None:
    """The day since when it is finally decided: by the final ruling, a refusal to hear it, or for want of a review."""
    for event in ("FinalRulingIssued", "DisputeDeclined", "DisputeWithdrawn"):
        if event in dispute.steps:
            return dispute.steps[event].effective_on
    if dispute.status != "ruled":
        return None
    last = review_by(dispute.steps["RulingIssued"], procedure)
    return last + timedelta(days=1) if isinstance(last, date) and on > last else None


def contested(dispute: State, procedure: Procedure, on: date) -> bool:
    """Whether the deduction is in dispute: until it is declined, withdrawn, or finally decided."""
    return final_on(dispute, procedure, on) is None


def _late(dispute: State, records: Records, on: date) -> JsonValue:
    assessment, _ = _seen_with(dispute, records, on)
    served = deduction.notice(assessment, dispute.value("deduction"))
    return served is not None and dispute.steps["DisputeFiled"].effective_on > served.fact.dispute_by


def _contested(dispute: State, records: Records, on: date) -> JsonValue:
    _, procedure = _seen_with(dispute, records, on)
    return contested(dispute, procedure, on)


def _final_on(dispute: State, records: Records, on: date) -> JsonValue:
    _, procedure = _seen_with(dispute, records, on)
    since = final_on(dispute, procedure, on)
    return None if since is None else since.isoformat()


def _limits(dispute: State, records: Records, on: date) -> JsonValue:
    assessment, procedure = _seen_with(dispute, records, on)
    return [_limit_json(one, records) for one in limits(dispute, assessment, procedure, on)]


def _limit_json(limit: Limit, records: Records) -> dict[str, JsonValue]:
    done, due_on = limit.done, limit.due_on
    recorded = None if done is None else records.entry_at(done.position)
    word, sentence = LAPSES[limit.step] if limit.late or limit.lapsed else (None, None)
    return {
        "step": limit.step,
        "due_on": due_on.isoformat() if isinstance(due_on, date) else None,
        "unknown_year": due_on.year if isinstance(due_on, UnknownYear) else None,
        "done_on": None if done is None else done.effective_on.isoformat(),
        "done_by": None if done is None else done.fact.event,
        "position": None if done is None else done.position,
        "recorded_at": None if recorded is None else recorded.recorded_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "late": limit.late,
        "lapsed": limit.lapsed,
        "consequence": word,
        "explanation": sentence,
    }


def _evidence(dispute: State, records: Records, on: date) -> JsonValue:
    """What each party cites, and whether it was in the ledger when the deduction was imposed: by position alone."""
    assessment, _ = _seen_with(dispute, records, on)
    imposed = assessment.items("deductions")[dispute.value("deduction")].opened.position
    return [
        {
            "position": position,
            "party": item.value("party"),
            "known_at_decision": position <= imposed,
            "submitted_at": item.opened.position,
        }
        for item in dispute.items("submissions").values()
        for position in item.opened.fact.value("positions") or ()
    ]


def _seen_with(dispute: State, records: Records, on: date) -> tuple[State, Procedure]:
    path = f"assessments/{dispute.value('assessment')}"
    assessment = records.state(path, on)
    if assessment is None or dispute.value("deduction") not in assessment.items("deductions"):
        assessment = records.state(path)  # a filing may be dated, by a correction, before what it is about
    if assessment is None:
        raise TypeError(path)
    return assessment, procedure_by(assessment.value("scheme"), records)


def _deduction(dispute: State, records: Records, on: date) -> JsonValue:
    assessment, _ = _seen_with(dispute, records, on)
    shown = deduction.deduction_json(assessment, dispute.value("deduction"))
    return {name: value for name, value in shown.items() if name not in {"recipient", "steps"}}


SHOWN: Final[Mapping[str, Beside]] = MappingProxyType(
    {
        "late": _late,
        "contested": _contested,
        "final_on": _final_on,
        "limits": _limits,
        "evidence": _evidence,
        "disputed": _deduction,
    }
)
"""What a dispute is shown with, by name: `disputed` is the deduction as it stands."""
