"""What pages of some kinds of record show beside what every record's page shows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from api.web.values import Values
from api.web.visit import Visit
from application.asking import Asking
from domain import deduction
from domain.dispute import OwnAct, own_acts
from domain.fact import fen, yuan
from domain.records import AGGREGATES

State = Mapping[str, Any]

RULINGS: Final = ("RulingIssued", "FinalRulingIssued")
REASONS: Final[Mapping[OwnAct, str]] = {
    "imposed, served or revised the deduction": "decided",
    "spoke for a party": "spoke",
}


def of(kind: str, state: State, values: Values, visit: Visit, asking: Asking) -> dict[str, Any]:
    """What the template of that kind is filled with."""
    match kind:
        case "funding-allocations":
            return _funding(state)
        case "inspections":
            return _inspection(state, visit)
        case "disputes":
            return _dispute(state, values, visit, asking)
        case _:
            return {}


def _funding(state: State) -> dict[str, Any]:
    """What was approved and what came of it, in yuan."""
    approved = fen(state["amount"])
    disbursed, received, returned = (
        sum(fen(one["amount"]) for one in state[name]) for name in ("payments", "receipts", "returns")
    )
    sums = {
        "approved": approved,
        "disbursed": disbursed,
        "received": received,
        "returned": returned,
        "missing": max(0, approved - received + returned),
    }
    return {"sums": {name: yuan(amount) for name, amount in sums.items()}}


def _inspection(state: State, visit: Visit) -> dict[str, Any]:
    """Each finding with what was ordered, by when, and how it ended; days late until it was put right."""
    shown: list[dict[str, Any]] = []
    for one in state["findings"]:
        steps = one.get("steps", {})
        ordered, confirmed = steps.get("RectificationOrdered"), steps.get("RectificationConfirmed")
        ended_on = visit.moment.on if confirmed is None else date.fromisoformat(confirmed["effective_on"])
        late_by = 0 if ordered is None else (ended_on - date.fromisoformat(ordered["due_on"])).days
        shown.append(
            {
                **one,
                "due_on": None if ordered is None else ordered["due_on"],
                "ordered": ordered,
                "confirmed": confirmed,
                "rejected": steps.get("RectificationRejected"),
                "late_by": max(0, late_by),
            }
        )
    return {"rectified": shown}


def _dispute(state: State, values: Values, visit: Visit, asking: Asking) -> dict[str, Any]:
    """What was ruled, with what it took the place of; and who takes no part in deciding, with what bars them."""
    position, on = visit.moment.position, visit.moment.on
    dispute = asking.histories.at(f"disputes/{state['id']}", position).on(on)
    assessment = asking.histories.at(f"assessments/{state['assessment']}", position).on(on)
    if dispute is None or assessment is None:
        return {"rulings": [], "barred": []}
    points = dict(deduction.course(assessment, state["deduction"]))
    before = dict(zip([*points][1:], points.values(), strict=False))
    moved = {one.causation: one.position for one in deduction.revisions(assessment, state["deduction"])}
    rulings: list[dict[str, Any]] = []
    for event in RULINGS:
        ruling = state["steps"].get(event)
        if ruling is not None:
            revised = moved.get(ruling["position"])
            rulings.append(
                {
                    **ruling,
                    "title": visit.words.event("disputes", event),
                    "members": [values.value("person", one) for one in ruling["panel"]],
                    "supersedes": rulings[-1]["position"] if rulings else None,
                    "revised": revised,
                    "from_points": before.get(revised or 0),
                    "to_points": points.get(revised or 0),
                }
            )
    barred = [
        _barred(act.position, act.fact.event, f"dispute.barred.{REASONS[what]}", values, visit, asking)
        for what, acts in own_acts(dispute, assessment).items()
        for act in acts
        if act.person is not None
    ]
    if rulings and state["final_on"] is None:
        first, event = rulings[0], RULINGS[0]
        barred += [
            {"who": one, "what": visit.words.event("disputes", event), "why": "dispute.barred.ruled",
             "position": first["position"]}
            for one in first["members"]
        ]  # fmt: skip
    return {"rulings": rulings, "barred": barred}


def _barred(position: int, event: str, why: str, values: Values, visit: Visit, asking: Asking) -> dict[str, Any]:
    entry: dict[str, Any] = asking.entry(visit.reader, position)
    what = next(visit.words.event(kind, event) for kind, one in AGGREGATES.items() if one.fact(event))
    return {"who": values.offices.who(entry["recorded_by"]), "what": what, "why": why, "position": position}
