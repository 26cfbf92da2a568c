"""考核办法: what a version of the scheme judges by, with what figures, and from when on. Clause 8.4."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from fractions import Fraction
from functools import partial
from typing import Annotated, Literal, Protocol, Self, TypeAlias, assert_never, get_args

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationError, model_validator

from domain.aggregate import Aggregate, Records, still_open
from domain.fact import Count, Day, Fact, JsonValue, Key, Text, Value, fen, yuan
from domain.offices import ARBITERS
from domain.policy import clauses, quotes
from domain.refusals import Code, FieldError, Refused
from domain.state import State, Step

# facts

TOTAL = 100
"""Points that the indicators share out: a score is this less what is lost."""


def _adding_up(indicators: tuple[Indicator, ...]) -> tuple[Indicator, ...]:
    points = sum(fen(indicator.points) for indicator in indicators)
    if points != fen(str(TOTAL)):
        raise ValueError(f"the points of the indicators add up to {yuan(points)}, not to {TOTAL}")
    _once("indicator", [indicator.indicator for indicator in indicators])
    _once("rule", [use.rule for indicator in indicators for use in indicator.rules])
    return indicators


def _once(what: str, names: list[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"each {what} stands in a scheme once: {', '.join(repeated)} stands there again")


Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Points = Annotated[str, StringConstraints(pattern=r"^(0|[1-9]\d{0,2})(\.\d{1,2})?$")]
"""Points as an exact decimal string with at most two decimals."""


class Figure(Value):
    """A figure and where it comes from: the policy, with clause and quote, or this office's assumption."""

    value: bool | Count | Text
    """Exact: a decimal is a string."""
    basis: Literal["policy", "assumed"]
    clause: Key | None = None
    quote: Annotated[Text, Field(max_length=200)] | None = None

    @model_validator(mode="after")
    def _cited(self) -> Self:
        if self.basis == "policy" and (self.clause is None or self.quote is None):
            raise ValueError("a figure of the policy cites its clause and quotes it")
        return self


class RuleUse(Value):
    """A rule as an indicator uses it: what a finding costs, and the figures the rule compares with."""

    rule: Annotated[str, StringConstraints(pattern=r"^[a-z]+(-[a-z]+)*/[1-9]\d{0,2}$", max_length=64)]
    """The permanent name of one version of a rule, `community-size/1`."""
    clause: Key
    per_finding: Points | Literal["whole"]
    """Points that a finding costs; `whole`: all of the indicator's."""
    advisory: bool
    """Whether its findings are shown and cost nothing."""
    parameters: dict[Name, Figure]


class Indicator(Value):
    """What a scheme gives points for; its rules share them, and take no more than them."""

    indicator: Name
    title: Text
    points: Points
    rules: Annotated[tuple[RuleUse, ...], Field(min_length=1, max_length=100)]


class SchemeAdopted(Fact, stored_as="SchemeAdopted/1", zh="制定考核办法", by="new-area"):
    """A version of the scheme judges from `effective_from` on, until the next one does or it is repealed."""

    title: Text
    effective_from: Day
    indicators: Annotated[tuple[Indicator, ...], Field(min_length=1, max_length=100), AfterValidator(_adding_up)]
    procedure: dict[Name, Figure]

    def claims(self) -> tuple[str, ...]:
        """Its place among the schemes, and the one place that its day gives."""
        return (ADOPTED, _from(self.effective_from))


class SchemeRepealed(Fact, stored_as="SchemeRepealed/1", zh="废止考核办法", by="new-area"):
    """The scheme no longer judges from a day on."""

    from_: Day = Field(alias="from")
    reason: Text


SchemeFact: TypeAlias = SchemeAdopted | SchemeRepealed

ADOPTED = "schemes?adopted"
"""What every scheme is found by."""


def _from(day: date) -> str:
    return f"schemes?effective_from={day}"


# state: adopted → repealed


def in_force(schemes: Iterable[tuple[str, State]], day: date) -> str | None:
    """The id of the scheme that judges on a day; None where none does.

    A scheme holds from its `effective_from` until the next one's, or its repeal; one repealed before it took effect
    never holds. Each state is the one that everything known leaves, whatever the day of adoption.
    """
    begun = [
        (first, end, scheme)
        for scheme, state in schemes
        for first, end in (_term(state),)
        if first <= day and (end is None or first < end)
    ]
    if not begun:
        return None
    _, end, scheme = max(begun, key=lambda one: one[0])
    return scheme if end is None or day < end else None


def _term(scheme: State) -> tuple[date, date | None]:
    repealed = scheme.steps.get("SchemeRepealed")
    return scheme.value("effective_from"), None if repealed is None else repealed.fact.value("from")


def adopted(records: Records) -> dict[str, State]:
    """Every scheme on record, by its id."""
    found = {scheme: records.state(scheme) for scheme in records.referring(ADOPTED, "schemes")}
    return {scheme.partition("/")[2]: state for scheme, state in found.items() if state is not None}


# fold


def evolve(scheme: State | None, step: Step[SchemeFact]) -> State:
    """Fold one step. Refuses nothing: it has already happened."""
    if scheme is None:
        scheme = State("adopted")
    match step.fact:
        case SchemeAdopted():
            return scheme.say(step)
        case SchemeRepealed():
            return scheme.take(step).become("repealed")
        case _:
            assert_never(step.fact)


# what is admitted


def admit(scheme: State | None, step: Step[SchemeFact]) -> None:
    """Refuse a second repeal."""
    if scheme is not None:
        still_open(scheme, ("repealed",), step)


