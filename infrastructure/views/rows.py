"""Rows on their way into the database, by COPY in its text format."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final, LiteralString

from infrastructure.postgres.database import Connection
from infrastructure.views.tables import at
from projections.records import Row

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
UNIT: Final = 2
"""Bytes of a unit of UTF-16: of nearly every character."""
_NULL: Final = r"\N"
_LINE: Final = "\n"
_BREAK: Final = r"\n"


def line(row: Row) -> str:
    """Return a row as a line of COPY, an empty name told from none."""
    (
        kind, record_id, version, status, new_city, township, first_on, first_position, last_position, latest_on, names,
        formerly, state,
    ) = row  # fmt: skip
    return (
        f"{kind}\t{_escaped(record_id)}\t{version}\t{status or _NULL}\t{new_city or _NULL}\t{township or _NULL}"
        f"\t{first_on}\t{first_position}\t{last_position}\t{latest_on}\t{_BREAK.join(map(_escaped, names))}"
        f"\t{_array(formerly) if formerly else _NULL}\t{grams(_LINE.join(names))}"
        f"\t{_NULL if state is None else _escaped(state)}\n"
    )


def grams(text: str) -> str:
    """Return numbers for the units of a text in UTF-16 and for their pairs, as an array.

    Every text with this one in it has them all; one without may have them too, scattered.
    """
    units = text.encode("utf-16-be")
    return _numbers([*struct.unpack(f">{len(units) // UNIT}H", units), *_pairs(units)])


def grams_of_search(text: str) -> str:
    """Return the rarest of these numbers: those of the pairs, or of the only unit there is."""
    units = text.encode("utf-16-be")
    return _numbers(_pairs(units)) if len(units) > UNIT else grams(text)


def _pairs(units: bytes) -> list[int]:
    size = len(units) // UNIT
    if size <= 1:
        return []
    even, odd = struct.unpack_from(f">{size // 2}i", units), struct.unpack_from(f">{(size - 1) // 2}i", units, UNIT)
    return [*even, *odd]


def _numbers(numbers: list[int]) -> str:
    return f"{{{str(numbers)[1:-1]}}}"


def _array(texts: tuple[str, ...]) -> str:
    return '{"' + '","'.join(texts) + '"}'


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\")  # no text of a fact, and no JSON, has control characters


def upsert(connection: Connection, schema: str, rows: Iterable[Row]) -> None:
    """Write rows, each in the place of the one that the record had."""
    connection.execute(
        at("CREATE TEMPORARY TABLE IF NOT EXISTS incoming (LIKE {schema}.records) ON COMMIT DELETE ROWS", schema)
    )
    with connection.cursor() as cursor:
        with cursor.copy("COPY incoming FROM STDIN") as copy:
            copy.write("".join(map(line, rows)))
        cursor.execute(at(UPSERT, schema))
