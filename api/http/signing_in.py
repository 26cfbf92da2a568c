"""Logging in and out in a browser: a session cookie for an account and its password."""

from __future__ import annotations

import math
import re
import time
from functools import partial
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.composition import Taizhang
from api.http import pages, problems
from api.http.authentication import CSRF_HEADER, Authentication, Credentials, check_csrf, cookie_name, csrf_token
from api.http.authentication import session_token as session_of
from api.http.bodies import Bodies, media_type
from api.http.problems import Fault, Problem
from api.http.threads import Threads
from api.http.throttle import Throttle
from api.http.trail import trail
from api.web.words import LANGUAGE_COOKIE, words_of

FORM: Final = "application/x-www-form-urlencoded"
FORM_LIMIT: Final = 8 << 10
"""Bytes of a form."""
HOME: Final = "/"
"""Where a login leads that was asked for by no page."""
LANGUAGES: Final = ("zh", "en")
LANGUAGE_KEPT: Final = 31_536_000
"""Seconds that a chosen language is kept: a year."""

_ACCOUNT = re.compile(r"[a-z0-9-]{3,32}")
_NEXT = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,500}")


class SigningIn:
    """The pages `/login` and `/logout`."""

    def __init__(self, taizhang: Taizhang, authentication: Authentication, threads: Threads, bodies: Bodies) -> None:
        self._access = taizhang.access
        self._passwords = taizhang.passwords
        self._sessions = taizhang.sessions
        self._authentication = authentication
        self._threads = threads
        self._bodies = bodies
        self._has_sign_on = taizhang.sign_on is not None
        self._throttle = Throttle(time.monotonic)

    async def login(self, request: Request) -> Response:
        """The page with the form, or what comes of sending it."""
        if request.method == "POST":
            return await self._log_in(request)
        session = session_of(request)
        if session is not None:
            try:
                actor = await self._threads.read(partial(self._authentication.actor, Credentials("session", session)))
            except Problem:
                return self._page(request)
            return pages.logged_in_page(words_of(request), actor.account, csrf_token(session))
        return self._page(request)

    def _page(self, request: Request) -> Response:
        following = next_path(request.query_params.get("next", ""))
        return pages.login_page(words_of(request), following, sign_on=self._has_sign_on)

    async def logout(self, request: Request) -> Response:
        """End the session, and show the form again."""
        session = session_of(request)
        if session is not None:
            form = await self._form(request) if request.headers.get("content-type") else {}
            check_csrf(session, request.headers.get(CSRF_HEADER) or form.get("csrf_token", ""))
            end = self._sessions.close_all if form.get("everywhere") else self._sessions.close
            await self._threads.read(partial(end, session))
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(
            cookie_name(request), secure=request.url.scheme == "https", httponly=True, samesite="strict"
        )
        return answer

    async def language(self, request: Request) -> Response:
        """Keep the language that a reader chose, and show the same page in it."""
        _from_our_page(request)
        form = await self._form(request)
        answer = RedirectResponse(next_path(form.get("next", "")), 303)
        if form.get("language") in LANGUAGES:
            secure = request.url.scheme == "https"
            answer.set_cookie(
                LANGUAGE_COOKIE, form["language"], LANGUAGE_KEPT, secure=secure, httponly=True, samesite="lax"
            )
        return answer

    async def _log_in(self, request: Request) -> Response:
        _from_our_page(request)
        form = await self._form(request)
        account, password, following = form.get("account", "").strip(), form.get("password", ""), form.get("next", "")
        try:
            session = await self._session(account, password, request.client.host if request.client else "")
        except Problem as problem:
            if "text/html" not in request.headers.get("accept", ""):
                raise
            return _told(request, problem, next_path(following), account)
        trail(request.scope).actor = account
        earlier = session_of(request)
        if earlier is not None:
            await self._threads.read(partial(self._sessions.close, earlier))
        answer = RedirectResponse(next_path(following), 303)
        answer.set_cookie(
            cookie_name(request), session, secure=request.url.scheme == "https", httponly=True, samesite="strict"
        )
        return answer

    async def _session(self, account: str, password: str, address: str) -> str:
        """A new session. Raises Problem: too-many-attempts, login-failed."""
        if not _ACCOUNT.fullmatch(account):
            account = "-"  # no account is called so; it takes as long, and counts as much
        wait = self._throttle.attempt(account, address)
        if wait:
            seconds = str(math.ceil(wait))
            raise Problem(Fault.TOO_MANY_ATTEMPTS, f"try again in {seconds} s", headers={"Retry-After": seconds})
        right = await self._threads.verify(partial(self._passwords.verify, account, password))
        if not right or await self._threads.read(partial(self._access.account, account)) is None:
            raise Problem(Fault.LOGIN_FAILED, "account or password is wrong")
        self._throttle.succeeded(account, address)
        return await self._threads.read(partial(self._sessions.open, account))

    async def _form(self, request: Request) -> dict[str, str]:
        media_type(request, FORM)
        async with self._bodies.reading(request, FORM_LIMIT) as raw:
            try:
                return dict(parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=20))
            except ValueError:
                raise Problem(Fault.MALFORMED, "the body is no form in UTF-8") from None


def _from_our_page(request: Request) -> None:
    """Refuse a form that another site sends: it would log the browser in as somebody else."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        ours = site in ("same-origin", "none")
    else:
        ours = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if not ours:
        raise Problem(Fault.FORGED, "the form comes from another site")


def next_path(asked: str) -> str:
    """Where to go after logging in: a path of ours, whatever was asked."""
    return asked if _NEXT.fullmatch(asked) else HOME


def _told(request: Request, problem: Problem, following: str, account: str) -> Response:
    seconds = problem.headers.get("Retry-After")
    trail(request.scope).problem = problem.fault.slug
    t, fault = words_of(request), problem.fault.value
    said = fault.zh if t.language == "zh" else fault.en
    notice = t("login.wait", said=said, seconds=seconds) if seconds else t("login.failed", said=said)
    page = pages.login_page(t, following, account, notice, fault.status)
    page.headers.update(problem.headers)
    if page.status_code == 401:  # noqa: PLR2004  # RFC 9110 section 15.5.2
        page.headers["WWW-Authenticate"] = problems.CHALLENGE
    return page
