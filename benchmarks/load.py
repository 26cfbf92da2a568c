"""Closed loops: so many writers, each of which waits for its durable answer before it goes on."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from statistics import median
from typing import Any, NamedTuple, TypeAlias

WARM_UP = 0.4
"""Seconds before anything counts."""

Blocking: TypeAlias = Callable[[int], Callable[[], object]]
"""Given a writer's number, what that writer does once, answer awaited."""
Submitting: TypeAlias = Callable[[int], Callable[[], Future[Any]]]
"""Given a writer's number, what that writer submits once; the future is its answer."""


class Load(NamedTuple):
    """What came of one run: answers a second, and what an answer took, in milliseconds."""

    rate: float
    p50: float
    p99: float


def middle(runs: list[Load]) -> Load:
    """The median run, figure by figure."""
    return Load(*(median(figures) for figures in zip(*runs, strict=True)))


def in_threads(writers: int, seconds: float, blocking: Blocking) -> Load:
    """A thread a writer."""
    clock = _Clock(seconds)

    def write(number: int) -> None:
        operation = blocking(number)
        operation()
        clock.meet()
        while clock.runs():
            begun = time.perf_counter()
            operation()
            clock.answered(begun)

    threads = [threading.Thread(target=clock.guard, args=(write, number)) for number in range(writers)]
    clock.expect(writers)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return clock.load()


def in_coroutines(writers: int, seconds: float, submitting: Submitting) -> Load:
    """A coroutine a writer, as in a server of asyncio."""

    async def write(clock: _Clock, number: int) -> None:
        submit = submitting(number)
        while clock.runs():
            begun = time.perf_counter()
            await asyncio.wrap_future(submit())
            clock.answered(begun)

    return asyncio.run(gathered(writers, seconds, write))


async def gathered(
    writers: int, seconds: float, write: Callable[[_Clock, int], Coroutine[Any, Any, None] | Awaitable[None]]
) -> Load:
    """Run so many writers to the end."""
    clock = _Clock(seconds)
    clock.start()
    await asyncio.gather(*(write(clock, number) for number in range(writers)))
    return clock.load()


class _Clock:
    """When a run counts, and what it counts."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._latencies: list[float] = []
        self._faults: list[BaseException] = []
        self._barrier: threading.Barrier | None = None
        self._begins = self._ends = math.inf

    def expect(self, writers: int) -> None:
        self._barrier = threading.Barrier(writers, action=self.start)

    def meet(self) -> None:
        if self._barrier is not None:
            self._barrier.wait()

    def guard(self, write: Callable[[int], None], number: int) -> None:
        try:
            write(number)
        except BaseException as fault:  # noqa: BLE001  # raised by `load`
            self._faults.append(fault)
            if self._barrier is not None:
                self._barrier.abort()

    def start(self) -> None:
        self._begins = time.perf_counter() + WARM_UP
        self._ends = self._begins + self._seconds

    def runs(self) -> bool:
        return time.perf_counter() < self._ends

    def answered(self, begun: float) -> None:
        if self._begins <= (now := time.perf_counter()) <= self._ends:
            self._latencies.append(now - begun)

    def load(self) -> Load:
        for fault in self._faults:
            raise fault
        taken = sorted(self._latencies)
        if not taken:
            raise RuntimeError("nothing was answered in time")
        return Load(len(taken) / self._seconds, 1e3 * taken[len(taken) // 2], 1e3 * taken[len(taken) * 99 // 100])
