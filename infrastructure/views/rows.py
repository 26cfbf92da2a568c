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
    names = "\n".join(row.names)
    return (
        "\t".join(
            (
                row.kind,
                row.id.translate(_ESCAPES),
                str(row.version),
                row.status or _NULL,
                row.new_city or _NULL,
                row.township or _NULL,
                str(row.first_on),
                str(row.first_position),
                str(row.last_position),
                str(row.latest_on),
                names.translate(_ESCAPES),
                '{"' + '","'.join(row.formerly) + '"}' if row.formerly else _NULL,
                "{" + ",".join(map(str, grams(row.kind, names))) + "}",
                _NULL if row.state is None else row.state.replace("\\", r"\\"),  # JSON has no other control characters
            )
        )
        + "\n"
    )


def upsert(connection: Connection, schema: str, rows: Iterable[Row]) -> None:
    """Write rows, each in the place of the one that the record had."""
    connection.execute(
        at("CREATE TEMPORARY TABLE IF NOT EXISTS incoming (LIKE {schema}.records) ON COMMIT DELETE ROWS", schema)
    )
    with connection.cursor() as cursor:
        with cursor.copy("COPY incoming FROM STDIN") as copy:
            copy.write("".join(map(line, rows)))
        cursor.execute(at(UPSERT, schema))
