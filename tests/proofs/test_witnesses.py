"""A witness signs trees that grow, and nothing else; what it signed it remembers."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.tlog.checkpoint import Checkpoint, open_checkpoint
from domain.tlog.note import VerifierKey, parse_note, parse_signatures
from domain.tlog.tree import EMPTY_ROOT, consistency_proof, leaf_hash, root_of
from domain.tlog.witness import AddCheckpoint, origin_hash, parse_add_checkpoint
from infrastructure.keys.signing import SigningKey, verify
from infrastructure.tlog.witness import Witness

LOG = SigningKey("log.example", Ed25519PrivateKey.from_private_bytes(bytes(32)))
LEAVES = [leaf_hash(bytes([index])) for index in range(40)]


def read(wanted):
    return [root_of(LEAVES[number << level : (number + 1) << level]) for level, number in wanted]


def note(size: int, key: SigningKey = LOG, root: bytes | None = None, origin: str = "log.example") -> str:
    root_hash = root_of(LEAVES[:size]) if root is None else root
    return key.sign_note(str(Checkpoint(origin, size, root_hash)))


def asked(old: int, size: int, **how) -> bytes:
    proof = how.pop("proof", None)
    return str(
        AddCheckpoint(old, consistency_proof(old, size, read) if proof is None else proof, note(size, **how))
    ).encode()


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness.open(tmp_path / "witness", "witness.example/w1", [LOG.verifier], lambda: 1_700_000_000)


def test_a_tree_that_grows_is_cosigned_step_by_step(witness: Witness, tmp_path: Path) -> None:
    at = 0
    for size in (0, 1, 5, 5, 8, 40):
        said = witness.add_checkpoint(asked(at, size))
        assert said.status == 200, said
        signed = parse_note(note(size)).signed_also(parse_signatures(said.body))
        key = SigningKey.load(tmp_path / "witness/witness.key").verifier
        opened = open_checkpoint(signed, [LOG.verifier], verify, [key])
        assert [one.signed_at for one in opened.cosigned] == [1_700_000_000]
        assert witness.checkpoint(origin_hash("log.example")) == str(signed)
        at = size
    assert witness.checkpoint(origin_hash("other.example")) is None
    assert witness.checkpoint("../witness.key") is None


def test_every_refusal_has_the_status_of_the_specification(witness: Witness) -> None:
    other = SigningKey("log.example", Ed25519PrivateKey.from_private_bytes(b"\x01" * 32))
    foreign = SigningKey("other.example", Ed25519PrivateKey.from_private_bytes(bytes(32)))
    assert witness.add_checkpoint(asked(0, 8)).status == 200
    forged = note(9).replace("log.example\n9", "log.example\n10", 1)
    refusals = {
        404: [asked(8, 9, key=foreign, origin="other.example")],
        403: [asked(8, 9, key=other), f"old 8\n\n{forged}".encode()],
        400: [asked(0, 7).replace(b"old 0", b"old 9"), b"", b"old 8\n", b"old 08\n\n" + note(9).encode(), b"\xff"],
        409: [asked(7, 9), asked(0, 9), asked(5, 5)],
        422: [
            asked(8, 9, proof=()), asked(8, 9, root=bytes(32)), asked(8, 8, root=bytes(32)),
            asked(8, 9, proof=(bytes(32),)), asked(8, 8, proof=(bytes(32),)),
        ],
    }  # fmt: skip
    for status, bodies in refusals.items():
        for body in bodies:
            assert witness.add_checkpoint(body).status == status, body
    said = witness.add_checkpoint(asked(0, 9))
    assert (said.body, said.media_type) == ("8\n", "text/x.tlog.size")
    assert witness.add_checkpoint(asked(8, 9)).status == 200


def test_an_empty_tree_has_the_root_of_nothing_and_needs_no_proof(witness: Witness) -> None:
    assert witness.add_checkpoint(asked(0, 0, root=bytes(32))).status == 422
    assert witness.add_checkpoint(asked(0, 5, proof=(bytes(32),))).status == 422
    assert witness.add_checkpoint(asked(0, 0, root=EMPTY_ROOT)).status == 200


def test_what_it_signed_outlives_it_and_one_works_at_a_time(witness: Witness, tmp_path: Path) -> None:
    assert witness.add_checkpoint(asked(0, 8)).status == 200
    with pytest.raises(BlockingIOError):
        Witness.open(tmp_path / "witness", "witness.example/w1", [LOG.verifier], lambda: 5)
    witness.close()
    again = Witness.open(tmp_path / "witness", "another.example", [LOG.verifier], lambda: 5)
    assert again.verifier_key == witness.verifier_key
    assert again.add_checkpoint(asked(0, 8)).status == 409
    assert again.add_checkpoint(asked(8, 9)).status == 200
    files = [path for path in (tmp_path / "witness").rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_of_two_trees_that_part_at_once_one_is_signed(witness: Witness) -> None:
    assert witness.add_checkpoint(asked(0, 8)).status == 200
    said: list[int] = []
    bodies = [asked(8, size) for size in range(9, 29)]
    threads = [
        threading.Thread(target=lambda one=body: said.append(witness.add_checkpoint(one).status)) for body in bodies
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == [200] + [409] * 19


def test_the_exchange_of_another_witness_s_tests_is_judged_alike(tmp_path: Path) -> None:
    """From litewitness (FiloSottile/torchwood, cmd/litewitness/testdata)."""
    origin = "sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562"
    public = bytes.fromhex("ffdc2d4d98e4124d3feaf788c0c2f9abfd796083d1f0495437f302ec79cf100f")
    log = VerifierKey(origin, 1, public)
    other = Witness.open(tmp_path / "w", "w", [log], lambda: 5)
    first = (
        f"old 0\n\n{origin}\n1\nKgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— {origin} "
        "UgIom7fPZTqpxWWhyjWduBvTvGVqsokMbqTArsQilegKoFBJQjUFAmQ0+YeSPM3wfUQMFSzVnnNuWRTYrajXpNUbIQY=\n"
    )
    third = (
        "old 1\nKgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nKgIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n"
        f"{origin}\n3\nRcCI1Nk56ZcSmIEfIn0SleqtV7uvrlXNccFx595Iwl0=\n\n— {origin} "
        "UgIom2VbtIcdFbwFAy1n7s6IkAxIY6J/GQOTuZF2ORV39d75cbAj2aQYwyJre36kezNobZs4SUUdrcawfAB8WVrx6go=\n"
    )
    assert str(parse_add_checkpoint(third.encode())) == third
    assert [other.add_checkpoint(one.encode()).status for one in (first, third.replace("6go=", "6gx="), third)] == [
        200, 400, 200,
    ]  # fmt: skip
    assert other.add_checkpoint(first.encode()).body == "3\n"
