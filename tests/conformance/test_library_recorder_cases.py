"""The eventsourcing library's own cases, run against our recorder."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final
from unittest import TestCase
from uuid import UUID, uuid4

import eventsourcing.cryptography
import pytest
from eventsourcing.persistence import AggregateRecorder, StoredEvent
from typing_extensions import override

from infrastructure.postgres.database import Database
from infrastructure.postgres.recorder import LogRecorder

# For its factory alone, the cases' module wants the library's cipher of PyCryptodome; it has the same of cryptography.
sys.modules.setdefault("eventsourcing.cipher", eventsourcing.cryptography)
from eventsourcing.tests import persistence as cases  # noqa: E402

NOT_APPLICABLE: Final = {
    "RecorderTestCase": "the base of the others, without a test of its own",
    "TrackingRecorderTestCase": "the log tracks nothing: a view keeps its position beside its rows, in one transaction",
    "ProcessRecorderTestCase": "no process both tracks and records: consequences are drafted with their cause",
    "InfrastructureFactoryTestCase": "one composition root makes the recorder, nothing by topic from os.environ",
    "TranscoderTestCase": "bodies are validated by the closed vocabulary; the library's transcoder never sees one",
}


class _OnOurLog(cases.RecorderTestCase):
    recorder: LogRecorder

    @pytest.fixture(autouse=True)
    def _log(self, database: Database) -> Iterator[None]:
        self.recorder = LogRecorder(database)
        yield
        self.recorder.close()

    @override
    def new_originator_id(self) -> str:
        return str(uuid4())


class TestApplicationRecorder(_OnOurLog, cases.ApplicationRecorderTestCase[LogRecorder]):
    @override
    def create_recorder(self) -> LogRecorder:
        return self.recorder

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestNonInterleavingNotificationIDs(_OnOurLog, cases.NonInterleavingNotificationIDsBaseCase):
    @override
    def create_recorder(self) -> LogRecorder:
        return self.recorder


class _WithoutIds(AggregateRecorder):
    """Aggregate recorders answer an insert with nothing; all else is the same."""

    def __init__(self, recorder: LogRecorder) -> None:
        self._recorder = recorder

    @override
    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        self._recorder.insert_events(stored_events, **kwargs)

    @override
    def select_events(self, originator_id: UUID | str, **kwargs: Any) -> Sequence[StoredEvent]:
        return self._recorder.select_events(originator_id, **kwargs)


class TestAggregateRecorder(_OnOurLog, cases.AggregateRecorderTestCase):
    @override
    def create_recorder(self) -> AggregateRecorder:
        return _WithoutIds(self.recorder)


def test_every_case_of_the_library_runs_or_has_a_reason() -> None:
    theirs = {
        name
        for name, case in inspect.getmembers(cases, inspect.isclass)
        if issubclass(case, TestCase) and case.__module__ == cases.__name__
    }
    ran = {
        base.__name__
        for case in (TestApplicationRecorder, TestNonInterleavingNotificationIDs, TestAggregateRecorder)
        for base in case.__mro__
        if base.__module__ == cases.__name__ and base is not cases.RecorderTestCase
    }
    assert ran | NOT_APPLICABLE.keys() == theirs
    assert not ran & NOT_APPLICABLE.keys()
