"""Many entries at once: import against COPY in, rebuild against COPY out, and the fold of one record."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import psycopg

from api.administration import record_as_system
from api.composition import Taizhang, initialise, opened
from application.histories import Histories
from application.importing import COLUMNS
from domain.community import HouseholdsCounted
from domain.history import History

ORIGIN: Final = "benchmark.taizhang.local"
TAIZHANG: Final = str(Path(sys.executable).with_name("taizhang"))
ENTRIES_OF_A_RECORD: Final = 100
_TOWNSHIPS: Final = 50


class Bulk(NamedTuple):
    """Entries a second, and what the floor did with the same bytes in the same run."""

    rate: float
    floor: float


def write_table(file: Path, rows: int) -> None:
    """A table of communities and villages in the shape that `taizhang import` takes."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        lines = csv.writer(stream)
        lines.writerow(COLUMNS)
        for number in range(rows):
            kind, name = ("community", "社区居委会") if number % 2 else ("village", "村村委会")
            township = number % _TOWNSHIPS
            lines.writerow([
                610_000_000_000 + number, f"示例{number}{name}", kind, 610_000_000 + township, f"示例{township}街道",
                f"city-{township % 5}", f"示例{township % 5}新城",
            ])  # fmt: skip


def imported(directory: Path, file: Path) -> Bulk:
    """`taizhang import` in a process of its own, from its start to its end, views included."""
    initialise(directory, ORIGIN)
    begun = time.perf_counter()
    done = subprocess.run(
        [TAIZHANG, "import", str(file), "--data", str(directory), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True,
    )  # fmt: skip
    taken = time.perf_counter() - begun
    recorded = int(json.loads(done.stdout)["recorded"])
    with opened(directory, follow=False) as ledger, ledger.database.connect(None) as connection:
        with connection.cursor().copy("COPY (SELECT position, entry FROM ledger.log) TO STDOUT (FORMAT binary)") as out:
            held = [bytes(block) for block in out]
        connection.execute("CREATE TABLE public.bare (position bigint, entry bytea)")
        begun = time.perf_counter()
        with connection.cursor().copy("COPY public.bare FROM STDIN (FORMAT binary)") as into:
            for block in held:
                into.write(block)
        floor = time.perf_counter() - begun
        connection.execute("DROP TABLE public.bare")
    return Bulk(recorded / taken, recorded / floor)


def rebuilt(directory: Path) -> Bulk:
    """Every view rebuilt from the log and swapped in, against a COPY of the same bytes out of it."""
    with opened(directory, follow=False) as ledger:
        with ledger.database.connect(None) as connection:
            floor = copied_out(connection)
        begun = time.perf_counter()
        position = ledger.rebuild_views(lambda _, __: None)
        taken = time.perf_counter() - begun
    return Bulk(position / taken, position / floor)


def copied_out(connection: psycopg.Connection[tuple[object, ...]]) -> float:
    """Seconds to copy the log's entries out."""
    begun = time.perf_counter()
    statement = "COPY (SELECT position, entry FROM ledger.log ORDER BY position) TO STDOUT (FORMAT binary)"
    with connection.cursor().copy(statement) as out:
        for _ in out.rows():
            pass
    return time.perf_counter() - begun


def folds(ledger: Taizhang) -> dict[str, float]:
    """Milliseconds to have the state of a record with 100 entries: from the log, and from what is kept."""
    record, day = "communities/c0", date(2020, 1, 1)
    for number in range(ledger.asking.histories.at(record, ledger.log.head()[0]).version, ENTRIES_OF_A_RECORD):
        counted = HouseholdsCounted(households=1000 + number)
        record_as_system(ledger.recorder, [(record, counted)], day + timedelta(days=number))
    head, _ = ledger.log.head()
    kept = Histories(ledger.log)
    history = kept.at(record, head)

    def again() -> object:
        return History(history.aggregate, history.entries).state

    return {
        "read from the log, validated and folded": _milliseconds(lambda: Histories(ledger.log).at(record, head).state),
        "folded from entries in memory": _milliseconds(again),
        "kept folded": _milliseconds(lambda: kept.at(record, head).state),
    }


def _milliseconds(operation: Callable[[], object], times: int = 200) -> float:
    taken: list[float] = []
    for _ in range(times):
        begun = time.perf_counter()
        operation()
        taken.append(time.perf_counter() - begun)
    return 1e3 * median(taken)
