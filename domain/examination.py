"""Whether a log is what it says it is: every rule that its entries keep, in one place, pure.

`examine` looks at a stretch of consecutive entries by itself, so that stretches can be looked at side by side; an
`Examination` takes the stretches in their order and holds them against each other. Whoever reads the entries, from a
database or from an address, gives them as rows; the same checks serve `taizhang verify` and tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from domain.entry import Content, Headline, InvalidEntry, headline
from domain.heads import Head, HeadsMap
from domain.ledger import HeadsSealed, LedgerOpened, SigningKeyRotated
from domain.log import ENTRY_LIMIT
from domain.records import AGGREGATES, VOCABULARY
from domain.tlog.tree import Frontier

STRETCH: Final = 8_192
"""Entries of a whole stretch: a perfect subtree of the log's tree."""


class Kind(StrEnum):
    """What can be at fault, the word that `taizhang verify` says."""

    GAP = "gap"
    HEADER = "header"
    COLUMN = "column"
    BODY = "body"
    LEAF = "leaf"
    ORDER = "order"
    VERSION = "version"
    TRANSACTION = "transaction"
    VOCABULARY = "vocabulary"
    CITATION = "citation"
    ROOT = "root"
    HEADS = "heads"
    TILE = "tile"
    CHECKPOINT = "checkpoint"
    ATTACHMENT = "attachment"
    VIEW = "view"
    WALL = "wall"


class Fault(NamedTuple):
    """The first thing that isn't as it must be."""

    position: int | None
    """Where; None for what belongs to no entry."""
    kind: Kind
    detail: str


class Row(NamedTuple):
    """An entry as a table has it. Where only bytes are to be had, the other columns are None."""

    entry: bytes
    leaf_hash: bytes | None = None
    position: int | None = None
    record: str | None = None
    version: int | None = None
    name: str | None = None
    recorded_at: int | None = None
    """Microseconds since 1970-01-01T00:00Z."""
    closes: bool | None = None
    idempotency: str | None = None


class Claim(NamedTuple):
    """An entry's word about the log's tree, to be held against the tree."""

    position: int
    size: int
    root_hash: str


class Span(NamedTuple):
    """Consecutive entries of a stretch, up to one that seals the heads, or to the stretch's end."""

    heads: Mapping[str, tuple[int, int, int]]
    """Each record's first version, last version and last position among them."""
    seal: tuple[int, HeadsSealed] | None


class Stretch(NamedTuple):
    """What is left of consecutive entries once each has been looked at."""

    after: int
    until: int
    first: Headline | None
    last: Headline | None
    frontier: Frontier
    leaves: bytes
    """Their leaf hashes, one after the other."""
    spans: tuple[Span, ...]
    claims: tuple[Claim, ...]
    digests: frozenset[str]
    """Of the attachments that they name."""
    keys: tuple[str, ...]
    """Verifier keys that they declare to be the log's."""
    fault: Fault | None
    """The first among them; what came after it wasn't looked at."""


_CITES: Final = ("computed_at", "evidence_positions", "positions", "supersedes", "tree_size")
"""Fields that name positions of the log before the entry's own, or how many entries there were."""
_CITING: Final = frozenset(
    fact.stored_as
    for one in AGGREGATES.values()
    for fact in one.facts
    if any(name in fact.model_fields for name in _CITES)
)


