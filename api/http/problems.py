"""Problems: every error as RFC 9457 `application/problem+json`, with a stable code, in Chinese or English."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import psycopg
from eventsourcing import persistence
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.http.answers import json_bytes
from api.http.trail import trail
from application.committing import Busy, Stopped, Unsettled
from domain.refusals import Code, FieldError, Nature, Refused

MEDIA_TYPE: Final = "application/problem+json"
STATUS: Final[Mapping[Nature, int]] = MappingProxyType(
    {
        Nature.QUESTION: 400,
        Nature.FIELDS: 422,
        Nature.RIGHTS: 403,
        Nature.MISSING: 404,
        Nature.PROCEDURE: 409,
        Nature.STALE: 412,
        Nature.UNAVAILABLE: 503,
    }
)
CHALLENGE: Final = 'Bearer realm="taizhang"'


class _Title(NamedTuple):
    status: int
    zh: str
    en: str


class Fault(Enum):
    """What can be wrong with a request before the ledger is asked, or with the service. Codes are never renamed."""

    MALFORMED = _Title(400, "请求内容无法解析", "The request can't be read")
    BAD_IF_MATCH = _Title(400, "If-Match 不合要求", "Not an If-Match that can be compared")
    BAD_IDEMPOTENCY_KEY = _Title(400, "幂等键不合要求", "Not an Idempotency-Key")
    UNAUTHENTICATED = _Title(401, "未登录或凭证无效", "No valid credentials")
    LOGIN_FAILED = _Title(401, "账户或密码不对", "Account or password is wrong")
    FORGED = _Title(403, "缺少防伪令牌", "The CSRF token is missing or wrong")
    NOT_LINKED = _Title(403, "此身份没有对应的账户", "The identity is linked to no account")
    NO_SUCH_PATH = _Title(404, "没有这个地址", "There is nothing at this address")
    METHOD_NOT_ALLOWED = _Title(405, "此地址不支持该方法", "The address does not take this method")
    TOO_SLOW = _Title(408, "请求内容发送过慢", "The request was sent too slowly")
    TOO_LARGE = _Title(413, "请求内容过大", "The request is too large")
    UNSUPPORTED_MEDIA_TYPE = _Title(415, "不支持的内容类型", "The media type is not supported")
    UNKNOWN_PARAMETER = _Title(422, "没有这个查询参数", "No such query parameter")
    INVALID_PARAMETER = _Title(422, "查询参数不合要求", "A parameter is not valid")
    DIGEST_DIFFERS = _Title(422, "文件与摘要不符", "The file has another digest")
    TOO_MANY_ATTEMPTS = _Title(429, "尝试次数过多", "Too many attempts")
    UNEXPECTED = _Title(500, "系统内部错误", "Something unexpected went wrong")
    NO_FONT = _Title(503, "缺少字体，无法排印", "No font here has all the characters")
    BUSY = _Title(503, "系统繁忙，请稍后再试", "Too much is waiting; come back later")
    UNSETTLED = _Title(503, "是否已入账尚不确定", "Nobody can say yet whether it was recorded")
    UNAVAILABLE = _Title(503, "暂时无法服务", "The service is not available for the moment")

    @property
    def slug(self) -> str:
        """The code as clients see it: `too-large`."""
        return self.name.lower().replace("_", "-")


class Problem(Exception):  # noqa: N818  # an answer, not an error
    """The request is answered with this fault; nothing has been recorded, unless the fault says otherwise."""

    def __init__(
        self,
        fault: Fault,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.fault = fault
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = {**(headers or {})}


class Described(NamedTuple):
    """A code as clients meet it."""

    code: str
    status: int
    zh: str
    en: str

    @classmethod
    def of(cls, one: Code | Fault) -> Described:
        """The description of a refusal's code or of a fault."""
        status = one.value.status if isinstance(one, Fault) else STATUS[one.nature]
        return cls(one.slug, status, one.value.zh, one.value.en)


CODES: Final[Mapping[str, Described]] = MappingProxyType({one.slug: Described.of(one) for one in (*Fault, *Code)})
"""Every code that an answer can have."""


