"""异议 as a report: what was deducted, what both sides say, within which limits, and what was ruled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from application.assessment_report import Names
from application.reporting import (
    DASH,
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
from domain.records import AGGREGATES

_STATUS: Final = {
    "filed": "已提出",
    "accepted": "已受理",
    "declined": "不予受理",
    "ruled": "已裁定",
    "review": "复审中",
    "final": "已终局",
    "withdrawn": "已撤回",
}
_OUTCOME: Final = {"upheld": "维持", "reduced": "减轻", "revoked": "撤销"}
_PARTY: Final = {"new-city": "新城", "inspectorate": "督查室"}
_LIMIT: Final = {
    "file": "提出异议",
    "accept": "受理",
    "rule": "裁定",
    "request-review": "申请复审",
    "rule-finally": "终局裁定",
}
_EVENTS: Final[Mapping[str, str]] = {fact.event: fact.zh for fact in AGGREGATES["disputes"].facts}


def dispute_report(
    dispute: Mapping[str, Any],
    provenance: Mapping[str, Any],
    names: Names,
    keys: Sequence[str],
    *,
    demonstration: bool,
) -> Report:
    """The report on a dispute as it is answered. It never looks like a result: a ruling speaks for itself."""
    assessment: str = dispute["assessment"]
    year, _, new_city = assessment.partition("-")
    whose = names.city(new_city)
    settled = dispute["status"] in {"final", "declined", "withdrawn"} or dispute["final_on"] is not None
    marks = [mark for mark, holds in (("未终局", not settled), ("演示数据", demonstration)) if holds]
    known_at = provenance["known_at"]
    disputed: Mapping[str, Any] = dispute["disputed"]
    asked = question("dispute", {"dispute": dispute["id"]}, provenance)
    return Report(
        name=f"dispute-{dispute['id']}",
        title=f"{whose}{year}年度社区治理体系建设考核异议{dispute['id']}办理情况",
        marks=marks,
        published=False,
        addressed="",
        opening=[_opening(dispute, disputed, whose, year), *_ruled(dispute)],
        closing=[] if settled else ["本件所列尚未终局，不作为裁定文书。"],
        tables=[_facts(dispute, disputed, names), _course(dispute), _limits(dispute), _evidence(dispute)],
        sources=sources(provenance, keys, names.scheme(provenance["scheme"] or ""), asked),
        dated=None if known_at is None else datetime.fromisoformat(known_at),
        answer={"data": dispute, "provenance": provenance},
        flat=_flat(dispute, {"known_at": provenance["position"], **rest(provenance, keys, asked)}),
        question=asked,
    )


def _opening(dispute: Mapping[str, Any], disputed: Mapping[str, Any], whose: str, year: str) -> str:
    filed = dispute["steps"]["DisputeFiled"]
    return (
        f"{chinese_day(date.fromisoformat(filed['effective_on']))}，{whose}对{year}年度考核扣分{disputed['deduction']}"
        f"（{disputed['imposed_points']}分）提出异议，理由：{_sentence(dispute['grounds'])}"
    )


def _ruled(dispute: Mapping[str, Any]) -> list[str]:
    said: list[str] = []
    for event in ("RulingIssued", "FinalRulingIssued"):
        step = dispute["steps"].get(event)
        if step is not None:
            reduced = f"为{step['points']}分" if step.get("points") else ""
            said.append(
                f"{chinese_day(date.fromisoformat(step['effective_on']))}{_EVENTS[event]}：{_OUTCOME[step['outcome']]}"
                f"{reduced}。理由：{_sentence(step['reasons'])}"
            )
    return said


def _sentence(text: str) -> str:
    return text if text.endswith(("。", "！", "？", "；")) else f"{text}。"


def _facts(dispute: Mapping[str, Any], disputed: Mapping[str, Any], names: Names) -> Table:
    rows: list[list[Cell]] = [
        ["状态", _STATUS.get(dispute["status"], dispute["status"])],
        ["扣分", f"{disputed['deduction']}，{disputed['indicator']}"],
        ["对象", names.of(disputed["about"])],
        ["扣分事由", disputed["grounds"]],
        ["原扣分", points(disputed["imposed_points"])],
        ["现扣分", points(disputed["points"])],
        ["是否迟延提出", "是" if dispute["late"] else "否"],
        ["终局日期", DASH if dispute["final_on"] is None else chinese_day(date.fromisoformat(dispute["final_on"]))],
    ]
    return Table("异议概要", (Column("项目"), Column("内容")), rows, "body")


def _course(dispute: Mapping[str, Any]) -> Table:
    steps: list[tuple[int, str, Mapping[str, Any]]] = sorted(
        (step["position"], event, step) for event, step in dispute["steps"].items()
    )
    rows: list[list[Cell]] = [
        [_EVENTS.get(event, event), chinese_day(date.fromisoformat(step["effective_on"])), str(position)]
        for position, event, step in steps
    ]
    return Table("办理过程", (Column("事项"), Column("发生日期"), Column("记录")), rows, "annex")


def _limits(dispute: Mapping[str, Any]) -> Table:
    columns = (Column("期限"), Column("截止日期"), Column("完成日期"), Column("入账"), Column("记录"), Column("说明"))
    rows: list[list[Cell]] = [
        [
            _LIMIT.get(one["step"], one["step"]),
            _day(one["due_on"]),
            _day(one["done_on"]),
            DASH if one["recorded_at"] is None else chinese_instant(datetime.fromisoformat(one["recorded_at"])),
            DASH if one["position"] is None else str(one["position"]),
            full_width(one["explanation"] or ("逾期" if one["late"] else DASH)),
        ]
        for one in dispute["limits"]
    ]
    return Table("各项期限", columns, rows, "annex")


def _evidence(dispute: Mapping[str, Any]) -> Table:
    columns = (Column("提交方"), Column("陈述"), Column("提交记录"), Column("所引记录"), Column("作出扣分时"))
    known: dict[int, bool] = {one["position"]: one["known_at_decision"] for one in dispute["evidence"]}
    rows: list[list[Cell]] = []
    for one in dispute["submissions"]:
        cited: list[int | None] = [*one["positions"]] if one["positions"] else [None]
        rows += [
            [
                _PARTY.get(one["party"], one["party"]),
                one["statement"],
                str(one["position"]),
                DASH if position is None else str(position),
                DASH if position is None else ("已入账" if known.get(position) else "尚未入账"),
            ]
            for position in cited
        ]
    return Table("双方证据", columns, rows, "annex", "是否已入账按记录号与扣分决定的记录号比较。")


def _flat(dispute: Mapping[str, Any], rests: Mapping[str, Cell]) -> Table:
    columns = ("position", "event", "effective_on", "outcome", "points", "party", "cites", *rests)
    rows: list[list[Cell]] = [
        [
            step["position"],
            event,
            step["effective_on"],
            step.get("outcome"),
            step.get("points"),
            step.get("party"),
            " ".join(map(str, step.get("positions") or ())) or None,
            *rests.values(),
        ]
        for event, step in sorted(dispute["steps"].items(), key=lambda one: int(one[1]["position"]))
    ]
    return Table("flat", [Column(name) for name in columns], rows, "attached")


def _day(text: str | None) -> str:
    return DASH if text is None else chinese_day(date.fromisoformat(text))
