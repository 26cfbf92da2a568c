"""核验: that an entry is in the ledger and unchanged, computed by the server, and by the reader's browser itself."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from api.composition import Taizhang
from api.http import queries
from api.web import charts
from api.web.shell import Shown
from api.web.timeline import Happening, happening
from api.web.values import Values
from api.web.visit import Visit
from application.proving import Published
from domain.refusals import Refused
from domain.tlog.checkpoint import Checkpoint
from domain.tlog.proof import Proof
from domain.tlog.tree import Unproven, check_inclusion, leaf_hash

PARAMETERS: Final = ("position", "q")
LISTED: Final = 12
"""Checkpoints that are listed."""
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class Verdict(NamedTuple):
    """What came of a check: `good`, `bad`, `unknown`, `unsealed`, or nothing asked."""

    state: str
    position: int | None = None


class Listed(NamedTuple):
    """A checkpoint in a list."""

    head: Checkpoint
    witnesses: int
    last: Happening | None
    """The last entry that it covers."""


class Verification:
    """The page that verifies."""

    def __init__(self, taizhang: Taizhang) -> None:
        self._asking = taizhang.asking
        self._proving = taizhang.proving
        self._tree = taizhang.tree

    def page(self, visit: Visit) -> Shown:
        """The entry asked about with its proof; nothing asked shows the form alone."""
        asked = (visit.query.get("q") or visit.query.get("position") or "").strip().lower().replace(" ", "")
        context: dict[str, Any] = {"asked": asked, "verdict": Verdict("none"), "proof": None}
        position = self._position(visit, asked)
        if asked:
            context |= self._checked(visit, position)
        return Shown("verify.html", visit.words("verify.title"), context)

    def checkpoints(self, visit: Visit) -> Shown:
        """The newest checkpoint with its signatures, to be kept; of a past view the one that covers it."""
        newest = self._proving.covering(visit.moment.position) if visit.is_past else self._proving.newest()
        origin = None if newest is None else newest.checkpoint.origin
        context: dict[str, Any] = {
            "newest": newest,
            "last": [self._named(one, visit) for one in self._proving.last(visit.moment.position, LISTED)],
            "witnesses": [] if newest is None else [one.name for one in newest.note.signatures if one.name != origin],
            "witnessed": None if newest is None else self._tree.witnessed(newest)["witnessed"],
            "keys": self._asking.verifier_keys(visit.moment),
        }
        return Shown("checkpoints.html", visit.words("checkpoints.title"), context)

    def _named(self, published: Published, visit: Visit) -> Listed:
        """A checkpoint with the entry that it ends with, where the reader may read that."""
        head = published.checkpoint
        witnesses = len({one.name for one in published.note.signatures} - {head.origin})
        try:
            entry: dict[str, Any] = self._asking.entry(visit.reader, head.size)
        except Refused:
            return Listed(head, witnesses, None)
        return Listed(head, witnesses, happening(entry, 0, Values(self._asking, visit), visit.words, {}))

    def _position(self, visit: Visit, asked: str) -> int | None:
        if _DIGEST.fullmatch(asked):
            return self._asking.position_of(visit.reader, bytes.fromhex(asked), visit.moment)
        return queries.position(asked)

    def _checked(self, visit: Visit, position: int | None) -> dict[str, Any]:
        if position is None or not 1 <= position <= visit.moment.position:
            return {"verdict": Verdict("unknown", position)}
        try:
            raw = self._asking.raw(visit.reader, position)
            entry: dict[str, Any] = self._asking.entry(visit.reader, position)
        except Refused:
            return {"verdict": Verdict("unknown", position)}
        published = self._proving.covering(position)
        if published is None:
            return {"verdict": Verdict("unsealed", position)}
        proof: Proof = self._proving.proof(position)
        head, leaf = published.checkpoint, leaf_hash(raw)
        try:
            check_inclusion(leaf, position - 1, head.size, head.root_hash, proof.hashes)
            state = "good"
        except Unproven:
            state = "bad"
        values = Values(self._asking, visit)
        return {
            "verdict": Verdict(state, position),
            "one": happening(entry, entry["version"], values, visit.words, {}),
            "proof": proof,
            "leaf": leaf.hex(),
            "head": head,
            "note": str(published.note),
            "hashes": [one.hex() for one in proof.hashes],
            "climb": charts.climb(position - 1, head.size, leaf, proof.hashes),
            "witnessed": self._tree.witnessed(published),
            "keys": self._asking.verifier_keys(visit.moment),
        }
