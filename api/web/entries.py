"""The log as pages: all entries in order, and one entry with its raw bytes and its hash."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response

from api.composition import Taizhang
from api.http import queries
from api.web.shell import Shown
from api.web.timeline import happening
from api.web.values import Values
from api.web.visit import Visit
from domain.refusals import Code, Refused
from domain.tlog.proof import SUFFIX

LOG_PARAMETERS: Final = ("after", "limit")


class Entries:
    """Pages of the log and of its entries."""

    def __init__(self, taizhang: Taizhang) -> None:
        self._asking = taizhang.asking
        self._proving = taizhang.proving

    def log(self, visit: Visit) -> Shown:
        """The log from a position on."""
        size = queries.limit(visit.query)
        after = queries.position(visit.query.get("after", "0"))
        if after is None:
            raise queries.invalid("after", "a position of the log, 0 for its beginning")
        found, following = self._asking.entries(visit.reader, after, size, visit.moment)
        values = Values(self._asking, visit)
        context: dict[str, Any] = {
            "rows": [happening(entry, 0, values, visit.words, {}) for entry in found],
            "values": values,
            "following": None if following is None else visit.here(after=following),
            "first": None if after == 0 else visit.here(after=None),
        }
        return Shown("log.html", visit.words("log.title"), context)

    def entry(self, visit: Visit) -> Shown | Response:
        """One entry. Raises Refused (not-found) where the reader may not read it, or it wasn't known then."""
        position = queries.position(visit.parts["position"])
        if position is None or (visit.is_past and position > visit.moment.position):
            raise Refused(Code.NOT_FOUND, f"there is no entry {visit.parts['position'][:20]}")
        entry: dict[str, Any] = self._asking.entry(visit.reader, position)
        raw = self._asking.raw(visit.reader, position)
        kind, _, record_id = str(entry["record"]).partition("/")
        before = max(0, int(entry["version"]) - 1)
        of_record = self._of_record(visit, kind, record_id)
        values = Values(self._asking, visit)
        by_version: dict[int, Any] = {one["version"]: one for one in of_record}
        marked = by_version.get(entry["version"], entry)
        shown = happening(entry | {name: marked.get(name) for name in ("corrected_by", "retracted_by")
                                   if marked.get(name) is not None},
                          entry["version"], values, visit.words, by_version)  # fmt: skip
        header, _, body = raw.partition(b"\n")
        context: dict[str, Any] = {
            "entry": entry,
            "one": shown,
            "kind": kind,
            "record_id": record_id,
            "record_link": values.record(entry["record"]),
            "before": before,
            "raw_header": header.decode(),
            "raw_body": body.decode(),
            "size": len(raw),
            "neighbours": (position - 1 or None, position + 1 if position < visit.moment.position else None),
        }
        title = visit.words("entry.title", position=position)
        return Shown("entry.html", title, context)

    def raw(self, visit: Visit) -> Response:
        """One entry's bytes, as a file."""
        position = _position(visit)
        raw = self._asking.raw(visit.reader, position)
        named = {"Content-Disposition": f'attachment; filename="entry-{position}.json"'}
        return Response(raw, 200, named, "application/octet-stream")

    def proof(self, visit: Visit) -> Response:
        """The proof that one entry is in the published tree, as a file (https://c2sp.org/tlog-proof)."""
        position = _position(visit)
        self._asking.entry(visit.reader, position)
        proof = self._proving.proof(position)
        named = {"Content-Disposition": f'attachment; filename="entry-{position}{SUFFIX}"'}
        return Response(str(proof), 200, named, "text/plain; charset=utf-8")

    def _of_record(self, visit: Visit, kind: str, record_id: str) -> list[dict[str, Any]]:
        try:
            found, _ = self._asking.events(visit.reader, kind, record_id, visit.moment, 500, None)
        except Refused:
            return []  # its opening has been retracted
        return list(found)


def _position(visit: Visit) -> int:
    """The position that the path names. Raises Refused (not-found) where it names none."""
    position = queries.position(visit.parts["position"])
    if position is None:
        raise Refused(Code.NOT_FOUND, "there is no such entry")
    return position
