"""What is known of a request while it lasts, for its log line, its metrics and its problem."""

from __future__ import annotations

import re
import uuid
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any, Final, cast

from starlette.datastructures import Headers

_KEY: Final = "taizhang.trail"
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._~-]{1,128}")


@dataclass(slots=True)
class Trail:
    """One request: who asks, and what came of it. Never what was asked."""

    request_id: str
    actor: str | None = None
    """The id of the account."""
    position: int | None = None
    """The last position recorded."""
    outcome: str | None = None
    """What became of a recording: recorded or replayed."""
    problem: str | None = None
    """The code of the problem that it was answered with."""


def begin(scope: MutableMapping[str, Any]) -> Trail:
    """Begin a request's trail, under the id that the client gave it where that is fit to be logged."""
    given = Headers(scope=scope).get("x-request-id", "")
    begun = Trail(given if _REQUEST_ID.fullmatch(given) else str(uuid.uuid4()))
    scope[_KEY] = begun
    return begun


def trail(scope: MutableMapping[str, Any]) -> Trail:
    """The request's trail."""
    return cast("Trail", scope[_KEY])
