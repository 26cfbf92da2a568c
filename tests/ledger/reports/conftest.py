"""A New City that was found wanting, assessed or not, and its reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from application.rights import Reader
from domain.schemes import first_scheme

EVERYTHING = Reader("inspector", everything=True)


@pytest.fixture
def counted(offices: Any) -> Any:
    """Fengdong, with a community that is too small and much that nobody can say."""
    offices.record("township", "communities/610112002001", "HouseholdsCounted", "2020-06-30", households=872)
    return offices


@pytest.fixture
def report(offices: Any) -> Callable[..., Any]:
    """Makes the report on 2020, as known at a position."""

    def made(known_at: object, on: str = "2021-03-01", scheme: str | None = None, new_city: str | None = None) -> Any:
        moment = offices.ledger.asking.moment(str(known_at), on, None)
        return offices.ledger.reports.assessment(EVERYTHING, 2020, moment, scheme, new_city)

    return made


@pytest.fixture
def another_scheme(counted: Any) -> str:
    """A version of the scheme that judges 2022, and 2020 only as a simulation."""
    from api.administration import issue_key  # noqa: PLC0415  # few tests need it

    for number in range(6):
        issue_key(counted.ledger, f"arbiter-{number}", "new-area", None, ["arbiter"])
    fields = first_scheme().model_dump(mode="json", exclude_none=True) | {"effective_from": "2022-01-01"}
    counted.record("new-area", "schemes/opinions-2022", "SchemeAdopted", "2021-01-04", **fields)
    return "opinions-2022"
