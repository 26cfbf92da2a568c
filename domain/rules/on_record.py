"""What the policy asks a New City to adopt, issue or establish, once and for good."""

from __future__ import annotations

from collections.abc import Iterator

from domain.fact import Fact, JsonValue
from domain.rules.city import City
from domain.rules.finding import Finding, evidence


def on_record(city: City, *facts: type[Fact]) -> Iterator[Finding]:
    """Found where one of them is not on record, since the New City itself is."""
    if city.subject is None:
        return
    first = {fact.event: city.subject.first(fact) for fact in facts}
    shown: dict[str, JsonValue] = {
        event: None if step is None else step.effective_on.isoformat() for event, step in first.items()
    }
    missing = tuple(event for event, step in first.items() if step is None)
    if missing:
        opened = city.subject.opened
        positions = evidence(opened, *first.values())
        yield Finding("found", city.subject.record, opened.effective_on, shown, positions, missing)
    else:
        yield Finding("met", city.subject.record, None, shown, evidence(*first.values()))
