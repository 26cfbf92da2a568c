"""更正与作废: events that belong to every kind of record. A recorded event is never edited."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from domain.fact import Day, Fact, Positive, Text


class EventCorrected(Fact, stored_as="EventCorrected/1", zh="更正", by="system"):
    """An entry of this record said something wrong; these are the fields as they should have been.

    Recorded by whoever may record the corrected event.
    """

    version: Positive
    """The corrected entry's version in this record."""
    data: Annotated[dict[str, Any], Field(max_length=100)] = Field(default_factory=dict)
    effective_on: Day | None = None
    reasons: Text


class EventRetracted(Fact, stored_as="EventRetracted/1", zh="作废", by="system"):
    """What an entry of this record says never happened.

    Recorded by whoever may record the retracted event.
    """

    version: Positive
    reasons: Text
