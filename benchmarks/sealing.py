"""What sealing takes from recording: rounds in turns, with the sealer and without. `python -m benchmarks.sealing`."""

from __future__ import annotations

import gc
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Final

from api.composition import initialise, opened
from benchmarks import bulk, ours
from benchmarks.report import Table, rate
from infrastructure.tlog.keepsake import Guard, Keepsake
from infrastructure.tlog.sealer import Sealer

WRITERS: Final = (1, 32)
ROUNDS: Final = 5
SECONDS: Final = 2.0

Rates = Mapping[int, Mapping[bool, float]]
"""Commands a second by how many write, sealed and not."""


def measured(directory: Path) -> Rates:
    """The medians of a ledger's rounds."""
    initialise(directory, bulk.ORIGIN)
    found: dict[int, dict[bool, float]] = {}
    with opened(directory, follow=False) as ledger:
        ours.prepare(ledger)
        run = ours.driven_by_events(ours.commands(ledger))
        for writers in WRITERS:
            rates: dict[bool, list[float]] = {False: [], True: []}
            for number in range(2 * ROUNDS):
                is_sealing = number % 2 == 1
                sealer = Sealer(ledger.database, ledger.keys.signing_keys, Keepsake(ledger.keys.directory), Guard())
                if is_sealing:
                    sealer.start()
                rates[is_sealing].append(run(writers, SECONDS).rate)
                sealer.stop()
            found[writers] = {is_sealing: median(one) for is_sealing, one in rates.items()}
            print(f"{writers} writing, unsealed and sealed: {found[writers]}", file=sys.stderr)
    return found


def table(found: Rates) -> Table:
    """A row for each number of writers."""
    headings = ["recording", "unsealed", "sealed every second", "sealed ÷ unsealed"]
    rows = [
        [
            f"{writers} writer{'s' * (writers > 1)}",
            f"{rate(one[False])}/s",
            f"{rate(one[True])}/s",
            f"{one[True] / one[False]:.3f}",
        ]
        for writers, one in found.items()
    ]
    return Table("sealing", headings, rows)


def main() -> None:
    """Measure and print."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    with tempfile.TemporaryDirectory(prefix="taizhang-bench-") as folder:
        print(table(measured(Path(folder) / "sealing")))


if __name__ == "__main__":
    main()
