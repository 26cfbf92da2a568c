"""What stands below `/assessments/`: the board of a year, and one New City's year explained."""

from __future__ import annotations

from api.composition import Taizhang
from api.web.explanation import Explanation
from api.web.scoreboard import Scoreboard, year_of
from api.web.shell import Shown
from api.web.visit import Visit


class Assessments:
    """Chooses between the two by the address: `2020`, or `2020-fengxi`."""

    def __init__(self, taizhang: Taizhang, explanation: Explanation) -> None:
        self._board = Scoreboard(taizhang)
        self._explanation = explanation

    def page(self, visit: Visit) -> Shown:
        """The page that the address names. Raises Refused where it names none."""
        year = year_of(visit.parts["id"])
        return self._explanation.page(visit) if year is None else self._board.page(year, visit)
