"""Asking about scores: scoreboard, assessments, findings, schemes and reports, at three times."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from api.composition import Taizhang
from api.http import queries
from api.http.addresses import Address
from api.http.answers import etag
from api.http.problems import Fault, Problem
from api.http.queries import PAGES, TIMES
from api.http.reading import DIFF_PARAMETERS, LIST_PARAMETERS, RECORD_PARAMETERS, Question, Reading
from api.reports import DEFAULT, FORMATS, official, page, written
from application import scheme_answers, score_answers
from application.cursors import cursor_of, read_cursor
from application.reporting import Report
from application.score_json import OUTCOMES
from domain.fact import JsonValue
from domain.refusals import Code, FieldError, Refused

SCOREBOARD_PARAMETERS: Final = ("year", "scheme", "new_city", *PAGES, *TIMES)
LISTED: Final = tuple(dict.fromkeys((*SCOREBOARD_PARAMETERS, *LIST_PARAMETERS)))
ASSESSMENT_PARAMETERS: Final = ("scheme", *TIMES)
ASSESSMENT_DIFF_PARAMETERS: Final = ("from_known_at", "to_known_at", "on", "scheme", "min_position")
FINDINGS_PARAMETERS: Final = ("year", "new_city", "rule", "outcome", "scheme", *PAGES, *TIMES)
SCHEME_DIFF_PARAMETERS: Final = ("to", *DIFF_PARAMETERS, "known_at", "on")
DISPUTE_REPORT_PARAMETERS: Final = ("dispute", "format", *TIMES)
REPORT_PARAMETERS: Final = ("year", "new_city", "format", "scheme", *TIMES)

ASSESSMENTS, SCHEMES = "/api/v1/assessments", "/api/v1/schemes"
FINDINGS, REPORT = "/api/v1/findings", "/api/v1/reports/assessment"
DISPUTE_REPORT = "/api/v1/reports/dispute"

_SHOWN: Final = {"html": "inline", "pdf": "inline"}
"""What a browser shows by itself; the rest it keeps."""
_YEAR = re.compile(r"(19|2\d)\d{2}", re.ASCII)


class Assessing:
    """The addresses that answer about scores."""

    def __init__(self, taizhang: Taizhang, reading: Reading) -> None:
        self._asking = taizhang.asking
        self._scores = taizhang.scores
        self._reports = taizhang.reports
        self._schemes = taizhang.assessing.yardsticks
        self._reading = reading

    def routes(self) -> list[Address]:
        """The routes, to stand before those of all kinds of record."""
        endpoint = self._reading.endpoint
        return [
            Address(ASSESSMENTS, endpoint(self.assessments, LISTED, "assessments")),
            Address(f"{ASSESSMENTS}/{{id}}", endpoint(self.assessment, ASSESSMENT_PARAMETERS, "assessments")),
            Address(f"{ASSESSMENTS}/{{id}}/diff", endpoint(self.difference, ASSESSMENT_DIFF_PARAMETERS, "assessments")),
            Address(f"{SCHEMES}/{{id}}", endpoint(self.scheme, RECORD_PARAMETERS, "schemes")),
            Address(f"{SCHEMES}/{{id}}/diff", endpoint(self.scheme_diff, SCHEME_DIFF_PARAMETERS, "schemes")),
            Address(FINDINGS, endpoint(self.findings, FINDINGS_PARAMETERS)),
            Address(DISPUTE_REPORT, endpoint(self.dispute_report, DISPUTE_REPORT_PARAMETERS)),
            Address(REPORT, endpoint(self.report, REPORT_PARAMETERS)),
        ]

    def assessments(self, asked: Question) -> Response:
        """The scoreboard of a year; without one, the assessments on record."""
        query = asked.query
        if "year" not in query:
            _refuse_beside(query, LIST_PARAMETERS, "only beside year")
            return self._reading.listing(asked)
        _refuse_beside(query, SCOREBOARD_PARAMETERS, "not beside year")
        year, size, tag = year_of(query), queries.limit(query), f"scores {query['year']}"
        after = read_cursor(queries.cursor(query), tag, r"[a-z0-9-]{2,32}")
        moment = self._reading.moment(query)
        board = self._scores.scoreboard(asked.reader, year, moment, query.get("scheme"))
        found = [one.new_city for one in board.standings()]
        found = [one for one in found if one > after and _is(query.get("new_city"), one)]
        following = cursor_of(tag, found[size - 1]) if len(found) > size else None
        return self._reading.page([board.row(one) for one in found[:size]], following, moment, board.scheme)

    def assessment(self, asked: Question) -> Response:
        """One New City's score, under the version of the assessment's record as ETag where it is open now."""
        moment = self._reading.moment(asked.query)
        shown, scored = self._scores.assessment(asked.reader, asked.part("id"), moment, asked.query.get("scheme"))
        is_own = moment.is_current and shown["record"] is not None
        headers = {"ETag": etag(scored.standing.assessment.version)} if is_own else None
        return self._reading.found(shown, moment, headers, scored.standing.scheme)

    def difference(self, asked: Question) -> Response:
        """Why a score differs between two times of knowing, about one day."""
        query = dict(asked.query)
        if "on" in query:
            query |= {"from_on": query["on"], "to_on": query["on"]}
        start, end = self._reading.moment(query, "from_"), self._reading.moment(query, "to_")
        shown, scheme = self._scores.difference(asked.reader, asked.part("id"), start, end, query.get("scheme"))
        return self._reading.found(shown, end, scheme=scheme)

    def findings(self, asked: Question) -> Response:
        """A page of what the rules say."""
        query = asked.query
        rule, outcome = query.get("rule"), query.get("outcome")
        if rule is not None and not score_answers.knows_rule(rule):
            raise queries.invalid("rule", "no rule is called so")
        if outcome is not None and outcome not in OUTCOMES:
            raise queries.invalid("outcome", f"one of {', '.join(OUTCOMES)}")
        wanted = score_answers.Question(year_of(query), query.get("new_city") or None, rule, outcome)
        size, tag = queries.limit(query), f"findings {wanted}"
        after = read_cursor(queries.cursor(query), tag, r"[a-z0-9-]+ \d{4} \S+ \d{4}")
        moment = self._reading.moment(query)
        found, following, scheme = self._scores.findings(asked.reader, wanted, moment, query.get("scheme"), after, size)
        return self._reading.page(found, None if following is None else cursor_of(tag, following), moment, scheme)

    def scheme(self, asked: Question) -> Response:
        """A version of the scheme, its rules explained."""
        return self._reading.record(asked, scheme_answers.with_rules)

    def scheme_diff(self, asked: Question) -> Response:
        """What differs between two versions; without `to`, in the record of one."""
        query = asked.query
        if "to" not in query:
            _refuse_beside(query, DIFF_PARAMETERS, "only beside to")
            return self._reading.diff(asked)
        _refuse_beside(query, ("to", *TIMES), "not beside to")
        moment = self._reading.moment(query)
        adopted = self._schemes.adopted(moment.position)
        sides: dict[str, JsonValue] = {}
        for side, scheme in (("from", asked.part("id")), ("to", query["to"])):
            if scheme not in adopted:
                raise _unknown_scheme(side, scheme)
            sides[side] = self._asking.provenance(moment, scheme)
        changes = scheme_answers.scheme_differences(adopted[asked.part("id")], adopted[query["to"]])
        shown = {"id": asked.part("id"), "kind": "schemes", **sides, "changes": changes}
        return self._reading.found(shown, moment, scheme=query["to"])

    def report(self, asked: Question) -> Response:
        """A year's assessment as a report, of all New Cities or of one."""
        query = asked.query
        wanted, year, moment = _format(query), year_of(query), self._reading.moment(query)
        new_city = query.get("new_city") or None
        report = self._reports.assessment(asked.reader, year, moment, query.get("scheme"), new_city)
        return _as_file(report, wanted)

    def dispute_report(self, asked: Question) -> Response:
        """A dispute as a report."""
        query = asked.query
        wanted = _format(query)
        if not query.get("dispute"):
            raise queries.invalid("dispute", "the id of a dispute is required")
        return _as_file(self._reports.dispute(asked.reader, query["dispute"], self._reading.moment(query)), wanted)


