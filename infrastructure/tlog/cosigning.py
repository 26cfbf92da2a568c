"""Asking witnesses: each new checkpoint is shown to those of the policy, and what they sign is kept beside it.

A witness that is away, or refuses, holds nothing up: the checkpoint stands unwitnessed, and says so.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, NamedTuple

import httpx
import psycopg

from application.proving import Proving, Published
from domain.refusals import Refused
from domain.tlog.checkpoint import Checkpoint, open_checkpoint
from domain.tlog.lines import Malformed, decimal
from domain.tlog.note import Note, Signature, Unverified, VerifierKey, parse_signatures
from domain.tlog.policy import Party, Policy
from domain.tlog.witness import AddCheckpoint, Answer, origin_hash
from infrastructure.keys.signing import verify
from infrastructure.postgres.database import Database
from infrastructure.tlog.keepsake import Guard
from infrastructure.tlog.sealer import check_kept
from infrastructure.tlog.store import TreeStore

ANSWER_WITHIN: Final = 5.0
"""Seconds that a witness has to answer."""
ASK_AGAIN_AFTER: Final = 5.0
"""Seconds until a checkpoint that lacks a cosignature is shown again."""
ANSWER_LIMIT: Final = 64 << 10
"""Bytes of a witness's answer at most."""
WITNESSED_WITHIN: Final = 3.0
"""Seconds that whoever needs a witnessed checkpoint waits for one."""
_LOOK_AGAIN_AFTER: Final = 0.1
_LOOKED_THROUGH: Final = 100
"""Cosignatures after a position at most, in search of a checkpoint that has enough."""
_ATTEMPTS: Final = 2
"""Requests a checkpoint and witness: the second with the size that the first was told."""


class Witnessed(NamedTuple):
    """How far a checkpoint is witnessed."""

    cosigners: tuple[str, ...]
    """The verifier keys of the policy's witnesses that signed it."""
    is_enough: bool
    """Whether the policy's quorum has."""


class Cosigner:
    """Shows checkpoints to the witnesses of a policy, from `start` to `stop`."""

    def __init__(
        self,
        database: Database,
        store: TreeStore,
        proving: Proving,
        policy: Policy,
        keys: Callable[[], Sequence[VerifierKey]],
        guard: Guard,
    ) -> None:
        """`keys` are the log's own; they tell a checkpoint of ours that a witness kept."""
        self._database = database
        self._store = store
        self._proving = proving
        self._policy = policy
        self._keys = keys
        self._guard = guard
        self._sizes: dict[VerifierKey, int] = {}
        self._asked = [party for party in policy.witnesses.values() if party.url is not None]
        self._failures: dict[str, str] = {}
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def witnessed(self, note: Note) -> Witnessed:
        """Who of the policy's witnesses signed a checkpoint, and whether that is enough."""
        keys = [party.key for party in self._policy.witnesses.values()]
        try:
            cosigned = {one.key for one in open_checkpoint(note, self._keys(), verify, keys).cosigned}
        except (Malformed, Unverified):
            cosigned = set[VerifierKey]()
        return Witnessed(tuple(str(key) for key in keys if key in cosigned), self._policy.satisfied(cosigned))

    def covering(self, position: int) -> Published | None:
        """The first checkpoint that covers a position and that witnesses enough signed; None where none is in time."""
        deadline = time.monotonic() + WITNESSED_WITHIN
        while True:
            for published in self._store.cosigned(position, _LOOKED_THROUGH):
                if self.witnessed(published.note).is_enough:
                    return published
            if time.monotonic() > deadline or self._stopping.wait(_LOOK_AGAIN_AFTER):
                return None

    def failures(self) -> dict[str, str]:
        """Why witnesses did not sign the last time, by their names."""
        return dict(self._failures)

    def start(self) -> None:
        """First ask each witness what it knows of this log; then show it every new checkpoint, until `stop`."""
        if self._asked:
            self._thread = threading.Thread(target=self._run, name="cosigner", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop; a witness that is being asked is waited for."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        size = 0
        with httpx.Client(timeout=ANSWER_WITHIN) as client, ThreadPoolExecutor(len(self._asked)) as pool:
            list(pool.map(partial(self._compare, client), self._asked))
            while not self._stopping.is_set():
                try:
                    newest = self._store.newest()
                    if newest is not None and self._guard.reason() is None:
                        missing = [party for party in self._asked if not _signed(newest.note, party.key)]
                        list(pool.map(partial(self._show, client, newest), missing))
                        size = newest.checkpoint.size
                except psycopg.Error:
                    pass  # the database is away: it is shown later
                self._store.wait(size, ASK_AGAIN_AFTER)

    def _compare(self, client: httpx.Client, party: Party) -> None:
        """Refuse writing where a witness kept a checkpoint that we signed and the database doesn't have."""
        try:
            answer = client.get(f"{_address(party)}/{origin_hash(self._keys()[0].name)}/checkpoint")
            if answer.status_code != Answer.COSIGNED or len(answer.content) > ANSWER_LIMIT:
                return
            kept = open_checkpoint(answer.content, self._keys(), verify).checkpoint
            with self._database.connect("reader") as connection:
                if (reason := check_kept(connection, kept)) is not None:
                    self._guard.refuse(f"{party.key.name} kept it: {reason}")
        except (httpx.HTTPError, Malformed, Unverified, psycopg.Error) as fault:
            self._failures[party.key.name] = type(fault).__name__

    def _show(self, client: httpx.Client, published: Published, party: Party) -> None:
        head, note = published.checkpoint, published.note
        try:
            signature = self._cosigned(client, party, head, note)
            with self._database.connect("sealer") as connection:
                connection.execute(
                    "INSERT INTO tree.cosignatures (size, witness, line) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                    [head.size, str(party.key), signature.line],
                )
        except (httpx.HTTPError, ValueError, Refused, psycopg.Error) as fault:
            self._failures[party.key.name] = f"{type(fault).__name__}: {fault}"
        else:
            self._sizes[party.key] = head.size
            self._failures.pop(party.key.name, None)

    def _cosigned(self, client: httpx.Client, party: Party, head: Checkpoint, note: Note) -> Signature:
        """The witness's signature. Raises httpx.HTTPError, Malformed, Unverified, or Refused for another history."""
        for _ in range(_ATTEMPTS):
            old = self._sizes.get(party.key, 0)
            if old > head.size:
                self._sizes.pop(party.key)
                self._compare(client, party)
                raise Malformed(f"the witness says that it has seen {old} entries, and there are {head.size}")
            request = AddCheckpoint(old, self._proving.growth(old, head.size), str(note))
            answer = client.post(f"{_address(party)}/add-checkpoint", content=str(request).encode())
            if len(answer.content) > ANSWER_LIMIT:
                raise Malformed("the answer is too long")
            if answer.status_code == Answer.OTHER_SIZE:
                self._sizes[party.key] = decimal(answer.text.strip())
                continue
            answer.raise_for_status()
            more = note._replace(signatures=parse_signatures(answer.text))
            opened = open_checkpoint(note.signed_also(more.signatures), self._keys(), verify, [party.key])
            return opened.cosigned[0].signature if opened.cosigned else _none()
        raise Malformed("the witness says that it is elsewhere each time")


def _none() -> Signature:
    raise Unverified("the witness answered without its signature")


def _signed(note: Note, key: VerifierKey) -> bool:
    return any((one.name, one.key_id) == (key.name, key.key_id) for one in note.signatures)


def _address(party: Party) -> str:
    return (party.url or "").rstrip("/")
