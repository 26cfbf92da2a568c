"""The `taizhang` command. Exit codes: 0 done, 1 does not hold, 2 usage, 3 cannot tell."""

from __future__ import annotations

import gc

import click

from api.command_line.baseline import import_
from api.command_line.keeping import init, key
from api.command_line.serving import demo, serve
from api.command_line.views import rebuild


@click.group(help="社区治理台账。\n\n退出码：0 完成，1 不成立，2 用法有误，3 无法判断。")
def main() -> None:
    """Run one of the commands."""
    # Facts and their folds live long and are in no cycles: looking through them again and again took a quarter of
    # the time of an import.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


for one in (init, key, import_, serve, demo, rebuild):
    main.add_command(one)
