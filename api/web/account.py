"""The reader's own account: who they are, what they may, and how to leave."""

from __future__ import annotations

from api.web.shell import Shown
from api.web.visit import Visit
from application.reading_trail import may_look


def page(visit: Visit) -> Shown:
    """The account's page."""
    return Shown(
        "account.html",
        visit.words("account.title"),
        {"roles": sorted(visit.actor.roles), "may_look": may_look(visit.actor)},
    )
