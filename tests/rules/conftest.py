"""New Cities made of histories, through the folds' own order, for rules to look at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple

import pytest

from domain.entry import Entry
from domain.history import History
from domain.records import AGGREGATES
from domain.rules.city import City, Subject, judged_day, subject_on

NEW_CITY = "fengdong"


class Recorded(NamedTuple):
    """Something that was recorded: in which record, when it happened, what, and what about."""

    record: str
    day: str
    event: str
    data: dict[str, Any]


class World:
    """A log of a few records, and the New City as it was known at a position."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = tuple(entries)

    def histories(self, known_at: int | None = None) -> dict[str, History]:
        by_record: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.entries:
            by_record[entry.record].append(entry)
        whole = {record: History(AGGREGATES[record.partition("/")[0]], of) for record, of in by_record.items()}
        return whole if known_at is None else {record: history.until(known_at) for record, history in whole.items()}

    def city(self, year: int, on: date | None = None, known_at: int | None = None) -> City:
        on = on or date(year, 12, 31)
        kinds: dict[str, dict[str, Subject]] = defaultdict(dict)
        for record, history in self.histories(known_at).items():
            subject = subject_on(record, history, judged_day(year, on))
            if subject is not None:
                kinds[record.partition("/")[0]][record] = subject
        return City(
            NEW_CITY, kinds["new-cities"].get(f"new-cities/{NEW_CITY}"), year=year, on=on,
            communities=kinds["communities"], villages=kinds["villages"], cases=kinds["conversion-cases"],
            estates=kinds["estates"], allocations=kinds["funding-allocations"],
        )  # fmt: skip


@pytest.fixture(scope="session")
def world_of(entry_of: Callable[..., Entry]) -> Callable[[Iterable[Recorded]], World]:
    def made(recorded: Iterable[Recorded]) -> World:
        versions: Mapping[str, int] = defaultdict(int)
        entries: list[Entry] = []
        for position, one in enumerate(recorded, 1):
            versions[one.record] += 1
            entries.append(
                entry_of(position, one.record, versions[one.record], one.day, one.event, one.data, one.event)
            )
        return World(entries)

    return made


@pytest.fixture(scope="session")
def said() -> Callable[[Iterable[tuple[str, str, str, dict[str, Any]]]], list[Recorded]]:
    return lambda facts: [Recorded(*fact) for fact in facts]
