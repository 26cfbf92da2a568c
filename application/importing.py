"""The baseline: New Cities, communities and villages from a table of divisions, recorded once.

The table is read twice: first every line is checked, against the table itself and against the ledger, then what is
new is recorded. Nothing is held of a line between the two but its code and whether it is wanted.
"""

from __future__ import annotations

import csv
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import IO, NamedTuple, TypeAlias, TypeVar

from pydantic import ValidationError

from application.commands import Command, Proposal
from application.committing import Recorded, Recorder
from application.drafting import content_of
from application.records_view import Log, RecordsView
from domain.community import CommunityEstablished
from domain.fact import Fact
from domain.history import History
from domain.new_city import NewCityRegistered
from domain.offices import SYSTEM
from domain.records import record_kind
from domain.refusals import Refused
from domain.state import Step
from domain.village import VillageRegistered

COLUMNS = ("code", "name", "kind", "township_code", "township", "new_city", "new_city_name")
"""The table's header, exactly."""
EFFECTIVE_ON = date(2019, 12, 10)
"""The day of the baseline unless another is given: the policy came into force."""
LINE_LIMIT = 5_000_000
"""Lines of one table at most: their codes are held in memory, about 100 bytes each."""
FAULTS_SHOWN = 1_000
"""Bad lines told one by one; of more, only the number."""

_COMMAND_SIZE = 2_000
_IN_FLIGHT = 3
"""Commands handed over and not answered: one being written, one that waits for it, one being made."""
_LINE_BYTES = 65_536
_ANSWER_WITHIN = 120.0
_BOM = b"\xef\xbb\xbf"
_SAID = ("name", "township_code", "township", "new_city")

Opening: TypeAlias = Callable[[], IO[bytes]]
"""Opens the table for reading from its beginning."""
Advance: TypeAlias = Callable[[int], object]
"""Told of every so many lines that are done."""
T = TypeVar("T")


class WrongHeader(Exception):  # noqa: N818  # says what was found
    """The table's first line is not the header: nothing in it can be trusted."""


class TooLong(Exception):  # noqa: N818  # says what was found
    """The table has more than LINE_LIMIT lines."""


class Fault(NamedTuple):
    """A line that can't be imported: its 1-based number in the file, and why."""

    line: int
    reason: str


@dataclass
class Report:
    """What an import came to."""

    recorded: int = 0
    """Entries recorded, New Cities included."""
    position: int = 0
    """Of the last entry recorded; 0 where there is none."""
    already: int = 0
    """Lines that say what is on record."""
    skipped: int = 0
    """Lines of another kind than community and village."""
    bad: list[Fault] = field(default_factory=list[Fault])
    """The bad lines, at most FAULTS_SHOWN."""
    bad_lines: int = 0
    """How many they are."""

    def fault(self, line: int, reason: str) -> None:
        """A line is bad."""
        self.bad_lines += 1
        if len(self.bad) < FAULTS_SHOWN:
            self.bad.append(Fault(line, reason))


class Row(NamedTuple):
    """A line about a community or a village."""

    line: int
    record: str
    fact: CommunityEstablished | VillageRegistered
    new_city_name: str


class _Skipped(NamedTuple):
    line: int


@dataclass
class Survey:
    """What a first reading found: which lines are to be recorded, and the New Cities that they need first."""

    report: Report
    wanted: bytearray
    """A byte a line: 1 where it is to be recorded."""
    new_cities: dict[str, NewCityRegistered]

    @property
    def size(self) -> int:
        """Lines to be recorded."""
        return self.wanted.count(1)


def count_lines(opening: Opening) -> int:
    """How many lines the table has, its header included. Raises TooLong."""
    with opening() as table:
        lines = sum(block.count(b"\n") for block in iter(lambda: table.read(1 << 20), b""))
    if lines > LINE_LIMIT:
        raise TooLong(f"共 {lines} 行，上限 {LINE_LIMIT} 行")
    return lines


def examine(opening: Opening, log: Log, on: date, advance: Advance = lambda _: None) -> Survey:
    """Check every line against the table and the ledger, recording nothing. Raises WrongHeader."""
    examination = _Examination(log, on)
    with opening() as table:
        for chunk in _chunks(_read(table), _COMMAND_SIZE):
            examination.take(chunk)
            advance(len(chunk))
    return examination.survey


