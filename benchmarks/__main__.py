"""`make bench`: everything in one run, contenders in turns, medians of several rounds. About ten minutes.

With `--publish` the tables of docs/performance.md are written anew.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

from api.administration import issue_key
from api.composition import initialise, opened
from benchmarks import bulk, national, ours, pages, report, scores, sealing, verifying
from benchmarks.bulk import Bulk
from benchmarks.load import Load, middle
from benchmarks.peers import Missing, Peers

WRITERS: Final = (1, 8, 32)
BULK_ROUNDS: Final = 3
OURS, COMMAND, HTTP = "our recorder", "our whole command", "over HTTP"
STOCK, MESSAGE_DB, ROWS = "eventsourcing's recorder", "message-db's write_message", "one-row INSERT"
PGBENCH = f"{ROWS} by pgbench, in C"
THREADS, EVENTS = ", a thread a writer", ", driven by events"

Measured = dict[str, dict[int, Load]]


def main() -> None:
    """Measure, print, and publish if asked to."""
    asked = argparse.ArgumentParser(prog="make bench", description=__doc__)
    asked.add_argument("--publish", action="store_true", help="write the tables of docs/performance.md")
    asked.add_argument("--seconds", type=float, default=1.5, help="of every run (default: 1.5)")
    asked.add_argument("--rounds", type=int, default=5, help="of every contender (default: 5)")
    asked.add_argument("--rows", type=int, default=100_000, help="to import and rebuild (default: 100000)")
    options = asked.parse_args()
    gc.freeze()  # as the command does before it serves
    gc.set_threshold(100_000, 50, 100)
    with tempfile.TemporaryDirectory(prefix="taizhang-bench-") as folder:
        recorded, served, folds, version = _singles(Path(folder), options.rounds, options.seconds)
        imports, rebuilds = _bulk(Path(folder), options.rows)
        print(f"scoreboards of {scores.COMMUNITIES} communities", file=sys.stderr)
        boards = scores.measured(Path(folder) / "scores")
        print("a year's scores of the country", file=sys.stderr)
        country = national.run(Path(folder) / "national", national.SHARE, (1, 2))
        print("sealing and verifying", file=sys.stderr)
        sealed = sealing.measured(Path(folder) / "sealing")
        verified = verifying.measured(Path(folder) / "verifying")
        print("pages", file=sys.stderr)
        shown = pages.demonstrated(Path(folder) / "demo")
    tables = [
        report.machine(version),
        report.loads("recording", recorded, ROWS),
        report.loads("http", served, None),
        report.bulk("bulk", {"import": imports, "rebuild": rebuilds}),
        report.Table("fold", ["state of a record with 100 entries", "ms"], [[a, f"{b:.3f}"] for a, b in folds.items()]),
        scores.table([boards]),
        national.table(country),
        sealing.table(sealed),
        verifying.table(verified),
        pages.table("pages", shown),
        report.targets(
            [
                *_reached(recorded, imports, rebuilds),
                *scores.targets(boards),
                national.target(country),
                verifying.target(verified),
                pages.target(shown),
            ]
        ),
    ]
    for table in tables:
        print(f"\n{table}")
    if options.publish:
        report.publish(tables)


def _singles(folder: Path, rounds: int, seconds: float) -> tuple[Measured, Measured, dict[str, float], str]:
    """Single recordings by everyone, over HTTP, the fold of a record, and the server's version."""
    directory = folder / "singles"
    initialise(directory, bulk.ORIGIN)
    with ExitStack() as stack:
        ledger = stack.enter_context(opened(directory, follow=False))
        server = ledger.database.server
        if server is None:
            sys.exit("the benchmarks need the embedded server: unset TAIZHANG_DATABASE_URL")
        ours.prepare(ledger)
        command, recorder = ours.commands(ledger), stack.enter_context(ours.recorder(server))
        peers = Peers(server.sockets, ours.entry_size(command), WRITERS[-1])
        contenders = {
            OURS + EVENTS: ours.driven_by_events(recorder),
            OURS + THREADS: ours.in_threads_waiting(recorder),
            COMMAND + EVENTS: ours.driven_by_events(command),
            COMMAND + THREADS: ours.in_threads_waiting(command),
            STOCK: stack.enter_context(peers.eventsourcing()),
            ROWS: stack.enter_context(peers.rows()),
            PGBENCH: stack.enter_context(peers.rows_by_pgbench()),
        }
        try:
            contenders[MESSAGE_DB] = stack.enter_context(peers.message_db())
        except Missing as missing:
            print(missing, file=sys.stderr)
        recorded = _in_turns(contenders, rounds, seconds)
        folds = bulk.folds(ledger)
        with ledger.database.connect(None) as connection:
            version = str(connection.info.parameter_status("server_version"))
        key = issue_key(ledger, "recorder", f"township:{ours.TOWNSHIP}", None, ())
    with ours.serving(directory) as address:
        served = _in_turns({"POST …/events": ours.over_http(address, key)}, rounds, seconds)
    return recorded, served, folds, version


def _in_turns(contenders: dict[str, Callable[[int, float], Load]], rounds: int, seconds: float) -> Measured:
    """The median load of each contender at each number of writers; everyone has a turn in every round."""
    runs: dict[str, dict[int, list[Load]]] = {name: {count: [] for count in WRITERS} for name in contenders}
    for number in range(rounds):
        for count in WRITERS:
            for name, run in contenders.items():
                print(f"round {number + 1} of {rounds}: {name}, {count} writing", file=sys.stderr)
                runs[name][count].append(run(count, seconds))
    return {name: {count: middle(found) for count, found in by.items()} for name, by in runs.items()}


def _bulk(folder: Path, rows: int) -> tuple[Bulk, Bulk]:
    """Import and rebuild, each beside its floor."""
    table = folder / "divisions.csv"
    bulk.write_table(table, rows)
    imports: list[Bulk] = []
    rebuilds: list[Bulk] = []
    for number in range(BULK_ROUNDS):
        print(f"round {number + 1} of {BULK_ROUNDS}: import and rebuild, {rows} rows", file=sys.stderr)
        directory = folder / f"import-{number}"
        imports.append(bulk.imported(directory, table))
        rebuilds.append(bulk.rebuilt(directory))
    return _middle(imports), _middle(rebuilds)


def _middle(runs: Iterable[Bulk]) -> Bulk:
    rates, floors = zip(*runs, strict=True)
    return Bulk(median(rates), median(floors))


def _reached(recorded: Measured, imports: Bulk, rebuilds: Bulk) -> list[report.Target]:
    at_32 = {name: load[WRITERS[-1]].rate for name, load in recorded.items()}
    best = max(at_32[OURS + EVENTS], at_32[OURS + THREADS])
    asked = [(STOCK, 8.0), (MESSAGE_DB, 4.0), (ROWS, 1.0)]
    import_wanted = min(10_000.0, imports.floor / 2)
    rebuild_wanted = min(100_000.0, rebuilds.floor / 4)
    return [
        *(
            report.Target(f"recording at 32 writers ÷ {name}", best / at_32[name], wanted)
            for name, wanted in asked
            if name in at_32
        ),
        report.Target("import, rows/s", imports.rate, import_wanted),
        report.Target("rebuild, entries/s", rebuilds.rate, rebuild_wanted),
    ]


if __name__ == "__main__":
    main()
