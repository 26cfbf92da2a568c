"""Logging in at the identity provider: to it and back, with nothing kept here in between."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import partial
from typing import Final, cast

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.composition import Taizhang
from api.http import pages
from api.http.authentication import cookie_name
from api.http.problems import Fault, Problem
from api.http.signing_in import next_path
from api.http.threads import Threads
from api.http.trail import trail
from api.web.words import words_of
from application.signing_on import Begun, NotSignedOn

START: Final = "/login/oidc"
CALLBACK: Final = "/login/oidc/callback"
BEGUN_FOR: Final = 600
"""Seconds within which somebody who was sent to the provider may come back."""


class SigningOn:
    """The addresses by which a browser goes to the provider and comes back."""

    def __init__(self, taizhang: Taizhang, threads: Threads) -> None:
        self._access = taizhang.access
        self._sessions = taizhang.sessions
        self._sign_on = taizhang.sign_on
        self._threads = threads

    async def start(self, request: Request) -> Response:
        """Send the browser to the provider; what its answer has to match goes along in a cookie of ours."""
        if self._sign_on is None:
            raise Problem(Fault.NO_SUCH_PATH, "no identity provider is configured")
        begun = await self._threads.read(partial(self._sign_on.begin, _callback(request)))
        following = next_path(request.query_params.get("next", ""))
        answer = RedirectResponse(begun.address, 303)
        kept = json.dumps([begun.state, begun.nonce, begun.verifier, following]).encode()
        # Lax: the provider sends the browser back from another site.
        answer.set_cookie(
            _cookie(request), urlsafe_b64encode(kept).decode(), BEGUN_FOR, secure=request.url.scheme == "https",
            httponly=True, samesite="lax",
        )  # fmt: skip
        return answer

    async def callback(self, request: Request) -> Response:
        """Open a session for whoever has logged in there."""
        if self._sign_on is None:
            raise Problem(Fault.NO_SUCH_PATH, "no identity provider is configured")
        begun, following = _begun(request)
        answered = dict(request.query_params)
        try:
            account = await self._threads.read(partial(self._sign_on.finish, _callback(request), answered, begun))
        except NotSignedOn as refusal:
            raise Problem(Fault.LOGIN_FAILED, f"the identity provider's answer is not accepted: {refusal}") from None
        if account is None or await self._threads.read(partial(self._access.account, account)) is None:
            raise Problem(Fault.NOT_LINKED, "who logged in there is linked to no open account here")
        trail(request.scope).actor = account
        session = await self._threads.read(partial(self._sessions.open, account))
        # Not a redirect: the session's cookie is strict, and isn't sent on a way that began on another site.
        answer = pages.go_on_page(words_of(request), following)
        answer.set_cookie(
            cookie_name(request), session, secure=request.url.scheme == "https", httponly=True, samesite="strict"
        )
        answer.delete_cookie(_cookie(request), secure=request.url.scheme == "https", httponly=True, samesite="lax")
        return answer


def _callback(request: Request) -> str:
    """Our address that the provider sends the browser back to, as it is registered there."""
    return f"{request.url.scheme}://{request.url.netloc}{CALLBACK}"


def _cookie(request: Request) -> str:
    return f"{cookie_name(request)}-oidc"


def _begun(request: Request) -> tuple[Begun, str]:
    """The login that this browser began. Raises Problem (forged) where it began none, or another."""
    try:
        kept: object = json.loads(urlsafe_b64decode(request.cookies.get(_cookie(request), "")))
        state, nonce, verifier, following = map(str, cast("list[str]", kept))
    except (ValueError, TypeError):
        raise _forged() from None
    if request.query_params.get("state") != state:
        raise _forged()
    return Begun("", state, nonce, verifier), next_path(following)


def _forged() -> Problem:
    return Problem(Fault.FORGED, "this browser began no such login, or began it too long ago")