def record(
    survey: Survey,
    opening: Opening,
    recorder: Recorder,
    on: date,
    advance: Advance = lambda _: None,
    account: str = SYSTEM.account,
) -> Report:
    """Record what the survey wants, as an account, and wait until it is durable.

    What others record meanwhile may stand against a line: it is reported as bad, and the rest recorded. Raises what
    recording does; what was recorded by then stands, and another import goes on from there.
    """
    with opening() as table:
        rows = (row for row in _read(table) if isinstance(row, Row) and survey.wanted[row.line])
        opened = (_opening(f"new-cities/{code}", city, on) for code, city in survey.new_cities.items())
        recording = _Recording(recorder, survey.report, advance, account)
        for proposals in _chunks(opened, _COMMAND_SIZE):
            recording.hand_over(proposals, None)
        for chunk in _chunks(rows, _COMMAND_SIZE):
            recording.hand_over([_opening(row.record, row.fact, on) for row in chunk], [row.line for row in chunk])
        recording.finish()
    return survey.report


class _Examination:
    """The first reading, chunk by chunk, each looked up in the ledger at once."""

    def __init__(self, log: Log, on: date) -> None:
        self.survey = Survey(Report(), bytearray(), {})
        self._log = log
        self._on = on
        self._position, _ = log.head()
        self._codes: set[bytes] = set()
        self._new_cities: dict[str, NewCityRegistered | str] = {}
        """By code: as the table names it first, or what is wrong with that."""

    def take(self, chunk: list[Row | Fault | _Skipped]) -> None:
        report, wanted = self.survey.report, self.survey.wanted
        wanted.extend(bytes(chunk[-1].line + 1 - len(wanted)))
        view = RecordsView(self._log)
        view.position = self._position
        rows = [found for found in chunk if isinstance(found, Row)]
        records = [row.record for row in rows]
        view.prefetch([*records, *{f"new-cities/{row.fact.new_city}" for row in rows}])
        view.look_up(records)
        for found in chunk:
            match found:
                case Row():
                    self._take_row(found, view)
                case Fault():
                    report.fault(*found)
                case _Skipped():
                    report.skipped += 1

    def _take_row(self, row: Row, view: RecordsView) -> None:
        report = self.survey.report
        if (reason := self._twice(row) or self._misnamed(row, view)) is not None:
            report.fault(row.line, reason)
        elif (history := view.history(row.record)).state is not None:
            if _says(history, row.fact):
                report.already += 1
            else:
                report.fault(row.line, f"{row.record} 已有记录，内容不同")
        elif (reason := self._refusal(row, view)) is not None:
            report.fault(row.line, reason)
        else:
            self.survey.wanted[row.line] = 1
            city = self._new_cities[row.fact.new_city]
            if isinstance(city, NewCityRegistered) and view.state(f"new-cities/{row.fact.new_city}") is None:
                self.survey.new_cities[row.fact.new_city] = city

    def _twice(self, row: Row) -> str | None:
        code = row.record.partition("/")[2]
        size = len(self._codes)
        self._codes.add(code.encode())
        return f"code：{code} 在前面的行中已经出现" if len(self._codes) == size else None

    def _misnamed(self, row: Row, view: RecordsView) -> str | None:
        code = row.fact.new_city
        if code not in self._new_cities:
            self._new_cities[code] = _new_city(code, row.new_city_name, view)
        city = self._new_cities[code]
        if isinstance(city, str):
            return city
        return None if city.name == row.new_city_name else f"new_city_name：{code} 名为“{city.name}”，此行不同"

    def _refusal(self, row: Row, view: RecordsView) -> str | None:
        """Why the ledger would not take the row, other records considered."""
        try:
            step = Step(row.fact, self._on, self._position + 1, 1)
            view.history(row.record).aggregate.conditions(row.record, None, step, view)
        except Refused as refusal:
            return _reason(refusal)
        return None


class _Recording:
    """Commands handed to the recorder ahead of their answers, so that it always has the next one at hand."""

    def __init__(self, recorder: Recorder, report: Report, advance: Advance, account: str) -> None:
        self._account = account
        self._recorder = recorder
        self._report = report
        self._advance = advance
        self._waiting: deque[tuple[list[Proposal], list[int] | None, Future[Recorded]]] = deque()

    def hand_over(self, proposals: list[Proposal], lines: list[int] | None) -> None:
        command = Command(self._account, tuple(proposals), is_batch=True)
        self._waiting.append((proposals, lines, self._recorder.submit(command)))
        if len(self._waiting) >= _IN_FLIGHT:
            self._settle()

    def finish(self) -> None:
        while self._waiting:
            self._settle()

    def _settle(self) -> None:
        proposals, lines, answer = self._waiting.popleft()
        try:
            recorded = answer.result(_ANSWER_WITHIN)
        except Refused:
            # Others have recorded something since the table was examined: each line on its own, then.
            for index, proposal in enumerate(proposals):
                try:
                    self._count(self._recorder.record(Command(self._account, (proposal,)), _ANSWER_WITHIN))
                except Refused as refusal:
                    if lines is not None:
                        self._report.fault(lines[index], _reason(refusal))
        else:
            self._count(recorded)
        self._advance(0 if lines is None else len(lines))

    def _count(self, recorded: Recorded) -> None:
        self._report.recorded += len(recorded.entries)
        self._report.position = max(self._report.position, recorded.entries[-1].position)


