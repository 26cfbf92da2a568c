"""`taizhang backup` and `taizhang restore`: the ledger's database in one file, and back."""

from __future__ import annotations

from pathlib import Path

import click

from api.command_line.outcomes import Voice, command
from api.command_line.verifying import fault_found
from api.composition import back_up, verified
from api.composition import restore as put_back

_FILE = click.argument("file", metavar="FILE.zip", type=click.Path(dir_okay=False, path_type=Path))


@click.command(
    help="把台账的数据库备份到一个文件，其间照常入账。签名密钥（keys/）和个人密钥（vault/）不在其中，请另行保管。"
)
@_FILE
@command
def backup(voice: Voice, directory: Path, file: Path) -> None:
    """Back the ledger up."""
    with voice.progress("备份") as told:
        kept = back_up(directory, file, told)
    voice.answer(
        {"file": str(file), "position": kept.position, "root_hash": kept.root_hash, "origin": kept.origin},
        f"已备份第 1 至 {kept.position} 号记录到 {file}，树根 {kept.root_hash}。\n"
        f"请另行保管 {directory / 'keys'} 和 {directory / 'vault'}：备份中没有密钥。",
    )


@click.command(help="把备份恢复到还没有记录的数据库，并逐条核对；密钥另行放回。")
@_FILE
@command
def restore(voice: Voice, directory: Path, file: Path) -> None:
    """Restore a backup, and verify it."""
    with voice.progress("恢复") as told:
        restored = put_back(directory, file, told)
    with voice.progress("核对") as told:
        verdict = verified(directory, [], told)
    if verdict.fault is not None:
        raise fault_found(verdict.fault)
    missing = [name for name in ("keys", "vault") if not (directory / name).exists()]
    voice.answer(
        {"holds": True, "position": restored.position, "root_hash": restored.root_hash, "missing": missing},
        f"已恢复第 1 至 {restored.position} 号记录，逐条核对相符，树根 {restored.root_hash}。"
        + "".join(f"\n请把 {name}/ 放回 {directory}。" for name in missing),
    )
