"""The description says what the API does: every recordable type, every address, examples that are taken."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from importlib import resources
from typing import Any

import httpx
import pytest
from fastapi.openapi.models import OpenAPI

from api.http import openapi
from api.http.problems import CODES
from application.commands import proposal
from domain.records import AGGREGATES, VOCABULARY

PINNED = {
    "swagger-ui-bundle.js": "e6a898692f2d768e807c3ba4626068a69a2c5dd960dd6c76f3e4d3a3de180af2",
    "swagger-ui.css": "5ed08757e53da3e026d6cbecc61fe5d43585c9560b302d534ad56692519a273d",
}
"""swagger-ui-dist 5.35.0, from npm."""
WITHOUT_EXAMPLE = {"LedgerOpened", "SigningKeyRotated", "SchemeAdopted"}
IDS = {"new-area": "xixian", "ledger": "ledger", "assessments": "2020-fengdong"}

Document = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Document:
    return openapi.document()


def inside(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for one in value.values():
            yield from inside(one)
    elif isinstance(value, list):
        for one in value:
            yield from inside(one)


def operations(document: Document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield path, method, operation


def test_it_is_an_openapi_document_whose_references_lead_somewhere(document: Document) -> None:
    OpenAPI.model_validate(document)
    assert document["openapi"].startswith("3.1")
    for one in inside(document):
        if isinstance(target := one.get("$ref"), str):
            found: Any = document
            for part in target.removeprefix("#/").split("/"):
                found = found[part.replace("~1", "/").replace("~0", "~")]
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))
    for path, item in document["paths"].items():
        declared = {one["name"] for one in item.get("parameters", []) if one["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", path))
    for one in inside(document["components"]["schemas"]):
        if isinstance(pattern := one.get("pattern"), str):
            re.compile(pattern)


def test_every_recordable_type_has_its_schema_and_every_kind_lists_its_own(document: Document) -> None:
    schemas = document["components"]["schemas"]
    for kind in AGGREGATES:
        listed = schemas[f"{kind}.Event"]
        events = VOCABULARY.events(kind)
        assert list(listed["discriminator"]["mapping"]) == list(events)
        for event, one in zip(events, listed["oneOf"], strict=True):
            schema = schemas[one["$ref"].rpartition("/")[2]]
            fact = VOCABULARY.fact(kind, event)
            assert fact is not None
            assert event in schemas
            assert schema["properties"]["type"] == {"const": event}
            assert schema["title"] == fact.zh
            assert schema.get("x-clause") == fact.clause
            fields = {field.alias or name for name, field in fact.model_fields.items()}
            assert set(schema["properties"]["data"]["properties"]) == fields


@pytest.mark.parametrize("kind", AGGREGATES)
def test_examples_are_taken(document: Document, kind: str) -> None:
    for one in document["components"]["schemas"][f"{kind}.Event"]["oneOf"]:
        schema = document["components"]["schemas"][one["$ref"].rpartition("/")[2]]
        event = schema["properties"]["type"]["const"]
        assert ("examples" in schema) != (event in WITHOUT_EXAMPLE)
        for example in schema.get("examples", ()):
            made = proposal(f"{kind}/{IDS.get(kind, 'an-id')}", example, today=date(2026, 1, 1))
            assert made.fact.event == event


def test_every_address_answers_as_described(document: Document, inspector: httpx.Client) -> None:
    for path, method, operation in operations(document):
        concrete = re.sub(r"{\w+}", "1", path)
        if path == "/api/v1/log/stream":
            continue
        answer = inspector.request(method, concrete)
        assert answer.status_code not in {405, 500}, path
        assert str(answer.status_code) in operation["responses"], (method, path, answer.text)
        assert answer.json()["code"] != "no-such-path" if answer.status_code == 404 else True


def test_every_code_is_described(document: Document) -> None:
    told = "".join(one["description"] for one in document["components"]["responses"].values())
    assert set(CODES) <= set(re.findall(r"`([a-z0-9-]+)`", told))
    assert document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == sorted(CODES)


def test_its_bytes_are_always_the_same(inspector: httpx.Client) -> None:
    served = inspector.get("/api/openapi.json")
    assert served.headers["content-type"] == "application/json"
    assert served.content == openapi.document_bytes()
    program = "import sys; from api.http import openapi; sys.stdout.buffer.write(openapi.document_bytes())"
    elsewhere = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert elsewhere.stdout == served.content
    assert json.loads(served.content) == openapi.document()


def test_its_pages_need_nothing_from_elsewhere(inspector: httpx.Client) -> None:
    page = inspector.get("/api/docs")
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(links) == 4
    for link in links:
        assert link.startswith("/static/")
        found = inspector.get(link)
        assert found.status_code == 200
        assert inspector.get(link, headers={"If-None-Match": found.headers["etag"]}).status_code == 304
    assert not re.search(r"<script>|<style|style=|\son\w+=|https?://", page.text)


def test_what_is_not_ours_is_what_was_published() -> None:
    folder = resources.files("api").joinpath("static")
    for name, pinned in PINNED.items():
        assert hashlib.sha256(folder.joinpath(name).read_bytes()).hexdigest() == pinned
    assert "Apache License" in folder.joinpath("swagger-ui.LICENSE.txt").read_text()
