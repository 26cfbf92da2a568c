"""What a page's form sends: read within limits, and only from our own pages."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple, TypeAlias

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response

from api.http.addresses import Address
from api.http.authentication import Credentials, check_csrf, session_token
from api.http.bodies import Bodies
from api.http.problems import Fault, Problem
from api.http.threads import Threads
from api.http.trail import trail
from api.web.form_fields import LONGEST
from api.web.shell import Shown
from api.web.visit import Visit
from api.web.workbench import Page, Workbench, problem_page, to_login
from domain.refusals import Refused

FORM_LIMIT: Final = 64 << 20
"""Bytes of a form with its files."""
FILES: Final = 20
"""Files of one form."""
FIELDS: Final = 300
"""Fields of one form."""


class Upload(NamedTuple):
    """A file that was chosen."""

    name: str
    content: bytes


class Posted(NamedTuple):
    """A form as it was sent, its text in NFC."""

    fields: Mapping[str, str]
    """The last value of each name."""
    several: Mapping[str, Sequence[str]]
    """All values of each name."""
    files: Mapping[str, Sequence[Upload]]


Answer: TypeAlias = Callable[[Visit, Posted], Shown | Response]


class Posting:
    """Makes addresses of pages with a form on them."""

    def __init__(self, workbench: Workbench, threads: Threads, bodies: Bodies) -> None:
        self._workbench = workbench
        self._threads = threads
        self._bodies = bodies

    def form(self, path: str, page: Page, answer: Answer, allowed: Sequence[str] = ()) -> Address:
        """The address of a page whose form is sent to itself."""
        shown = self._workbench.page(path, page, allowed)

        async def endpoint(request: Request) -> Response:
            return await (self._post(answer, request) if request.method == "POST" else shown.endpoint(request))

        return Address(path, endpoint, methods=["GET", "POST"])

    async def _post(self, answer: Answer, request: Request) -> Response:
        session = session_token(request)
        if session is None:
            return to_login(request)
        async with self._bodies.reading(request, FORM_LIMIT) as raw:
            posted = await _parsed(request, raw)
        check_csrf(session, posted.fields.get("csrf_token", ""))
        try:
            return await self._threads.record(partial(self._answer, answer, request, session, posted))
        except Problem as problem:
            if problem.fault is Fault.UNAUTHENTICATED:
                return to_login(request)
            raise

    def _answer(self, answer: Answer, request: Request, session: str, posted: Posted) -> Response:
        visit = self._workbench.visit(request, Credentials("session", session))
        try:
            shown = answer(visit, posted)
        except (Refused, Problem) as error:
            shown = problem_page(visit, error)
            trail(request.scope).problem = str(shown.context["problem"]["code"])
        return self._workbench.shell.render(visit, shown) if isinstance(shown, Shown) else shown


async def _parsed(request: Request, raw: bytes) -> Posted:
    """The fields and files of a multipart form (RFC 7578). Raises Problem (malformed, unsupported-media-type)."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Problem(Fault.UNSUPPORTED_MEDIA_TYPE, "a form is sent as multipart/form-data")

    async def whole() -> AsyncGenerator[bytes]:
        yield raw

    try:
        parser = MultiPartParser(
            request.headers, whole(), max_files=FILES, max_fields=FIELDS, max_part_size=4 * LONGEST
        )
        form = await parser.parse()
    except (MultiPartException, KeyError) as error:
        raise Problem(Fault.MALFORMED, f"the body is no form: {error}") from None
    several: dict[str, list[str]] = {}
    files: dict[str, list[Upload]] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            content = await value.read()
            if value.filename or content:
                files.setdefault(name, []).append(Upload(value.filename or "", content))
        else:
            several.setdefault(name, []).append(unicodedata.normalize("NFC", value[:LONGEST]))
    await form.close()
    return Posted({name: values[-1] for name, values in several.items()}, several, files)
