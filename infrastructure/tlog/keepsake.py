"""The last checkpoint published, kept in a file beside the key: what a database that went back in time can't change."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, Protocol

from domain.log import Draft, Stored
from domain.refusals import Code, Refused
from domain.tlog.checkpoint import Checkpoint, parse_checkpoint
from domain.tlog.lines import Malformed
from domain.tlog.note import parse_note
from infrastructure.keys.secret_files import make_names_durable

FILE: Final = "checkpoint"


class Keepsake:
    """The file, in the directory of the keys."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE

    def read(self) -> Checkpoint | None:
        """The checkpoint kept; None before the first. Raises Malformed where the file holds something else."""
        try:
            return parse_checkpoint(parse_note(self._path.read_bytes()).text)
        except FileNotFoundError:
            return None
        except Malformed as fault:
            raise Malformed(f"{self._path}: {fault}") from None

    def keep(self, note: str) -> None:
        """Keep a checkpoint in place of the last one, durably, whole or not at all."""
        new = self._path.with_name(f".{FILE}-{os.getpid()}")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(note.encode())
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)
        make_names_durable(self._path.parent)


class Writing(Protocol):
    """What writes to the log."""

    def append(self, drafted: Sequence[Draft], /, *, expected: int) -> Sequence[Stored]:
        """Make the drafts durable."""
        ...

    def locked(self) -> AbstractContextManager[Callable[[Sequence[Draft]], Sequence[Stored]]]:
        """Hold the log's turn; gives a function that appends under it."""
        ...


class Guard:
    """Whether the log may be written to, and why not."""

    def __init__(self) -> None:
        self._reason: str | None = None
        self._lock = threading.Lock()

    def reason(self) -> str | None:
        """Why nothing may be written; None where it may."""
        return self._reason

    def refuse(self, reason: str) -> None:
        """Refuse all writing from here on; the first reason stands."""
        with self._lock:
            self._reason = self._reason or reason

    def check(self) -> None:
        """Raise Refused (rolled-back) where nothing may be written."""
        if self._reason is not None:
            raise Refused(Code.ROLLED_BACK, self._reason)


class Guarded:
    """Writes to the log while the guard lets it."""

    def __init__(self, writing: Writing, guard: Guard) -> None:
        self._writing = writing
        self._guard = guard

    def append(self, drafted: Sequence[Draft], *, expected: int) -> Sequence[Stored]:
        """Make the drafts durable. Raises Refused (rolled-back), and as the log does."""
        self._guard.check()
        return self._writing.append(drafted, expected=expected)

    @contextlib.contextmanager
    def locked(self) -> Generator[Callable[[Sequence[Draft]], Sequence[Stored]]]:
        """Hold the log's turn. Raises Refused (rolled-back), and as the log does."""
        self._guard.check()
        with self._writing.locked() as append:
            yield append
