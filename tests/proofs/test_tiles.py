"""Tiles: named, cut and grown as the specification says; a hash from one is held against the root before it is used."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.tlog.tile import (
    Edge,
    Tile,
    TileTree,
    bundle_of,
    check_bundle,
    edge_tiles,
    entries_of,
    parse_index,
    split,
    tiles,
)
from domain.tlog.tree import Unproven, inclusion_proof, leaf_hash, root_of

LEAVES = [sha256(index.to_bytes(4)).digest() for index in range(70_000)]
GROWN, MADE = Edge().extended(LEAVES)
STORED = dict(MADE)
WIDEST = {(tile.level, tile.number): hashes for tile, hashes in MADE}


def fetch(wanted: list[Tile]) -> list[bytes]:
    return [WIDEST[tile.level, tile.number] for tile in wanted]


def test_a_tree_of_70000_has_the_tiles_of_the_specification_s_example() -> None:
    shapes = [(tile.level, tile.width) for tile in tiles(0, 70_000)]
    assert {shape: shapes.count(shape) for shape in shapes} == {
        (0, 256): 273, (0, 112): 1, (1, 256): 1, (1, 17): 1, (2, 1): 1,
    }  # fmt: skip
    assert [(tile.level, tile.width) for tile in edge_tiles(70_000)] == [(0, 112), (1, 17), (2, 1)]
    assert list(tiles(0, 256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert sorted(STORED) == sorted(tiles(0, 70_000))
    assert GROWN.root() == root_of(LEAVES)


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 1234067), "tile/0/x001/x234/067"),
        (Tile(3, 5, 17), "tile/3/005.p/17"),
        (Tile(None, 999), "tile/entries/999"),
        (Tile(None, 1000, 255), "tile/entries/x001/000.p/255"),
    ],
)
def test_a_tile_has_one_address(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert parse_index(path.split("/", 2)[2]) == (tile.number, tile.width)


@pytest.mark.parametrize(
    "path",
    ["", "0", "00", "0000", "x000/001", "x001/234/", "x001", "x001/x234", "001/234", "005.p/0", "005.p/256", "005.p/01",
     "005.p/", "005.p/1/", "-01", "٠٠١", "x001/234\n", "x" * 5000, "001.P/5"],
)  # fmt: skip
def test_another_address_names_no_tile(path: str) -> None:
    with pytest.raises(ValueError, match="tile"):
        parse_index(path)


@given(st.integers(0, 10**20), st.integers(1, 256))
def test_addresses_are_read_as_they_are_written(number: int, width: int) -> None:
    assert parse_index(Tile(0, number, width).path.removeprefix("tile/0/")) == (number, width)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 1_500), max_size=6))
def test_tiles_come_out_alike_however_the_tree_grows(steps: list[int]) -> None:
    edge, kept = Edge(), dict[tuple[int | None, int], bytes]()
    for step in steps:
        grown, made = edge.extended(LEAVES[edge.size : edge.size + step])
        assert [tile for tile, _ in made] == list(tiles(edge.size, grown.size))
        for tile, hashes in made:
            kept[tile.level, tile.number] = hashes
            assert len(hashes) == 32 * tile.width
            assert tile.within(grown.size)
            assert not tile.within(edge.size)
        edge = grown
        assert edge.root() == root_of(LEAVES[: edge.size])
        assert Edge.of(edge.size, [kept[one.level, one.number] for one in edge_tiles(edge.size)]) == edge
    assert all(WIDEST[place].startswith(hashes) for place, hashes in kept.items() if place[0] == 0)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 70_000), st.data())
def test_proofs_are_made_from_tiles_at_any_size(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    tree = TileTree(size, root_of(LEAVES[:size]), fetch)
    wanted = [
        subtree for level in range(16) if (index >> level) + 1 << level <= size for subtree in [(level, index >> level)]
    ]
    assert tree.read(wanted) == [root_of(LEAVES[n << level : (n + 1) << level]) for level, n in wanted]
    assert inclusion_proof(index, size, tree.read) == inclusion_proof(index, size, _from_leaves)


def _from_leaves(wanted):
    return [root_of(LEAVES[number << level : (number + 1) << level]) for level, number in wanted]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 69_999), st.integers(0, 31), st.integers(1, 255))
def test_an_altered_tile_is_found_out_before_it_is_used(index: int, byte: int, change: int) -> None:
    def altered(wanted: list[Tile]) -> list[bytes]:
        given = fetch(wanted)
        for place, tile in enumerate(wanted):
            if (tile.level, tile.number) == (0, index // 256):
                hashes = bytearray(given[place])
                hashes[32 * (index % 256) + byte] ^= change
                given[place] = bytes(hashes)
        return given

    with pytest.raises(Unproven):
        TileTree(70_000, GROWN.root(), altered).read([(0, index)])


def test_a_tile_too_narrow_or_of_another_tree_is_found_out() -> None:
    with pytest.raises(Unproven, match="bytes"):
        TileTree(70_000, GROWN.root(), lambda wanted: [hashes[:-32] for hashes in fetch(wanted)])
    with pytest.raises(Unproven, match="root"):
        TileTree(69_999, GROWN.root(), fetch)
    tree = TileTree(70_000, GROWN.root(), fetch)
    assert tree.tile(Tile(0, 3, 7)) == b"".join(LEAVES[768:775])
    assert tree.tile(Tile(0, 273, 112)) == b"".join(LEAVES[-112:])
    for missing in (Tile(0, 273, 113), Tile(0, 274, 1), Tile(2, 0, 2)):
        with pytest.raises(ValueError, match="no subtree"):
            tree.tile(missing)
    assert TileTree(0, sha256(b"").digest(), fetch).size == 0


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bundles_give_back_their_entries(entries: list[bytes]) -> None:
    bundle = bundle_of(entries)
    assert entries_of(bundle) == entries
    tile = b"".join(map(leaf_hash, entries))
    assert check_bundle(bundle, tile) == entries
    assert split(tile) == [leaf_hash(entry) for entry in entries]
    for cut in range(1, len(bundle)):
        try:
            assert entries_of(bundle[:cut]) == entries[: len(entries_of(bundle[:cut]))]
        except ValueError:
            continue
    with pytest.raises(Unproven):
        check_bundle(bundle_of([*entries, b"one more"]), tile)


def test_an_entry_too_long_for_a_bundle_is_refused() -> None:
    assert entries_of(bundle_of([bytes(65_535)])) == [bytes(65_535)]
    with pytest.raises(OverflowError):
        bundle_of([bytes(65_536)])
