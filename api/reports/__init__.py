"""Reports as files: one way to write each format, for every report and every door."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from api.reports import official, page, separated, workbook
from application.reporting import Report


class File(NamedTuple):
    """A report as a file; the same report gives the same bytes."""

    content: bytes
    media_type: str
    name: str


class Format(NamedTuple):
    """A way to write a report."""

    media_type: str
    write: Callable[[Report], bytes]
    is_text: bool


def _json(report: Report) -> bytes:
    return json.dumps(report.answer, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        "json": Format("application/json", _json, is_text=True),
        "csv": Format("text/csv; charset=utf-8; header=present", separated.csv, is_text=True),
        "xlsx": Format(
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", workbook.xlsx, is_text=False
        ),
        "html": Format("text/html; charset=utf-8", page.html, is_text=True),
        "pdf": Format("application/pdf", official.pdf, is_text=False),
    }
)
"""The formats by name; the first is the one that is meant where none is named."""
DEFAULT: Final = next(iter(FORMATS))


def written(report: Report, wanted: str) -> File:
    """The report in one of `FORMATS`. Raises official.NoGlyphs for a PDF with characters that no font here has."""
    chosen = FORMATS[wanted]
    return File(chosen.write(report), chosen.media_type, f"{report.name}.{wanted}")
