"""Answers in JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

MEDIA_TYPE: Final = "application/json"


def json_bytes(value: object) -> bytes:
    """The value as JSON in UTF-8, without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def json_answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer of JSON."""
    return Response(json_bytes(value), status, headers, MEDIA_TYPE)


def etag(version: object) -> str:
    """The entity tag of a record at a version."""
    return f'"{version}"'
