"""A report says what the log said, in every format alike, and the same bytes whenever the same is asked."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import openpyxl
import pypdf
import pytest

from api.reports import FORMATS, written
from api.reports.official import PACKAGE, NoGlyphs

ReportMade = Callable[..., Any]


def contents(report: Any) -> dict[str, bytes]:
    return {wanted: written(report, wanted).content for wanted in FORMATS}


def pdf_text(content: bytes) -> str:
    return "".join("".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages).split())


def sheet(content: bytes, name: str) -> list[list[Any]]:
    """The rows of a sheet below its heading lines, the header first."""
    book = openpyxl.load_workbook(io.BytesIO(content))
    rows = [list(row) for row in book[name].iter_rows(values_only=True)]
    return rows[next(at for at, row in enumerate(rows) if row.count(None) == 0) :]


def test_later_entries_leave_every_format_as_it_was(counted: Any, report: ReportMade) -> None:
    position = counted.head
    then = contents(report(position))
    counted.record("township", "communities/610112002001", "HouseholdsCounted", "2020-07-31", households=1200)
    assert contents(report(position)) == then
    later = contents(report(counted.head))
    assert all(later[wanted] != then[wanted] for wanted in FORMATS)


def test_every_format_has_the_same_numbers_and_they_add_up(counted: Any, report: ReportMade) -> None:
    made = report(counted.head, new_city="fengdong")
    files = contents(made)
    (score,) = json.loads(files["json"])["data"]["scores"]
    lost = sum(Decimal(line["indicative_deducted"]) for line in score["lines"])
    assert Decimal(100) - lost == Decimal(score["indicative"]) < 100
    header, row = sheet(files["xlsx"], "年度得分")
    board = dict(zip(header, row, strict=True))
    assert (board["新城"], board["得分"], board["扣分"]) == ("沣东新城", "未评定", float(lost))
    assert sum(row[4:]) == board["扣分"]
    _, *lines = sheet(files["xlsx"], "逐项扣分")
    assert sum(Decimal(str(line[5])) for line in lines) == lost
    flat = list(csv.DictReader(io.StringIO(files["csv"].decode("utf-8-sig"))))
    assert files["csv"].startswith(b"\xef\xbb\xbf")
    assert sum(Decimal(line["indicative_deducted"]) for line in flat) == lost
    text = pdf_text(files["pdf"])
    assert f"{lost:.2f}" in text
    for finding in (one for line in score["lines"] for one in line["findings"] if Decimal(one["points"])):
        assert finding["about"].partition("/")[2] in text
        assert "、".join(map(str, finding["evidence"])) in text


def test_what_it_rests_on_is_in_every_format(counted: Any, report: ReportMade) -> None:
    made = report(counted.head)
    key = counted.ledger.keys.signing_key.verifier_key
    files = contents(made)
    told = dict(sheet(files["xlsx"], "出处"))
    assert (told["账至记录"], told["验证公钥"], told["办法编号"]) == (str(counted.head), key, "opinions-2019")
    assert key in files["html"].decode().replace("&#43;", "+")
    assert key in pdf_text(files["pdf"])


def test_the_document_is_pdf_a_with_the_figures_attached(counted: Any, report: ReportMade) -> None:
    made = report(counted.head)
    document = pypdf.PdfReader(io.BytesIO(written(made, "pdf").content))
    metadata = document.xmp_metadata
    assert metadata is not None
    marked = metadata.stream.get_data().decode()
    assert "<pdfaid:part>3</pdfaid:part>" in marked
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in marked
    assert document.attachments == {f"{made.name}.json": [written(made, "json").content]}
    first = document.pages[0].mediabox
    assert (round(first.width), round(first.height)) == (595, 842)


def test_a_simulation_never_looks_like_a_result(counted: Any, report: ReportMade, another_scheme: str) -> None:
    made = report(counted.head, scheme=another_scheme)
    files = contents(made)
    assert made.name == "assessment-2020-simulated"
    assert "模拟测算" in pdf_text(files["pdf"])
    assert "西咸新区督查室" not in pdf_text(files["pdf"])
    assert "<span>模拟</span>" in files["html"].decode()
    assert "模拟" in dict(sheet(files["xlsx"], "出处"))["标记"]
    assert {row["simulated"] for row in csv.DictReader(io.StringIO(files["csv"].decode("utf-8-sig")))} == {"true"}
    assert json.loads(files["json"])["data"]["scores"][0]["simulated"] is True


def test_only_what_was_published_has_the_red_head(counted: Any, report: ReportMade) -> None:
    record = "assessments/2020-fengdong"
    data = {"year": 2020, "new_city": "fengdong", "scheme": "opinions-2019"}
    counted.record("inspectorate", record, "AssessmentOpened", "2021-01-04", **data)
    opened = written(report(counted.head), "pdf").content
    assert "未公布" in pdf_text(opened)
    assert "西咸新区督查室" not in pdf_text(opened)
    said = {"score": "100.00", "computed_at": counted.head, "tree_size": counted.head, "root_hash": "0" * 64}
    document = {"document": {"number": "陕西咸督字〔2021〕2号"}}
    counted.record("inspectorate", record, "ResultPublished", "2021-02-01", envelope=document, **said)
    published = pdf_text(written(report(counted.head), "pdf").content)
    assert published.count("西咸新区督查室") == 2
    assert "陕西咸督字〔2021〕2号" in published
    assert "未公布" not in published


def test_a_text_stays_text_in_a_spreadsheet(counted: Any, report: ReportMade) -> None:
    made = report(counted.head)
    flat = made.flat._replace(rows=[["=1+1", *row[1:]] for row in made.flat.rows])
    content = written(made._replace(flat=flat), "csv").content.decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(content)))[1][0] == "'=1+1"
    table = made.tables[0]._replace(rows=[[1, "=1+1", *made.tables[0].rows[0][2:]]])
    header, row = sheet(written(made._replace(tables=[table]), "xlsx").content, "年度得分")
    assert dict(zip(header, row, strict=True))["新城"] == "=1+1"


def test_a_character_that_no_font_has_is_refused_by_name_of_the_package(counted: Any, report: ReportMade) -> None:
    made = report(counted.head)._replace(addressed="\U000f0000新城：")
    with pytest.raises(NoGlyphs, match=PACKAGE):
        written(made, "pdf")
