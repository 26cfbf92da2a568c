"""The addresses of the workbench: who asks, what for, and the page or the problem that answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.composition import Taizhang
from api.http import queries
from api.http.addresses import Address
from api.http.authentication import Authentication, Credentials, csrf_token, session_token
from api.http.problems import STATUS, Described, Fault, Problem
from api.http.threads import Threads
from api.http.trail import trail
from api.web.shell import Shell, Shown
from api.web.visit import TIMES, Visit
from api.web.words import words_of
from application.moments import Moment
from domain.refusals import Refused

Page: TypeAlias = Callable[[Visit], Shown | Response]


class Workbench:
    """Turns functions from a visit to a page into addresses that answer."""

    def __init__(self, taizhang: Taizhang, authentication: Authentication, threads: Threads) -> None:
        self._asking = taizhang.asking
        self._access = taizhang.access
        self._authentication = authentication
        self._threads = threads
        self.shell: Final = Shell(taizhang)

    def page(self, path: str, page: Page, allowed: Sequence[str] = ()) -> Address:
        """The address of a page that takes these query parameters beside the three of time."""
        return Address(path, partial(self._endpoint, page, (*TIMES, *allowed)), methods=["GET"])

    async def _endpoint(self, page: Page, allowed: Sequence[str], request: Request) -> Response:
        try:
            credentials = self._authentication.credentials(request)
            return await self._threads.read(partial(self._answer, request, credentials, page, allowed))
        except Problem as problem:
            if problem.fault is Fault.UNAUTHENTICATED:
                return to_login(request)
            raise

    def _answer(self, request: Request, credentials: Credentials, page: Page, allowed: Sequence[str]) -> Response:
        visit = self.visit(request, credentials)
        try:
            visit = visit._replace(query=queries.parameters(request, allowed))
            visit = visit._replace(moment=self.moment(visit))
            shown = page(visit)
        except (Refused, Problem) as error:
            shown = problem_page(visit, error)
            trail(request.scope).problem = str(shown.context["problem"]["code"])
        return self.shell.render(visit, shown) if isinstance(shown, Shown) else shown

    def visit(self, request: Request, credentials: Credentials) -> Visit:
        """Who asks, with nothing read of what is asked: everything recorded, about today. Raises Problem."""
        actor = self._authentication.actor(credentials)
        trail(request.scope).actor = actor.account
        session = session_token(request)
        return Visit(
            path=request.url.path,
            parts={name: str(value) for name, value in request.path_params.items()},
            query={},
            actor=actor,
            reader=self._access.reader(actor),
            moment=self._asking.moment(None, None, None),
            words=words_of(request),
            csrf="" if session is None or credentials.kind != "session" else csrf_token(session),
        )

    def moment(self, visit: Visit) -> Moment:
        """The moment that the query asks about."""
        return self._asking.moment(visit.query.get("known_at") or None, visit.query.get("on") or None, None)


def to_login(request: Request) -> Response:
    """To the login page, which leads back to what was asked for."""
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/login?next={quote(asked, safe='/')}", 303)


def problem_page(visit: Visit, error: Refused | Problem) -> Shown:
    """What went wrong, as a page."""
    described = Described.of(error.code if isinstance(error, Refused) else error.fault)
    status = STATUS[error.code.nature] if isinstance(error, Refused) else error.fault.value.status
    title = described.zh if visit.words.language == "zh" else described.en
    context: dict[str, Any] = {
        "problem": {"code": described.code, "detail": error.detail, "status": status},
        "clause": error.clause if isinstance(error, Refused) else None,
        "retry_after": error.headers.get("Retry-After") if isinstance(error, Problem) else None,
        "errors": error.errors,
    }
    return Shown("problem.html", title, context, status)
