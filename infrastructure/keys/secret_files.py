"""Secrets in files: mode 0600, in a directory of mode 0700, refused when others may reach them."""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from pathlib import Path

KEY_SIZE = 32
"""Bytes of a symmetric key."""


class ExposedSecretError(Exception):
    """A secret that others than its owner may reach is no secret any more: it is neither written nor read."""

    def __init__(self, path: Path, mode: int) -> None:
        super().__init__(f"{path} has mode {mode:04o}, so that others may reach it: chmod go= {path}")


class MalformedSecretError(ValueError):
    """The file doesn't hold what belongs there. The message names the file and never what is in it."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} doesn't hold a key of its kind")


def create_secret(path: Path, content: bytes) -> None:
    """Write a new secret file, durably, whole or not at all; of many who write one, one does.

    Its directory is made when it is missing, but not that one's parent.

    Raises:
        FileExistsError: There is such a file; it is left as it is.
        ExposedSecretError: The directory is open to others.
    """
    path.parent.mkdir(mode=0o700, exist_ok=True)
    _refuse_exposed(path.parent, path.parent.stat().st_mode)
    descriptor, new = tempfile.mkstemp(prefix=".new-", dir=path.parent)  # of mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        path.hardlink_to(new)  # unlike a rename, it takes no other file's place
    finally:
        Path(new).unlink()
    make_names_durable(path.parent)


def read_secret(path: Path) -> bytes:
    """What the secret file holds.

    Raises:
        FileNotFoundError: There is none.
        ExposedSecretError: The file or its directory is open to others.
    """
    _refuse_exposed(path.parent, path.parent.stat().st_mode)
    with path.open("rb") as file:
        _refuse_exposed(path, os.fstat(file.fileno()).st_mode)
        return file.read()


def create_key(path: Path) -> None:
    """Write a new random symmetric key, as hex. Raises what `create_secret` does."""
    create_secret(path, secrets.token_hex(KEY_SIZE).encode() + b"\n")


def read_key(path: Path) -> bytes:
    """The symmetric key in the file, 32 bytes. Raises MalformedSecretError, and what `read_secret` does."""
    try:
        key = bytes.fromhex(read_secret(path).decode("ascii"))
    except ValueError:
        raise MalformedSecretError(path) from None
    if len(key) != KEY_SIZE:
        raise MalformedSecretError(path)
    return key


def make_names_durable(directory: Path) -> None:
    """Sync the directory, so that files made or renamed in it are still there after a crash."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refuse_exposed(path: Path, mode: int) -> None:
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ExposedSecretError(path, stat.S_IMODE(mode))
