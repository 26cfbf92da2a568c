"""What the server says of a result or a report beside what was sent: the score, the position, the log's tree.

Filled in where it is omitted; checked where it is sent, so that nothing is published that the log doesn't bear out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from application import moments
from application.access import Access
from application.assessing import Assessing
from application.asking import Asking
from domain.assessment import ResultPublished
from domain.fact import JsonValue
from domain.ledger import ReportIssued
from domain.log import Stored
from domain.refusals import Code, FieldError, Refused

PUBLISHES = "inspectorate"
"""The role that publishes results and issues reports."""


class Log(moments.Positions, Protocol):
    """What filling needs of the log."""

    def command(self, idempotency: str) -> tuple[Stored, ...]:
        """The entries of the command recorded under an account's idempotency key; none where there is none."""
        ...
