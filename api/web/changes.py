"""Why a score changed between two times of knowing: each point put down to what moved it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from api.composition import Taizhang
from api.web.formatting import stamp
from api.web.shell import Shown
from api.web.values import Values
from api.web.visit import Visit
from application.moments import Moment
from application.score_answers import parts_of
from application.score_json import PUBLISHED
from domain.refusals import Code, Refused

PARAMETERS: Final = ("from_known_at", "to_known_at")
USUAL: Final = timedelta(days=7)
"""How far back the comparison begins where no result is published."""


class Changes:
    """The comparison of one score at two times."""

    def __init__(self, taizhang: Taizhang) -> None:
        self._asking = taizhang.asking
        self._scores = taizhang.scores

    def page(self, visit: Visit) -> Shown:
        """The page; without times, from the publication, or from the log's beginning, to the moment."""
        query, assessment = visit.query, visit.parts["id"]
        year, new_city = parts_of(assessment)
        on = query.get("on")
        later = query.get("to_known_at") or query.get("known_at")
        end = self._asking.moment(later or None, on, None)
        if end.known_at is None:
            raise Refused(Code.NOT_FOUND, "nothing is recorded yet")
        asked = query.get("from_known_at") or self._usual(assessment, visit)
        earlier = asked or stamp(end.known_at - USUAL)
        start = self._asking.moment(earlier, end.on.isoformat(), None)
        if asked is None and not self._stood(visit, new_city, start):
            start, earlier = end, str(end.position)
        values = Values(self._asking, visit)
        found, scheme = self._scores.difference(visit.reader, assessment, start, end, visit.scheme)
        difference: dict[str, Any] = dict(found)
        record: dict[str, Any] = self._asking.record(visit.reader, "schemes", scheme, end)
        titles = {one["indicator"]: one["title"] for one in record["indicators"]}
        city = values.offices.new_city(new_city)
        context: dict[str, Any] = {
            "assessment": assessment,
            "year": year,
            "city": city,
            "difference": difference,
            "titles": titles,
            "earlier": earlier,
            "later": later or "",
            "sums": {
                which: sum(
                    (Decimal(one["points"]) for one in difference["causes"] if one["score"] == which), Decimal(0)
                )
                for which in ("official", "indicative")
            },
            "start": start,
            "end": end,
        }
        return Shown("changes.html", visit.words("diff.title", city=city, year=year), context)

    def _usual(self, assessment: str, visit: Visit) -> str | None:
        """The position at which the result was published."""
        shown, _ = self._scores.assessment(visit.reader, assessment, visit.moment, visit.scheme)
        record: Any = shown["record"]
        published: Any = record and record["steps"].get(PUBLISHED)
        return str(published["position"]) if published else None

    def _stood(self, visit: Visit, new_city: str, moment: Moment) -> bool:
        """Whether the New City was on record at a moment."""
        try:
            self._asking.record(visit.reader, "new-cities", new_city, moment)
        except Refused:
            return False
        return True
