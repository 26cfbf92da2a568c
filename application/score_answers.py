"""Scores, findings and differences as clients see them, for readers by the rights they have today."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Final, NamedTuple

from application.answers import instant_json
from application.assessing import Assessing, Scored
from application.boards import Boards
from application.histories import Histories
from application.moments import Moment
from application.names import Names
from application.rights import Reader
from application.score_json import opened, points_json, published_json, record_json, score_json, shown_json
from application.scoreboard import Scoreboard, ranks_of, row_of
from domain.fact import JsonValue
from domain.refusals import Code, Refused
from domain.rules import RULES
from domain.scoring import Judged, finding_json

_ORDER: Final = {name: number for number, name in enumerate(RULES)}
_ASSESSMENT = re.compile(r"([12]\d{3})-([a-z0-9-]{2,32})", re.ASCII)


class Question(NamedTuple):
    """Which findings are asked for."""

    year: int
    new_city: str | None = None
    rule: str | None = None
    """A rule's name, with its version or without."""
    outcome: str | None = None


class ScoreAnswers:
    """Answers about scores. Every method raises Refused for a bad question, or one that the reader may not ask."""

    def __init__(self, assessing: Assessing, histories: Histories, names: Names) -> None:
        self._assessing = assessing
        self._names = names
        self.boards = Boards(assessing, histories, lambda scored, moment: row_of(scored, moment.on))

    def scoreboard(self, reader: Reader, year: int, moment: Moment, scheme: str | None) -> Scoreboard:
        """The scores that the reader may see, by New City. Raises Refused also where they are still being judged."""
        return Scoreboard(self._names, reader, self.boards.board(year, moment, scheme))

    def in_full(
        self, reader: Reader, year: int, moment: Moment, scheme: str | None
    ) -> tuple[list[dict[str, JsonValue]], str]:
        """The scores that the reader may see, by New City, with what each line rests on; and the scheme."""
        chosen = self._assessing.scheme(year, moment, scheme)
        rows = [(one.place, self._shown(reader, one)) for one in self._assessing.scores(year, moment, scheme)]
        ranks = ranks_of(reader, [place for place, _ in rows])
        return [row | {"rank": ranks.get(place.new_city)} for place, row in rows if row is not None], chosen

    def report(
        self, reader: Reader, year: int, moment: Moment, scheme: str | None, new_city: str | None = None
    ) -> tuple[dict[str, Any], str]:
        """The whole scoreboard as a report, or the one New City's score, and the scheme.

        Raises Refused: not-found for a New City that is not on record, not-readable for one whose score is not open to
        the reader.
        """
        if new_city is None:
            scores, chosen = self.in_full(reader, year, moment, scheme)
            return {"report": "assessment", "year": year, "scores": scores}, chosen
        own, scored = self.assessment(reader, f"{year}-{new_city}", moment, scheme)
        return {"report": "assessment", "year": year, "new_city": new_city, "scores": [own]}, scored.standing.scheme

    def assessment(
        self, reader: Reader, assessment: str, moment: Moment, scheme: str | None
    ) -> tuple[dict[str, JsonValue], Scored]:
        """One New City's score with its lines; for others than its readers the result as it was published."""
        year, new_city = parts_of(assessment)
        scored = self._assessing.score(new_city, year, moment, scheme)
        shown = self._shown(reader, scored)
        if shown is None:
            raise Refused(Code.NOT_READABLE, f"{scored.path} belongs to another New City, and no result is published")
        return shown | {"rank": self._rank(reader, scored, moment, scheme)}, scored

    def difference(
        self, reader: Reader, assessment: str, start: Moment, end: Moment, scheme: str | None
    ) -> tuple[dict[str, JsonValue], str]:
        """The score before and after, and what each changed point is put down to; and the scheme of the later one."""
        year, new_city = parts_of(assessment)
        if not reader.may_read("assessments", new_city):
            raise Refused(Code.NOT_READABLE, f"assessments/{assessment} belongs to another New City")
        found = self._assessing.difference(new_city, year, start, end, scheme)
        sides: dict[str, JsonValue] = {}
        for side, scored, moment in (("from", found.before, start), ("to", found.after, end)):
            known_at = None if moment.known_at is None else instant_json(moment.known_at)
            score = score_json(scored) | {"rank": self._rank(reader, scored, moment, scheme)}
            sides[side] = {"position": moment.position, "known_at": known_at, **score}
        changes = [
            {
                "kind": cause.kind,
                "points": points_json(cause.points),
                "positions": list(cause.positions),
                "score": cause.score,
                "indicator": cause.indicator,
            }
            for cause in found.causes
        ]
        shown: dict[str, JsonValue] = {
            "id": assessment,
            "kind": "assessments",
            "new_city": new_city,
            "year": year,
            **sides,
            "causes": changes,
            "record": opened(self._names, score_json(found.after) | {"record": record_json(found.after)})["record"],
        }
        return shown, found.after.standing.scheme

    def findings(
        self, reader: Reader, asked: Question, moment: Moment, scheme: str | None, after: str, limit: int
    ) -> tuple[list[dict[str, JsonValue]], str | None, str]:
        """A page of findings by New City, rule and subject; what to go on after; the scheme."""
        chosen = self._assessing.scheme(asked.year, moment, scheme)
        scores = self._assessing.findings(asked.new_city, asked.year, moment, scheme, after.partition(" ")[0])
        found: list[tuple[str, Judged]] = []
        for one in scores:
            if reader.may_read("assessments", one.score.new_city):
                found += _matching(one, asked, after)
            if len(found) > limit:
                break
        page = found[:limit]
        following = page[-1][0] if len(found) > limit else None
        return [finding_json(judged) for _, judged in page], following, chosen

    def about(
        self, reader: Reader, record: str, new_city: str, year: int, moment: Moment, scheme: str | None
    ) -> list[dict[str, JsonValue]]:
        """What the rules say of one record of a New City; nothing where no scheme judges the year.

        And nothing for whoever may not read the New City's findings.
        """
        if not reader.may_read("assessments", new_city):
            return []
        try:
            scored = self._assessing.score(new_city, year, moment, scheme)
        except Refused as refusal:
            if refusal.code in {Code.NO_SCHEME, Code.NOT_FOUND, Code.NOT_YET}:
                return []
            raise
        return [
            finding_json(judged)
            for line in scored.score.lines
            for judged in line.findings
            if judged.finding.about == record
        ]

    def _shown(self, reader: Reader, scored: Scored) -> dict[str, JsonValue] | None:
        """The score in full as far as the reader may see it, before it is ranked: all, or the published result."""
        if reader.may_read("assessments", scored.score.new_city):
            return opened(self._names, shown_json(scored, in_full=True))
        return published_json(scored)

    def _rank(self, reader: Reader, scored: Scored, moment: Moment, scheme: str | None) -> int | None:
        """The score's rank, where the reader may have it."""
        new_city = scored.score.new_city
        if not reader.may_read("assessments", new_city):
            return None
        if self._assessing.is_alone(scored, moment, scheme):
            return ranks_of(reader, [scored.place]).get(new_city)
        return self.scoreboard(reader, scored.score.year, moment, scheme).ranks.get(new_city)


