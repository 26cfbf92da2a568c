"""Serving over HTTP, until the process is told to stop."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

import uvicorn
from fastapi import FastAPI
from typing_extensions import override

STOP_WITHIN: Final = 20
"""Seconds that requests under way get when the process is told to stop."""
BACKLOG: Final = 2_048
PROXIES: Final = "FORWARDED_ALLOW_IPS"
"""Names the proxies whose X-Forwarded headers are believed; without it, none is."""


def serve(app: FastAPI, host: str, port: int, *, on_listening: Callable[[str], None] = lambda _: None) -> None:
    """Serve until SIGINT or SIGTERM; then take no more, let what is under way finish, and return.

    Args:
        app: What `create_app` made.
        host: A name or address of this machine.
        port: Of it; 0 takes a free one.
        on_listening: Told the address, `http://127.0.0.1:8000`, as soon as requests are taken.

    Raises:
        OSError: The address can't be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family, backlog=BACKLOG) as listening:
        shown = f"[{host}]" if family == socket.AF_INET6 else host
        url = f"http://{shown}:{listening.getsockname()[1]}"
        Server(app, lambda: on_listening(url)).run(sockets=[listening])


class Server(uvicorn.Server):
    """Uvicorn with our limits; ends the streams of the log before it waits for its connections to close."""

    def __init__(self, app: FastAPI, on_listening: Callable[[], None]) -> None:
        """`on_listening` is called as soon as requests are taken."""
        super().__init__(
            uvicorn.Config(
                app,
                loop="uvloop",
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=PROXIES in os.environ,
                backlog=BACKLOG,
                timeout_graceful_shutdown=STOP_WITHIN,
            )
        )
        self._streams = app.state.streams
        self._on_listening = on_listening

    @override
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        with super().capture_signals():
            try:
                yield
            finally:
                self._captured_signals.clear()  # raised again they would end the process before it has put things away

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_listening()

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._streams.close()
        await super().shutdown(sockets)
