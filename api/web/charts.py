"""The geometry of charts; `charts.html` draws it as SVG. The same figures stand in tables beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from api.web.formatting import Format, day_of
from api.web.timeline import Happening
from domain.tlog import tree

MONTHS: Final = (1, 3, 6, 12, 24, 60)
"""Steps between the ticks of an axis of days, in months."""
TICKS: Final = 5
"""Ticks on an axis at most."""
LABEL: Final = 17
"""Pixels between the labels of two lines at least."""
MARGIN: Final = 15
"""Days left free at both ends of an axis."""
BARS: Final = 1240
"""Width of a histogram in pixels."""


class Scale(NamedTuple):
    """Maps a range of figures to a range of pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The pixel of a figure, to a tenth."""
        span = self.high - self.low or 1
        return round(self.start + (value - self.low) / span * (self.end - self.start), 1)


class Tick(NamedTuple):
    """A mark on both axes."""

    x: float
    y: float
    label: str


class Dot(NamedTuple):
    """One entry in the chart of two times."""

    x: float
    y: float
    foot: float
    """Where the diagonal is: had it been recorded the same day, the dot would be there."""
    number: int
    position: int
    look: str


class WhenChart(NamedTuple):
    """When things happened against when they were recorded."""

    ticks: Sequence[Tick]
    dots: Sequence[Dot]


def when_chart(happenings: Sequence[Happening], f: Format) -> WhenChart | None:
    """The chart of the entries; None where there is none."""
    if not happenings:
        return None
    pairs = [(one, one.effective_on.toordinal(), day_of(one.recorded_at).toordinal()) for one in happenings]
    low = min(min(effective, recorded) for _, effective, recorded in pairs) - MARGIN
    high = max(max(effective, recorded) for _, effective, recorded in pairs) + MARGIN
    x, y = Scale(low, high, 74, 470), Scale(low, high, 300, 20)
    days = _months(date.fromordinal(low), date.fromordinal(high))
    return WhenChart(
        [Tick(x(day.toordinal()), y(day.toordinal()), f.month(day)) for day in days],
        [
            Dot(x(effective), y(recorded), y(effective), one.number, one.position, one.look)
            for one, effective, recorded in pairs
        ],
    )


def _months(low: date, high: date) -> list[date]:
    """First days of months, at most so many of them."""
    months = (high.year - low.year) * 12 + high.month - low.month
    step = next((one for one in MONTHS if months / one <= TICKS), MONTHS[-1])
    days = (date(number // 12, number % 12 + 1, 1) for number in range(low.year * 12, high.year * 12 + 12, step))
    return [day for day in days if low <= day <= high]


class Course(NamedTuple):
    """A New City's score from entry to entry."""

    name: str
    steps: Sequence[tuple[int, Decimal]]
    """Positions, ascending, each with the score that holds from there on; at least one."""
    emphasis: str = ""
    """`brand` or `red` where the line stands out."""


class Drawn(NamedTuple):
    """A course as a line."""

    course: Course
    path: str
    x: float
    y: float
    label_y: float
    """Where its label stands: lines that end close together have theirs apart."""


class CourseChart(NamedTuple):
    """Scores by the entries that were recorded: a step wherever a decision changed one."""

    ticks: Sequence[tuple[float, int]]
    marks: Sequence[float]
    drawn: Sequence[Drawn]


def course_chart(courses: Iterable[Course], first: int, last: int, marks: Iterable[int]) -> CourseChart | None:
    """The chart of several courses from one position to another; None where there is none."""
    shown = sorted(courses, key=lambda one: -one.steps[-1][1])
    scores = [float(score) for course in shown for _, score in course.steps]
    if not scores:
        return None
    x, y = Scale(first, max(last, first + 1), 48, 560), Scale(min(scores) - 1, max(scores) + 1, 300, 34)
    step = max(1, round((max(scores) - min(scores) + 2) / TICKS))
    ticks = [(y(tick), tick) for tick in range(int(min(scores)), int(max(scores)) + 2, step) if 34 <= y(tick) <= 300]  # noqa: PLR2004  # the chart's frame
    drawn: list[Drawn] = []
    for course in shown:
        ends = y(float(course.steps[-1][1]))
        label_y = ends if not drawn else max(ends, drawn[-1].label_y + LABEL)
        drawn.append(Drawn(course, _path(course.steps, x, y, last), x(last), ends, label_y))
    return CourseChart(ticks, [x(mark) for mark in marks], drawn)


def _path(steps: Sequence[tuple[int, Decimal]], x: Scale, y: Scale, last: int) -> str:
    path = f"M{x(steps[0][0])} {y(float(steps[0][1]))}"
    for position, score in steps[1:]:
        path += f"H{x(position)}V{y(float(score))}"
    return f"{path}H{x(last)}"


class Spark(NamedTuple):
    """A course in the space of a word."""

    path: str
    x: float
    y: float


def sparkline(steps: Sequence[tuple[int, Decimal]], first: int, last: int, low: Decimal) -> Spark:
    """The course from one position to another, between a lowest score and full marks."""
    x, y = Scale(first, max(last, first + 1), 3, 107), Scale(float(low), 100, 30, 4)
    return Spark(_path(steps, x, y, last), x(last), y(float(steps[-1][1])))


class Bar(NamedTuple):
    """One bin of a histogram."""

    x: float
    y: float
    width: float
    height: float
    label: str
    decisive: bool


def histogram(counts: Sequence[tuple[str, int, bool]]) -> list[Bar]:
    """Bars from zero: what each bin is called, how many entries it has, and whether a decision is among them."""
    most = max((count for _, count, _ in counts), default=0)
    width = BARS / max(1, len(counts))
    bars: list[Bar] = []
    for number, (label, count, decisive) in enumerate(counts):
        height = 0.0 if not count else round(max(2.0, 40 * count / most), 1)
        bars.append(
            Bar(
                round(number * width, 1),
                42 - height,
                round(max(1.0, width - 1), 1),
                height,
                f"{label}：{count}",
                decisive,
            )
        )
    return bars


class Node(NamedTuple):
    """A node of a Merkle tree, drawn."""

    label: str
    """The beginning of its hash."""
    whole: str
    x: int
    y: int


class Climb(NamedTuple):
    """The way from a leaf to the root: what is computed on it, and what stands beside it."""

    height: int
    computed: Sequence[Node]
    """The leaf first, the root last."""
    siblings: Sequence[Node]
    """One less, each beside the computed node of its level."""


def climb(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> Climb:
    """The drawing of an audit path (RFC 9162 section 2.1.3.2), the root on top."""
    found = leaf
    height = LEVEL * len(path) + NODE_HEIGHT + 2
    computed = [_node(leaf, CLIMBING, height - NODE_HEIGHT - 1)]
    siblings: list[Node] = []
    for level, (sibling, is_left) in enumerate(tree.climb(index, size - 1, path), 1):
        y = height - NODE_HEIGHT - 1 - LEVEL * level
        siblings.append(_node(sibling, LEFT if is_left else RIGHT, y + LEVEL))
        found = tree.node_hash(sibling, found) if is_left else tree.node_hash(found, sibling)
        computed.append(_node(found, CLIMBING, y))
    return Climb(height, computed, siblings)


def _node(node: bytes, x: int, y: int) -> Node:
    return Node(node.hex()[:12], node.hex(), x, y)


LEVEL: Final = 48
"""Units from one level of a drawn tree to the next."""
NODE_HEIGHT: Final = 28
LEFT, CLIMBING, RIGHT = 8, 168, 328
"""Where nodes begin, each 144 wide."""
