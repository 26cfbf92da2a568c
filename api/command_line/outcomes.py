"""How every command ends: one line of JSON or a sentence, and an exit code that scripts can go by."""

from __future__ import annotations

import functools
import json
import signal
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

import click
import psycopg
from eventsourcing.persistence import PersistenceError

from api.composition import AlreadyInitialised, ForeignKeys, NotInitialised, Unreachable, Unrestorable, data_directory
from application.committing import Busy, Stopped, Unsettled
from domain.refusals import Refused


class Exit(IntEnum):
    """Exit codes."""

    DONE = 0
    DOES_NOT_HOLD = 1
    USAGE = 2
    CANNOT_TELL = 3


class Ended(Exception):  # noqa: N818  # an answer, not an error
    """The command has its answer, and it is not `done`."""

    def __init__(self, code: Exit, answer: Mapping[str, Any], sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.answer = answer


def cannot_tell(error: str, detail: str) -> Ended:
    """The command can't do its work: exit 3."""
    return Ended(Exit.CANNOT_TELL, {"error": error, "detail": detail}, detail)


def does_not_hold(error: str, detail: str) -> Ended:
    """The command was refused, or what it checked is not so: exit 1."""
    return Ended(Exit.DOES_NOT_HOLD, {"error": error, "detail": detail}, detail)


_STEPS: Final = 1_000
"""Of a progress bar that is told how far of how much."""


class Voice(NamedTuple):
    """How a command speaks: to people, or in JSON."""

    as_json: bool

    def answer(self, answer: Mapping[str, Any], sentence: str) -> None:
        """Print the answer: one line of JSON, or what a person reads instead."""
        click.echo(json.dumps(answer, ensure_ascii=False) if self.as_json else sentence)
        sys.stdout.flush()

    @contextmanager
    def bar(self, length: int, label: str) -> Generator[Callable[[int], None]]:
        """A progress bar on stderr, where somebody may be looking; gives a function that moves it on."""
        hidden = self.as_json or not sys.stderr.isatty()
        with click.progressbar(length=length, label=label, file=sys.stderr, hidden=hidden) as shown:
            yield shown.update

    @contextmanager
    def progress(self, label: str) -> Generator[Callable[[int, int], None]]:
        """A progress bar that is told how far it is, and of how much there is."""
        shown = 0
        with self.bar(_STEPS, label) as advance:

            def told(done: int, of: int) -> None:
                nonlocal shown
                shown, before = _STEPS * done // max(of, 1), shown
                advance(shown - before)

            yield told


def command_in(default: Callable[[], Path]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command `--data` and `--json`, and have it end with an exit code and a sentence whatever happens.

    `default` is the directory where `--data` names none.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @click.option(
            "--data",
            "directory",
            metavar="DIR",
            type=click.Path(file_okay=False, path_type=Path),
            default=default,
            help="台账所在的文件夹，默认在用户数据文件夹中",
        )
        @click.option("--json", "as_json", is_flag=True, help="只输出一行 JSON")
        @functools.wraps(function)
        def run(*, directory: Path, as_json: bool, **options: object) -> None:
            voice = Voice(as_json)
            # Told to stop, a command still closes what it has opened: an embedded server would run on.
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            try:
                function(voice, directory, **options)
            except (click.ClickException, click.exceptions.Exit):
                raise
            except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # people get a sentence, never a traceback
                _end(voice, error if isinstance(error, Ended) else _ended(error, directory))

        return run

    return decorate


command = command_in(lambda: data_directory(None))
"""`command_in` the user's own ledger."""


def _end(voice: Voice, ended: Ended) -> NoReturn:
    if voice.as_json:
        voice.answer(ended.answer, "")
    else:
        click.echo(str(ended), err=True)
    sys.exit(ended.code)


def _ended(error: BaseException, directory: Path) -> Ended:  # noqa: C901, PLR0911  # one answer for each way to fail
    match error:
        case NotInitialised():
            return cannot_tell("not-initialised", f"{directory} 中还没有台账。先运行：taizhang init --data {directory}")
        case AlreadyInitialised():
            return does_not_hold("already-initialised", f"{directory} 中已有台账，保持原样，没有新建。")
        case ForeignKeys():
            return cannot_tell(
                "foreign-keys", f"{directory} 中的密钥不属于此数据库中的台账，请用 --data 指明正确的文件夹。"
            )
        case Unreachable():
            return cannot_tell("unreachable", f"读不到 {error}")
        case Unrestorable():
            return does_not_hold("unrestorable", f"不能由此恢复：{error}")
        case Refused():
            return does_not_hold(error.code.slug, f"{error.code.title('zh')}：{error.detail}")
        case Unsettled():
            return cannot_tell("unsettled", "数据库连接中断，无法确定最后一批是否已入账。恢复后再运行一次即可。")
        case Busy() | Stopped() | TimeoutError() | psycopg.OperationalError() | PersistenceError():
            return cannot_tell("unavailable", f"数据库暂时不可用：{_short(error)}")
        case KeyboardInterrupt():
            return cannot_tell("interrupted", "已中断。")
        case OSError():
            return cannot_tell("unreadable", f"无法读写 {error.filename or directory}：{error.strerror or error}")
        case _:
            return cannot_tell("failed", f"未能完成（{type(error).__name__}）：{_short(error)}")


def _short(error: BaseException) -> str:
    return str(error).strip() or type(error).__name__