# what other records, the rules and the source must allow


_SHARE = re.compile(r"0(\.\d{1,4})?|\d{1,4}/[1-9]\d{0,3}", re.ASCII)


def _share(figure: object) -> Fraction:
    if not isinstance(figure, str) or not _SHARE.fullmatch(figure) or Fraction(figure) >= 1:
        raise ValueError("a share is less than the whole, 1/2 or 0.5")
    return Fraction(figure)


_Days = Annotated[int, Field(ge=1, le=3_660)]


class Procedure(Value):
    """The figures that every scheme gives for its procedure, each under its own name."""

    assent_needs_more_than: Annotated[Fraction, BeforeValidator(_share)]
    """The share of those present at a villagers' meeting that those in favour exceed."""
    days_to_dispute: _Days
    days_to_accept: _Days
    days_to_rule: _Days
    days_to_request_review: _Days
    days_to_rule_finally: _Days
    days_are: Literal["calendar", "working"]
    panel_size: Annotated[int, Field(ge=1, le=99)]
    hearing_needed: bool
    """Whether a ruling needs a hearing before it."""

    @classmethod
    def read(cls, values: Mapping[str, JsonValue]) -> Self:
        """The figures by their values. Raises pydantic.ValidationError: one is missing, unknown or not of its kind."""
        return cls.model_validate_json(json.dumps(dict(values)))


def values_of(figures: Mapping[str, Figure]) -> dict[str, JsonValue]:
    """The figures without what they come from."""
    return {name: figure.value for name, figure in figures.items()}


class Rule(Protocol):
    """What a scheme must know of a rule."""

    def read(self, values: Mapping[str, JsonValue], /) -> object:
        """The figures that it compares with, by their names.

        Raises pydantic.ValidationError where one is missing, unknown or not of its kind.
        """
        ...


def conditions(
    rules: Mapping[str, Rule], record: str, scheme: State | None, step: Step[SchemeFact], records: Records
) -> None:
    """A scheme uses known rules with all their figures, quotes the source, and has a day and a panel for itself."""
    if scheme is not None or not isinstance(step.fact, SchemeAdopted):
        return  # as it was adopted, it stands
    faults = list(_faults(step.fact, rules))
    if faults:
        raise Refused(
            Code.INVALID_FIELDS,
            f"the scheme can't be judged by: {'; '.join(fault.detail for fault in faults[:3])}",
            errors=faults,
        )
    for other in records.referring(_from(step.fact.effective_from), "schemes"):
        if other != record:
            raise Refused(
                Code.ALREADY_CLAIMED, f"{other} takes effect on {step.fact.effective_from} already", clause="8.4"
            )
    if adopted(records).keys() - {record.partition("/")[2]}:  # the first comes with the product, before any account
        _panel_at_hand(step.fact, records)


def _faults(scheme: SchemeAdopted, rules: Mapping[str, Rule]) -> Iterator[FieldError]:
    for i, indicator in enumerate(scheme.indicators):
        for j, use in enumerate(indicator.rules):
            pointer = f"/data/indicators/{i}/rules/{j}"
            if use.clause not in clauses():
                yield FieldError(f"{pointer}/clause", f"the policy has no clause {use.clause}")
            rule = rules.get(use.rule)
            if rule is None:
                yield FieldError(f"{pointer}/rule", f"there is no rule {use.rule}")
            else:
                yield from _misread(use.parameters, rule.read, f"{pointer}/parameters", use.rule)
    yield from _misread(scheme.procedure, Procedure.read, "/data/procedure", "the procedure")


def _misread(
    figures: Mapping[str, Figure], read: Callable[[Mapping[str, JsonValue]], object], pointer: str, whose: str
) -> Iterator[FieldError]:
    """What stands in the way of reading the figures, and quotes that are none."""
    try:
        read(values_of(figures))
    except ValidationError as fault:
        for error in fault.errors(include_url=False, include_input=False):
            name = str(error["loc"][0]) if error["loc"] else ""
            yield FieldError(f"{pointer}/{name}", f"{name} of {whose}: {error['msg']}")
    for name, figure in figures.items():
        if figure.basis == "policy" and not quotes(str(figure.clause), str(figure.quote)):
            yield FieldError(f"{pointer}/{name}/quote", f"clause {figure.clause} doesn't say {figure.quote}")


def _panel_at_hand(scheme: SchemeAdopted, records: Records) -> None:
    """Refuse a panel so large that the arbiters don't fill it twice: none of the first decides in the review."""
    size = Procedure.read(values_of(scheme.procedure)).panel_size
    persons = {
        account.value("person").id
        for record in records.referring(ARBITERS, "accounts")
        if (account := records.state(record)) is not None
        and account.status == "open"
        and "arbiter" in account.items("roles")
    }
    if len(persons) < 2 * size:
        raise Refused(
            Code.NOT_ELIGIBLE,
            f"a panel of {size} and another one for the review need {2 * size} arbiters; there are {len(persons)}",
            clause="8.4",
        )


def schemes(rules: Mapping[str, Rule]) -> Aggregate:
    """The kind of record that schemes are, which use these rules."""
    return Aggregate(
        kind="schemes",
        zh="考核办法",
        facts=get_args(SchemeFact),
        evolve=evolve,
        admit=admit,
        fields=("title", "effective_from", "indicators", "procedure"),
        not_correctable=frozenset({"SchemeAdopted"}),
        conditions=partial(conditions, rules),
    )
