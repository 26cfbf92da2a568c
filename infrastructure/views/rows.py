"""Rows on their way into the database, by COPY in its text format."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, LiteralString

from infrastructure.postgres.database import Connection
from infrastructure.views.tables import at
from projections.records import Row, grams

COPY: Final[LiteralString] = "COPY {schema}.records FROM STDIN"
UPSERT: Final[LiteralString] = """
INSERT INTO {schema}.records SELECT * FROM incoming
ON CONFLICT (kind, id) DO UPDATE SET (
    version, status, new_city, township, first_on, first_position, last_position, latest_on, names, formerly, grams,
    state
) = (
    excluded.version, excluded.status, excluded.new_city, excluded.township, excluded.first_on,
    excluded.first_position, excluded.last_position, excluded.latest_on, excluded.names, excluded.formerly,
    excluded.grams, excluded.state
)
"""
_NULL: Final = r"\N"
_ESCAPES: Final = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def line(row: Row) -> str:
    """Return a row as a line of COPY, an empty name told from none."""
    (
        kind, record_id, version, status, new_city, township, first_on, first_position, last_position, latest_on, names,
        formerly, state,
    ) = row  # fmt: skip
    name = names[0] if len(names) == 1 else "\n".join(names)
    return (
        f"{kind}\t{_escaped(record_id)}\t{version}\t{status or _NULL}\t{new_city or _NULL}\t{township or _NULL}"
        f"\t{first_on}\t{first_position}\t{last_position}\t{latest_on}\t{_escaped(name)}"
        f"\t{_array(formerly) if formerly else _NULL}\t{{{grams(kind, name)}}}"
        f"\t{_NULL if state is None else _escaped(state)}\n"
    )


def _array(texts: tuple[str, ...]) -> str:
    return '{"' + '","'.join(texts) + '"}'


def _escaped(text: str) -> str:
    return text if text.isalnum() else text.translate(_ESCAPES)


def upsert(connection: Connection, schema: str, rows: Iterable[Row]) -> None:
    """Write rows, each in the place of the one that the record had."""
    connection.execute(
        at("CREATE TEMPORARY TABLE IF NOT EXISTS incoming (LIKE {schema}.records) ON COMMIT DELETE ROWS", schema)
    )
    with connection.cursor() as cursor:
        with cursor.copy("COPY incoming FROM STDIN") as copy:
            copy.write("".join(map(line, rows)))
        cursor.execute(at(UPSERT, schema))
