"""The `taizhang` command. Exit codes: 0 done, 1 does not hold, 2 usage, 3 cannot tell."""

from __future__ import annotations

import click

from api.command_line.baseline import import_
from api.command_line.keeping import init, key, rebuild
from api.command_line.serving import demo, serve


@click.group(help="社区治理台账。\n\n退出码：0 完成，1 不成立，2 用法有误，3 无法判断。")
def main() -> None:
    """Run one of the commands."""


for one in (init, key, import_, serve, demo, rebuild):
    main.add_command(one)
