"""Reports as they stood: pure data, the same whenever the same is asked; how they look is for others to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple, TypeAlias
from urllib.parse import urlencode

from application.moments import ZONE

Cell: TypeAlias = str | int | Decimal | None
Kind: TypeAlias = Literal["text", "count", "points"]

DASH: Final = "—"
"""What stands where nothing was recorded."""


class Column(NamedTuple):
    """A column of a table."""

    title: str
    kind: Kind = "text"


class Table(NamedTuple):
    """A table under its own heading."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    place: Literal["body", "annex", "attached"]
    """In the text, behind it, or only where a table has room: in the workbook and on the page."""
    note: str = ""


class Report(NamedTuple):
    """What a report says, in the order in which it is read."""

    name: str
    """Of its file, without what tells the format."""
    title: str
    marks: Sequence[str]
    """What keeps it from being taken for what it is not: 模拟, 未公布, 演示数据."""
    published: bool
    """Whether all of it is as it was published; only then does it look so."""
    addressed: str
    opening: Sequence[str]
    """Paragraphs before the tables, and behind them."""
    closing: Sequence[str]
    tables: Sequence[Table]
    sources: Sequence[tuple[str, str]]
    """出处: at which position, about which day, under which checkpoint and key it was made."""
    dated: datetime | None
    """When the last entry that it takes account of was recorded, or the instant asked about."""
    answer: Mapping[str, Any]
    """The same as JSON, with what it rests on."""
    flat: Table
    """The same as one table, for programs."""
    number: str | None = None
    """发文字号 of the document that it was published by."""
    question: str = ""
    """By what the same report is asked for again, `assessment?year=2020&…`; the format is left out."""


def chinese_day(day: date) -> str:
    """2019年12月10日, without leading zeros."""
    return f"{day.year}年{day.month}月{day.day}日"


def chinese_instant(instant: datetime) -> str:
    """2019年12月10日 09:05, the time that it is in Beijing."""
    local = instant.astimezone(ZONE)
    return f"{chinese_day(local.date())} {local:%H:%M}"


def question(report: str, asked: Mapping[str, object], provenance: Mapping[str, Any]) -> str:
    """By what a report is asked for again: what was asked, as known at its position, about its day."""
    wanted = {**asked, "known_at": provenance["position"], "on": provenance["on"]}
    return f"{report}?{urlencode({name: value for name, value in wanted.items() if value is not None})}"


REST: Final = ("tree_size", "root_hash", "verifier_key", "question")
"""Columns of a report's flat table that say what it rests on."""


def rest(provenance: Mapping[str, Any], keys: Sequence[str], asked: str) -> dict[str, Cell]:
    """What a report rests on, as columns of its flat table."""
    checkpoint = provenance["checkpoint"] or {"size": None, "root_hash": None}
    return dict(zip(REST, (checkpoint["size"], checkpoint["root_hash"], " ".join(keys), asked), strict=True))


def sources(
    provenance: Mapping[str, Any], keys: Sequence[str], scheme_title: str | None, asked: str
) -> list[tuple[str, str]]:
    """What a report rests on, line by line. `keys` are the verifier keys known by its position."""
    checkpoint = provenance["checkpoint"]
    known_at = provenance["known_at"]
    lines = [
        ("账至记录", str(provenance["position"])),
        ("入账截至", DASH if known_at is None else f"{chinese_instant(datetime.fromisoformat(known_at))}（北京时间）"),
        ("发生截至", chinese_day(date.fromisoformat(provenance["on"]))),
    ]
    if provenance["scheme"] is not None:
        lines.append(("考核办法", provenance["scheme"] if scheme_title is None else full_width(scheme_title)))
        lines.append(("办法编号", provenance["scheme"]))
    if checkpoint is None:
        lines.append(("检查点", "此记录尚待检查点覆盖"))
    else:
        lines += [
            ("台账", checkpoint["origin"]),
            ("检查点", str(checkpoint["size"])),
            ("根哈希", checkpoint["root_hash"]),
        ]
    return [*lines, *(("验证公钥", key) for key in keys), ("查询", asked)]


def full_width(text: str) -> str:
    """The text with full-width punctuation, as Chinese is set."""
    return text.translate(_WIDE)


_WIDE: Final = str.maketrans("(),:;", "（），：；")


def points(text: str | None) -> Decimal | None:
    """Points as they travel, a decimal string, as a number."""
    return None if text is None else Decimal(text)
