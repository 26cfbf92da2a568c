"""谁看过什么: who read what, for inspectors and administrators."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from api.composition import Taizhang
from api.http import queries
from api.web.shell import Shown
from api.web.values import Values
from api.web.visit import Visit
from application.reading_trail import Read, Wanted, may_look
from domain.records import AGGREGATES
from domain.refusals import Code, Refused

PARAMETERS: Final = ("account", "what", "day", "before")
SHOWN: Final = 100
"""Reads on one page."""


class Audit:
    """The page that tells who read what."""

    def __init__(self, taizhang: Taizhang) -> None:
        self._asking = taizhang.asking
        self._reads = taizhang.reads

    def page(self, visit: Visit) -> Shown:
        """The latest reads, or those of an account, of something, on a day. Raises Refused (not-readable)."""
        if not may_look(visit.actor):
            raise Refused(Code.NOT_READABLE, "who read what is for inspectors and administrators")
        query = visit.query
        wanted = Wanted(query.get("account") or None, query.get("what") or None, _day(query.get("day")))
        found = self._reads.reads(wanted, _instant(query.get("before")), SHOWN + 1)
        values = Values(self._asking, visit)
        following = visit.here(before=found[SHOWN - 1].last_at.isoformat()) if len(found) > SHOWN else None
        context: dict[str, Any] = {
            "rows": [(one, self._name(one, values, visit)) for one in found[:SHOWN]],
            "wanted": wanted,
            "following": following,
        }
        return Shown("audit.html", visit.words("audit.title"), context)

    def _name(self, read: Read, values: Values, visit: Visit) -> Any:  # noqa: ANN401  # text, or a link
        """What was read, by name where it is a record."""
        kind, _, rest = read.what.partition("/")
        record_id, _, part = rest.partition("/")
        if kind in {"log", "receipt"} and (position := read.what.rpartition("/")[2]).isdecimal():
            return values.entry(int(position))
        if kind not in AGGREGATES:
            return visit.words.named("audit", kind)
        if not record_id:
            return visit.words.kind(kind)
        link = values.record(f"{kind}/{record_id}")
        return link + f" {part}" if part else link


def _day(text: str | None) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise queries.invalid("day", "a day is YYYY-MM-DD") from None


def _instant(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise queries.invalid("before", "an instant with its zone")
    return instant
