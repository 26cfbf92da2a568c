"""Recording: a queue with one committer, so that commands that wait together are made durable together.

There is no timer: the committer takes whatever waits. Each command is judged on its own, after those before it in the
group; a refusal or conflict of one leaves the others standing. An answer is given only once the commit is durable.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeAlias

from application.commands import Command
from application.drafting import drafts
from application.judging import Judge, Replay
from application.records_view import RecordsView
from domain.log import Draft, Stored
from domain.refusals import Refused

QUEUE_LIMIT = 2_000
"""Commands that may wait; past that a client is told to come back."""
GROUP_LIMIT = 2_000
"""Events of one group at most, but for a last command that goes past it: with what they bring about, one append."""
OPTIMISTIC_ATTEMPTS = 2
"""Times that a group is judged beside other writers before it is judged under the log's lock."""


class Behind(Exception):  # noqa: N818  # an answer, not an error
    """The log's head is not where it was expected; nothing was written."""


class Unsettled(Exception):  # noqa: N818  # an answer, not an error
    """Nobody can say yet whether the entries were written: ask again with the same Idempotency-Key."""


class Busy(Exception):  # noqa: N818  # an answer, not an error
    """Too many commands are waiting."""


class Stopped(Exception):  # noqa: N818  # an answer, not an error
    """The recorder has been closed."""


class Appending(Protocol):
    """What the committer writes with."""

    def append(self, drafted: Sequence[Draft], *, expected: int) -> Sequence[Stored]:
        """Make the drafts durable, in one round trip. Raises Behind or Unsettled."""
        ...

    def locked(self) -> AbstractContextManager[Callable[[Sequence[Draft]], Sequence[Stored]]]:
        """Hold the log's lock, so that its head can't move; gives a function that appends under it."""
        ...


class Recorded(NamedTuple):
    """What a command came to, in the log."""

    entries: tuple[Stored, ...]
    """All its entries, consequences included, in the order of their positions."""
    replayed: bool
    """Whether they had been recorded before, under the same idempotency key."""


@dataclass(slots=True)
class _Waiting:
    command: Command
    answer: Future[Recorded] = field(default_factory=Future)


_Answer: TypeAlias = Refused | Replay | tuple[int, int] | _Waiting
"""What a command came to: refused, recorded before, its entries' first and last index, or as its twin's."""


