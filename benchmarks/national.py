"""A year's scores of the whole country: 620,573 communities and villages with 10 entries each, in 2,978 New Cities.

`python -m benchmarks.national [--share 20] [--processes 2]` judges every twentieth New City; `--share 1` all of them,
which takes 5 GB and some minutes to write. The log is the same one every time: it is written by COPY, since how fast
recording is stands elsewhere, and read and judged as a report does, a few New Cities at a time.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

from api.composition import Taizhang, initialise, opened
from benchmarks.bulk import ORIGIN
from benchmarks.report import Table, Target, rate
from domain import community, village
from domain.fact import Fact, JsonValue, Organisation, Person
from domain.new_city import NewCityRegistered

NEW_CITIES: Final = 2_978
RECORDS: Final = 620_573
"""Of the whole country."""
ENTRIES: Final = 10
"""Of each record."""
SHARE: Final = 20
"""One of so many New Cities is judged, unless asked otherwise."""
YEAR: Final = 2020
SEED: Final = 620_573
_COMMUNITIES: Final = 5
"""One of so many records is a community, and the others villages."""
_BEGINS: Final = date(2019, 12, 10)
_BY: Final[JsonValue] = {
    "account": "recorder",
    "person": "recorder",
    "name": f"sealed1.{'x' * 150}",
    "office": "township:610112002",
    "roles": ["recorder"],
}
_UUID: Final = "00000000-0000-4000-8000-000000000000"
_TOWNSHIP: Final = {"township_code": "610112002", "township": "三桥街道"}


class Judged(NamedTuple):
    """What judging took."""

    processes: int
    entries: int
    new_cities: int
    wall: float
    """Seconds from the first process's first score to the last one's last."""
    processor: float
    """Seconds of processor time of all judging processes; the database's are its own."""
    memory: float
    """MiB of the largest of them."""

    @property
    def a_core(self) -> float:
        """Entries a second of one judging core."""
        return self.entries / self.processor


def write(ledger: Taizhang, share: int) -> int:
    """Put every `share`th New City into the log; returns how many entries that are."""
    chance = random.Random(SEED)  # noqa: S311  # the same log every time
    head, at = ledger.log.head()
    if at is None:
        raise TypeError(head)
    with ledger.database.connect(None) as connection, ExitStack() as stack:
        connection.execute("SET maintenance_work_mem = '256MB'")
        connection.execute("CREATE TEMP TABLE said (LIKE ledger.refs)")
        log = stack.enter_context(
            connection.cursor().copy(
                "COPY ledger.log (position, record, version, name, recorded_at, closes, entry)"
                " FROM STDIN (FORMAT binary)"
            )
        )
        log.set_types(["int8", "text", "int4", "text", "timestamptz", "bool", "bytea"])
        refs: list[tuple[str, str, int]] = []
        versions: dict[str, int] = {}
        for position, (record, day, fact) in enumerate(_country(share, chance), head + 1):
            version = versions[record] = versions.get(record, 0) + 1
            recorded_at = at + timedelta(microseconds=position)
            entry = _entry(position, record, version, recorded_at, day, fact)
            log.write_row((position, record, version, fact.stored_as, recorded_at, True, entry))
            targets = (*(target for _, target in fact.referred()), *fact.claims())
            refs += ((target, record, position) for target in targets)
        stack.close()
        with connection.cursor().copy("COPY ledger.refs (target, source, position) FROM STDIN") as copy:
            for ref in refs:
                copy.write_row(ref)
    with ledger.database.connect(None) as connection:
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE ledger.log")
        connection.execute("VACUUM ANALYZE ledger.refs")
    return position - head


def _entry(position: int, record: str, version: int, recorded_at: datetime, day: date, fact: Fact) -> bytes:
    data = fact.model_dump(mode="json", exclude_unset=True)
    body = json.dumps({"effective_on": day.isoformat(), "data": data}, ensure_ascii=False, separators=(",", ":"))
    content = body.encode()
    header = {
        "format": "taizhang-entry/1",
        "position": position,
        "recorded_at": recorded_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "causation": None,
        "entry": _UUID,
        "record": record,
        "version": version,
        "name": fact.stored_as,
        "recorded_by": _BY,
        "correlation": _UUID,
        "part": [1, 1],
        "body": {"length": len(content), "sha256": hashlib.sha256(content).hexdigest()},
    }
    return json.dumps(header, separators=(",", ":")).encode() + b"\n" + content


def _country(share: int, chance: random.Random) -> Iterator[tuple[str, date, Fact]]:
    """What is on record of every `share`th New City, each record's entries as they come in beside the others'."""
    numbers = count()
    for number in range(0, NEW_CITIES, share):
        city = f"n{number:04}"
        yield f"new-cities/{city}", _BEGINS, NewCityRegistered(name=f"第{number}新城", kind="new-city")
        records = RECORDS // NEW_CITIES + (number < RECORDS % NEW_CITIES)
        histories = [_record(next(numbers), city, chance) for _ in range(records)]
        for turn in range(ENTRIES):
            yield from (history[turn] for history in histories)


