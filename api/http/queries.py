"""Query parameters, each known, given once, and well formed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from api.http.problems import Fault, Problem
from domain.refusals import Code, FieldError, Refused

LIMIT_DEFAULT: Final = 50
LIMIT_MOST: Final = 500
TIMES: Final = ("known_at", "on", "min_position")
PAGES: Final = ("limit", "cursor")

_LONGEST = 300
_POSITION = re.compile(r"\d{1,15}", re.ASCII)
_CURSOR = re.compile(r"[A-Za-z0-9_-]{1,300}")
_OF_TIME = re.compile(r"(from_|to_)?(known_at|on)|min_position")


def parameters(request: Request, allowed: Collection[str]) -> dict[str, str]:
    """The request's query parameters.

    Raises Problem: malformed for bytes that are no text, unknown-parameter, invalid-parameter for one given twice or
    with control characters. Raises Refused (bad-time) for a time that can't be one.
    """
    try:
        pairs = parse_qsl(
            request.scope["query_string"].decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=50
        )
    except ValueError:
        raise Problem(Fault.MALFORMED, "the query is not a list of parameters in UTF-8") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if name not in allowed:
            raise Problem(
                Fault.UNKNOWN_PARAMETER,
                f"this address takes {', '.join(allowed) or 'no parameters'}",
                errors=[FieldError(f"/{pointed(name)}", "there is no such parameter")],
            )
        if name in found:
            raise invalid(name, "given twice")
        if len(value) > _LONGEST or any(unicodedata.category(character) == "Cc" for character in value):
            detail = f"at most {_LONGEST} characters, none of them a control character"
            raise bad_time(name, detail) if _OF_TIME.fullmatch(name) else invalid(name, detail)
        found[name] = unicodedata.normalize("NFC", value)
    return found


def pointed(name: str) -> str:
    """A name as a part of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def limit(query: Mapping[str, str]) -> int:
    """How many a page may have: 1 to 500, 50 where nothing is said. Raises Problem (invalid-parameter)."""
    text = query.get("limit", str(LIMIT_DEFAULT))
    if not _POSITION.fullmatch(text) or not 1 <= int(text) <= LIMIT_MOST:
        raise invalid("limit", f"1 to {LIMIT_MOST}")
    return int(text)


def cursor(query: Mapping[str, str]) -> str | None:
    """Where a page goes on. Raises Refused (bad-cursor) for what never was a cursor."""
    text = query.get("cursor")
    if text is not None and not _CURSOR.fullmatch(text):
        raise Refused(Code.BAD_CURSOR, "the cursor is not of this list", errors=[FieldError("/cursor", "no cursor")])
    return text


def min_position(query: Mapping[str, str]) -> int | None:
    """The position that an answer must include. Raises Refused (bad-time) for what is no position."""
    text = query.get("min_position")
    if text is None:
        return None
    if not _POSITION.fullmatch(text):
        raise bad_time("min_position", "a position of the log")
    return int(text)


def position(text: str) -> int | None:
    """The position that the text is; None where it is none."""
    return int(text) if _POSITION.fullmatch(text) else None


def invalid(name: str, detail: str) -> Problem:
    """The problem of a parameter that isn't valid."""
    return Problem(Fault.INVALID_PARAMETER, f"{name}: {detail}", errors=[FieldError(f"/{pointed(name)}", detail)])


def bad_time(name: str, detail: str) -> Refused:
    """The refusal of a parameter that asks about no time."""
    return Refused(Code.BAD_TIME, f"{name}: {detail}", errors=[FieldError(f"/{name}", detail)])
