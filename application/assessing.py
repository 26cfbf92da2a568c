"""Scores of New Cities at three times: as known when, about which day, and by which version of the scheme."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple, TypeAlias

from application.decided import Decided, Ground
from application.gathering import Gathered, Gathering
from application.histories import Histories
from application.moments import ZONE, Moment
from application.recent import Recent
from application.yardsticks import Yardsticks
from domain import causes, scoring
from domain.assessment import AssessmentOpened, ResultPublished
from domain.causes import Cause, Change
from domain.fact import JsonValue
from domain.history import History
from domain.records import shown_beside
from domain.refusals import Code, Refused
from domain.rules.city import judged_day
from domain.rules.finding import evidence
from domain.scheme import SchemeAdopted, SchemeRepealed
from domain.scoring import Deduction, Judged, Score
from domain.state import State

JUDGED_FINDINGS: Final = 150_000
"""Findings of scores that are kept at most: about 1 KB each."""
ANSWERS: Final = 20_000
"""Answers that are remembered: where each stands, not the scores themselves."""
NEW_CITIES_KEPT: Final = 16
"""New Cities whose records are kept in memory after a question; one about more passes over them and keeps none."""
PASSED_AT_ONCE: Final = 4
"""New Cities whose records are held at once in passing."""

_DECISIVE = (SchemeAdopted, SchemeRepealed, AssessmentOpened)


class Asked(NamedTuple):
    """Whose score is asked for, at which three times."""

    new_city: str
    year: int
    position: int
    on: date
    scheme: str | None
    """None: the one in force on the year's last day, or the one that the assessment was opened with."""


class Standing(NamedTuple):
    """By what a score was judged, and the assessment's own record."""

    scheme: str
    simulated: bool
    """Whether it is another scheme than the one that judges the year."""
    assessment: History
    """The assessment's entries, as known then; none where it isn't opened."""
    record: State | None
    """The assessment on the asked day; None where it isn't opened."""
    deductions: tuple[Deduction, ...] | None
    """Its deductions; None where it isn't opened."""
    beside: Mapping[str, JsonValue]
    """What the record is shown with that stands in other records."""
    key: ScoreKey


class Scored(NamedTuple):
    """A New City's score, and what it stands on."""

    score: Score
    standing: Standing

    @property
    def path(self) -> str:
        """The assessment's path."""
        return f"assessments/{self.score.year}-{self.score.new_city}"

    @property
    def place(self) -> Place:
        """Where it stands beside others."""
        score, record = self.score, self.standing.record
        is_published = record is not None and ResultPublished.event in record.steps
        merit = score.official is not None, score.indicative if score.official is None else score.official
        return Place(score.new_city, merit, is_published)


class Place(NamedTuple):
    """What ranks a New City among the others: little enough to hold for all of them."""

    new_city: str
    merit: tuple[bool, Decimal]
    """Those assessed come first, by the official score; the others after them, by the indicative one."""
    is_published: bool
    """Whether everybody may know the official score."""


ScoreKey: TypeAlias = tuple[str, int, date, str, int, str | None]
"""New City, year, judged day, scheme, last entry of the New City's records, and its deductions as they stand."""


class Difference(NamedTuple):
    """How a score moved between two times of knowing."""

    before: Scored
    after: Scored
    causes: Sequence[Cause]


