"""导入底册: a table of divisions, looked through first and recorded when somebody has seen what that would record."""

from __future__ import annotations

import csv
import io
import secrets
import threading
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import IO, Any, Final, Literal

import structlog
from python_calamine import CalamineError, CalamineWorkbook
from starlette.responses import RedirectResponse, Response

from api.composition import Taizhang, now
from api.web.posting import Posted
from api.web.shell import Shown
from api.web.visit import Visit
from application import importing
from application.moments import today
from domain.refusals import Code, Refused

JOBS: Final = 4
"""Imports kept at once, each with its table in memory; the oldest that isn't being recorded makes room."""
PREVIEWED: Final = 20
"""Lines of the table that are shown before they are recorded."""
FAULTS: Final = 100
"""Bad lines that are shown."""
UNPACKED: Final = 256 << 20
"""Bytes that a workbook may unpack to: a few megabytes can hold gigabytes."""
_XLSX = b"PK\x03\x04"

_log: structlog.stdlib.BoundLogger = structlog.get_logger("taizhang.import")


@dataclass
class Job:
    """One table on its way into the ledger."""

    id: str
    account: str
    name: str
    table: bytes
    """As CSV."""
    on: date
    partial: bool
    state: Literal["examining", "examined", "recording", "done", "failed"] = "examining"
    done: int = 0
    total: int = 0
    failure: str = ""
    report: importing.Report = field(default_factory=importing.Report)
    survey: importing.Survey | None = None

    def opening(self) -> IO[bytes]:
        """The table, from its beginning."""
        return io.BytesIO(self.table)

    def advance(self, lines: int) -> None:
        """So many more lines are done."""
        self.done += lines

    def preview(self) -> list[list[str]]:
        """The first lines after the header."""
        text = self.table[: 64 << 10].decode("utf-8-sig", errors="replace")
        return list(csv.reader(text.splitlines()[1 : PREVIEWED + 1]))


