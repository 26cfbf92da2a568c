"""Files that pages are made of; public, and small enough to be held in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from api.http.problems import Fault, Problem

PATH: Final = "/static/{name:path}"
MEDIA_TYPES: Final = {"css": "text/css", "js": "text/javascript", "txt": "text/plain", "svg": "image/svg+xml"}


class Static:
    """The files of `api/static`, by their paths in it."""

    def __init__(self) -> None:
        contents = dict(_contents(resources.files("api").joinpath("static"), ""))
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


def _contents(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    for file in folder.iterdir():
        if file.is_dir():
            yield from _contents(file, f"{path}{file.name}/")
        elif file.name.rpartition(".")[2] in MEDIA_TYPES:
            yield f"{path}{file.name}", file.read_bytes()
