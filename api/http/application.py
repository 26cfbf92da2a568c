"""The ledger as an ASGI application: every address, and what answers there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Final, cast

import psycopg
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.composition import Taizhang, now
from api.http import attaching, openapi, pages, problems, static
from api.http import signing_on as signing_on_at
from api.http.addresses import Address
from api.http.answers import json_answer
from api.http.assessing import Assessing
from api.http.attaching import Attaching
from api.http.authentication import Authentication, csrf_token, session_token
from api.http.bodies import Bodies
from api.http.bundling import Bundling
from api.http.disclosing import Disclosing
from api.http.metrics import Metrics
from api.http.observing import Observing
from api.http.problems import CODES, Fault, Problem
from api.http.reading import (
    DIFF_PARAMETERS,
    ENTRIES_PARAMETERS,
    ENTRY_PARAMETERS,
    EVENTS_PARAMETERS,
    LIST_PARAMETERS,
    RECORD_PARAMETERS,
    Reading,
)
from api.http.recording import Recording
from api.http.signing_in import SigningIn
from api.http.signing_on import SigningOn
from api.http.static import Static
from api.http.streaming import Streaming
from api.http.threads import Threads
from api.http.tiles import CHECKPOINT_PARAMETERS, CONSISTENCY_PARAMETERS, INCLUSION_PARAMETERS, Tiles
from api.http.trail import trail
from api.http.working import Working
from api.web import routes as workbench
from api.web.words import words_of
from application.committing import Busy, Stopped, Unsettled
from application.moments import today
from domain.records import AGGREGATES
from domain.refusals import Refused

ANSWERED: Final = (Refused, Problem, HTTPException, Busy, Stopped, Unsettled)
"""Exceptions that are answers."""
PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"


class _Service:
    """What the service tells of itself."""

    def __init__(self, taizhang: Taizhang, authentication: Authentication, threads: Threads, metrics: Metrics) -> None:
        self._taizhang = taizhang
        self._authentication = authentication
        self._threads = threads
        self._metrics = metrics
        self._document = openapi.document_bytes()

    async def alive(self, _request: Request) -> Response:
        """That the process answers."""
        return json_answer({"alive": True})

    async def ready(self, _request: Request) -> Response:
        """Whether the ledger can answer, and how far its views follow; 503 where it can't."""
        try:
            health = await self._threads.read(self._taizhang.health)
        except psycopg.Error:
            return json_answer({"ready": False, "database": "away"}, 503, {"Retry-After": "5"})
        views = cast("dict[str, object]", health["views"])
        if isinstance(failure := views["failure"], str):
            views["failure"] = ": ".join(failure.split(": ")[:2])  # where and what, not what was to be written
        return json_answer({**health, "database": "there"}, 200 if health["ready"] else 503)

    async def metrics(self, request: Request) -> Response:
        """Figures for Prometheus."""
        await self._known(request)
        return Response(await self._threads.read(self._metrics.text), headers={"Content-Type": PROMETHEUS})

    async def document(self, request: Request) -> Response:
        """The description of the API, OpenAPI 3.1."""
        await self._known(request)
        return Response(self._document, media_type="application/json")

    async def docs(self, request: Request) -> Response:
        """The description as pages, for whoever is logged in."""
        try:
            await self._known(request)
        except Problem as problem:
            if problem.fault is Fault.UNAUTHENTICATED and "text/html" in request.headers.get("accept", ""):
                return RedirectResponse("/login?next=/api/docs", 303)
            raise
        session = session_token(request)
        return pages.docs_page(words_of(request), "" if session is None else csrf_token(session))

    async def problem(self, request: Request) -> Response:
        """What a problem's code means."""
        described = CODES.get(request.path_params["code"])
        if described is None:
            raise Problem(Fault.NO_SUCH_PATH, "there is no such code")
        return pages.problem_page(words_of(request), described)

    async def _known(self, request: Request) -> None:
        credentials = self._authentication.credentials(request)
        actor = await self._threads.read(partial(self._authentication.actor, credentials))
        trail(request.scope).actor = actor.account


