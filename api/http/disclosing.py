"""Disclosing names: the keys of the fields in a bundle, for a recipient whom the ledger remembers."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import date
from functools import partial
from hashlib import sha256
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from api.bundles.collecting import Collector
from api.composition import Taizhang
from api.http import queries
from api.http.addresses import Address
from api.http.answers import json_answer, json_bytes
from api.http.authentication import Authentication
from api.http.bodies import Bodies, json_object, media_type
from api.http.threads import Threads
from api.http.trail import trail
from application.commands import Command, proposal
from application.filling import PUBLISHES
from application.names import sealed_in
from domain.ledger import DISCLOSED
from domain.offices import Actor
from domain.records import AGGREGATES
from domain.refusals import Code, FieldError, Refused

DISCLOSING_PARAMETERS: Final = ("known_at", "min_position")
BODY_LIMIT: Final = 4 << 10
"""Bytes of a request to disclose at most."""
TEXT_LIMIT: Final = 200
"""Characters of a recipient, and of reasons, at most."""
FORMAT: Final = "taizhang-names/1"
ANSWER_WITHIN: Final = 60.0
"""Seconds that recording a disclosure may take."""
_LEDGER: Final = "ledger/ledger"


class Disclosing:
    """The addresses that disclose."""

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
        self._collector = Collector(
            taizhang.asking, taizhang.assessing, taizhang.heads, taizhang.proving, taizhang.tree.covering
        )

    def routes(self) -> list[Address]:
        """The routes, to stand before those of all kinds of record."""
        return [
            Address(f"/api/v1/{kind}/{{id}}/bundle/names", partial(self.endpoint, kind), methods=["POST"])
            for kind in AGGREGATES
        ]

    async def endpoint(self, kind: str, request: Request) -> Response:
        """The keys of every sealed field in a record's bundle, once the disclosure is recorded.

        Who may issue reports may disclose.
        """
        credentials = self._authentication.credentials(request)
        actor = await self._threads.record(partial(self._authentication.actor, credentials))
        trail(request.scope).actor = actor.account
        query = queries.parameters(request, DISCLOSING_PARAMETERS)
        media_type(request, "application/json")
        async with self._bodies.reading(request, BODY_LIMIT) as raw:
            asked = _asked(json_object(raw))
        return await self._threads.record(
            partial(self._disclosed, actor, kind, request.path_params["id"], dict(query), asked)
        )

    def _disclosed(
        self, actor: Actor, kind: str, record_id: str, query: dict[str, str], asked: dict[str, str]
    ) -> Response:
        if PUBLISHES not in actor.roles:  # before a bundle is made, and heads are sealed for it
            raise Refused(Code.NOT_ENTITLED, f"names are disclosed by the {PUBLISHES}")
        reader = self._taizhang.access.reader(actor)
        moment = self._collector.moment(query.get("known_at"), None, queries.min_position(query))
        found = self._collector.of_record(reader, kind, record_id, moment, None)
        sealed = [(position, one) for position, stored in found.stored.items() for one in sealed_in(stored)]
        keys = [
            {"position": position, "person": one.person, "field": one.pointer, "key": key.hex()}
            for position, one in sealed
            for key in (self._taizhang.field_key(one),)
            if key is not None
        ]
        if not keys:
            raise Refused(Code.NOT_ELIGIBLE, f"the bundle of {found.about} has no name that could be disclosed")
        named = {"about": found.about, "position": moment.position, **asked}
        content = json_bytes({"format": FORMAT, **named, "keys": keys})
        persons = sorted({str(one["person"]) for one in keys})
        data = {
            "report": DISCLOSED,
            "parameters": {**named, "persons": persons},
            "sha256": sha256(content).hexdigest(),
        }
        body = {"type": "ReportIssued", "effective_on": self._today().isoformat(), "data": data}
        filled = self._taizhang.filling.filled(actor.account, _LEDGER, body)
        command = Command(actor.account, (proposal(_LEDGER, filled, today=self._today()),))
        recorded = self._taizhang.recorder.record(command, ANSWER_WITHIN)
        headers = {
            "Location": f"/api/v1/log/entries/{recorded.entries[0].position}",
            "Content-Disposition": f'attachment; filename="{kind}-{record_id}-{moment.position}-names.json"',
        }
        return json_answer({"format": FORMAT, **named, "keys": keys}, 201, headers)


def _asked(body: dict[str, Any]) -> dict[str, str]:
    """To whom and why. Raises Refused (invalid-fields)."""
    errors = [
        FieldError(f"/{name}", "there is no such field") for name in sorted(body.keys() - {"recipient", "reasons"})
    ]
    for name in ("recipient", "reasons"):
        text = body.get(name)
        is_text = isinstance(text, str) and text.strip() and len(text) <= TEXT_LIMIT
        if not is_text or any(unicodedata.category(one) in {"Cc", "Cs"} for one in str(text)):
            errors.append(FieldError(f"/{name}", f"1 to {TEXT_LIMIT} characters, none of them a control character"))
    if errors:
        raise Refused(Code.INVALID_FIELDS, "a disclosure says to whom and why", errors=errors)
    return {name: unicodedata.normalize("NFC", body[name]) for name in ("recipient", "reasons")}
