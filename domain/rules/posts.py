"""Who holds which post in a community, as its steps leave it. Clauses 3.2 and 5.1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from domain.community import Body, Post, PostFilled, PostVacated
from domain.rules.city import Subject, in_order
from domain.state import Step

Holding: TypeAlias = tuple[str, Body, Post]
"""A person, by code, in a post; one person may have several."""


def post_steps(community: Subject) -> Sequence[Step[Any]]:
    """The steps by which posts were filled and vacated, oldest first."""
    vacated = community.of(PostVacated)
    filled = community.of(PostFilled)
    return in_order(filled, vacated) if vacated else filled


def holding(step: Step[Any]) -> Holding:
    """Who took or left which post."""
    fact = step.fact
    return (fact.person.id if isinstance(fact, PostFilled) else fact.person), fact.body, fact.role
