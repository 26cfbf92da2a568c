"""`taizhang verify`: whether the whole ledger is what it says it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import click

from api.command_line.outcomes import Ended, Exit, Voice, command
from api.composition import verified, verified_from_afar
from domain.examination import Fault, Kind
from domain.tlog.lines import Malformed

NAMES: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.GAP: "记录缺失或重复",
        Kind.HEADER: "记录头不合规",
        Kind.COLUMN: "记录头与列不符",
        Kind.BODY: "正文与摘要不符",
        Kind.LEAF: "叶哈希与字节不符",
        Kind.ORDER: "入账时间次序有误",
        Kind.VERSION: "记录版本不连续",
        Kind.TRANSACTION: "事务不完整",
        Kind.VOCABULARY: "内容不合事件定义",
        Kind.CITATION: "引用了尚不存在的记录",
        Kind.ROOT: "所载树根与日志不符",
        Kind.HEADS: "各记录末端与封存不符",
        Kind.TILE: "瓦片与日志不符",
        Kind.CHECKPOINT: "检查点与日志不符",
        Kind.ATTACHMENT: "附件缺失或被改动",
        Kind.VIEW: "查询视图与日志不符",
        Kind.WALL: "日志的数据库防护已被关闭",
    }
)


TOKEN: Final = "TAIZHANG_API_KEY"  # noqa: S105  # its name
"""The environment variable with a key that may read entries elsewhere; a command line is there for all to read."""


@click.command(
    help="重读整个日志及由它得出的一切，逐项核对；有不符之处则指出第一处的位置和种类，退出码为 1。\n\n"
    "用 --url 和 --key 核对他处提供的台账：只信验证公钥，读其检查点、瓦片和记录。记录不公开的，"
    f"在环境变量 {TOKEN} 中给出可读记录的密钥；没有则只核对哈希。\n\n"
    "留存的检查点越早、越多，越能查出改写：可把台账地址下的 checkpoint 存成文件，下次用 --since 给出。"
)
@click.option("--url", metavar="URL", help="他处台账的地址")
@click.option("--key", "keys", metavar="VKEY", multiple=True, help="他处台账的验证公钥；更换密钥期间可给多个")
@click.option(
    "--since",
    "since",
    metavar="CHECKPOINT",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="从前留存的检查点文件：现在的日志须是它的延续；可重复",
)
@command
def verify(voice: Voice, directory: Path, url: str | None, keys: tuple[str, ...], since: tuple[Path, ...]) -> None:
    """Verify the ledger."""
    if (url is None) is not (not keys):
        raise click.UsageError("--url 和 --key 要一起给：他处的台账只凭验证公钥可信。")
    kept = [one.read_bytes() for one in since]
    with voice.progress("核对") as told:
        if url is None:
            verdict = verified(directory, kept, told)
        else:
            try:
                verdict = verified_from_afar(url, keys, kept, os.environ.get(TOKEN), told)
            except Malformed as fault:
                raise click.BadParameter(str(fault), param_hint="--key") from None
    if verdict.fault is not None:
        raise fault_found(verdict.fault)
    root = "" if verdict.root is None else verdict.root.hex()
    answer = {"holds": True, "size": verdict.size, "root_hash": root, "read": verdict.read}
    said = f"台账完好：{verdict.size} 条记录逐条相符，树根 {root}。"
    if verdict.read < verdict.size:
        said = (
            f"{verdict.size} 条记录的哈希与已签名的检查点相符，树根 {root}。\n"
            f"记录本身不公开，未核对：请在环境变量 {TOKEN} 中给出可读记录的密钥。"
        )
    voice.answer(answer if verdict.note is None else answer | {"checkpoint": verdict.note}, said)


def fault_found(fault: Fault) -> Ended:
    """Where the ledger first is not what it says it is: exit 1."""
    where = "" if fault.position is None else f"第 {fault.position} 号记录："
    answer = {"holds": False, "position": fault.position, "kind": fault.kind, "detail": fault.detail}
    return Ended(Exit.DOES_NOT_HOLD, answer, f"台账不符，第一处：{where}{NAMES[fault.kind]}（{fault.detail}）")
