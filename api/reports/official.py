"""Reports as official documents: 公文 by Typst, PDF/A-3a with the figures attached, the same bytes every time.

Text is handed over as data and never read as markup. Nothing is looked for on a network.
"""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

import typst

from api.reports.page import shown
from application.moments import ZONE
from application.reporting import Report, Table, chinese_day

ISSUER: Final = "西咸新区督查室"
STANDARD: Final = "a-3a"
PACKAGE: Final = "fonts-noto-cjk"
"""The Debian package with characters beyond those of the font that comes with the product."""
ANNEX_ROWS: Final = 2_000
"""Rows of a table that are printed; all of them are in what is attached."""
_NOTHING_YET: Final = datetime(2019, 12, 10, tzinfo=UTC)

_one_at_a_time = threading.Lock()
"""Typesetting takes a processor and some hundred megabytes: several at once would take them from those who record."""


class NoGlyphs(Exception):  # noqa: N818  # an answer, not an error
    """The report has characters that no font here has; says which package brings them."""


def pdf(report: Report) -> bytes:
    """The report as PDF/A-3a, dated by what it takes account of. Raises NoGlyphs."""
    dated = report.dated or _NOTHING_YET
    local = dated.astimezone(ZONE)
    said: dict[str, Any] = {
        "issuer": ISSUER,
        "title": report.title,
        "question": report.question,
        "heading": report.title.replace("建设考核", "建设\n考核"),
        "published": report.published,
        "number": report.number,
        "marks": [*report.marks],
        "addressed": report.addressed,
        "opening": [*report.opening],
        "closing": [*report.closing],
        "tables": [_table(one) for one in report.tables if one.place != "attached"],
        "sources": [list(one) for one in report.sources],
        "day": chinese_day(local.date()),
        "dated": {name: getattr(local, name) for name in ("year", "month", "day", "hour", "minute", "second")},
        "attachment": f"{report.name}.json",
    }
    handed = {
        "report": json.dumps(said, ensure_ascii=False),
        "answer": json.dumps(report.answer, ensure_ascii=False, separators=(",", ":")),
    }
    failure: typst.TypstError | None = None
    with _one_at_a_time:
        for beyond in (False, True):  # the machine's own fonts only where ours lacks a character: bytes repeat anywhere
            try:
                made = typst.Compiler(_source(), font_paths=_fonts(beyond=beyond)).compile(
                    format="pdf", sys_inputs=handed, pdf_standards=[STANDARD], timestamp=int(dated.timestamp())
                )
            except typst.TypstError as error:
                if "could not be displayed" not in error.message:
                    raise
                failure = error
            else:
                if not isinstance(made, bytes):
                    raise TypeError(type(made))
                return made
    raise NoGlyphs(f"缺少字体，有的字无法排印；请安装 {PACKAGE}：{failure}")


@cache
def _source() -> bytes:
    return resources.files("api.reports").joinpath("official.typ").read_bytes()


@cache
def _fonts(*, beyond: bool) -> typst.Fonts:
    """The font that comes with the product, of GB 2312's characters, and Typst's own; beyond them the machine's."""
    own = str(Path(str(resources.files("api.reports"))))
    return typst.Fonts(include_system_fonts=beyond, include_embedded_fonts=True, font_paths=[own])


def _table(table: Table) -> dict[str, Any]:
    left_out = len(table.rows) - ANNEX_ROWS
    return {
        "title": table.title,
        "columns": [column._asdict() for column in table.columns],
        "rows": [[shown(cell) for cell in row] for row in table.rows[:ANNEX_ROWS]],
        "place": table.place,
        "note": table.note + (f"其余{left_out}行见所附文件。" if left_out > 0 else ""),
    }
