"""Who asks: an API key, a token of the identity provider, or the session of a browser."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final, Literal, NamedTuple

from starlette.requests import Request

from api.composition import Taizhang
from api.http.problems import CHALLENGE, Fault, Problem
from application.access import KEY_PREFIX
from domain.offices import Actor

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER: Final = "x-csrf-token"

_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]{1,8192}=*) *", re.IGNORECASE)


class Credentials(NamedTuple):
    """What a request is made with, not yet looked at."""

    kind: Literal["bearer", "session"]
    token: str


class Authentication:
    """Tells who is behind credentials, by the rights that hold now."""

    def __init__(self, taizhang: Taizhang) -> None:
        self._access = taizhang.access
        self._sessions = taizhang.sessions
        self._tokens = taizhang.tokens

    def credentials(self, request: Request) -> Credentials:
        """What the request is made with.

        Raises Problem: unauthenticated where there is nothing; forged where a browser's session would change
        something without the token that only our own pages know.
        """
        if (given := request.headers.getlist("authorization")) != []:
            bearer = _BEARER.fullmatch(given[0]) if len(given) == 1 else None
            if bearer is None:
                raise _unauthenticated("Authorization is «Bearer», and an API key or a token", "invalid_request")
            return Credentials("bearer", bearer[1])
        session = session_token(request)
        if session is None:
            raise _unauthenticated("send an API key as Authorization: Bearer tz_…, or log in at /login")
        if request.method not in SAFE:
            check_csrf(session, request.headers.get(CSRF_HEADER, ""))
        return Credentials("session", session)

    def actor(self, credentials: Credentials) -> Actor:
        """Whose they are. Raises Problem (unauthenticated) where they open nothing, and what the database raises."""
        found = self._of_session(credentials.token) if credentials.kind == "session" else self._of(credentials.token)
        if found is None:
            raise _unauthenticated("the credentials are unknown, expired or revoked", "invalid_token")
        return found

    def _of_session(self, token: str) -> Actor | None:
        account = self._sessions.account(token)
        return None if account is None else self._access.account(account)

    def _of(self, token: str) -> Actor | None:
        if token.startswith(KEY_PREFIX) or self._tokens is None:
            return self._access.bearer(token)
        account = self._tokens.account(token)
        return None if account is None else self._access.account(account)


def cookie_name(request: Request) -> str:
    """The session cookie's name: over TLS one that no other origin can set (RFC 6265bis)."""
    return "__Host-taizhang" if request.url.scheme == "https" else "taizhang"


def session_token(request: Request) -> str | None:
    """The token of the browser's session; None where it has none."""
    token = request.cookies.get(cookie_name(request), "")
    return token if re.fullmatch(r"[A-Za-z0-9_-]{43}", token) else None


def csrf_token(session: str) -> str:
    """The token that our own pages send beside the session's cookie; it tells nothing of the session's."""
    return hashlib.sha256(b"csrf " + session.encode()).hexdigest()


def check_csrf(session: str, given: str) -> None:
    """Refuse a request that doesn't come from our own pages."""
    if not hmac.compare_digest(csrf_token(session).encode(), given.encode()):
        raise Problem(Fault.FORGED, "with a session, X-CSRF-Token has the token of the page that sends the request")


def _unauthenticated(detail: str, error: str | None = None) -> Problem:
    challenge = CHALLENGE if error is None else f'{CHALLENGE}, error="{error}"'
    return Problem(Fault.UNAUTHENTICATED, detail, headers={"WWW-Authenticate": challenge})
