"""A witness over HTTP (https://c2sp.org/tlog-witness)."""

from __future__ import annotations

from functools import partial
from typing import Final, Protocol

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from api.http import problems
from api.http.addresses import Address
from api.http.application import ANSWERED
from api.http.bodies import Bodies
from api.http.metrics import Metrics
from api.http.observing import Observing
from api.http.problems import Fault, Problem
from api.http.threads import Threads

REQUEST_LIMIT: Final = 64 << 10
"""Bytes of a request at most: 63 hashes, and a checkpoint with its signatures."""


class Said(Protocol):
    """What a witness answers."""

    @property
    def status(self) -> int:
        """Of HTTP."""
        ...

    @property
    def body(self) -> str:
        """The answer."""
        ...

    @property
    def media_type(self) -> str:
        """Of the body."""
        ...


class Witness(Protocol):
    """What is behind the addresses."""

    def add_checkpoint(self, body: bytes) -> Said:
        """Cosign a checkpoint, or say why not."""
        ...

    def checkpoint(self, digest: str) -> str | None:
        """The note that it cosigned last for the log whose origin has this SHA-256."""
        ...


def _nothing_read(_account: str, _what: str) -> None:
    """A witness keeps no accounts."""


class _NoStreams:
    def close(self) -> None:
        """Nothing is open."""


def create_witness(witness: Witness) -> FastAPI:
    """The ASGI application of a witness."""
    threads, bodies = Threads(), Bodies()

    async def add(request: Request) -> Response:
        async with bodies.reading(request, REQUEST_LIMIT) as body:
            said = await threads.record(partial(witness.add_checkpoint, body))
        return Response(said.body, said.status, {"Content-Type": said.media_type})

    async def last(request: Request) -> Response:
        note = await threads.read(partial(witness.checkpoint, request.path_params["digest"]))
        if note is None:
            raise Problem(Fault.NO_SUCH_PATH, "this witness has cosigned no checkpoint of that log")
        return Response(note, headers={"Cache-Control": "no-cache"}, media_type="text/plain; charset=utf-8")

    app = FastAPI(
        routes=[
            Address("/add-checkpoint", add, methods=["POST"]),
            Address("/{digest}/checkpoint", last),
        ],
        middleware=[Middleware(Observing, metrics=Metrics(dict, lambda: 0), noted=_nothing_read)],
        exception_handlers=dict.fromkeys(ANSWERED, problems.answer),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.streams = _NoStreams()
    return app
