"""Bodies of requests: read within limits, and JSON taken strictly, as I-JSON (RFC 7493)."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final, NoReturn, cast

from starlette.requests import ClientDisconnect, Request

from api.http.problems import Fault, Problem
from domain.refusals import Code, FieldError, Refused

SINGLE_LIMIT: Final = 1 << 20
BATCH_LIMIT: Final = 64 << 20
"""Bytes of a body that records one event, or a batch."""
HELD_LIMIT: Final = 256 << 20
"""Bytes of all bodies held at once; past that a client is told to come back."""
STRUCTURE_LIMIT: Final = 2_000_000
"""Commas, colons and brackets of a body: what parsing it may cost in memory."""
DEPTH_LIMIT: Final = 64
LARGEST_INTEGER: Final = 2**53
CHUNK_WITHIN: Final = 30.0
"""Seconds that a client may take for the next part of a body."""

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_LENGTH = re.compile(r"\d{1,15}", re.ASCII)


class Bodies:
    """Reads bodies, and counts how much of them is held."""

    def __init__(self) -> None:
        self._held = 0

    @asynccontextmanager
    async def reading(self, request: Request, limit: int) -> AsyncGenerator[bytes]:
        """The body of a request, held until the block ends.

        Raises Problem: too-large past the limit, announced or not; too-slow; busy while too much is held. Raises
        ClientDisconnect where the client has gone.
        """
        announced = request.headers.get("content-length", "0")
        if not _LENGTH.fullmatch(announced) or int(announced) > limit:
            raise _too_large(limit)
        body = bytearray()
        try:
            more = True
            while more:
                chunk, more = await _next(request)
                body += chunk
                self._held += len(chunk)
                if len(body) > limit:
                    raise _too_large(limit)
                if self._held > HELD_LIMIT:
                    raise Problem(Fault.BUSY, "too much is being sent at once", headers={"Retry-After": "1"})
            yield bytes(body)
        finally:
            self._held -= len(body)


async def _next(request: Request) -> tuple[bytes, bool]:
    try:
        async with asyncio.timeout(CHUNK_WITHIN):
            message = await request.receive()
    except TimeoutError:
        raise Problem(Fault.TOO_SLOW, f"no more of the body within {CHUNK_WITHIN:.0f} s") from None
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)


def _too_large(limit: int) -> Problem:
    return Problem(Fault.TOO_LARGE, f"the body may have {limit} bytes")


def media_type(request: Request, wanted: str) -> None:
    """Refuse a body that isn't of this media type, in UTF-8, as it is."""
    sent, _, parameters = request.headers.get("content-type", "").partition(";")
    plain = re.fullmatch(r'\s*(charset="?utf-8"?)?\s*', parameters, re.IGNORECASE)
    if sent.strip().lower() != wanted or not plain:
        raise Problem(Fault.UNSUPPORTED_MEDIA_TYPE, f"the body is {wanted}, in UTF-8", headers={"Accept": wanted})
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(
            Fault.UNSUPPORTED_MEDIA_TYPE, "the body is sent uncompressed", headers={"Accept-Encoding": "identity"}
        )


def json_object(raw: bytes) -> dict[str, Any]:
    """The JSON object that a body is.

    Raises Problem (malformed) for what is no I-JSON: a name twice, a number that isn't finite or is an integer past
    2^53, text that isn't Unicode, more than 64 levels. Raises Refused (invalid-fields) for JSON that is no object.
    """
    if sum(map(raw.count, (b",", b":", b"[", b"{"))) > STRUCTURE_LIMIT:
        raise Problem(Fault.TOO_LARGE, f"the body has more than {STRUCTURE_LIMIT} values")
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_distinct,
            parse_int=_integer,
            parse_float=_finite,
            parse_constant=_no_number,
        )
        if _SURROGATE.search(raw):
            canonical(value)
    except UnicodeError:
        raise _malformed("the body isn't Unicode in UTF-8") from None
    except RecursionError:
        raise _malformed(f"the body has more than {DEPTH_LIMIT} levels") from None
    except ValueError as error:
        raise _malformed(str(error)) from None
    _not_deep(value)
    if not isinstance(value, dict):
        raise Refused(Code.INVALID_FIELDS, "the body is a JSON object", errors=[FieldError("", "an object")])
    return cast("dict[str, Any]", value)


def canonical(value: object) -> bytes:
    """The same bytes for the same JSON, however it was written. Raises UnicodeEncodeError for a lone surrogate."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice!r} stands twice in an object")
    return found


def _integer(digits: str) -> int:
    if len(digits) > 17 or abs(value := int(digits)) > LARGEST_INTEGER:  # noqa: PLR2004  # a sign and 16 digits
        raise ValueError("an integer past 2^53 doesn't travel exactly in JSON")
    return value


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("a number is too large for JSON")
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _not_deep(value: object) -> None:
    level: list[object] = [value]
    for _ in range(DEPTH_LIMIT):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
    raise _malformed(f"the body has more than {DEPTH_LIMIT} levels")


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return cast("dict[str, object]", value).values()
    return cast("list[object]", value) if isinstance(value, list) else ()


def _malformed(detail: str) -> Problem:
    return Problem(Fault.MALFORMED, detail)
