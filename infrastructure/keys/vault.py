"""The keys of persons, one each, in the database beside the log: destroying one erases that person's name everywhere.

Each is wrapped (AES-256-GCM) under a key in a file, so that neither the database nor the file alone gives a name.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Lock
from typing import TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import Connection
from psycopg.rows import TupleRow

from infrastructure.keys.sealing import SALT_SIZE, Binding, open_token, seal
from infrastructure.keys.secret_files import KEY_SIZE, read_key

Connect: TypeAlias = Callable[[], AbstractContextManager[Connection[TupleRow]]]
"""Lends a connection that is in no transaction, as a pool's `connection` does."""

ERASURE_NOTICED_WITHIN = 1.0
"""Seconds."""

_NONCE_SIZE = 12

_SELECT = "SELECT person, wrapped FROM vault.person_keys WHERE person = ANY(%s)"
_INSERT = """INSERT INTO vault.person_keys (person, wrapped)
    SELECT person, wrapped FROM unnest(%s::text[], %s::bytea[]) AS new (person, wrapped) ON CONFLICT DO NOTHING"""
_COUNT_ERASED = "SELECT count(*) FROM vault.person_keys WHERE erased_at IS NOT NULL"
_MARK_ERASED = "INSERT INTO vault.person_keys (person, erased_at) VALUES (%s, clock_timestamp()) ON CONFLICT DO NOTHING"
_DELETE_KEY = "DELETE FROM vault.person_keys WHERE person = %s AND erased_at IS NULL"


class PersonErased(Exception):  # noqa: N818  # an answer, not an error
    """The person has been erased: no name of theirs is recorded any more."""

    def __init__(self, person: str) -> None:
        super().__init__(f"{person} has been erased")
        self.person = person


class ForeignVaultKeyError(Exception):
    """The key file doesn't belong to this database's keys of persons, or one of these was altered."""

    def __init__(self, person: str) -> None:
        super().__init__(f"the vault key doesn't open the key of {person}: a key file of another ledger?")


class Vault:
    """Seals and opens names under the keys of their persons; safe for threads, and for processes side by side.

    Keys are held in memory, the least recently used let go. An erasure holds at once in the process that made it;
    another process notices it in any call that begins a second or more after its commit.
    A token sealed in between opens for nobody.

    What the database keeps of deleted rows (until vacuum), its write-ahead log and its backups hold a destroyed key
    still, wrapped: unreadable without the vault's key file, which belongs in no backup beside them.
    """

    def __init__(
        self, connect: Connect, key_path: Path, *, capacity: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Raises what `read_key` does.

        Args:
            connect: Lends connections whose role may read `vault.person_keys` and, to seal and destroy, write it.
            key_path: The file of the key that wraps the keys of persons.
            capacity: Keys of persons held in memory.
            clock: Seconds that never go back.
        """
        self._connect = connect
        self._wrapping = AESGCM(read_key(key_path))
        self._capacity = capacity
        self._clock = clock
        self._lock = Lock()
        self._held = OrderedDict[str, bytes | None]()
        self._epoch = 0
        self._erased = -1
        self._noticed_at = float("-inf")

    def seal(self, binding: Binding, name: str) -> str:
        """The token for the name, under the person's key, which is made when there is none. Raises PersonErased."""
        return self.seal_many([(binding, name)])[0]

    def seal_many(self, names: Sequence[tuple[Binding, str]]) -> list[str]:
        """A token for each name, in order; two queries for all new persons. Raises PersonErased for the first one."""
        keys = self._keys((binding.person for binding, _ in names), create=True)
        tokens = list[str]()
        for binding, name in names:
            key = keys[binding.person]
            if key is None:
                raise PersonErased(binding.person)
            tokens.append(seal(key, binding, name, os.urandom(SALT_SIZE)))
        return tokens

    def open(self, binding: Binding, token: str) -> str | None:
        """The name that the token stands for; None without a key for the person. Raises Unsealable."""
        return self.open_many([(binding, token)])[0]

    def open_many(self, tokens: Sequence[tuple[Binding, str]]) -> list[str | None]:
        """The name for each token, in order, None without a key; one query for all. Raises Unsealable for the first."""
        keys = self._keys((binding.person for binding, _ in tokens), create=False)
        return [
            None if (key := keys.get(binding.person)) is None else open_token(key, binding, token)
            for binding, token in tokens
        ]

    def is_erased(self, person: str) -> bool:
        """Whether the person's key was destroyed."""
        return self._keys((person,), create=False).get(person, b"") is None

    def destroy(self, person: str) -> bool:
        """Destroy the person's key, for ever and durably, and let none be made again.

        Returns:
            Whether this call did it; False when the person was erased before.
        """
        with self._connect() as connection, connection.transaction():
            # An insert that meets a key being made waits for it, so that afterwards there is a row to delete.
            done = connection.execute(_MARK_ERASED, (person,)).rowcount == 1
            if not done and connection.execute(_DELETE_KEY, (person,)).rowcount == 1:
                done = connection.execute(_MARK_ERASED, (person,)).rowcount == 1
        self._let_go()
        return done

    def _keys(self, persons: Iterable[str], *, create: bool) -> dict[str, bytes | None]:
        """The key of each person, None when erased; without `create`, persons who never had one are left out."""
        self._notice_erasures()
        wanted = set(persons)
        with self._lock:
            epoch = self._epoch
            keys = {person: self._held[person] for person in wanted if person in self._held}
            for person in keys:
                self._held.move_to_end(person)
        if missing := sorted(wanted - keys.keys()):
            loaded = self._load(missing, create=create)
            keys |= loaded
            with self._lock:
                # What was read before an erasure came to notice must not be held after it.
                if epoch == self._epoch:
                    self._held |= loaded
                    while len(self._held) > self._capacity:
                        self._held.popitem(last=False)
        return keys

    def _notice_erasures(self) -> None:
        asked_at = self._clock()
        if asked_at - self._noticed_at < ERASURE_NOTICED_WITHIN:
            return
        with self._connect() as connection, connection.transaction():
            ((erased,),) = connection.execute(_COUNT_ERASED).fetchall()
        if erased != self._erased:
            self._let_go()
        with self._lock:
            self._erased = erased
            self._noticed_at = max(self._noticed_at, asked_at)

    def _let_go(self) -> None:
        with self._lock:
            self._held.clear()
            self._epoch += 1

    def _load(self, persons: list[str], *, create: bool) -> dict[str, bytes | None]:
        with self._connect() as connection, connection.transaction():
            wrapped: dict[str, bytes | None] = dict(connection.execute(_SELECT, (persons,)).fetchall())
            if create and (new := [person for person in persons if person not in wrapped]):
                # In the order of ids, so that two processes that make the same keys never wait for each other.
                connection.execute(_INSERT, (new, [self._wrap(person, os.urandom(KEY_SIZE)) for person in new]))
                wrapped |= dict(connection.execute(_SELECT, (new,)).fetchall())
        return {person: None if key is None else self._unwrap(person, key) for person, key in wrapped.items()}

    def _wrap(self, person: str, key: bytes) -> bytes:
        nonce = os.urandom(_NONCE_SIZE)
        return nonce + self._wrapping.encrypt(nonce, key, _wrapping_place(person))

    def _unwrap(self, person: str, wrapped: bytes) -> bytes:
        try:
            return self._wrapping.decrypt(wrapped[:_NONCE_SIZE], wrapped[_NONCE_SIZE:], _wrapping_place(person))
        except InvalidTag:
            raise ForeignVaultKeyError(person) from None


def _wrapping_place(person: str) -> bytes:
    return b"taizhang/person-key/1" + person.encode()
