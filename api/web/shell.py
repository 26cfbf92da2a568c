"""The frame around every page: head, sections, time bar, foot; and the templates that pages are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from api.composition import Taizhang
from api.web import formatting
from api.web.offices import Offices
from api.web.visit import Visit
from application.asking import Asking
from application.rights import Reader
from domain.fact import JsonValue

DEMO_ORIGIN: Final = "demo.taizhang.local/"
"""What the origin of a demonstration's ledger begins with."""


class Section(NamedTuple):
    """One of the main sections: where it is, what it is called, and which paths belong to it."""

    path: str
    word: str
    below: tuple[str, ...]


SECTIONS: Final = (
    Section("/assessments", "nav.assessments", ("/assessments", "/inspections/assessments")),
    Section("/communities", "nav.communities", ("/communities", "/villages", "/new-cities", "/new-area")),
    Section("/conversion-cases", "nav.conversion", ("/conversion-cases",)),
    Section("/estates", "nav.premises", ("/estates",)),
    Section("/funding-allocations", "nav.funding", ("/funding-allocations",)),
    Section("/disputes", "nav.disputes", ("/disputes",)),
    Section("/inspections", "nav.inspections", ("/inspections",)),
    Section("/schemes", "nav.rules", ("/schemes", "/policy")),
    Section("/verify", "nav.verify", ("/verify", "/log", "/checkpoints")),
)


class Shown(NamedTuple):
    """A page before its frame is put around it: a template, its title, and what the template is filled with."""

    template: str
    title: str
    context: Mapping[str, Any]
    status: int = 200


class Shell:
    """Renders pages in their frame."""

    def __init__(self, taizhang: Taizhang) -> None:
        self._asking: Asking = taizhang.asking
        self._is_demo = taizhang.keys.signing_key.origin.startswith(DEMO_ORIGIN)
        self._templates = Environment(
            loader=PackageLoader("api.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.filters.update(
            points=formatting.points,
            signed=formatting.signed,
            money=formatting.money,
            short=formatting.short,
            grouped=formatting.grouped,
            fullwidth=formatting.fullwidth,
            unbroken=formatting.unbroken,
            stamp=formatting.stamp,
        )

    def render(self, visit: Visit, shown: Shown) -> HTMLResponse:
        """The whole page."""
        return HTMLResponse(
            self._templates.get_template(shown.template).render(self._frame(visit, shown) | dict(shown.context)),
            shown.status,
            {"Vary": "Accept-Language"},
        )

    def alone(self, template: str, context: Mapping[str, Any]) -> str:
        """A template filled without the frame: what nobody has logged in for, and what is printed."""
        return self._templates.get_template(template).render(dict(context))

    def account_name(self, visit: Visit) -> str:
        """The name of the person behind the account; its id where the person has been erased."""
        own = Reader(visit.actor.account, everything=True)
        now = self._asking.moment(None, None, None)
        record: dict[str, Any] = self._asking.record(own, "accounts", visit.actor.account, now)
        return str(record["person"]["name"] or visit.actor.account)

    def office(self, visit: Visit) -> str:
        """The account's office, by name."""
        now = self._asking.moment(None, None, None)
        offices = Offices(self._asking, visit.reader, now, visit.words)
        return offices.office(visit.actor.office, visit.actor.bureau, visit.actor.roles)

    def _frame(self, visit: Visit, shown: Shown) -> dict[str, Any]:
        here = visit.path
        return {
            "t": visit.words,
            "f": visit.format,
            "lang": visit.words.language,
            "visit": visit,
            "url": visit.url,
            "title": shown.title,
            "demo": self._is_demo,
            "sections": [(one, any(here == path or here.startswith((f"{path}/", f"{path}?")) for path in one.below))
                         for one in SECTIONS],
            "me": {"name": self.account_name(visit), "office": self.office(visit)},
            "bar": self._bar(visit),
        }  # fmt: skip

    def _bar(self, visit: Visit) -> dict[str, Any]:
        moment = visit.moment
        provenance = self._asking.provenance(moment)
        checkpoint: JsonValue = provenance["checkpoint"]
        later = 0
        if visit.is_past:
            now = self._asking.moment(None, None, None)
            later = now.position - moment.position
        return {
            "past": visit.is_past,
            "on": moment.on,
            "known_at": moment.known_at,
            "position": moment.position,
            "checkpoint": checkpoint,
            "later": later,
        }
