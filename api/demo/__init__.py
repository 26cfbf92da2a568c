"""演示: a ledger of Xixian's real divisions with an invented history, recorded as everyone's facts are.

The tables beside this file are all there is to it. `divisions.csv` has the facts: the communities and villages.
Everything else is invented: `accounts.csv` who acts, `households.csv` what was counted at each year's end,
`history-YEAR.jsonl` what else was recorded in a year, then `estates.jsonl`, `inspections.jsonl`, a second scheme, and
in `assessments.jsonl` what was deducted and disputed. Each line is as the API takes it, but that entries it cites are
named by their record and event, the last of that event: `"villages/610112012203 VillageDemolished"`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import secrets
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import cache
from importlib import resources
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from api.administration import ADMINISTRATOR, issue_key
from api.composition import AlreadyInitialised, Taizhang, initialise, now, opened
from application import importing
from application.commands import Command, Idempotent, proposal
from application.committing import Recorded
from application.moments import today
from domain.ledger import DEMONSTRATION
from domain.records import VOCABULARY
from domain.schemes import first_scheme

NOTE: Final = "演示数据"
YEARS: Final = (2019, 2020, 2021)
LOGINS: Final = {"inspector": "na-inspector", "recorder": "t-610112002", "arbiter": "na-arbiter-1"}
"""The accounts that visitors get keys and passwords of, by what they are for."""

CITING: Final = ("evidence_positions", "positions")
"""Fields of an event that cite entries."""
SCHEME: Final = "schemes/opinions-2021"
"""The second version, which judges from 2021 on: a community has 1,500 households or more."""

_AHEAD = 500
"""Commands handed over and not answered."""
_ANSWER_WITHIN = 60.0


class NotADemo(Exception):  # noqa: N818  # an answer, not an error
    """The directory holds a ledger that is no demonstration: nothing invented is recorded there."""


class OtherHistory(Exception):  # noqa: N818  # an answer, not an error
    """The directory holds the demonstration of another version, with another history."""


class Login(NamedTuple):
    """What a visitor logs in with."""

    role: str
    account: str
    password: str
    key: str


@contextmanager
def opened_in(directory: Path) -> Generator[Taizhang]:
    """The demonstration's ledger, running until the block ends; created where there is none.

    Its origin names its history. Raises NotADemo, and OtherHistory.
    """
    of_this_history = f"{DEMONSTRATION}{_digest()}-"
    with suppress(AlreadyInitialised):
        initialise(directory, f"{of_this_history}{secrets.token_hex(4)}")
    with opened(directory) as ledger:
        origin = ledger.keys.signing_key.origin
        if not origin.startswith(DEMONSTRATION):
            raise NotADemo
        if not origin.startswith(of_this_history):
            raise OtherHistory
        yield ledger


def is_recorded(ledger: Taizhang) -> bool:
    """Whether the ledger has the whole history."""
    lines = _lines()
    return bool(ledger.log.command(f"{lines[-1][0]} {_key(len(lines))}"))


def size() -> int:
    """Lines to be recorded, divisions included."""
    return importing.count_lines(_divisions) - 1 + len(_lines())


def record(ledger: Taizhang, advance: Callable[[int], object] = lambda _: None) -> None:
    """Record the divisions and the history; what a run that was cut off recorded stays, and the rest is added.

    Raises what recording does.
    """
    survey = importing.examine(_divisions, ledger.log, importing.EFFECTIVE_ON)
    importing.record(survey, _divisions, ledger.recorder, importing.EFFECTIVE_ON, advance)
    waiting: deque[Future[Recorded]] = deque()
    for number, (account, record, line) in enumerate(_lines(), 1):
        key, body = _key(number), line
        if _looks_back(ledger, record, line):
            while waiting:
                waiting.popleft().result(_ANSWER_WITHIN)
            if ledger.log.command(f"{account} {key}"):
                advance(1)
                continue  # a start that was cut off recorded it
            body = _looking_back(ledger, account, record, line)
        mac = ledger.keys.idempotency_mac(account, json.dumps([record, line], ensure_ascii=False).encode())
        proposals = (proposal(record, body, today=today(now)),)
        waiting.append(ledger.recorder.submit(Command(account, proposals, Idempotent(key, mac))))
        if len(waiting) == _AHEAD:
            waiting.popleft().result(_ANSWER_WITHIN)
        advance(1)
    for answer in waiting:
        answer.result(_ANSWER_WITHIN)


def logins(ledger: Taizhang) -> list[Login]:
    """New keys and passwords for visitors."""
    given: list[Login] = []
    for role, account in LOGINS.items():
        held = ledger.access.account(account)
        if held is None or held.office is None:
            raise NotADemo
        key = issue_key(ledger, account, held.office, held.bureau, ())
        password = secrets.token_urlsafe(12)
        ledger.passwords.choose(account, password)
        given.append(Login(role, account, password, key))
    return given


def _key(number: int) -> str:
    """The idempotency key of a line, by which a start that was cut off is taken up again."""
    return f"demo-{number}"


def _looks_back(ledger: Taizhang, record: str, body: dict[str, Any]) -> bool:
    """Whether the line says something of what was recorded before it."""
    return ledger.filling.fills(record, body) or any(name in body["data"] for name in CITING)


def _looking_back(ledger: Taizhang, account: str, record: str, body: dict[str, Any]) -> dict[str, Any]:
    """The line with positions for what it cites, and with what the server says of the log."""
    cited = {name: [_position(ledger, one) for one in body["data"].get(name, ())] for name in CITING}
    data = body["data"] | {name: positions for name, positions in cited.items() if name in body["data"]}
    return ledger.filling.filled(account, record, body | {"data": data})


def _position(ledger: Taizhang, named: str) -> int:
    record, event = named.split()
    entries = ledger.log.of_records((record,))[record]
    return [one.position for one in entries if VOCABULARY.read(one.entry).fact.event == event][-1]


@cache
def _lines() -> list[tuple[str, str, dict[str, Any]]]:
    """The history, in the order of recording: who records, in which record, and what."""
    return [(account, record, body | {"note": NOTE}) for account, record, body in _history()]


def _digest() -> str:
    """What tells this history from that of another version: eight hexadecimal digits of its SHA-256."""
    history = json.dumps([_text("divisions.csv"), _lines()], ensure_ascii=False)
    return hashlib.sha256(history.encode()).hexdigest()[:8]


def _history() -> Iterator[tuple[str, str, dict[str, Any]]]:
    opened_on = importing.EFFECTIVE_ON.isoformat()
    for one in _table("accounts.csv"):
        opening: dict[str, Any] = {
            "person": {"id": one["account"], "name": one["name"]},
            "office": one["office"],
            "bureau": one["bureau"] or None,
            "roles": one["roles"].split(),
        }
        yield ADMINISTRATOR, f"accounts/{one['account']}", _event("AccountOpened", opened_on, opening)
    township = {one["code"]: one["township_code"] for one in _table("divisions.csv")}
    counts = _table("households.csv")
    for year in YEARS:
        yield from _recorded(f"history-{year}")
        for one in counts:
            community, counted_on = one["community"], f"{year}-12-31"
            if one[counted_on]:
                counted = _event("HouseholdsCounted", counted_on, {"households": int(one[counted_on])})
                yield f"t-{township[community]}", f"communities/{community}", counted
    yield from _recorded("estates")
    yield from _recorded("inspections")
    yield "na-office", SCHEME, _event("SchemeAdopted", "2021-01-04", _second_scheme())
    yield from _recorded("assessments")


def _recorded(name: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for line in _text(f"{name}.jsonl").splitlines():
        event = json.loads(line)
        yield event.pop("by"), event.pop("record"), event


def _second_scheme() -> dict[str, Any]:
    """The first scheme with another title and day, and one figure changed."""
    fields: dict[str, Any] = first_scheme().model_dump(mode="json", exclude_none=True)
    (size,) = (one for one in fields["indicators"] if one["indicator"] == "community-size")
    size["rules"][0]["parameters"]["minimum"] = {"value": 1500, "basis": "assumed", "clause": "2.2"}
    return fields | {"title": "社区治理体系建设考核办法（2021年版，演示）", "effective_from": "2021-01-01"}


def _event(event: str, effective_on: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": event, "effective_on": effective_on, "data": fields}


def _divisions() -> IO[bytes]:
    return io.BytesIO(_text("divisions.csv").encode())


def _table(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(_text(name).splitlines()))


def _text(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")
