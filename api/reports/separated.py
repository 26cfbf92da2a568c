"""Reports as CSV (RFC 4180): one table, in UTF-8 with the mark by which spreadsheets know it."""

from __future__ import annotations

import csv as separated
import io

from application.reporting import Report


def csv(report: Report) -> bytes:
    """The report's flat table. A text that a spreadsheet would work out as a formula is led by an apostrophe."""
    text = io.StringIO(newline="")
    table = separated.writer(text)
    table.writerow(column.title for column in report.flat.columns)
    table.writerows([_harmless(cell) for cell in row] for row in report.flat.rows)
    return text.getvalue().encode("utf-8-sig")


def _harmless(cell: object) -> object:
    if isinstance(cell, str) and cell[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return f"'{cell}"
    return cell
