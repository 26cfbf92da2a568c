"""A ledger served over HTTP, verified by somebody who trusts its verifier key alone (https://c2sp.org/tlog-tiles)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Final

import httpx

from domain.examination import STRETCH, Claim, Examination, Fault, Kind, Row, Stretch, examine, first_of
from domain.tlog.checkpoint import Checkpoint, open_checkpoint
from domain.tlog.lines import Malformed
from domain.tlog.note import Unverified, VerifierKey
from domain.tlog.tile import FULL, WIDTH, Tile, TileTree, entries_of, split, tiles
from domain.tlog.tree import EMPTY_ROOT, HASH_SIZE, Frontier, Unproven, root_at
from infrastructure.keys.signing import verify as signed_by
from infrastructure.verifying.ledger import Told, Verdict
from infrastructure.verifying.tree import Published, Signed

ANSWER_WITHIN: Final = 30.0
"""Seconds for an answer."""
AT_ONCE: Final = 8
"""Tiles asked for at the same time."""
NOTE_LIMIT: Final = 1 << 20
"""Bytes of a checkpoint at most."""
BUNDLE_LIMIT: Final = WIDTH * (2 + 65_535)
"""Bytes of a bundle of entries at most: C2SP gives an entry's length two bytes."""
_RETRIES: Final = 2
_CLOSED: Final = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