def _matching(scored: Scored, asked: Question, after: str) -> list[tuple[str, Judged]]:
    """The findings asked for that come after a place in their order, each with its place."""
    found: list[tuple[str, Judged]] = []
    alike: Counter[tuple[str, str]] = Counter()
    for line in scored.score.lines:
        for one in line.findings:
            about = one.rule, one.finding.about
            alike[about] += 1  # funding that was never approved is about the New City, once for each purpose
            if asked.rule in {None, one.rule, one.rule.partition("/")[0]} and asked.outcome in {
                None,
                one.finding.outcome,
            }:
                place = f"{scored.score.new_city} {_ORDER[one.rule]:04} {one.finding.about} {alike[about]:04}"
                found.append((place, one))
    return sorted((one for one in found if one[0] > after), key=_place)


def _place(found: tuple[str, Judged]) -> str:
    return found[0]


def parts_of(assessment: str) -> tuple[int, str]:
    """The year and the New City that an assessment's id names. Raises Refused (not-found) for what is no such id."""
    found = _ASSESSMENT.fullmatch(assessment)
    if found is None:
        raise Refused(Code.NOT_FOUND, f"there is no assessments/{assessment}")
    return int(found[1]), found[2]


def knows_rule(name: str) -> bool:
    """Whether a rule is called so, with its version or without."""
    return any(name in {one, one.partition("/")[0]} for one in RULES)
