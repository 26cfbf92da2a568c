"""Bundles: what a third party needs to check a record or a report offline, as one archive."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Final

from starlette.responses import Response

from api.bundles.collecting import Collected, Collector
from api.bundles.writing import archive
from api.composition import Taizhang
from api.http import queries
from api.http.addresses import Address
from api.http.assessing import REPORT, year_of
from api.http.problems import Fault, Problem
from api.http.queries import TIMES
from api.http.reading import Question, Reading
from api.reports import FORMATS, official, written
from application.moments import Moment
from domain.records import AGGREGATES

BUNDLE_PARAMETERS: Final = ("since", *TIMES)
REPORT_BUNDLE_PARAMETERS: Final = ("year", "new_city", "scheme", "format", *BUNDLE_PARAMETERS)
OF_REPORT: Final = f"{REPORT}/bundle"
DEFAULT: Final = "pdf"
MEDIA_TYPE: Final = "application/zip"
TURN_WITHIN: Final = 20.0
"""Seconds that a bundle waits for the one before it: each may take as much memory as its limit, a few times."""


class Bundling:
    """The addresses of bundles."""

    def __init__(self, taizhang: Taizhang, reading: Reading) -> None:
        self._taizhang = taizhang
        self._reading = reading
        self._collector = Collector(
            taizhang.asking, taizhang.assessing, taizhang.heads, taizhang.proving, taizhang.tree.covering
        )
        self._turn = threading.Lock()

    def routes(self) -> list[Address]:
        """The routes, to stand before those of all kinds of record."""
        return [
            *(
                Address(
                    f"/api/v1/{kind}/{{id}}/bundle", self._reading.endpoint(self.of_record, BUNDLE_PARAMETERS, kind)
                )
                for kind in AGGREGATES
            ),
            Address(OF_REPORT, self._reading.endpoint(self.of_report, REPORT_BUNDLE_PARAMETERS)),
        ]

    def of_record(self, asked: Question) -> Response:
        """The bundle of a record, by the rights of whoever asks."""
        moment = self._moment(asked.query)
        since, record_id = _since(asked.query), asked.part("id")

        def collected() -> Collected:
            return self._collector.of_record(asked.reader, asked.kind, record_id, moment, since)

        return self._answer(collected, f"{asked.kind}-{record_id}-{moment.position}")

    def of_report(self, asked: Question) -> Response:
        """The bundle of a year's assessment as a report, of all New Cities or of one."""
        query = asked.query
        wanted = query.get("format", DEFAULT)
        if wanted not in FORMATS:
            raise queries.invalid("format", f"{' or '.join(FORMATS)}, not {wanted[:20]}")
        year, moment, since = year_of(query), self._moment(query), _since(query)
        as_asked = self._reading.moment({**query, "on": moment.on.isoformat()})
        report = self._taizhang.reports.assessment(
            asked.reader, year, as_asked, query.get("scheme"), query.get("new_city") or None
        )
        try:
            file = written(report, wanted)
        except official.NoGlyphs as missing:
            raise Problem(Fault.NO_FONT, str(missing)) from None
        issued = self._issued(file.content)
        records = [
            record
            for score in report.answer["data"]["scores"]
            for record in (
                f"assessments/{score['year']}-{score['new_city']}",
                f"new-cities/{score['new_city']}",
                f"schemes/{score['scheme']}",
            )
        ]

        def collected() -> Collected:
            return self._collector.of_report(asked.reader, "reports/assessment", records, issued, moment, since)

        return self._answer(
            collected, f"{report.name}-{moment.position}", (f"report/{file.name}", file.content, issued)
        )

    def _answer(
        self, collected: Callable[[], Collected], name: str, report: tuple[str, bytes, Sequence[int]] | None = None
    ) -> Response:
        if not self._turn.acquire(timeout=TURN_WITHIN):
            raise Problem(Fault.BUSY, "other bundles are being made", headers={"Retry-After": "10"})
        try:
            key, *_ = self._taizhang.keys.signing_keys()
            content = archive(
                collected(),
                key.verifier_key,
                key.sign_note,
                self._taizhang.trust(),
                self._taizhang.attachments.get,
                report,
            )
        finally:
            self._turn.release()
        return Response(
            content, headers={"Content-Disposition": f'attachment; filename="{name}.zip"'}, media_type=MEDIA_TYPE
        )

    def _moment(self, query: Mapping[str, str]) -> Moment:
        return self._collector.moment(query.get("known_at"), query.get("on"), queries.min_position(query))

    def _issued(self, content: bytes) -> list[int]:
        """The positions at which this very report was issued, which is after what it takes account of."""
        head, _ = self._taizhang.log.head()
        ledger = self._taizhang.asking.histories.at("ledger/ledger", head).state
        digest = sha256(content).hexdigest()
        if ledger is None:
            return []
        issued = [one.opened for one in ledger.items("reports").values()]
        return [one.position for one in issued if one.fact.value("sha256") == digest]


def _since(query: Mapping[str, str]) -> int | None:
    text = query.get("since")
    if text is None:
        return None
    size = queries.position(text)
    if not size:
        raise queries.invalid("since", "the size of a checkpoint that was kept")
    return size
