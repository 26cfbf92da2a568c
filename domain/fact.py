"""Facts: what can be recorded, as closed, strict types with permanent stored names.

A fact knows nothing of its position in the log or of the clock. A new type of event is one subclass here:
its stored name, its Chinese name, its clause and who may record it stand in the class line, and the API, the
OpenAPI schema, the timeline and the glossary follow from them.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from datetime import date
from typing import Annotated, Any, ClassVar, NamedTuple, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from domain.offices import OFFICE_PATTERN, Authority, authorities

JsonValue = str | int | bool | float | list[Any] | dict[str, Any] | None

# Rust's regex, which pydantic uses: \p{Cc} are the control characters, and one visible character is asked for.
_TEXT = r"^[^\p{Cc}]*[^\p{Cc}\s][^\p{Cc}]*$"
_ID = r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}$"
_RESIDENT_NUMBER = re.compile(r"\d{17}[\dXx]")
_MONEY = r"^(0|[1-9]\d{0,12})(\.\d{1,2})?$"

Text = Annotated[str, StringConstraints(min_length=1, max_length=4_000, pattern=_TEXT)]
"""One line of text in NFC, 1–4,000 characters, none of them a control character."""
Count = Annotated[int, Field(ge=0, le=10**12)]
Positive = Annotated[int, Field(ge=1, le=10**12)]
Position = Annotated[int, Field(ge=1, le=2**53)]
Year = Annotated[int, Field(ge=1949, le=2999)]
Yuan = Annotated[str, StringConstraints(pattern=_MONEY)]
"""Money in yuan as an exact decimal string with at most two decimals; `fen` gives the integer."""
SquareMetres = Annotated[str, StringConstraints(pattern=_MONEY)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
OfficeName = Annotated[str, StringConstraints(pattern=OFFICE_PATTERN)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_TEXT)]
"""A key within a record (a payment, a certificate, an agreement): 1–100 characters."""


def _no_resident_number(code: str) -> str:
    if _RESIDENT_NUMBER.fullmatch(code):
        raise ValueError("an 18-digit resident number is not a code for a person: 不得使用身份证号码")
    return code


def _a_day(day: date) -> date:
    if day.year < 1949:  # noqa: PLR2004  # the People's Republic keeps no earlier records here
        raise ValueError("a day before 1949-10-01 is a slip of the pen")
    return day


Day = Annotated[date, AfterValidator(_a_day)]
PersonId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{3,32}$"), AfterValidator(_no_resident_number)]
RecordId = Annotated[str, StringConstraints(pattern=_ID)]


class RefTo(NamedTuple):
    """Marks a field as the id of a record of that kind, which must be on record."""

    kind: str


NewCityRef = Annotated[RecordId, RefTo("new-cities")]
CommunityRef = Annotated[RecordId, RefTo("communities")]
VillageRef = Annotated[RecordId, RefTo("villages")]
CaseRef = Annotated[RecordId, RefTo("conversion-cases")]
SchemeRef = Annotated[RecordId, RefTo("schemes")]
AssessmentRef = Annotated[RecordId, RefTo("assessments")]
DisputeRef = Annotated[RecordId, RefTo("disputes")]
RecordPath = Annotated[str, StringConstraints(pattern=r"^[a-z-]{3,32}/[A-Za-z0-9][A-Za-z0-9-]{0,63}$"), RefTo("*")]
"""`KIND/id` of any record."""


class Value(BaseModel):
    """A part of a fact: immutable, strict, closed. Iterating gives its fields by the names that clients know."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", serialize_by_alias=True)

    renamed: ClassVar[Mapping[str, str]] = {}
    """Clients' names of fields whose own Python keeps for itself: `from` of `from_`."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: object) -> None:
        """Read from the aliases which fields clients know by another name."""
        cls.renamed = {name: field.alias for name, field in cls.model_fields.items() if field.alias}

    def __iter__(self) -> Generator[tuple[str, Any], None, None]:
        """Its fields as clients name them, each with its value."""
        if not self.renamed:
            yield from self.__dict__.items()
        else:
            yield from ((self.renamed.get(name, name), value) for name, value in self.__dict__.items())


class Person(Value):
    """A person by an opaque code; in the log the name is sealed under that person's key."""

    id: PersonId
    name: Annotated[str, StringConstraints(min_length=1, max_length=600, pattern=_TEXT)]


class Organisation(Value):
    """An organisation by name and, where known, its unified social credit code (GB 32100-2015)."""

    name: Text
    uscc: Annotated[str, StringConstraints(pattern=r"^[0-9A-HJ-NPQRTUWXY]{18}$")] | None = None


