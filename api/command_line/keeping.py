"""Commands that keep a ledger: making one, and issuing keys."""

from __future__ import annotations

import secrets
from pathlib import Path

import click
from pydantic import ValidationError

from api.administration import ADMINISTRATOR, begin_rotation, issue_key
from api.command_line.outcomes import Voice, command, does_not_hold
from api.composition import initialise, now, opened
from application.moments import today
from domain.offices import BUREAUS, ROLES
from domain.records import record_kind
from domain.refusals import Refused


@click.command(help="建立台账，只此一次，并显示管理员的首个密钥和验证公钥。")
@click.option("--origin", metavar="NAME", help="台账的来源名，默认 taizhang.local/ 加随机码；不含空格和加号")
@command
def init(voice: Voice, directory: Path, origin: str | None) -> None:
    """Create a ledger, once."""
    name = origin or f"taizhang.local/{secrets.token_hex(4)}"
    try:
        verifier_key, token = initialise(directory, name)
    except ValueError as fault:
        raise click.BadParameter(str(fault), param_hint="--origin") from None
    voice.answer(
        {"verifier_key": verifier_key, "key": token, "account": ADMINISTRATOR, "origin": name, "data": str(directory)},
        f"已在 {directory} 建立台账 {name}\n"
        f"验证公钥（请分发保存）：{verifier_key}\n"
        f"管理员 {ADMINISTRATOR} 的密钥（只显示这一次）：{token}",
    )


@click.group(help="管理接口密钥。")
def key() -> None:
    """Keep API keys."""


@key.command("add", help="为账户签发接口密钥；账户不存在则开立，缺少的角色则授予。")
@click.option("--account", metavar="NAME", required=True, help="账户编号：小写字母、数字和连字符，3 至 32 位")
@click.option("--office", metavar="OFFICE", required=True, help="new-area、new-city:ID、township:CODE 或 community:ID")
@click.option("--bureau", type=click.Choice(BUREAUS), help="所属部门")
@click.option("--role", "roles", type=click.Choice(ROLES), multiple=True, help="角色，可重复")
@click.option("--name", metavar="NAME", help="姓名，新开账户时登记；默认同账户编号")
@command
def key_add(
    voice: Voice,
    directory: Path,
    account: str,
    office: str,
    bureau: str | None,
    roles: tuple[str, ...],
    name: str | None,
) -> None:
    """Issue an API key."""
    try:
        record_kind(f"accounts/{account}")
    except Refused as refusal:
        raise click.BadParameter(refusal.detail, param_hint="--account") from None
    with opened(directory, follow=False) as ledger:
        try:
            token = issue_key(ledger, account, office, bureau, roles, name)
        except ValidationError as fault:
            error = fault.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, error["loc"]))
            raise click.UsageError(f"{where}: {error['msg']}" if where else error["msg"]) from None
    voice.answer({"account": account, "key": token}, f"账户 {account} 的密钥（只显示这一次）：{token}")


@key.command("rotate", help="更换签名密钥：先与旧密钥同时签名一段时间，再以 --finish 停用旧密钥。")
@click.option("--reasons", metavar="TEXT", default="定期更换", show_default=True, help="更换理由，记入台账")
@click.option("--finish", is_flag=True, help="停用旧密钥，此后只用新密钥签名")
@command
def key_rotate(voice: Voice, directory: Path, reasons: str, finish: bool) -> None:  # noqa: FBT001
    """Rotate the signing key, in two steps."""
    with opened(directory, follow=False) as ledger:
        if not finish:
            verifier_key = begin_rotation(ledger, reasons, today(now))
            voice.answer(
                {"verifier_key": verifier_key, "finished": False},
                f"新旧密钥此后同时签名。新的验证公钥（请分发保存）：{verifier_key}\n"
                "各方换用新公钥后，运行 taizhang key rotate --finish。",
            )
            return
        try:
            verifier_key = ledger.keys.finish_rotation().verifier_key
        except FileNotFoundError:
            raise does_not_hold("no-rotation", "没有进行中的更换：先运行 taizhang key rotate。") from None
    voice.answer({"verifier_key": verifier_key, "finished": True}, f"此后只用新密钥签名：{verifier_key}")


@click.command("export-log", help="把已公布的日志写成静态文件（C2SP tlog-tiles），姓名仍为密文。")
@click.argument("target", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@command
def export_log(voice: Voice, directory: Path, target: Path) -> None:
    """Export the log."""
    with opened(directory, follow=False) as ledger, voice.bar(ledger.log.head()[0], "导出日志") as advance:
        size = ledger.tree.export(target, advance)
    voice.answer({"size": size, "directory": str(target)}, f"已把第 1 至 {size} 号记录导出到 {target}。")
