"""A recorder on a log of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infrastructure.postgres.database import Database
from infrastructure.postgres.recorder import LogRecorder


@pytest.fixture
def recorder(database: Database) -> Iterator[LogRecorder]:
    made = LogRecorder(database)
    made.reader.head()  # its pool connects in a thread that draws from `random`, which hypothesis takes for the test's
    yield made
    made.close()
