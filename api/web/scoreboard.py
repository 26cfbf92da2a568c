"""年度考核: the year's scores side by side, at any three times, with how they came to stand."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from api.composition import Taizhang
from api.web import charts
from api.web.charts import Spark, course_chart, sparkline
from api.web.formatting import CHAPTERS
from api.web.offices import Offices
from api.web.picker import Preset, picker
from api.web.shell import Shown
from api.web.visit import Visit
from application.score_course import Course, ScoreCourses, Turn
from application.scoreboard import Standing
from domain.refusals import Code, Refused

HEAT: Final = (Decimal("0.6"), Decimal("1.2"), Decimal("2.0"))
"""Points up to which a cell has the first, second and third shade; past the last it has the fourth."""
RULINGS: Final = frozenset({"DeductionRevised", "DeductionRevoked"})
SHOWN: Final = 50
"""New Cities on one page."""
DRAWN: Final = 12
"""New Cities whose courses are drawn, and changes since publication that are listed."""


class Cell(NamedTuple):
    """What one New City lost in one chapter of the policy."""

    chapter: int
    points: Decimal
    shade: int
    contested: bool
    changed: bool
    flagged: bool
    """Whether something that a deduction in force stood on was corrected or retracted since."""


class Row(NamedTuple):
    """One New City on the board."""

    id: str
    name: str
    standing: Standing
    score: Mapping[str, Any]
    deducted: Decimal
    contested: Decimal
    cells: Sequence[Cell]
    course: Course
    spark: Spark | None
    since: Decimal | None
    """What the score gained since it was published; None where it isn't published."""
    rank_was: int | None


class ChangeShown(NamedTuple):
    """One change of an official score after its publication."""

    number: int
    turn: Turn
    name: str
    new_city: str
    points: Decimal


class Scoreboard:
    """The scoreboard of a year."""

    def __init__(self, taizhang: Taizhang) -> None:
        self._asking = taizhang.asking
        self._scores = taizhang.scores
        self._yardsticks = taizhang.assessing.yardsticks
        self._courses = ScoreCourses(taizhang.asking.histories, self._yardsticks, taizhang.log.recorded_at)

    def page(self, year: int, visit: Visit) -> Shown:
        """The page. Raises Refused as scoreboards do."""
        board = self._scores.scoreboard(visit.reader, year, visit.moment, visit.scheme)
        scheme, standings = board.scheme, sorted(board.standings(), key=_order)
        first_shown = _first(visit.query.get("from"), len(standings))
        past = first_shown + SHOWN
        shown = standings[first_shown - 1 : past - 1]
        rows = self._rows([(one, board.row(one.new_city)) for one in shown], standings, year, visit, scheme)
        decided = any(one.official is not None for one in standings)
        published = [one.published_at for one in standings if one.published_at is not None]
        changes = _changes(rows)
        first = min((row.course.turns[0].position for row in rows if row.course.turns), default=1)
        courses = [
            charts.Course(row.name, [(one.position, one.official) for one in row.course.turns], _emphasis(number, rows))
            for number, row in enumerate(rows)
            if row.course.turns
        ][:DRAWN]
        chart = course_chart(courses, first, visit.moment.position, [one.turn.position for one in changes])
        decisive = {turn.position for row in rows for turn in row.course.turns}
        title = visit.words("board.title", year=year)
        context: dict[str, Any] = {
            "year": year,
            "rows": rows,
            "decided": decided,
            "scheme": scheme,
            "simulated": any(row.score["simulated"] for row in rows),
            "count": len(standings),
            "shown_from": first_shown,
            "earlier": visit.here(**{"from": str(max(1, first_shown - SHOWN))}) if first_shown > 1 else None,
            "later": visit.here(**{"from": str(past)}) if past <= len(standings) else None,
            "chapters": [(number, CHAPTERS[number - 1], f"chapter.{number}") for number in range(1, 9)],
            "average": _average(standings),
            "total": sum((_deducted(one) for one in standings), Decimal(0)),
            "lines": sum(one.lost or 0 for one in standings),
            "unknown": sum((one.undeterminable or Decimal(0) for one in standings), Decimal(0)),
            "most": max((row.deducted + row.contested for row in rows), default=Decimal(1)) or Decimal(1),
            "changes": changes,
            "published_at": max(published, default=None),
            "chart": chart,
            "chart_from": first,
            "picker": picker(self._asking, visit, self._presets(year, rows, published, visit), decisive),
            "years": [one for one in (year - 1, year + 1) if self._yardsticks.of_year(one, visit.moment.position)],
            "heat": HEAT,
        }
        return Shown("scoreboard.html", title, context)

    def _rows(
        self,
        shown: Sequence[tuple[Standing, Mapping[str, Any]]],
        standings: Sequence[Standing],
        year: int,
        visit: Visit,
        scheme: str,
    ) -> list[Row]:
        lowest = min((one.main for one, _ in shown if one.main is not None), default=Decimal(90)) - 1
        before = _ranks_published(standings)
        names = Offices(self._asking, visit.reader, visit.moment, visit.words).named(one.new_city for one, _ in shown)
        rows: list[Row] = []
        for standing, score in shown:
            own = Course(standing.new_city, (), None, None)
            if standing.official is not None and standing.indicative is not None:  # its readers' alone
                own = self._courses.course(standing.new_city, year, visit.moment, score["scheme"] or scheme)
            steps = [(one.position, one.official) for one in own.turns]
            since = None
            if own.published is not None and standing.official is not None:
                since = standing.official - own.published
            rows.append(
                Row(
                    standing.new_city,
                    names[standing.new_city],
                    standing,
                    score,
                    _deducted(standing),
                    Decimal(score["contested"] or 0),
                    _cells(score, own),
                    own,
                    sparkline(steps, steps[0][0], visit.moment.position, lowest) if steps else None,
                    since,
                    before.get(standing.new_city),
                )
            )
        return rows

    def _presets(self, year: int, rows: Sequence[Row], published: Sequence[int], visit: Visit) -> list[Preset]:
        """The times that people ask about, as far as they are known at the moment."""
        asked = visit.query.get("known_at")
        found: list[tuple[str, str | None]] = []
        end = self._asking.moment(None, None, None).known_at
        closing = f"{year}-12-31T23:59:59+08:00"
        opened = self._asking.begun_at()
        if (
            opened is not None
            and end is not None
            and opened <= datetime.fromisoformat(closing) <= (visit.moment.known_at or end)
        ):
            found.append(("time.preset.year_end", closing))
        if published:
            found.append(("time.preset.published", str(max(published))))
        ruled = [turn.position for row in rows for turn in row.course.turns if turn.event in RULINGS]
        if ruled:
            found.append(("time.preset.ruled", str(max(ruled))))
        found.append(("time.preset.now", None))
        return [Preset(word, visit.here(known_at=known_at), asked == known_at) for word, known_at in found]


