"""Checkpoints, proofs and policies: as the specifications write them, and refused when written otherwise."""

from __future__ import annotations

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from domain.tlog.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from domain.tlog.lines import Malformed
from domain.tlog.note import (
    COSIGNATURE,
    Note,
    Unverified,
    VerifierKey,
    parse_note,
    parse_signatures,
    parse_verifier_key,
)
from domain.tlog.policy import parse_policy
from domain.tlog.proof import Proof, parse_proof
from domain.tlog.tree import Unproven, inclusion_proof, leaf_hash, node_hash, root_of
from infrastructure.keys.signing import SigningKey, verify

TEXT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
LOG = SigningKey("example.com/log", Ed25519PrivateKey.from_private_bytes(bytes(32)))
NEXT = SigningKey("example.com/log", Ed25519PrivateKey.from_private_bytes(b"\x07" * 32))
WITNESSES = [
    SigningKey(f"witness.example/{seed}", Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32), COSIGNATURE)
    for seed in range(1, 6)
]
HEAD = Checkpoint("example.com/log", 7, bytes(range(32)))


def note(*signatures) -> Note:
    return Note(str(HEAD), signatures)


def test_the_example_of_the_specification_is_read_and_written() -> None:
    checkpoint = parse_checkpoint(TEXT)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert str(checkpoint) == TEXT
    assert str(parse_checkpoint(TEXT + "more\nand more\n")) == TEXT + "more\nand more\n"


def test_the_cosignature_of_the_specification_has_its_key_s_name_and_time() -> None:
    line = (
        "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0"
        "xUe+mbIUBkBIfZ+qnA==\n"
    )
    (signature,) = parse_signatures(line)
    assert signature.line == line
    assert (len(signature.value), int.from_bytes(signature.value[:8])) == (72, 1679315147)


