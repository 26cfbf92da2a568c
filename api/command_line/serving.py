"""Commands that serve: a ledger of one's own, or the demonstration."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click
import platformdirs

from api import demo as demonstration
from api.command_line.outcomes import Voice, cannot_tell, command, command_in, does_not_hold
from api.command_line.views import await_views
from api.composition import Taizhang, opened
from api.http.application import create_app
from api.http.logs import configure
from api.http.serve import serve as serve_http

HOST, PORT = "127.0.0.1", 8000
_PORT = click.option(
    "--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="端口，0 为任一空闲端口"
)
_ROLES: Mapping[str, str] = {"inspector": "查阅", "recorder": "登记", "arbiter": "裁定"}


@click.command(
    help="启动台账服务，直到收到 Ctrl-C 或 SIGTERM。\n\n"
    "设置了 TAIZHANG_DATABASE_URL 时使用该数据库，否则使用文件夹中的内嵌数据库。"
)
@click.option("--host", default=HOST, show_default=True, help="监听地址")
@_PORT
@command
def serve(voice: Voice, directory: Path, host: str, port: int) -> None:
    """Serve a ledger."""
    _check_free(host, port)
    configure()
    with opened(directory) as ledger:
        key = ledger.keys.signing_key.verifier_key
        _serve(
            ledger,
            host,
            port,
            lambda url: voice.answer({"url": url, "verifier_key": key}, f"台账服务已启动：{url}\n按 Ctrl-C 停止。"),
        )


@click.command(
    help="启动演示：西咸新区的真实社区和行政村，加上 2019 至 2021 年的虚构记录（均注明“演示数据”）。\n\n"
    "再次运行沿用已有的演示台账，另发密钥和密码。"
)
@_PORT
@command_in(partial(platformdirs.user_data_path, "taizhang-demo"))
def demo(voice: Voice, directory: Path, port: int) -> None:
    """Serve the demonstration."""
    _check_free(HOST, port)
    configure()
    try:
        with demonstration.opened_in(directory) as ledger:
            if not demonstration.is_recorded(ledger):
                with voice.bar(demonstration.size(), "登记演示数据") as advance:
                    demonstration.record(ledger, advance)
                await_views(voice, ledger, ledger.log.head()[0])
            answer: dict[str, Any] = {
                "logins": [login._asdict() for login in demonstration.logins(ledger)],
                "verifier_key": ledger.keys.signing_key.verifier_key,
            }
            _serve(ledger, HOST, port, lambda url: voice.answer({"url": url, **answer}, _welcome(url, answer)))
    except demonstration.NotADemo:
        raise does_not_hold(
            "not-a-demo", f"{directory} 中是正式台账，不能写入演示数据；请用 --data 另选文件夹。"
        ) from None


def _serve(ledger: Taizhang, host: str, port: int, on_listening: Callable[[str], None]) -> None:
    try:
        # Told to stop, the server ends its work and then passes the signal on.
        with contextlib.suppress(KeyboardInterrupt):
            serve_http(create_app(ledger), host, port, on_listening=on_listening)
    except OSError as fault:
        raise _taken(host, port, fault) from None


def _check_free(host: str, port: int) -> None:
    """Find out that an address can't be had before anything is started for it."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as fault:
        raise _taken(host, port, fault) from None


def _taken(host: str, port: int, fault: OSError) -> Exception:
    return cannot_tell(
        "address", f"无法在 {host} 的端口 {port} 上监听：{fault.strerror or fault}。可用 --port 换一个端口。"
    )


def _welcome(url: str, answer: Mapping[str, Any]) -> str:
    lines = [f"演示台账已就绪：{url}", "", "登录（每次启动另发）："]
    lines += [
        f"  {_ROLES[login['role']]}（{login['role']}）  账户 {login['account']}  密码 {login['password']}\n"
        f"      接口密钥 {login['key']}"
        for login in answer["logins"]
    ]
    return "\n".join([*lines, "", f"验证公钥：{answer['verifier_key']}", "按 Ctrl-C 停止。"])
