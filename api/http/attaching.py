"""Attachments: files that entries name by their SHA-256, put before the entry is recorded."""

from __future__ import annotations

import hashlib
import re
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from api.composition import Taizhang
from api.http.answers import json_answer
from api.http.authentication import Authentication
from api.http.bodies import Bodies
from api.http.problems import Fault, Problem
from api.http.queries import parameters
from api.http.threads import Threads
from api.http.trail import trail
from domain.offices import Actor
from domain.refusals import Code, Refused

PATH = "/api/v1/attachments/{sha256}"
RECORDING_ROLES = frozenset({"recorder", "inspectorate", "arbiter", "administrator"})
"""Roles of those who record something, and so may have something to attach."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Attaching:
    """The address of attachments."""

    def __init__(self, taizhang: Taizhang, authentication: Authentication, threads: Threads, bodies: Bodies) -> None:
        self._attachments = taizhang.attachments
        self._authentication = authentication
        self._threads = threads
        self._bodies = bodies

    async def endpoint(self, request: Request) -> Response:
        """Store a file, or give it back. Who knows a digest has had the file, or reads an entry that names it."""
        credentials = self._authentication.credentials(request)
        run = self._threads.record if request.method == "PUT" else self._threads.read
        actor = await run(partial(self._authentication.actor, credentials))
        trail(request.scope).actor = actor.account
        parameters(request, ())
        sha256: str = request.path_params["sha256"]
        return await (self._put(request, actor, sha256) if request.method == "PUT" else self._get(sha256))

    async def _put(self, request: Request, actor: Actor, sha256: str) -> Response:
        if not RECORDING_ROLES & actor.roles:
            raise Refused(Code.NOT_ENTITLED, "attachments come from those who record: this account has no such role")
        if not _DIGEST.fullmatch(sha256):
            raise Problem(Fault.DIGEST_DIFFERS, "the address ends with the file's SHA-256 in lower-case hex")
        async with self._bodies.reading(request, self._attachments.LIMIT) as content:
            created = await self._threads.record(partial(self._store, sha256, content))
            said = {"sha256": sha256, "size": len(content)}
        return json_answer(said, 201 if created else 200, {"Location": PATH.format(sha256=sha256)})

    def _store(self, sha256: str, content: bytes) -> bool:
        found = hashlib.sha256(content).hexdigest()
        if found != sha256:
            raise Problem(Fault.DIGEST_DIFFERS, f"what was sent has the SHA-256 {found}")
        return self._attachments.put(sha256, content)

    async def _get(self, sha256: str) -> Response:
        known = _DIGEST.fullmatch(sha256)
        content = await self._threads.read(partial(self._attachments.get, sha256)) if known else None
        if content is None:
            raise Refused(Code.NOT_FOUND, "there is no attachment with this digest")
        return Response(
            content,
            headers={"Content-Disposition": f'attachment; filename="{sha256}"', "ETag": f'"{sha256}"'},
            media_type="application/octet-stream",
        )
