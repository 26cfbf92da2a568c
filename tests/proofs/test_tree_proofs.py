"""Proofs of inclusion and consistency: as RFC 6962 defines them, as others' vectors have them, and nothing else."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.tlog.tree import (
    Subtree,
    Unproven,
    check_consistency,
    check_inclusion,
    consistency_proof,
    inclusion_proof,
    node_hash,
    root_at,
    root_of,
    subtrees,
)

VECTORS = json.loads(Path(__file__).with_name("merkle-vectors.json").read_text(encoding="utf-8"))
LEAVES = [bytes([index]) * 32 for index in range(200)]
ROOTS = [root_of(LEAVES[:size]) for size in range(len(LEAVES) + 1)]

sizes = st.integers(1, len(LEAVES))


def read(wanted: list[Subtree]) -> list[bytes]:
    return [root_of(LEAVES[number << level : (number + 1) << level]) for level, number in wanted]


def path(index: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962 section 2.1.1, word for word."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*path(index, leaves[:split]), root_of(leaves[split:])]
    return [*path(index - split, leaves[split:]), root_of(leaves[:split])]


def subproof(old: int, leaves: list[bytes], *, known: bool) -> list[bytes]:
    """RFC 6962 section 2.1.2, word for word."""
    if old == len(leaves):
        return [] if known else [root_of(leaves)]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if old <= split:
        return [*subproof(old, leaves[:split], known=known), root_of(leaves[split:])]
    return [*subproof(old - split, leaves[split:], known=False), root_of(leaves[:split])]


@pytest.mark.parametrize("vector", VECTORS["inclusion"], ids=lambda vector: vector["desc"])
def test_inclusion_is_judged_as_others_judge_it(vector: dict[str, object]) -> None:
    def judge() -> None:
        check_inclusion(
            b64decode(vector["leafHash"]), vector["leafIdx"], vector["treeSize"],
            b64decode(vector["root"]), [b64decode(one) for one in vector["proof"]],
        )  # fmt: skip

    _judged(vector, judge)


@pytest.mark.parametrize(
    "vector", [one for one in VECTORS["consistency"] if one["size1"]], ids=lambda vector: vector["desc"]
)
def test_consistency_is_judged_as_others_judge_it(vector: dict[str, object]) -> None:
    def judge() -> None:
        check_consistency(
            vector["size1"], vector["size2"], b64decode(vector["root1"]), b64decode(vector["root2"]),
            [b64decode(one) for one in vector["proof"]],
        )  # fmt: skip

    _judged(vector, judge)


def test_the_empty_tree_is_the_beginning_of_every_tree() -> None:
    check_consistency(0, 5, ROOTS[0], ROOTS[5], [])
    check_consistency(0, 0, ROOTS[0], ROOTS[0], [])
    for old, new, proof in ((ROOTS[1], ROOTS[5], []), (ROOTS[0], ROOTS[5], [ROOTS[5]])):
        with pytest.raises(Unproven):
            check_consistency(0, 5, old, new, proof)
    with pytest.raises(Unproven):
        check_consistency(0, 0, ROOTS[0], ROOTS[1], [])


def _judged(vector, judge) -> None:
    if vector["wantErr"]:
        with pytest.raises(Unproven):
            judge()
    else:
        judge()


@given(sizes, st.data())
def test_proofs_are_those_that_the_rfc_defines_and_hold(size: int, data: st.DataObject) -> None:
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    proof = inclusion_proof(index, size, read)
    assert list(proof) == path(index, LEAVES[:size])
    check_inclusion(LEAVES[index], index, size, ROOTS[size], proof)
    proof = consistency_proof(old, size, read)
    assert list(proof) == (subproof(old, LEAVES[:size], known=True) if old else [])
    check_consistency(old, size, ROOTS[old], ROOTS[size], proof)
    assert root_at(size, read) == ROOTS[size]


@given(sizes, st.data())
def test_a_proof_proves_nothing_else(size: int, data: st.DataObject) -> None:
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    wrong = data.draw(st.integers(0, size - 1).filter(lambda other: other != index)) if size > 1 else 1
    proof = inclusion_proof(index, size, read)
    for leaf, at, root in ((LEAVES[index], wrong, ROOTS[size]), (LEAVES[index - 1], index, ROOTS[size]),
                           (LEAVES[index], index, ROOTS[size - 1])):  # fmt: skip
        with pytest.raises(Unproven):
            check_inclusion(leaf, at, size, root, proof)
    proof = consistency_proof(old, size, read)
    with pytest.raises(Unproven):
        check_consistency(old, size, ROOTS[old - 1], ROOTS[size], proof)
    for altered in (proof[:-1], (*proof, bytes(32)), tuple(map(node_hash, proof, proof))):
        if altered != proof:
            with pytest.raises(Unproven):
                check_consistency(old, size, ROOTS[old], ROOTS[size], altered)


def test_there_is_no_proof_of_what_is_not_there() -> None:
    for index, size in ((0, 0), (5, 5), (-1, 3)):
        with pytest.raises(ValueError, match="no leaf"):
            inclusion_proof(index, size, read)
    for old, new in ((4, 3), (-1, 3)):
        with pytest.raises(ValueError, match="no beginning"):
            consistency_proof(old, new, read)


@given(sizes)
def test_a_tree_consists_of_perfect_subtrees_side_by_side(size: int) -> None:
    reached = 0
    for level, number in subtrees(0, size):
        assert number << level == reached
        reached += 1 << level
    assert reached == size
