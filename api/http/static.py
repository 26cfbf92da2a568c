"""Files that pages are made of; public, and small enough to be held in memory."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from api.http.problems import Fault, Problem

PATH: Final = "/static/{name}"
MEDIA_TYPES: Final = {"css": "text/css", "js": "text/javascript", "txt": "text/plain", "svg": "image/svg+xml"}


class Static:
    """The files of `api/static`, by name."""

    def __init__(self) -> None:
        found = resources.files("api").joinpath("static").iterdir()
        contents = {file.name: file.read_bytes() for file in found if file.name.rpartition(".")[2] in MEDIA_TYPES}
        self._files = {
            name: (content, f'"{hashlib.sha256(content).hexdigest()}"') for name, content in contents.items()
        }

    async def endpoint(self, request: Request) -> Response:
        """The file; unchanged where the browser has it."""
        name: str = request.path_params["name"]
        if name not in self._files:
            raise Problem(Fault.NO_SUCH_PATH, "there is nothing at this address")
        content, tag = self._files[name]
        headers = {"Cache-Control": "public, max-age=600", "ETag": tag}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(content, 200, headers, MEDIA_TYPES[name.rpartition(".")[2]])
