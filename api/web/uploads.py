"""核验文件: whether a file that somebody kept is what this ledger gives. The file is looked at and not kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from starlette.responses import RedirectResponse, Response

from api.bundles.archives import TOTAL_LIMIT, Broken
from api.bundles.verify_bundle import MANIFEST, NOTE_LIMIT, check, holds
from api.composition import Taizhang
from api.reports import written
from api.reports.official import NoGlyphs
from api.reports.remade import Asked, asked_by
from api.web.posting import Posted
from api.web.shell import Shown
from api.web.timeline import Happening, happening
from api.web.values import Values
from api.web.visit import Visit
from domain.refusals import Refused
from domain.tlog.checkpoint import open_checkpoint
from domain.tlog.lines import Malformed
from domain.tlog.note import Unverified, VerifierKey, parse_verifier_key
from domain.tlog.proof import parse_proof
from domain.tlog.tree import Unproven, leaf_hash

NAMING: Final = 20
"""Entries shown that name an attachment."""


class Told(NamedTuple):
    """What came of a file."""

    state: str
    """`good`, `bad`, or `cannot`."""
    kind: str
    """`bundle`, `report`, `proof`, `checkpoint`, `attachment`, or `unknown`; with the state, it names the sentence."""
    facts: Sequence[tuple[str, str, str | None]] = ()
    """What it is about: each with a label, and where it leads."""
    detail: str = ""
    entries: Sequence[Happening] = ()


class Uploads:
    """The answer to a file that is sent to be verified."""

    def __init__(self, taizhang: Taizhang) -> None:
        self._asking = taizhang.asking
        self._reports = taizhang.reports
        self._proving = taizhang.proving
        self._attachments = taizhang.attachments

    def take(self, visit: Visit, posted: Posted) -> Shown | Response:
        """What the file is, and whether it holds; an entry leads to its own page."""
        uploads = posted.files.get("file", ())
        content = uploads[0].content if uploads else b""
        position = self._asking.position_of(visit.reader, leaf_hash(content), visit.moment) if content else None
        if position is not None:
            return RedirectResponse(f"/verify?position={position}", 303)
        digest = hashlib.sha256(content).hexdigest()
        context = {
            "told": self._told(content, digest, visit),
            "name": uploads[0].name if uploads else "",
            "digest": digest,
        }
        return Shown("upload.html", visit.words("verify.title"), context)

    def _told(self, content: bytes, digest: str, visit: Visit) -> Told:
        if content.startswith(b"PK") and MANIFEST.encode() in content[-NOTE_LIMIT:] and len(content) <= TOTAL_LIMIT:
            return self._of_bundle(content, visit)
        if len(content) <= NOTE_LIMIT:
            told = self._of_proof(content, visit) or self._of_checkpoint(content, visit)
            if told is not None:
                return told
        asked = asked_by(content)
        return self._of_attachment(digest, visit) or (
            Told("cannot", "unknown") if asked is None else self._of_report(content, asked, visit)
        )

    def _of_bundle(self, content: bytes, visit: Visit) -> Told:
        try:
            shown = check(content, " ".join(self._asking.verifier_keys(visit.moment)))
        except (Broken, ValueError) as fault:
            return Told("bad", "bundle", detail=str(fault))
        words = visit.words
        facts = [
            (words("file.about"), shown["about"], f"/{shown['about']}" if "/" in shown["about"] else None),
            (words("file.position"), str(shown["position"]), f"/log/{shown['position']}"),
            (words("file.entries"), str(shown["entries"]), None),
            (words("file.records"), str(len(shown["records"])), None),
            (words("verify.size"), str(shown["tree_size"]), None),
            (words("time.root"), shown["root_hash"], None),
            (words("verify.witnesses"), "、".join(shown["witnesses"]) or words("verify.none.witness"), None),
        ]
        grown = self._is_beginning(shown["tree_size"], bytes.fromhex(shown["root_hash"]))
        return Told("good", "bundle", facts) if grown else Told("bad", "elsewhere", facts)

    def _of_report(self, content: bytes, asked: Asked, visit: Visit) -> Told:
        """Made anew by what it was asked for: a report repeats byte for byte."""
        query = asked.query
        try:
            moment = self._asking.moment(query["known_at"], query["on"], None)
            if asked.report == "dispute":
                report = self._reports.dispute(visit.reader, query["dispute"], moment)
            else:
                new_city = query.get("new_city")
                year = int(query["year"][:4])
                report = self._reports.assessment(visit.reader, year, moment, query.get("scheme"), new_city)
            same = written(report, asked.format).content == content
        except (Refused, NoGlyphs, KeyError, ValueError) as fault:
            return Told("cannot", "report", detail=str(fault))
        words = visit.words
        facts = [
            (words("file.about"), report.title, f"/api/v1/reports/{report.question}&format=html"),
            *((name, value, None) for name, value in report.sources),
        ]
        return Told("good" if same else "bad", "report", facts)

    def _of_proof(self, content: bytes, visit: Visit) -> Told | None:
        try:
            proof = parse_proof(content.decode())
        except (Malformed, UnicodeDecodeError):
            return None
        position = proof.leaf_index + 1
        facts = [(visit.words("file.position"), str(position), f"/verify?position={position}")]
        try:
            leaf = leaf_hash(self._asking.entry_at(position).entry)
            head = proof.check(leaf, self._keys(visit), holds).checkpoint
        except (Refused, Unproven, Unverified, Malformed) as fault:
            return Told("bad", "proof", facts, str(fault))
        known = self._is_beginning(head.size, head.root_hash)
        return Told("good" if known else "bad", "proof", facts)

    def _of_checkpoint(self, content: bytes, visit: Visit) -> Told | None:
        try:
            head = open_checkpoint(content, self._keys(visit), holds).checkpoint
        except Malformed:
            return None
        except Unverified as fault:
            return Told("bad", "checkpoint", detail=str(fault))
        words, known = visit.words, self._is_beginning(head.size, head.root_hash)
        facts = [(words("verify.size"), str(head.size), None), (words("time.root"), head.root_hash.hex(), None)]
        return Told("good" if known else "bad", "checkpoint", facts)

    def _of_attachment(self, digest: str, visit: Visit) -> Told | None:
        if not self._attachments.has(digest):
            return None
        named = self._asking.naming(visit.reader, digest, visit.moment, NAMING)
        if not named:
            return None  # nothing that the reader may read names it
        values = Values(self._asking, visit)
        entries = [happening(one, 0, values, visit.words, {}) for one in named]
        return Told("good", "attachment", entries=entries)

    def _is_beginning(self, size: int, root_hash: bytes) -> bool:
        """Whether the tree published now begins with that one."""
        newest = self._proving.newest()
        if newest is None or size > newest.checkpoint.size:
            return False
        return self._proving.root(size) == root_hash

    def _keys(self, visit: Visit) -> list[VerifierKey]:
        return [parse_verifier_key(key) for key in self._asking.verifier_keys(visit.moment)]
