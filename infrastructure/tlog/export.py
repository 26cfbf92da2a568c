"""The published tree as static files, at the addresses that C2SP gives them: any web server serves them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from application.proving import Proving
from domain.tlog.tile import WIDTH, Tile, tiles

PUBLIC: Final = 0o644
NOTHING_PUBLISHED: Final = 0

Told: TypeAlias = Callable[[int], None]
"""Hears how many entries were written since the last time."""


def export(proving: Proving, directory: Path, told: Told) -> int:
    """Write the tree of the last checkpoint into a directory, the checkpoint last; returns its size.

    A full tile that is there already is left as it is, so that an export can be gone on with. Returns 0, and writes
    nothing, where no checkpoint has been published.
    """
    newest = proving.newest()
    if newest is None:
        return NOTHING_PUBLISHED
    for tile in tiles(0, newest.checkpoint.size):
        for one in (tile, tile._replace(level=None)) if tile.level == 0 else (tile,):
            _write(directory, one, proving)
        if tile.level == 0:
            told(tile.width)
    _put(directory / "checkpoint", str(newest.note).encode())
    return newest.checkpoint.size


def _write(directory: Path, tile: Tile, proving: Proving) -> None:
    path = directory / tile.path
    if tile.width < WIDTH or not path.exists():
        content = proving.tile(tile)
        if content is None:
            raise AssertionError(tile)  # the checkpoint has it
        _put(path, content)


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}-{os.getpid()}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PUBLIC), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
