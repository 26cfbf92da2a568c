"""The start page: what is due by the reader's office, where to begin, and what was recorded last."""

from __future__ import annotations

from typing import Any, Final

from api.composition import Taizhang
from api.web.due import task
from api.web.shell import Shown
from api.web.timeline import happening
from api.web.values import Values
from api.web.visit import Visit
from application.work import of_office

RECENT: Final = 8
"""Entries shown as recorded last."""
TASKS: Final = 20
"""Duties shown; of more, the number is told."""
KINDS: Final = (
    "communities", "villages", "conversion-cases", "estates", "funding-allocations", "new-cities", "new-area",
    "inspections", "schemes",
)  # fmt: skip


class Start:
    """The page that everyone begins at."""

    def __init__(self, taizhang: Taizhang) -> None:
        self._asking = taizhang.asking
        self._yardsticks = taizhang.assessing.yardsticks
        self._work = taizhang.work

    def page(self, visit: Visit) -> Shown:
        """Today's tasks."""
        values = Values(self._asking, visit)
        position = visit.moment.position
        found, _ = self._asking.entries(visit.reader, max(0, position - 4 * RECENT), 4 * RECENT, visit.moment)
        recent = [happening(entry, 0, values, visit.words, {}) for entry in reversed(found[-RECENT:])]
        duties = of_office(self._work.duties(visit.reader, visit.moment, visit.scheme), visit.actor)
        context: dict[str, Any] = {
            "tasks": [task(one, values, visit) for one in duties[:TASKS]],
            "duties": len(duties),
            "values": values,
            "recent": recent,
            "kinds": [kind for kind in KINDS if self._readable(visit, kind)],
            "years": self._yardsticks.years(visit.moment.on.year, visit.moment.position),
        }
        return Shown("start.html", visit.words("home.title"), context)

    def _readable(self, visit: Visit, kind: str) -> bool:
        return visit.reader.may_read(kind, next(iter(visit.reader.new_cities), None))
