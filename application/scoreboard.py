"""A year's scoreboard as one reader may see it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from application.assessing import Place, Scored
from application.boards import Board, Row, Tally
from application.names import Names
from application.rights import Reader
from application.score_json import PUBLISHED, opened, published_json, shown_json


class Standing(NamedTuple):
    """Where a New City stands on a scoreboard, as far as the reader may know."""

    new_city: str
    rank: int | None
    official: Decimal | None
    indicative: Decimal | None
    undeterminable: Decimal | None
    lost: int | None
    """Deductions in force where the assessment is open; findings before."""
    published: Decimal | None
    published_at: int | None

    @property
    def main(self) -> Decimal | None:
        """The official score; the indicative one while no assessment is open."""
        return self.indicative if self.official is None else self.official


class Scoreboard:
    """A year's scoreboard as one reader may see it."""

    def __init__(self, names: Names, reader: Reader, board: Board) -> None:
        self.scheme = board.scheme
        self._names = names
        self._reader = reader
        self._rows = board.rows
        self.ranks = ranks_of(reader, [row.place for row in board.rows.values()])
        """The rank of each New City that has one for the reader."""

    def standings(self) -> list[Standing]:
        """Where the New Cities stand, by id."""
        found: list[Standing] = []
        for new_city, row in self._rows.items():
            tally = row.tally
            standing = Standing(
                new_city,
                self.ranks.get(new_city),
                tally.official,
                tally.indicative,
                tally.undeterminable,
                tally.found if tally.official is None else tally.in_force,
                tally.published,
                tally.published_at,
            )
            if self._reader.may_read("assessments", new_city):
                found.append(standing)
            elif row.is_public:
                found.append(
                    standing._replace(official=tally.published, indicative=None, undeterminable=None, lost=None)
                )
        return found

    def rows(self) -> list[dict[str, Any]]:
        """The scores of all of them, as clients see them."""
        return [self.row(one.new_city) for one in self.standings()]

    def row(self, new_city: str) -> dict[str, Any]:
        """The score of a New City among the standings, as clients see it. Raises KeyError for another one."""
        body = self._rows[new_city].unpacked()
        if not self._reader.may_read("assessments", new_city):
            published: dict[str, Any] = body["published"]
            return published
        return opened(self._names, body["score"]) | {"rank": self.ranks.get(new_city)}


def row_of(scored: Scored, on: date) -> Row:
    """A score as boards keep it, for readers of all rights; names in it are still sealed."""
    published = published_json(scored)
    score, record = scored.score, scored.standing.record
    step = None if record is None else record.steps.get(PUBLISHED)
    tally = Tally(
        score.official,
        score.indicative,
        score.undeterminable,
        sum(one.finding.outcome == "found" for line in score.lines for one in line.findings),
        sum(one.shown["status"] != "revoked" for one in scored.standing.deductions or ()),
        None if step is None else Decimal(step.fact.value("score")),
        None if step is None else step.position,
    )
    return Row.of(scored, tally, {"score": shown_json(scored, in_full=False), "published": published}, on)


def ranks_of(reader: Reader, places: Sequence[Place]) -> dict[str, int]:
    """The rank of each New City that the reader may read, equal scores sharing one.

    None at all where a rank would tell of a score that the reader may not have.
    """
    own = {one.new_city: one.merit for one in places if reader.may_read("assessments", one.new_city)}
    if any(one.new_city not in own and not one.is_published for one in places):
        return {}
    merits = sorted(one.merit for one in places)
    return {new_city: 1 + len(merits) - bisect_right(merits, merit) for new_city, merit in own.items()}
