"""What guards ask of procedures: when a case is undecided, and the figures of the scheme in force."""

from __future__ import annotations

from datetime import date

from domain.aggregate import Records
from domain.scheme import Figure, Procedure, adopted, in_force, values_of
from domain.schemes import first_scheme

UNDECIDED = ("proposed", "assented", "returned", "passed")
"""Statuses of a conversion case from its proposal to its decision."""


def procedure_on(day: date, records: Records) -> Procedure:
    """The procedure of the scheme in force on a day.

    Where none is in force it is the first scheme's, as is a figure that an older scheme did not know.
    """
    schemes = adopted(records)
    scheme = in_force(schemes.items(), day)
    figures: dict[str, Figure] = {} if scheme is None else schemes[scheme].value("procedure")
    return Procedure.read(values_of({**first_scheme().procedure, **figures}))
