"""What belongs in a bundle: the entries of the records concerned, as bytes, and what proves them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, cast

from api.bundles.verify_bundle import Entry, concerned, evidence, parse_entry, points_of
from application.asking import Asking
from application.assessing import Assessing
from application.moments import ZONE, Moment
from application.proving import Proving, Published
from application.rights import Reader
from application.sealing_heads import HeadsSealer, Seal
from domain.fact import JsonValue
from domain.heads import Presence
from domain.log import Stored
from domain.refusals import Code, FieldError, Refused
from domain.scoring import finding_json

HEADS_SEALED = "HeadsSealed"
ENTRIES_LIMIT = 5_000
"""Entries of one bundle at most, that of the records concerned together."""


class Collected(NamedTuple):
    """What a bundle says, before it is written."""

    about: str
    moment: Moment
    state: Mapping[str, JsonValue] | None
    """The record on the day asked about, names left sealed; None for a report."""
    stored: Mapping[int, Stored]
    """The entries by position."""
    entries: Mapping[int, Entry]
    seal: Seal
    heads: Mapping[str, Presence]
    published: Published
    """The first checkpoint that covers the seal, of those that witnesses enough signed where there are any."""
    paths: Mapping[int, Sequence[bytes]]
    consistency: tuple[int, Sequence[bytes]] | None
    scheme: str | None
    evidence: Sequence[Mapping[str, Any]]
    points: Sequence[Mapping[str, Any]]
    computation: Mapping[str, Any] | None


class Collector:
    """Collects bundles. Every method raises Refused for a bad question, or for what the reader may not read."""

    def __init__(
        self,
        asking: Asking,
        assessing: Assessing,
        heads: HeadsSealer,
        proving: Proving,
        covering: Callable[[int], Published | None],
    ) -> None:
        """`covering` gives the checkpoint to hand out for a position; None where there is none in time."""
        self._asking = asking
        self._assessing = assessing
        self._heads = heads
        self._proving = proving
        self._covering = covering

    def moment(self, known_at: str | None, on: str | None, min_position: int | None) -> Moment:
        """What a bundle asks about: unlike for other reads, the day is that of the last entry where none is named.

        So a bundle is the same tomorrow. An entry that only seals heads doesn't count.
        """
        asked = self._asking.moment(known_at, on, min_position)
        position = asked.position
        if parse_entry(self._asking.entry_at(position).entry).event == HEADS_SEALED:
            position -= 1
        header = json.loads(self._asking.entry_at(position).entry.partition(b"\n")[0])
        recorded_at = datetime.fromisoformat(header["recorded_at"])
        day = recorded_at.astimezone(ZONE).date() if on is None else asked.on
        return Moment(position, recorded_at, day, is_current=False)

    def of_record(self, reader: Reader, kind: str, record_id: str, moment: Moment, since: int | None) -> Collected:
        """What belongs in the bundle of a record, as known at the moment."""
        state = self._asking.sealed_state(reader, kind, record_id, moment)
        return self._collected(reader, f"{kind}/{record_id}", (), moment, since, _without_names(state))

    def of_report(
        self,
        reader: Reader,
        report: str,
        records: Iterable[str],
        cited: Iterable[int],
        moment: Moment,
        since: int | None,
    ) -> Collected:
        """What belongs in the bundle of a report about these records; `cited` are entries of the ledger's own."""
        more = {position: self._asking.entry_at(position) for position in cited}
        found = self._collected(reader, report, records, moment, since, None, least=max(more, default=0))
        entries = {position: parse_entry(stored.entry) for position, stored in more.items()}
        paths = self._proving.paths(more, found.published)
        return found._replace(
            stored={**found.stored, **more}, entries={**found.entries, **entries}, paths={**found.paths, **paths}
        )

    def _collected(
        self,
        reader: Reader,
        about: str,
        records: Iterable[str],
        moment: Moment,
        since: int | None,
        state: Mapping[str, JsonValue] | None,
        least: int = 0,
    ) -> Collected:
        """`least` is a position that the heads must take account of beside the moment's."""
        seal = self._heads.covering(max(moment.position, least))
        size = seal.sealed.tree_size
        stored, entries = self._concerned(reader, about, [*records], size)
        heads = {
            record: proof
            for record, proof in self._heads.prove({one.record for one in entries.values()}, size).items()
            if isinstance(proof, Presence)
        }
        sealed = self._asking.entry_at(seal.position)
        published = self._published(seal.position)
        tree_size = published.checkpoint.size
        if since is not None and since > tree_size:
            detail = f"the bundle's own checkpoint has {tree_size} entries"
            raise Refused(Code.INVALID_FIELDS, f"since: {detail}", errors=[FieldError("/since", detail)])
        stored[seal.position], entries[seal.position] = sealed, parse_entry(sealed.entry)
        return Collected(
            about,
            moment,
            state,
            dict(sorted(stored.items())),
            dict(sorted(entries.items())),
            seal,
            heads,
            published,
            self._proving.paths(stored, published),
            None if since is None else (since, self._proving.growth(since, tree_size)),
            _scheme(about, entries),
            evidence(about, entries),
            points_of(about, entries),
            self._computation(about, entries),
        )

    def _published(self, position: int) -> Published:
        published = self._covering(position)
        if published is None:
            raise Refused(Code.NOT_CAUGHT_UP, f"no checkpoint covers position {position} yet")
        return published

    def _concerned(
        self, reader: Reader, about: str, records: Sequence[str], size: int
    ) -> tuple[dict[int, Stored], dict[int, Entry]]:
        """The entries of the records concerned, whichever their own entries lead to."""
        stored: dict[int, Stored] = {}
        entries: dict[int, Entry] = {}
        wanted = list(records) or [about]
        known = set[str]()
        while wanted:
            for record in wanted:
                known.add(record)
                for one in self._asking.written(reader, record, size, ENTRIES_LIMIT + 1):
                    stored[one.position], entries[one.position] = one, parse_entry(one.entry)
                if len(entries) > ENTRIES_LIMIT:
                    raise Refused(Code.BUNDLE_TOO_LARGE, f"it would have more than {ENTRIES_LIMIT} entries")
            cited = [one["position"] for one in evidence(about, entries)]
            absent = [position for position in cited if position not in entries]
            wanted = (
                sorted({parse_entry(self._asking.entry_at(position).entry).record for position in absent} - known)
                if absent
                else sorted(concerned(about, entries) - known)
            )
        return stored, entries

    def _computation(self, about: str, entries: Mapping[int, Entry]) -> dict[str, Any] | None:
        """How the deduction disputed follows from what the rules found, as known when it was computed."""
        points = points_of(about, entries)
        if not points:
            return None
        imposed = entries[points[0]["position"]]
        said = json.loads(self._asking.entry_at(imposed.position).entry.partition(b"\n")[2])
        year, _, new_city = imposed.record.partition("/")[2].partition("-")
        try:
            moment = self._asking.moment(str(imposed.data["computed_at"]), said["effective_on"], None)
            scored = self._assessing.score(new_city, int(year), moment, _scheme(about, entries))
        except Refused:
            return None  # nothing judged that year then
        for line in scored.score.lines:
            if line.indicator == imposed.data["indicator"]:
                found = [finding_json(one) for one in line.findings if one.finding.outcome == "found"]
                return {
                    "computed_at": imposed.data["computed_at"],
                    "on": said["effective_on"],
                    "indicator": line.indicator,
                    "title": line.title,
                    "clause": line.clause,
                    "cap": f"{line.cap:.2f}",
                    "lines": found,
                    "total": f"{sum((Decimal(str(one['points'])) for one in found), Decimal('0.00')):.2f}",
                    "deducted": f"{line.indicative_deducted:.2f}",
                }
        return None


def _scheme(about: str, entries: Mapping[int, Entry]) -> str | None:
    """The scheme that judges: of the assessment concerned, where there is one."""
    named = [one.record.partition("/")[2] for one in entries.values() if one.record.startswith("schemes/")]
    opened = [one.data["scheme"] for one in entries.values() if one.event == "AssessmentOpened"]
    kind = about.partition("/")[0]
    return next((one for one in (*opened, *named)), None) if kind in {"disputes", "assessments", "schemes"} else None


def _without_names(value: Any) -> Any:  # noqa: ANN401  # JSON
    """The state with every person told by id alone."""
    match value:
        case {"id": str(person), "name": _, "sealed": _}:
            return {"id": person, "name": None, "sealed": True}
        case dict():
            return {name: _without_names(one) for name, one in cast("dict[str, Any]", value).items()}
        case list():
            return [_without_names(one) for one in cast("Sequence[Any]", value)]
        case _:
            return value
