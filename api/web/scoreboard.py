"""年度考核: the year's scores side by side, at any three times, with how they came to stand."""

from __future__ import annotations

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

HEAT: Final = (Decimal("0.6"), Decimal("1.2"), Decimal("2.0"))
"""Points up to which a cell has the first, second and third shade; past the last it has the fourth."""
RULINGS: Final = frozenset({"DeductionRevised", "DeductionRevoked"})
CHANGES_SHOWN: Final = 12
"""Changes since publication that are listed."""


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
    score: Mapping[str, Any]
    main: str | None
    """The official score; the indicative one while no assessment is open."""
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
        board, scheme = self._scores.scoreboard(visit.reader, year, visit.moment, visit.scheme)
        offices = Offices(self._asking, visit.reader, visit.moment, visit.words)
        rows = self._rows(board, year, visit, scheme, offices)
        decided = any(row.score["official"] is not None for row in rows)
        published = [row.course.published_at for row in rows if row.course.published_at is not None]
        changes = _changes(rows)
        first = min((row.course.turns[0].position for row in rows if row.course.turns), default=1)
        courses = [
            charts.Course(row.name, [(one.position, one.official) for one in row.course.turns], _emphasis(number, rows))
            for number, row in enumerate(rows)
            if row.course.turns
        ]
        chart = course_chart(courses, first, visit.moment.position, [one.turn.position for one in changes])
        decisive = {turn.position for row in rows for turn in row.course.turns}
        title = visit.words("board.title", year=year)
        context: dict[str, Any] = {
            "year": year,
            "rows": rows,
            "decided": decided,
            "scheme": scheme,
            "simulated": any(row.score["simulated"] for row in rows),
            "chapters": [(number, CHAPTERS[number - 1], f"chapter.{number}") for number in range(1, 9)],
            "average": _average(rows),
            "total": sum((row.deducted for row in rows), Decimal(0)),
            "lines": sum(_count(row.score) for row in rows),
            "unknown": sum((Decimal(row.score["undeterminable"] or 0) for row in rows), Decimal(0)),
            "most": max((row.deducted + row.contested for row in rows), default=Decimal(1)) or Decimal(1),
            "changes": changes,
            "published_at": max(published, default=None),
            "chart": chart,
            "chart_from": first,
            "picker": picker(self._asking, visit, self._presets(year, rows, visit), decisive),
            "years": [one for one in (year - 1, year + 1) if self._yardsticks.of_year(one, visit.moment.position)],
            "heat": HEAT,
        }
        return Shown("scoreboard.html", title, context)

    def _rows(
        self, board: Sequence[Mapping[str, Any]], year: int, visit: Visit, scheme: str, offices: Offices
    ) -> list[Row]:
        lowest = min((Decimal(one["official"] or one["indicative"] or 100) for one in board), default=Decimal(90)) - 1
        rows: list[Row] = []
        for score in board:
            main = score["official"] if score["official"] is not None else score["indicative"]
            course = self._courses.course(score["new_city"], year, visit.moment, score["scheme"] or scheme)
            own = course if score["indicative"] is not None else Course(score["new_city"], (), None, None)
            steps = [(one.position, one.official) for one in own.turns]
            since = None
            if own.published is not None and score["official"] is not None:
                since = Decimal(score["official"]) - own.published
            rows.append(
                Row(
                    score["new_city"],
                    offices.new_city(score["new_city"]),
                    score,
                    main,
                    Decimal(100) - Decimal(main) if main is not None else Decimal(0),
                    Decimal(score["contested"] or 0),
                    _cells(score, own),
                    own,
                    sparkline(steps, steps[0][0], visit.moment.position, lowest) if steps else None,
                    since,
                    None,
                )
            )
        ranked = [row._replace(rank_was=_rank_was(row, rows)) for row in rows]
        return sorted(ranked, key=lambda row: (row.score["rank"] or 0, -Decimal(row.main or 0), row.id))

    def _presets(self, year: int, rows: Sequence[Row], visit: Visit) -> list[Preset]:
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
        published = [row.course.published_at for row in rows if row.course.published_at is not None]
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


def _rank_was(row: Row, rows: Sequence[Row]) -> int | None:
    """The rank by the published scores; None where not all are published."""
    scores = [one.course.published for one in rows]
    if row.course.published is None or None in scores:
        return None
    return 1 + sum(one is not None and one > row.course.published for one in scores)


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
        for number, (turn, row, points) in enumerate(found[:CHANGES_SHOWN], 1)
    ]


def _average(rows: Sequence[Row]) -> Decimal | None:
    scores = [Decimal(row.main) for row in rows if row.main is not None]
    return sum(scores, Decimal(0)) / len(scores) if scores else None


def _count(score: Mapping[str, Any]) -> int:
    if score["official"] is not None:
        return sum(one["status"] != "revoked" for one in _deductions(score))
    return score["counts"]["found"] if score["counts"] else 0


def _emphasis(number: int, rows: Sequence[Row]) -> str:
    """The line that stands out in red is the last one's."""
    return "red" if number == len(rows) - 1 and number else ""


def year_of(text: str) -> int | None:
    """The year that a path names; None where it names none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) == 4 and date.min.year <= int(text) else None  # noqa: PLR2004  # digits of a year
