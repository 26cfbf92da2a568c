"""How long pages take over HTTP, from a process of its own. `python -m benchmarks.pages [--ledger DIRECTORY]`.

The pages of the demonstration; and with `--ledger`, of a ledger that was imported, its scoreboard and some records.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import httpx

from api.administration import issue_key
from api.composition import opened
from benchmarks import ours
from benchmarks.report import Table, Target

ROUNDS: Final = 20
"""Requests of each page; each round asks for all of them in another order."""
PAGES: Final = (
    "/", "/assessments/2020", "/assessments/2021", "/assessments/2020-fengxi", "/assessments/2020-fengdong",
    "/assessments/2020-fengxi/changes?from_known_at=1400", "/findings?year=2020", "/communities", "/villages",
    "/communities/610112002001", "/conversion-cases", "/conversion-cases/fd-2020-02", "/estates", "/inspections",
    "/inspections/2020-dc-01", "/funding-allocations", "/funding-allocations/2020-konggang-nc-yf", "/disputes",
    "/disputes/2021-06", "/schemes", "/schemes/opinions-2019", "/policy", "/search?q=三桥", "/log", "/log/1000",
    "/verify?position=1000", "/checkpoints", "/audit", "/record/communities/610112002001",
)  # fmt: skip
RECORDS: Final = 200
"""Records of the imported ledger that are asked for, each once."""


class Timed(NamedTuple):
    """Milliseconds that one kind of page took."""

    what: str
    taken: Sequence[float]

    def within(self, share: float) -> float:
        """Milliseconds within which that share of the answers came."""
        return sorted(self.taken)[math.ceil(share * len(self.taken)) - 1]


def demonstrated(directory: Path) -> list[Timed]:
    """Every page of the demonstration: the first time, and again and again."""
    with _demonstration(directory) as client:
        first = Timed("every page, first of all", [_milliseconds(client, path) for path in PAGES])
        again: dict[str, list[float]] = {path: [] for path in PAGES}
        order, chance = list(PAGES), random.Random(1)  # noqa: S311  # the same order every time
        for _ in range(ROUNDS):
            chance.shuffle(order)
            for path in order:
                again[path].append(_milliseconds(client, path))
    every = [Timed(path, taken) for path, taken in again.items()]
    slowest = max(every, key=lambda one: one.within(0.95))
    return [
        first,
        Timed("every page, again", [one for page in every for one in page.taken]),
        slowest._replace(what=f"the slowest of them, `{slowest.what}`"),
    ]


def imported(directory: Path) -> list[Timed]:
    """The scoreboard and records of a large ledger."""
    with opened(directory, follow=False) as ledger:
        key = issue_key(ledger, "bench", "new-area", None, ("inspector",))
    with ours.serving(directory) as (host, port), _client(f"http://{host}:{port}", key) as client:
        begun = time.perf_counter()
        while client.get("/assessments/2020").status_code == httpx.codes.SERVICE_UNAVAILABLE:
            time.sleep(1)  # as its page asks again
        first = Timed("scoreboard, first of all", [(time.perf_counter() - begun) * 1e3])
        again = Timed("scoreboard, again", [_milliseconds(client, "/assessments/2020") for _ in range(ROUNDS)])
        listed = client.get(f"/api/v1/communities?limit={RECORDS}").json()
        head = listed["provenance"]["position"]
        views = [f"/assessments/2020?known_at={head - one}" for one in range(1, ROUNDS + 1)]
        past = Timed("scoreboard, at other positions near by", [_milliseconds(client, path) for path in views])
        paths = [f"/communities/{one['id']}" for one in listed["data"]]
        return [first, again, past, Timed("a record, each once", [_milliseconds(client, path) for path in paths])]


@contextmanager
def _demonstration(directory: Path) -> Generator[httpx.Client]:
    with ours.answering("demo", directory) as told, _client(told["url"], told["logins"][0]["key"]) as client:
        yield client


def _client(url: str, key: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=300)


def _milliseconds(client: httpx.Client, path: str) -> float:
    begun = time.perf_counter()
    answer = client.get(path)
    taken = (time.perf_counter() - begun) * 1e3
    if answer.status_code != httpx.codes.OK:
        sys.exit(f"{path}: {answer.status_code}")
    return taken


def table(name: str, found: Sequence[Timed]) -> Table:
    """A row for each kind of page."""
    rows = [
        [one.what, str(len(one.taken)), *(f"{one.within(share):.0f}" for share in (0.5, 0.95, 1.0))] for one in found
    ]
    return Table(name, ["pages", "asked for", "p50, ms", "p95, ms", "worst, ms"], rows)


def target(found: Sequence[Timed]) -> Target:
    """What was asked for of the slowest page, as how many times it fits."""
    *_, slowest = found
    return Target("pages of the demonstration: 300 ms ÷ p95 of the slowest", 300 / slowest.within(0.95), 1.0)


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    asked.add_argument("--ledger", type=Path, help="the directory of a ledger that was imported")
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="taizhang-bench-") as folder:
        print(table("pages", demonstrated(Path(folder) / "demo")))
    if options.ledger is not None:
        print(table("large", imported(options.ledger)))


if __name__ == "__main__":
    main()
