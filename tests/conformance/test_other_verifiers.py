"""What other people wrote to check logs accepts ours, served over HTTP, and refuses each tampering."""

from __future__ import annotations

import base64
from typing import Any

import pymerkle
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sigstore._internal.merkle import _chain_border_right, _chain_inner, _decomp_inclusion_proof
from sigstore._internal.rekor.checkpoint import LogCheckpoint, SignedNote

from domain.tlog.note import parse_verifier_key


def sigstore_root(leaf: bytes, index: int, size: int, hashes: list[bytes]) -> bytes:
    """As sigstore's verify_merkle_inclusion works it out."""
    inner, border = _decomp_inclusion_proof(index, size)
    assert len(hashes) == inner + border
    return _chain_border_right(_chain_inner(leaf, hashes[:inner], index), hashes[inner:])


def test_sigstore_works_out_the_root_of_the_checkpoint(log: Any) -> None:
    size = log.data("checkpoint")["size"]
    for position in range(1, size + 1):
        proof = log.data(f"proofs/inclusion?position={position}&size={size}")
        hashes = [bytes.fromhex(one) for one in proof["hashes"]]
        leaf = pymerkle.InmemoryTree(algorithm="sha256").hash_buff(log.entry(position))
        assert leaf.hex() == proof["leaf_hash"]
        assert sigstore_root(leaf, position - 1, size, hashes).hex() == proof["root_hash"]
        tampered = pymerkle.InmemoryTree(algorithm="sha256").hash_buff(log.entry(position) + b" ")
        assert sigstore_root(tampered, position - 1, size, hashes).hex() != proof["root_hash"]


def test_sigstore_reads_the_checkpoint_and_its_signature(log: Any) -> None:
    text = log.client.get("/checkpoint").text
    note = SignedNote.from_text(text)
    head = LogCheckpoint.from_text(note.note)
    data = log.data("checkpoint")
    assert (head.origin, head.log_size, head.log_hash) == (data["origin"], data["size"], data["root_hash"])
    key = parse_verifier_key(log.ledger.keys.signing_key.verifier_key)
    (signature,) = note.signatures
    assert signature.sig_hash == key.key_id
    public = Ed25519PublicKey.from_public_bytes(key.public_key)
    public.verify(base64.b64decode(signature.signature), note.note.encode())


def test_pymerkle_builds_the_same_tree_and_the_same_proofs(log: Any) -> None:
    data = log.data("checkpoint")
    size = data["size"]
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for position in range(1, size + 1):
        tree.append_entry(log.entry(position))
    assert tree.get_root().hex() == data["root_hash"]
    for position in (1, 2, 7, size):
        proof = log.data(f"proofs/inclusion?position={position}")
        theirs = tree.prove_inclusion(position, size)
        assert [one.hex() for one in theirs.path[1:]] == proof["hashes"]
        pymerkle.verify_inclusion(bytes.fromhex(proof["leaf_hash"]), bytes.fromhex(data["root_hash"]), theirs)
    for old in range(1, size):
        ours = log.data(f"proofs/consistency?from={old}&to={size}")
        assert tree.get_root(old).hex() == ours["from_root_hash"]
        theirs = tree.prove_consistency(old, size)
        pymerkle.verify_consistency(bytes.fromhex(ours["from_root_hash"]), bytes.fromhex(ours["to_root_hash"]), theirs)
