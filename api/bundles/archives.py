"""The archive that files make: one form for the same files, so that no byte of it stands outside them."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping
from zlib import crc32

TOTAL_LIMIT = 64 << 20
"""Bytes of a bundle at most."""
FILES_LIMIT = 20_000
"""Files of a bundle at most."""

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_VERSION, _UTF8, _DAY = 20, 0x800, 0x21
"""What a reader of the archive must know, that names are UTF-8, and 1 January 1980."""


class Broken(Exception):  # noqa: N818  # says what does not hold
    """Something does not hold: what, in a word for machines, and in a sentence."""

    def __init__(self, fault: str, detail: str) -> None:
        super().__init__(detail)
        self.fault = fault


def packed(files: Mapping[str, bytes]) -> bytes:
    """The one archive that these files make: in the order of their names, stored as they are, without times."""
    body, directory = io.BytesIO(), io.BytesIO()
    for name, content in sorted(files.items()):
        shared = (_UTF8, 0, 0, _DAY, crc32(content), len(content), len(content), len(name.encode()))
        place = body.tell()
        body.write(_LOCAL.pack(b"PK\x03\x04", _VERSION, *shared, 0) + name.encode() + content)
        mode = 0o100644 << 16
        directory.write(_CENTRAL.pack(b"PK\x01\x02", 3 << 8 | _VERSION, _VERSION, *shared, 0, 0, 0, 0, mode, place))
        directory.write(name.encode())
    end = _END.pack(b"PK\x05\x06", 0, 0, len(files), len(files), directory.tell(), body.tell(), 0)
    return body.getvalue() + directory.getvalue() + end


def unpacked(archive: bytes) -> dict[str, bytes]:
    """The files of an archive, none of them written anywhere. Raises Broken unless it is the one they make."""
    if len(archive) > TOTAL_LIMIT:
        raise Broken("archive", f"the archive is larger than {TOTAL_LIMIT} bytes")
    files: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            listed = opened.infolist()
            if len(listed) > FILES_LIMIT or sum(one.file_size for one in listed) > len(archive):
                raise Broken("archive", "the archive says that it holds more than it can")
            for one in listed:
                if one.compress_type != zipfile.ZIP_STORED or one.filename in files:
                    raise Broken("archive", f"{one.filename!r} stands twice or is compressed")
                if one.filename != "/".join(part for part in one.filename.split("/") if part.strip(".")):
                    raise Broken("archive", f"{one.filename!r} leads elsewhere")
                files[one.filename] = opened.read(one)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, RuntimeError, struct.error) as fault:
        raise Broken("archive", f"not a bundle: {fault}") from None
    if packed(files) != archive:
        raise Broken("archive", "the archive has bytes that belong to none of its files")
    return files