def _cells(score: Mapping[str, Any], course: Course) -> list[Cell]:
    """What was lost by chapter: officially where the assessment is open, and by the rules' findings before."""
    which = "official_deducted" if score["official"] is not None else "indicative_deducted"
    lost: dict[int, Decimal] = dict.fromkeys(range(1, 9), Decimal(0))
    contested: set[int] = set()
    changed: set[int] = set()
    flagged: set[int] = set()
    late = {one.deduction for one in course.turns if course.published_at and one.position > course.published_at}
    indicators = {one["indicator"] for one in _deductions(score) if one["deduction"] in late}
    for line in score["lines"]:
        chapter = _chapter(line["clause"])
        if chapter is None:
            continue
        lost[chapter] += Decimal(line[which])
        if Decimal(line["contested"]):
            contested.add(chapter)
        if line["indicator"] in indicators:
            changed.add(chapter)
        if line["flagged"]:
            flagged.add(chapter)
    return [
        Cell(chapter, points, _shade(points), chapter in contested, chapter in changed, chapter in flagged)
        for chapter, points in lost.items()
    ]


def _deductions(score: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    record = score["record"]
    return record.get("deductions", ()) if record else ()


def _chapter(clause: str) -> int | None:
    first = clause.partition(".")[0].partition(",")[0]
    return int(first) if first.isdigit() and 1 <= int(first) <= 8 else None  # noqa: PLR2004  # chapters of the policy


def _shade(points: Decimal) -> int:
    return 0 if not points else 1 + sum(points > limit for limit in HEAT)


def _ranks_published(standings: Sequence[Standing]) -> Mapping[str, int]:
    """The ranks by the published scores; none where not all are published."""
    scores = sorted(one.published for one in standings if one.published is not None)
    if len(scores) < len(standings):
        return {}
    return {
        one.new_city: 1 + len(scores) - bisect_right(scores, one.published)
        for one in standings
        if one.published is not None
    }


def _changes(rows: Sequence[Row]) -> list[ChangeShown]:
    """What moved official scores after they were published, oldest first."""
    found: list[tuple[Turn, Row, Decimal]] = []
    for row in rows:
        if row.course.published_at is None:
            continue
        before: Decimal | None = None
        for turn in row.course.turns:
            if before is not None and turn.position > row.course.published_at and turn.official != before:
                found.append((turn, row, turn.official - before))
            before = turn.official
    found.sort(key=lambda one: one[0].position)
    return [
        ChangeShown(number, turn, row.name, row.id, points)
        for number, (turn, row, points) in enumerate(found[:DRAWN], 1)
    ]


def _order(standing: Standing) -> tuple[int, Decimal, str]:
    return standing.rank or 0, -(standing.main or Decimal(0)), standing.new_city


def _first(asked: str | None, count: int) -> int:
    """The number of the first New City on the page that is asked for. Raises Refused for what is no such number."""
    if not asked:
        return 1
    if not (asked.isascii() and asked.isdigit() and 1 <= int(asked[:9]) <= max(count, 1)):
        raise Refused(Code.BAD_CURSOR, f"from is a number from 1 to {count}")
    return int(asked)


def _deducted(standing: Standing) -> Decimal:
    return Decimal(0) if standing.main is None else 100 - standing.main


def _average(standings: Sequence[Standing]) -> Decimal | None:
    scores = [one.main for one in standings if one.main is not None]
    return sum(scores, Decimal(0)) / len(scores) if scores else None


def _emphasis(number: int, rows: Sequence[Row]) -> str:
    """The line that stands out in red is the last one's."""
    return "red" if number == len(rows) - 1 and number else ""


def year_of(text: str) -> int | None:
    """The year that a path names; None where it names none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) == 4 and date.min.year <= int(text) else None  # noqa: PLR2004  # digits of a year
