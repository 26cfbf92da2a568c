"""`python -m benchmarks.sealing`: what sealing takes from recording. Rounds in turns, with the sealer and without."""

from __future__ import annotations

import gc
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Final

from api.composition import initialise, opened
from benchmarks import bulk, ours
from infrastructure.tlog.keepsake import Guard, Keepsake
from infrastructure.tlog.sealer import Sealer

WRITERS: Final = (1, 32)
ROUNDS: Final = 5
SECONDS: Final = 2.0


def main() -> None:
    """Measure and print: commands a second, and the ratio of the medians."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    with tempfile.TemporaryDirectory(prefix="taizhang-bench-") as folder:
        directory = Path(folder) / "sealing"
        initialise(directory, bulk.ORIGIN)
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
                    print(f"{writers} writing, sealing {is_sealing}: {rates[is_sealing][-1]:,.0f}/s", file=sys.stderr)
                ratio = median(rates[True]) / median(rates[False])
                print(f"{writers} writing: {median(rates[True]):,.0f}/s sealed, {ratio:.3f} of unsealed")


if __name__ == "__main__":
    main()
