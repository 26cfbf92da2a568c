"""Writes domain/state_council_calendar.py, from the facts that the package chinesecalendar has collected.

uv run --with chinesecalendar==1.11.0 python tests/rules/generate_state_council_calendar.py

A calendar that schemes have named is never edited: what has become known since is written as another one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

SATURDAY = 5

MODULE = '''"""放假安排: the weekdays off and the working weekends of each year, as the State Council gave them out.

Facts collected by the package chinesecalendar 1.11.0. Permanent: schemes name a calendar, and what they judged stays
what it was; a year that has become known since stands in another calendar. Each day is written MMDD.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Year(NamedTuple):
    """What sets a year apart from plain weeks of five working days."""

    off: frozenset[str]
    working: frozenset[str]


def _year(off: str, working: str) -> Year:
    return Year(frozenset(off.split()), frozenset(working.split()))


STATE_COUNCIL_1: Mapping[int, Year] = {
'''


def written(days: Iterable[date]) -> str:
    return " ".join(f"{day:%m%d}" for day in sorted(days))


def year_as_code(year: int, off: Iterable[date], working: Iterable[date]) -> str:
    first, *rest = (line for line in (written(off)[at : at + 100] for at in (0, 100)) if line)
    lines = [f'        "{first}"', *(f'        "{line}"' for line in rest)]
    return f"    {year}: _year(\n" + "\n".join(lines) + f',\n        "{written(working)}",\n    ),\n'


def main() -> None:
    from chinese_calendar.constants import holidays, workdays  # noqa: PLC0415  # only who writes the module has it

    years = "".join(
        year_as_code(
            year,
            [day for day in holidays if day.year == year and day.weekday() < SATURDAY],
            [day for day in workdays if day.year == year and day.weekday() >= SATURDAY],
        )
        for year in sorted({day.year for day in holidays})
    )
    target = Path(__file__).parents[2] / "domain" / "state_council_calendar.py"
    target.write_text(f"{MODULE}{years}}}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
