"""Figures as tables, for the terminal and for docs/performance.md, which is written by nobody else."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

import psycopg

from benchmarks.bulk import Bulk
from benchmarks.load import Load

DOCUMENT: Final = Path(__file__).parent.parent / "docs" / "performance.md"


class Table(NamedTuple):
    """Rows under headings, in a section of the document."""

    name: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __str__(self) -> str:
        """The table in Markdown."""
        lines = [self.headings, ["---", *("---:" for _ in self.headings[1:])], *self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def rate(figure: float) -> str:
    """So many a second."""
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.1f}"  # noqa: PLR2004  # three digits are enough


def loads(name: str, measured: dict[str, dict[int, Load]], floor: str | None) -> Table:
    """Answers a second, latencies, and the ratio to a floor, for each number of writers."""
    writers = list(next(iter(measured.values())))
    headings = ["", *(f"{count} writer{'s' * (count > 1)}" for count in writers)]
    if floor is not None:
        headings.append(f"at {writers[-1]}, ÷ {floor}")
    rows: list[list[str]] = []
    for label, figures in measured.items():
        row = [label, *(f"{rate(load.rate)}/s · {load.p50:.2f} / {load.p99:.1f} ms" for load in figures.values())]
        if floor is not None:
            row.append(f"{figures[writers[-1]].rate / measured[floor][writers[-1]].rate:.2f}")
        rows.append(row)
    return Table(name, headings, rows)


def bulk(name: str, measured: dict[str, Bulk]) -> Table:
    """Entries a second beside the floor."""
    rows = [
        [what, f"{rate(one.rate)}/s", f"{rate(one.floor)}/s", f"{one.floor / one.rate:.1f}"]
        for what, one in measured.items()
    ]
    return Table(name, ["", "entries", "COPY of the same bytes", "floor ÷ ours"], rows)


class Target(NamedTuple):
    """What was asked for, and what came of it, in the same unit."""

    what: str
    measured: float
    asked: float


def targets(reached: Iterable[Target]) -> Table:
    """What was asked for, what came of it, and by how much it falls short."""
    rows = [
        [
            one.what,
            rate(one.asked),
            rate(one.measured),
            "yes" if one.measured >= one.asked else f"short by {100 * (1 - one.measured / one.asked):.0f} %",
        ]
        for one in reached
    ]
    return Table("targets", ["", "asked", "measured", "reached"], rows)


def machine(server: str) -> Table:
    """What it was measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = re.search(r"^model name\s*: (.*)$", _read("/proc/cpuinfo"), re.MULTILINE)
    rows = [
        ["date", date.today().isoformat()],  # noqa: DTZ011  # where it is measured
        ["machine", f"{model[1] if model else platform.processor()}, {os.cpu_count()} cores, {memory:.0f} GiB"],
        ["system", f"{platform.system()} {platform.release()}, Python {platform.python_version()}"],
        ["server", f"PostgreSQL {server}, embedded, fsync and synchronous_commit on"],
        ["client", f"psycopg {psycopg.__version__}, on the same machine"],
    ]
    return Table("machine", ["", ""], rows)


def publish(tables: Iterable[Table]) -> None:
    """Put the tables into the document, each between its two markers."""
    text = DOCUMENT.read_text(encoding="utf-8")
    for table in tables:
        begin, end = f"<!-- {table.name} -->", f"<!-- end of {table.name} -->"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n{table}\n{end}{after}"
    DOCUMENT.write_text(text, encoding="utf-8")


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""
