"""A ledger verified over HTTP alone, by whoever has its verifier key: each tampering is found, and what was kept tells.

Entries are public here, unless a test says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from api.administration import begin_rotation, issue_key
from api.composition import Taizhang, Unreachable, now, verified_from_afar
from application.moments import today
from domain import examination
from domain.examination import Kind
from infrastructure.verifying import served, tree
from infrastructure.verifying.ledger import Verdict
from tests.attacks.conftest import Superuser, seal
from tests.attacks.test_attacks_on_entries import with_body
from tests.attacks.test_attacks_on_the_tree import renamed, stolen_checkpoints

From = Callable[..., Verdict]


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAIZHANG_PUBLIC_ENTRIES", "1")


@pytest.fixture
def afar(ledger: Taizhang, serving: Callable[[Taizhang], AbstractContextManager[str]]) -> Iterator[From]:
    """What somebody elsewhere says of the ledger, having its verifier key and what they kept."""
    with serving(ledger) as url:

        def verified(*kept: str, key: str | None = None, token: str | None = None) -> Verdict:
            keys = [key or ledger.keys.signing_key.verifier_key]
            return verified_from_afar(url, keys, [one.encode() for one in kept], token, lambda _done, _all: None)

        yield verified


@pytest.mark.usefixtures("public")
def test_what_is_served_untouched_holds_and_goes_on_from_what_was_kept(ledger: Taizhang, afar: From) -> None:
    size = ledger.log.head()[0]
    before = seal(ledger)
    found = afar()
    assert (found.fault, found.size, found.read) == (None, size, size)
    issue_key(ledger, "recorder-0", "new-area", None, ["recorder"])
    seal(ledger)
    later = afar(before)
    assert (later.fault, later.size) == (None, size + 1)
    assert later.root == ledger.proving.newest().checkpoint.root_hash


def test_without_rights_to_entries_hashes_are_held_against_the_checkpoint(ledger: Taizhang, afar: From) -> None:
    found = afar(seal(ledger))
    assert (found.fault, found.read, found.size) == (None, 0, ledger.log.head()[0])


def test_with_a_key_that_reads_everything_entries_are_read(ledger: Taizhang, afar: From) -> None:
    token = issue_key(ledger, "inspector", "new-area", None, ["inspector"])
    seal(ledger)
    found = afar(token=token)
    assert (found.fault, found.read) == (None, found.size)


def test_a_key_that_is_refused_is_no_verdict(afar: From) -> None:
    with pytest.raises(Unreachable, match="401"):
        afar(token="tz_nobody")


@pytest.mark.usefixtures("public")
def test_several_stretches_are_read_alike(
    ledger: Taizhang, superuser: Superuser, afar: From, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (examination, tree, served):
        monkeypatch.setattr(module, "STRETCH", 256)
    before = seal(ledger)
    for _ in range(270):
        issue_key(ledger, "recorder-0", "new-area", None, ["recorder"])
    seal(ledger)
    found = afar(before)
    assert (found.fault, found.read) == (None, ledger.log.head()[0])
    superuser.run("DELETE FROM ledger.log WHERE position = (SELECT max(position) FROM ledger.log)")
    assert afar(before).fault[:2] == (found.size, Kind.GAP)


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda entry: entry.replace(b"2019-12-10", b"2019-12-11"), Kind.BODY),
        (lambda entry: entry.replace(b'"account":"system"', b'"account":"nobody"'), Kind.TILE),
        (lambda entry: with_body(entry, lambda said: said.update(effective_on="2019-12-11")), Kind.TILE),
        (lambda entry: with_body(entry, lambda said: said["data"].update(more=1)), Kind.VOCABULARY),
    ],
    ids=["body", "header", "body with its digest", "body that is no fact"],
)
def test_a_changed_entry_is_found(superuser: Superuser, afar: From, change: Any, kind: Kind) -> None:
    superuser.rewrite(7, change)
    assert afar().fault[:2] == (7, kind)


@pytest.mark.usefixtures("public")
def test_an_entry_that_is_gone_is_found(superuser: Superuser, afar: From) -> None:
    superuser.run("DELETE FROM ledger.log WHERE position = 9")
    assert afar().fault[:2] == (9, Kind.COLUMN)


@pytest.mark.usefixtures("public")
def test_a_changed_tile_is_found(superuser: Superuser, afar: From) -> None:
    superuser.run("UPDATE tree.tiles SET hashes = overlay(hashes PLACING decode(repeat('00', 32), 'hex') FROM 65)")
    assert afar().fault[:2] == (3, Kind.TILE)


def test_a_changed_tile_is_found_without_rights_to_entries(superuser: Superuser, afar: From) -> None:
    superuser.run("UPDATE tree.tiles SET hashes = overlay(hashes PLACING decode(repeat('00', 32), 'hex') FROM 65)")
    assert afar().fault[:2] == (1, Kind.CHECKPOINT)


@pytest.mark.usefixtures("public")
def test_an_entry_changed_with_its_tiles_is_found_by_the_checkpoint(superuser: Superuser, afar: From) -> None:
    superuser.rewrite(1, renamed)
    superuser.recompute()
    assert afar().fault[:2] == (1, Kind.CHECKPOINT)


@pytest.mark.usefixtures("public")
def test_a_tree_made_anew_with_a_stolen_key_is_found_by_whoever_kept_a_checkpoint(
    ledger: Taizhang, superuser: Superuser, afar: From
) -> None:
    before = seal(ledger)
    stolen_checkpoints(superuser, ledger)
    assert afar().fault is None
    assert afar(before).fault[:2] == (1, Kind.CHECKPOINT)


@pytest.mark.usefixtures("public")
def test_a_ledger_that_is_shorter_than_what_was_kept_is_found(
    ledger: Taizhang, superuser: Superuser, afar: From
) -> None:
    size = ledger.log.head()[0]
    issue_key(ledger, "recorder-0", "new-area", None, ["recorder"])
    before = seal(ledger)
    superuser.roll_back(size)
    assert afar().fault is None
    assert afar(before).fault[:2] == (size + 1, Kind.GAP)


@pytest.mark.usefixtures("public")
def test_a_client_that_was_shown_another_tree_finds_out_by_the_checkpoint_it_kept(
    another: Callable[[], Taizhang], serving: Callable[[Taizhang], AbstractContextManager[str]]
) -> None:
    notes: list[str] = []
    for name in ("shown-to-one", "shown-to-all"):
        fork = another()
        issue_key(fork, name, "new-area", None, ["recorder"])
        notes.append(seal(fork))
        key = fork.keys.signing_key.verifier_key
        with serving(fork) as url:
            found = verified_from_afar(url, [key], [note.encode() for note in notes], None, lambda _done, _all: None)
        assert (found.fault and found.fault.kind) == (None if len(notes) == 1 else Kind.CHECKPOINT)


def test_a_checkpoint_signed_by_somebody_else_is_found(afar: From, another: Callable[[], Taizhang]) -> None:
    following = another().keys.prepare_rotation().verifier_key
    found = afar(key=following)
    assert (found.fault.kind, found.size) == (Kind.CHECKPOINT, 0)


@pytest.mark.usefixtures("public")
def test_after_a_rotation_either_key_verifies_and_old_checkpoints_still_count(ledger: Taizhang, afar: From) -> None:
    before, old = seal(ledger), ledger.keys.signing_key.verifier_key
    new = begin_rotation(ledger, "定期更换", today(now))
    seal(ledger)
    assert afar(before, key=old).fault is None
    assert afar(before, key=new).fault is None
    ledger.keys.finish_rotation()
    issue_key(ledger, "recorder-0", "new-area", None, ["recorder"])
    seal(ledger)
    assert afar(before, key=new).fault is None
    assert afar(before, key=old).fault.kind is Kind.CHECKPOINT


def test_an_endless_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch, afar: From) -> None:
    monkeypatch.setattr(served, "NOTE_LIMIT", 10)
    with pytest.raises(Unreachable, match="longer than 10 bytes"):
        afar()
