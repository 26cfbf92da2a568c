"""Who asks: API keys and accounts, looked up in the ledger at every request, so that rights are today's."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Callable
from datetime import datetime

from application.histories import Histories
from application.listing import Views
from application.moments import Positions, today
from application.rights import Reader, reader
from domain.account import actor, keys
from domain.offices import Actor, Office

KEY_PREFIX = "tz_"
_REMEMBERED = 10_000


def key_digest(token: str) -> str:
    """The SHA-256 of an API key in lower-case hex: all that the ledger keeps of it."""
    return hashlib.sha256(token.encode()).hexdigest()


class Access:
    """Tells who is behind a key, and what they may read."""

    def __init__(self, histories: Histories, log: Positions, views: Views, now: Callable[[], datetime]) -> None:
        self._histories = histories
        self._log = log
        self._views = views
        self._now = now
        self._owners: dict[str, str] = {}
        self._turn = threading.Lock()

    def bearer(self, token: str) -> Actor | None:
        """The account that an API key belongs to; None for an unknown, revoked or expired key, a closed account."""
        if not token.startswith(KEY_PREFIX):
            return None
        digest = key_digest(token)
        head, _ = self._log.head()
        account = self._owner(digest, head)
        if account is None:
            return None
        state = self._histories.at(f"accounts/{account}", head).state
        if state is None:
            return None
        for live in keys(state).values():
            if hmac.compare_digest(live.sha256, digest):
                expired = live.expires_on is not None and live.expires_on < today(self._now)
                return None if expired else actor(account, state)
        return None

    def account(self, account: str) -> Actor | None:
        """The account as it stands today; None where it is not open."""
        head, _ = self._log.head()
        state = self._histories.at(f"accounts/{account}", head).state
        return None if state is None or state.status != "open" else actor(account, state)

    def reader(self, who: Actor) -> Reader:
        """What the account may read today."""
        if who.office is None:
            return reader(who, frozenset())
        level, unit = Office.parse(who.office)
        if unit is None:
            return reader(who, frozenset())
        return reader(who, frozenset({unit}) if level == "new-city" else self._views.new_cities_of(level, unit))

    def _owner(self, digest: str, head: int) -> str | None:
        """The account that a key was issued to: once issued, it is no other's."""
        with self._turn:
            known = self._owners.get(digest)
        if known is None:
            issued = self._histories.referring(f"keys/{digest}", "accounts", head)
            if not issued:
                return None
            known = issued[0].partition("/")[2]
            with self._turn:
                if len(self._owners) >= _REMEMBERED:
                    self._owners.clear()
                self._owners[digest] = known
        return known
