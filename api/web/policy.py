"""The policy's text, clause by clause, each with the rules that judge it and the events that it asks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from api.web.formatting import CHAPTERS
from api.web.shell import Shown
from api.web.visit import Visit
from domain.policy import SOURCE_SHA256, clauses, source
from domain.records import AGGREGATES
from domain.rules import RULES


class ClauseShown(NamedTuple):
    """A clause with what the ledger makes of it."""

    number: str
    chapter: str | None
    """The chapter's own heading, before its first clause."""
    heading: str
    text: str
    rules: list[tuple[str, str]]
    events: list[tuple[str, str]]


def page(visit: Visit) -> Shown:
    """The policy."""
    context: dict[str, Any] = {"clauses": list(_shown(visit)), "digest": SOURCE_SHA256, "opening": _opening()}
    return Shown("policy.html", visit.words("policy.title"), context)


def _shown(visit: Visit) -> Iterator[ClauseShown]:
    headings = _headings()
    before = ""
    for number, text in clauses().items():
        chapter = number.partition(".")[0]
        first, _, rest = text.partition("\n")
        heading, mark, said = first.partition("。")
        if "." not in number or not mark:
            heading, said = first, ""
        yield ClauseShown(
            number,
            headings.get(chapter) if chapter != before and "." in number else None,
            heading,
            "\n".join(one for one in (said, rest) if one),
            [(rule.name.partition("/")[0], rule.zh) for rule in RULES.values() if rule.clause == number],
            [
                (kind, visit.words.event(kind, fact.event))
                for kind, aggregate in AGGREGATES.items()
                for fact in aggregate.facts
                if fact.clause == number
            ],
        )
        before = chapter


def _headings() -> dict[str, str]:
    """The chapters' headings by number."""
    lines = source().splitlines()
    return {
        str(number): line for number, digit in enumerate(CHAPTERS, 1) for line in lines if line.startswith(f"{digit}、")
    }


def _opening() -> list[str]:
    """What stands before the first chapter."""
    lines = source().splitlines()
    return lines[: next(number for number, line in enumerate(lines) if line.startswith("一、"))]
