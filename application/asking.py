"""Asking: every read, at any (known_at, on), for readers by the rights they have today."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple, Protocol

from application import moments
from application.answers import differences, entry_json, instant_json, marked
from application.cursors import cursor_of, read_cursor
from application.histories import Histories
from application.histories import Log as HistoryLog
from application.listing import Candidate, Filters, Views
from application.moments import Moment
from application.names import Names, open_state
from application.proving import NAMED_WITHIN, Proving
from application.rights import Reader
from domain.aggregate import RECORD_ID
from domain.fact import Fact, JsonValue
from domain.history import History
from domain.ledger import DISCLOSED
from domain.log import Stored
from domain.records import VOCABULARY, aggregate, record_kind, scope_of, shown_beside, state_json
from domain.refusals import Code, Refused
from domain.state import State, json_of
from projections.records import seen

SCANNED_LIMIT = 2_000
"""Candidates looked at for one page; a page that runs into it may be short, and its cursor goes on."""
SEARCHED = 50_000
"""Entries, the newest ones, that are searched for a document's number."""
CANDIDATES = 500
"""Entries that contain a text and are looked at for whether it is their document's number."""
VIEWS_WAIT = 5.0
"""Seconds that a list waits for the current rows to reach the position asked for."""

_NAMES = ("name", "community_name", "title")
"""The fields that tell what a record is called, the first that is there."""


class Log(moments.Positions, HistoryLog, Protocol):
    """What reading needs of the log."""

    def at(self, position: int) -> Stored | None:
        """The entry at a position."""
        ...

    def entries(self, after: int, limit: int, *, until: int | None = None) -> Sequence[Stored]:
        """The entries after a position, in order."""
        ...

    def containing(self, text: str, after: int, until: int, limit: int) -> Sequence[Stored]:
        """The last entries between two positions whose bytes contain the text, the newest first."""
        ...

    def with_leaf(self, leaf_hash: bytes, until: int) -> int | None:
        """The position of the entry with that leaf hash, up to a position."""
        ...

    def of_record(self, record: str, after_version: int, limit: int, *, until: int | None = None) -> Sequence[Stored]:
        """A record's next entries after a version, up to a position, oldest first."""
        ...


class Standing(NamedTuple):
    """An event as it stands, corrections applied."""

    record: str
    record_version: int
    position: int
    """Of the original entry, and its version in the record."""
    version: int
    fact: Fact
    effective_on: date
    data: Mapping[str, Any]
    """Its fields as JSON, names in clear for whoever may read them."""


