"""What the workbench says, in Chinese and English: one file of strings, `words.csv`."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from starlette.requests import Request

from api.http.problems import language
from domain.records import AGGREGATES

Language = Literal["zh", "en"]
Say = Callable[..., str]

FILE: Final = "words.csv"
LANGUAGE_COOKIE: Final = "taizhang-language"
"""Holds the language that a reader chose."""
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


class Word(NamedTuple):
    """One string in both languages."""

    zh: str
    en: str


@cache
def words() -> Mapping[str, Word]:
    """Every string by its key. Raises ValueError for a key that stands twice, or that lacks a language."""
    text = resources.files("api.web").joinpath(FILE).read_text(encoding="utf-8")
    found: dict[str, Word] = {}
    for row in csv.DictReader(io.StringIO(text), strict=True):
        key, zh, en = row["key"], row["zh"], row["en"]
        if key in found or not zh or not en:
            raise ValueError(f"{FILE}: {key}")
        found[key] = Word(zh, en)
    return MappingProxyType(found)


class Words:
    """The strings in one language."""

    def __init__(self, language: Language) -> None:
        self.language: Final = language
        self._chosen: Mapping[str, str] = {key: getattr(word, language) for key, word in words().items()}

    def __call__(self, key: str, /, **figures: object) -> str:
        """The string, with the figures in their places. Raises KeyError for a key that there is not."""
        said = self._chosen[key]
        return said.format(**figures) if figures else said

    def named(self, group: str, name: str) -> str:
        """The name's label in a group; the name itself where it has none."""
        return self._chosen.get(f"{group}.{name}", name)

    def event(self, kind: str, event: str) -> str:
        """An event as people call it: the Chinese name of its class line, or the API's name in English words."""
        if self.language == "en":
            return _CAPITAL.sub(" ", event).capitalize()
        if event in CORRECTING:
            return CORRECTING[event]
        fact = AGGREGATES[kind].fact(event) if kind in AGGREGATES else None
        return event if fact is None else fact.zh

    def kind(self, kind: str) -> str:
        """A kind of record as people call it."""
        return self.named("kind", kind)


CORRECTING: Final = {"EventCorrected": "更正", "EventRetracted": "作废"}


@cache
def spoken(language: Language) -> Words:
    """The strings in a language."""
    return Words(language)


def words_of(request: Request) -> Words:
    """The strings in the reader's language: the one chosen, or else the one that the browser prefers."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    preferred: Language = "en" if language(request) == "en" else "zh"
    return spoken(chosen if chosen in ("zh", "en") else preferred)
