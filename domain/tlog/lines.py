"""Numbers, hashes and base64 as the formats write them in lines: each in one way only."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode

from domain.tlog.tree import HASH_SIZE

SIZE_LIMIT = 2**63
"""Entries that a log stays below."""

_DECIMAL = re.compile(r"0|[1-9]\d{0,18}", re.ASCII)


class Malformed(ValueError):  # noqa: N818  # says what the text is
    """The text isn't of the format that it is read as."""


def decimal(digits: str) -> int:
    """A size or index. Raises Malformed for leading zeroes, signs and what is past 63 bits."""
    if not _DECIMAL.fullmatch(digits) or int(digits) >= SIZE_LIMIT:
        raise Malformed("not a decimal number as the format writes it")
    return int(digits)


def hash_of(encoded: str) -> bytes:
    """A hash of 32 bytes from base64. Raises Malformed for anything else."""
    decoded = bytes_of(encoded)
    if len(decoded) != HASH_SIZE:
        raise Malformed(f"not a hash of {HASH_SIZE} bytes")
    return decoded


def bytes_of(encoded: str) -> bytes:
    """Bytes from base64 (RFC 4648 section 4). Raises Malformed for any encoding but the canonical one."""
    try:
        decoded = b64decode(encoded, validate=True)
    except ValueError:
        raise Malformed("not base64") from None
    if base64_of(decoded) != encoded:
        raise Malformed("not canonical base64")
    return decoded


def base64_of(content: bytes) -> str:
    """Base64, standard and padded (RFC 4648 section 4)."""
    return b64encode(content).decode()