def _format(query: Mapping[str, str]) -> str:
    wanted = query.get("format", DEFAULT)
    if wanted not in FORMATS:
        raise queries.invalid("format", f"{' or '.join(FORMATS)}, not {wanted[:20]}")
    return wanted


def _as_file(report: Report, wanted: str) -> Response:
    try:
        file = written(report, wanted)
    except official.NoGlyphs as missing:
        raise Problem(Fault.NO_FONT, str(missing)) from None
    headers: dict[str, str] = {}
    if wanted != DEFAULT:
        headers["Content-Disposition"] = f'{_SHOWN.get(wanted, "attachment")}; filename="{file.name}"'
    if wanted == "html":
        headers["Content-Security-Policy"] = page.POLICY
    return Response(file.content, headers=headers, media_type=file.media_type)


def year_of(query: Mapping[str, str]) -> int:
    """The year asked about. Raises Problem (invalid-parameter)."""
    text = query.get("year")
    if text is None or not _YEAR.fullmatch(text):
        raise queries.invalid("year", "a year of four digits is required")
    return int(text)


def _is(wanted: str | None, value: JsonValue) -> bool:
    return wanted is None or value == wanted


def _refuse_beside(query: Mapping[str, str], allowed: tuple[str, ...], detail: str) -> None:
    for name in query:
        if name not in allowed:
            raise queries.invalid(name, detail)


def _unknown_scheme(side: str, scheme: str) -> Refused:
    detail = f"there is no schemes/{scheme}"
    if side == "from":
        return Refused(Code.NOT_FOUND, detail)
    return Refused(Code.UNKNOWN_REFERENCE, detail, errors=[FieldError("/to", detail)])
