"""Several committers on one log: each judges by everything that the others recorded."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

from api.composition import running
from application.commands import Command, proposal
from domain.records import VOCABULARY
from domain.refusals import Code, Refused

COMMUNITY = "communities/610112002001"


def counted(households, day="2020-06-30", record=COMMUNITY):
    body = {"type": "HouseholdsCounted", "effective_on": day, "data": {"households": households}}
    return Command("township", (proposal(record, body, today=date(2026, 1, 1)),))


def test_two_committers_leave_no_gap_and_lose_nothing(offices, tmp_path):
    first = offices.ledger
    before = offices.head
    with running(tmp_path, first.database, first.keys, follow=False) as second, ThreadPoolExecutor(8) as pool:
        recorders = (first.recorder, second.recorder)
        answers = list(pool.map(lambda n: recorders[n % 2].record(counted(n), 60), range(200)))

    positions = sorted(stored.position for answer in answers for stored in answer.entries)
    assert positions == list(range(before + 1, before + 201))
    history = offices.ledger.log.of_records([COMMUNITY])[COMMUNITY]
    assert [VOCABULARY.read(one.entry).version for one in history] == list(range(1, 202))


def test_a_committer_judges_by_what_another_has_just_recorded(offices, tmp_path):
    first = offices.ledger
    with running(tmp_path, first.database, first.keys, follow=False) as second:
        offices.record("new-city", COMMUNITY, "CommunityDissolved", "2020-06-01", reason="撤销")
        refusal = second.recorder.submit(counted(5)).exception(30)
        assert isinstance(refusal, Refused)
        assert refusal.code is Code.CLOSED

        offices.record("new-city", COMMUNITY, "EventRetracted", "2020-06-02", version=2, reasons="误录")
        assert second.recorder.record(counted(5), 30).entries


def test_a_committer_that_is_always_overtaken_still_records(offices, tmp_path):
    first = offices.ledger
    appended = first.log.append

    def overtaken(drafted, *, expected):
        with running(tmp_path, first.database, first.keys, follow=False) as other:
            other.recorder.record(counted(1, "2020-01-01"), 30)
        return appended(drafted, expected=expected)

    first.log.append = overtaken  # type: ignore[method-assign]
    [stored] = first.recorder.record(counted(7), 60).entries
    assert offices.state(COMMUNITY, stored.position)["households"] == 7
