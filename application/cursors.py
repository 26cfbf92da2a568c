"""Cursors: where a page of one list ended, opaque to clients, and of no use to another list."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from domain.refusals import Code, FieldError, Refused


def cursor_of(tag: str, after: str) -> str:
    """The cursor of a page that ended after this place; `tag` says of which list."""
    digest = hashlib.sha256(tag.encode()).digest()[:6]
    return base64.urlsafe_b64encode(digest + after.encode()).decode().rstrip("=")


def read_cursor(cursor: str | None, tag: str, pattern: str) -> str:
    """The place to go on after, which matches the pattern; empty for the beginning.

    Raises Refused (bad-cursor) for what is no cursor of this list.
    """
    if cursor is None:
        return ""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        after = raw[6:].decode()
    except (binascii.Error, UnicodeDecodeError):
        raw, after = b"", ""
    if raw[:6] != hashlib.sha256(tag.encode()).digest()[:6] or not re.fullmatch(pattern, after, re.ASCII):
        raise Refused(
            Code.BAD_CURSOR, "the cursor is not of this list", errors=[FieldError("/cursor", "not of this list")]
        )
    return after
