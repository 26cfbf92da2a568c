"""年度考核 as a report: the scoreboard of a year, or a New City's own score and what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from application.reporting import (
    DASH,
    REST,
    Cell,
    Column,
    Report,
    Table,
    chinese_day,
    chinese_instant,
    full_width,
    points,
    question,
    rest,
    sources,
)
from domain.policy import CHAPTERS
from domain.records import AGGREGATES
from domain.rules import RULES
from domain.scoring import NONE_LOST

_OF_SCORE: Final = ("year", "new_city", "rank", "official", "indicative", "contested", "undeterminable", "scheme")
_OF_LINE: Final = ("indicator", "clause", "title", "points", "official_deducted", "indicative_deducted")
_COUNTS: Final = {"found": "found", "met": "met", "undeterminable": "findings_undeterminable"}
COLUMNS: Final = (
    *_OF_SCORE,
    "simulated",
    *_OF_LINE,
    "line_undeterminable",
    *_COUNTS.values(),
    "position",
    "on",
    *REST,
)
_EVENTS: Final[Mapping[str, str]] = {
    fact.event: fact.zh for aggregate in AGGREGATES.values() for fact in aggregate.facts
}
_STATUS: Final = {"in-force": "生效", "revised": "已变更", "revoked": "已撤销"}


class Names:
    """What things are called, as known at the report's position."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def of(self, path: str) -> str:
        """The record's name with its id, or the id where it has no name."""
        name = self._names.get(path)
        return path.partition("/")[2] if name is None else f"{name}（{path.partition('/')[2]}）"

    def city(self, new_city: str) -> str:
        """The New City's name."""
        return self._names.get(f"new-cities/{new_city}", new_city)

    def scheme(self, scheme: str) -> str | None:
        """The scheme's title."""
        return self._names.get(f"schemes/{scheme}")


def named_in(scores: Iterable[Mapping[str, Any]]) -> list[str]:
    """The paths of the records that a report on these scores names."""
    paths: dict[str, None] = {}
    for score in scores:
        paths[f"new-cities/{score['new_city']}"] = None
        paths[f"schemes/{score['scheme']}"] = None
        for line in score["lines"]:
            for one in (*line["findings"], *line["deductions"]):
                paths[one["about"]] = None
    return list(paths)


def assessment_report(
    data: Mapping[str, Any],
    provenance: Mapping[str, Any],
    names: Names,
    keys: Sequence[str],
    *,
    number: str | None,
    demonstration: bool,
) -> Report:
    """The report on scores as `ScoreAnswers.report` gives them, one New City's or all of a year."""
    year, scores = data["year"], data["scores"]
    new_city = data.get("new_city")
    simulated = any(score["simulated"] for score in scores)
    published = bool(scores) and not simulated and all(_is_published(score) for score in scores)
    marks = [
        mark
        for mark, holds in (
            ("模拟", simulated),
            ("未公布", not published and not simulated),
            ("演示数据", demonstration),
        )
        if holds
    ]
    whose = "" if new_city is None else names.city(new_city)
    subject = f"{whose}{year}年度社区治理体系建设考核"
    title = f"关于{subject}" + ("扣分情况的说明" if new_city else "结果的通报")
    if simulated:
        title = f"{subject}模拟测算"
    elif not published:
        title = f"{subject}{'扣分' if new_city else ''}情况"
    known_at = provenance["known_at"]
    asked = question("assessment", {"year": year, "new_city": new_city, "scheme": provenance["scheme"]}, provenance)
    return Report(
        name=f"assessment-{year}" + (f"-{new_city}" if new_city else "") + ("-simulated" if simulated else ""),
        title=title,
        marks=marks,
        published=published,
        number=number if published else None,
        addressed=f"{whose}党委、管委会：" if new_city else "各新城党委、管委会：",
        opening=[_basis(data, provenance, names, whose, simulated=simulated)],
        closing=_closing(scores, simulated=simulated, published=published),
        tables=_tables(scores, names, in_detail=new_city is not None),
        sources=sources(provenance, keys, names.scheme(provenance["scheme"]), asked),
        dated=None if known_at is None else datetime.fromisoformat(known_at),
        answer={"data": data, "provenance": provenance},
        flat=_flat(scores, provenance, rest(provenance, keys, asked)),
        question=asked,
    )


def _is_published(score: Mapping[str, Any]) -> bool:
    record = score["record"]
    return "published" in score or (record is not None and record["status"] in {"published", "finalised"})