class Imports:
    """The pages that import. Every method raises Refused for who is no administrator."""

    def __init__(self, taizhang: Taizhang) -> None:
        self._taizhang = taizhang
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._turn = threading.Lock()

    def start(self, visit: Visit) -> Shown:
        """The form that takes a table."""
        _administrator(visit)
        return self._form(visit, {})

    def take(self, visit: Visit, posted: Posted) -> Shown | Response:
        """Look a table through, and lead to what was found."""
        _administrator(visit)
        uploads = posted.files.get("table", ())
        faults: dict[str, str] = {}
        day = _day(posted.fields.get("effective_on", ""))
        if day is None:
            faults["effective_on"] = visit.words("fault.date")
        table = b""
        if not uploads or not uploads[0].content:
            faults["table"] = visit.words("fault.missing")
        else:
            try:
                table = _as_csv(uploads[0].content)
            except ValueError as fault:
                faults["table"] = str(fault)
        if faults or day is None:
            return self._form(visit, faults, posted.fields.get("effective_on", ""))
        job = Job(
            secrets.token_urlsafe(9),
            visit.actor.account,
            uploads[0].name,
            table,
            day,
            bool(posted.fields.get("partial")),
        )
        self._keep(job)
        self._run(job, self._examine)
        return RedirectResponse(f"/import/{job.id}", 303)

    def job(self, visit: Visit) -> Shown:
        """How far an import is, what it found, or what came of it."""
        job = self._job(visit)
        state = job.state  # read before the rest, which is then at least as far
        counted: list[tuple[str, int]] = [
            (visit.words(f"import.count.{name}"), count)
            for name, count in (
                ("new", 0 if job.survey is None else job.survey.size + len(job.survey.new_cities)),
                ("recorded", job.report.recorded),
                ("already", job.report.already),
                ("skipped", job.report.skipped),
                ("bad", job.report.bad_lines),
            )
            if not (name == "new" and state == "done") and not (name == "recorded" and state != "done")
        ]
        context = {
            "job": job,
            "state": state,
            "counted": counted,
            "columns": importing.COLUMNS,
            "rows": job.preview() if state == "examined" else [],
            "bad": job.report.bad[:FAULTS],
            "may": job.survey is not None and job.survey.size > 0 and (job.partial or not job.report.bad_lines),
            "action": visit.path,
        }
        return Shown("import_job.html", visit.words("import.title"), context)

    def confirm(self, visit: Visit, _posted: Posted) -> Response:
        """Record what was found to be new."""
        job = self._job(visit)
        with self._turn:
            if job.state == "examined" and (job.partial or not job.report.bad_lines):
                job.state, job.done, job.total = "recording", 0, 0 if job.survey is None else job.survey.size
                self._run(job, self._record)
        return RedirectResponse(f"/import/{job.id}", 303)

    def _examine(self, job: Job) -> None:
        job.total = importing.count_lines(job.opening)
        job.survey = importing.examine(job.opening, self._taizhang.log, job.on, job.advance)
        job.report = job.survey.report
        job.state = "examined"

    def _record(self, job: Job) -> None:
        if job.survey is None:
            raise TypeError(job)
        importing.record(job.survey, job.opening, self._taizhang.recorder, job.on, job.advance, job.account)
        job.table = b""
        job.state = "done"

    def _run(self, job: Job, work: Callable[[Job], None]) -> None:
        def run() -> None:
            try:
                work(job)
            except (importing.WrongHeader, importing.TooLong) as fault:
                job.failure, job.state = str(fault), "failed"
            except Exception as error:  # noqa: BLE001  # whoever waits for it is told, and what stands is recorded
                _log.warning("import failed", fault=type(error).__qualname__)
                job.failure, job.state = type(error).__qualname__, "failed"

        threading.Thread(target=run, name="import", daemon=True).start()

    def _keep(self, job: Job) -> None:
        with self._turn:
            for old in [one for one in self._jobs.values() if one.state not in {"examining", "recording"}]:
                if len(self._jobs) >= JOBS:
                    del self._jobs[old.id]
            if len(self._jobs) >= JOBS:
                raise Refused(Code.NOT_CAUGHT_UP, "other imports are under way")
            self._jobs[job.id] = job

    def _job(self, visit: Visit) -> Job:
        _administrator(visit)
        with self._turn:
            job = self._jobs.get(visit.parts["job"])
        if job is None or job.account != visit.actor.account:
            raise Refused(Code.NOT_FOUND, "there is no such import; it may have made room for later ones")
        return job

    def _form(self, visit: Visit, faults: dict[str, str], effective_on: str | None = None) -> Shown:
        context = {
            "faults": faults,
            "effective_on": importing.EFFECTIVE_ON.isoformat() if effective_on is None else effective_on,
            "columns": importing.COLUMNS,
            "today": today(now),
            "action": visit.path,
        }
        return Shown("import_form.html", visit.words("import.title"), context, 422 if faults else 200)


def _administrator(visit: Visit) -> None:
    if "administrator" not in visit.actor.roles:
        raise Refused(Code.NOT_ENTITLED, "the baseline is imported by administrators")


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if date(1949, 10, 1) <= day <= today(now) else None


def _as_csv(content: bytes) -> bytes:
    """The table as CSV: itself, or a workbook's first sheet. Raises ValueError for what is no workbook."""
    if not content.startswith(_XLSX):
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            unpacked = sum(one.file_size for one in packed.infolist())
        rows: Sequence[Sequence[Any]] = ()
        if unpacked <= UNPACKED:
            rows = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    except (CalamineError, ValueError, OSError, zipfile.BadZipFile) as fault:
        raise ValueError(f"不是能读的 XLSX 文件：{fault}") from None
    if unpacked > UNPACKED:
        raise ValueError(f"XLSX 文件展开后超过 {UNPACKED} 字节")
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerows(_plain(rows))
    return text.getvalue().encode()


def _plain(rows: Sequence[Sequence[Any]]) -> Iterator[list[str]]:
    """Cells as text: a code that was typed as a number has no decimals."""
    for row in rows:
        cells = [str(int(one)) if isinstance(one, float) and one.is_integer() else str(one).strip() for one in row]
        if any(cells):
            yield cells
