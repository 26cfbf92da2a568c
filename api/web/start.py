"""The start page: what is due by the reader's office, where to begin, and what was recorded last."""

from __future__ import annotations

from typing import Any, Final

from api.composition import Taizhang
from api.web.shell import Shown
from api.web.timeline import happening
from api.web.values import Values
from api.web.visit import Visit

RECENT: Final = 8
"""Entries shown as recorded last."""
YEARS: Final = 3
"""Years whose assessments are linked."""
KINDS: Final = (
    "communities", "villages", "conversion-cases", "estates", "funding-allocations", "new-cities", "new-area",
    "inspections", "schemes",
)  # fmt: skip


class Start:
    """The page that everyone begins at."""

    def __init__(self, taizhang: Taizhang) -> None:
        self._asking = taizhang.asking
        self._yardsticks = taizhang.assessing.yardsticks

    def page(self, visit: Visit) -> Shown:
        """Today's tasks."""
        values = Values(self._asking, visit)
        position = visit.moment.position
        found, _ = self._asking.entries(visit.reader, max(0, position - 4 * RECENT), 4 * RECENT, visit.moment)
        recent = [happening(entry, 0, values, visit.words, {}) for entry in reversed(found[-RECENT:])]
        context: dict[str, Any] = {
            "values": values,
            "recent": recent,
            "kinds": [kind for kind in KINDS if self._readable(visit, kind)],
            "years": self.years(visit),
        }
        return Shown("start.html", visit.words("home.title"), context)

    def years(self, visit: Visit) -> list[int]:
        """The last years that a scheme judges, the newest first."""
        latest = visit.moment.on.year
        judged = [one for one in range(latest, 2018, -1) if self._yardsticks.of_year(one, visit.moment.position)]
        return judged[: YEARS + 5]

    def _readable(self, visit: Visit, kind: str) -> bool:
        return visit.reader.may_read(kind, next(iter(visit.reader.new_cities), None))
