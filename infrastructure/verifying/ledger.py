"""The whole ledger verified: the log by `domain.examination`, and what is derived from it against the log."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from typing import NamedTuple

from domain.examination import STRETCH, Claim, Examination, Fault, Kind, Stretch, first_of
from domain.tlog.tree import Frontier
from infrastructure.postgres.database import Connection, Database
from infrastructure.verifying import walls
from infrastructure.verifying.stored import StoredTree
from infrastructure.verifying.stretches import stretches
from infrastructure.verifying.tree import Published
from infrastructure.views import rebuilding

Told = Callable[[int, int], None]
"""Is told of how much has been looked at, and of how much there is."""


class Verdict(NamedTuple):
    """What verifying came to."""

    size: int
    """Entries of the log."""
    root: bytes | None
    """The root of the tree over them; None where the entries themselves are at fault."""
    fault: Fault | None
    """The first one, by position."""
    read: int = 0
    """Entries whose bytes were read, up to the fault."""
    note: str | None = None
    """The checkpoint that was served, where a server was asked."""


def verify(database: Database, kept: Sequence[str | bytes], progress: Told) -> Verdict:
    """Re-read the log as it is now, and what is derived from it.

    `kept` are checkpoints, as notes, that were kept outside the database. Raises psycopg.Error where the database can't
    be read.
    """
    with database.connect("reader") as connection:
        if connection.execute("SELECT to_regclass('ledger.log')").fetchone() == (None,):
            return Verdict(0, None, Fault(1, Kind.GAP, "there is no log in this database"))
        # In one snapshot, so that whoever records and seals meanwhile is no fault.
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL statement_timeout = 0")
        published = Published(StoredTree(connection), kept)
        size = _size(connection)
        verdict = _entries(database, connection, published, size, progress)
        if verdict.fault is None:
            fault = first_of([_shorter_than_its_views(connection, size), *_attachments(connection)])
            verdict = verdict._replace(fault=fault or walls.breach(connection))
        connection.execute("COMMIT")
    if verdict.fault is None:
        verdict = verdict._replace(
            fault=_views(database, lambda done, of: progress(size + size * done // max(of, 1), 2 * size))
        )
    return verdict


def _size(connection: Connection) -> int:
    row = connection.execute("SELECT coalesce(max(l.position), 0) FROM ledger.log AS l").fetchone()
    return int(row[0]) if row else 0


def _entries(database: Database, connection: Connection, published: Published, size: int, progress: Told) -> Verdict:
    """Every entry by itself and against those before it, against tiles and checkpoints, and every root it states."""
    examination, claims, stretch_roots = Examination(), list[Claim](), list[bytes]()
    shorter = next(published.before(size), None)
    with closing(stretches(database, size)) as examined:
        for stretch in examined:
            fault = first_of([
                examination.take(stretch),
                _attachment(connection, stretch),
                next(published.take(stretch), None),
            ])  # fmt: skip
            if fault is not None:
                false = _false_roots(connection, claims, stretch_roots)
                return Verdict(size, None, first_of([fault, *false]), examination.size)
            claims += stretch.claims
            if stretch.frontier.size == STRETCH:
                stretch_roots.append(stretch.frontier.roots[0])
            progress(stretch.until, 2 * size)
    fault = first_of([examination.end(), shorter, *_false_roots(connection, claims, stretch_roots), *published.after()])
    return Verdict(size, examination.root(), fault, size)


def roots(connection: Connection, sizes: Iterable[int], stretch_roots: Sequence[bytes]) -> dict[int, bytes]:
    """The tree's root at each of the sizes, each stretch that one ends in being read once."""
    found: dict[int, bytes] = {}
    wide, wanted = Frontier(), sorted({*sizes})
    while wanted:
        whole = wanted[0] // STRETCH
        wide = wide.extend(stretch_roots[wide.size : whole])
        within = wanted[: bisect_left(wanted, (whole + 1) * STRETCH)]
        wanted = wanted[len(within) :]
        narrow = Frontier()
        for size in within:
            rows = connection.execute(
                "SELECT l.leaf_hash FROM ledger.log AS l WHERE l.position > %s AND l.position <= %s"
                " ORDER BY l.position",
                [whole * STRETCH + narrow.size, size],
            ).fetchall()
            narrow = narrow.extend(row[0] for row in rows)
            found[size] = Frontier(size, (*wide.roots, *narrow.roots)).root()
    return found


def _false_roots(connection: Connection, claims: Sequence[Claim], stretch_roots: Sequence[bytes]) -> Iterable[Fault]:
    found = roots(connection, (claim.size for claim in claims if claim.size < claim.position), stretch_roots)
    for claim in claims:
        if found.get(claim.size, b"").hex() != claim.root_hash:
            yield Fault(claim.position, Kind.ROOT, f"it says that the tree of {claim.size} entries had another root")


def _attachment(connection: Connection, stretch: Stretch) -> Fault | None:
    """An attachment that entries of the stretch name, and that isn't there."""
    row = connection.execute(
        "SELECT d.sha256 FROM unnest(%s::text[]) AS d (sha256)"
        " WHERE NOT EXISTS (SELECT FROM attachments.files AS f WHERE f.sha256 = decode(d.sha256, 'hex'))"
        " ORDER BY 1 LIMIT 1",
        [sorted(stretch.digests)],
    ).fetchone()
    if row is None:
        return None
    naming = connection.execute(
        "SELECT min(l.position) FROM ledger.log AS l WHERE l.position > %s AND l.position <= %s"
        " AND position(convert_to(%s, 'UTF8') IN l.entry) > 0",
        [stretch.after, stretch.until, row[0]],
    ).fetchone()
    return Fault(naming[0] if naming else None, Kind.ATTACHMENT, f"the attachment {row[0]} that it names is not there")


def _shorter_than_its_views(connection: Connection, size: int) -> Fault | None:
    """A log that ends before what has been read of it: its last entries were taken away, or it was rolled back."""
    if connection.execute("SELECT to_regclass('views.progress')").fetchone() == (None,):
        return None
    row = connection.execute("SELECT max(p.position) FROM views.progress AS p").fetchone()
    if row is None or row[0] is None or row[0] <= size:
        return None
    return Fault(size + 1, Kind.GAP, f"the views were made of {row[0]} entries, and the log ends at {size}")


def _attachments(connection: Connection) -> Iterable[Fault]:
    row = connection.execute(
        "SELECT encode(f.sha256, 'hex') FROM attachments.files AS f WHERE f.sha256 <> sha256(f.content)"
        " ORDER BY 1 LIMIT 1"
    ).fetchone()
    if row is not None:
        yield Fault(None, Kind.ATTACHMENT, f"what is kept as {row[0]} has another digest")


def _views(database: Database, progress: Told) -> Fault | None:
    difference = rebuilding.check(database, progress)
    if difference is None:
        return None
    return Fault(None, Kind.VIEW, f"{difference.record} differs in {', '.join(difference.columns)}")
