"""Tokens of an identity provider: OpenID Connect JWTs (RFC 7519), whose subjects stand for accounts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol, Self

import jwt

from infrastructure.postgres.database import Connect

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")
"""Signatures by public key only: a token can't choose to be checked by a secret, or not at all (RFC 8725)."""
LEEWAY: Final = 30
"""Seconds by which clocks may differ."""
FETCH_WITHIN: Final = 5.0
FETCH_AGAIN_AFTER: Final = 30.0
"""Seconds between asking the provider for its keys because a token names one that is not known."""

_ACCOUNT = "SELECT account FROM access.subjects WHERE issuer = %s AND subject = %s"
_LINK = """INSERT INTO access.subjects (issuer, subject, account) VALUES (%s, %s, %s)
    ON CONFLICT (issuer, subject) DO UPDATE SET account = excluded.account, linked_at = now()"""
_UNLINK = "DELETE FROM access.subjects WHERE issuer = %s AND subject = %s"


class _Keys(Protocol):
    def get_signing_key_from_jwt(self, token: str) -> jwt.PyJWK: ...


class Tokens:
    """Tells which account a JWT of one issuer, for one audience, stands for."""

    def __init__(self, connect: Connect, *, issuer: str, audience: str, jwks: str) -> None:
        """`jwks` is the http(s) URL of the issuer's JSON Web Key Set, or the path of a file that holds one."""
        self._connect = connect
        self._issuer = issuer
        self._audience = audience
        self._keys: _Keys
        if jwks.startswith(("https://", "http://")):
            self._keys = jwt.PyJWKClient(jwks, timeout=FETCH_WITHIN, cooldown_duration=FETCH_AGAIN_AFTER)
        else:
            self._keys = _KeyFile(Path(jwks))
        self._failed_at = float("-inf")

    @classmethod
    def from_environment(cls, connect: Connect, environment: Mapping[str, str]) -> Self | None:
        """As TAIZHANG_OIDC_ISSUER, _AUDIENCE and _JWKS say; None where none of them is there.

        Raises:
            ValueError: Only some of them are there.
        """
        named = [environment.get(f"TAIZHANG_OIDC_{name}", "") for name in ("ISSUER", "AUDIENCE", "JWKS")]
        if not any(named):
            return None
        if not all(named):
            raise ValueError("TAIZHANG_OIDC_ISSUER, TAIZHANG_OIDC_AUDIENCE and TAIZHANG_OIDC_JWKS go together")
        issuer, audience, jwks = named
        return cls(connect, issuer=issuer, audience=audience, jwks=jwks)

    def account(self, token: str) -> str | None:
        """The account that the token's subject was linked to; None for a token that is not valid now.

        Raises:
            ConnectionError: The provider's keys can't be had.
        """
        subject = self._subject(token)
        if subject is None:
            return None
        with self._connect() as connection:
            row = connection.execute(_ACCOUNT, (self._issuer, subject)).fetchone()
        return None if row is None else str(row[0])

    def link(self, subject: str, account: str) -> None:
        """Let the provider's subject act through the account."""
        with self._connect() as connection:
            connection.execute(_LINK, (self._issuer, subject, account))

    def unlink(self, subject: str) -> None:
        """Let the provider's subject act through no account."""
        with self._connect() as connection:
            connection.execute(_UNLINK, (self._issuer, subject))

    def _subject(self, token: str) -> str | None:
        try:
            if jwt.get_unverified_header(token).get("alg") not in ALGORITHMS:
                return None
            claims = jwt.decode(
                token,
                self._key(token),
                algorithms=ALGORITHMS,
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError:
            return None
        subject: str = claims["sub"]
        return subject if "\x00" not in subject else None

    def _key(self, token: str) -> jwt.PyJWK:
        if time.monotonic() - self._failed_at < FETCH_AGAIN_AFTER:
            raise ConnectionError("the identity provider's keys could not be had a moment ago")
        try:
            return self._keys.get_signing_key_from_jwt(token)
        except (jwt.PyJWKClientConnectionError, OSError, ValueError) as error:
            self._failed_at = time.monotonic()
            raise ConnectionError("the identity provider's keys can't be had") from error


class _KeyFile:
    """A key set in a file, read again when the file has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: tuple[int, jwt.PyJWKSet] | None = None

    def get_signing_key_from_jwt(self, token: str) -> jwt.PyJWK:
        try:
            return self._keys()[jwt.get_unverified_header(token).get("kid", "")]
        except KeyError:
            raise jwt.PyJWKClientError("no such key") from None

    def _keys(self) -> jwt.PyJWKSet:
        changed = self._path.stat().st_mtime_ns
        if self._read is None or self._read[0] != changed:
            self._read = changed, jwt.PyJWKSet.from_json(self._path.read_text())
        return self._read[1]
