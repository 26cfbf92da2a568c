"""How fast a log is verified, beside hashlib over the same bytes and tree. `python -m benchmarks.verifying`."""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from api.composition import Taizhang, initialise, opened
from benchmarks import bulk, national
from benchmarks.report import Table, Target, rate
from domain.examination import STRETCH, Row, examine
from infrastructure.verifying.stretches import ROWS, stretches

SHARE: Final = 30
"""One of so many New Cities of the country: 208,000 entries."""
SAMPLE: Final = 4 * STRETCH
"""Entries that are looked at in memory."""
ROUNDS: Final = 5


class Verified(NamedTuple):
    """Entries a second of one core, but for the last."""

    entries: int
    """In the log."""
    floor: float
    """SHA-256 of each entry and of each node of the tree, by hashlib, and nothing else."""
    proved: float
    """Bytes, leaves, tree, headers and their order; entries in memory."""
    read: float
    """The same, and what each entry says, strictly."""
    whole: float
    """The same from the database, by all cores together."""


def measured(directory: Path) -> Verified:
    """The medians of a ledger's rounds, contenders in turns."""
    initialise(directory, bulk.ORIGIN)
    with opened(directory, follow=False) as ledger:
        entries = national.write(ledger, SHARE)
        rows = _sample(ledger)
        contenders: dict[str, tuple[int, Callable[[], object]]] = {
            "floor": (SAMPLE, lambda: _hashed(rows)),
            "proved": (SAMPLE, lambda: _examined(rows, facts=False)),
            "read": (SAMPLE, lambda: _examined(rows, facts=True)),
        }
        rates: dict[str, list[float]] = {name: [] for name in contenders}
        gc.disable()  # as in the processes that verify
        for _ in range(ROUNDS):
            for name, (count, run) in contenders.items():
                rates[name].append(count / _seconds(run))
                print(f"{name}: {rates[name][-1]:,.0f}/s", file=sys.stderr)
        gc.enable()
        head, _ = ledger.log.head()
        whole = head / _seconds(lambda: _verified(ledger, head))
        floor, proved, read = (median(one) for one in rates.values())
        return Verified(entries, floor, proved, read, whole)


def _sample(ledger: Taizhang) -> list[Row]:
    with ledger.database.connect("reader") as connection, connection.cursor(binary=True) as cursor:
        return [Row(*row) for row in cursor.execute(ROWS, [SAMPLE, 2 * SAMPLE]).fetchall()]


def _hashed(rows: Iterable[Row]) -> None:
    level = [sha256(b"\x00" + row.entry).digest() for row in rows]
    while len(level) > 1:
        nodes = iter(level)
        level = [sha256(b"\x01" + left + right).digest() for left, right in zip(nodes, nodes, strict=True)]


def _examined(rows: list[Row], *, facts: bool) -> None:
    for start in range(0, SAMPLE, STRETCH):
        after = SAMPLE + start
        if (fault := examine(rows[start : start + STRETCH], after, after + STRETCH, facts=facts).fault) is not None:
            sys.exit(str(fault))


def _verified(ledger: Taizhang, until: int) -> None:
    with closing(stretches(ledger.database, until)) as found:
        for stretch in found:
            if stretch.fault is not None:
                sys.exit(str(stretch.fault))


def _seconds(run: Callable[[], object]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def table(found: Verified) -> Table:
    """A row for each contender."""
    rows = [
        ["hashlib: each entry and each node", "in memory, one core", f"{rate(found.floor)}/s", "1.0"],
        ["bytes, tree and header", "in memory, one core", *_beside(found.proved, found.floor)],
        ["the same, and each fact strictly read", "in memory, one core", *_beside(found.read, found.floor)],
        [f"the same of {found.entries:,} entries", "from the database, all cores", *_beside(found.whole, found.floor)],
    ]
    return Table("verifying", ["verifying", "", "entries", "floor ÷ ours"], rows)


def _beside(ours: float, floor: float) -> tuple[str, str]:
    return f"{rate(ours)}/s", f"{floor / ours:.1f}"


def target(found: Verified) -> Target:
    """What was asked for of one core."""
    return Target("verify: bytes, tree and header, entries/s and core", found.proved, 200_000.0)


def main() -> None:
    """Measure and print."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    with tempfile.TemporaryDirectory(prefix="taizhang-bench-") as folder:
        print(table(measured(Path(folder) / "verifying")))


if __name__ == "__main__":
    main()