def _read(table: IO[bytes]) -> Iterator[Row | Fault | _Skipped]:
    """The lines after the header, but for empty ones. Raises WrongHeader."""
    header = table.readline(_LINE_BYTES).removeprefix(_BOM)
    if _cells(header) != [*COLUMNS]:
        shown = header[:200].decode(errors="replace").strip()
        raise WrongHeader(f"首行应为 {','.join(COLUMNS)}，此文件为 {shown!r}")
    line = 1
    while raw := table.readline(_LINE_BYTES):
        line += 1
        if len(raw) == _LINE_BYTES and not raw.endswith(b"\n"):
            while (more := table.readline(_LINE_BYTES)) and not more.endswith(b"\n"):
                pass
            yield Fault(line, f"超过 {_LINE_BYTES} 字节")
        elif raw.strip():
            cells = _cells(raw)
            yield Fault(line, cells) if isinstance(cells, str) else _row(line, cells)


def _cells(raw: bytes) -> list[str] | str:
    """The cells of a line, or what is wrong with it."""
    try:
        text = raw.removesuffix(b"\n").removesuffix(b"\r").decode()
    except UnicodeDecodeError:
        return "不是 UTF-8 编码"
    if not unicodedata.is_normalized("NFC", text):
        return "文字不是 Unicode NFC 形式"
    if '"' not in text:
        return text.split(",")
    try:
        return next(csv.reader((text,), strict=True))
    except csv.Error:
        return "引号不成对"


def _row(line: int, cells: list[str]) -> Row | Fault | _Skipped:
    if len(cells) != len(COLUMNS):
        return Fault(line, f"应有 {len(COLUMNS)} 列，此行 {len(cells)} 列")
    code, name, kind, township_code, township, new_city, new_city_name = cells
    fields = {"name": name, "township_code": township_code, "township": township, "new_city": new_city}
    fact: CommunityEstablished | VillageRegistered
    try:
        if kind == "community":
            record = f"communities/{code}"
            fact = CommunityEstablished.model_validate(fields | {"origin": "existing"})
        elif kind == "village":
            record = f"villages/{code}"
            fact = VillageRegistered.model_validate(fields)
        else:
            return _Skipped(line)
        record_kind(record)
    except ValidationError as fault:
        return Fault(line, _invalid(fault))
    except Refused:
        return Fault(line, f"code：{code!r} 不能作编号")
    return Row(line, record, fact, new_city_name)


def _new_city(code: str, name: str, view: RecordsView) -> NewCityRegistered | str:
    """The New City as the table names it, or what is wrong with that."""
    try:
        record_kind(f"new-cities/{code}")
        city = NewCityRegistered(name=name, kind="new-city")
    except Refused:
        return f"new_city：{code!r} 不能作新城编号"
    except ValidationError as fault:
        return f"new_city_{_invalid(fault)}"
    state = view.state(f"new-cities/{code}")
    if state is not None and state.value("name") != name:
        return f"new_city_name：{code} 已登记为“{state.value('name')}”"
    return city


def _invalid(fault: ValidationError) -> str:
    error = fault.errors(include_url=False, include_input=False)[0]
    column = error["loc"][0]
    match error["type"]:
        case "string_too_long":
            return f"{column}：过长"
        case "string_too_short":
            return f"{column}：为空"
        case _:
            return f"{column}：为空或含有不能用的字符"


def _reason(refusal: Refused) -> str:
    return f"{refusal.code.title('zh')}：{refusal.detail}"


def _says(history: History, fact: CommunityEstablished | VillageRegistered) -> bool:
    """Whether the record says what the row says, as it was opened or as it stands."""
    wanted = [getattr(fact, name) for name in _SAID]
    opened = [entry.fact for entry in history.entries if isinstance(entry.fact, type(fact))]
    state = history.state
    return any(wanted == [getattr(one, name) for name in _SAID] for one in opened) or (
        state is not None and wanted == [state.value(name) for name in _SAID]
    )


def _opening(record: str, fact: Fact, on: date) -> Proposal:
    return Proposal(record, content_of(record.partition("/")[0], fact, on))


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    every = iter(items)
    while chunk := list(islice(every, size)):
        yield chunk
