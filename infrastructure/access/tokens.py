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
    def get_signing_keys(self) -> list[jwt.PyJWK]: ...

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
        """As TAIZHANG_OIDC_ISSUER, _AUDIENCE and _JWKS say; None where none is there, or the issuer for logins alone.

        Raises:
            ValueError: Only some of them are there.
        """
        named = [environment.get(f"TAIZHANG_OIDC_{name}", "") for name in ("ISSUER", "AUDIENCE", "JWKS")]
        login_alone = environment.get("TAIZHANG_OIDC_CLIENT_ID") and not any(named[1:])
        if not any(named) or login_alone:
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
        subject = self.subject(token)
        return None if subject is None else self.linked(subject)

    def linked(self, subject: str) -> str | None:
        """The account that a subject was linked to."""
        with self._connect() as connection:
            row = connection.execute(_ACCOUNT, (self._issuer, subject)).fetchone()
        return None if row is None else str(row[0])

    def subject(self, token: str, nonce: str | None = None) -> str | None:
        """Whom the token is about; None for one that is not valid now, or that answers another login's nonce.

        Raises:
            ConnectionError: The provider's keys can't be had.
        """
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
        if nonce is not None and claims.get("nonce") != nonce:
            return None
        subject: str = claims["sub"]
        return subject if "\x00" not in subject else None

    def _key(self, token: str) -> jwt.PyJWK:
        if time.monotonic() - self._failed_at < FETCH_AGAIN_AFTER:
            raise ConnectionError("the identity provider's keys could not be had a moment ago")
        try:
            if "kid" not in jwt.get_unverified_header(token):
                return self._only_key()
            return self._keys.get_signing_key_from_jwt(token)
        except (jwt.PyJWKClientConnectionError, OSError, ValueError) as error:
            self._failed_at = time.monotonic()
            raise ConnectionError("the identity provider's keys can't be had") from error

    def _only_key(self) -> jwt.PyJWK:
        """The provider's key, where it has a single one and so need not name it (OpenID Connect Core 10.1)."""
        keys = self._keys.get_signing_keys()
        if len(keys) != 1:
            raise jwt.PyJWKClientError("the token names none of several keys")
        return keys[0]


class Linking:
    """Which account a provider's subject acts through: outside the log, as passwords are."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    def link(self, issuer: str, subject: str, account: str) -> None:
        """Let the subject act through the account, and no other."""
        with self._connect() as connection:
            connection.execute(_LINK, (issuer, subject, account))

    def unlink(self, issuer: str, subject: str) -> bool:
        """Let the subject act through no account; whether it did."""
        with self._connect() as connection:
            return connection.execute(_UNLINK, (issuer, subject)).rowcount == 1


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

    def get_signing_keys(self) -> list[jwt.PyJWK]:
        return self._keys().keys

    def _keys(self) -> jwt.PyJWKSet:
        changed = self._path.stat().st_mtime_ns
        if self._read is None or self._read[0] != changed:
            self._read = changed, jwt.PyJWKSet.from_json(self._path.read_text())
        return self._read[1]
