"""Addresses of the application."""

from __future__ import annotations

from starlette.routing import Match, Route
from starlette.types import Scope
from typing_extensions import override


class Address(Route):
    """A route that tells, as FastAPI's own do, which one it was: figures and logs go by its template."""

    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = super().matches(scope)
        return match, found if match is Match.NONE else {**found, "route": self}
