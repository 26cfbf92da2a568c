"""The log as server-sent events: what was recorded after a position, and then what is recorded while it lasts.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Final

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from api.composition import Taizhang
from api.http import queries
from api.http.answers import json_bytes
from api.http.authentication import Authentication, Credentials
from api.http.problems import Fault, Problem
from api.http.threads import Threads
from api.http.trail import trail
from application.work import of_office
from domain.refusals import Refused

PARAMETERS: Final = ("after", "work")
MEDIA_TYPE: Final = "text/event-stream"
STREAMS: Final = 64
STREAMS_OF_ACCOUNT: Final = 8
"""Open at once."""
PAGE: Final = 100
"""Entries read at once: what a client that takes none holds up in memory."""
HEARTBEAT: Final = 10.0
"""Seconds after which a quiet stream says that it lives, and rights are looked at again."""
RECONNECT: Final = b"retry: 2000\n\n"
ALIVE: Final = b":\n\n"
HEADERS: Final = {"Content-Type": MEDIA_TYPE, "X-Accel-Buffering": "no"}


class HeadFollower:
    """Tells any number of waiters that the log has grown; one thread waits for all of them."""

    def __init__(self, wait: Callable[[int, float], int]) -> None:
        """`wait` blocks until the head is past a position, or for so many seconds, and returns the head."""
        self._wait = wait
        self._head = 0
        self._waiting = 0
        self._grown = asyncio.Event()
        self._limiter = CapacityLimiter(1)
        self._following: asyncio.Task[None] | None = None
        self.closed = False

    async def past(self, position: int, seconds: float) -> None:
        """Return once the head is past the position, after so many seconds, or when all is closed."""
        self._waiting += 1
        if self._following is None or self._following.done():
            self._following = asyncio.create_task(self._follow())
        try:
            async with asyncio.timeout(seconds):
                while self._head <= position and not self.closed:
                    await self._grown.wait()
        except TimeoutError:
            return
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Let everybody go."""
        self.closed = True
        self._grown.set()

    async def _follow(self) -> None:
        while self._waiting and not self.closed:
            head = await to_thread.run_sync(self._wait, self._head, 1.0, limiter=self._limiter)
            if head > self._head:
                self._head = head
                grown, self._grown = self._grown, asyncio.Event()
                grown.set()


class Streaming:
    """The address that streams the log."""

    def __init__(self, taizhang: Taizhang, authentication: Authentication, threads: Threads) -> None:
        self._access = taizhang.access
        self._asking = taizhang.asking
        self._work = taizhang.work
        self._authentication = authentication
        self._threads = threads
        self._head = HeadFollower(taizhang.asking.wait)
        self._open = Counter[str]()

    @property
    def open(self) -> int:
        """How many streams are open."""
        return self._open.total()

    def close(self) -> None:
        """End all streams: clients come back with the last position they saw."""
        self._head.close()

    async def endpoint(self, request: Request) -> Response:
        """Stream the entries after `after`, or after the Last-Event-ID that the client saw; from the start for none."""
        credentials = self._authentication.credentials(request)
        actor = await self._threads.read(partial(self._authentication.actor, credentials))
        trail(request.scope).actor = actor.account
        after, of_work = _asked(request)
        if request.method == "HEAD":
            return Response(headers=HEADERS)
        if self._head.closed:
            raise Problem(Fault.UNAVAILABLE, "the service is stopping", headers={"Retry-After": "2"})
        if self.open >= STREAMS or self._open[actor.account] >= STREAMS_OF_ACCOUNT:
            raise Problem(
                Fault.BUSY,
                f"{STREAMS} streams may be open, {STREAMS_OF_ACCOUNT} of one account",
                headers={"Retry-After": "5"},
            )
        return _Stream(self._events(credentials, after, of_work=of_work), self._open, actor.account)

    async def _events(self, credentials: Credentials, after: int, *, of_work: bool) -> AsyncGenerator[bytes]:
        said = b""
        try:
            yield RECONNECT
            while not self._head.closed:
                events, last = await self._threads.read(partial(self._page, credentials, after))
                if events:
                    yield events
                if last == after:
                    if of_work and (due := await self._threads.read(partial(self._due, credentials))) != said:
                        said = due
                        yield b"event: work\ndata: %b\n\n" % due
                    await self._head.past(after, HEARTBEAT)
                    yield ALIVE
                after = last
        except (Problem, Refused):
            return  # the rights have gone, or nobody can look at them now: the client comes back and is told

    def _page(self, credentials: Credentials, after: int) -> tuple[bytes, int]:
        """The next entries as events, for whom the credentials are of now, and the last position looked at."""
        reader = self._access.reader(self._authentication.actor(credentials))
        moment = self._asking.moment(None, None, None)
        entries, following = self._asking.entries(reader, after, PAGE, moment)
        events = b"".join(b"id: %b\ndata: %b\n\n" % (str(one["position"]).encode(), json_bytes(one)) for one in entries)
        return events, max(after, moment.position) if following is None else following

    def _due(self, credentials: Credentials) -> bytes:
        """What is to be done now by whose the credentials are, the overdue first."""
        actor = self._authentication.actor(credentials)
        duties = self._work.duties(self._access.reader(actor), self._asking.moment(None, None, None))
        return json_bytes([one.shown() for one in of_office(duties, actor)[:PAGE]])


class _Stream(StreamingResponse):
    """A stream that counts as open from before it begins until it is over, however it ends."""

    def __init__(self, events: AsyncGenerator[bytes], counted: Counter[str], account: str) -> None:
        super().__init__(events, headers=HEADERS)
        self._counted = counted
        self._account = account
        counted[account] += 1

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._counted[self._account] -= 1


def _asked(request: Request) -> tuple[int, bool]:
    """The position to start after, and whether to tell what is to be done too. Raises Problem."""
    query = queries.parameters(request, PARAMETERS)
    if query.get("work") not in {None, "true", "false"}:
        raise queries.invalid("work", "true or false")
    seen = request.headers.get("last-event-id")
    name, text = ("after", query.get("after", "0")) if seen is None else ("Last-Event-ID", seen)
    after = queries.position(text)
    if after is None:
        raise queries.invalid(name, "a position of the log")
    return after, query.get("work") == "true"
