"""Files that the product carries beside its code. The one place where the domain reads any."""

from __future__ import annotations

from importlib.resources import files


def packaged(package: str, name: str) -> bytes:
    """The bytes of a file in one of our packages. Raises FileNotFoundError where there is none."""
    return files(package).joinpath(name).read_bytes()
