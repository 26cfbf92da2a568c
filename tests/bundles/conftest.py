"""A small log with a deduction in dispute, made by hand, so that a forger can remake any part of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.bundles.archives import packed, unpacked
from api.bundles.collecting import Collected
from api.bundles.verify_bundle import (
    FORMAT,
    MANIFEST,
    SIGNATURE,
    check,
    evidence,
    parse_entry,
    points_of,
)
from api.bundles.writing import archive
from application.moments import Moment
from application.proving import Published
from application.sealing_heads import Seal
from domain.heads import Head, HeadsMap, Presence
from domain.ledger import HeadsSealed
from domain.log import Stored
from domain.tlog.checkpoint import Checkpoint
from domain.tlog.note import COSIGNATURE, ED25519, Note, VerifierKey, parse_note, signature_of, signed_message
from domain.tlog.tree import Subtree, consistency_proof, inclusion_proof, leaf_hash, root_of

ORIGIN = "taizhang.test/bundles"
ABOUT, ASSESSMENT, COMMUNITY = "disputes/d-1", "assessments/2020-fengdong", "communities/c-1"
NOTICE = "通知书".encode()
ATTACHMENT = sha256(NOTICE).hexdigest()
SCHEME = {
    "title": "2019年考核办法",
    "effective_from": "2019-12-10",
    "indicators": [
        {
            "indicator": "size",
            "title": "社区规模",
            "points": "100",
            "rules": [{"rule": "community-size/1", "clause": "2.2", "per_finding": "2.00", "parameters": {}}],
        }
    ],
    "procedure": {},
}
WANG = {"id": "p-wang", "name": "sealed1.AAECAwQF"}
FACTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("ledger/ledger", "LedgerOpened", {"origin": ORIGIN}),
    ("schemes/opinions-2019", "SchemeAdopted", SCHEME),
    ("new-cities/fengdong", "NewCityRegistered", {"name": "沣东新城", "kind": "new-city"}),
    (COMMUNITY, "CommunityEstablished", {"name": "三桥社区", "new_city": "fengdong"}),
    (COMMUNITY, "HouseholdsCounted", {"households": 900}),
    (ASSESSMENT, "AssessmentOpened", {"year": 2020, "new_city": "fengdong", "scheme": "opinions-2019"}),
    (
        ASSESSMENT,
        "DeductionImposed",
        {
            "deduction": "k-1", "indicator": "size", "points": "2.00", "about": COMMUNITY, "grounds": "规模不足",
            "evidence_positions": [5], "computed_at": 6,
        },
    ),
    (COMMUNITY, "HouseholdsCounted", {"households": 1180}),
    (ABOUT, "DisputeFiled", {"assessment": "2020-fengdong", "deduction": "k-1", "grounds": "已补计"}),
    (ABOUT, "DisputeEvidenceSubmitted", {"party": "new-city", "statement": "清点表", "positions": [8]}),
    ("accounts/arbiter", "AccountOpened", {"person": WANG}),
    (ASSESSMENT, "DeductionRevised", {"deduction": "k-1", "points": "1.00", "reasons": "裁定减轻"}),
)  # fmt: skip
COMPUTATION = {
    "computed_at": 6, "on": "2020-12-31", "indicator": "size", "title": "社区规模", "clause": "2.2", "cap": "100.00",
    "lines": [
        {
            "rule": "community-size/1", "clause": "2.2", "outcome": "found", "about": COMMUNITY, "new_city": "fengdong",
            "since": "2020-06-30", "figures": {"households": 900}, "points": "2.00", "evidence": [5], "missing": [],
        }
    ],
    "total": "2.00", "deducted": "2.00",
}  # fmt: skip
BEGUN = datetime(2020, 1, 1, tzinfo=UTC)

Files = dict[str, bytes]


class Signer:
    """Signs as a log or as a witness."""

    def __init__(self, name: str, kind: int = ED25519) -> None:
        self._private = Ed25519PrivateKey.generate()
        self.key = VerifierKey(name, kind, self._private.public_key().public_bytes_raw())

    def note(self, text: str) -> str:
        return str(Note(text, (signature_of(self.key, self._private.sign(text.encode())),)))

    def cosigned(self, note: str, at: int = 1_700_000_000) -> str:
        text = note.rpartition("\n\n")[0] + "\n"
        return note + signature_of(self.key, self._private.sign(signed_message(text, at)), at).line


def written(position: int, record: str, version: int, event: str, data: Mapping[str, Any]) -> bytes:
    """An entry's bytes."""
    said: dict[str, Any] = {"effective_on": "2020-12-31", "data": data}
    if event == "DeductionImposed":
        said["document"] = {"number": "一号", "title": "通知书", "issued_on": "2020-12-31", "sha256": ATTACHMENT}
    body = json.dumps(said, ensure_ascii=False).encode()
    header = {
        "format": "taizhang-entry/1",
        "position": position,
        "recorded_at": (BEGUN + timedelta(days=position)).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "causation": None,
        "entry": str(UUID(int=position)),
        "record": record,
        "version": version,
        "name": f"{event}/1",
        "recorded_by": {"account": "recorder"},
        "correlation": str(UUID(int=position)),
        "part": [1, 1],
        "body": {"length": len(body), "sha256": sha256(body).hexdigest()},
    }
    return json.dumps(header).encode() + b"\n" + body


