"""The description of the API: OpenAPI 3.1, the same bytes for the same version of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from api.http import assessing, problems, queries, schemas, score_schemas, working
from api.http.answers import json_bytes
from api.http.authentication import CSRF_HEADER
from api.http.bundling import BUNDLE_PARAMETERS, MEDIA_TYPE, OF_REPORT, REPORT_BUNDLE_PARAMETERS
from api.http.disclosing import DISCLOSING_PARAMETERS, TEXT_LIMIT
from api.http.disclosing import FORMAT as NAMES_FORMAT
from api.http.problems import CODES
from api.http.reading import (
    DIFF_PARAMETERS,
    ENTRIES_PARAMETERS,
    ENTRY_PARAMETERS,
    EVENTS_PARAMETERS,
    LIST_PARAMETERS,
    RECORD_PARAMETERS,
)
from api.http.schemas import Schema, closed, reference
from api.http.tiles import CHECKPOINT_PARAMETERS, CONSISTENCY_PARAMETERS, INCLUSION_PARAMETERS
from api.reports import DEFAULT, FORMATS
from application.score_json import OUTCOMES
from domain.log import BATCH_LIMIT
from domain.records import AGGREGATES

TITLE: Final = "社区治理台账 Taizhang"
VERSION: Final = "1"
LOG, SERVICE, RECORD = "台账日志 log", "服务 service", "登记 recording"

_OCTETS: Final[Schema] = {"application/octet-stream": {"schema": {"contentMediaType": "application/octet-stream"}}}
_INSTANT: Final = "2021-03-01T09:00:00+08:00"
_OF_RECORDING: Final = (400, 401, 403, 404, 408, 409, 412, 413, 415, 422, 503)
_QUERY: Final[dict[str, tuple[Schema, str]]] = {
    "known_at": ({"type": "string", "examples": [_INSTANT, "41"]}, "RFC 3339 instant with its zone, or a log position"),
    "on": (
        {"type": "string", "format": "date"},
        "the day asked about, by effective_on; default: today in Asia/Shanghai",
    ),
    "min_position": ({"type": "integer", "minimum": 0}, "the answer includes this position, or is 503 after 5 s"),
    "limit": (
        {"type": "integer", "minimum": 1, "maximum": queries.LIMIT_MOST, "default": queries.LIMIT_DEFAULT},
        "entries of a page at most",
    ),
    "cursor": ({"type": "string"}, "`next` of the page before"),
    "wait": ({"type": "string", "enum": ["sealed"]}, "answer once a checkpoint covers it, with the proof; 5 s at most"),
    "position": ({"type": "integer", "minimum": 1}, "the entry's position"),
    "size": ({"type": "integer", "minimum": 1}, "how many entries the tree has; default: the last checkpoint's"),
    "from": ({"type": "integer", "minimum": 0}, "how many entries the earlier tree has"),
    "after": ({"type": "integer", "minimum": 0, "default": 0}, "the position to start after"),
    "new_city": ({"type": "string"}, "of this New City"),
    "township": ({"type": "string"}, "of the township with this code"),
    "status": ({"type": "string"}, "in this status"),
    "q": ({"type": "string"}, "with this in the name"),
    "year": ({"type": "integer", "minimum": 1949, "maximum": 2999, "examples": [2020]}, "the assessed year"),
    "scheme": (
        {"type": "string", "examples": ["opinions-2019"]},
        "the version of the scheme that judges; another than the one in force is a simulation",
    ),
    "rule": ({"type": "string", "examples": ["community-size/1"]}, "of this rule, with its version or without"),
    "outcome": ({"type": "string", "enum": list(OUTCOMES)}, "with this outcome"),
    "to": ({"type": "string"}, "the version to compare with, or how many entries the later tree has"),
    "office": (
        {"type": "string", "examples": ["arbiter", "new-city:fengdong"]},
        "whose duties: a role, an office, or `all`; default: the asker's own",
    ),
    "work": ({"type": "boolean", "default": False}, "tell what is to be done too"),
    "overdue": ({"type": "boolean"}, "whether the last day has passed"),
    "dispute": ({"type": "string"}, "the id of a dispute"),
    "format": ({"type": "string", "enum": list(FORMATS), "default": DEFAULT}, "of the report"),
    "since": (
        {"type": "integer", "minimum": 1},
        "the size of a checkpoint that was kept: the bundle proves that the log has only grown since",
    ),
}
_QUERY.update(
    {
        f"{side}_{name}": (schema, f"{told}: {description}")
        for side, told in (("from", "of the first moment"), ("to", "of the second moment"))
        for name, (schema, description) in list(_QUERY.items())[:2]
    }
)
_HEADERS: Final[dict[str, tuple[Schema, str]]] = {
    "If-Match": ({"type": "string", "examples": ['"3"']}, "record only where the record is at this version"),
    "Idempotency-Key": (
        {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7e]+$"},
        "the same key and body get the same answer, and are recorded once, for ever",
    ),
    "If-None-Match": ({"type": "string"}, "304 where the record still has this ETag"),
    "Last-Event-ID": ({"type": "integer", "minimum": 0}, "go on after this position"),
}


@cache
def document_bytes() -> bytes:
    """The description as JSON."""
    return json_bytes(document())


def document() -> dict[str, Any]:
    """The description."""
    paths: dict[str, Any] = {}
    for kind in AGGREGATES:
        paths |= _of_records(kind)
    for path, item in _of_scores().items():
        paths[path] = paths.get(path, {}) | item
    paths |= _of_all_records() | _of_the_log() | _of_the_service()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "version": VERSION,
            "summary": "An audit-grade ledger of community governance: recorded once, asked about at any past time.",
            "description": _DESCRIPTION,
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}, {"token": []}, {"session": []}],
        "tags": [
            *({"name": _tag(kind)} for kind in AGGREGATES),
            {"name": RECORD},
            {"name": LOG},
            {"name": SERVICE},
        ],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "responses": _responses(),
            "parameters": _parameters(),
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "API key, `tz_…`"},
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "OpenID Connect"},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "taizhang",
                    "description": f"After logging in at /login; what changes something sends {CSRF_HEADER} too.",
                },
            },
        },
    }


_DESCRIPTION: Final = """Every read can be asked as of a past time: `known_at` for what had been recorded by then, `on`
for the day it is about. Every error is a problem (RFC 9457) with a stable `code`; nothing is recorded on any of them,
but where a 503 says `unsettled`: then the same request with the same Idempotency-Key settles it."""


def _tag(kind: str) -> str:
    return f"{AGGREGATES[kind].zh} {kind}"


def _of_records(kind: str) -> dict[str, Any]:
    aggregate = AGGREGATES[kind]
    tag, path = _tag(kind), f"/api/v1/{kind}"
    pattern = {"type": "string", "pattern": f"^({aggregate.id_pattern})$"}
    record_id = {"name": "id", "in": "path", "required": True, "schema": pattern}
    state, events = f"{kind}.State", f"{kind}.Event"
    return {
        path: {"get": _read(tag, f"{kind}.list", f"{aggregate.zh}列表", _listed(reference(state)), LIST_PARAMETERS)},
        f"{path}/{{id}}": {
            "parameters": [record_id],
            "get": _read(
                tag,
                f"{kind}.read",
                f"{aggregate.zh}现状",
                _asked(reference(state)),
                RECORD_PARAMETERS,
                ["If-None-Match"],
            ),
        },
        f"{path}/{{id}}/events": {
            "parameters": [record_id],
            "get": _read(tag, f"{kind}.events", f"{aggregate.zh}条目", _listed(reference("Entry")), EVENTS_PARAMETERS),
            "post": {
                "tags": [tag],
                "operationId": f"{kind}.record",
                "summary": f"登记{aggregate.zh}事项",
                "parameters": [_parameter("wait"), _parameter("If-Match"), _parameter("Idempotency-Key")],
                "requestBody": {"required": True, "content": {"application/json": {"schema": reference(events)}}},
                "responses": _answers({"201": {"$ref": "#/components/responses/Recorded"}}, *_OF_RECORDING),
            },
        },
        f"{path}/{{id}}/diff": {
            "parameters": [record_id],
            "get": _read(tag, f"{kind}.diff", f"{aggregate.zh}对照", _asked(reference("Diff")), DIFF_PARAMETERS),
        },
        f"{path}/{{id}}/bundle": {
            "parameters": [record_id],
            "get": _bundle(tag, kind, f"{aggregate.zh}证据包，可离线核验", BUNDLE_PARAMETERS),
        },
        f"{path}/{{id}}/bundle/names": {
            "parameters": [record_id],
            "post": {
                "tags": [tag],
                "operationId": f"{kind}.disclose",
                "summary": f"披露{aggregate.zh}证据包中姓名的密钥，披露对象记入台账",
                "parameters": [_parameter(name) for name in DISCLOSING_PARAMETERS],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": reference("Disclosure")}},
                },
                "responses": _answers(
                    {"201": _described("已披露", {"application/json": {"schema": reference("DisclosedNames")}})},
                    *_OF_RECORDING,
                ),
            },
        },
    }


def _bundle(tag: str, name: str, summary: str, parameters: Sequence[str]) -> dict[str, Any]:
    found = _read(tag, f"{name}.bundle", summary, {}, parameters)
    found["responses"] |= _answers({"200": _described(summary, {MEDIA_TYPE: {"schema": {}}})}, 409)
    return found


def _of_scores() -> dict[str, Any]:
    """Scores stand at the addresses of assessments, so that one address has one shape."""
    tag, schemes = _tag("assessments"), _tag("schemes")
    either = {"anyOf": [reference("Score"), reference("assessments.State")]}
    score = _read(tag, "assessments.read", "考核得分", _asked(reference("Score")), assessing.ASSESSMENT_PARAMETERS)
    causes = _asked(reference("ScoreDifference"))
    difference = _read(tag, "assessments.diff", "得分变化的原因", causes, assessing.ASSESSMENT_DIFF_PARAMETERS)
    findings = _read(tag, "findings.list", "规则结论", _listed(reference("Finding")), assessing.FINDINGS_PARAMETERS)
    report = _read(tag, "reports.assessment", "年度考核报告", _asked(reference("Report")), assessing.REPORT_PARAMETERS)
    files = {
        one.media_type.partition(";")[0]: {"schema": {"type": "string"} if one.is_text else {}}
        for name, one in FORMATS.items()
        if name != DEFAULT
    }
    report["responses"]["200"]["content"] |= files
    state = _asked(reference("disputes.State"))
    dispute = _read(_tag("disputes"), "reports.dispute", "异议办理报告", state, assessing.DISPUTE_REPORT_PARAMETERS)
    dispute["responses"]["200"]["content"] |= files
    versions = _asked(reference("Diff"))
    reads = {
        working.WORK: _read(SERVICE, "work.list", "待办事项", _listed(reference("Duty")), working.WORK_PARAMETERS),
        assessing.ASSESSMENTS: _read(
            tag, "assessments.list", "年度考核得分榜；不带 year 时为考核列表", _listed(either), assessing.LISTED
        ),
        f"{assessing.ASSESSMENTS}/{{id}}": score,
        f"{assessing.ASSESSMENTS}/{{id}}/diff": difference,
        f"{assessing.SCHEMES}/{{id}}/diff": _read(
            schemes, "schemes.diff", "两版考核办法对照", versions, assessing.SCHEME_DIFF_PARAMETERS
        ),
        assessing.FINDINGS: findings,
        assessing.REPORT: report,
        assessing.DISPUTE_REPORT: dispute,
        OF_REPORT: _bundle(tag, "reports.assessment", "年度考核报告的证据包", REPORT_BUNDLE_PARAMETERS),
    }
    for one in reads.values():
        one["responses"] |= _answers({}, 409)
    return {path: {"get": one} for path, one in reads.items()}


def _of_all_records() -> dict[str, Any]:
    items = {"type": "array", "minItems": 1, "maxItems": BATCH_LIMIT, "items": reference("BatchItem")}
    batch = {"application/json": {"schema": closed("成批登记", {"entries": items})}}
    sha256 = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    stored = {"application/json": {"schema": closed("附件", {"sha256": sha256, "size": {"type": "integer"}})}}
    return {
        "/api/v1/batches": {
            "post": {
                "tags": [RECORD],
                "operationId": "batches.record",
                "summary": "成批登记，全部入账或全部不入账",
                "parameters": [_parameter("wait"), _parameter("Idempotency-Key")],
                "requestBody": {"required": True, "content": batch},
                "responses": _answers({"201": {"$ref": "#/components/responses/BatchRecorded"}}, *_OF_RECORDING),
            }
        },
        "/api/v1/attachments/{sha256}": {
            "parameters": [{"name": "sha256", "in": "path", "required": True, "schema": sha256}],
            "put": {
                "tags": [RECORD],
                "operationId": "attachments.put",
                "summary": "上传附件",
                "requestBody": {"required": True, "content": _OCTETS},
                "responses": _answers(
                    {"200": _described("已有", stored), "201": _described("已存", stored)}, 401, 403, 408, 413, 422, 503
                ),
            },
            "get": {
                "tags": [RECORD],
                "operationId": "attachments.get",
                "summary": "下载附件",
                "responses": _answers({"200": _described("文件", _OCTETS)}, 401, 404, 422, 503),
            },
        },
    }


def _of_the_log() -> dict[str, Any]:
    entries = _read(LOG, "log.entries", "条目", _listed(reference("Entry")), ENTRIES_PARAMETERS)
    entry = _read(LOG, "log.entry", "一个条目", _asked(reference("Entry")), ENTRY_PARAMETERS)
    entry["responses"]["200"]["content"] |= _OCTETS
    position = {"name": "position", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}
    stream = {"text/event-stream": {"schema": {"type": "string"}}}
    return {
        "/api/v1/log/entries": {"get": entries},
        "/api/v1/log/entries/{position}": {"parameters": [position], "get": entry},
        "/api/v1/log/checkpoint": {
            "get": _read(LOG, "log.checkpoint", "最近的检查点", _asked(reference("Checkpoint")), CHECKPOINT_PARAMETERS)
        },
        "/api/v1/log/proofs/inclusion": {
            "get": _read(LOG, "log.inclusion", "收录证明", _asked(reference("Inclusion")), INCLUSION_PARAMETERS)
        },
        "/api/v1/log/proofs/consistency": {
            "get": _read(LOG, "log.consistency", "一致性证明", _asked(reference("Consistency")), CONSISTENCY_PARAMETERS)
        },
        "/api/v1/log/stream": {
            "get": {
                "tags": [LOG],
                "operationId": "log.stream",
                "summary": "条目流 (server-sent events)",
                "description": "Each event is an entry, its id the position. With `work=true` an event named `work` has"
                " what is to be done by the asker's office, at first and whenever that has changed.",
                "parameters": [_parameter("after"), _parameter("work"), _parameter("Last-Event-ID")],
                "responses": _answers({"200": _described("条目流", stream)}, 400, 401, 422, 503),
            }
        },
    }


def _of_the_service() -> dict[str, Any]:
    return {
        "/checkpoint": _service("checkpoint", "签名的检查点（C2SP tlog-tiles）", "text/plain", 404, 503),
        **_tiles(),
        "/healthz": _service("health", "进程是否应答", "application/json"),
        "/readyz": _service("ready", "台账可否应答，各视图到哪里", "application/json", 503),
        "/metrics": _service("metrics", "Prometheus 指标", "text/plain", 401, 503, is_open=False),
    }


def _tiles() -> dict[str, Any]:
    index = {"name": "index", "in": "path", "required": True, "schema": {"type": "string"}}
    level = {"name": "level", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 0, "maximum": 7}}
    tile = _service("tile", "默克尔树的一片：256 个散列，或末尾不满的一片", "application/octet-stream", 404, 422, 503)
    entries = _service("bundle", "同一片的条目原文", "application/octet-stream", 401, 403, 404, 422, 503, is_open=False)
    return {
        "/tile/{level}/{index}": {"parameters": [level, index], **tile},
        "/tile/entries/{index}": {"parameters": [index], **entries},
    }


def _schemas() -> dict[str, Schema]:
    found = schemas.of_events()
    for kind, aggregate in AGGREGATES.items():
        found[f"{kind}.Event"] = schemas.of_kind(kind)
        found[f"{kind}.State"] = schemas.of_state(aggregate)
    day: Schema = {"type": "string", "format": "date"}
    item: Schema = {
        "record": {"type": "string", "description": "KIND/id", "examples": ["communities/610112002001"]},
        "type": {"type": "string"},
        "effective_on": day,
        "data": {"type": "object"},
    }
    optional: Schema = {
        "if_version": {"type": "integer", "minimum": 0, "description": "The record's version at the batch's start."},
        "document": reference("Document"),
        "evidence": {"type": "array", "items": {"type": "string", "pattern": "^[0-9a-f]{64}$"}},
        "note": {"type": "string"},
    }
    side = reference("Provenance")
    diff: Schema = {
        "id": {"type": "string"},
        "kind": {"type": "string"},
        "from": side,
        "to": side,
        "changes": {"type": "array", "items": reference("Change")},
    }
    found |= _of_disclosures()
    found |= {"BatchItem": closed("成批登记的一项", item, optional), "Diff": closed("对照", diff)}
    found |= schemas.shared() | score_schemas.of_scores()
    return dict(sorted(found.items()))


def _of_disclosures() -> dict[str, Schema]:
    text: Schema = {"type": "string", "minLength": 1, "maxLength": TEXT_LIMIT}
    asked: Schema = {
        "recipient": text | {"description": "Who is given the keys: an office, a court; no place for a person's name."},
        "reasons": text,
    }
    position: Schema = {"type": "integer", "minimum": 1}
    key: Schema = {
        "position": position,
        "person": {"type": "string"},
        "field": {"type": "string", "format": "json-pointer"},
        "key": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    }
    keys: Schema = {"type": "array", "items": closed("字段密钥", key)}
    told: Schema = {"format": {"const": NAMES_FORMAT}, "about": {"type": "string"}, "position": position}
    return {
        "Disclosure": closed("披露", asked),
        "DisclosedNames": closed("已披露的密钥", {**told, **asked, "keys": keys}),
    }


def _responses() -> dict[str, Any]:
    entry = {"application/json": {"schema": reference("Entry")}}
    batch = {"type": "array", "items": reference("Entry")}
    headers = {
        "Location": {"schema": {"type": "string"}, "description": "where the entry is read"},
        "ETag": {"schema": {"type": "string"}, "description": "the record's version"},
    }
    answers: dict[str, Any] = {
        "Recorded": _described("已入账", entry) | {"headers": headers},
        "BatchRecorded": _described("已入账", {"application/json": {"schema": closed("已入账", {"entries": batch})}}),
    }
    for status in sorted({one.status for one in CODES.values()}):
        codes = [one for one in CODES.values() if one.status == status]
        told = "\n".join(f"- `{one.code}` {one.zh} · {one.en}" for one in codes)
        answers[f"Problem{status}"] = _described(told, {problems.MEDIA_TYPE: {"schema": reference("Problem")}})
    return answers


def _parameters() -> dict[str, Any]:
    return {
        name: {"name": name, "in": where, "schema": schema, "description": description}
        for where, parameters in (("query", _QUERY), ("header", _HEADERS))
        for name, (schema, description) in parameters.items()
    }


def _parameter(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/parameters/{name}"}


def _read(
    tag: str, operation: str, summary: str, answer: Schema, parameters: Sequence[str], headers: Sequence[str] = ()
) -> dict[str, Any]:
    found: dict[str, Any] = _described(summary, {"application/json": {"schema": answer}})
    asked = {"200": found} | ({"304": {"description": "未变"}} if headers else {})
    return {
        "tags": [tag],
        "operationId": operation,
        "summary": summary,
        "parameters": [_parameter(name) for name in (*parameters, *headers)],
        "responses": _answers(asked, 400, 401, 403, 404, 422, 503),
    }


def _service(operation: str, summary: str, media: str, *statuses: int, is_open: bool = True) -> dict[str, Any]:
    said = {media: {"schema": {"type": "object" if media == "application/json" else "string"}}}
    found: dict[str, Any] = {"tags": [SERVICE], "operationId": f"service.{operation}", "summary": summary}
    answers = {"200": _described(summary, said)}
    if is_open:
        answers |= {str(status): _described(summary, said) for status in statuses}
        return {"get": found | {"security": [], "responses": answers}}
    return {"get": found | {"responses": _answers(answers, *statuses)}}


def _answers(found: dict[str, Any], *statuses: int) -> dict[str, Any]:
    return found | {str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in statuses}


def _described(description: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": content}


def _asked(data: Schema) -> Schema:
    return closed("答复", {"data": data, "provenance": reference("Provenance")})


def _listed(data: Schema) -> Schema:
    return closed(
        "一页",
        {
            "data": {"type": "array", "items": data},
            "next": {"type": ["string", "null"]},
            "provenance": reference("Provenance"),
        },
    )
