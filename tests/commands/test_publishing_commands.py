"""The log leaves the house as files, and its key changes with both signing for a time."""

from __future__ import annotations

import stat
from typing import Any

from domain.tlog.checkpoint import open_checkpoint
from domain.tlog.note import parse_verifier_key
from domain.tlog.tile import Tile, check_bundle
from domain.tlog.tree import leaf_hash, root_of
from infrastructure.keys.signing import verify


def test_the_export_holds_against_its_checkpoint_and_a_rotated_key_signs_beside_the_old_one(
    bare: Any, tmp_path
) -> None:
    first = bare.ask("init")["verifier_key"]
    out = tmp_path / "log"

    def exported() -> list[str]:
        size = bare.ask("export-log", out)["size"]
        note = (out / "checkpoint").read_bytes()
        signers = []
        for vkey in (first, following):
            try:
                head = open_checkpoint(note, [parse_verifier_key(vkey)], verify).checkpoint
            except ValueError:
                continue
            signers.append(vkey)
            tile = Tile(0, 0, size)
            bundle = (out / tile._replace(level=None).path).read_bytes()
            entries = check_bundle(bundle, (out / tile.path).read_bytes())
            assert (head.size, head.root_hash) == (size, root_of(map(leaf_hash, entries)))
        return signers

    following = first
    assert exported() == [first, first]
    refused = bare.run("key", "rotate", "--finish", "--json")
    assert (refused.code, refused.answer["error"]) == (1, "no-rotation")
    following = bare.ask("key", "rotate")["verifier_key"]
    assert bare.ask("key", "rotate")["verifier_key"] == following
    assert exported() == [first, following]
    assert bare.ask("key", "rotate", "--finish")["verifier_key"] == following
    bare.ask("key", "add", "--account", "inspector", "--office", "new-area")
    assert exported() == [following]
    keys = (bare.directory / "keys").iterdir()
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}