class Fact(Value):
    """What an event says. Subclasses are the vocabulary of the log; their stored names never change."""

    stored_as: ClassVar[str]
    """The name in the log, `HouseholdsCounted/1`."""
    event: ClassVar[str]
    """The name in the API, `HouseholdsCounted`."""
    zh: ClassVar[str]
    clause: ClassVar[str | None]
    under: ClassVar[str | None]
    """The clause that a refusal of it cites: its own, or the one that its procedure rests on."""
    by: ClassVar[tuple[Authority, ...]]
    references: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Fields that name other records, each with the kind it names (`*`: the value says which)."""
    person_fields: ClassVar[tuple[str, ...]] = ()
    """Fields that name persons, whose names are sealed in the log."""
    latest_only: ClassVar[bool] = False
    """Each takes the place of the one before it in its record; histories hold no other, however many there are."""

    def __init_subclass__(  # the class line
        cls,
        *,
        stored_as: str = "",
        zh: str = "",
        clause: str | None = None,
        under: str | None = None,
        by: str = "",
        latest_only: bool = False,
    ) -> None:
        """Take the names of the class line; a base without a stored name is no fact of its own."""
        super().__init_subclass__()
        if stored_as:
            cls.stored_as = stored_as
            cls.event = stored_as.partition("/")[0]
            cls.zh = zh
            cls.clause = clause
            cls.under = under or clause
            cls.by = authorities(by)
            cls.latest_only = latest_only

    @classmethod
    def __pydantic_init_subclass__(cls, **_: object) -> None:
        """Read from the annotations which fields refer to records, and which name persons."""
        super().__pydantic_init_subclass__()
        fields = {cls.renamed.get(name, name): field for name, field in cls.model_fields.items()}
        cls.person_fields = tuple(name for name, field in fields.items() if _holds(field.annotation, Person))
        cls.references = tuple(
            (name, mark.kind) for name, field in fields.items() for mark in _marks(field.annotation, field.metadata)
        )

    def value(self, field: str) -> Any:  # noqa: ANN401  # the type is the field's
        """A field by the name that clients know."""
        if self.renamed:  # few facts have any, and values are read by the million
            field = next((own for own, name in self.renamed.items() if name == field), field)
        return getattr(self, field)

    def authorities(self, state: Any) -> tuple[Authority, ...]:  # noqa: ARG002, ANN401  # subclasses look at either
        """Who may record this fact in a record of that state (None: it opens the record)."""
        return self.by

    def claims(self) -> tuple[str, ...]:
        """Places the record is found by, beside the records it names; conditions say which only one may hold."""
        return ()

    def referred(self) -> tuple[tuple[str, str], ...]:
        """The records this fact names: (field, `KIND/id`) each."""
        found: list[tuple[str, str]] = []
        for field, kind in self.references:
            value = self.value(field)
            if isinstance(value, str):
                found.append((field, value if kind == "*" else f"{kind}/{value}"))
            else:
                found += [(field, one if kind == "*" else f"{kind}/{one}") for one in value or ()]
        return tuple(found)


def _marks(annotation: Any, metadata: list[Any]) -> list[RefTo]:  # noqa: ANN401  # annotations are any object
    found = [mark for mark in metadata if isinstance(mark, RefTo)]
    for part in get_args(annotation):
        found += _marks(part, list(getattr(part, "__metadata__", ())))
    if get_origin(annotation) is Annotated:
        found += [mark for mark in annotation.__metadata__ if isinstance(mark, RefTo)]
    return list(dict.fromkeys(found))


def _holds(annotation: Any, wanted: type) -> bool:  # noqa: ANN401  # annotations are any object
    return annotation is wanted or any(_holds(part, wanted) for part in get_args(annotation))


def distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    """The values, each named once. Raises ValueError where one is repeated."""
    if len(set(values)) < len(values):
        raise ValueError("the same one is named twice")
    return values


def fen(amount: str) -> int:
    """Money in fen, exactly: `1234.5` yuan are 123450."""
    whole, _, cents = amount.partition(".")
    return int(whole) * 100 + int(cents.ljust(2, "0") or "0")


def yuan(amount: int) -> str:
    """Fen as the decimal string of yuan: 123450 are `1234.50`."""
    return f"{amount // 100}.{amount % 100:02d}"


class Document(Value):
    """The official document that a fact rests on: 发文字号, title, date of issue and the file's digest."""

    number: Text | None = None
    title: Text | None = None
    issued_on: Day | None = None
    sha256: Sha256 | None = None
