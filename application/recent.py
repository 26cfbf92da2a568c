"""What was worked out last, kept up to a weight: for answers that never change once they are true."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)
T = TypeVar("T")


class Recent(Generic[KeyT, T]):
    """Values by key, those used longest ago making room. Safe for threads."""

    def __init__(self, limit: int) -> None:
        """Keep values of at most this weight in all."""
        self._limit = limit
        self._kept: OrderedDict[KeyT, tuple[T, int]] = OrderedDict()
        self._weight = 0
        self._turn = threading.Lock()

    def get(self, key: KeyT) -> T | None:
        """The value, used now; None where it isn't kept."""
        with self._turn:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def keep(self, key: KeyT, value: T, weight: int = 1) -> T:
        """Keep a value; returns it."""
        with self._turn:
            _, replaced = self._kept.pop(key, (None, 0))
            self._kept[key] = value, weight
            self._weight += weight - replaced
            while self._weight > self._limit and len(self._kept) > 1:
                _, (_, dropped) = self._kept.popitem(last=False)
                self._weight -= dropped
            return value
