"""`taizhang report`: reports as they stood, at any known_at and on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from api.command_line.outcomes import Voice, command
from api.composition import opened
from api.http.answers import json_bytes
from application.reporting import FORMATS, csv_report
from application.rights import Reader
from domain.refusals import Nature, Refused

YEARS: Final = click.IntRange(1949, 2999)
_ALL: Final = Reader("system", everything=True)
"""Whoever holds the ledger's directory reads all of it."""


@click.group(help="输出报告，内容以所求时点为准，同样的参数总得到同样的字节。")
def report() -> None:
    """Write a report."""


@report.command("assessment", help="输出一个年度的考核报告。")
@click.option("--year", type=YEARS, required=True, help="考核年度")
@click.option("--known-at", metavar="T", help="只计此刻之前入账的记录：带时区的时间，或日志位置；默认全部")
@click.option("--on", metavar="DATE", help="所求之日，默认今天")
@click.option("--scheme", metavar="ID", help="按哪一版考核办法计算；不是该年度所用的，结果标为模拟")
@click.option("--format", "wanted", type=click.Choice(FORMATS), default=FORMATS[0], show_default=True, help="格式")
@command
def assessment(
    voice: Voice,
    directory: Path,
    year: int,
    known_at: str | None,
    on: str | None,
    scheme: str | None,
    wanted: str,
) -> None:
    """Report a year's assessment."""
    with opened(directory, follow=False) as ledger:
        try:
            moment = ledger.asking.moment(known_at, on, None)
            found, chosen = ledger.scores.report(_ALL, year, moment, scheme)
        except Refused as refusal:
            if refusal.code.nature in {Nature.QUESTION, Nature.FIELDS}:
                raise click.UsageError(refusal.detail) from None
            raise
        provenance = ledger.asking.provenance(moment, chosen)
    answer = {"data": found, "provenance": provenance}
    if wanted == "json":
        _write(json_bytes(answer) + b"\n")
    elif voice.as_json:
        voice.answer({"format": wanted, "content": csv_report(found, provenance).decode()}, "")
    else:
        _write(csv_report(found, provenance))


def _write(content: bytes) -> None:
    """Write the report's own bytes: no encoding of the terminal, no other line ends."""
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
