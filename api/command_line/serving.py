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
from api.composition import Taizhang, open_witness, opened
from api.http.application import create_app
from api.http.logs import configure
from api.http.serve import serve as serve_http
from api.http.witnessing import create_witness
from domain.tlog.lines import Malformed

HOST, PORT = "127.0.0.1", 8000
WITNESS_PORT = 8010
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
@click.option(
    "--witnesses",
    metavar="FILE",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="见证策略（C2SP tlog-policy），默认取 TAIZHANG_WITNESSES 所指的文件；检查点送交其中的见证者签名",
)
@command
def serve(voice: Voice, directory: Path, host: str, port: int, witnesses: Path | None) -> None:
    """Serve a ledger."""
    _check_free(host, port)
    configure()
    with opened(directory, witnesses=witnesses) as ledger:
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
    except demonstration.OtherHistory:
        raise does_not_hold(
            "other-history",
            f"{directory} 中的演示台账由另一版本的程序登记，与本版本的演示数据不同，未作改动；"
            "请用 --data 另选文件夹，或以 taizhang serve 查阅原有内容。",
        ) from None


@click.command(help="启动见证者：只为不断增长、前后一致的日志签名，并记住签过什么（C2SP tlog-witness）。")
@click.option("--name", metavar="NAME", required=True, help="见证者的名称，如 witness.example/w1；不含空格和加号")
@click.option("--log", "logs", metavar="VKEY", multiple=True, required=True, help="所见证日志的验证公钥，可重复")
@click.option("--host", default=HOST, show_default=True, help="监听地址")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=WITNESS_PORT, show_default=True, help="端口，0 为任一空闲端口"
)
@command_in(partial(platformdirs.user_data_path, "taizhang-witness"))
def witness(voice: Voice, directory: Path, name: str, logs: tuple[str, ...], host: str, port: int) -> None:
    """Serve a witness."""
    _check_free(host, port)
    configure()
    try:
        opened_witness = open_witness(directory, name, logs)
    except BlockingIOError:
        raise cannot_tell("taken", f"{directory} 中已有见证者在运行。") from None
    except Malformed as fault:
        raise click.BadParameter(str(fault), param_hint="--name / --log") from None
    key = opened_witness.verifier_key

    def told(url: str) -> None:
        voice.answer(
            {"url": url, "verifier_key": key},
            f"见证者已启动：{url}\n验证公钥：{key}\n策略中的一行：witness w1 {key} {url}\n按 Ctrl-C 停止。",
        )

    try:
        with contextlib.suppress(KeyboardInterrupt):
            serve_http(create_witness(opened_witness), host, port, on_listening=told)
    except OSError as fault:
        raise _taken(host, port, fault) from None
    finally:
        opened_witness.close()


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