def _basis(data: Mapping[str, Any], provenance: Mapping[str, Any], names: Names, whose: str, *, simulated: bool) -> str:
    known_at = provenance["known_at"]
    scheme = names.scheme(provenance["scheme"]) or provenance["scheme"]
    recorded = "" if known_at is None else f"、{chinese_instant(datetime.fromisoformat(known_at))}前入账"
    count = len(data["scores"])
    judged = f"按截至{chinese_day(_judged(data['year'], provenance['on']))}发生{recorded}的事项"
    by = "模拟适用" if simulated else "和"
    return (
        f"根据《关于进一步加强和完善社区治理体系建设的若干意见（试行）》八（四）{by}《{_bare(scheme)}》，"
        f"{judged}，{whose or f'{count}个新城'}{data['year']}年度得分如下。"
    )


def _judged(year: int, on: str) -> date:
    return min(date.fromisoformat(on), date(year, 12, 31))


def _bare(title: str) -> str:
    """The title without the marks that it is about to be given."""
    return full_width(title.strip("《》"))


def _closing(scores: Sequence[Mapping[str, Any]], *, simulated: bool, published: bool) -> list[str]:
    closing: list[str] = []
    if simulated:
        closing.append("本件为模拟测算，所用办法不是该年度的考核办法，不作为考核结果，不得公布。")
    elif not published:
        closing.append("本件所列尚未全部公布，仅供内部核对，不作为考核结果。")
    if any(score["official"] is None for score in scores):
        closing.append("尚未启动考核的，得分列为“未评定”，所列扣分为按规则测算的参考扣分，未经决定。")
    if any(score["undeterminable"] not in {None, "0.00"} for score in scores):
        closing.append("台账未载明事实或标准，因而无法判定的事项，不计零分，也不计满分，在附表中单列。")
    if any(score["contested"] not in {None, "0.00"} for score in scores):
        closing.append("异议审理中的扣分已计入，裁定后有变更的，另行通报。")
    return closing


def _tables(scores: Sequence[Mapping[str, Any]], names: Names, *, in_detail: bool) -> list[Table]:
    return [
        _board(scores, names),
        _composition(scores, names),
        _lines(scores, names, in_detail=in_detail),
        _deductions(scores, names),
        _findings(scores, names, "found", "annex" if in_detail else "attached"),
        _findings(scores, names, "undeterminable", "attached"),
    ]


def _board(scores: Sequence[Mapping[str, Any]], names: Names) -> Table:
    columns = [Column("名次", "count"), Column("新城"), Column("得分", "points"), Column("扣分", "points")]
    columns += [Column(title, "points") for title in CHAPTERS.values()]
    rows: list[list[Cell]] = []
    for score in sorted(scores, key=_by_rank):
        official = score["official"]
        lost = dict.fromkeys(CHAPTERS, NONE_LOST)
        for line in score["lines"]:
            chapter = line["clause"].partition(",")[0].partition(".")[0]
            if chapter in lost:
                lost[chapter] += Decimal(line["indicative_deducted" if official is None else "official_deducted"])
        shown = official if official is not None else score["indicative"]
        taken: list[Cell] = [*lost.values()] if score["lines"] else [None] * len(lost)
        rows.append(
            [
                score["rank"],
                names.city(score["new_city"]),
                "未评定" if official is None else Decimal(official),
                Decimal(100) - Decimal(shown),
                *taken,
            ]
        )
    return Table("年度得分", columns, rows, "body")


def _by_rank(score: Mapping[str, Any]) -> tuple[int, str]:
    return (score["rank"] or len(CHAPTERS) * 100, score["new_city"])


def _composition(scores: Sequence[Mapping[str, Any]], names: Names) -> Table:
    columns = (
        Column("新城"),
        Column("得分", "points"),
        Column("参考得分", "points"),
        Column("异议中", "points"),
        Column("无法判定", "points"),
        Column("不符合项", "count"),
        Column("符合项", "count"),
        Column("无法判定项", "count"),
    )
    rows: list[list[Cell]] = []
    for score in sorted(scores, key=_by_rank):
        counts = score["counts"] or dict.fromkeys(_COUNTS)
        rows.append(
            [
                names.city(score["new_city"]),
                *(points(score[name]) for name in ("official", "indicative", "contested", "undeterminable")),
                *(counts[outcome] for outcome in _COUNTS),
            ]
        )
    note = "得分是满分减去生效的扣分决定；参考得分是满分减去规则认定的扣分，未经任何人决定。"
    return Table("得分构成", columns, rows, "annex", note)


