"""The keys of persons, a file each, outside the database: destroying one erases that person's name everywhere.

Each is wrapped (AES-256-GCM) under a key in another folder, so that neither folder alone gives a name. An empty file
is what an erasure leaves, so that no key is ever made again. Backups of the database don't hold these files.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from application.sealing import SALT_SIZE, Binding, field_key, open_token, seal
from infrastructure.keys.secret_files import KEY_SIZE, create_secret, read_key, read_secret

HELD_KEYS: Final = 10_000
"""Keys of persons kept in memory, those used longest ago making room."""

_PERSON = re.compile(r"[a-z0-9-]{3,32}")
_NONCE_SIZE = 12


class PersonErased(Exception):  # noqa: N818  # an answer, not an error
    """The person has been erased: no name of theirs is recorded any more."""

    def __init__(self, person: str) -> None:
        super().__init__(f"{person} has been erased")
        self.person = person


class ForeignVaultKeyError(Exception):
    """The wrapping key doesn't belong to these keys of persons, or one of these was altered."""

    def __init__(self, person: str) -> None:
        super().__init__(f"the vault key doesn't open the key of {person}: a key file of another ledger?")


class Vault:
    """Seals and opens names under the keys of their persons; safe for threads, and for processes side by side.

    Every use of a key asks its file whether the person has been erased, so that an erasure holds at once in all
    processes. A token sealed while another process erases opens for nobody.
    """

    def __init__(self, directory: Path, key_path: Path, *, capacity: int = HELD_KEYS) -> None:
        """Raises what `read_key` does.

        Args:
            directory: Where the keys of persons are; made with the first of them.
            key_path: The file of the key that wraps them.
            capacity: Keys of persons held in memory.
        """
        self._directory = directory
        self._wrapping = AESGCM(read_key(key_path))
        self._capacity = capacity
        self._lock = Lock()
        self._held = OrderedDict[str, bytes]()

    def seal(self, binding: Binding, name: str) -> str:
        """The token for the name, under the person's key, which is made when there is none. Raises PersonErased."""
        return seal(self._made(binding.person), binding, name, os.urandom(SALT_SIZE))

    def open(self, binding: Binding, token: str) -> str | None:
        """The name that the token stands for; None without a key for the person. Raises Unsealable."""
        key = self._readable(binding.person)
        return None if key is None else open_token(key, binding, token)

    def field_key(self, binding: Binding) -> bytes | None:
        """The key that opens this one field, for whoever it is disclosed to; None without a key for the person."""
        key = self._readable(binding.person)
        return None if key is None else field_key(key, binding)

    def destroy(self, person: str) -> bool:
        """Destroy the person's key, for ever and durably, and let none be made again.

        Returns:
            Whether this call did it; False when the person was erased before.
        """
        path = self._path(person)
        try:
            done = _empty(path) if path.exists() else _claimed(path)
        except FileExistsError:  # the key was made meanwhile
            done = _empty(path)
        with self._lock:
            self._held.pop(person, None)
        return done

    def _readable(self, person: str) -> bytes | None:
        try:
            return self._key(person)
        except PersonErased:
            return None

    def _key(self, person: str) -> bytes | None:
        """The person's key; None where none was made. Raises PersonErased."""
        path = self._path(person)
        with self._lock:
            held = self._held.pop(person, None)
            try:
                is_erased = path.stat().st_size == 0
                key = b"" if is_erased else held or self._unwrap(person, read_secret(path))
            except FileNotFoundError:
                return None
            if not key:
                raise PersonErased(person)
            self._held[person] = key
            while len(self._held) > self._capacity:
                self._held.popitem(last=False)
            return key

    def _made(self, person: str) -> bytes:
        """The person's key, made when there is none. Raises PersonErased."""
        while (key := self._key(person)) is None:
            nonce = os.urandom(_NONCE_SIZE)
            wrapped = nonce + self._wrapping.encrypt(nonce, os.urandom(KEY_SIZE), _wrapping_place(person))
            try:
                create_secret(self._path(person), wrapped)
            except FileExistsError:
                continue  # somebody else made it, or erased the person
        return key

    def _unwrap(self, person: str, wrapped: bytes) -> bytes:
        """The key; empty where it is being destroyed."""
        if not any(wrapped):  # an erasure at work, or one that was cut off: zeros come first
            return b""
        try:
            return self._wrapping.decrypt(wrapped[:_NONCE_SIZE], wrapped[_NONCE_SIZE:], _wrapping_place(person))
        except (InvalidTag, ValueError):
            raise ForeignVaultKeyError(person) from None

    def _path(self, person: str) -> Path:
        if not _PERSON.fullmatch(person):
            raise ValueError("a person's id has 3 to 32 lower-case letters, digits and hyphens")
        return self._directory / person


def _claimed(path: Path) -> bool:
    create_secret(path, b"")
    return True


def _empty(path: Path) -> bool:
    """Overwrite what the file holds, then cut it off; whether it held anything."""
    with path.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            return False
        file.write(bytes(size))
        file.flush()
        os.fsync(file.fileno())
        file.truncate(0)
        os.fsync(file.fileno())
        return True


def _wrapping_place(person: str) -> bytes:
    return b"taizhang/person-key/1" + person.encode()
