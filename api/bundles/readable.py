"""A bundle as people read it: the deduction line by line, the evidence by time, each record's entries."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast

from api.bundles.collecting import Collected
from api.bundles.verify_bundle import Entry
from api.web.words import spoken
from application.reporting import DASH, Cell, Column, Report, Table, chinese_day, chinese_instant
from domain.rules import RULES

_WORDS: Final = spoken("zh")
_PARTIES: Final = {"deduction": "扣分所依据", "new-city": "新城提交", "inspectorate": "督查部门提交"}
_SEALED: Final = "（姓名已加密）"
_EMPTY: Final = Table("", (), (), "attached")


def readable(found: Collected, verifier_key: str, report_file: str | None) -> Report:
    """The bundle as a page."""
    position = found.moment.position
    instants = {one: _recorded_at(stored.entry) for one, stored in found.stored.items()}
    return Report(
        name="index",
        title=f"证据包：{_called(found.about)}",
        marks=(),
        published=False,
        addressed=(
            f"本证据包载有台账截至第{position}号条目、与 {found.about} 有关的全部记录，每条附在账证明，"
            "可离线核验，无需信任提供者。核验方法见 README.md。"
        ),
        opening=(
            (f"其中的报告文件为 {report_file}。",)
            if report_file is not None
            else (f"{chinese_day(found.moment.on)}当日状态：{_status(found)}。姓名以密文入账，此处只列人员编号。",)
        ),
        closing=("本页由证据包中的条目生成；条目原文在 entries 目录，以原文为准。",),
        tables=(
            *_of_deduction(found),
            *_of_evidence(found, instants),
            *_of_records(found, instants),
            *_of_files(found),
        ),
        sources=[
            ("账至记录", str(position)),
            ("记录齐全", f"第{found.seal.position}号条目封存前{found.seal.sealed.tree_size}条的各记录末端"),
            ("台账", found.published.checkpoint.origin),
            ("检查点", str(found.published.checkpoint.size)),
            ("根哈希", found.published.checkpoint.root_hash.hex()),
            ("验证公钥", verifier_key),
        ],
        dated=None,
        answer={},
        flat=_EMPTY,
    )


def _of_deduction(found: Collected) -> Iterator[Table]:
    told = found.computation
    if told is not None:
        rows: list[list[Cell]] = [
            [
                RULES[line["rule"]].zh if line["rule"] in RULES else line["rule"],
                line["clause"],
                line["about"],
                _said(line["figures"]),
                "、".join(map(str, line["evidence"])) or DASH,
                line["points"],
            ]
            for line in told["lines"]
        ]
        rows += [
            ["合计", "", "", "", "", told["total"]],
            [f"该指标分值上限 {told['cap']}，应扣", "", "", "", "", told["deducted"]],
        ]
        columns = [
            Column("规则"), Column("条款"), Column("对象"), Column("数据"), Column("依据条目"), Column("分", "points"),
        ]  # fmt: skip
        note = f"按第{told['computed_at']}号条目时所知、{told['on']}当日状态逐条计算。"
        yield Table(f"扣分计算：{told['title']}", columns, rows, "body", note)
    if found.points:
        changes = [[one["position"], _event(found.entries[one["position"]]), one["points"]] for one in found.points]
        yield Table("所争议的扣分", [Column("条目"), Column("事项"), Column("分", "points")], changes, "body")


def _of_evidence(found: Collected, instants: Mapping[int, datetime]) -> Iterator[Table]:
    if not found.evidence:
        return
    rows: list[list[Cell]] = []
    for one in found.evidence:
        entry = found.entries[one["position"]]
        rows.append(
            [
                entry.position,
                _PARTIES.get(one["party"], one["party"]),
                entry.record,
                _event(entry),
                chinese_instant(instants[entry.position]),
                "已在账" if one["known_at_decision"] else "其后入账",
            ]
        )
    columns = [
        Column("条目"), Column("何方"), Column("记录"), Column("事项"), Column("入账时间"), Column("作出扣分时"),
    ]  # fmt: skip
    yield Table("证据", columns, rows, "body", f"以作出扣分的第{found.points[0]['position']}号条目为界。")


def _of_records(found: Collected, instants: Mapping[int, datetime]) -> Iterator[Table]:
    columns = [Column("条目"), Column("发生日"), Column("入账时间"), Column("事项"), Column("内容"), Column("登记账户")]
    records: dict[str, list[Entry]] = {}
    for entry in found.entries.values():
        records.setdefault(entry.record, []).append(entry)
    for record, entries in records.items():
        rows: list[list[Cell]] = []
        for entry in entries:
            header, _, body = found.stored[entry.position].entry.partition(b"\n")
            said, by = json.loads(body), json.loads(header)["recorded_by"]
            told = _said({**entry.data, **{name: said[name] for name in ("document", "note") if said.get(name)}})
            later = "（晚于所求时点）" if entry.position > found.moment.position else ""
            rows.append(
                [
                    f"{entry.position}{later}",
                    said["effective_on"],
                    chinese_instant(instants[entry.position]),
                    _event(entry),
                    told,
                    " ".join(filter(None, (by["account"], by.get("office"), by.get("bureau")))),
                ]
            )
        proof = found.heads.get(record)
        note = "仅列所引条目。" if proof is None else f"共{proof.head.version}条，一条不缺。"
        yield Table(_called(record), columns, rows, "body", note)


def _of_files(found: Collected) -> Iterator[Table]:
    named: dict[str, list[int]] = {}
    for entry in found.entries.values():
        for digest in entry.attachments:
            named.setdefault(digest, []).append(entry.position)
    if named:
        rows: list[list[Cell]] = [[f"attachments/{one}", "、".join(map(str, named[one]))] for one in sorted(named)]
        yield Table("附件", [Column("文件"), Column("所在条目")], rows, "body")


def _called(record: str) -> str:
    kind, _, record_id = record.partition("/")
    return f"{_WORDS.kind(kind)} {record_id}"


def _event(entry: Entry) -> str:
    return _WORDS.event(entry.record.partition("/")[0], entry.event)


def _status(found: Collected) -> str:
    return DASH if found.state is None else _WORDS.named("status", str(found.state["status"]))


def _said(value: Any) -> str:  # noqa: ANN401  # JSON
    match value:
        case {"id": str(person), "name": str(name)} if name.startswith("sealed1."):
            return f"{person}{_SEALED}"
        case dict():
            return "；".join(
                f"{_WORDS.named('field', name)}：{_said(one)}" for name, one in cast("dict[str, Any]", value).items()
            )
        case list():
            return "、".join(map(_said, cast("Sequence[Any]", value)))
        case None:
            return DASH
        case bool():
            return "是" if value else "否"
        case _:
            return _WORDS.named("value", str(value))


def _recorded_at(entry: bytes) -> datetime:
    return datetime.fromisoformat(json.loads(entry.partition(b"\n")[0])["recorded_at"])
