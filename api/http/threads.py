"""Threads for what waits on the database: bounded, and kept apart so that reads can't hold up recordings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from anyio import CapacityLimiter, to_thread

from api.http.problems import Fault, Problem

T = TypeVar("T")

READING: Final = 24
RECORDING: Final = 12
VERIFYING: Final = 2
"""Threads; a password's verification takes 64 MiB."""
WAITING_LIMIT: Final = 500
"""Requests that wait for a thread; past that a client is told to come back."""


class Threads:
    """Runs blocking functions in threads."""

    def __init__(self) -> None:
        self._reading = CapacityLimiter(READING)
        self._recording = CapacityLimiter(RECORDING)
        self._verifying = CapacityLimiter(VERIFYING)

    async def read(self, function: Callable[[], T]) -> T:
        """What it returns. Raises Problem (busy) where too many wait."""
        return await _run(function, self._reading)

    async def record(self, function: Callable[[], T]) -> T:
        """What it returns. Raises Problem (busy) where too many wait."""
        return await _run(function, self._recording)

    async def verify(self, function: Callable[[], T]) -> T:
        """What it returns. Raises Problem (busy) where too many wait."""
        return await _run(function, self._verifying)


async def _run(function: Callable[[], T], limiter: CapacityLimiter) -> T:
    if limiter.statistics().tasks_waiting >= WAITING_LIMIT:
        raise Problem(Fault.BUSY, "too many requests are waiting", headers={"Retry-After": "1"})
    return await to_thread.run_sync(function, limiter=limiter)