class _Broken(Exception):  # noqa: N818  # says what was found
    def __init__(self, kind: Kind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


def examine(rows: Iterable[Row], after: int, until: int, *, facts: bool = True) -> Stretch:
    """Look at the entries after a position and up to another, each by itself and against the one before it.

    Without `facts` bodies are hashed, but not read.
    """
    looking = _Looking(after, facts=facts)
    fault: Fault | None = None
    try:
        for row in rows:
            looking.at(row)
        looking.ends(until)
    except _Broken as broken:
        fault = Fault(looking.position, broken.kind, str(broken))
    leaves = looking.leaves
    return Stretch(
        after,
        until,
        looking.first,
        looking.last,
        Frontier().extend(leaves),
        b"".join(leaves),
        (*looking.spans, Span(looking.heads, None)),
        tuple(looking.claims),
        frozenset(looking.digests),
        tuple(looking.keys),
        fault,
    )


class _Looking:
    """Looks at consecutive entries, one after the other; raises _Broken for the first that isn't as it must be."""

    def __init__(self, after: int, *, facts: bool) -> None:
        self.position = after
        """Of the entry looked at."""
        self.first: Headline | None = None
        self.last: Headline | None = None
        self.leaves: list[bytes] = []
        self.spans: list[Span] = []
        self.heads: dict[str, tuple[int, int, int]] = {}
        self.claims: list[Claim] = []
        self.digests: set[str] = set()
        self.keys: list[str] = []
        self._facts = facts
        self._seconds: dict[str, int] = {}

    def at(self, row: Row) -> None:
        self.position += 1
        position, entry = self.position, row.entry
        if row.position is not None and row.position != position:
            self._out_of_place(row.position)
        head, _, body = entry.partition(b"\n")
        try:
            line = headline(head)
        except InvalidEntry as invalid:
            raise _Broken(Kind.HEADER, invalid.reason) from None
        _check_line(line, position, row, self._seconds)
        if line.length != len(body) or sha256(body).hexdigest() != line.sha256:
            raise _Broken(Kind.BODY, "the body is not the one that the header describes")
        leaf = sha256(b"\x00" + entry).digest()
        if row.leaf_hash is not None and row.leaf_hash != leaf:
            raise _Broken(Kind.LEAF, "the leaf hash is not that of the bytes")
        if self.last is None:
            self.first = line
        else:
            _check_next(self.last, line)
        self._follow(line)
        if self._facts:
            self._read(line, body)
        self.last = line
        self.leaves.append(leaf)

    def ends(self, until: int) -> None:
        if self.position < until:
            self.position += 1
            raise _Broken(Kind.GAP, f"there is no entry {self.position}")

    def _out_of_place(self, found: int) -> None:
        expected, self.position = self.position, min(found, self.position)
        if found > expected:
            raise _Broken(Kind.GAP, f"there is no entry {expected}; the next one is {found}")
        raise _Broken(Kind.GAP, f"entry {found} is there twice")

    def _follow(self, line: Headline) -> None:
        """Take the entry as its record's last."""
        known = self.heads.get(line.record)
        if known is not None and line.version != known[1] + 1:
            raise _Broken(Kind.VERSION, f"{line.record} goes from version {known[1]} to {line.version}")
        if self._facts and line.name == HeadsSealed.stored_as:
            return  # what it seals doesn't have it yet
        self.heads[line.record] = (line.version if known is None else known[0], line.version, self.position)

    def _read(self, line: Headline, body: bytes) -> None:
        """Read what the entry says, strictly, and keep what is to be held against something else."""
        content = _content(line, body)
        self.digests.update(content.evidence)
        if content.document is not None and content.document.sha256 is not None:
            self.digests.add(content.document.sha256)
        if isinstance(content.data, LedgerOpened | SigningKeyRotated):
            self.keys.append(content.data.key)
        if line.name in _CITING:
            self.claims += _cited(self.position, content)
            if isinstance(content.data, HeadsSealed):
                self.spans.append(Span(self.heads, (self.position, content.data)))
                self.heads = {line.record: (line.version, line.version, self.position)}


def _check_line(line: Headline, position: int, row: Row, seconds: dict[str, int]) -> None:
    """Hold a header against its place and against the columns beside it."""
    if line.position != position:
        raise _Broken(Kind.COLUMN, f"the header says position {line.position}")
    if row.position is not None:
        if (line.record, line.version, line.name) != (row.record, row.version, row.name):
            raise _Broken(Kind.COLUMN, "record, version or name is another in the header than in its column")
        if _microseconds(line.recorded_at, seconds) != row.recorded_at:
            raise _Broken(Kind.COLUMN, "recorded_at is another in the header than in its column")
        if (line.part == line.of) is not row.closes:
            raise _Broken(Kind.COLUMN, "the end of the transaction is another in the header than in its column")
        key = None if line.key is None or line.part > 1 else f"{line.account} {line.key}"
        if key != row.idempotency:
            raise _Broken(Kind.COLUMN, "the idempotency key is another in the header than in its column")
    if line.part > line.of or len(row.entry) > ENTRY_LIMIT:
        raise _Broken(Kind.HEADER, f"part {line.part} of {line.of}, {len(row.entry)} bytes")
    if line.causation is not None and not position - line.part < line.causation < position:
        raise _Broken(Kind.TRANSACTION, f"the cause, entry {line.causation}, is not in the same transaction before it")


def _check_next(last: Headline, line: Headline) -> None:
    """Hold an entry against the one before it."""
    if line.recorded_at <= last.recorded_at:
        raise _Broken(Kind.ORDER, f"recorded at {line.recorded_at}, the one before it at {last.recorded_at}")
    if last.part < last.of:
        if (line.part, line.of, line.correlation) != (last.part + 1, last.of, last.correlation):
            raise _Broken(Kind.TRANSACTION, f"part {last.part} of {last.of} is followed by another transaction")
    elif line.part != 1:
        raise _Broken(Kind.TRANSACTION, f"a transaction begins with its part {line.part}")


def _microseconds(recorded_at: str, seconds: dict[str, int]) -> int:
    whole = recorded_at[:19]
    since = seconds.get(whole)
    if since is None:
        try:
            since = int(datetime.fromisoformat(whole + "+00:00").timestamp()) * 1_000_000
        except ValueError:
            raise _Broken(Kind.HEADER, f"there is no instant {recorded_at}") from None
        seconds[whole] = since
    return since + int(recorded_at[20:26])


def _content(line: Headline, body: bytes) -> Content:
    try:
        return VOCABULARY.content(line.record.partition("/")[0], line.name).model_validate_json(body)
    except KeyError:
        raise _Broken(Kind.VOCABULARY, f"{line.name} is no event of {line.record}") from None
    except ValidationError as invalid:
        error = invalid.errors(include_url=False, include_input=False)[0]
        raise _Broken(Kind.VOCABULARY, f"{'/'.join(map(str, error['loc']))}: {error['msg']}") from None


def _cited(position: int, content: Content) -> list[Claim]:
    """What the entry says of the tree; raises _Broken where it names what was not there yet."""
    fact: Any = content.data
    for name in _CITES:
        value: object = getattr(fact, name, None)
        for cited in value if isinstance(value, tuple) else () if value is None else (value,):  # pyright: ignore[reportUnknownVariableType]
            if isinstance(cited, int) and cited >= position:
                raise _Broken(Kind.CITATION, f"it cites entry {cited}, which was not there yet")
    size = getattr(fact, "tree_size", None)
    if size is None or isinstance(fact, HeadsSealed):
        return []
    return [Claim(position, size, fact.root_hash)]


class Examination:
    """Takes stretches in their order, from the first entry on, and holds them against each other."""

    def __init__(self) -> None:
        self.size = 0
        """Entries taken."""
        self.whole = Frontier()
        """Over the roots of whole stretches, as leaves."""
        self._rest = Frontier()
        self._heads = HeadsMap()
        self._last: Headline | None = None

    def take(self, stretch: Stretch) -> Fault | None:
        """The first fault of the stretch, or between it and what came before; None where there is none."""
        found = [*self._chained(stretch)]
        if stretch.fault is not None:
            found.append(stretch.fault)
        if found:
            return min(found, key=lambda fault: fault.position or 0)
        if stretch.after != self.size or self._rest.size:
            raise ValueError("stretches are taken in their order, and only the last is shorter")
        self.size = stretch.until
        self._last = stretch.last or self._last
        if stretch.frontier.size == STRETCH:
            self.whole = self.whole.append(stretch.frontier.roots[0])
        else:
            self._rest = stretch.frontier
        return None

    def root(self) -> bytes:
        """The root of the tree over all entries taken."""
        return Frontier(self.size, (*self.whole.roots, *self._rest.roots)).root()

    def end(self) -> Fault | None:
        """The fault of a log that ends inside a transaction."""
        last = self._last
        if last is not None and last.part < last.of:
            return Fault(last.position + 1, Kind.TRANSACTION, f"the log ends after part {last.part} of {last.of}")
        return None

    def _chained(self, stretch: Stretch) -> Iterable[Fault]:
        if self._last is not None and stretch.first is not None:
            try:
                _check_next(self._last, stretch.first)
            except _Broken as broken:
                yield Fault(stretch.first.position, broken.kind, str(broken))
        elif stretch.first is not None and stretch.first.part != 1:
            yield Fault(stretch.first.position, Kind.TRANSACTION, "the log begins inside a transaction")
        for span in stretch.spans:
            heads: list[Head] = []
            for record, (begins, version, position) in span.heads.items():
                head = self._heads.get(record)
                if begins != (1 if head is None else head.version + 1):
                    had = 0 if head is None else head.version
                    # Where the versions of a record go on within the span isn't kept: its last entry names it.
                    yield Fault(position, Kind.VERSION, f"{record} goes from version {had} to {begins}")
                heads.append(Head(record, version, position))
            self._heads.advance(heads, max((head.position for head in heads), default=self._heads.size))
            if span.seal is not None:
                position, sealed = span.seal
                self._heads.size = position - 1
                yield from self._sealed(position, sealed)

    def _sealed(self, position: int, sealed: HeadsSealed) -> Iterable[Fault]:
        if sealed.tree_size != position - 1:
            yield Fault(position, Kind.HEADS, f"it takes account of {sealed.tree_size} entries, not of all before it")
        elif (sealed.records, sealed.root_hash) != (len(self._heads), self._heads.root().hex()):
            yield Fault(position, Kind.HEADS, "the map of heads has another root than it says")


def first_of(faults: Iterable[Fault | None]) -> Fault | None:
    """The fault with the lowest position, those of no entry last; None where there is none."""
    found = [fault for fault in faults if fault is not None]
    return min(found, key=lambda fault: (fault.position is None, fault.position or 0), default=None)
