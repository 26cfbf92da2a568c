"""`taizhang report`: reports as they stood, at any known_at and on."""

from __future__ import annotations

import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from api.command_line.outcomes import Voice, cannot_tell, command
from api.composition import Taizhang, opened
from api.reports import DEFAULT, FORMATS, File, official, written
from application.moments import Moment
from application.reporting import Report
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
@click.option("--new-city", metavar="ID", help="只说明这一个新城的扣分，默认全部新城")
@click.option("--known-at", metavar="T", help="只计此刻之前入账的记录：带时区的时间，或日志位置；默认全部")
@click.option("--on", metavar="DATE", help="所求之日，默认今天")
@click.option("--scheme", metavar="ID", help="按哪一版考核办法计算；不是该年度所用的，结果标为模拟")
@click.option("--format", "wanted", type=click.Choice(list(FORMATS)), default=DEFAULT, show_default=True, help="格式")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="写入此文件，默认写到标准输出")
@command
def assessment(  # noqa: PLR0913, PLR0917  # an option each
    voice: Voice,
    directory: Path,
    year: int,
    new_city: str | None,
    known_at: str | None,
    on: str | None,
    scheme: str | None,
    wanted: str,
    output: Path | None,
) -> None:
    """Report a year's assessment."""

    def made(ledger: Taizhang, moment: Moment) -> Report:
        return ledger.reports.assessment(_ALL, year, moment, scheme, new_city)

    _report(voice, directory, made, (known_at, on), (wanted, output))


@report.command("dispute", help="输出一件异议的办理情况：双方陈述、各项期限、裁定。")
@click.option("--dispute", "dispute_id", metavar="ID", required=True, help="异议编号")
@click.option("--known-at", metavar="T", help="只计此刻之前入账的记录：带时区的时间，或日志位置；默认全部")
@click.option("--on", metavar="DATE", help="所求之日，默认今天")
@click.option("--format", "wanted", type=click.Choice(list(FORMATS)), default=DEFAULT, show_default=True, help="格式")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="写入此文件，默认写到标准输出")
@command
def dispute(
    voice: Voice,
    directory: Path,
    dispute_id: str,
    known_at: str | None,
    on: str | None,
    wanted: str,
    output: Path | None,
) -> None:
    """Report a dispute."""

    def made(ledger: Taizhang, moment: Moment) -> Report:
        return ledger.reports.dispute(_ALL, dispute_id, moment)

    _report(voice, directory, made, (known_at, on), (wanted, output))


def _report(
    voice: Voice,
    directory: Path,
    make: Callable[[Taizhang, Moment], Report],
    times: tuple[str | None, str | None],
    to: tuple[str, Path | None],
) -> None:
    """Make a report as known at and about these times, and give it in a format to a file or the output."""
    (known_at, on), (wanted, output) = times, to
    if not FORMATS[wanted].is_text and output is None and not voice.as_json and sys.stdout.isatty():
        raise click.UsageError(f"{wanted} 不能显示在终端里，请用 --output 指明文件")
    with opened(directory, follow=False) as ledger, voice.bar(2, "编制报告") as advance:
        try:
            made = make(ledger, ledger.asking.moment(known_at, on, None))
        except Refused as refusal:
            if refusal.code.nature in {Nature.QUESTION, Nature.FIELDS}:
                raise click.UsageError(refusal.detail) from None
            raise
        advance(1)
        try:
            file = written(made, wanted)
        except official.NoGlyphs as missing:
            raise cannot_tell("no-font", str(missing)) from None
        advance(1)
    _given(voice, file, wanted, output)


def _given(voice: Voice, file: File, wanted: str, output: Path | None) -> None:
    if output is not None:
        output.write_bytes(file.content)
        voice.answer({"format": wanted, "file": str(output), "size": len(file.content)}, f"已写入 {output}")
    elif wanted == "json":
        _write(file.content + b"\n")
    elif not voice.as_json:
        _write(file.content)
    elif FORMATS[wanted].is_text:
        voice.answer({"format": wanted, "content": file.content.decode("utf-8-sig")}, "")
    else:
        voice.answer({"format": wanted, "encoding": "base64", "content": b64encode(file.content).decode()}, "")


def _write(content: bytes) -> None:
    """Write the report's own bytes: no encoding of the terminal, no other line ends."""
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