class Ledger(NamedTuple):
    """A log with its key, and what bundles are made of."""

    signer: Signer
    log: Sequence[bytes]
    sealed_at: int

    @classmethod
    def of(cls, facts: Sequence[tuple[str, str, Mapping[str, Any]]], signer: Signer) -> Ledger:
        """The log that says this, its heads sealed, and an entry after that."""
        log = list[bytes]()
        for record, event, data in facts:
            version = 1 + sum(parse_entry(one).record == record for one in log)
            log.append(written(len(log) + 1, record, version, event, data))
        heads = HeadsMap()
        heads.advance((Head(one.record, one.version, one.position) for one in map(parse_entry, log)), len(log))
        seal = {"records": len(heads), "root_hash": heads.root().hex(), "tree_size": len(log)}
        version = 1 + sum(parse_entry(one).record == "ledger/ledger" for one in log)
        log.append(written(len(log) + 1, "ledger/ledger", version, "HeadsSealed", seal))
        log.append(written(len(log) + 1, "accounts/other", 1, "AccountOpened", {"person": WANG}))
        return cls(signer, log, len(log) - 1)

    def read(self, wanted: Sequence[Subtree]) -> list[bytes]:
        leaves = [leaf_hash(one) for one in self.log]
        return [root_of(leaves[one.number << one.level : one.number + 1 << one.level]) for one in wanted]

    def checkpoint(self, size: int | None = None) -> str:
        """The signed checkpoint at a size, by default of the whole log."""
        size = len(self.log) if size is None else size
        return self.signer.note(str(Checkpoint(ORIGIN, size, root_of(leaf_hash(one) for one in self.log[:size]))))

    def bundle(
        self, positions: Sequence[int] | None = None, since: int | None = None, checkpoint: str | None = None
    ) -> bytes:
        """The bundle about the dispute; of these entries, where they are named."""
        entries = {one.position: one for one in map(parse_entry, self.log)}
        known = {
            position: one
            for position, one in entries.items()
            if position < self.sealed_at and one.record not in {"ledger/ledger", "accounts/arbiter"}
        }
        shown = {one: entries[one] for one in (known if positions is None else positions)}
        shown[self.sealed_at] = entries[self.sealed_at]
        heads = HeadsMap()
        sealed = [one for one in entries.values() if one.position < self.sealed_at]
        heads.advance((Head(one.record, one.version, one.position) for one in sealed), self.sealed_at - 1)
        size, note = len(self.log), self.checkpoint() if checkpoint is None else checkpoint
        found = Collected(
            about=ABOUT,
            moment=Moment(self.sealed_at - 1, BEGUN, date(2021, 1, 1), is_current=False),
            state={"status": "filed"},
            stored={
                one: Stored(one, self.log[one - 1], leaf_hash(self.log[one - 1]), closes=True) for one in sorted(shown)
            },
            entries=dict(sorted(shown.items())),
            seal=Seal(self.sealed_at, BEGUN, HeadsSealed.model_construct(**entries[self.sealed_at].data)),
            heads={
                record: proof
                for record in {one.record for one in shown.values()} - {"ledger/ledger"}
                for proof in (heads.prove(record),)
                if isinstance(proof, Presence)
            },
            published=Published(
                Checkpoint(ORIGIN, size, root_of(leaf_hash(one) for one in self.log)), parse_note(note)
            ),
            paths={one: inclusion_proof(one - 1, size, self.read) for one in shown},
            consistency=None if since is None else (since, consistency_proof(since, size, self.read)),
            scheme="opinions-2019",
            evidence=evidence(ABOUT, known),
            points=points_of(ABOUT, known),
            computation=COMPUTATION,
        )
        trust = f"log {self.signer.key}\nquorum none\n"
        return archive(found, str(self.signer.key), self.signer.note, trust, {ATTACHMENT: NOTICE}.get)

    def signed(self, files: Files) -> bytes:
        """The archive of files whose manifest is made anew, and signed with the ledger's own key: stolen."""
        manifest = json.loads(files[MANIFEST])
        manifest["files"] = {
            name: {"sha256": sha256(content).hexdigest(), "size": len(content)}
            for name, content in sorted(files.items())
            if name not in {MANIFEST, SIGNATURE}
        }
        content = json.dumps(manifest).encode()
        note = self.signer.note(f"{FORMAT}\n{sha256(content).hexdigest()}\n")
        return packed({**files, MANIFEST: content, SIGNATURE: note.encode()})

    def check(self, bundle: bytes, **more: Any) -> dict[str, Any]:
        return check(bundle, str(self.signer.key), **more)


@pytest.fixture(scope="session")
def ledger() -> Ledger:
    return Ledger.of(FACTS, Signer(ORIGIN))


@pytest.fixture(scope="session")
def bundle(ledger: Ledger) -> bytes:
    return ledger.bundle()


@pytest.fixture
def files(bundle: bytes) -> Files:
    return unpacked(bundle)


@pytest.fixture(scope="session")
def witness() -> Callable[[str], Signer]:
    return lambda name: Signer(name, COSIGNATURE)
