"""Making reports: what is asked, what it rests on, and what the things in it are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from application.asking import Asking
from application.assessment_report import Names, assessment_report, named_in
from application.dispute_report import dispute_report
from application.moments import Moment
from application.reporting import Report
from application.rights import Reader
from application.score_answers import ScoreAnswers
from domain.ledger import DEMONSTRATION

_EVERYTHING = Reader("system", everything=True)
"""Reads what a published result was published by: the document is everyone's."""


class Reports:
    """Makes reports. Every method raises Refused for a bad question, or one that the reader may not ask."""

    def __init__(self, asking: Asking, scores: ScoreAnswers) -> None:
        self._asking = asking
        self._scores = scores

    def assessment(
        self, reader: Reader, year: int, moment: Moment, scheme: str | None, new_city: str | None = None
    ) -> Report:
        """The assessment of a year, of all New Cities or of one."""
        data, chosen = self._scores.report(reader, year, moment, scheme, new_city)
        keys = self._asking.verifier_keys(moment)
        return assessment_report(
            data,
            self._asking.provenance(moment, chosen),
            Names(self._asking.called(named_in(data["scores"]), moment)),
            keys,
            number=self._number(data["scores"]),
            demonstration=any(key.startswith(DEMONSTRATION) for key in keys),
        )

    def dispute(self, reader: Reader, dispute: str, moment: Moment) -> Report:
        """A dispute with both sides, its limits and what was ruled."""
        data: dict[str, Any] = self._asking.record(reader, "disputes", dispute, moment)
        path = f"assessments/{data['assessment']}"
        opened = self._asking.histories.at(path, moment.position).state
        scheme = None if opened is None else str(opened.value("scheme"))
        new_city = data["assessment"].partition("-")[2]
        paths = [f"new-cities/{new_city}", f"schemes/{scheme}", data["disputed"]["about"]]
        keys = self._asking.verifier_keys(moment)
        return dispute_report(
            data,
            self._asking.provenance(moment, scheme),
            Names(self._asking.called(paths, moment)),
            keys,
            demonstration=any(key.startswith(DEMONSTRATION) for key in keys),
        )

    def _number(self, scores: Iterable[Mapping[str, Any]]) -> str | None:
        """The 发文字号 that all the scores were published by; None where it isn't one."""
        numbers: set[str | None] = set()
        for score in scores:
            steps: Mapping[str, Any] = {} if score["record"] is None else score["record"]["steps"]
            published: Mapping[str, Any] | None = score.get("published") or steps.get("ResultPublished")
            if published is None:
                return None
            entry: dict[str, Any] = self._asking.entry(_EVERYTHING, published["position"])
            document: Mapping[str, Any] = entry["document"] or {}
            numbers.add(document.get("number"))
        return numbers.pop() if len(numbers) == 1 else None
