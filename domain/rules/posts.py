"""Who holds which post in a community, as its steps leave it. Clauses 3.2 and 5.1."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from domain.community import Body, Post, PostFilled, PostVacated
from domain.rules.city import Subject, in_order
from domain.state import Step

Holding: TypeAlias = tuple[str, Body, Post]
"""A person, by code, in a post; one person may have several."""


def post_steps(community: Subject) -> Sequence[Step[Any]]:
    """The steps by which posts were filled and vacated, oldest first."""
    filled, vacated = community.of(PostFilled), community.of(PostVacated)
    return in_order(filled, vacated) if vacated else filled


def posts_held(community: Subject) -> Iterable[Step[PostFilled]]:
    """The steps by which the posts held in the end were taken."""
    if not community.of(PostVacated):
        return community.of(PostFilled)
    return held_after(post_steps(community)).values()


def held_after(steps: Iterable[Step[Any]]) -> dict[Holding, Step[PostFilled]]:
    """The posts held after all these steps, each with the one by which it was taken."""
    held: dict[Holding, Step[PostFilled]] = {}
    for step in steps:
        fact = step.fact
        if type(fact) is PostFilled:
            held[fact.person.id, fact.body, fact.role] = step
        else:
            held.pop((fact.person, fact.body, fact.role), None)
    return held
