"""Who holds which post in a community, as its steps leave it. Clauses 3.2 and 5.1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from domain.community import Body, Post, PostFilled, PostVacated
from domain.rules.city import Subject, in_order
from domain.state import Step


class Holding(NamedTuple):
    """A person in a post; one person may have several."""

    person: str
    body: Body
    role: Post


def post_steps(community: Subject) -> list[Step[Any]]:
    """The steps by which posts were filled and vacated, oldest first."""
    vacated = community.of(PostVacated)
    filled = community.of(PostFilled)
    return in_order(filled, vacated) if vacated else list(filled)


def holding(step: Step[Any]) -> Holding:
    """Who took or left which post."""
    fact = step.fact
    person: str = fact.person.id if isinstance(fact, PostFilled) else fact.person
    return Holding(person, fact.body, fact.role)


def held_after_each(steps: Iterable[Step[Any]]) -> Iterator[tuple[Step[Any], Mapping[Holding, Step[Any]]]]:
    """Each step with the posts held after it, and the step by which each was taken: one mapping, as it grows."""
    held: dict[Holding, Step[Any]] = {}
    for step in steps:
        if isinstance(step.fact, PostFilled):
            held[holding(step)] = step
        else:
            held.pop(holding(step), None)
        yield step, held