def create_app(taizhang: Taizhang, *, clock: Callable[[], datetime] = now) -> FastAPI:
    """The application over a running ledger.

    Args:
        taizhang: The ledger.
        clock: Gives the instant it is: no event is dated later than its day in Asia/Shanghai.

    Returns:
        An ASGI application; its `state.streams` has to be closed before a server waits for its connections.
    """
    authentication = Authentication(taizhang)
    threads, bodies = Threads(), Bodies()
    reading = Reading(taizhang, authentication, threads)
    of_scores = [*Assessing(taizhang, reading).routes(), *Bundling(taizhang, reading).routes()]
    of_scores += Working(taizhang, reading).routes()
    of_scores += Disclosing(taizhang, authentication, threads, bodies, partial(today, clock)).routes()
    told_apart = {route.path for route in of_scores}
    recording = Recording(taizhang, authentication, threads, bodies, partial(today, clock))
    tiles = Tiles(taizhang, authentication, threads, reading)
    streaming = Streaming(taizhang, authentication, threads)
    metrics = Metrics(taizhang.health, lambda: streaming.open)
    service = _Service(taizhang, authentication, threads, metrics)
    signing_in = SigningIn(taizhang, authentication, threads, bodies)
    signing_on = SigningOn(taizhang, threads)
    attachments = Attaching(taizhang, authentication, threads, bodies)
    routes: list[Address] = [
        *of_scores,
        *(
            route
            for kind in AGGREGATES
            for route in _routes_of_records(kind, reading, recording)
            if route.path not in told_apart
        ),
        Address("/api/v1/batches", recording.batch, methods=["POST"]),
        Address(attaching.PATH, attachments.endpoint, methods=["GET", "PUT"]),
        Address("/api/v1/log/entries", reading.endpoint(reading.entries, ENTRIES_PARAMETERS)),
        Address("/api/v1/log/entries/{position}", reading.endpoint(reading.entry, ENTRY_PARAMETERS)),
        Address("/api/v1/log/stream", streaming.endpoint),
        Address("/api/v1/log/checkpoint", reading.endpoint(tiles.published, CHECKPOINT_PARAMETERS)),
        Address("/api/v1/log/proofs/inclusion", reading.endpoint(tiles.inclusion, INCLUSION_PARAMETERS)),
        Address("/api/v1/log/proofs/consistency", reading.endpoint(tiles.consistency, CONSISTENCY_PARAMETERS)),
        Address("/checkpoint", tiles.checkpoint),
        Address("/tile/entries/{index:path}", tiles.entries),
        Address("/tile/{level}/{index:path}", tiles.tile),
        Address("/api/openapi.json", service.document),
        Address("/api/docs", service.docs),
        Address("/login", signing_in.login, methods=["GET", "POST"]),
        Address(signing_on_at.START, signing_on.start),
        Address(signing_on_at.CALLBACK, signing_on.callback),
        Address("/logout", signing_in.logout, methods=["POST"]),
        Address("/language", signing_in.language, methods=["POST"]),
        *workbench.routes(taizhang, authentication, threads, bodies),
        Address("/problems/{code}", service.problem),
        Address(static.PATH, Static().endpoint),
        Address("/healthz", service.alive),
        Address("/readyz", service.ready),
        Address("/metrics", service.metrics),
    ]
    app = FastAPI(
        title=openapi.TITLE,
        routes=[*routes],
        middleware=[Middleware(Observing, metrics=metrics, noted=taizhang.reads.note)],
        exception_handlers=dict.fromkeys(ANSWERED, problems.answer),
        # Its own description comes from signatures; ours comes from the vocabulary, one schema for every event.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.streams = streaming
    return app


def _routes_of_records(kind: str, reading: Reading, recording: Recording) -> list[Address]:
    events = reading.endpoint(reading.events, EVENTS_PARAMETERS, kind)

    async def events_of(request: Request) -> Any:  # noqa: ANN401  # a response
        return await (recording.event(kind, request) if request.method == "POST" else events(request))

    path = f"/api/v1/{kind}"
    return [
        Address(path, reading.endpoint(reading.listing, LIST_PARAMETERS, kind)),
        Address(f"{path}/{{id}}", reading.endpoint(reading.record, RECORD_PARAMETERS, kind)),
        Address(f"{path}/{{id}}/events", events_of, methods=["GET", "POST"]),
        Address(f"{path}/{{id}}/diff", reading.endpoint(reading.diff, DIFF_PARAMETERS, kind)),
    ]
