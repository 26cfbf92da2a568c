"""Signing on at an identity provider: OpenID Connect, the code flow with PKCE (RFC 7636), state and nonce."""

from __future__ import annotations

import hashlib
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Final, Self, cast
from urllib.parse import quote, urlencode

import httpx

from application.signing_on import Begun, NotSignedOn
from infrastructure.access.tokens import FETCH_WITHIN, Tokens
from infrastructure.postgres.database import Connect

DISCOVERY: Final = "/.well-known/openid-configuration"
DISCOVERED_FOR: Final = 3_600.0
"""Seconds after which the provider is asked for its addresses again."""
PROVIDER_BYTES: Final = 1 << 20
"""Bytes of an answer of the provider."""


class Provider:
    """Lets a provider's subjects log in through the accounts that they are linked to."""

    def __init__(self, connect: Connect, *, issuer: str, client_id: str, client_secret: str | None) -> None:
        """`issuer` is its identifier, below which its addresses are found (OpenID Connect Discovery 1.0)."""
        self._connect = connect
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._found: tuple[float, Mapping[str, Any], Tokens] | None = None

    @classmethod
    def from_environment(cls, connect: Connect, environment: Mapping[str, str]) -> Self | None:
        """As TAIZHANG_OIDC_ISSUER, _CLIENT_ID and, for a client that has one, _CLIENT_SECRET say; None without an id.

        Raises:
            ValueError: There is a client, and no issuer.
        """
        client_id = environment.get("TAIZHANG_OIDC_CLIENT_ID", "")
        issuer = environment.get("TAIZHANG_OIDC_ISSUER", "")
        if not client_id:
            return None
        if not issuer:
            raise ValueError("TAIZHANG_OIDC_CLIENT_ID goes with TAIZHANG_OIDC_ISSUER")
        secret = environment.get("TAIZHANG_OIDC_CLIENT_SECRET") or None
        return cls(connect, issuer=issuer, client_id=client_id, client_secret=secret)

    def begin(self, callback: str) -> Begun:
        """A login that comes back to an address of ours.

        Raises:
            ConnectionError: The provider doesn't answer as one does.
        """
        described, _ = self._provider()
        state, nonce, verifier = (secrets.token_urlsafe(size) for size in (24, 24, 48))
        challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "scope": "openid",
            "client_id": self._client_id,
            "redirect_uri": callback,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = str(described["authorization_endpoint"])
        return Begun(f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}", state, nonce, verifier)

    def finish(self, callback: str, answered: Mapping[str, str], begun: Begun) -> str | None:
        """The account that the subject who logged in is linked to; None where it is linked to none.

        Raises:
            NotSignedOn: The answer is no such login's, or the provider refuses it.
            ConnectionError: The provider doesn't answer as one does.
        """
        described, tokens = self._provider()
        if "error" in answered:
            raise NotSignedOn("the provider refused the login")
        if answered.get("state") != begun.state or not answered.get("code"):
            raise NotSignedOn("it answers no login that was begun here")
        if answered.get("iss", self._issuer) != self._issuer:
            raise NotSignedOn("another provider answers")  # RFC 9207
        token = self._identity_token(str(described["token_endpoint"]), callback, answered["code"], begun)
        subject = tokens.subject(token, nonce=begun.nonce)
        if subject is None:
            raise NotSignedOn("the identity token is not valid")
        return tokens.linked(subject)

    def _identity_token(self, endpoint: str, callback: str, code: str, begun: Begun) -> str:
        sent = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": callback,
            "code_verifier": begun.verifier,
        }
        # RFC 6749 section 2.3.1: a client with a secret proves itself by it, another one only names itself.
        secret = None
        if self._client_secret is None:
            sent["client_id"] = self._client_id
        else:
            secret = (quote(self._client_id, safe=""), quote(self._client_secret, safe=""))
        try:
            answer = httpx.post(endpoint, data=sent, auth=secret, timeout=FETCH_WITHIN)
            given: Any = answer.json() if len(answer.content) <= PROVIDER_BYTES else None
        except (httpx.HTTPError, ValueError) as error:
            raise ConnectionError("the identity provider does not answer") from error
        token = cast("dict[str, Any]", given).get("id_token") if isinstance(given, dict) else None
        if answer.is_error or not isinstance(token, str):
            raise NotSignedOn("the provider gives no identity token")
        return token

    def _provider(self) -> tuple[Mapping[str, Any], Tokens]:
        """What the provider says of itself, and what checks its tokens."""
        found = self._found
        if found is None or time.monotonic() - found[0] > DISCOVERED_FOR:
            described = self._discover()
            tokens = Tokens(
                self._connect, issuer=self._issuer, audience=self._client_id, jwks=str(described["jwks_uri"])
            )
            found = self._found = (time.monotonic(), described, tokens)
        return found[1], found[2]

    def _discover(self) -> Mapping[str, Any]:
        try:
            answer = httpx.get(self._issuer.rstrip("/") + DISCOVERY, timeout=FETCH_WITHIN)
            answer.raise_for_status()
            described: Any = answer.json() if len(answer.content) <= PROVIDER_BYTES else None
        except (httpx.HTTPError, ValueError) as error:
            raise ConnectionError("the identity provider does not answer") from error
        wanted = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        if not isinstance(described, dict):
            raise ConnectionError("the identity provider does not describe itself")
        told = cast("dict[str, Any]", described)
        if told.get("issuer") != self._issuer or not all(isinstance(told.get(name), str) for name in wanted):
            raise ConnectionError("the identity provider describes another one")
        return told
