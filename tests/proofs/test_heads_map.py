"""The sorted map of records' heads: its root, proofs of presence and absence, and that nothing else proves."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.heads import Absence, Head, HeadsMap, Presence, Unproven, check_complete
from domain.tlog.tree import EMPTY_ROOT, leaf_hash, node_hash

KINDS = ("accounts", "disputes", "villages")
records = st.builds("{}/{}".format, st.sampled_from(KINDS), st.integers(0, 40))
lots = st.lists(st.lists(records, max_size=12), max_size=8)
"""The records that entries are about, some at a time."""


def definition(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return node_hash(definition(leaves[:k]), definition(leaves[k:]))


def following(entries: Sequence[Sequence[str]]) -> tuple[HeadsMap, dict[str, Head]]:
    """The map that follows the entries as they come, and what a plain dictionary says of them."""
    heads, plain, position = HeadsMap(), dict[str, Head](), 0
    for lot in entries:
        fresh = []
        for record in lot:
            position += 1
            plain[record] = Head(record, plain[record].version + 1 if record in plain else 1, position)
            fresh.append(plain[record])
        heads.advance(fresh, position)
    return heads, plain


def sorted_heads(plain: dict[str, Head]) -> list[Head]:
    return [plain[record] for record in sorted(plain, key=str.encode)]


@given(lots)
def test_the_map_says_of_every_record_which_entry_is_its_last(entries):
    heads, plain = following(entries)
    assert list(heads) == sorted_heads(plain)
    assert (len(heads), heads.size) == (len(plain), sum(map(len, entries)))


@given(lots)
def test_its_root_is_that_of_the_sorted_leaves_however_they_came(entries):
    heads, plain = following(entries)
    at_once = HeadsMap()
    at_once.advance(reversed(plain.values()), heads.size)
    assert heads.root() == at_once.root() == definition([head.encoded() for head in sorted_heads(plain)])


@given(lots, records)
def test_a_record_is_proved_to_be_there_or_not_to_be_there(entries, asked):
    heads, plain = following(entries)
    proof = heads.prove(asked)
    if asked in plain:
        assert isinstance(proof, Presence)
        assert proof.head == plain[asked]
        proof.check(len(heads), heads.root())
    else:
        assert isinstance(proof, Absence)
        proof.check(asked, len(heads), heads.root())


@given(lots, records)
def test_no_proof_of_absence_holds_for_a_record_that_is_there(entries, asked):
    heads, plain = following(entries)
    if asked not in plain:
        return
    beside = [proof for record in plain if isinstance(proof := heads.prove(record), Presence)]
    for before in (None, *beside):
        for after in (None, *beside):
            with pytest.raises(Unproven):
                Absence(before, after).check(asked, len(heads), heads.root())


@given(lots, st.data())
def test_no_proof_holds_of_another_head_place_size_path_or_root(entries, data):
    heads, plain = following(entries)
    if not plain:
        return
    proof = heads.prove(data.draw(st.sampled_from(sorted(plain))))
    assert isinstance(proof, Presence)
    count, root = len(heads), heads.root()
    forged = [
        (proof._replace(head=proof.head._replace(version=proof.head.version + 1)), count, root),
        (proof._replace(head=proof.head._replace(position=proof.head.position + 1)), count, root),
        (proof._replace(head=proof.head._replace(record=proof.head.record + "0")), count, root),
        (proof._replace(leaf_index=proof.leaf_index + 1), count, root),
        (proof._replace(leaf_index=proof.leaf_index - 1), count, root),
        (proof._replace(path=(*proof.path, bytes(32))), count, root),
        (proof, count, bytes(32)),
        (proof, 0, root),
    ]
    if proof.path:
        forged.append((proof._replace(path=proof.path[:-1]), count, root))
    for one, size, against in forged:
        with pytest.raises(Unproven):
            one.check(size, against)


@given(lots, records)
def test_the_entries_of_a_record_are_all_of_them_or_are_refused(entries, asked):
    heads, _ = following(entries)
    about = [record for lot in entries for record in lot]
    places = [
        (version, position)
        for version, position in enumerate((at for at, record in enumerate(about, 1) if record == asked), 1)
    ]
    proof, seal = heads.prove(asked), {"records": len(heads), "root": heads.root()}
    check_complete(asked, places, proof, **seal)
    wrong = [[*places, (len(places) + 1, heads.size + 1)]]
    if places:
        wrong += [places[:-1], places[1:], [*places[:-1], (places[-1][0], places[-1][1] + 1)]]
    for some in wrong:
        with pytest.raises(Unproven):
            check_complete(asked, some, proof, **seal)
    other = f"{asked}-1"
    with pytest.raises(Unproven):
        check_complete(other, places or [(1, 1)], proof, **seal)


def test_a_leaf_is_written_as_documented():
    head = Head("disputes/2020-1", 3, 41)
    assert head.encoded() == b"taizhang-head/1\ndisputes/2020-1\n3\n41\n"
    heads = HeadsMap()
    assert heads.root() == EMPTY_ROOT
    proof = heads.prove("a/b")
    assert proof == Absence(None, None)
    proof.check("a/b", 0, EMPTY_ROOT)
    heads.advance([head], 41)
    assert heads.root() == leaf_hash(head.encoded())


def test_an_older_head_never_takes_the_place_of_a_newer_one():
    heads = HeadsMap()
    heads.advance([Head("a/b", 2, 5), Head("a/b", 1, 3)], 5)
    heads.advance([Head("a/b", 1, 3)], 5)
    assert list(heads) == [Head("a/b", 2, 5)]
