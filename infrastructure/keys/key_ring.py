"""The keys that a ledger has from its making on, in one directory outside the database."""

from __future__ import annotations

import contextlib
import hmac
import shutil
import tempfile
from pathlib import Path
from typing import Self

from infrastructure.keys.secret_files import create_key, make_names_durable, read_key
from infrastructure.keys.signing import SigningKey

_DIRECTORY = "keys"
_SIGNING, _VAULT, _IDEMPOTENCY = "signing.key", "vault.key", "idempotency.key"
_NEXT, _FORMER = "signing.next.key", "signing.former.key"


class KeyRing:
    """The keys of one ledger: `keys/` in its directory, mode 0700."""

    def __init__(self, directory: Path, signing_key: SigningKey, idempotency_key: bytes) -> None:
        self._directory = directory
        self.signing_key = signing_key
        self._idempotency_key = idempotency_key

    @classmethod
    def create(cls, directory: Path, origin: str) -> Self:
        """New keys, all or none of them, durably; the directory is made when it is missing.

        Raises:
            FileExistsError: The directory has keys already; they are left as they are.
            ValueError: The origin can't name a signing key.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        keys = directory / _DIRECTORY
        new = Path(tempfile.mkdtemp(prefix=".keys-", dir=directory))
        try:
            SigningKey.create(new / _SIGNING, origin)
            create_key(new / _VAULT)
            create_key(new / _IDEMPOTENCY)
            new.rename(keys)
        except BaseException as fault:
            shutil.rmtree(new)
            if keys.exists():
                raise FileExistsError(f"{directory} has keys already") from fault
            raise
        make_names_durable(directory)
        return cls.open(directory)

    @classmethod
    def open(cls, directory: Path) -> Self:
        """The keys of the ledger in this directory.

        Raises:
            FileNotFoundError: It has none.
            ExposedSecretError: Others may reach them.
            MalformedSecretError: A file holds something else.
        """
        keys = directory / _DIRECTORY
        return cls(keys, SigningKey.load(keys / _SIGNING), read_key(keys / _IDEMPOTENCY))

    @property
    def directory(self) -> Path:
        """Where the keys are, for what else is kept beside them."""
        return self._directory

    def signing_keys(self) -> tuple[SigningKey, ...]:
        """The keys that sign now: the present one, and beside it the one that is to follow, once it was made.

        Read anew every time: a rotation takes effect without a restart. Raises what `open` does.
        """
        with contextlib.suppress(FileNotFoundError):
            return SigningKey.load(self._directory / _SIGNING), SigningKey.load(self._directory / _NEXT)
        return (SigningKey.load(self._directory / _SIGNING),)

    def prepare_rotation(self) -> SigningKey:
        """The key that is to follow the present one: made now, or by a rotation that was cut off."""
        with contextlib.suppress(FileExistsError):
            return SigningKey.create(self._directory / _NEXT, self.signing_key.origin)
        return SigningKey.load(self._directory / _NEXT)

    def finish_rotation(self) -> SigningKey:
        """Let the following key sign alone; the one before is kept as `signing.former.key`.

        Raises FileNotFoundError where no rotation was begun.
        """
        present = self._directory / _SIGNING
        following = SigningKey.load(self._directory / _NEXT)
        (self._directory / _FORMER).unlink(missing_ok=True)
        (self._directory / _FORMER).hardlink_to(present)
        (self._directory / _NEXT).replace(present)
        make_names_durable(self._directory)
        return following

    @property
    def vault_key_path(self) -> Path:
        """The file of the key that wraps the keys of persons."""
        return self._directory / _VAULT

    def idempotency_mac(self, account: str, request: bytes) -> str:
        """What the log keeps of a request body: HMAC-SHA256 in hex, which tells nothing without the key.

        Args:
            account: Its id, without line feeds.
            request: The bytes that a repetition must have too.
        """
        return hmac.digest(self._idempotency_key, account.encode() + b"\n" + request, "sha256").hex()