class Recorder:
    """Takes commands from any thread and answers each when it is durable, or refused."""

    def __init__(
        self,
        view: RecordsView,
        judge: Judge,
        log: Appending,
        *,
        on_durable: Callable[[Sequence[Stored]], None] = lambda _: None,
    ) -> None:
        """Start the committer. `on_durable` is told of every group's entries, in the committer's thread."""
        self._view = view
        self._judge = judge
        self._log = log
        self._on_durable = on_durable
        self._queue: queue.Queue[_Waiting | None] = queue.Queue(QUEUE_LIMIT)
        self._closed = False
        self._view.forget()
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
        self._thread.start()

    def submit(self, command: Command) -> Future[Recorded]:
        """Queue a command.

        The future raises Refused when the command is refused, Unsettled when its fate is unknown, and whatever the
        database raised when nothing was written. Raises Busy when too many wait, Stopped after `close`.
        """
        if self._closed:
            raise Stopped
        waiting = _Waiting(command)
        try:
            self._queue.put_nowait(waiting)
        except queue.Full:
            raise Busy from None
        return waiting.answer

    def record(self, command: Command, timeout: float | None = None) -> Recorded:
        """Record a command and wait for the answer. Raises what `submit`'s future raises, and TimeoutError."""
        return self.submit(command).result(timeout)

    def close(self) -> None:
        """Finish what waits and stop."""
        self._closed = True
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (group := self._take()) is not None:
            try:
                self._commit(group)
            except BaseException as fault:  # noqa: BLE001  # whoever waits must hear of it, and the committer goes on
                for waiting in group:
                    if not waiting.answer.done():
                        waiting.answer.set_exception(fault)
                self._start_afresh()

    def _take(self) -> list[_Waiting] | None:
        first = self._queue.get()
        if first is None:
            return None
        group, size = [first], len(first.command.proposals)
        while size < GROUP_LIMIT:
            try:
                more = self._queue.get_nowait()
            except queue.Empty:
                break
            if more is None:
                self._queue.put(None)
                break
            group.append(more)
            size += len(more.command.proposals)
        return group

    def _commit(self, group: list[_Waiting]) -> None:
        group = [waiting for waiting in group if waiting.answer.set_running_or_notify_cancel()]
        for _ in range(OPTIMISTIC_ATTEMPTS):
            try:
                answers, stored = self._attempt(
                    group, lambda drafted: self._log.append(drafted, expected=self._view.position)
                )
            except Behind:
                self._view.catch_up()
            else:
                self._give(answers, stored)
                return
        with self._log.locked() as append:
            self._view.catch_up()
            answers, stored = self._attempt(group, append)
        self._give(answers, stored)

    def _attempt(
        self, group: list[_Waiting], append: Callable[[Sequence[Draft]], Sequence[Stored]]
    ) -> tuple[list[tuple[_Waiting, _Answer]], Sequence[Stored]]:
        """Judge the group and append what comes of it. Raises Behind, having answered nobody."""
        answers: list[tuple[_Waiting, _Answer]] = []
        drafted: list[Draft] = []
        keys: dict[str, _Waiting] = {}
        with self._view.staging():
            self._judge.prepare(waiting.command for waiting in group)
            for waiting in group:
                answers.append((waiting, self._judge_one(waiting, drafted, keys)))  # noqa: PERF401  # drafted grows
            # An append of nothing still asks whether the head has moved: a refusal must rest on the newest state.
            stored = append(drafted)
            if stored:
                self._view.position = stored[-1].position
        return answers, stored

    def _give(self, answers: list[tuple[_Waiting, _Answer]], stored: Sequence[Stored]) -> None:
        if stored:
            self._on_durable(stored)
        for waiting, answer in answers:
            _give(waiting, answer, stored)

    def _judge_one(self, waiting: _Waiting, drafted: list[Draft], keys: dict[str, _Waiting]) -> _Answer:
        command = waiting.command
        try:
            if command.idempotent is not None:
                earlier = keys.setdefault(f"{command.account} {command.idempotent.key}", waiting)
                if earlier is not waiting:
                    return earlier
            with self._view.staging():
                judged = self._judge.judge(command, self._view.position + len(drafted) + 1)
                if isinstance(judged, Replay):
                    return judged
                fresh = drafts(judged, command.account, command.idempotent)
        except Refused as refusal:
            if command.idempotent is not None and keys.get(f"{command.account} {command.idempotent.key}") is waiting:
                del keys[f"{command.account} {command.idempotent.key}"]
            return refusal
        first = len(drafted)
        drafted += [draft._replace(cause=None if draft.cause is None else draft.cause + first) for draft in fresh]
        return first, len(drafted)

    def _start_afresh(self) -> None:
        try:
            self._view.forget()
        except Exception:  # noqa: BLE001  # the database is away: the next group meets it and says so
            self._view.position = -1


def _give(waiting: _Waiting, answer: _Answer, stored: Sequence[Stored]) -> None:
    match answer:
        case Refused():
            waiting.answer.set_exception(answer)
        case Replay(entries=entries):
            waiting.answer.set_result(Recorded(tuple(entries), replayed=True))
        case _Waiting() as earlier:
            _repeat(waiting, earlier)
        case (first, last):
            waiting.answer.set_result(Recorded(tuple(stored[first:last]), replayed=False))


def _repeat(waiting: _Waiting, earlier: _Waiting) -> None:
    """Answer a command as its twin in the same group was answered, where it asks the same."""
    recorded = earlier.answer.result()
    asked = waiting.command.idempotent
    if asked is None:
        raise AssertionError
    try:
        Judge.replay(recorded.entries, asked.mac)
    except Refused as refusal:
        waiting.answer.set_exception(refusal)
    else:
        waiting.answer.set_result(Recorded(recorded.entries, replayed=True))
