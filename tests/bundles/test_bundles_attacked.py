"""A bundle holds, or says what does not: each part of it attacked, without the log's key and with it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.bundles.archives import TOTAL_LIMIT, Broken, packed, unpacked
from api.bundles.verify_bundle import (
    CHECKPOINT,
    CONTENT,
    MANIFEST,
    SIGNATURE,
    Untold,
    check,
)
from tests.bundles.conftest import ABOUT, ASSESSMENT, ATTACHMENT, COMMUNITY, FACTS, ORIGIN, Files, Ledger, Signer

IMPOSED, LATE = "entries/000000000007", "entries/000000000008"


def broken(ledger: Ledger, bundle: bytes, fault: str, **more: Any) -> None:
    with pytest.raises(Broken) as told:
        ledger.check(bundle, **more)
    assert told.value.fault == fault, told.value


def edited(content: bytes, change: Callable[[Any], object]) -> bytes:
    said = json.loads(content)
    change(said)
    return json.dumps(said).encode()


def changed(files: Files, name: str, content: bytes) -> Files:
    return {**files, name: content}


def test_an_untouched_bundle_holds_and_says_what_it_shows(ledger: Ledger, bundle: bytes) -> None:
    shown = ledger.check(bundle)
    assert shown["about"] == ABOUT
    assert (shown["position"], shown["tree_size"]) == (12, 14)
    assert shown["records"] == [ASSESSMENT, COMMUNITY, ABOUT, "new-cities/fengdong", "schemes/opinions-2019"]
    assert shown["evidence"] == [
        {"position": 5, "party": "deduction", "known_at_decision": True},
        {"position": 8, "party": "new-city", "known_at_decision": False},
    ]
    assert [one["points"] for one in shown["points"]] == ["2.00", "1.00"]
    assert ledger.bundle() == bundle


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_byte_of_it_can_be_changed(ledger: Ledger, bundle: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(bundle) - 1))
    flipped = bytearray(bundle)
    flipped[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Broken):
        ledger.check(bytes(flipped))


def test_no_file_of_it_can_be_changed_left_out_or_added(ledger: Ledger, files: Files) -> None:
    for name, content in files.items():
        for attacked in (changed(files, name, content + b"\n"), {one: files[one] for one in files if one != name}):
            with pytest.raises(Broken):
                ledger.check(packed(attacked))
    broken(ledger, packed(changed(files, "entries/extra.txt", b"")), "manifest")


@pytest.mark.parametrize("cut", [0, 1, 22, 1000])
def test_what_is_cut_off_or_no_archive_is_no_bundle(ledger: Ledger, bundle: bytes, cut: int) -> None:
    for attacked in (bundle[:cut], bundle[: -cut or None] + b"\1", b"\0" * cut + bundle if cut else b"PK"):
        broken(ledger, attacked, "archive")


def test_another_ledgers_key_opens_nothing(bundle: bytes) -> None:
    for name in (ORIGIN, "another.test/ledger"):
        with pytest.raises(Broken) as told:
            check(bundle, str(Signer(name).key))
        assert told.value.fault == "signature"


def test_after_a_rotation_the_former_key_is_named_too(ledger: Ledger) -> None:
    """The checkpoint of a past position is signed by the key of its time, the manifest by the present one."""
    present = Signer(ORIGIN)
    bundle = ledger._replace(signer=present).bundle(checkpoint=ledger.checkpoint())
    assert check(bundle, f"{present.key} {ledger.signer.key}")["tree_size"] == 14
    for alone in (present, ledger.signer):
        with pytest.raises(Broken, match="known key"):
            check(bundle, str(alone.key))


def test_a_manifest_signed_by_another_is_refused(ledger: Ledger, files: Files) -> None:
    forger = ledger._replace(signer=Signer(ORIGIN))
    broken(ledger, forger.signed(changed(files, "index.html", b"")), "signature")


def test_a_checkpoint_is_no_manifest_and_a_manifest_no_checkpoint(ledger: Ledger, files: Files) -> None:
    broken(ledger, packed(changed(files, SIGNATURE, files[CHECKPOINT])), "manifest")
    broken(ledger, ledger.signed(changed(files, CHECKPOINT, files[SIGNATURE])), "checkpoint")


# with the log's key stolen: what the manifest can't tell any more, the tree does


def test_stolen_key_an_entry_altered(ledger: Ledger, files: Files) -> None:
    altered = files[f"{IMPOSED}.entry"].replace(b'"grounds"', b'"Grounds"')
    broken(ledger, ledger.signed(changed(files, f"{IMPOSED}.entry", altered)), "entry")
    header, _, body = files[f"{IMPOSED}.entry"].partition(b"\n")
    altered = header.replace(b"recorder", b"Recorder") + b"\n" + body
    broken(ledger, ledger.signed(changed(files, f"{IMPOSED}.entry", altered)), "proof")


def test_stolen_key_proofs_swapped(ledger: Ledger, files: Files) -> None:
    one, other = f"{IMPOSED}.tlog-proof", f"{LATE}.tlog-proof"
    broken(ledger, ledger.signed({**files, one: files[other], other: files[one]}), "proof")


def test_stolen_key_entries_swapped_with_their_proofs(ledger: Ledger, files: Files) -> None:
    swapped = dict(files)
    for suffix in (".entry", ".tlog-proof"):
        swapped[IMPOSED + suffix], swapped[LATE + suffix] = files[LATE + suffix], files[IMPOSED + suffix]
    broken(ledger, ledger.signed(swapped), "proof")


@pytest.mark.parametrize("position", [5, 8, 10, 12])
def test_stolen_key_an_entry_left_out(ledger: Ledger, files: Files, position: int) -> None:
    for name in (f"entries/{position:012d}.entry", f"entries/{position:012d}.tlog-proof"):
        del files[name]
    broken(ledger, ledger.signed(files), "incomplete")


def test_stolen_key_the_last_entry_of_a_record_left_out_with_older_heads(ledger: Ledger) -> None:
    """Heads sealed before the late evidence know nothing of it, and say for how many entries they speak."""
    older = Ledger.of(FACTS[:7], ledger.signer)
    stale = unpacked(older.bundle(positions=[2, 3, 4, 5, 6, 7]))
    told = edited(stale[CONTENT], lambda said: said.update(position=12))
    with pytest.raises(Broken) as fault:
        older.check(older.signed(changed(stale, CONTENT, told)))
    assert fault.value.fault == "heads"


def test_stolen_key_a_record_concerned_left_out(ledger: Ledger, files: Files) -> None:
    for position in (4, 5, 8):
        del files[f"entries/{position:012d}.entry"], files[f"entries/{position:012d}.tlog-proof"]
    files[CONTENT] = edited(files[CONTENT], lambda said: said["heads"].pop(COMMUNITY))
    broken(ledger, ledger.signed(files), "incomplete")


def test_stolen_key_an_entry_of_a_record_without_the_others(ledger: Ledger) -> None:
    shown = [position for position in range(1, 12) if position != 4]
    broken(ledger, ledger.bundle(positions=[*shown[1:9], 12]), "incomplete")


def test_stolen_key_evidence_said_to_have_been_known(ledger: Ledger, files: Files) -> None:
    files[CONTENT] = edited(files[CONTENT], lambda said: said["evidence"][1].update(known_at_decision=True))
    broken(ledger, ledger.signed(files), "evidence")


def test_stolen_key_points_that_the_entries_do_not_say(ledger: Ledger, files: Files) -> None:
    files[CONTENT] = edited(files[CONTENT], lambda said: said["points"][1].update(points="0.50"))
    broken(ledger, ledger.signed(files), "evidence")


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told["lines"][0].update(points="3.00"),
        lambda told: told.update(total="4.00"),
        lambda told: told.update(cap="1.00"),
        lambda told: told.update(deducted="NaN"),
        lambda told: told.update(indicator="other"),
        lambda told: told["lines"].append(told["lines"][0]),
    ],
    ids=["a line", "the total", "the cap", "no number", "another indicator", "a line twice"],
)
def test_stolen_key_a_computation_that_does_not_add_up(
    ledger: Ledger, files: Files, change: Callable[[Any], object]
) -> None:
    files[CONTENT] = edited(files[CONTENT], lambda said: change(said["computation"]))
    with pytest.raises(Broken) as told:
        ledger.check(ledger.signed(files))
    assert told.value.fault in {"computation", "content"}


def test_stolen_key_an_attachment_exchanged_or_left_out(ledger: Ledger, files: Files) -> None:
    name = f"attachments/{ATTACHMENT}"
    broken(ledger, ledger.signed(changed(files, name, b"another notice")), "attachment")
    del files[name]
    broken(ledger, ledger.signed(files), "attachment")


def test_stolen_key_an_archive_of_anything_else(ledger: Ledger, files: Files) -> None:
    nested = b"[" * 100_000
    for content in (b"", b"[]", b"{}", nested, edited(files[CONTENT], lambda said: said.update(about=7))):
        with pytest.raises(Broken) as told:
            ledger.check(ledger.signed(changed(files, CONTENT, content)))
        assert told.value.fault in {"content", "incomplete"}


def test_stolen_key_the_whole_tree_made_anew_is_found_by_an_older_checkpoint(ledger: Ledger) -> None:
    kept = ledger.checkpoint(10).encode()
    honest = ledger.bundle(since=10)
    assert ledger.check(honest, since=kept)["tree_size"] == 14
    rewritten = [*FACTS]
    rewritten[4] = (COMMUNITY, "HouseholdsCounted", {"households": 1180})
    forged = Ledger.of(rewritten, ledger.signer)
    assert ledger.check(forged.bundle())["tree_size"] == 14  # alone, nothing gives it away
    broken(ledger, forged.bundle(since=10), "consistency", since=kept)
    broken(ledger, forged.bundle(), "consistency", since=ledger.checkpoint().encode())


def test_without_the_proof_that_leads_from_the_checkpoint_kept_nobody_can_tell(ledger: Ledger, bundle: bytes) -> None:
    longer = Ledger.of([*FACTS, FACTS[-1]], ledger.signer)
    for kept in (ledger.checkpoint(10), longer.checkpoint()):
        with pytest.raises(Untold, match="since="):
            ledger.check(bundle, since=kept.encode())
    broken(
        ledger, bundle, "signature", since=Signer(ORIGIN).note("taizhang.test/bundles\n0\n" + "A" * 43 + "=\n").encode()
    )


def test_a_policy_asks_for_witnesses(ledger: Ledger, witness: Callable[[str], Signer]) -> None:
    ones = [witness(f"witness.test/{number}") for number in range(3)]
    lines = [f"log {ledger.signer.key}", *(f"witness w{number} {one.key}" for number, one in enumerate(ones))]
    policy = "\n".join([*lines, "group g 2 w0 w1 w2", "quorum g", ""]).encode()
    once = ones[0].cosigned(ledger.checkpoint())
    broken(ledger, ledger.bundle(checkpoint=once), "unwitnessed", policy=policy)
    twice = ones[2].cosigned(once)
    assert ledger.check(ledger.bundle(checkpoint=twice), policy=policy)["witnesses"] == [
        "witness.test/0", "witness.test/2",
    ]  # fmt: skip
    forged = ones[1].cosigned(once, at=5).replace(str(ones[1].key), "")
    altered = forged[:-6] + ("A" if forged[-6] != "A" else "B") + forged[-5:]
    broken(ledger, ledger.bundle(checkpoint=altered), "signature", policy=policy)
    other = f"log {Signer(ORIGIN).key}\nquorum none\n".encode()
    broken(ledger, ledger.bundle(checkpoint=twice), "policy", policy=other)


# archives that would hurt whoever opens them


def zipped(*members: tuple[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", compression) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return written.getvalue()


@pytest.mark.parametrize("name", ["../up", "/root", "a/../b", "a//b", "./a", "a/", "..", "C:\\a", "a\0b"])
def test_a_name_that_leads_elsewhere_is_refused(ledger: Ledger, name: str) -> None:
    broken(ledger, zipped((name, b"")), "archive")
    if "\0" not in name and "\\" not in name:
        broken(ledger, packed({name: b""}), "archive")


def test_a_bomb_is_refused_before_it_is_unpacked(ledger: Ledger) -> None:
    broken(ledger, zipped((MANIFEST, bytes(1 << 20)), compression=zipfile.ZIP_DEFLATED), "archive")
    lying = bytearray(zipped((MANIFEST, b"12345678")))
    central = lying.rindex(b"PK\x01\x02")
    lying[central + 24 : central + 28] = (1 << 31).to_bytes(4, "little")
    broken(ledger, bytes(lying), "archive")


def test_a_name_that_stands_twice_is_refused(ledger: Ledger) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        twice = zipped((MANIFEST, b"a"), (MANIFEST, b"b"))
    broken(ledger, twice, "archive")


def test_too_much_is_refused(ledger: Ledger) -> None:
    broken(ledger, bytes(TOTAL_LIMIT + 1), "archive")


def test_files_in_another_order_are_another_archive(ledger: Ledger, files: Files) -> None:
    broken(ledger, zipped(*reversed(files.items())), "archive")
