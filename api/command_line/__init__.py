"""The `taizhang` command. Exit codes: 0 done, 1 does not hold, 2 usage, 3 cannot tell."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Final

import click
from typing_extensions import override

COMMANDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "backup": ("backup", "backup"),
        "demo": ("serving", "demo"),
        "export-log": ("keeping", "export_log"),
        "import": ("baseline", "import_"),
        "init": ("keeping", "init"),
        "key": ("keeping", "key"),
        "login": ("logins", "login"),
        "rebuild": ("views", "rebuild"),
        "report": ("report", "report"),
        "restore": ("backup", "restore"),
        "serve": ("serving", "serve"),
        "verify": ("verifying", "verify"),
        "verify-bundle": ("bundle", "verify_bundle"),
        "witness": ("serving", "witness"),
    }
)
"""Where each command is: the module of this package, and its name there."""


class _Commands(click.Group):
    """Loads a command when it is asked for: what serving needs takes half a second to load."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"{__name__}.{module}"), name)
        return command


@click.group(cls=_Commands, help="社区治理台账。\n\n退出码：0 完成，1 不成立，2 用法有误，3 无法判断。")
def main() -> None:
    """Run one of the commands."""
    # Facts and their folds live long and are in no cycles: looking through them again and again took a quarter of
    # the time of an import.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
