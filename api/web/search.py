"""查找: by a name of two characters or more, an id, a position, a document's number, or a hash."""

from __future__ import annotations

import re
from typing import Any, Final

from api.composition import Taizhang
from api.http import queries
from api.web.shell import Shown
from api.web.timeline import happening
from api.web.values import Values
from api.web.visit import Visit
from application.listing import Filters
from domain.records import AGGREGATES
from domain.refusals import Refused

PARAMETERS: Final = ("q",)
EACH: Final = 20
"""Records shown of each kind, and entries."""
SHORTEST: Final = 2
"""Characters of a name at least."""
NAMED: Final = ("new-cities", "communities", "villages", "estates")
"""Kinds of record that are found by name."""
WITH_IDS: Final = (
    "communities", "villages", "conversion-cases", "estates", "funding-allocations", "new-cities", "schemes",
    "inspections", "assessments", "disputes",
)  # fmt: skip
"""Kinds of record that are found by id."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}", re.ASCII)
_HASH = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)


class Search:
    """The page of what is found."""

    def __init__(self, taizhang: Taizhang) -> None:
        self._asking = taizhang.asking

    def page(self, visit: Visit) -> Shown:
        """What the text finds, by what it may be."""
        q = visit.query.get("q", "").strip()
        values = Values(self._asking, visit)
        groups = [] if len(q) < SHORTEST else [*self._by_id(q, visit), *self._by_name(q, visit)]
        entries = [happening(one, 0, values, visit.words, {}) for one in self._entries(q, visit)]
        context: dict[str, Any] = {
            "q": q,
            "groups": groups,
            "entries": entries,
            "values": values,
            "count": len(entries) + sum(len(rows) for _, rows in groups),
            "each": EACH,
        }
        return Shown("search.html", visit.words("search.title"), context)

    def _by_name(self, q: str, visit: Visit) -> list[tuple[str, list[dict[str, Any]]]]:
        found: list[tuple[str, list[dict[str, Any]]]] = []
        for kind in NAMED:
            rows, _, _ = self._asking.listing(visit.reader, kind, Filters(q=q), visit.moment, EACH, None)
            if rows:
                found.append((kind, list(rows)))
        return found

    def _by_id(self, q: str, visit: Visit) -> list[tuple[str, list[dict[str, Any]]]]:
        found: list[tuple[str, list[dict[str, Any]]]] = []
        if not _ID.fullmatch(q):
            return found
        for kind in (one for one in WITH_IDS if one in AGGREGATES):
            try:
                found.append((kind, [self._asking.record(visit.reader, kind, q, visit.moment)]))
            except Refused:
                continue
        return found

    def _entries(self, q: str, visit: Visit) -> list[dict[str, Any]]:
        position = queries.position(q)
        if _HASH.fullmatch(q):
            position = self._asking.position_of(visit.reader, bytes.fromhex(q), visit.moment)
        if position is not None:
            try:
                return [self._asking.entry(visit.reader, position)] if 1 <= position <= visit.moment.position else []
            except Refused:
                return []
        if len(q) < SHORTEST or _HASH.fullmatch(q):
            return []
        return list(self._asking.documented(visit.reader, q, visit.moment, EACH))
