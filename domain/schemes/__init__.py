"""Versions of the scheme that come with the product, as data."""

from __future__ import annotations

from functools import cache

from domain.packaged import packaged
from domain.scheme import SchemeAdopted

FIRST = "opinions-2019"
"""The id of the scheme that is adopted when the ledger opens, on the day it takes effect."""


@cache
def first_scheme() -> SchemeAdopted:
    """The policy's own figures, and beside them this office's assumptions, each marked as what it is."""
    return SchemeAdopted.model_validate_json(packaged(__name__, f"{FIRST}.json"))
