"""Attachments: the files that entries name by SHA-256, in a table of the database that only grows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from infrastructure.postgres.database import Connect

_MISSING = """SELECT encode(asked.sha256, 'hex') FROM unnest(%b::bytea[]) WITH ORDINALITY AS asked (sha256, place)
    WHERE NOT EXISTS (SELECT FROM attachments.files AS f WHERE f.sha256 = asked.sha256) ORDER BY asked.place"""
_PUT = "INSERT INTO attachments.files (sha256, content) VALUES (%b, %b) ON CONFLICT DO NOTHING"
_GET = "SELECT content FROM attachments.files WHERE sha256 = %b"


class Attachments:
    """Files by digest. Digests are 64 lower-case hex digits; every method raises ValueError for anything else."""

    LIMIT: Final = 20 << 20
    """Bytes of one attachment at most."""

    def __init__(self, connect: Connect) -> None:
        """`connect` lends connections whose role may read and insert."""
        self._connect = connect

    def missing(self, digests: Iterable[str]) -> list[str]:
        """Those of the digests that no file has been stored under, each once, in the order asked."""
        asked = [bytes.fromhex(digest) for digest in dict.fromkeys(digests)]
        if not asked:
            return []
        with self._connect() as connection:
            return [row[0] for row in connection.execute(_MISSING, (asked,))]

    def has(self, sha256: str) -> bool:
        """Whether a file was stored under that digest."""
        return not self.missing((sha256,))

    def put(self, sha256: str, content: bytes) -> bool:
        """Store a file durably; returns whether it is new.

        Raises:
            psycopg.errors.CheckViolation: Its digest is another, or it is longer than LIMIT.
        """
        with self._connect() as connection:
            return connection.execute(_PUT, (bytes.fromhex(sha256), content)).rowcount == 1

    def get(self, sha256: str) -> bytes | None:
        """The file with that digest; None where none was stored."""
        with self._connect() as connection:
            row = connection.cursor(binary=True).execute(_GET, (bytes.fromhex(sha256),)).fetchone()
        return None if row is None else bytes(row[0])