async def answer(request: Request, error: Exception) -> Response:
    """The problem that an exception stands for."""
    return response(request, error)


def response(request: Request, error: Exception) -> Response:
    """The problem that an exception stands for, in the language of the request."""
    match error:
        case Refused():
            more: dict[str, Any] = {"clause": error.clause} if error.clause is not None else {}
            if error.positions:
                more["positions"] = list(error.positions)
            headers = {"Retry-After": "1"} if error.code.nature is Nature.UNAVAILABLE else {}
            return _problem(request, error.code, error.detail, error.errors, more, headers)
        case Problem():
            return _problem(request, error.fault, error.detail, error.errors, {}, error.headers)
        case HTTPException():
            return response(request, _of_framework(error))
        case _:
            return response(request, of_exception(error))


def of_exception(error: Exception) -> Problem:
    """The fault that stands for what the recorder, the database or a mistake of ours raised."""
    match error:
        case Unsettled():
            return unsettled()
        case Busy():
            return Problem(Fault.BUSY, "too many requests are waiting", headers={"Retry-After": "1"})
        case Stopped():
            return Problem(Fault.UNAVAILABLE, "the service is stopping", headers={"Retry-After": "5"})
        case (
            psycopg.OperationalError()
            | psycopg.InterfaceError()
            | persistence.OperationalError()
            | persistence.InterfaceError()
            | ConnectionError()
        ):
            return Problem(Fault.UNAVAILABLE, "the database does not answer", headers={"Retry-After": "5"})
        case _:
            return Problem(Fault.UNEXPECTED, "this has been logged under the request's id")


def unsettled() -> Problem:
    """The answer to a recording whose fate is not known."""
    return Problem(
        Fault.UNSETTLED,
        "repeat the request with the same Idempotency-Key: it is recorded once, whatever happened now; "
        "where it had none, look at the record's events first",
        headers={"Retry-After": "2"},
    )


def language(request: Request) -> str:
    """`zh` or `en`, whichever Accept-Language prefers; `zh` where it says nothing."""
    weights = {"zh": 0.0, "en": 0.0}
    for part in request.headers.get("accept-language", "").split(","):
        said = re.fullmatch(r"\s*(zh|en)(?:-[\w-]+)?\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?", part, re.IGNORECASE)
        if said is not None:
            spoken = said[1].lower()
            weights[spoken] = max(weights[spoken], float(said[2] or 1))
    return "en" if weights["en"] > weights["zh"] else "zh"


def _of_framework(error: HTTPException) -> Problem:
    match error.status_code:
        case 404:
            return Problem(Fault.NO_SUCH_PATH, "there is nothing at this address")
        case 405:
            allowed = sorted((error.headers or {}).get("Allow", "").split(", "))
            allow = ", ".join(allowed)
            return Problem(Fault.METHOD_NOT_ALLOWED, f"this address takes {allow}", headers={"Allow": allow})
        case _:
            return Problem(Fault.MALFORMED, "the request can't be read")


def _problem(
    request: Request,
    code: Code | Fault,
    detail: str,
    errors: Sequence[FieldError],
    more: Mapping[str, Any],
    headers: Mapping[str, str],
) -> Response:
    described = Described.of(code)
    spoken = language(request)
    followed = trail(request.scope)
    followed.problem = described.code
    body: dict[str, Any] = {
        "type": f"/problems/{described.code}",
        "code": described.code,
        "title": described.zh if spoken == "zh" else described.en,
        "status": described.status,
        "detail": detail,
        "instance": f"urn:x-request:{followed.request_id}",
    }
    if errors:
        body["errors"] = [error._asdict() for error in errors]
    body |= more
    fields = {"Content-Language": "zh-CN" if spoken == "zh" else "en", "Vary": "Accept-Language", **headers}
    if described.status == 401:  # noqa: PLR2004  # RFC 9110 section 15.5.2
        fields.setdefault("WWW-Authenticate", CHALLENGE)
    return Response(json_bytes(body), described.status, fields, MEDIA_TYPE)
