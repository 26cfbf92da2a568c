"""`taizhang import`: the baseline of New Cities, communities and villages from a table."""

from __future__ import annotations

import gzip
import io
import zlib
from datetime import date, datetime
from pathlib import Path
from typing import IO

import click

from api.command_line.outcomes import Ended, Exit, Voice, cannot_tell, command, does_not_hold
from api.command_line.views import await_views, rebuild_views
from api.composition import Taizhang, now, opened
from application import importing
from application.moments import today

_GZIP = b"\x1f\x8b"
_SHOWN = 20
"""Bad lines told to people; JSON has up to `importing.FAULTS_SHOWN`."""


_HELP = """\
导入底数：新城、社区和行政村。

FILE.csv 为 UTF-8 编码的 CSV，可用 gzip 压缩，首行须为
code,name,kind,township_code,township,new_city,new_city_name。
kind 为 community 或 village 的行导入，其余跳过。已登记的不再登记，可反复运行。
"""


@click.command("import", help=_HELP)
@click.argument("file", metavar="FILE.csv", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--effective-on",
    metavar="DATE",
    type=click.DateTime(["%Y-%m-%d"]),
    default=importing.EFFECTIVE_ON.isoformat(),
    show_default=True,
    help="生效日期",
)
@click.option("--partial", is_flag=True, help="有错的行跳过，其余照样导入；否则有一行错就一行也不导入")
@command
def import_(voice: Voice, directory: Path, file: Path, effective_on: datetime, partial: bool) -> None:  # noqa: FBT001
    """Import the baseline."""
    day = effective_on.date()
    if not date(1949, 10, 1) <= day <= today(now):
        raise click.BadParameter("应在 1949-10-01 至今天之间", param_hint="--effective-on")
    # What follows the log would take its share of this process's time: it comes once everything is recorded.
    with opened(directory, follow=False) as ledger:
        try:
            report = _import(voice, ledger, file, day, partial=partial)
        except importing.WrongHeader as fault:
            raise _nothing(importing.Report(bad=[importing.Fault(1, str(fault))], bad_lines=1)) from None
        except importing.TooLong as fault:
            raise does_not_hold("too-long", str(fault)) from None
        except (gzip.BadGzipFile, EOFError, zlib.error) as fault:
            raise cannot_tell("unreadable", f"{file} 不是完整的 gzip 文件：{fault}") from None
        if report.bad_lines and not partial:
            raise _nothing(report)
        if ledger.views_far_behind():
            rebuild_views(voice, ledger)
        with opened(directory) as followed:
            await_views(voice, followed, report.position)
    voice.answer(_json(report), _sentence(report))


def _import(voice: Voice, ledger: Taizhang, file: Path, day: date, *, partial: bool) -> importing.Report:
    def opening() -> IO[bytes]:
        with file.open("rb") as plain:
            compressed = plain.read(len(_GZIP)) == _GZIP
        return io.BufferedReader(gzip.open(file)) if compressed else file.open("rb")

    with voice.bar(importing.count_lines(opening), "核对") as advance:
        survey = importing.examine(opening, ledger.log, day, advance)
    if survey.report.bad_lines and not partial:
        return survey.report
    with voice.bar(survey.size, "登记") as advance:
        return importing.record(survey, opening, ledger.recorder, day, advance)


def _nothing(report: importing.Report) -> Ended:
    return Ended(
        Exit.DOES_NOT_HOLD, _json(report), f"{_sentence(report)}\n一行也没有导入；加 --partial 可导入其余各行。"
    )


def _json(report: importing.Report) -> dict[str, object]:
    return {
        "recorded": report.recorded,
        "already": report.already,
        "skipped": report.skipped,
        "bad": [fault._asdict() for fault in report.bad],
        "bad_lines": report.bad_lines,
    }


def _sentence(report: importing.Report) -> str:
    counts = f"新登记 {report.recorded} 条，已在册 {report.already} 行，其他类别跳过 {report.skipped} 行"
    lines = [f"{counts}，有错 {report.bad_lines} 行"]
    lines += [f"第 {fault.line} 行：{fault.reason}" for fault in report.bad[:_SHOWN]]
    if report.bad_lines > _SHOWN:
        lines.append(f"……另有 {report.bad_lines - _SHOWN} 行有错")
    return "\n".join(lines)
