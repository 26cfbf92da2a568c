"""Reports as a page that stands alone: nothing is loaded from anywhere, and it prints well."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from application.reporting import DASH, Cell, Report

_STYLE: Final = resources.files("api.reports").joinpath("page.css").read_text(encoding="utf-8")
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Its Content-Security-Policy where it is served: its own style and nothing else."""


def html(report: Report) -> bytes:
    """The report as one page."""
    return _template().render(report=report, style=Markup(_STYLE)).encode()  # noqa: S704  # our own file


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("api.reports", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["cell"] = shown
    return environment.get_template("page.html")


def shown(cell: Cell) -> str:
    """A cell as it is read: points with two decimals, nothing as a dash."""
    match cell:
        case None:
            return DASH
        case Decimal():
            return f"{cell:.2f}"
        case _:
            return str(cell)
