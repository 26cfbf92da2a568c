"""Commands about how people log in: passwords, and subjects of the identity provider. None of it is in the log."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

import click

from api.command_line.outcomes import Voice, command, does_not_hold
from api.composition import Taizhang, opened

SHORTEST = 10
"""Characters of a password that somebody chooses."""
LONGEST = 200
ISSUER = "TAIZHANG_OIDC_ISSUER"


@click.group(help="管理登录方式：密码、统一身份认证。均不写入台账。")
def login() -> None:
    """Keep ways to log in."""


@login.command("password", help="设定账户的登录密码：从标准输入读取一行，或用 --generate 生成。")
@click.option("--account", metavar="NAME", required=True, help="账户编号")
@click.option("--generate", is_flag=True, help="生成密码，只显示这一次")
@command
def password(voice: Voice, directory: Path, account: str, generate: bool) -> None:  # noqa: FBT001
    """Choose an account's password."""
    chosen = secrets.token_urlsafe(12) if generate else _typed()
    if not SHORTEST <= len(chosen) <= LONGEST:
        raise click.UsageError(f"密码应有 {SHORTEST} 至 {LONGEST} 个字符")
    with opened(directory, follow=False) as ledger:
        _open_account(ledger, account)
        ledger.passwords.choose(account, chosen)
    told = {"account": account} | ({"password": chosen} if generate else {})
    shown = f"：{chosen}（只显示这一次）" if generate else ""
    voice.answer(told, f"已设定账户 {account} 的密码{shown}")


@login.command("link", help="让统一身份认证中的用户以此账户登录。")
@click.option("--account", metavar="NAME", required=True, help="账户编号")
@click.option("--subject", metavar="SUB", required=True, help="身份提供方给此人的标识（sub）")
@click.option("--issuer", metavar="URL", default=lambda: os.environ.get(ISSUER), help=f"身份提供方，默认 {ISSUER}")
@command
def link(voice: Voice, directory: Path, account: str, subject: str, issuer: str | None) -> None:
    """Let a subject of the identity provider act through an account."""
    named = _issuer(issuer)
    with opened(directory, follow=False) as ledger:
        _open_account(ledger, account)
        ledger.linking.link(named, subject, account)
    voice.answer({"account": account, "issuer": named, "subject": subject}, f"{subject} 今后以账户 {account} 登录")


@login.command("unlink", help="不再让统一身份认证中的用户登录。")
@click.option("--subject", metavar="SUB", required=True, help="身份提供方给此人的标识（sub）")
@click.option("--issuer", metavar="URL", default=lambda: os.environ.get(ISSUER), help=f"身份提供方，默认 {ISSUER}")
@command
def unlink(voice: Voice, directory: Path, subject: str, issuer: str | None) -> None:
    """Let a subject of the identity provider act through no account."""
    named = _issuer(issuer)
    with opened(directory, follow=False) as ledger:
        if not ledger.linking.unlink(named, subject):
            raise does_not_hold("not-linked", f"{subject} 没有对应的账户")
    voice.answer({"issuer": named, "subject": subject}, f"{subject} 不能再登录")


def _typed() -> str:
    if sys.stdin.isatty():
        typed: str = click.prompt("密码", hide_input=True, confirmation_prompt="再输一次")
        return typed
    return sys.stdin.readline().rstrip("\r\n")


def _issuer(issuer: str | None) -> str:
    if not issuer:
        raise click.UsageError(f"用 --issuer 或 {ISSUER} 指明身份提供方")
    return issuer


def _open_account(ledger: Taizhang, account: str) -> None:
    if ledger.access.account(account) is None:
        raise does_not_hold("not-found", f"没有开立的账户 {account}")