def _record(number: int, city: str, chance: random.Random) -> list[tuple[str, date, Fact]]:
    is_community = number % _COMMUNITIES == 0
    path = f"communities/c{number:06}" if is_community else f"villages/v{number:06}"
    opening, *facts = _community(number, city, chance) if is_community else _village(number, city, chance)
    days = (_BEGINS + timedelta(days=chance.randrange(380)) for _ in facts)
    return [(path, _BEGINS, opening), *((path, day, fact) for day, fact in zip(days, facts, strict=True))]


def _community(number: int, city: str, chance: random.Random) -> list[Fact]:
    origin = ("existing", "converted", "new-estate")[number % 3]
    said = {"name": f"第{number}社区", "origin": origin, "new_city": city, "households": 1500, **_TOWNSHIP}
    secretary = Person(id=f"p-{number}", name=f"sealed1.{'x' * 150}")
    return [
        community.CommunityEstablished.model_validate(said),
        *(community.HouseholdsCounted(households=chance.randint(900, 5200)) for _ in range(3)),
        community.BodyFormed(body="party", term_ends_on=date(2025, 1, 9)),
        community.PostFilled(person=secretary, body="party", role="secretary"),
        community.PremisesProvided(premises="p-1", area="480.00", address="某路1号", how="built"),
        community.ServiceProvided(audience="everyone", title="便民服务"),
        community.ConvenienceCircleRecognised(),
        community.PartnershipSigned(agreement="a-1", organisation=Organisation(name="某驻区企业")),
    ]


def _village(number: int, city: str, chance: random.Random) -> list[Fact]:
    said = {"name": f"第{number}村", "new_city": city, "households": 420, **_TOWNSHIP}
    return [
        village.VillageRegistered.model_validate(said),
        village.EconomicOrganizationFounded(organisation=Organisation(name="某股份经济合作社")),
        *(village.AssetsVerified(total=f"{chance.randint(10**5, 10**7)}.00") for _ in range(4)),
        *(village.EquityQuantified(shareholders=chance.randint(100, 2000), shares=10_000) for _ in range(3)),
        village.VillageDemolished(),
    ]


def judge(directory: Path, part: int, parts: int) -> dict[str, float]:
    """Judge every `parts`th New City in the ledger; what it took."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)  # as every command does
    with opened(directory, follow=False) as ledger:
        moment = ledger.asking.moment(None, f"{YEAR}-12-31", None)
        wall, processor = time.perf_counter(), time.process_time()
        judged = 0
        for scored in ledger.assessing.scores(YEAR, moment, part=part, parts=parts):
            judged += len(scored.score.lines) > 0
        return {
            "judged": judged,
            "wall": time.perf_counter() - wall,
            "processor": time.process_time() - processor,
            "memory": _peak(),
        }


def _peak() -> float:
    """MiB that this process has held at most. `ru_maxrss` would count what its parent had held when it began."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def measured(directory: Path, entries: int, processes: Sequence[int]) -> list[Judged]:
    """The ledger's scores by so many processes at a time."""
    found: list[Judged] = []
    for several in processes:
        command = [sys.executable, "-m", "benchmarks.national", "--judge", str(directory), "--processes", str(several)]
        running = [
            subprocess.Popen([*command, "--part", str(part)], stdout=subprocess.PIPE, text=True)
            for part in range(several)
        ]
        taken = [json.loads(one.communicate()[0]) for one in running]
        found.append(
            Judged(
                several,
                entries,
                sum(one["judged"] for one in taken),
                max(one["wall"] for one in taken),
                sum(one["processor"] for one in taken),
                max(one["memory"] for one in taken),
            )
        )
    return found


def table(found: Sequence[Judged]) -> Table:
    """A row for each number of processes."""
    headings = ["a year's scores", "entries", "entries/s", "entries/s and core", "peak memory"]
    rows = [
        [
            f"{one.new_cities:,} New Cities, {one.processes} process{'es' * (one.processes > 1)}",
            f"{one.entries:,}",
            rate(one.entries / one.wall),
            rate(one.a_core),
            f"{one.memory:,.0f} MiB",
        ]
        for one in found
    ]
    return Table("national", headings, rows)


def target(found: Sequence[Judged]) -> Target:
    """What was asked for of one process."""
    return Target("a year's scores, entries/s and core", found[0].a_core, 50_000.0)


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks.national", description=__doc__)
    asked.add_argument("--share", type=int, default=SHARE, help="judge one of so many New Cities (default: 20)")
    asked.add_argument("--processes", type=int, default=2, help="at most (default: 2)")
    asked.add_argument("--judge", type=Path, help=argparse.SUPPRESS)
    asked.add_argument("--part", type=int, default=0, help=argparse.SUPPRESS)
    options = asked.parse_args()
    if options.judge is not None:
        print(json.dumps(judge(options.judge, options.part, options.processes)))
        return
    with tempfile.TemporaryDirectory(prefix="taizhang-bench-") as folder:
        print(table(run(Path(folder), options.share, range(1, options.processes + 1))))


def run(directory: Path, share: int, processes: Sequence[int]) -> list[Judged]:
    """Write the log into a directory, and judge it."""
    initialise(directory, ORIGIN)
    with opened(directory, follow=False) as ledger:
        return measured(directory, write(ledger, share), processes)


if __name__ == "__main__":
    main()
