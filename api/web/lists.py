"""Lists of records of one kind, filtered and in pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from api.composition import Taizhang
from api.http import queries
from api.web.due import Due
from api.web.shell import Shown
from api.web.values import Values
from api.web.visit import Visit
from application.listing import Filters
from domain.records import AGGREGATES

PARAMETERS: Final = ("new_city", "township", "status", "q", "limit", "cursor")
COLUMNS: Final = {
    "new-area": ("name",),
    "new-cities": ("name", "registered_kind"),
    "communities": ("name", "new_city", "township", "origin", "households"),
    "villages": ("name", "new_city", "township", "households"),
    "conversion-cases": ("community_name", "village", "community"),
    "estates": ("name", "new_city", "township", "households_planned", "households"),
    "funding-allocations": ("new_city", "year", "bearer", "purpose", "amount"),
    "schemes": ("title", "effective_from"),
    "inspections": ("subject", "new_city"),
    "assessments": ("new_city", "year", "scheme"),
    "disputes": ("assessment", "deduction", "late"),
    "accounts": ("person", "office", "bureau", "roles"),
    "ledger": ("origin",),
}
"""The columns of each kind's list: fields of the record's state."""
FIGURES: Final = frozenset({"households", "households_planned", "amount", "year"})
SIBLINGS: Final = (
    ("new-cities", "communities", "villages", "estates"),
    ("assessments", "disputes", "inspections"),
    ("schemes", "new-area", "ledger", "accounts"),
)
"""Kinds whose lists stand side by side."""
STATUSES: Final = {
    "communities": ("active", "split", "merged", "dissolved"),
    "villages": ("standing", "demolished", "converting", "converted"),
    "conversion-cases": (
        "proposed", "assented", "returned", "passed", "approved", "completed", "refused", "declined", "withdrawn",
    ),
    "estates": ("registered", "accepted", "handed-over"),
    "funding-allocations": ("approved", "part-paid", "paid"),
    "inspections": ("open", "closed"),
    "assessments": ("open", "published", "finalised"),
    "disputes": ("filed", "accepted", "declined", "ruled", "review", "final", "withdrawn"),
}  # fmt: skip


DATED: Final = frozenset({"conversion-cases", "estates", "funding-allocations", "inspections", "disputes"})
"""Kinds whose lists show what has a day: what rules ask for and what procedures wait for."""


class Lists:
    """Pages of records."""

    def __init__(self, taizhang: Taizhang) -> None:
        self._asking = taizhang.asking
        self._yardsticks = taizhang.assessing.yardsticks
        self._due = Due(taizhang)

    def of(self, kind: str) -> Callable[[Visit], Shown]:
        """The list of a kind."""

        def page(visit: Visit) -> Shown:
            return self._list(kind, visit)

        return page

    def _list(self, kind: str, visit: Visit) -> Shown:
        query = visit.query
        filters = Filters(*(query.get(name) or None for name in Filters._fields))
        size, cursor = queries.limit(query), queries.cursor(query)
        found, following, _ = self._asking.listing(visit.reader, kind, filters, visit.moment, size, cursor)
        values = Values(self._asking, visit)
        has_new_city = "new_city" in AGGREGATES[kind].fields or AGGREGATES[kind].parent is not None
        context: dict[str, Any] = {
            "kind": kind,
            "siblings": next((group for group in SIBLINGS if kind in group), (kind,)),
            "columns": COLUMNS.get(kind, ()),
            "figures": FIGURES,
            "rows": found,
            "dated": {str(one["id"]): self._due.dated(one, values, visit) for one in found} if kind in DATED else None,
            "years": self._yardsticks.years(visit.moment.on.year, visit.moment.position)
            if kind == "assessments"
            else (),
            "filters": filters,
            "statuses": STATUSES.get(kind, ()),
            "cities": values.offices.new_cities() if has_new_city else {},
            "named": "name" in AGGREGATES[kind].fields,
            "values": values,
            "following": None if following is None else visit.here(cursor=following),
            "first": visit.here() if cursor is not None else None,
        }
        return Shown("list.html", visit.words.kind(kind), context)
