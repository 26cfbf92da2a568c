"""`taizhang verify`: whether the whole ledger is what it says it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import click

from api.command_line.outcomes import Ended, Exit, Voice, command
from api.composition import verified
from domain.examination import Fault, Kind

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


@click.command(help="重读整个日志及由它得出的一切，逐项核对；有不符之处则指出第一处的位置和种类，退出码为 1。")
@click.option(
    "--since",
    "since",
    metavar="CHECKPOINT",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="从前留存的检查点文件：现在的日志须是它的延续；可重复",
)
@command
def verify(voice: Voice, directory: Path, since: tuple[Path, ...]) -> None:
    """Verify the ledger."""
    with voice.progress("核对") as told:
        verdict = verified(directory, [one.read_bytes() for one in since], told)
    if verdict.fault is not None:
        raise fault_found(verdict.fault)
    root = "" if verdict.root is None else verdict.root.hex()
    voice.answer(
        {"holds": True, "size": verdict.size, "root_hash": root},
        f"台账完好：{verdict.size} 条记录逐条相符，树根 {root}。",
    )


def fault_found(fault: Fault) -> Ended:
    """Where the ledger first is not what it says it is: exit 1."""
    where = "" if fault.position is None else f"第 {fault.position} 号记录："
    answer = {"holds": False, "position": fault.position, "kind": fault.kind, "detail": fault.detail}
    return Ended(Exit.DOES_NOT_HOLD, answer, f"台账不符，第一处：{where}{NAMES[fault.kind]}（{fault.detail}）")