def test_the_example_note_of_the_specification_verifies() -> None:
    key = parse_verifier_key("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
    example = parse_note(
        "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZX"
        "sYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
    )
    (signature,) = example.signatures
    assert verify(key.public_key, example.text.encode(), signature.value)


@pytest.mark.parametrize(
    "text",
    ["", TEXT[:-1], TEXT.replace("20852163", "020852163"), TEXT.replace("20852163", "-1"), TEXT.replace("=", ""),
     TEXT.replace("20852163", str(2**63)), TEXT.replace("20852163", "٣"), TEXT + "\n", "\n" + TEXT,
     TEXT.replace("CsUY", "Cs"), TEXT.replace("q2I=", "q2J=")],
    ids=range(11),
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_checkpoint(text)


def test_a_checkpoint_is_believed_by_any_key_of_its_log() -> None:
    both = note(LOG.sign(str(HEAD)), NEXT.sign(str(HEAD)))
    for keys in ([LOG.verifier], [NEXT.verifier], [LOG.verifier, NEXT.verifier]):
        assert open_checkpoint(str(both), keys, verify).signers == tuple(keys)
    with pytest.raises(Unverified):
        open_checkpoint(str(note(LOG.sign(str(HEAD)))), [NEXT.verifier], verify)


def test_a_key_of_another_name_or_kind_says_nothing_about_a_log() -> None:
    foreign = SigningKey("other.example", Ed25519PrivateKey.from_private_bytes(bytes(32)))
    with pytest.raises(Unverified):
        open_checkpoint(note(foreign.sign(str(HEAD))), [foreign.verifier], verify)
    witness = SigningKey("example.com/log", Ed25519PrivateKey.from_private_bytes(bytes(32)), COSIGNATURE)
    with pytest.raises(Unverified):
        open_checkpoint(note(witness.sign(str(HEAD), 5)), [witness.verifier], verify)


def test_cosignatures_are_of_the_text_and_a_time() -> None:
    first, second, *_ = WITNESSES
    signed = note(LOG.sign(str(HEAD)), first.sign(str(HEAD), 1_700_000_000), second.sign(str(HEAD), 5))
    opened = open_checkpoint(signed, [LOG.verifier], verify, [first.verifier])
    assert [(one.key, one.signed_at) for one in opened.cosigned] == [(first.verifier, 1_700_000_000)]
    for altered in (first.sign("other\n1\n", 5), first.sign(str(HEAD))):
        with pytest.raises(Unverified):
            open_checkpoint(note(LOG.sign(str(HEAD)), altered), [LOG.verifier], verify, [first.verifier])
    at, value = 8, first.sign(str(HEAD), 5).value
    later = first.sign(str(HEAD), 5)._replace(value=(6).to_bytes(at) + value[at:])
    with pytest.raises(Unverified):
        open_checkpoint(note(LOG.sign(str(HEAD)), later), [LOG.verifier], verify, [first.verifier])


LEAVES = [leaf_hash(bytes([index])) for index in range(7)]
PROVED = HEAD._replace(root_hash=root_of(LEAVES))


def proof_of(index: int, extra: bytes | None = None) -> Proof:
    def read(wanted):
        return [root_of(LEAVES[number << level : (number + 1) << level]) for level, number in wanted]

    return Proof(index, inclusion_proof(index, 7, read), LOG.sign_note(str(PROVED)), extra)


@given(st.integers(0, 6), st.none() | st.binary(max_size=40))
def test_a_proof_travels_as_text(index: int, extra: bytes | None) -> None:
    proof = proof_of(index, extra)
    assert parse_proof(str(proof)) == proof
    assert parse_proof(str(proof)).check(LEAVES[index], [LOG.verifier], verify).checkpoint == PROVED
    with pytest.raises(Unproven):
        proof.check(LEAVES[index - 1], [LOG.verifier], verify)
    with pytest.raises(Unproven):
        proof._replace(leaf_index=index + 1 if index < 6 else 0).check(LEAVES[index], [LOG.verifier], verify)
    with pytest.raises(Unverified):
        proof.check(LEAVES[index], [NEXT.verifier], verify)


def test_a_proof_is_written_as_the_specification_shows() -> None:
    lines = str(proof_of(2, b"age")).split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra YWdl", "index 2"]
    pair = node_hash(LEAVES[4], LEAVES[5])
    path = (LEAVES[3], node_hash(LEAVES[0], LEAVES[1]), node_hash(pair, LEAVES[6]))
    assert lines[3:7] == [*(b64encode(one).decode() for one in path), ""]


@pytest.mark.parametrize(
    ("old", "new"),
    [("@v1", "@v2"), ("index 2", "index 02"), ("index 2\n", ""), ("extra YWdl", "extra YWd"), ("\n\n", "\n"),
     ("index 2\n", "index 2\nAAAA\n"), ("extra YWdl\nindex 2", "index 2\nextra YWdl"), ("— ", "- ")],
)  # fmt: skip
def test_a_proof_that_is_written_otherwise_is_refused(old: str, new: str) -> None:
    with pytest.raises(Malformed):
        parse_proof(str(proof_of(2, b"age")).replace(old, new, 1))


def policy(*lines: str) -> bytes:
    keys = [f"witness X{at} {key.verifier_key}" for at, key in enumerate(WITNESSES[:3], 1)]
    keys += [f"witness Y{at} {key.verifier_key} https://y{at}.example/" for at, key in enumerate(WITNESSES[3:], 1)]
    return "\n".join([f"log {LOG.verifier_key}", "", " # two houses", *keys, *lines, ""]).encode()


def test_the_example_policy_of_the_specification_wants_two_of_x_and_one_of_y() -> None:
    read = parse_policy(
        policy(
            "group X-witnesses 2 X1 X2 X3",
            "group\tY-witnesses  any Y1 Y2",
            "group X-and-Y all X-witnesses Y-witnesses",
            "quorum X-and-Y",
        )
    )
    x1, x2, x3, y1, y2 = (key.verifier for key in WITNESSES)
    assert [read.satisfied(set(by)) for by in ([x1, x2], [x1, y1], [x1, x3, y2], [x1, x2, x3, y1, y2], [])] == [
        False, False, True, True, False,
    ]  # fmt: skip
    assert [party.key for party in read.logs] == [LOG.verifier]
    assert (read.witnesses["X1"].url, read.witnesses["Y2"].url) == (None, "https://y2.example/")
    assert parse_policy(str(read).encode()) == read
    assert parse_policy(policy("quorum none")).satisfied(set())
    assert not parse_policy(policy("quorum X3")).satisfied({x1, x2})


@pytest.mark.parametrize(
    "lines",
    [
        (), ("quorum Z",), ("quorum none", "quorum none"), ("quorum none\r",), ("quorum none x",),
        ("group G 4 X1 X2 X3", "quorum G"), ("group G 0 X1", "quorum G"), ("group G 01 X1", "quorum G"),
        ("group G any", "quorum none"), ("group none any X1", "quorum none"), ("group X1 any X2", "quorum none"),
        ("group G any X1 X1", "quorum G"), ("group G any X1", "group H any X1", "quorum H"),
        ("group G any H", "quorum G"), ("group G any none", "quorum G"),
        (f"witness Z {WITNESSES[0].verifier_key}", "quorum none"), (f"witness Z {LOG.verifier_key}", "quorum none"),
        (f"log {LOG.verifier_key}", "quorum none"), (f"log {WITNESSES[0].verifier_key}", "quorum none"),
    ],
    ids=range(19),
)  # fmt: skip
def test_a_policy_that_the_specification_forbids_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(Malformed):
        parse_policy(policy(*lines))


def test_a_policy_says_which_line_is_wrong_and_ends_its_lines() -> None:
    with pytest.raises(Malformed, match="line 10: a threshold"):
        parse_policy(policy("quorum none", "group G 9 X1"))
    with pytest.raises(Malformed):
        parse_policy(b"quorum none")


def test_a_witness_s_key_and_a_log_s_differ_in_their_ids() -> None:
    public_key = LOG.verifier.public_key
    assert VerifierKey("a", 1, public_key).key_id != VerifierKey("a", 4, public_key).key_id
    assert parse_verifier_key(WITNESSES[0].verifier_key) == WITNESSES[0].verifier
