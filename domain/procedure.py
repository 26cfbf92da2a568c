"""What the first scheme's procedure asks of a step before it is admitted.

The scheme in force will give these figures; until then they stand here, each with where it comes from.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal, NamedTuple


class Figure(NamedTuple):
    """A figure that a guard compares with: exact, and either the policy's own or this office's assumption."""

    value: Fraction
    basis: Literal["policy", "assumed"]
    clause: str


ASSENT_NEEDS_MORE_THAN = Figure(Fraction(1, 2), "assumed", "3.1")
"""The share of those present at a villagers' meeting that those in favour must exceed."""

UNDECIDED = ("proposed", "assented", "returned", "passed")
"""Statuses of a conversion case from its proposal to its decision."""