class Assessing:
    """Scores, findings and differences. Every method raises Refused for a bad question."""

    def __init__(self, histories: Histories) -> None:
        self._histories = histories
        self._gathering = Gathering(histories)
        self.yardsticks = Yardsticks(histories)
        self._decided = Decided(histories, self.judged_then)
        self._standings: Recent[Asked, Standing] = Recent(ANSWERS)
        self._scores: Recent[ScoreKey, Score] = Recent(JUDGED_FINDINGS)

    def scores(
        self, year: int, moment: Moment, scheme: str | None = None, *, part: int = 0, parts: int = 1
    ) -> Iterator[Scored]:
        """The scores of all New Cities on record on the asked day, by id, or of the part of them with that number.

        What they stand on is held for a few New Cities at a time, however many there are.
        Raises Refused: no-scheme for a year that none judges, unknown-reference for a scheme that is not adopted.
        """
        self.scheme(year, moment, scheme)
        yield from self._scored(self.registered(moment)[part::parts], year, moment, scheme)

    def score(self, new_city: str, year: int, moment: Moment, scheme: str | None = None) -> Scored:
        """One New City's score.

        Raises Refused as `scores` does; not-found for an unknown New City, not-yet for one registered later.
        """
        steps = self._histories.at(f"new-cities/{new_city}", moment.position).steps
        if not steps:
            raise Refused(Code.NOT_FOUND, f"there is no new-cities/{new_city}")
        (scored,) = self._scored([new_city], year, moment, scheme)
        if steps[0].effective_on > moment.on:
            raise Refused(Code.NOT_YET, f"new-cities/{new_city} is registered after {moment.on}")
        return scored

    def of(self, new_cities: Sequence[str], year: int, moment: Moment, scheme: str | None) -> Iterator[Scored]:
        """The scores of New Cities on record on the asked day, as they are named."""
        yield from self._scored(new_cities, year, moment, scheme)

    def is_alone(self, scored: Scored, moment: Moment, scheme: str | None) -> bool:
        """Whether no other New City has a score beside: it was opened by a scheme that no longer judges the year."""
        return scheme is None and self.yardsticks.of_year(scored.score.year, moment.position) is None

    def findings(
        self, new_city: str | None, year: int, moment: Moment, scheme: str | None, first: str = ""
    ) -> Iterator[Scored]:
        """The scores of the New City, or of all from the first on that are on record on the asked day, by id.

        Raises Refused as `scores` does.
        """
        self.scheme(year, moment, scheme)
        wanted = [one for one in self.registered(moment) if new_city in {None, one} and one >= first]
        yield from self._scored(wanted, year, moment, scheme)

    def difference(self, new_city: str, year: int, start: Moment, end: Moment, scheme: str | None) -> Difference:
        """Why the score differs between two times of knowing, both about one day."""
        if end.position < start.position:
            back = self.difference(new_city, year, end, start, scheme)
            return Difference(back.after, back.before, [cause._replace(points=-cause.points) for cause in back.causes])
        before, after = (self.score(new_city, year, moment, scheme) for moment in (start, end))
        anew: Score | None = None
        adopted_at: tuple[int, ...] = ()
        if before.standing.scheme != after.standing.scheme:
            anew = self._by_another(new_city, year, start, before.standing, after.standing.scheme, end.position)
            adopted_at = self._chosen_at(before.standing, after, start.position, end.position)
        (gathered,) = self._gathering.gather([new_city], end.position)
        changes: list[Change] = []
        for record, history in (*gathered.histories.items(), (after.path, after.standing.assessment)):
            changes += causes.changes_in(record, history, start.position, _day_of(start))
        found = causes.difference(before.score, after.score, sorted(changes), anew, adopted_at)
        return Difference(before, after, found)

    def _by_another(
        self, new_city: str, year: int, moment: Moment, standing: Standing, scheme: str, position: int
    ) -> Score:
        """What was known at a moment, judged by a scheme that was adopted by a later position."""
        (gathered,) = self._gathering.gather([new_city], moment.position)
        yardstick = self.yardsticks.yardstick(scheme, position)
        return scoring.score(gathered.city(year, moment.on), yardstick, standing.deductions)

    def _chosen_at(self, before: Standing, after: Scored, start: int, end: int) -> tuple[int, ...]:
        """The positions, past the first, of the entries by which another scheme came to judge."""
        schemes = self.yardsticks.adopted(end)
        states = [schemes.get(before.scheme), schemes.get(after.standing.scheme), after.standing.record]
        steps = [
            step
            for state in states
            if state is not None
            for step in (*state.fields.values(), *state.steps.values())
            if isinstance(step.fact, _DECISIVE)
        ]
        return tuple(position for position in evidence(*steps) if position > start)

    def scheme(self, year: int, moment: Moment, scheme: str | None) -> str:
        """The scheme that a year is judged by. Raises Refused: no-scheme, or unknown-reference for the one asked."""
        if scheme is not None:
            self.yardsticks.yardstick(scheme, moment.position)
            return scheme
        in_force = self.yardsticks.of_year(year, moment.position)
        if in_force is None:
            raise no_scheme(year)
        return in_force

    def is_open(self, new_city: str, year: int, position: int) -> bool:
        """Whether the year's assessment has been opened by a position, whatever the day."""
        return self._histories.at(f"assessments/{year}-{new_city}", position).state is not None

    def opened_by(self, new_city: str, year: int, position: int) -> str | None:
        """The scheme that the year's assessment was opened with by a position; None where it isn't open."""
        state = self._histories.at(f"assessments/{year}-{new_city}", position).state
        return None if state is None else state.value("scheme")

    def judged_then(self, ground: Ground, position: int) -> Sequence[Judged]:
        """What the rules of an indicator said of a record there and then, by a scheme adopted by a position."""
        (gathered,) = self._gathering.gather([ground.new_city], ground.computed_at)
        yardstick = self.yardsticks.yardstick(ground.scheme, position)
        uses = tuple(use for use in yardstick.uses if use.indicator == ground.indicator)
        found = scoring.findings(gathered.city(ground.year, ground.on), yardstick._replace(uses=uses))
        return [one for one in found if one.finding.about == ground.about]

    def registered(self, moment: Moment) -> list[str]:
        """The New Cities on record on the asked day, by id."""
        paths = [f"new-cities/{one}" for one in self._gathering.new_cities(moment.position)]
        histories = self._histories.many(paths, moment.position)
        return sorted(
            path.partition("/")[2]
            for path, history in histories.items()
            if history.steps and history.steps[0].effective_on <= moment.on
        )

    def _scored(self, new_cities: Sequence[str], year: int, moment: Moment, scheme: str | None) -> Iterator[Scored]:
        passing = len(new_cities) > NEW_CITIES_KEPT
        at_once = PASSED_AT_ONCE if passing else NEW_CITIES_KEPT
        in_force = self.yardsticks.of_year(year, moment.position)
        for start in range(0, len(new_cities), at_once):
            several = new_cities[start : start + at_once]
            known = {one: self._known(Asked(one, year, moment.position, moment.on, scheme)) for one in several}
            missing = [one for one, scored in known.items() if scored is None]
            gathered = iter(self._gathering.gather(missing, moment.position, passing=passing) if missing else ())
            for scored in known.values():
                yield scored or self._judged(next(gathered), year, moment, scheme, in_force, passing=passing)

    def _known(self, asked: Asked) -> Scored | None:
        """The score as it was judged before, where it is remembered."""
        standing = self._standings.get(asked)
        score = None if standing is None else self._scores.get(standing.key)
        return None if standing is None or score is None else Scored(score, standing)

    def _standing(
        self, gathered: Gathered, year: int, moment: Moment, scheme: str | None, in_force: str | None
    ) -> Standing:
        new_city = gathered.new_city
        assessment = self._histories.at(f"assessments/{year}-{new_city}", moment.position)
        record = assessment.on(moment.on)
        default: str | None = in_force if record is None else record.value("scheme")
        chosen = scheme or default
        if chosen is None:
            raise no_scheme(year)
        deductions = self._decided.deductions(f"assessments/{year}-{new_city}", record, moment.position, moment.on)
        decided = None if deductions is None else json.dumps([dict(one.shown) for one in deductions])
        key = (new_city, year, judged_day(year, moment.on), chosen, gathered.last_position, decided)
        beside: dict[str, JsonValue] = {}
        if record is not None:
            known = self._histories.known_at(moment.position)
            beside = shown_beside(assessment.aggregate, record, known, moment.on)
        return Standing(chosen, chosen != default, assessment, record, deductions, beside, key)

    def _judged(  # a question, and what is known once for all New Cities
        self, gathered: Gathered, year: int, moment: Moment, scheme: str | None, in_force: str | None, *, passing: bool
    ) -> Scored:
        standing = self._standing(gathered, year, moment, scheme, in_force)
        score = self._scores.get(standing.key)
        if score is None:
            yardstick = self.yardsticks.yardstick(standing.scheme, moment.position)
            score = scoring.score(gathered.city(year, moment.on), yardstick, standing.deductions)
        if not passing:
            self._standings.keep(Asked(gathered.new_city, year, moment.position, moment.on, scheme), standing)
            self._scores.keep(standing.key, score, 1 + sum(len(line.findings) for line in score.lines))
        return Scored(score, standing)


def no_scheme(year: int) -> Refused:
    """The refusal of a score for a year that no scheme judges."""
    return Refused(Code.NO_SCHEME, f"no scheme is in force on {year}-12-31, as known then")


def _day_of(moment: Moment) -> date:
    """The day of the instant that it was known at."""
    return date.min if moment.known_at is None else moment.known_at.astimezone(ZONE).date()
