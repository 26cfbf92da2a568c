"""Reports known again: by what a file was asked for, so that it can be made anew and compared byte for byte."""

from __future__ import annotations

import html
import io
import json
import re
import zipfile
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from application.reporting import question

_QUESTION: Final = re.compile(r"\b(assessment|dispute)\?([A-Za-z0-9=&%.~_+-]{1,500})")
_PROPERTIES: Final = "docProps/core.xml"
_PROPERTIES_LIMIT: Final = 64 << 10
_METADATA: Final = re.compile(rb"<pdf:Keywords>[^<]{1,1000}</pdf:Keywords>")


class Asked(NamedTuple):
    """By what a report was asked for."""

    format: str
    report: str
    """`assessment` or `dispute`."""
    query: dict[str, str]


def asked_by(content: bytes) -> Asked | None:
    """By what a file was asked for, as it says of itself; None for what is no report of ours.

    Nothing that it says is believed: whether it is the report that it says can be told only by making that anew.
    """
    wanted, said = _said(content)
    found = _QUESTION.search(html.unescape(said))
    return None if found is None else Asked(wanted, found[1], dict(parse_qsl(found[2])))


def _said(content: bytes) -> tuple[str, str]:
    """The format, and the text that the question stands in."""
    if content.startswith(b"%PDF-"):
        metadata = _METADATA.search(content)
        return "pdf", "" if metadata is None else metadata[0].decode(errors="replace")
    if content.startswith(b"PK"):
        return "xlsx", _properties(content)
    text = content.decode("utf-8-sig", errors="replace")
    if text.startswith("{"):
        return "json", _of_answer(text)
    return ("html" if text.startswith("<!doctype html>") else "csv"), text


def _properties(content: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            if book.getinfo(_PROPERTIES).file_size > _PROPERTIES_LIMIT:
                return ""
            return book.read(_PROPERTIES).decode(errors="replace")
    except (zipfile.BadZipFile, KeyError, OSError, NotImplementedError, RuntimeError):
        return ""


def _of_answer(text: str) -> str:
    """An answer in JSON says what it is about; its question follows."""
    try:
        answer: Any = json.loads(text)
        data, provenance = answer["data"], answer["provenance"]
        if data.get("kind") == "disputes":
            return question("dispute", {"dispute": data["id"]}, provenance)
        asked = {"year": data["year"], "new_city": data.get("new_city"), "scheme": provenance["scheme"]}
        return question("assessment", asked, provenance)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ""
