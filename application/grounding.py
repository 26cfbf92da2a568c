"""扣分依据: whether the ledger bears a deduction out, by what the rules and inspections say of it. Clause 8.4.

A deduction is tied to findings by its indicator and the record that it is about: the rules of the indicator, looked at
as known at `computed_at`. Where none of them finds anything there, an inspection's finding may bear it out instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from application.assessing import Assessing
from application.decided import Ground, inspected
from application.histories import Histories
from domain.deduction import CLAUSE, DeductionImposed
from domain.procedure import cap_of
from domain.refusals import Code, FieldError, Refused
from domain.scoring import Judged

_SHOWN_FIGURES = 6
"""Figures of a finding that a refusal quotes at most."""


class Grounding:
    """Looks again at what a deduction is imposed for. Raises Refused where nothing bears it out."""

    def __init__(self, histories: Histories, assessing: Assessing) -> None:
        self._histories = histories
        self._assessing = assessing

    def check(self, new_city: str, year: int, scheme: str, fact: DeductionImposed, on: date, head: int) -> None:
        """Compare a deduction with the ledger as known at its `computed_at`, about its day.

        Raises Refused: not-borne-out where neither a rule nor an inspection finds anything, saying what the rules say
        instead; already-deducted where each finding has been deducted for.
        """
        records = self._histories.known_at(head)
        if cap_of(scheme, fact.indicator, records) is None or records.new_city_of(fact.about) != new_city:
            return  # refused for that by whoever judges
        ground = Ground(new_city, year, fact.indicator, fact.about, fact.computed_at, on, scheme)
        judged = self._assessing.judged_then(ground, head)
        found = [one for one in judged if one.finding.outcome == "found"]
        known = self._histories.known_at(ground.computed_at)
        if not found and not inspected(ground, fact.evidence_positions, known):
            raise Refused(
                Code.NOT_BORNE_OUT,
                f"as known at {fact.computed_at}, {_instead(ground, judged)}; no inspection found anything either",
                clause=CLAUSE,
                positions=sorted({position for one in judged for position in one.finding.evidence}),
                errors=[FieldError("/data/computed_at", "nothing was found about this record there")],
            )
        alike = self._alike(f"assessments/{year}-{new_city}", fact, head)
        if len(alike) >= max(1, len(found)):
            raise Refused(
                Code.ALREADY_DEDUCTED,
                f"{len(found)} finding(s) of {fact.indicator} about {fact.about}, and {len(alike)} deducted for",
                clause=CLAUSE,
                positions=alike,
            )

    def _alike(self, path: str, fact: DeductionImposed, head: int) -> list[int]:
        assessment = self._histories.at(path, head).state
        return [
            item.opened.position
            for item in (() if assessment is None else assessment.items("deductions").values())
            if (item.value("indicator"), item.value("about")) == (fact.indicator, fact.about)
        ]


def _instead(ground: Ground, judged: Sequence[Judged]) -> str:
    """What the rules say where none of them finds anything."""
    if not judged:
        return f"no rule of {ground.indicator} says anything about {ground.about}"
    said: list[str] = []
    for one in judged:
        figures = [f"{name} {value}" for name, value in list(one.finding.figures.items())[:_SHOWN_FIGURES]]
        missing = [f"missing {', '.join(one.finding.missing)}"] if one.finding.missing else []
        said.append(f"{one.rule} of {ground.about} is {one.finding.outcome} ({'; '.join([*figures, *missing])})")
    return " and ".join(said)
