"""One share of the records' rows, written from the log by COPY: a process of its own, or a part of the one at work."""

from __future__ import annotations

import gc
import json
import signal
import sys
from collections.abc import Callable, Generator

from domain.entry import Entry
from domain.history import with_next
from domain.records import AGGREGATES
from infrastructure.postgres.database import Database
from infrastructure.postgres.reader import LogReader
from infrastructure.views.projecting import read
from infrastructure.views.rows import COPY, line
from infrastructure.views.tables import at
from projections.records import FoldFailed, row_alone


def write(database: Database, schema: str, until: int, *, part: int, parts: int, done: Callable[[int], None]) -> None:
    """Write the rows of a share of the records, but of those that another record owns, as at a position.

    All entries of the share are validated; `done` is told how many more were. Holds no more than one record's entries.

    Raises FoldFailed and psycopg.Error.
    """
    reader = LogReader(database, readers=1)
    collecting = gc.isenabled()
    gc.disable()  # nothing here refers to itself, and looking for what does takes half of the time
    try:
        with (
            database.connect("projector") as connection,
            connection.cursor() as cursor,
            cursor.copy(at(COPY, schema)) as copy,
        ):
            for lines in _lines(reader, until, part, parts, done):
                copy.write(lines)
    finally:
        reader.close()
        if collecting:
            gc.enable()


def _lines(reader: LogReader, until: int, part: int, parts: int, done: Callable[[int], None]) -> Generator[str]:
    record = ""
    entries: list[Entry] = []
    for batch in reader.scan_records(until=until, part=part, parts=parts):
        lines: list[str] = []
        for stored in batch:
            entry = read(stored)
            if entry.record == record:
                if entry.fact.latest_only:
                    entries = [*with_next(entries, entry)]
                else:
                    entries.append(entry)
                continue
            if entries:
                lines.append(_line(record, entries))
            record = entry.record
            entries = [entry]
        yield "".join(lines)
        done(len(batch))
    if entries:
        yield _line(record, entries)


def _line(record: str, entries: list[Entry]) -> str:
    kind, _, record_id = record.partition("/")
    aggregate = AGGREGATES[kind]
    if aggregate.parent is not None:
        return ""
    return line(row_alone(aggregate, record_id, entries))


def main() -> int:
    """Write the share that standard input names.

    Says on standard output, as JSON a line, how many more entries are in, or the position and reason of a failure.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this one stops it

    def done(size: int) -> None:
        print(json.dumps(size), flush=True)  # noqa: T201  # fails where nobody listens any more, which ends this one

    asked = json.load(sys.stdin)
    try:
        write(Database.at(asked.pop("conninfo")), **asked, done=done)
    except FoldFailed as failure:
        print(json.dumps([failure.position, failure.reason]), flush=True)  # noqa: T201  # the same
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
