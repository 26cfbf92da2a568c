"""A small ledger, whoever attacks it, and what verifying says of it then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from api.administration import found, issue_key
from api.composition import Taizhang, running
from domain.examination import Fault
from infrastructure.keys.key_ring import KeyRing
from infrastructure.postgres.database import Connection, Database
from infrastructure.verifying.ledger import Verdict, verify

UNGUARDED = (
    "SET session_replication_role = replica; SET taizhang.migrating = 'on'; ALTER TABLE ledger.log DISABLE TRIGGER ALL"
)
GUARDED = "ALTER TABLE ledger.log ENABLE ALWAYS TRIGGER only_grows"


@pytest.fixture
def ledger(database: Database, tmp_path: Path) -> Iterator[Taizhang]:
    ring = KeyRing.create(tmp_path, "taizhang.test/ledger")
    with running(tmp_path, database, ring, follow=False) as opened:
        found(opened)
        for number in range(5):
            issue_key(opened, f"recorder-{number}", "new-area", None, ["recorder"])
        opened.heads.seal()
        issue_key(opened, "recorder-0", "new-area", None, ["recorder"])
        opened.rebuild_views(lambda _done, _all: None)
        yield opened


class Superuser:
    """A determined one: turns off what stands in the way, and on again what was on."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def run(self, statement: str, *values: Any) -> None:
        with self._connection.transaction():
            self._connection.execute(UNGUARDED)
            self._connection.execute(statement.encode(), values)
            self._connection.execute(GUARDED)

    def rewrite(self, position: int, change: Callable[[bytes], bytes]) -> None:
        """Change an entry's bytes; its leaf hash follows, since the database generates it."""
        row = self._connection.execute("SELECT entry FROM ledger.log WHERE position = %s", [position]).fetchone()
        assert row is not None
        changed = change(row[0])
        assert changed != row[0]
        self.run("UPDATE ledger.log SET entry = %s WHERE position = %s", changed, position)


@pytest.fixture
def superuser(ledger: Taizhang) -> Iterator[Superuser]:
    with ledger.database.connect(None) as connection:
        yield Superuser(connection)


@pytest.fixture
def verdict(ledger: Taizhang) -> Callable[..., Verdict]:
    def verified(kept: Sequence[str | bytes] = ()) -> Verdict:
        return verify(ledger.database, kept, lambda _done, _all: None)

    return verified


@pytest.fixture
def fault(verdict: Callable[..., Verdict]) -> Callable[..., Fault | None]:
    return lambda kept=(): verdict(kept).fault
