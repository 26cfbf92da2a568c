"""Asking what is to be done: by the asker's office, by another, or by all."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from api.composition import Taizhang
from api.http import queries
from api.http.addresses import Address
from api.http.queries import PAGES, TIMES
from api.http.reading import Question, Reading
from application.cursors import cursor_of, read_cursor
from application.work import of_office

WORK: Final = "/api/v1/work"
WORK_PARAMETERS: Final = ("office", "overdue", *PAGES, *TIMES)
ALL: Final = "all"
"""As office: everything that the reader may read of."""


class Working:
    """The address that answers what is to be done."""

    def __init__(self, taizhang: Taizhang, reading: Reading) -> None:
        self._work = taizhang.work
        self._access = taizhang.access
        self._reading = reading

    def routes(self) -> list[Address]:
        """The routes, to stand before those of all kinds of record."""
        return [Address(WORK, self._reading.endpoint(self.duties, WORK_PARAMETERS))]

    def duties(self, asked: Question) -> Response:
        """A page of duties, the overdue first."""
        query = asked.query
        office, overdue = query.get("office"), query.get("overdue")
        if overdue not in {None, "true", "false"}:
            raise queries.invalid("overdue", "true or false")
        size, tag = queries.limit(query), f"work {office} {overdue}"
        after = int(read_cursor(queries.cursor(query), tag, r"\d{1,9}") or 0)
        moment = self._reading.moment(query)
        found = self._work.duties(asked.reader, moment)
        actor = self._access.account(asked.reader.account)
        if office is None and actor is not None:
            found = of_office(found, actor)
        elif office != ALL:
            found = [one for one in found if office in {one.office, one.office.partition(" ")[0]}]
        if overdue is not None:
            found = [one for one in found if one.overdue is (overdue == "true")]
        page = found[after : after + size]
        following = cursor_of(tag, str(after + size)) if len(found) > after + size else None
        return self._reading.page([one.shown() for one in page], following, moment)
