"""A visit: one request for a page, by whom, about which times, in which language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

from api.web.formatting import Format
from api.web.words import Words
from application.moments import Moment
from application.rights import Reader
from domain.offices import Actor

TIMES: Final = ("known_at", "on", "scheme")
"""The three questions of time: every link takes them along."""


class Visit(NamedTuple):
    """What a page is a function of."""

    path: str
    """As it stands in the address."""
    parts: Mapping[str, str]
    """The variable parts of the path."""
    query: Mapping[str, str]
    actor: Actor
    reader: Reader
    moment: Moment
    words: Words
    csrf: str
    """The token that the page's forms send; empty for a key, which needs none."""

    @property
    def scheme(self) -> str | None:
        """The scheme asked for; None for the one that judges by default."""
        return self.query.get("scheme")

    @property
    def is_past(self) -> bool:
        """Whether the page shows what was known at a time that was asked for."""
        return "known_at" in self.query

    @property
    def format(self) -> Format:
        """How values are written."""
        return Format(self.words.language)

    def url(self, path: str, /, **changes: object) -> str:
        """The address of a page at the same times; a parameter that is None is left out."""
        kept = {name: self.query[name] for name in TIMES if name in self.query}
        return address(path, {**kept, **changes})

    def here(self, **changes: object) -> str:
        """This page's address with other parameters; one that is None is left out."""
        return address(self.path, {**self.query, "cursor": None, **changes})


def address(path: str, query: Mapping[str, Any]) -> str:
    """A path with its parameters."""
    shown = urlencode({name: value for name, value in query.items() if value is not None})
    return quote(path, safe="/-._~") + (f"?{shown}" if shown else "")
