"""How dates, instants, figures, document numbers and hashes are written, in either language."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from markupsafe import Markup, escape

from api.web.words import Language
from application.moments import ZONE

MINUS: Final = "−"
CHAPTERS: Final = "一二三四五六七八九"
LAST: Final = "last"

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,4})?")
_DOCUMENT = re.compile(r"[\w\u4e00-\u9fff]{1,20}〔\d{4}〕\d{1,5}号")
_CJK = r"[\u3400-\u9fff”」』）》〉…]"
_CJK_BEFORE = r"[\u3400-\u9fff“「『（《〈]"
_FULL = str.maketrans({",": "，", ";": "；", ":": "：", "?": "？", "!": "！", "(": "（", ")": "）"})
_HALF_BESIDE = re.compile(rf"(?<={_CJK})[,;:?!()]|[,;:?!()](?={_CJK_BEFORE})")
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


class Format:
    """Writes values as people read them."""

    def __init__(self, language: Language) -> None:
        self._zh = language == "zh"

    def day(self, value: date | str) -> str:
        """A day: 2019年12月10日."""
        one = date.fromisoformat(value) if isinstance(value, str) else value
        if self._zh:
            return f"{one.year}年{one.month}月{one.day}日"
        return f"{one.day} {_MONTHS[one.month - 1]} {one.year}"

    def month(self, value: date) -> str:
        """A month on an axis: 2020年7月."""
        return f"{value.year}年{value.month}月" if self._zh else f"{_MONTHS[value.month - 1][:3]} {value.year}"

    def instant(self, value: datetime | str) -> str:
        """An instant in Beijing time, to the minute: 2021年3月12日 09:00."""
        one = _local(value)
        return f"{self.day(one.date())} {one:%H:%M}"

    def clock(self, value: datetime | str) -> str:
        """An instant's time of day in Beijing."""
        return f"{_local(value):%H:%M}"

    def second(self, value: datetime | str) -> str:
        """An instant in Beijing time, to the second."""
        one = _local(value)
        return f"{self.day(one.date())} {one:%H:%M:%S}"

    def clause(self, number: str) -> str:
        """A clause as it is cited: 《意见》二（三）; several are joined."""
        return self._joined([self._clause(one) for one in number.split(", ")])

    def _clause(self, number: str) -> str:
        if not self._zh:
            return "last paragraph" if number == LAST else f"clause {number}"
        if number == LAST:
            return "《意见》末段"
        chapter, _, section = number.partition(".")
        try:
            cited = CHAPTERS[int(chapter) - 1]
            return f"《意见》{cited}（{CHAPTERS[int(section) - 1]}）" if section else f"《意见》{cited}"
        except (ValueError, IndexError):
            return number

    def _joined(self, several: list[str]) -> str:
        return ("、" if self._zh else ", ").join(several)


def _local(value: datetime | str) -> datetime:
    one = datetime.fromisoformat(value) if isinstance(value, str) else value
    return one.astimezone(ZONE)


def stamp(instant: datetime) -> str:
    """An instant as known_at takes it, in Beijing time: 2021-03-12T09:00:00+08:00."""
    return _local(instant).isoformat(timespec="seconds")


def day_of(instant: datetime | str) -> date:
    """The day of an instant in Beijing."""
    return _local(instant).date()


def points(value: str | Decimal | None) -> str:
    """Points with one decimal, or two where they need them, and a true minus sign."""
    if value is None:
        return ""
    text = f"{Decimal(value):.2f}"
    return text.removesuffix("0").replace("-", MINUS)


def signed(value: str | Decimal) -> str:
    """A change of points with its sign."""
    amount = Decimal(value)
    return f"+{points(amount)}" if amount > 0 else points(amount)


def money(value: str) -> str:
    """Yuan with separators and two decimals: 4,020,000.00."""
    return f"{Decimal(value):,.2f}".replace("-", MINUS)


def short(digest: str) -> str:
    """A hash by its ends."""
    return f"{digest[:8]}…{digest[-6:]}"


def grouped(digest: str) -> str:
    """A hash in groups of eight."""
    return " ".join(digest[start : start + 8] for start in range(0, len(digest), 8))


def fullwidth(text: str) -> str:
    """The text with full-width punctuation beside Chinese characters, as it is set in print."""
    before = ""
    while before != text:
        before, text = text, _HALF_BESIDE.sub(_full, text)
    return text


def _full(found: re.Match[str]) -> str:
    return found[0].translate(_FULL)


def unbroken(text: str) -> Markup:
    """The text with every 文号 in it kept on one line."""
    marked = escape("")
    last = 0
    for found in _DOCUMENT.finditer(text):
        marked += escape(text[last : found.start()]) + Markup('<span class="nobr">{}</span>').format(
            found[0]
        )  # what is inserted is escaped
        last = found.end()
    return marked + escape(text[last:])


def is_day(value: object) -> bool:
    """Whether a value is a day as JSON has it."""
    return isinstance(value, str) and _DAY.fullmatch(value) is not None


def is_number(value: object) -> bool:
    """Whether a value is a decimal as JSON has it."""
    return isinstance(value, int | float) or (isinstance(value, str) and _NUMBER.fullmatch(value) is not None)