def _lines(scores: Sequence[Mapping[str, Any]], names: Names, *, in_detail: bool) -> Table:
    columns = (
        Column("新城"),
        Column("条款"),
        Column("指标"),
        Column("分值", "points"),
        Column("扣分", "points"),
        Column("参考扣分", "points"),
        Column("无法判定", "points"),
    )
    amounts = ("points", "official_deducted", "indicative_deducted", "undeterminable")
    rows: list[list[Cell]] = [
        [
            names.city(score["new_city"]),
            line["clause"] or DASH,
            full_width(line["title"]),
            *(Decimal(line[name]) for name in amounts),
        ]
        for score in sorted(scores, key=_by_rank)
        for line in score["lines"]
        if in_detail or any(Decimal(line[name]) for name in amounts[1:])
    ]
    return Table("逐项扣分", columns, rows, "annex", "" if in_detail else "未扣分且均可判定的指标从略。")


def _deductions(scores: Sequence[Mapping[str, Any]], names: Names) -> Table:
    columns = (
        Column("新城"),
        Column("扣分编号"),
        Column("指标"),
        Column("扣分", "points"),
        Column("状态"),
        Column("对象"),
        Column("事由"),
        Column("依据记录"),
        Column("异议"),
    )
    rows: list[list[Cell]] = [
        [
            names.city(score["new_city"]),
            one["deduction"],
            full_width(line["title"]),
            points(one["points"]),
            _STATUS.get(one.get("status", ""), str(one.get("status", DASH))),
            names.of(one["about"]),
            one["grounds"],
            _positions(one.get("evidence_positions") or ()),
            one.get("dispute") or "未提出",
        ]
        for score in sorted(scores, key=_by_rank)
        for line in score["lines"]
        for one in line["deductions"]
    ]
    return Table("扣分决定", columns, rows, "annex")


def _findings(scores: Sequence[Mapping[str, Any]], names: Names, outcome: str, place: Any) -> Table:  # noqa: ANN401
    found = outcome == "found"
    columns = (
        Column("新城"),
        Column("条款"),
        Column("规则"),
        Column("对象"),
        Column("起始日期" if found else "缺少的事项"),
        Column("扣分", "points"),
        Column("依据记录"),
    )
    rows: list[list[Cell]] = [
        [
            names.city(score["new_city"]),
            one["clause"],
            full_width(RULES[one["rule"]].zh),
            names.of(one["about"]),
            _since(one) if found else _missing(one),
            Decimal(one["points"]),
            _positions(one["evidence"]),
        ]
        for score in sorted(scores, key=_by_rank)
        for line in score["lines"]
        for one in line["findings"]
        if one["outcome"] == outcome and (not found or place == "attached" or Decimal(one["points"]))
    ]
    if found:
        note = "规则逐项认定的不符合事项；同一指标合计以分值为限。" + (
            "不计分的建议性事项从略。" if place == "annex" else ""
        )
        return Table("规则认定", columns, rows, place, note)
    return Table("无法判定", columns, rows, place, "台账未载明判定所需的事实，不作任何推定。")


def _since(finding: Mapping[str, Any]) -> str:
    return DASH if finding["since"] is None else chinese_day(date.fromisoformat(finding["since"]))


def _missing(finding: Mapping[str, Any]) -> str:
    missing: Sequence[str] = finding["missing"]
    return "、".join(_EVENTS.get(name, name) for name in missing) or DASH


def _positions(positions: Iterable[int]) -> str:
    return "、".join(map(str, positions)) or DASH


def _flat(scores: Sequence[Mapping[str, Any]], provenance: Mapping[str, Any], rests: Mapping[str, Cell]) -> Table:
    """A row a line, each with its New City's score and the report's times.

    A published result that is all the reader may see is one row without a line.
    """
    times = {"position": provenance["position"], "on": provenance["on"], **rests}
    rows: list[list[Cell]] = []
    for score in scores:
        own = {name: score[name] for name in _OF_SCORE} | {"simulated": str(score["simulated"]).lower()}
        lines: list[Any] = score["lines"] or [None]
        for line in lines:
            row = own | ({} if line is None else _flat_line(line)) | times
            rows.append([row.get(column) for column in COLUMNS])
    return Table("flat", [Column(name) for name in COLUMNS], rows, "attached")


def _flat_line(line: Mapping[str, Any]) -> dict[str, Any]:
    counts: Mapping[str, int] = line["counts"]
    return (
        {name: line[name] for name in _OF_LINE}
        | {"line_undeterminable": line["undeterminable"]}
        | {column: counts[outcome] for outcome, column in _COUNTS.items()}
    )
