"""Reports of a year's assessment as it stood: the same bytes whenever the same is asked."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any, Final

from domain.fact import JsonValue

FORMATS: Final = ("json", "csv")
LATER: Final = ("xlsx", "html", "pdf")
"""Formats that are not made yet."""

_OF_SCORE: Final = ("year", "new_city", "rank", "official", "indicative", "contested", "undeterminable", "scheme")
_OF_LINE: Final = ("indicator", "clause", "title", "points", "official_deducted", "indicative_deducted")
COLUMNS: Final = (
    *_OF_SCORE,
    "simulated",
    *_OF_LINE,
    "line_undeterminable",
    "found",
    "met",
    "findings_undeterminable",
    "position",
    "on",
)


def csv_report(report: Mapping[str, Any], provenance: Mapping[str, Any]) -> bytes:
    """A year's scores as CSV (RFC 4180, UTF-8): a row a line, each with its New City's score and the report's times.

    A published result that is all the reader may see is one row without a line.
    """
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(COLUMNS)
    times = {"position": provenance["position"], "on": provenance["on"]}
    for score in report["scores"]:
        own = {name: score[name] for name in _OF_SCORE} | {"simulated": str(score["simulated"]).lower()}
        lines: list[Any] = score["lines"] or [None]
        for line in lines:
            row = own | ({} if line is None else _line(line)) | times
            table.writerow([row.get(column) for column in COLUMNS])
    return text.getvalue().encode()


def _line(line: Mapping[str, Any]) -> dict[str, JsonValue]:
    counts: dict[str, int] = line["counts"]
    return {name: line[name] for name in _OF_LINE} | {
        "line_undeterminable": line["undeterminable"],
        "found": counts["found"],
        "met": counts["met"],
        "findings_undeterminable": counts["undeterminable"],
    }
