"""The scoreboard at random past positions and days: asked for the first time, and asked again.

`python -m benchmarks.scores [--communities 400]` measures and prints by itself.
"""

from __future__ import annotations

import argparse
import gc
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from statistics import quantiles
from typing import Final, NamedTuple

from api.composition import Taizhang, initialise, opened
from api.http.answers import json_bytes
from application.rights import Reader
from benchmarks import scored_cities
from benchmarks.bulk import ORIGIN
from benchmarks.report import Table, Target
from benchmarks.scored_cities import BEGINS, ENDS, ENTRIES, SEED

COMMUNITIES: Final = 400
QUESTIONS: Final = 100

_INSPECTOR: Final = Reader("inspector", everything=True)


class Latency(NamedTuple):
    """What answers took, in milliseconds."""

    p50: float
    p95: float
    worst: float

    @classmethod
    def of(cls, taken: Sequence[float]) -> Latency:
        """The figures of several answers."""
        parts = quantiles(taken, n=20, method="inclusive")
        return cls(parts[9], parts[18], max(taken))


class Scoreboards(NamedTuple):
    """What scoreboards took."""

    communities: int
    entries: int
    """Of the log."""
    first_of_all: float
    """Milliseconds of the first one in a process that holds no record yet."""
    cold: Latency
    """At a position and day that were not asked about before."""
    again: Latency


def measured(directory: Path, communities: int = COMMUNITIES, questions: int = QUESTIONS) -> Scoreboards:
    """Scoreboards of a ledger made for it, with so many communities in five New Cities."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)  # as every command does
    initialise(directory, ORIGIN)
    with opened(directory, follow=False) as ledger:
        opened_by = scored_cities.record(ledger, communities)
    with opened(directory, follow=False) as ledger:  # nothing is kept from recording
        head, _ = ledger.log.head()
        chance = random.Random(SEED)  # noqa: S311  # the same questions every time

        def question() -> Callable[[], bytes]:
            known_at, year = str(chance.randint(opened_by, head)), chance.choice((2020, 2021))
            on = (BEGINS + timedelta(days=chance.randrange((ENDS - BEGINS).days))).isoformat()
            return lambda: scoreboard(ledger, year, known_at, on)

        first_of_all = _milliseconds(question())
        cold: list[float] = []
        again: list[float] = []
        for _ in range(questions):
            asked = question()
            cold.append(_milliseconds(asked))
            again.append(_milliseconds(asked))
    return Scoreboards(communities, head, first_of_all, Latency.of(cold), Latency.of(again))


def scoreboard(ledger: Taizhang, year: int, known_at: str, on: str) -> bytes:
    """The scoreboard as an inspector gets it."""
    moment = ledger.asking.moment(known_at, on, None)
    board = ledger.scores.scoreboard(_INSPECTOR, year, moment, None)
    return json_bytes(
        {"data": board.rows(), "next": None, "provenance": ledger.asking.provenance(moment, board.scheme)}
    )


def table(found: Sequence[Scoreboards]) -> Table:
    """Scoreboards, a row for each size."""
    headings = [f"{ENTRIES} entries a community", "first of all", "cold p50 / p95 / worst", "again p50 / p95 / worst"]
    rows = [
        [
            f"{one.communities:,} communities, {one.entries:,} entries",
            f"{one.first_of_all:,.0f} ms",
            " / ".join(f"{figure:.0f}" for figure in one.cold) + " ms",
            " / ".join(f"{figure:.1f}" for figure in one.again) + " ms",
        ]
        for one in found
    ]
    return Table("scores", headings, rows)


def targets(found: Scoreboards) -> list[Target]:
    """What was asked for at p95, as how many times it fits."""
    return [
        Target("scoreboard, cold: 150 ms ÷ p95", 150 / found.cold.p95, 1.0),
        Target("scoreboard, again: 20 ms ÷ p95", 20 / found.again.p95, 1.0),
    ]


def _milliseconds(operation: Callable[[], object]) -> float:
    begun = time.perf_counter()
    operation()
    return 1e3 * (time.perf_counter() - begun)


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks.scores", description=__doc__)
    asked.add_argument("--communities", type=int, default=COMMUNITIES, help="in all five New Cities (default: 400)")
    asked.add_argument("--questions", type=int, default=QUESTIONS, help="scoreboards (default: 100)")
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="taizhang-bench-") as folder:
        print(table([measured(Path(folder), options.communities, options.questions)]))


if __name__ == "__main__":
    main()
