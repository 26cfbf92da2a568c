"""Reading: records, their entries and differences, and the log, at any time asked about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from api.composition import Taizhang
from api.http import queries
from api.http.answers import etag, json_answer, json_bytes
from api.http.authentication import Authentication, Credentials
from api.http.queries import PAGES, TIMES
from api.http.threads import Threads
from api.http.trail import trail
from application.listing import Filters
from application.moments import Moment
from application.rights import Reader
from domain.records import AGGREGATES
from domain.refusals import Code, FieldError, Refused

LIST_PARAMETERS = ("new_city", "township", "status", "q", *PAGES, *TIMES)
RECORD_PARAMETERS = TIMES
EVENTS_PARAMETERS = (*PAGES, *TIMES)
DIFF_PARAMETERS = ("from_known_at", "to_known_at", "from_on", "to_on", "min_position")
ENTRIES_PARAMETERS = ("after", *PAGES, *TIMES)
ENTRY_PARAMETERS = TIMES


class Question(NamedTuple):
    """A read, by whom and with what parameters."""

    request: Request
    kind: str
    """Of the records asked about; empty where the log is asked."""
    reader: Reader
    query: Mapping[str, str]

    def part(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])


Answer = Callable[[Question], Response]


class Reading:
    """The addresses that are read; each answers in a thread, from one look at who asks."""

    def __init__(self, taizhang: Taizhang, authentication: Authentication, threads: Threads) -> None:
        self._access = taizhang.access
        self._asking = taizhang.asking
        self._authentication = authentication
        self._threads = threads

    async def read(self, answer: Answer, allowed: Sequence[str], kind: str, request: Request) -> Response:
        """The answer to a request that takes these parameters."""
        credentials = self._authentication.credentials(request)
        return await self._threads.read(partial(self._answer, request, kind, credentials, answer, allowed))

    def endpoint(self, answer: Answer, allowed: Sequence[str], kind: str = "") -> Callable[[Request], Any]:
        """An endpoint that answers so."""
        return partial(self.read, answer, allowed, kind)

    def _answer(
        self, request: Request, kind: str, credentials: Credentials, answer: Answer, allowed: Sequence[str]
    ) -> Response:
        actor = self._authentication.actor(credentials)
        trail(request.scope).actor = actor.account
        query = queries.parameters(request, allowed)
        return answer(Question(request, kind, self._access.reader(actor), query))

    def listing(self, asked: Question) -> Response:
        """A page of records."""
        query = asked.query
        filters = Filters(*(query.get(name) or None for name in Filters._fields))
        size, cursor, least = queries.limit(query), queries.cursor(query), queries.min_position(query)
        moment = self.moment(query)
        if least is not None and moment.is_current:
            self._asking.caught_up(least)
        found, following, true_of = self._asking.listing(asked.reader, asked.kind, filters, moment, size, cursor)
        return self.page(found, following, true_of)

    def record(self, asked: Question, told: Callable[[dict[str, Any]], dict[str, Any]] = dict) -> Response:
        """A record's state, as `told`; under its version as ETag where it was asked for as it is now."""
        moment = self.moment(asked.query)
        kind = asked.kind
        state = told(self._asking.record(asked.reader, kind, asked.part("id"), moment))
        if not moment.is_current:
            return self.found(state, moment)
        tag = etag(state["version"])
        # A version says the same for ever, but for the names of persons who have been erased since.
        is_same = AGGREGATES[kind].seen_with is None and b'"erased":true' not in json_bytes(state)
        if is_same and _none_match(asked.request, tag):
            return Response(status_code=304, headers={"ETag": tag})
        return self.found(state, moment, {"ETag": tag})

    def events(self, asked: Question) -> Response:
        """A page of a record's entries."""
        size, cursor = queries.limit(asked.query), queries.cursor(asked.query)
        moment = self.moment(asked.query)
        found, following = self._asking.events(asked.reader, asked.kind, asked.part("id"), moment, size, cursor)
        return self.page(found, following, moment)

    def diff(self, asked: Question) -> Response:
        """What differs in a record between two moments."""
        start, end = self.moment(asked.query, "from_"), self.moment(asked.query, "to_")
        return self.found(self._asking.diff(asked.reader, asked.kind, asked.part("id"), start, end), end)

    def entries(self, asked: Question) -> Response:
        """A page of the log."""
        size, after = queries.limit(asked.query), _after(asked.query)
        moment = self.moment(asked.query)
        found, following = self._asking.entries(asked.reader, after, size, moment)
        return self.page(found, None if following is None else str(following), moment)

    def entry(self, asked: Question) -> Response:
        """One entry of the log, as JSON or as the bytes that were hashed."""
        position = queries.position(asked.part("position"))
        moment = self.moment(asked.query)
        if position is None or ("known_at" in asked.query and position > moment.position):
            raise Refused(Code.NOT_FOUND, f"there is no entry {asked.part('position')[:20]}")
        if _wants_bytes(asked.request):
            raw = self._asking.raw(asked.reader, position)
            return Response(raw, headers={"Vary": "Accept"}, media_type="application/octet-stream")
        return self.found(self._asking.entry(asked.reader, position), moment, {"Vary": "Accept"})

    def moment(self, query: Mapping[str, str], prefix: str = "") -> Moment:
        """The moment that a query asks about; `from_` and `to_` name the two of a difference."""
        known_at, on = query.get(f"{prefix}known_at"), query.get(f"{prefix}on")
        try:
            return self._asking.moment(known_at, on, queries.min_position(query))
        except Refused as refusal:
            if not prefix:
                raise
            errors = [FieldError(f"/{prefix}{error.pointer[1:]}", error.detail) for error in refusal.errors]
            raise Refused(refusal.code, prefix + refusal.detail, errors=errors) from None

    def found(
        self, data: object, moment: Moment, headers: Mapping[str, str] | None = None, scheme: str | None = None
    ) -> Response:
        """An answer, with what it rests on."""
        return json_answer({"data": data, "provenance": self._asking.provenance(moment, scheme)}, 200, headers)

    def page(self, data: object, following: str | None, moment: Moment, scheme: str | None = None) -> Response:
        """A page of an answer, with what it rests on."""
        provenance = self._asking.provenance(moment, scheme)
        return json_answer({"data": data, "next": following, "provenance": provenance})


def _after(query: Mapping[str, str]) -> int:
    """The position that a page of the log starts after: a cursor is one too."""
    cursor = queries.cursor(query)
    if cursor is not None and "after" in query:
        raise queries.invalid("cursor", "either after or cursor")
    after = queries.position(query.get("after", "0") if cursor is None else cursor)
    if after is not None:
        return after
    if cursor is None:
        raise queries.invalid("after", "a position of the log, 0 for its beginning")
    raise Refused(Code.BAD_CURSOR, "the cursor is not of this list", errors=[FieldError("/cursor", "no cursor")])


def _none_match(request: Request, tag: str) -> bool:
    """Whether If-None-Match names the tag, by weak comparison (RFC 9110 section 13.1.2)."""
    given = ",".join(request.headers.getlist("if-none-match"))
    return given.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in given.split(","))


def _wants_bytes(request: Request) -> bool:
    ranges = [one.partition(";")[0].strip().lower() for one in request.headers.get("accept", "").split(",")]
    return "application/octet-stream" in ranges and "application/json" not in ranges
