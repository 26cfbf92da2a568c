"""What the server says of a result or a report beside what was sent: the score, the position, the log's tree.

Filled in where it is omitted, checked where it is sent: nothing is published that the log doesn't bear out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, Final, cast

from pydantic import ValidationError

from application.access import Access
from application.asking import Asking
from application.assessing import Assessing
from application.grounding import Grounding
from application.moments import Moment
from application.score_answers import parts_of
from domain.assessment import ResultPublished
from domain.deduction import DeductionImposed
from domain.fact import JsonValue
from domain.ledger import ReportIssued
from domain.refusals import Code, FieldError, Refused

PUBLISHES: Final = "inspectorate"
"""The role that publishes results and issues reports: what anybody else sends is refused for that alone."""
FILLED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        DeductionImposed.event: ("computed_at",),
        ResultPublished.event: ("score", "computed_at", "tree_size", "root_hash"),
        ReportIssued.event: ("tree_size", "root_hash"),
    }
)
"""What may be left to the server, by event."""
_FILLED_IN: Final = (
    ("assessments", DeductionImposed.event),
    ("assessments", ResultPublished.event),
    ("ledger", ReportIssued.event),
)
"""Compared, not looked up: a hostile body may name anything as its type."""


class Filling:
    """Fills in what results and reports say of the log; other events pass as they are. Raises Refused."""

    def __init__(
        self,
        asking: Asking,
        assessing: Assessing,
        access: Access,
        root: Callable[[int], bytes],
        head: Callable[[], int],
    ) -> None:
        """Take what answers; `root` gives the tree's root over the first so many entries, `head` the last position."""
        self._asking = asking
        self._assessing = assessing
        self._access = access
        self._grounding = Grounding(asking.histories, assessing)
        self._root = root
        self._head = head

    def fills(self, record: object, body: Mapping[str, Any]) -> bool:
        """Whether there is anything to fill in."""
        kind = str(record).partition("/")[0]
        return (kind, body.get("type")) in _FILLED_IN

    def filled(self, account: str, record: str, body: Mapping[str, Any], *, check: bool = True) -> dict[str, Any]:
        """The body of an event with what it omits filled in.

        `check` compares what it says with the log, where the account may publish at all; a command that was recorded
        before isn't compared again. Raises Refused: check-failed where it differs, or rests on a simulation;
        not-found where there is no such assessment.
        """
        said: Any = body.get("data", {})
        if not self.fills(record, body) or not isinstance(said, dict):
            return dict(body)
        actor = self._access.account(account)
        compare = check and actor is not None and PUBLISHES in actor.roles
        try:
            known = self._known(record, body, cast("dict[str, Any]", said), compare=compare)
        except Refused as refusal:
            if compare or refusal.code is not Code.CHECK_FAILED:
                raise
            return dict(body)
        return {**body, "data": known | said}

    def _known(
        self, record: str, body: Mapping[str, Any], said: Mapping[str, Any], *, compare: bool
    ) -> dict[str, JsonValue]:
        """What the log says of what is omitted, and of what is sent where that isn't to be compared."""
        if body["type"] == ReportIssued.event:
            if compare:
                self._check_scheme(said.get("parameters"))
            known = self._of_tree(said, self._head(), least=0)
        elif body["type"] == DeductionImposed.event:
            known = self._of_deduction(said)
            if compare:
                self._check_grounds(record, body, known | dict(said))
        else:
            known = self._of_result(record, body, said)
        differing = [name for name, value in known.items() if name in said and said[name] != value]
        if compare and differing:
            detail = "; ".join(f"{name} is {known[name]}, not {said[name]!s:.100}" for name in differing)
            raise Refused(
                Code.CHECK_FAILED,
                f"what was sent differs from what the log says: {detail}",
                errors=[FieldError(f"/data/{name}", f"the log says {known[name]}") for name in differing],
            )
        return known

    def _of_result(self, record: str, body: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, JsonValue]:
        """What can be said of a result: the official score as known at `computed_at`, about the day it is published."""
        computed_at, head = said.get("computed_at", self._head()), self._head()
        effective_on = _day(body.get("effective_on"))
        if type(computed_at) is not int or computed_at < 1 or effective_on is None:
            return {}  # its fields will be found at fault
        if computed_at > head:
            raise _past_the_end("computed_at", head)
        moment = self._asking.moment(str(computed_at), effective_on.isoformat(), None)
        score: dict[str, JsonValue] = {"score": self._official(record, moment)}
        return score | {"computed_at": computed_at} | self._of_tree(said, computed_at, least=computed_at)

    def _of_deduction(self, said: Mapping[str, Any]) -> dict[str, JsonValue]:
        """Where the finding is looked at: here, where nothing is said."""
        head = self._head()
        computed_at = said.get("computed_at", head)
        if type(computed_at) is not int or computed_at < 1:
            return {}  # it will be found at fault
        if computed_at > head:
            raise _past_the_end("computed_at", head)
        return {"computed_at": computed_at}

    def _check_grounds(self, record: str, body: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
        """Look again at what the deduction is imposed for; fields at fault are found so by whoever judges."""
        effective_on = _day(body.get("effective_on"))
        try:
            fact = DeductionImposed.model_validate_json(json.dumps(fields))
        except ValidationError:
            return
        if effective_on is None:
            return
        year, new_city = parts_of(record.partition("/")[2])
        scheme = self._assessing.opened_by(new_city, year, self._head())
        if scheme is None:  # it may open in the same batch
            scheme = self._assessing.scheme(year, self._asking.moment(None, None, None), None)
        self._grounding.check(new_city, year, scheme, fact, effective_on, self._head())

    def _official(self, record: str, moment: Moment) -> str:
        year, new_city = parts_of(record.partition("/")[2])
        if not self._assessing.is_open(new_city, year, self._head()):
            raise Refused(Code.NOT_FOUND, f"there is no {record}")
        official = self._assessing.score(new_city, year, moment).score.official
        if official is None:
            raise Refused(Code.BEFORE_OPENING, f"{record} opens after {moment.on}, or was not known then")
        return f"{official:.2f}"

    def _of_tree(self, said: Mapping[str, Any], size: int, *, least: int) -> dict[str, JsonValue]:
        """The tree's root at the size that is said, or at this one."""
        head = self._head()
        wanted = said.get("tree_size", size)
        if type(wanted) is not int or wanted < 0:
            return {}
        if wanted > head:
            raise _past_the_end("tree_size", head)
        if wanted < least:
            raise Refused(
                Code.CHECK_FAILED,
                f"a tree of {wanted} entries does not hold position {least}",
                errors=[FieldError("/data/tree_size", f"{least} or more")],
            )
        return {"tree_size": wanted, "root_hash": self._root(wanted).hex()}

    def _check_scheme(self, parameters: Any) -> None:  # noqa: ANN401  # as it was sent
        """Refuse a report that was made by another scheme than the one that judges its year."""
        match parameters:
            case {"simulated": True}:
                raise _simulated("the report is marked as simulated")
            case {"year": int(year), "scheme": str(scheme), **others} if 1949 <= year <= 2999:  # noqa: PLR2004  # a year
                known_at: object = others.get("known_at")
                moment = self._asking.moment(None if known_at is None else str(known_at), None, None)
                in_force = self._assessing.scheme(year, moment, None)
                if scheme != in_force:
                    raise _simulated(f"{year} is judged by {in_force}, not by {scheme}")
            case _:
                return


def _simulated(detail: str) -> Refused:
    return Refused(Code.CHECK_FAILED, f"a simulation is never issued: {detail}")


def _past_the_end(name: str, head: int) -> Refused:
    return Refused(
        Code.CHECK_FAILED, f"the log ends at {head}", errors=[FieldError(f"/data/{name}", f"at most {head}")]
    )


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        return None
