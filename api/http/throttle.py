"""Slows down whoever guesses passwords, in bounded memory."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

WINDOW: Final = 300.0
"""Seconds for which failures count."""
OF_ACCOUNT_FROM_ADDRESS: Final = 5
OF_ADDRESS: Final = 50
OF_ACCOUNT: Final = 50
"""Failures within a window."""
REMEMBERED: Final = 10_000


class Throttle:
    """Counts attempts by account, by address and by both; those that fail stay counted for a while."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that never go back."""
        self._clock = clock
        self._attempts = OrderedDict[str, tuple[float, int]]()

    def attempt(self, account: str, address: str) -> float:
        """Count an attempt before it is made, so that many at once count too.

        Returns:
            Seconds to wait instead of making it; 0 where it may be made.
        """
        now = self._clock()
        waits = [
            begun + WINDOW - now
            for key, most in _keys(account, address)
            for begun, count in [self._counted(key, now)]
            if count >= most
        ]
        if waits:
            return max(waits)
        for key, _ in _keys(account, address):
            begun, count = self._counted(key, now)
            self._attempts[key] = begun, count + 1
            self._attempts.move_to_end(key)
        while len(self._attempts) > REMEMBERED:
            self._attempts.popitem(last=False)
        return 0.0

    def succeeded(self, account: str, address: str) -> None:
        """Forget what the one who knew the password had counted; others' failures stay."""
        (both, _), *rest = _keys(account, address)
        _, failures = self._attempts.pop(both, (0.0, 1))
        for key, _ in rest:
            if key in self._attempts:
                begun, count = self._attempts[key]
                self._attempts[key] = begun, max(0, count - failures)

    def _counted(self, key: str, now: float) -> tuple[float, int]:
        begun, count = self._attempts.get(key, (now, 0))
        return (begun, count) if now - begun < WINDOW else (now, 0)


def _keys(account: str, address: str) -> list[tuple[str, int]]:
    network = _network(address)
    return [
        (f"both {account} {network}", OF_ACCOUNT_FROM_ADDRESS),
        (f"address {network}", OF_ADDRESS),
        (f"account {account}", OF_ACCOUNT),
    ]


def _network(address: str) -> str:
    """The address; of IPv6 the /64 that one host commonly has."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(known) if known.version == 4 else str(ipaddress.ip_network((int(known) >> 64 << 64, 64)))  # noqa: PLR2004  # IPv4
