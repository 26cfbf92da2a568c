"""Recording: one event, or a batch; answered once it is durable."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import date
from functools import partial
from itertools import count
from typing import Any, Final, NamedTuple, cast

from starlette.requests import Request
from starlette.responses import Response

from api.composition import Taizhang
from api.http import problems
from api.http.answers import etag, json_answer
from api.http.authentication import Authentication
from api.http.bodies import BATCH_LIMIT, SINGLE_LIMIT, Bodies, canonical, json_object, media_type
from api.http.problems import Fault, Problem
from api.http.queries import invalid, parameters
from api.http.threads import Threads
from api.http.trail import trail
from application.commands import Command, Idempotent, Proposal, batch, proposal
from application.committing import Recorded
from application.filling import FILLED
from application.judging import placed
from domain.fact import JsonValue
from domain.records import aggregate
from domain.refusals import Code, FieldError, Refused

ANSWER_WITHIN: Final = 60.0
"""Seconds that a recording may take."""
WAITING: Final = ("wait",)
INLINE: Final = 32 << 10
"""Bytes of a body that is parsed without a thread: sooner done than handed over."""

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_ETAG = re.compile(r'(W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_OUR_ETAG = re.compile(r'"(0|[1-9]\d{0,14})"', re.ASCII)

Entries = list[dict[str, JsonValue]]
Fill = Callable[[str | None, Any], Any]
Build = Callable[[dict[str, Any], Fill], tuple[Proposal, ...]]


class Recording:
    """The two addresses that record events."""

    def __init__(
        self,
        taizhang: Taizhang,
        authentication: Authentication,
        threads: Threads,
        bodies: Bodies,
        today: Callable[[], date],
    ) -> None:
        self._taizhang = taizhang
        self._authentication = authentication
        self._threads = threads
        self._bodies = bodies
        self._today = today

    async def event(self, kind: str, request: Request) -> Response:
        """Record one event in a record of the kind."""
        record = f"{kind}/{request.path_params['id']}"

        def prepare() -> Build:
            expected = _expectation(request)
            return lambda body, fill: (expected(proposal(record, fill(record, body), today=self._today())),)

        return await self._record(request, _SINGLE, prepare)

    async def batch(self, request: Request) -> Response:
        """Record a batch: all or nothing."""

        def prepare() -> Build:
            if request.headers.getlist("if-match"):
                raise Problem(Fault.BAD_IF_MATCH, "a batch has no version: its entries may each have an if_version")
            return build

        def build(body: dict[str, Any], fill: Fill) -> tuple[Proposal, ...]:
            errors = [FieldError(f"/{name}", "there is no such field") for name in sorted(body.keys() - {"entries"})]
            if not isinstance(body.get("entries"), list):
                errors.append(FieldError("/entries", "a list of entries is required"))
            if errors:
                raise Refused(Code.INVALID_FIELDS, "a batch is an object with a list, entries", errors=errors)
            return batch(list(map(partial(_filled_item, fill), body["entries"], count())), today=self._today())

        return await self._record(request, _BATCH, prepare)

    async def _record(self, request: Request, manner: _Manner, prepare: Callable[[], Build]) -> Response:
        followed = trail(request.scope)
        credentials = self._authentication.credentials(request)
        actor = await self._threads.record(partial(self._authentication.actor, credentials))
        followed.actor = actor.account
        is_sealed = _waits_for_seal(request)
        media_type(request, "application/json")
        key, build = _idempotency_key(request), prepare()
        async with self._bodies.reading(request, manner.limit) as raw:
            make = partial(self._proposed, request, actor.account, key, raw, build)
            is_soon_done = len(raw) <= INLINE and not any(event.encode() in raw for event in FILLED)
            proposals, idempotent = make() if is_soon_done else await self._threads.record(make)
        recorded = await _answered(self._taizhang, Command(actor.account, proposals, idempotent, manner.is_batch))
        followed.position = recorded.entries[-1].position
        followed.outcome = "replayed" if recorded.replayed else "recorded"
        try:
            return await self._threads.record(partial(self._shown, recorded, manner.answer, is_sealed=is_sealed))
        except Exception as error:
            if problems.of_exception(error).fault is Fault.UNAVAILABLE:
                raise problems.unsettled() from error  # it is recorded, but the answer can't be given now
            raise

    def _shown(self, recorded: Recorded, answer: Callable[[Entries], Response], *, is_sealed: bool) -> Response:
        """The answer with the entries that were asked for; what they brought about is left out."""
        entries = [one for one in self._taizhang.asking.recorded(recorded.entries) if one["causation_id"] is None]
        if is_sealed and self._taizhang.proving.await_sealed(recorded.entries[-1].position):
            for entry in entries:
                entry["sealed"] = self._taizhang.proving.sealed(cast("int", entry["position"]))
        return answer(entries)

    def _proposed(
        self, request: Request, account: str, key: str | None, raw: bytes, build: Build
    ) -> tuple[tuple[Proposal, ...], Idempotent | None]:
        body = json_object(raw)
        idempotent = None
        if key is not None:
            asked = f"{request.method} {request.url.path}\n".encode() + canonical(body)
            idempotent = Idempotent(key, self._taizhang.keys.idempotency_mac(account, asked))
        return build(body, partial(self._filled, account, key, _version_named(request))), idempotent

    def _filled(self, account: str, key: str | None, version: int | None, record: str | None, body: Any) -> Any:  # noqa: ANN401  # as sent
        """The body of an event, or item of a batch, with what it may leave to the server.

        What was recorded before isn't checked again; what expects another version is refused for that, by the judge.
        """
        if not isinstance(body, dict):
            return body
        filling, event = self._taizhang.filling, cast("dict[str, Any]", body)
        named = str(event.get("record")) if record is None else record
        if not filling.fills(named, event):
            return event
        is_known = key is not None and bool(self._taizhang.log.command(f"{account} {key}"))
        expected = event.get("if_version") if record is None else version
        is_moved = expected is not None and expected != self._version(named)
        return filling.filled(account, named, event, check=not (is_known or is_moved))

    def _version(self, record: str) -> int:
        return self._taizhang.asking.histories.at(record, self._taizhang.log.head()[0]).version


def _of_event(entries: Entries) -> Response:
    entry, *_ = entries
    headers = {"Location": f"/api/v1/log/entries/{entry['position']}", "ETag": etag(entry["version"])}
    return json_answer(entry, 201, headers)


def _of_batch(entries: Entries) -> Response:
    return json_answer({"entries": entries}, 201)


class _Manner(NamedTuple):
    """Whether one event is recorded, or a batch."""

    is_batch: bool
    limit: int
    answer: Callable[[Entries], Response]


_SINGLE = _Manner(is_batch=False, limit=SINGLE_LIMIT, answer=_of_event)
_BATCH = _Manner(is_batch=True, limit=BATCH_LIMIT, answer=_of_batch)


def _filled_item(fill: Fill, item: object, index: int) -> Any:  # noqa: ANN401  # as sent
    try:
        return fill(None, item)
    except Refused as refusal:
        raise placed(refusal, index) from None


async def _answered(taizhang: Taizhang, command: Command) -> Recorded:
    """What the command came to. Raises what it was refused with; Problem where there is no answer in time."""
    future = taizhang.recorder.submit(command)
    waited = asyncio.wrap_future(future)
    waited.add_done_callback(lambda one: one.cancelled() or one.exception())  # nobody may be left to take it
    done, _ = await asyncio.wait([waited], timeout=ANSWER_WITHIN)
    if done:
        return waited.result()
    if future.cancel():
        raise Problem(Fault.BUSY, "it could not be recorded in time; nothing was", headers={"Retry-After": "5"})
    raise problems.unsettled()


def _idempotency_key(request: Request) -> str | None:
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        raise Problem(Fault.BAD_IDEMPOTENCY_KEY, "an Idempotency-Key is 1 to 255 visible ASCII characters, once")
    return given[0]


def _waits_for_seal(request: Request) -> bool:
    """Whether the answer is to wait for the checkpoint that covers it. Raises Problem (invalid-parameter)."""
    wanted = parameters(request, WAITING).get("wait")
    if wanted not in {None, "sealed"}:
        raise invalid("wait", "sealed, or left out")
    return wanted is not None


def _expectation(request: Request) -> Callable[[Proposal], Proposal]:
    """Gives a proposal the version that If-Match names; refuses it where nothing could match."""
    given = request.headers.getlist("if-match")
    if not given:
        return lambda one: one
    if len(given) > 1 or not (given[0] == "*" or _ETAG.fullmatch(given[0])):
        raise Problem(Fault.BAD_IF_MATCH, 'If-Match is the ETag of the record, "<version>", or *')
    return partial(_expecting, given[0])


def _version_named(request: Request) -> int | None:
    """The version that If-Match names, where it names one."""
    ours = _OUR_ETAG.fullmatch(request.headers.get("if-match", ""))
    return None if ours is None else int(ours[1])


def _expecting(tag: str, one: Proposal) -> Proposal:
    ours = _OUR_ETAG.fullmatch(tag)
    if ours is not None:
        return one._replace(if_version=int(ours[1]))
    if tag != "*":
        raise Refused(Code.VERSION_MOVED, f"{tag} is no ETag of {one.record}, or a weak one")
    if isinstance(one.fact, aggregate(one.record.partition("/")[0]).opening):
        raise Refused(Code.VERSION_MOVED, f"If-Match: * asks for a record that exists; {one.fact.event} opens one")
    return one
