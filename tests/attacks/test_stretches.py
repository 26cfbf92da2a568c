"""A log that is read in several stretches, side by side: the same root, the same faults, at every seam."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

from api.composition import Taizhang
from domain import examination
from domain.examination import Fault, Kind
from infrastructure.postgres.tree import LogTree
from infrastructure.verifying import ledger as verifying
from infrastructure.verifying import stretches, tree
from infrastructure.verifying.ledger import Verdict
from tests.attacks.conftest import Superuser

WIDTH = 4
MODULES: tuple[ModuleType, ...] = (examination, verifying, stretches, tree)


@pytest.fixture(params=["in this process", "in others"])
def narrow(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in MODULES:
        monkeypatch.setattr(module, "STRETCH", WIDTH)
    if request.param == "in others":
        monkeypatch.setattr(stretches, "WORTH_PROCESSES", 0)


@pytest.mark.usefixtures("narrow")
def test_the_root_is_that_of_the_log(ledger: Taizhang, verdict: Callable[..., Verdict]) -> None:
    head = ledger.log.head()[0]
    assert head > 3 * WIDTH
    assert head % WIDTH
    found = verdict()
    assert (found.fault, found.root) == (None, LogTree(ledger.log.reader).root(head))


def test_a_fault_on_either_side_of_a_seam_is_named(
    superuser: Superuser, fault: Callable[..., Fault | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in MODULES:
        monkeypatch.setattr(module, "STRETCH", WIDTH)
    for position in (12, 9, 8, 5):
        superuser.run("UPDATE ledger.log SET version = version + 100 WHERE position = %s", position)
        assert fault()[:2] == (position, Kind.COLUMN)
    superuser.run("DELETE FROM ledger.log WHERE position = 4")
    assert fault()[:2] == (4, Kind.GAP)
