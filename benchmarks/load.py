"""Closed loops: so many writers, each of which waits for its durable answer before it goes on."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from statistics import median
from typing import Any, NamedTuple, TypeAlias

WARM_UP = 0.4
"""Seconds before anything counts."""

Blocking: TypeAlias = Callable[[int], Callable[[], object]]
"""Given a writer's number, what that writer does once, its answer awaited."""
Submitting: TypeAlias = Callable[[int], Callable[[], Future[Any]]]
"""Given a writer's number, what that writer submits once; the future is its answer."""
Awaiting: TypeAlias = Callable[[int], Coroutine[Any, Any, Callable[[], Coroutine[Any, Any, object]]]]
"""Given a writer's number, what makes a coroutine function that does it once, its answer awaited."""


class Load(NamedTuple):
    """What came of one run: answers a second, and what an answer took, in milliseconds."""

    rate: float
    p50: float
    p99: float


def middle(runs: list[Load]) -> Load:
    """The median of several runs, figure by figure."""
    return Load(*(median(figures) for figures in zip(*runs, strict=True)))


def in_threads(writers: int, seconds: float, blocking: Blocking) -> Load:
    """A thread a writer: what a blocking interface asks for."""
    clock = _Clock(seconds)
    faults: list[BaseException] = []
    ready = threading.Barrier(writers, action=clock.start)

    def write(number: int) -> None:
        try:
            operation = blocking(number)
            operation()
            ready.wait(30)
            while clock.runs():
                begun = time.perf_counter()
                operation()
                clock.answered(begun)
        except BaseException as fault:  # noqa: BLE001  # raised again where the run was asked for
            faults.append(fault)
            ready.abort()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    return clock.load()


def in_callbacks(writers: int, seconds: float, submitting: Submitting) -> Load:
    """Each answer submits its writer's next: what a server driven by events comes to, at the least cost."""
    clock = _Clock(seconds)
    ended = threading.Semaphore(0)

    def begin(submit: Callable[[], Future[Any]]) -> None:
        begun = time.perf_counter()
        submit().add_done_callback(lambda answer: go_on(submit, begun, answer))

    def go_on(submit: Callable[[], Future[Any]], begun: float, answer: Future[Any]) -> None:
        if answer.exception() is None and clock.runs():
            clock.answered(begun)
            begin(submit)
        else:
            ended.release()

    clock.start()
    for number in range(writers):
        begin(submitting(number))
    for _ in range(writers):
        ended.acquire()
    return clock.load()


def in_coroutines(writers: int, seconds: float, awaiting: Awaiting) -> Load:
    """A coroutine a writer, all on one connection each."""

    async def run() -> Load:
        operations = [await awaiting(number) for number in range(writers)]
        clock = _Clock(seconds)
        clock.start()

        async def write(operation: Callable[[], Coroutine[Any, Any, object]]) -> None:
            while clock.runs():
                begun = time.perf_counter()
                await operation()
                clock.answered(begun)

        await asyncio.gather(*map(write, operations))
        return clock.load()

    return asyncio.run(run())


def waiting(submitting: Submitting) -> Blocking:
    """The same, its writers blocked until their answer is there."""

    def blocking(number: int) -> Callable[[], object]:
        submit = submitting(number)
        return lambda: submit().result()

    return blocking


class _Clock:
    """When a run counts, and what it counts."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._latencies: list[float] = []
        self._begins = self._ends = math.inf

    def start(self) -> None:
        self._begins = time.perf_counter() + WARM_UP
        self._ends = self._begins + self._seconds

    def runs(self) -> bool:
        return time.perf_counter() < self._ends

    def answered(self, begun: float) -> None:
        if self._begins <= (now := time.perf_counter()) <= self._ends:
            self._latencies.append(now - begun)

    def load(self) -> Load:
        taken = sorted(self._latencies)
        if not taken:
            raise RuntimeError("nothing was answered in time")
        return Load(len(taken) / self._seconds, 1e3 * taken[len(taken) // 2], 1e3 * taken[len(taken) * 99 // 100])
