"""Passwords of accounts, kept as argon2id hashes (RFC 9106) outside the log."""

from __future__ import annotations

import secrets
import unicodedata
from functools import cached_property
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from infrastructure.postgres.database import Connect

SHORTEST: Final = 10
LONGEST: Final = 200
"""Characters of a password."""

_CHOOSE = """INSERT INTO access.passwords (account, hash) VALUES (%s, %s)
    ON CONFLICT (account) DO UPDATE SET hash = excluded.hash, chosen_at = now()"""
_REHASH = "UPDATE access.passwords SET hash = %s WHERE account = %s AND hash = %s"
_HASH = "SELECT hash FROM access.passwords WHERE account = %s"
_FORGET = "DELETE FROM access.passwords WHERE account = %s"
_END_SESSIONS = "DELETE FROM access.sessions WHERE account = %s"


class Passwords:
    """The passwords of accounts. Hashing takes tens of milliseconds and 64 MiB: callers bound how many at once."""

    def __init__(self, connect: Connect) -> None:
        """`connect` lends connections whose role may read and write."""
        self._connect = connect
        self._hasher = PasswordHasher()

    def choose(self, account: str, password: str) -> None:
        """Give the account this password, in place of any before; its sessions end.

        Raises:
            ValueError: It has fewer than 10 or more than 200 characters.
        """
        normal = unicodedata.normalize("NFC", password)
        if not SHORTEST <= len(normal) <= LONGEST:
            raise ValueError(f"a password has {SHORTEST} to {LONGEST} characters")
        hashed = self._hasher.hash(normal)
        with self._connect() as connection, connection.transaction():
            connection.execute(_CHOOSE, (account, hashed))
            connection.execute(_END_SESSIONS, (account,))

    def forget(self, account: str) -> None:
        """Leave the account without a password; its sessions end."""
        with self._connect() as connection, connection.transaction():
            connection.execute(_FORGET, (account,))
            connection.execute(_END_SESSIONS, (account,))

    def verify(self, account: str, password: str) -> bool:
        """Whether this is the account's password; takes as long where the account has none."""
        normal = unicodedata.normalize("NFC", password[: LONGEST * 4])
        with self._connect() as connection:
            row = connection.execute(_HASH, (account,)).fetchone()
        hashed: str = self._nobodys if row is None else row[0]
        try:
            self._hasher.verify(hashed, normal)
        except (VerificationError, InvalidHashError):
            return False
        if row is None:
            return False
        if self._hasher.check_needs_rehash(hashed):
            with self._connect() as connection:
                connection.execute(_REHASH, (self._hasher.hash(normal), account, hashed))
        return True

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash(secrets.token_urlsafe())
