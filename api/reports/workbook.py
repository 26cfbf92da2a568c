"""Reports as XLSX: a sheet a table, and the sheet 出处 that says what they rest on."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import xlsxwriter

from application.reporting import DASH, Cell, Report, Table

_CREATED: Final = datetime(2019, 12, 10, tzinfo=UTC).replace(tzinfo=None)
"""Where nothing is recorded yet: the policy's own day, never the clock's."""
_WIDEST: Final = 60
"""Characters of a column; longer text is wrapped."""
_NARROWEST: Final = 8


def xlsx(report: Report) -> bytes:
    """The report's tables, marks and sources; made at the instant that it is about, so that bytes repeat."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(
        content, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    ) as book:
        made = _CREATED if report.dated is None else report.dated.astimezone(UTC).replace(tzinfo=None, microsecond=0)
        properties: Any = book  # whose methods have no types
        properties.set_properties(
            {"title": report.title, "author": "社区治理台账", "keywords": report.question, "created": made}
        )
        styles = _styles(book)
        for table in report.tables:
            _sheet(book, table, report, styles)
        _sources(book, report, styles)
    return content.getvalue()


def _styles(book: Any) -> Mapping[str, Any]:  # noqa: ANN401  # xlsxwriter has no types
    plain = {
        "font_name": "宋体",
        "font_size": 11,
        "valign": "top",
        "text_wrap": True,
        "border": 1,
        "border_color": "#c9d1dc",
    }
    return {
        "title": book.add_format({"font_name": "宋体", "font_size": 16, "bold": True}),
        "mark": book.add_format({"font_name": "宋体", "font_size": 11, "bold": True, "font_color": "#b02318"}),
        "note": book.add_format({"font_name": "宋体", "font_size": 10, "font_color": "#4a5565"}),
        "head": book.add_format({**plain, "bold": True, "bg_color": "#eef2f7", "valign": "vcenter"}),
        "text": book.add_format({**plain, "num_format": "@"}),
        "count": book.add_format({**plain, "num_format": "0", "text_wrap": False}),
        "points": book.add_format({**plain, "num_format": "0.00", "text_wrap": False}),
    }


def _sheet(book: Any, table: Table, report: Report, styles: Mapping[str, Any]) -> None:  # noqa: ANN401  # the same
    sheet = book.add_worksheet(table.title)
    sheet.write_string(0, 0, report.title, styles["title"])
    top = 1
    if report.marks:
        sheet.write_string(top, 0, "、".join(report.marks), styles["mark"])
        top += 1
    if table.note:
        sheet.write_string(top, 0, table.note, styles["note"])
        top += 1
    for across, column in enumerate(table.columns):
        sheet.write_string(top, across, column.title, styles["head"])
        widest = max((_width(row[across]) for row in table.rows), default=0)
        sheet.set_column(across, across, max(_NARROWEST, min(_WIDEST, max(widest, _width(column.title)) + 2)))
    for down, row in enumerate(table.rows, top + 1):
        for across, (column, cell) in enumerate(zip(table.columns, row, strict=True)):
            _write(sheet, (down, across), cell, styles[column.kind], styles["text"])
    sheet.freeze_panes(top + 1, 0)
    if table.rows:
        sheet.autofilter(top, 0, top + len(table.rows), len(table.columns) - 1)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(top)


def _write(sheet: Any, place: tuple[int, int], cell: Cell, style: Any, text: Any) -> None:  # noqa: ANN401  # the same
    match cell:
        case None:
            sheet.write_blank(*place, None, text)
        case str():
            sheet.write_string(*place, cell, text)
        case int() | Decimal():
            sheet.write_number(*place, float(cell), style)


def _sources(book: Any, report: Report, styles: Mapping[str, Any]) -> None:  # noqa: ANN401  # the same
    sheet = book.add_worksheet("出处")
    sheet.write_string(0, 0, "出处", styles["title"])
    lines = [("报告", report.title), ("标记", "、".join(report.marks) or DASH), *report.sources]
    for down, (name, value) in enumerate(lines, 1):
        sheet.write_string(down, 0, name, styles["head"])
        sheet.write_string(down, 1, value, styles["text"])
    sheet.set_column(0, 0, 14)
    sheet.set_column(1, 1, 90)
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)


def _width(cell: Cell) -> int:
    """Columns that the text takes, a Chinese character two of them."""
    text = "" if cell is None else f"{cell:.2f}" if isinstance(cell, Decimal) else str(cell)
    return sum(2 if ord(character) > 0x2E80 else 1 for character in text)  # noqa: PLR2004  # where wide scripts begin
