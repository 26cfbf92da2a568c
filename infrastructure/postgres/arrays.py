"""Arrays as parameters in PostgreSQL's binary format: psycopg's own way asks every element for its type."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from psycopg import Connection, postgres
from psycopg.adapt import Dumper
from psycopg.pq import Format
from typing_extensions import override

_NULL: Final = b"\xff\xff\xff\xff"
_LENGTH: Final = struct.Struct("!i")
_INT: Final = struct.Struct("!ii")
_BOOL: Final = {False: b"\0\0\0\1\0", True: b"\0\0\0\1\1"}


class Array(bytes):
    """The binary form of an array; the subclass tells of what."""


class TextArray(Array):
    """text[]."""


class ByteaArray(Array):
    """bytea[]."""


class IntArray(Array):
    """int[]."""


class BoolArray(Array):
    """boolean[]."""


def texts(items: Sequence[str | None]) -> TextArray:
    """Return text[]; None is null."""
    encoded = [None if item is None else item.encode() for item in items]
    return TextArray(_array("text", [_NULL if item is None else _LENGTH.pack(len(item)) + item for item in encoded]))


def blobs(items: Sequence[bytes]) -> ByteaArray:
    """Return bytea[]."""
    return ByteaArray(_array("bytea", [_LENGTH.pack(len(item)) + item for item in items]))


def ints(items: Sequence[int | None]) -> IntArray:
    """Return int[]; None is null."""
    return IntArray(_array("int4", [_NULL if item is None else _INT.pack(4, item) for item in items]))


def bools(items: Sequence[bool]) -> BoolArray:
    """Return boolean[]."""
    return BoolArray(_array("bool", [_BOOL[item] for item in items]))


def _array(element: str, items: list[bytes]) -> bytes:
    header = struct.pack("!iiIii", 1, _NULL in items, postgres.types[element].oid, len(items), 1)
    return header + b"".join(items)


class _ArrayDumper(Dumper):
    format = Format.BINARY

    @override
    def dump(self, obj: Array) -> bytes:
        return obj


def adapt(connection: Connection[tuple[object, ...]]) -> None:
    """Let a connection take these arrays as parameters."""
    for kind, element in ((TextArray, "text"), (ByteaArray, "bytea"), (IntArray, "int4"), (BoolArray, "bool")):
        dumper = type(f"{kind.__name__}Dumper", (_ArrayDumper,), {"oid": postgres.types[element].array_oid})
        connection.adapters.register_dumper(kind, dumper)