class Asking:
    """Answers questions about records and about the log itself. Every method raises Refused for a bad one."""

    def __init__(self, log: Log, views: Views, names: Names, now: Callable[[], datetime], tree: Proving) -> None:
        self._log = log
        self._views = views
        self._names = names
        self._now = now
        self._tree = tree
        self.histories = Histories(log)

    def moment(self, known_at: str | None, on: str | None, min_position: int | None) -> Moment:
        """What a read asks about; see `moments.moment`.

        A read at an explicit time first has the log sealed up to there, so that its checkpoint is the same for ever.
        """
        moment = moments.moment(self._log, self._now, known_at, on, min_position)
        if known_at is not None:
            self._tree.await_sealed(moment.position, NAMED_WITHIN)
        return moment

    def provenance(self, moment: Moment, scheme: str | None = None) -> dict[str, JsonValue]:
        """What an answer rests on, the scheme where one judged. `checkpoint` is null until the first is published."""
        return {
            "position": moment.position,
            "known_at": None if moment.known_at is None else instant_json(moment.known_at),
            "on": moment.on.isoformat(),
            "scheme": scheme,
            "checkpoint": self._tree.provenance(moment.position),
        }

    def begun_at(self) -> datetime | None:
        """When the first entry was recorded; None for an empty log."""
        return self._log.recorded_at(1)

    def positions_by(self, moment: Moment, instants: Sequence[datetime]) -> list[int]:
        """The last position recorded by each of the instants, none past the moment's."""
        return [min(moment.position, self._log.resolve(one)) for one in instants]

    def wait(self, after: int, timeout: float) -> int:
        """The log's head as soon as it is past `after`, or the last one seen after so many seconds."""
        return self._log.wait(after, timeout)

    def record(self, reader: Reader, kind: str, record_id: str, moment: Moment) -> dict[str, JsonValue]:
        """A record's state. Not-found where it has none by then, not-yet where it opens after the day."""
        return open_state(self._names, f"{kind}/{record_id}", self.sealed_state(reader, kind, record_id, moment))

    def sealed_state(self, reader: Reader, kind: str, record_id: str, moment: Moment) -> dict[str, JsonValue]:
        """The same, every name still sealed, and where it was sealed under `sealed`."""
        record, history = self._history(reader, kind, record_id, moment.position)
        state = self._state(record, history, moment)
        if state is None:
            raise Refused(Code.NOT_YET, f"{record} opens after {moment.on}")
        return self._seen(history, record_id, state, moment)

    def events(
        self, reader: Reader, kind: str, record_id: str, moment: Moment, limit: int, cursor: str | None
    ) -> tuple[list[dict[str, JsonValue]], str | None]:
        """A record's entries, oldest first, each with what corrects or retracts it."""
        record, history = self._history(reader, kind, record_id, moment.position)
        after = int(read_cursor(cursor, f"events {record}", r"\d{1,9}") or 0)
        stored = self._log.of_record(record, after, limit + 1, until=moment.position)
        shown = [self._told(one) | marked(VOCABULARY.read(one.entry), history) for one in stored[:limit]]
        more = len(stored) > limit
        return shown, cursor_of(f"events {record}", str(after + limit)) if more else None

    def standing(self, reader: Reader, position: int) -> Standing:
        """What the event recorded at a position says now, corrections applied; a correction stands for its original.

        Raises Refused: not-found for an entry that the reader may not read, retracted for one that was taken back.
        """
        entry: dict[str, Any] = self.entry(reader, position)
        record = str(entry["record"])
        kind, _, record_id = record.partition("/")
        _, history = self._history(reader, kind, record_id, self._log.head()[0])
        original = history.entries[history.original(int(entry["version"])) - 1]
        step = next((one for one in history.steps if one.position == original.position), None)
        if step is None:
            raise Refused(Code.RETRACTED, f"entry {original.position} was retracted", positions=(original.position,))
        said = open_state(self._names, record, {field: json_of(step, field) for field, _ in step.fact})
        return Standing(
            record, history.version, original.position, original.version, step.fact, step.effective_on, said
        )

    def diff(self, reader: Reader, kind: str, record_id: str, start: Moment, end: Moment) -> dict[str, JsonValue]:
        """What differs in a record between two moments, field by field."""
        record, _ = self._history(reader, kind, record_id, max(start.position, end.position))
        before, after = (self.histories.at(record, moment.position) for moment in (start, end))
        then, now = self._state(record, before, start), self._state(record, after, end)
        if then is None and now is None:
            raise Refused(Code.NOT_YET, f"{record} is not open at either moment")
        shown: dict[str, JsonValue] = {
            "id": record_id,
            "kind": kind,
            "from": self.provenance(start),
            "to": self.provenance(end),
            "changes": differences(before, then, after, now),
        }
        return open_state(self._names, record, shown)

    def listing(
        self, reader: Reader, kind: str, filters: Filters, moment: Moment, limit: int, cursor: str | None
    ) -> tuple[list[dict[str, JsonValue]], str | None, Moment]:
        """A page of records by id, the cursor of the next one, and the moment that the page is true of."""
        tag = f"list {kind} {filters}"
        after = read_cursor(cursor, tag, RECORD_ID)
        if moment.is_current:
            position = self._views.position()
            moment = Moment(position, self._log.recorded_at(position), moment.on, is_current=True)
        elif not self._views.wait(moment.position, VIEWS_WAIT):
            raise Refused(Code.NOT_CAUGHT_UP, f"lists do not reach position {moment.position} yet")
        readable = _readable(reader, kind)
        found: list[dict[str, JsonValue]] = []
        scanned = 0
        while scanned < SCANNED_LIMIT:
            wanted = min(max(limit + 1 - len(found), 50), SCANNED_LIMIT - scanned)
            candidates = self._views.candidates(
                kind, filters, readable=readable, position=moment.position, on=moment.on, after=after, limit=wanted
            )
            scanned += len(candidates)
            for one, shown in zip(candidates, self._shown(kind, candidates, moment), strict=True):
                if shown is not None and _matches(shown, filters):
                    if len(found) == limit:
                        return self._opened(kind, found), cursor_of(tag, after), moment
                    found.append(shown)
                after = one.id
            if len(candidates) < wanted:
                return self._opened(kind, found), None, moment
        return self._opened(kind, found), cursor_of(tag, after), moment

    def entries(
        self, reader: Reader, after: int, limit: int, moment: Moment
    ) -> tuple[list[dict[str, JsonValue]], int | None]:
        """Entries of the log after a position that the reader may read, and the position to go on after."""
        stored = self._log.entries(after, limit, until=moment.position)
        shown = [self._told(one) for one in self._readable_entries(reader, stored)]
        more = len(stored) == limit and stored[-1].position < moment.position
        return shown, stored[-1].position if more else None

    def entry(self, reader: Reader, position: int) -> dict[str, JsonValue]:
        """One entry of the log. Not-found where the reader may not read it."""
        return self._told(self._one(reader, position))

    def documented(self, reader: Reader, number: str, moment: Moment, limit: int) -> list[dict[str, JsonValue]]:
        """The last entries that rest on a document whose number contains the text, of the last `SEARCHED`."""
        after = max(0, moment.position - SEARCHED)
        stored = self._log.containing(number, after, moment.position, CANDIDATES)
        readable = self._readable_entries(reader, stored)
        shown = (self._told(one) for one in readable)
        return [one for one in shown if number in _document_number(one)][:limit]

    def naming(self, reader: Reader, digest: str, moment: Moment, limit: int) -> list[dict[str, JsonValue]]:
        """The last entries that rest on a file of that SHA-256, of the last `SEARCHED`."""
        after = max(0, moment.position - SEARCHED)
        stored = self._log.containing(f'"{digest}"', after, moment.position, CANDIDATES)
        shown: Iterable[dict[str, Any]] = (self._told(one) for one in self._readable_entries(reader, stored))
        return [one for one in shown if digest in _files(one)][:limit]

    def position_of(self, reader: Reader, leaf_hash: bytes, moment: Moment) -> int | None:
        """The position of the entry with that leaf hash, where the reader may read it."""
        position = self._log.with_leaf(leaf_hash, moment.position)
        stored = None if position is None else self._log.at(position)
        return None if stored is None or not self._readable_entries(reader, [stored]) else stored.position

    def raw(self, reader: Reader, position: int) -> bytes:
        """One entry's bytes, as hashed: names sealed."""
        return self._one(reader, position).entry

    def written(self, reader: Reader, record: str, until: int, limit: int) -> Sequence[Stored]:
        """A record's first entries up to a position, as they are stored. Raises Refused (not-readable)."""
        history = self.histories.at(record, until)
        if not self._may_read(reader, record, history):
            raise Refused(Code.NOT_READABLE, f"{record} is not open to this account")
        return self._log.of_record(record, 0, limit, until=until)

    def entry_at(self, position: int) -> Stored:
        """The entry at a position, whoever asks. Raises Refused (not-found)."""
        stored = self._log.at(position)
        if stored is None:
            raise Refused(Code.NOT_FOUND, f"there is no entry {position}")
        return stored

    def verifier_keys(self, moment: Moment) -> list[str]:
        """The verifier keys that the ledger had declared by then, the one in use last."""
        ledger = self.histories.at("ledger/ledger", moment.position).state
        return [] if ledger is None else [str(key) for key in ledger.items("keys")]

    def called(self, paths: Iterable[str], moment: Moment) -> dict[str, str]:
        """What records are called, by path; absent where one has no name at the moment."""
        named: dict[str, str] = {}
        for path, history in self.histories.many(list(paths), moment.position).items():
            state = history.on(moment.on)
            names = () if state is None else (state.value(field) for field in _NAMES)
            name = next((one for one in names if isinstance(one, str)), None)
            if name is not None:
                named[path] = name
        return named

    def recorded(self, stored: Sequence[Stored]) -> list[dict[str, JsonValue]]:
        """Entries just recorded, for whoever recorded them."""
        return [self._told(one) for one in stored]

    def _told(self, stored: Stored) -> dict[str, JsonValue]:
        """An entry as JSON; an erasure's receipt also says to whom the person's names had been disclosed."""
        shown: dict[str, Any] = entry_json(stored, self._names)
        if "receipt" in shown:
            ledger = self.histories.at(shown["record"], stored.position).state
            issued = [] if ledger is None else [one.opened for one in ledger.items("reports").values()]
            shown["receipt"]["disclosed_to"] = [
                {"position": one.position, "recipient": one.fact.value("parameters").get("recipient")}
                for one in issued
                if one.fact.value("report") == DISCLOSED
                and shown["data"]["person"] in one.fact.value("parameters").get("persons", ())
            ]
        return shown

    def caught_up(self, position: int) -> None:
        """Wait until lists take account of a position. Raises Refused (not-caught-up) after 5 s."""
        if not self._views.wait(position, VIEWS_WAIT):
            raise Refused(Code.NOT_CAUGHT_UP, f"lists do not reach position {position} yet")

    def _history(self, reader: Reader, kind: str, record_id: str, position: int) -> tuple[str, History]:
        record = f"{kind}/{record_id}"
        try:
            record_kind(record)
        except Refused:
            raise Refused(Code.NOT_FOUND, f"there is no {record}") from None
        history = self.histories.at(record, position)
        if history.state is None:
            raise Refused(Code.NOT_FOUND, f"there is no {record}")
        if not self._may_read(reader, record, history):
            raise Refused(Code.NOT_READABLE, f"{record} is not open to this account")
        return record, history

    def _may_read(self, reader: Reader, record: str, history: History) -> bool:
        kind = record.partition("/")[0]
        if reader.may_read(kind, None):
            return True
        opening = history.state or next(
            (entry.fact for entry in history.entries if isinstance(entry.fact, history.aggregate.opening)), None
        )
        if opening is None:
            return False
        head, _ = self._log.head()
        scope = scope_of(record, opening, self.histories.known_at(head))
        return reader.may_read(kind, scope.new_city)

    def _state(self, record: str, history: History, moment: Moment) -> State | None:
        state = history.on(moment.on)
        kind = history.aggregate
        if state is None or kind.seen_with is None:
            return state
        referring = (
            self.histories.at(other, moment.position).on(moment.on)
            for other in self.histories.referring(record, kind.seen_with, moment.position)
        )
        return seen(kind, record.partition("/")[2], state, referring)

    def _shown(self, kind: str, candidates: Sequence[Candidate], moment: Moment) -> list[dict[str, JsonValue] | None]:
        changed = [
            f"{kind}/{one.id}"
            for one in candidates
            if one.last_position > moment.position or one.latest_on > moment.on or aggregate(kind).beside
        ]
        folded = self.histories.many(changed, moment.position) if changed else {}
        shown: list[dict[str, JsonValue] | None] = []
        for one in candidates:
            history = folded.get(f"{kind}/{one.id}")
            if history is None:
                current: dict[str, Any] | None = None if one.state is None else json.loads(one.state)
                shown.append(current)
                continue
            state = self._state(f"{kind}/{one.id}", history, moment)
            shown.append(None if state is None else self._seen(history, one.id, state, moment))
        return shown

    def _seen(self, history: History, record_id: str, state: State, moment: Moment) -> dict[str, JsonValue]:
        """A state as JSON, with what other records have to say of it at that moment."""
        kind = history.aggregate
        shown = state_json(kind, record_id, history.version, state)
        return shown | shown_beside(kind, state, self.histories.known_at(moment.position), moment.on)

    def _opened(self, kind: str, found: list[dict[str, JsonValue]]) -> list[dict[str, JsonValue]]:
        return [open_state(self._names, f"{kind}/{one['id']}", one) for one in found]

    def _readable_entries(self, reader: Reader, stored: Sequence[Stored]) -> list[Stored]:
        if reader.everything:
            return list(stored)
        head, _ = self._log.head()
        allowed: dict[str, bool] = {}
        readable: list[Stored] = []
        for one in stored:
            record = VOCABULARY.read(one.entry).record
            if record not in allowed:
                allowed[record] = reader.may_read(record.partition("/")[0], None) or self._may_read(
                    reader, record, self.histories.at(record, head)
                )
            if allowed[record]:
                readable.append(one)
        return readable

    def _one(self, reader: Reader, position: int) -> Stored:
        stored = self._log.at(position)
        if stored is None or not self._readable_entries(reader, [stored]):
            raise Refused(Code.NOT_FOUND, f"there is no entry {position}")
        return stored


def _document_number(entry: dict[str, Any]) -> str:
    document = entry["document"]
    return str(document["number"] or "") if document else ""


def _files(entry: dict[str, Any]) -> Collection[str | None]:
    document: Mapping[str, Any] = entry["document"] or {}
    return {*entry["evidence"], document.get("sha256")}


def _readable(reader: Reader, kind: str) -> frozenset[str] | None:
    return None if reader.may_read(kind, None) else reader.new_cities if kind != "accounts" else frozenset()


def _matches(shown: dict[str, JsonValue], filters: Filters) -> bool:
    """Whether a record, as it is at the moment asked about, belongs to the list; its owner's place is its row's."""
    return (
        (filters.status is None or shown["status"] == filters.status)
        and (filters.q is None or filters.q.casefold() in str(shown.get("name") or "").casefold())
        and (filters.new_city is None or shown.get("new_city", filters.new_city) == filters.new_city)
        and (filters.township is None or shown.get("township_code", filters.township) == filters.township)
    )
