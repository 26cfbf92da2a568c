"""The published tree of one ledger, put together: sealed, kept beside the key, shown to witnesses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from application.proving import Proving, Published
from domain.fact import JsonValue
from domain.tlog.note import VerifierKey
from domain.tlog.policy import NOBODY, Party, Policy
from infrastructure.keys.key_ring import KeyRing
from infrastructure.postgres.database import Database
from infrastructure.postgres.log import Log
from infrastructure.tlog import export
from infrastructure.tlog.cosigning import Cosigner
from infrastructure.tlog.keepsake import Guard, Keepsake
from infrastructure.tlog.sealer import Sealer, check_kept
from infrastructure.tlog.store import TreeStore


class Publishing:
    """What works on the tree, from `start` to `close`; what answers for it, from the beginning."""

    def __init__(self, base: Database, ring: KeyRing, log: Log, policy: Policy | None) -> None:
        """Compare the database with the checkpoint that is kept. Raises Malformed where the file is damaged."""
        self.guard = Guard()
        keepsake = Keepsake(ring.directory)
        kept = keepsake.read()
        if kept is not None:
            with base.connect("reader") as connection:
                if (reason := check_kept(connection, kept)) is not None:
                    self.guard.refuse(reason)
        self._log = log
        self._policy = policy
        self._sealer = Sealer(base, ring.signing_keys, keepsake, self.guard)
        self._store = TreeStore(base, log.reader, self._sealer.demand)
        self.proving = Proving(self._store, log)

        def own_keys() -> list[VerifierKey]:
            return [key.verifier for key in ring.signing_keys()]

        self._cosigner = (
            None if policy is None else Cosigner(base, self._store, self.proving, policy, own_keys, self.guard)
        )

    def start(self) -> None:
        """Seal, and ask witnesses, from here on."""
        self._sealer.start()
        if self._cosigner is not None:
            self._cosigner.start()

    def close(self) -> None:
        """Finish what is under way and stop."""
        self._store.close()
        if self._cosigner is not None:
            self._cosigner.stop()
        self._sealer.stop()

    def health(self) -> dict[str, object]:
        """How far the tree reaches, whether it is witnessed, and what keeps it from going on."""
        newest = self.proving.newest()
        return {
            "size": 0 if newest is None else newest.checkpoint.size,
            "failure": self._sealer.failure(),
            "witnessed": None if newest is None else self.witnessed(newest)["witnessed"],
        }

    def witnessed(self, published: Published) -> dict[str, JsonValue]:
        """Whether witnesses enough have signed a checkpoint, and which did; null where no policy names any."""
        if self._cosigner is None:
            return {"witnessed": None, "cosigned_by": []}
        found = self._cosigner.witnessed(published.note)
        return {"witnessed": found.is_enough, "cosigned_by": [*found.cosigners]}

    def covering(self, position: int) -> Published | None:
        """The checkpoint to hand out for a position: the first that witnesses enough signed, else the first at all."""
        if not self.proving.await_sealed(position):
            return None
        witnessed = None if self._cosigner is None else self._cosigner.covering(position)
        return witnessed or self.proving.covering(position)

    def trusted(self, keys: Sequence[VerifierKey]) -> Policy:
        """Whom whoever checks this tree has to believe: the log by these keys, and the witnesses that are asked."""
        return (self._policy or NOBODY)._replace(logs=tuple(Party(key) for key in keys))

    def export(self, directory: Path, told: export.Told) -> int:
        """Write the published tree as static files, sealed up to now; returns its size. See `export.export`."""
        self.proving.await_sealed(self._log.head()[0])
        return export.export(self.proving, directory, told)
