"""The tree for whoever wants to check it: checkpoint and tiles as C2SP has them, and proofs as JSON."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from api.composition import Taizhang
from api.http import queries
from api.http.authentication import Authentication
from api.http.reading import Question, Reading
from api.http.threads import Threads
from api.http.trail import trail
from application.proving import published_json
from domain.refusals import Code, Refused
from domain.tlog.tile import LEVELS, Tile, parse_index

PUBLIC_ENTRIES: Final = "TAIZHANG_PUBLIC_ENTRIES"
"""The environment variable that, being 1, opens bundles of entries to everybody."""
FOR_EVER: Final = "max-age=31536000, immutable"
CHECKPOINT_PARAMETERS: Final = ("min_position",)
INCLUSION_PARAMETERS: Final = ("position", "size", "min_position")
CONSISTENCY_PARAMETERS: Final = ("from", "to", "min_position")

_LEVELS: Final = {str(level): level for level in range(LEVELS)}


class Tiles:
    """The addresses of the tree."""

    def __init__(
        self,
        taizhang: Taizhang,
        authentication: Authentication,
        threads: Threads,
        reading: Reading,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._taizhang = taizhang
        self._proving = taizhang.proving
        self._authentication = authentication
        self._threads = threads
        self._reading = reading
        self._entries_are_open = environment.get(PUBLIC_ENTRIES) == "1"

    async def checkpoint(self, request: Request) -> Response:
        """The last checkpoint, signed and cosigned (https://c2sp.org/tlog-tiles); 404 before the first."""
        queries.parameters(request, ())
        newest = await self._threads.read(self._proving.newest)
        if newest is None:
            raise Refused(Code.NOT_FOUND, "no checkpoint has been published yet")
        return Response(str(newest.note), headers={"Cache-Control": "no-cache"}, media_type="text/plain; charset=utf-8")

    async def tile(self, request: Request) -> Response:
        """A tile of hashes, for everybody; 404 beyond the last checkpoint."""
        level = _LEVELS.get(request.path_params["level"])
        if level is None:
            raise _no_tile()
        return await self._tile(request, level, f"public, {FOR_EVER}")

    async def entries(self, request: Request) -> Response:
        """A bundle of entries, for those who read everything; for everybody where the ledger is opened so."""
        if self._entries_are_open:
            return await self._tile(request, None, f"public, {FOR_EVER}")
        credentials = self._authentication.credentials(request)
        actor = await self._threads.read(partial(self._authentication.actor, credentials))
        trail(request.scope).actor = actor.account
        if not (await self._threads.read(partial(self._taizhang.access.reader, actor))).everything:
            raise Refused(Code.NOT_READABLE, "bundles of entries are open to inspectors")
        return await self._tile(request, None, f"private, {FOR_EVER}", {"Vary": "Authorization, Cookie"})

    def published(self, asked: Question) -> Response:
        """The last checkpoint as JSON, and whether witnesses enough have seen it."""
        moment = self._reading.moment(asked.query)
        newest = self._proving.newest()
        if newest is None:
            raise Refused(Code.NOT_FOUND, "no checkpoint has been published yet")
        return self._reading.found({**published_json(newest), **self._taizhang.tree.witnessed(newest)}, moment)

    def inclusion(self, asked: Question) -> Response:
        """The proof that an entry is in the tree, of the last checkpoint's size unless another is asked for."""
        moment = self._reading.moment(asked.query)
        position = _number(asked.query, "position", None)
        size = _number(asked.query, "size", self._newest_size())
        return self._reading.found(self._proving.inclusion(position, size), moment)

    def consistency(self, asked: Question) -> Response:
        """The proof that one tree is the beginning of another, of the last checkpoint's unless another is asked for."""
        moment = self._reading.moment(asked.query)
        old, new = _number(asked.query, "from", None), _number(asked.query, "to", self._newest_size())
        return self._reading.found(self._proving.consistency(old, new), moment)

    async def _tile(
        self, request: Request, level: int | None, caching: str, headers: Mapping[str, str] | None = None
    ) -> Response:
        queries.parameters(request, ())
        try:
            tile = Tile(level, *parse_index(request.path_params["index"]))
        except ValueError:
            raise _no_tile() from None
        content = await self._threads.read(partial(self._proving.tile, tile))
        if content is None:
            raise _no_tile()
        return Response(
            content, headers={"Cache-Control": caching, **(headers or {})}, media_type="application/octet-stream"
        )

    def _newest_size(self) -> int:
        newest = self._proving.newest()
        return 0 if newest is None else newest.checkpoint.size


def _number(query: Mapping[str, str], name: str, default: int | None) -> int:
    number = queries.position(query[name]) if name in query else default
    if number is None:
        raise queries.invalid(name, "a position or a size of the log")
    return number


def _no_tile() -> Refused:
    return Refused(Code.NOT_FOUND, "the published tree has no such tile, or not so wide")