def verify(url: str, keys: Sequence[VerifierKey], kept: Sequence[bytes], token: str | None, progress: Told) -> Verdict:
    """Make the tree anew from what is served, and hold checkpoint, tiles and entries against it.

    Args:
        url: Where `/checkpoint` and `/tile/` are.
        keys: The log's verifier keys; one must have signed the checkpoint served.
        kept: Checkpoints, as notes, that were kept from earlier; the log must be their continuation.
        token: A bearer token that may read entries; None where they are public, or aren't to be read: then the tree is
            made from the tiles of leaf hashes, and entries stay unread.
        progress: Is told of entries looked at.

    Raises httpx.HTTPError where the server can't be reached, or doesn't answer as a log does.
    """
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    transport = httpx.HTTPTransport(retries=_RETRIES)
    address = url.rstrip("/") + "/"
    with (
        httpx.Client(base_url=address, headers=headers, timeout=ANSWER_WITHIN, transport=transport) as client,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        server = _Server(client, pool)
        note = server.content("checkpoint", NOTE_LIMIT)
        try:
            head = open_checkpoint(note, keys, signed_by).checkpoint
        except (Malformed, Unverified) as fault:
            return Verdict(0, None, Fault(None, Kind.CHECKPOINT, f"the checkpoint served: {fault}"))
        if head.size == 0 and head.root_hash != EMPTY_ROOT:
            return Verdict(0, None, Fault(None, Kind.CHECKPOINT, "a log without entries has another root"))
        tree = ServedTree(server, head, note)
        return _verdict(tree, server, Published(tree, kept, keys), progress)


class _Server:
    """What is to be had at the address."""

    def __init__(self, client: httpx.Client, pool: ThreadPoolExecutor) -> None:
        self._client, self._pool = client, pool
        self._has_token = "authorization" in client.headers
        self._is_open = True
        """Whether entries may be read, as far as is known."""

    def content(self, path: str, limit: int) -> bytes:
        """What stands at a path. Raises httpx.HTTPError, also for more than so many bytes."""
        content = bytearray()
        with self._client.stream("GET", path) as answer:
            answer.raise_for_status()
            for part in answer.iter_bytes():
                content += part
                if len(content) > limit:
                    raise httpx.DecodingError(f"{path} is longer than {limit} bytes", request=answer.request)
        return bytes(content)

    def tiles(self, wanted: Sequence[Tile]) -> list[bytes | None]:
        """Tiles, or bundles of entries, in their order; None for one that isn't there."""
        return [*self._pool.map(self._tile, wanted)]

    def bundles(self, wanted: Sequence[Tile]) -> list[bytes | None] | None:
        """Bundles of entries as `tiles` gives them; None where they may not be read without a token."""
        if not self._is_open:
            return None
        try:
            return [*self.tiles(wanted[:1]), *self.tiles(wanted[1:])]
        except httpx.HTTPStatusError as error:
            if error.response.status_code not in _CLOSED or self._has_token:
                raise
            self._is_open = False
            return None

    def _tile(self, tile: Tile) -> bytes | None:
        """A tile as wide as named; where only the full one is left, its beginning."""
        limit = BUNDLE_LIMIT if tile.level is None else FULL
        for one in (tile, tile._replace(width=WIDTH)):
            try:
                return self.content(one.path, limit)[: None if tile.level is None else tile.width * HASH_SIZE]
            except httpx.HTTPStatusError as error:
                if error.response.status_code != HTTPStatus.NOT_FOUND:
                    raise
        return None


class ServedTree:
    """The tree that a server publishes, at the checkpoint that it served first."""

    def __init__(self, server: _Server, head: Checkpoint, note: bytes) -> None:
        self._server, self._head, self.note = server, head, note
        self._leaves: dict[Tile, bytes | None] = {}
        """The tiles of leaf hashes that were read last."""

    @property
    def size(self) -> int:
        """How many entries the published tree has."""
        return self._head.size

    @property
    def root_hash(self) -> bytes:
        """The root that was signed."""
        return self._head.root_hash

    def leaves(self, wanted: Sequence[Tile]) -> Sequence[bytes | None]:
        """Tiles of leaf hashes, kept until others are asked for."""
        self._leaves = dict(zip(wanted, self._server.tiles(wanted), strict=True))
        return [*self._leaves.values()]

    def tiles(self, wanted: Sequence[Tile]) -> Sequence[bytes | None]:
        """The hashes of tiles, in their order; None for one that is missing."""
        found = self._leaves | dict(
            zip(
                missing := [tile for tile in wanted if tile not in self._leaves],
                self._server.tiles(missing),
                strict=True,
            )
        )
        return [found[tile] for tile in wanted]

    def checkpoints(self, after: int, until: int) -> Sequence[Signed]:
        """The one that is served."""
        return [Signed(self.size, self._head.root_hash, self.note)] if after < self.size <= until else []

    def tile_count(self) -> int | None:
        """Nobody outside can tell."""
        return None

    def false(self, claims: Iterable[Claim]) -> Iterator[Fault]:
        """The claims of entries about the tree that aren't true; the tiles were found to be."""
        tree: TileTree | None = None
        for claim in claims:
            tree = tree or TileTree(self.size, self._head.root_hash, self._fetch)
            if claim.size >= claim.position or root_at(claim.size, tree.read).hex() != claim.root_hash:
                detail = f"it says that the tree of {claim.size} entries had another root"
                yield Fault(claim.position, Kind.ROOT, detail)

    def _fetch(self, wanted: Sequence[Tile]) -> Sequence[bytes]:
        return [hashes or b"" for hashes in self._server.tiles(wanted)]


def _verdict(tree: ServedTree, server: _Server, published: Published, progress: Told) -> Verdict:
    """Everything that is served, from the first entry on."""
    examination, claims, read, size = Examination(), list[Claim](), 0, tree.size
    shorter = next(published.before(size), None)
    for after in range(0, size, STRETCH):
        until = min(after + STRETCH, size)
        wanted = [tile for tile in tiles(after, until) if tile.level == 0]
        bundles = server.bundles([tile._replace(level=None) for tile in wanted])
        if bundles is None:
            stretch, fault = _hashed(tree.leaves(wanted), wanted, after, until)
        else:
            stretch = _examined(bundles, wanted, after, until)
            fault, read = examination.take(stretch), read + len(stretch.leaves) // HASH_SIZE
        fault = first_of([fault, next(published.take(stretch), None)])
        if fault is not None:
            return Verdict(size, None, fault, read)
        claims += stretch.claims
        progress(until, size)
    try:
        false = next(tree.false(claims), None)
    except Unproven as unproven:  # served otherwise than before
        false = Fault(None, Kind.TILE, str(unproven))
    fault = first_of([examination.end() if read else None, shorter, false])
    return Verdict(size, tree.root_hash if fault is None else None, fault, read, tree.note.decode())


def _examined(bundles: Sequence[bytes | None], wanted: Sequence[Tile], after: int, until: int) -> Stretch:
    """The entries of bundles, examined; a bundle that is none, or is missing, ends them."""

    def rows() -> Iterator[Row]:
        for tile, bundle in zip(wanted, bundles, strict=True):
            try:
                entries = entries_of(bundle or b"")
            except ValueError:
                return
            yield from map(Row, entries[: tile.width])
            if len(entries) < tile.width:
                return

    return examine(rows(), after, until)


def _hashed(
    found: Sequence[bytes | None], wanted: Sequence[Tile], after: int, until: int
) -> tuple[Stretch, Fault | None]:
    """Entries of which there are only hashes, and the fault where one is missing."""
    fault = None
    for tile, hashes in zip(wanted, found, strict=True):
        if len(hashes or b"") < tile.width * HASH_SIZE and fault is None:
            at = tile.number * WIDTH + len(hashes or b"") // HASH_SIZE
            fault = Fault(max(at, after) + 1, Kind.TILE, f"{tile.path} is missing, or too narrow")
    leaves = b"" if fault else b"".join(hashes or b"" for hashes in found)
    frontier = Frontier().extend(split(leaves))
    return Stretch(after, until, None, None, frontier, leaves, (), (), frozenset(), (), None), fault
