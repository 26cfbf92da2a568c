"""`taizhang rebuild`, and waiting for the views: whatever answers lists follows from the log."""

from __future__ import annotations

from pathlib import Path

import click

from api.command_line.outcomes import Ended, Exit, Voice, cannot_tell, command
from api.composition import Taizhang, opened

_STEP = 10_000
"""Entries between two steps of a progress bar."""


@click.command(help="从日志重建全部查询视图，建成后替换，期间查询不停；--check 只作比对。")
@click.option("--check", is_flag=True, help="只比对，有差异则指出第一处，退出码为 1")
@command
def rebuild(voice: Voice, directory: Path, check: bool) -> None:  # noqa: FBT001
    """Rebuild the views, or check them against the log."""
    with opened(directory, follow=False) as ledger:
        if not check:
            position = rebuild_views(voice, ledger)
            voice.answer({"position": position}, f"已按第 1 至 {position} 号记录重建查询视图。")
            return
        with voice.progress("比对") as progress:
            difference = ledger.check_views(progress)
        if difference is not None:
            answer = {"holds": False, **difference._asdict()}
            columns = "、".join(difference.columns)
            sentence = f"查询视图与日志不符，第一处：{difference.record}（{columns}）。运行 taizhang rebuild 可重建。"
            raise Ended(Exit.DOES_NOT_HOLD, answer, sentence)
        voice.answer({"holds": True}, "查询视图与日志一致。")


def rebuild_views(voice: Voice, ledger: Taizhang) -> int:
    """Rebuild the views with a progress bar; returns their position."""
    with voice.progress("重建查询视图") as progress:
        return ledger.rebuild_views(progress)


def await_views(voice: Voice, ledger: Taizhang, position: int) -> None:
    """Wait until lists show what was recorded up to a position, so that whoever goes on finds it there."""
    reached = ledger.views.position()
    with voice.bar(max(position - reached, 0), "更新查询视图") as advance:
        while reached < position:
            ledger.views.wait(min(reached + _STEP, position), 1.0)
            if ledger.follower is not None and (failure := ledger.follower.failure()) is not None:
                raise cannot_tell("views-stopped", f"已全部入账，但查询视图停住了：{failure}")
            before, reached = reached, ledger.views.position()
            advance(reached - before)
