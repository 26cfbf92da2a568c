"""Around every request: its id, its log line, its figures, the headers that protect whoever reads the answer."""

from __future__ import annotations

import re
import time
import traceback
from collections.abc import Callable
from typing import Final

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http import problems
from api.http.metrics import Metrics
from api.http.problems import Fault
from api.http.trail import Trail, begin
from domain.records import AGGREGATES

GONE: Final = 499
"""The status logged for a client that left before it was answered; none was sent."""
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
READ: Final = frozenset({200, 206})
"""Statuses of answers that gave something to read."""
API: Final = "/api/v1/"
READ_IN_PAGES: Final = frozenset({*AGGREGATES, "log", "findings", "search", "receipt"})
"""The beginnings of pages that show what is recorded."""
STRICT_TRANSPORT: Final = "max-age=31536000"

_log: structlog.stdlib.BoundLogger = structlog.get_logger("taizhang.http")


class Observing:
    """The outermost layer: nothing that goes wrong inside leaves it but as a problem."""

    def __init__(self, app: ASGIApp, metrics: Metrics, noted: Callable[[str, str], None]) -> None:
        """`noted` is told who has read what."""
        self._app = app
        self._metrics = metrics
        self._noted = noted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, trail = time.perf_counter(), begin(scope)
        status = 0

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _protect(MutableHeaders(scope=message), scope, trail)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=trail.request_id):
            try:
                await self._app(scope, receive, observed)
            except ClientDisconnect:
                status = status or GONE
            except Exception as error:  # noqa: BLE001  # the client gets a problem, the log gets where it happened
                _unexpected(error)
                if status == 0:
                    await problems.response(Request(scope), error)(scope, receive, observed)
            finally:
                self._note(scope, trail, status or GONE, time.perf_counter() - begun)

    def _note(self, scope: Scope, trail: Trail, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        self._metrics.answered(scope["method"], route, status, seconds)
        if scope["method"] == "POST" and route.startswith("/api/"):
            self._metrics.recording(trail.outcome or trail.problem or "gone")
        if trail.actor is not None and scope["method"] == "GET" and status in READ:
            what = _read(scope["path"])
            if what is not None:
                self._noted(trail.actor, what)
        _log.info(
            "request",
            actor=trail.actor,
            method=scope["method"] if re.fullmatch(r"[A-Z]{1,20}", scope["method"]) else "other",
            route=route,
            status=status,
            milliseconds=round(seconds * 1000, 2),
            **({} if trail.position is None else {"position": trail.position}),
            **({} if trail.problem is None else {"problem": trail.problem}),
        )


def _read(path: str) -> str | None:
    """What is read at an address: records, scores, the log, files; None for what is no one's."""
    if path.startswith(API):
        return path[len(API) :]
    return path[1:] if path.split("/", 2)[1] in READ_IN_PAGES else None


def _protect(headers: MutableHeaders, scope: Scope, trail: Trail) -> None:
    headers["X-Request-Id"] = trail.request_id
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    headers.add_vary_header("Authorization")
    headers.add_vary_header("Cookie")
    if scope["scheme"] == "https":
        headers["Strict-Transport-Security"] = STRICT_TRANSPORT


def _unexpected(error: Exception) -> None:
    """Log what happened and where; never the message, which may hold what somebody sent."""
    if problems.of_exception(error).fault is not Fault.UNEXPECTED:
        _log.warning("unavailable", fault=_named(error))
        return
    frames = traceback.extract_tb(error.__traceback__)
    _log.error("unexpected", fault=_named(error), at=[f"{one.filename}:{one.lineno} {one.name}" for one in frames])


def _named(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"
