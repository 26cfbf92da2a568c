"""What the process says of itself: JSON lines for machines, or readable lines on a terminal; always on stderr."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping

import structlog

VARIABLE = "TAIZHANG_LOG"


def configure(environment: Mapping[str, str] = os.environ) -> None:
    """Send structlog's lines, and those of libraries, to stderr.

    JSON where TAIZHANG_LOG is `json` or stderr is no terminal; `console` asks for readable lines anyway.
    """
    wanted = environment.get(VARIABLE) or ("console" if sys.stderr.isatty() else "json")
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if wanted == "console"
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _without_message_of_fault, last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for library in ("uvicorn", "uvicorn.error", "psycopg", "psycopg.pool", "eventsourcing", "httpx"):
        logging.getLogger(library).setLevel(logging.WARNING)


def _without_message_of_fault(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Keep a library's exception to its name: its message may hold what somebody sent."""
    match event.pop("exc_info", None):
        case (type() as fault, _, _):
            event["fault"] = f"{fault.__module__}.{fault.__qualname__}"
        case _:
            pass
    event.pop("stack_info", None)
    return event
