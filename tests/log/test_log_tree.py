"""The root of the log at any size is that of RFC 6962 over the bytes that are stored."""

import pytest

from domain.tlog import tree as merkle
from infrastructure.postgres.recorder import LogRecorder
from infrastructure.postgres.tree import LogTree


@pytest.fixture
def recorder(database):
    opened = LogRecorder(database)
    yield opened
    opened.close()


def test_the_root_at_every_size_is_that_of_the_entries_so_far(recorder, draft, monkeypatch):
    monkeypatch.setattr("infrastructure.postgres.tree.READ_AT_ONCE", 3)
    monkeypatch.setattr("infrastructure.postgres.tree.KEPT_EVERY", 4)
    recorder.append([draft(f"villages/v-{n}") for n in range(20)], expected=0)
    leaves = [merkle.leaf_hash(stored.entry) for stored in recorder.reader.entries(0, 100)]
    tree = LogTree(recorder.reader)
    for size in (20, 0, 7, 13, 3, 20, 1):
        assert tree.root(size) == merkle.root_of(leaves[:size])


def test_there_is_no_root_of_entries_that_there_are_not(recorder, draft):
    recorder.append([draft("villages/v-1")], expected=0)
    with pytest.raises(ValueError, match="no 2 entries"):
        LogTree(recorder.reader).root(2)
