"""Who acts, by the names that people know: New Cities, townships and bureaus instead of codes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from api.web.words import Words
from application.asking import Asking
from application.listing import Filters
from application.moments import Moment
from application.rights import Reader
from domain.refusals import Refused


class Offices:
    """Names of offices as known at a moment, for one page."""

    def __init__(self, asking: Asking, reader: Reader, moment: Moment, words: Words) -> None:
        self._asking = asking
        self._reader = reader
        self._moment = moment
        self._words = words
        self._units: dict[tuple[str, str], str] = {}
        self._cities: dict[str, str] | None = None

    def new_cities(self) -> dict[str, str]:
        """The New Cities on record, by id."""
        if self._cities is None:
            found, _, _ = self._asking.listing(self._reader, "new-cities", Filters(), self._moment, 500, None)
            self._cities = {str(one["id"]): str(one["name"]) for one in found}
        return self._cities

    def named(self, new_cities: Iterable[str]) -> dict[str, str]:
        """The names of New Cities, however many there are on record; the id of one that isn't at the moment."""
        paths = {one: f"new-cities/{one}" for one in new_cities}
        names = self._asking.called(paths.values(), self._moment)
        return {one: names.get(path, one) for one, path in paths.items()}

    def new_city(self, new_city: object) -> str:
        """A New City's name, or its id where it isn't on record at the moment."""
        return self.new_cities().get(str(new_city), str(new_city))

    def who(self, recorded_by: dict[str, Any]) -> str:
        """Who recorded an entry: office and name."""
        if recorded_by["account"] == "system":
            return self._words("system")
        office = self.office(recorded_by.get("office"), recorded_by.get("bureau"), recorded_by.get("roles") or ())
        name = recorded_by.get("name") or self._words("person.erased")
        return f"{office} {name}"

    def office(self, office: object, bureau: object, roles: Collection[str]) -> str:
        """An office with its bureau; at the New Area, the inspectorate and the arbiters go by their own names."""
        level, _, unit = str(office or "").partition(":")
        if level == "new-area":
            for role in ("inspectorate", "arbiter", "administrator"):
                if role in roles:
                    return self._words(f"office.{role}")
        shown = self._words.named("office", level) if not unit else self._unit(level, unit)
        if not bureau:
            return shown
        space = "" if self._words.language == "zh" else " "
        return f"{shown}{space}{self._words.named('value', str(bureau))}"

    def _unit(self, level: str, unit: str) -> str:
        if level == "new-city":
            return self.new_city(unit)
        if (level, unit) not in self._units:
            self._units[level, unit] = self._named(level, unit)
        return self._units[level, unit]

    def _named(self, level: str, unit: str) -> str:
        try:
            if level == "community":
                return str(self._asking.record(self._reader, "communities", unit, self._moment)["name"])
            for kind in ("communities", "villages"):
                found, _, _ = self._asking.listing(self._reader, kind, Filters(township=unit), self._moment, 1, None)
                if found:
                    return str(found[0]["township"])
        except Refused:
            pass
        return f"{self._words.named('office', level)} {unit}"
