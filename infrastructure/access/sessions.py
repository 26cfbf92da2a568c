"""Sessions of browsers: a random token each, of which only the digest is kept."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Final

from infrastructure.postgres.database import Connect

LIFETIME: Final = timedelta(hours=12)
SESSIONS_PER_ACCOUNT: Final = 20
"""Past that the oldest end."""

_MAKE_ROOM = """DELETE FROM access.sessions WHERE expires_at <= clock_timestamp() OR token_sha256 IN (
    SELECT s.token_sha256 FROM access.sessions AS s WHERE s.account = %s ORDER BY s.opened_at DESC OFFSET %s)"""
_OPEN = "INSERT INTO access.sessions (token_sha256, account, expires_at) VALUES (%b, %s, clock_timestamp() + %s)"
_ACCOUNT = "SELECT account FROM access.sessions WHERE token_sha256 = %b AND expires_at > clock_timestamp()"
_CLOSE = "DELETE FROM access.sessions WHERE token_sha256 = %b"
_CLOSE_ALL = """DELETE FROM access.sessions WHERE account =
    (SELECT s.account FROM access.sessions AS s WHERE s.token_sha256 = %b)"""


class Sessions:
    """Who is logged in. Whether an account is still open is the ledger's to say, at every request."""

    def __init__(self, connect: Connect, *, lifetime: timedelta = LIFETIME) -> None:
        """`connect` lends connections whose role may read, insert and delete."""
        self._connect = connect
        self._lifetime = lifetime

    def open(self, account: str) -> str:
        """A new session's token: 256 random bits, valid for `lifetime` whatever happens in it."""
        token = secrets.token_urlsafe(32)
        with self._connect() as connection, connection.transaction():
            connection.execute(_MAKE_ROOM, (account, SESSIONS_PER_ACCOUNT - 1))
            connection.execute(_OPEN, (_digest(token), account, self._lifetime))
        return token

    def account(self, token: str) -> str | None:
        """The account that the session is of; None where there is no such session, or no longer."""
        with self._connect() as connection:
            row = connection.execute(_ACCOUNT, (_digest(token),)).fetchone()
        return None if row is None else str(row[0])

    def close(self, token: str) -> None:
        """End the session, if there is one."""
        with self._connect() as connection:
            connection.execute(_CLOSE, (_digest(token),))

    def close_all(self, token: str) -> None:
        """End every session of the account that this one is of."""
        with self._connect() as connection:
            connection.execute(_CLOSE_ALL, (_digest(token),))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
