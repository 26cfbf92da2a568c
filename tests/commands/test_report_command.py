"""`taizhang report assessment`: the same bytes for the same question, and a sentence for one that has no answer."""

from __future__ import annotations

import csv
import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import httpx
import pytest

QUESTION = ("report", "assessment", "--year", 2019)


@pytest.fixture
def imported(home: Any, divisions: Path) -> Any:
    home.ask("import", divisions)
    return home


def test_a_report_repeats_byte_for_byte(imported: Any) -> None:
    asked = (*QUESTION, "--known-at", imported.head(), "--on", "2019-12-31")
    first = imported.run(*asked)
    imported.ask("key", "add", "--account", "insp", "--office", "new-area", "--role", "inspector")
    assert imported.run(*asked) == first
    assert imported.run(*asked, "--json").out == first.out
    answer = first.answer
    assert answer["provenance"]["scheme"] == "opinions-2019"
    scores = answer["data"]["scores"]
    assert [one["new_city"] for one in scores] == ["fengdong", "fengxi", "jinghe", "konggang", "qinhan"]
    rows = list(csv.DictReader(imported.run(*asked, "--format", "csv").out.removeprefix("\ufeff").splitlines()))
    assert len(rows) == sum(len(one["lines"]) for one in scores)
    for score in scores:
        lines = [row for row in rows if row["new_city"] == score["new_city"]]
        assert {(row["indicative"], row["official"], row["rank"]) for row in lines} == {
            (score["indicative"], "", str(score["rank"]))
        }
        assert [row["indicative_deducted"] for row in lines] == [one["indicative_deducted"] for one in score["lines"]]


def test_the_command_and_the_api_give_the_same_report_beside_each_other(imported: Any) -> None:
    key = imported.ask("key", "add", "--account", "insp", "--office", "new-area", "--role", "inspector")["key"]
    position = imported.head()
    with imported.serving() as served:
        asked = {"year": "2019", "known_at": str(position), "on": "2019-12-31"}
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=served["url"], headers=headers) as client:
            answer = client.get("/api/v1/reports/assessment", params=asked)
            table = client.get("/api/v1/reports/assessment", params=asked | {"format": "csv"})
            files = {
                wanted: client.get("/api/v1/reports/assessment", params=asked | {"format": wanted})
                for wanted in ("xlsx", "html", "pdf")
            }
        options = (*QUESTION, "--known-at", position, "--on", "2019-12-31")
        assert imported.ask(*options) == answer.json()
        told = imported.ask(*options, "--format", "csv")
        assert told == {"format": "csv", "content": table.content.decode("utf-8-sig")}
        for wanted, answered in files.items():
            written = imported.directory / f"report.{wanted}"
            imported.ask(*options, "--format", wanted, "--output", written)
            assert written.read_bytes() == answered.content
        encoded = imported.ask(*options, "--format", "pdf")["content"]
    assert b64decode(encoded) == files["pdf"].content
    assert table.headers["content-type"].startswith("text/csv")
    assert {wanted: one.headers["content-type"].partition(";")[0] for wanted, one in files.items()} == {
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "html": "text/html",
        "pdf": "application/pdf",
    }
    assert "style-src 'sha256-" in files["html"].headers["content-security-policy"]


def test_a_question_that_has_no_answer_gets_a_sentence(home: Any) -> None:
    bad: dict[tuple[object, ...], int] = {
        ("--year", 2018): 1,
        ("--year", 2019, "--known-at", "2019-12-31"): 2,
        ("--year", 2019, "--known-at", 999_999): 2,
        ("--year", 2019, "--on", "yesterday"): 2,
        ("--year", 2019, "--scheme", "nowhere"): 2,
        ("--year", 2019, "--format", "docx"): 2,
        (): 2,
    }
    for options, code in bad.items():
        run = home.run("report", "assessment", *options)
        assert (run.code, run.out) == (code, ""), options
        assert run.err.strip()
    run = home.run("report", "assessment", "--year", 2018, "--json")
    assert (run.code, json.loads(run.out)["error"]) == (1, "no-scheme")
