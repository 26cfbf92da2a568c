"""A witness: signs only trees that grow, and remembers what it signed (https://c2sp.org/tlog-witness)."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from domain.tlog.checkpoint import Checkpoint, parse_checkpoint
from domain.tlog.lines import Malformed
from domain.tlog.note import COSIGNATURE, VerifierKey, parse_note
from domain.tlog.witness import SIZE_TYPE, Answer, judge, origin_asked, origin_hash, parse_add_checkpoint
from infrastructure.keys.secret_files import make_names_durable
from infrastructure.keys.signing import SigningKey, verify

KEY: Final = "witness.key"
LOGS: Final = "logs"


class Said(NamedTuple):
    """What a witness answers."""

    status: int
    body: str
    media_type: str = "text/plain; charset=utf-8"


class Witness:
    """One witness, its key, and one file of what it cosigned last for each log. Safe for threads.

    One process works in the directory: the others are kept out by a lock on it.
    """

    def __init__(self, directory: Path, key: SigningKey, logs: Sequence[VerifierKey], clock: Callable[[], int]) -> None:
        """`logs` are the keys of those it follows; `clock` gives seconds since the Epoch.

        Raises BlockingIOError where another process works in the directory.
        """
        self._directory = directory / LOGS
        self._directory.mkdir(mode=0o700, exist_ok=True)
        self._lock = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._key = key
        self._logs = logs
        self._clock = clock
        self._turn = threading.Lock()

    @classmethod
    def open(cls, directory: Path, name: str, logs: Sequence[VerifierKey], clock: Callable[[], int]) -> Witness:
        """The witness in a directory; its key is made the first time. Raises what `SigningKey` does."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            SigningKey.create(directory / KEY, name, COSIGNATURE)
        return cls(directory, SigningKey.load(directory / KEY), logs, clock)

    def close(self) -> None:
        """Let another process work in the directory."""
        os.close(self._lock)

    @property
    def verifier_key(self) -> str:
        """The vkey of its cosignatures."""
        return self._key.verifier_key

    def add_checkpoint(self, body: bytes) -> Said:
        """Cosign a checkpoint, or say why not. What is signed is on the disk first."""
        try:
            request = parse_add_checkpoint(body)
            origin = origin_asked(request)
            with self._turn:
                last = self._last(origin)
                judged = judge(request, self._logs, last, verify)
                if judged.opened is None:
                    return _refusal(judged.answer, judged.reason, last)
                signature = self._key.sign(judged.opened.note.text, self._clock())
                known = {(key.name, key.key_id) for key in judged.opened.signers}
                signed = [one for one in judged.opened.note.signatures if (one.name, one.key_id) in known]
                note = judged.opened.note._replace(signatures=(*signed, signature))
                self._keep(origin, str(note))
        except Malformed as fault:
            return Said(Answer.BAD_REQUEST, f"{fault}\n")
        return Said(Answer.COSIGNED, signature.line)

    def checkpoint(self, digest: str) -> str | None:
        """The note that it cosigned last for the log whose origin has this SHA-256; None where there is none."""
        known = {origin_hash(key.name) for key in self._logs}
        with suppress(FileNotFoundError):
            return (self._directory / digest).read_text(encoding="utf-8") if digest in known else None
        return None

    def _last(self, origin: str) -> Checkpoint | None:
        note = self.checkpoint(origin_hash(origin))
        return None if note is None else parse_checkpoint(parse_note(note).text)

    def _keep(self, origin: str, note: str) -> None:
        path = self._directory / origin_hash(origin)
        new = path.with_name(f".{path.name}")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(note.encode())
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        make_names_durable(self._directory)


def _refusal(answer: Answer, reason: str, last: Checkpoint | None) -> Said:
    if answer is Answer.OTHER_SIZE:
        return Said(answer, f"{0 if last is None else last.size}\n", SIZE_TYPE)
    return Said(answer, f"{reason}\n")
