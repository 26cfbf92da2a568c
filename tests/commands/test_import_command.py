"""The baseline is imported whole or by what is good of it, once, and goes on where it was cut off."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from api.command_line import main
from infrastructure.views import rebuilding

GOOD = "610112002001,三桥火车站社区,community,610112002,三桥街道,fengdong,沣东新城"


def test_all_of_xixian_is_imported_once(home: Any, divisions: Path) -> None:
    before = home.head()
    first = home.ask("import", divisions)
    assert first == {"recorded": 378 + 5, "already": 0, "skipped": 0, "bad": [], "bad_lines": 0}
    assert home.rows("SELECT split_part(record, '/', 1) AS kind, count(*) FROM ledger.log"
                     " WHERE name ~ '(Established|Registered)/1$' GROUP BY kind ORDER BY kind") == [
        ("communities", 163), ("new-area", 1), ("new-cities", 5), ("villages", 215),
    ]  # fmt: skip
    again = home.ask("import", divisions)
    assert again == {"recorded": 0, "already": 378, "skipped": 0, "bad": [], "bad_lines": 0}
    assert home.head() == before + 383

    entry = home.rows("SELECT convert_from(entry, 'UTF8') FROM ledger.log WHERE record = 'communities/610112002001'")
    assert '"effective_on":"2019-12-10"' in entry[0][0]
    assert '"recorded_by":{"account":"system"}' in entry[0][0]


def test_lists_show_what_was_imported(home: Any, divisions: Path) -> None:
    home.ask("import", divisions)
    key = home.ask("key", "add", "--account", "inspector", "--office", "new-area", "--role", "inspector")["key"]
    with home.serving() as server:
        answer = httpx.get(
            f"{server['url']}/api/v1/villages?new_city=konggang&limit=500", headers={"Authorization": f"Bearer {key}"}
        ).json()
    assert len(answer["data"]) == 29


def test_after_a_large_table_the_views_are_made_anew_and_hold(
    home: Any, divisions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    rebuild = rebuilding.rebuild
    with monkeypatch.context() as here:
        here.setenv("TAIZHANG_DATABASE_URL", home.database.conninfo)
        here.setattr(rebuilding, "WORTH_A_PROCESS", 100)  # that a table of 378 rows is large
        here.setattr(rebuilding, "rebuild", lambda *asked: made.append(rebuild(*asked)) or made[-1])
        run = CliRunner().invoke(main, ["import", str(divisions), "--data", str(home.directory), "--json"])
    assert (run.exit_code, made) == (0, [home.head()]), run.output
    assert home.rows("SELECT count(*) FROM views.records WHERE kind IN ('communities', 'villages')") == [(378,)]
    assert home.ask("rebuild", "--check")["holds"]


def test_a_table_may_be_compressed_and_begin_with_a_byte_order_mark(home: Any, divisions: Path, tmp_path: Path) -> None:
    compressed = tmp_path / "divisions.csv.gz"
    compressed.write_bytes(gzip.compress(b"\xef\xbb\xbf" + divisions.read_bytes().replace(b"\n", b"\r\n")))
    assert home.ask("import", compressed, "--effective-on", "2020-01-01")["recorded"] == 383
    entry = home.rows("SELECT convert_from(entry, 'UTF8') FROM ledger.log WHERE record = 'villages/610112002201'")
    assert '"effective_on":"2020-01-01"' in entry[0][0]

    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(compressed.read_bytes()[:-200])
    run = home.run("import", cut, "--json")
    assert (run.code, run.answer["error"]) == (3, "unreadable")


def test_a_bad_line_is_told_by_number_and_keeps_everything_out(home: Any, table: Callable[..., Path]) -> None:
    before = home.head()
    path = table(
        GOOD,
        "610112002002,建章路社区,community,610112002,三桥街道,fengdong",
        "610112002003,,community,610112002,三桥街道,fengdong,沣东新城",
        f"610112002004,{'长' * 4001},community,610112002,三桥街道,fengdong,沣东新城",
        "610112002001,又一个,village,610112002,三桥街道,fengdong,沣东新城",
        "610112002 05,新西北社区,community,610112002,三桥街道,fengdong,沣东新城",
        "610112002006,武警路社区,community,610112002,三桥街道,fengdong,沣东",
        "610112002007,西户路社区,community,610112002,三桥街道,FENGDONG,沣东新城",
        "610112002008,红光路社区,community,610112002,三桥街道,fengdong,沣东新城".encode("gb18030"),
        "610112002009,Cafe\u0301,community,610112002,三桥街道,fengdong,沣东新城",
        '610112002010,"和平社区,community,610112002,三桥街道,fengdong,沣东新城',
        "",
        '610112002011,"天台路,东社区",community,610112002,三桥街道,fengdong,沣东新城',
        "610112002999,三桥街道办,other,610112002,三桥街道,fengdong,沣东新城",
    )
    run = home.run("import", path, "--json")
    report = run.answer
    assert (run.code, report["recorded"], report["bad_lines"], home.head()) == (1, 0, 10, before)
    reasons = {fault["line"]: fault["reason"] for fault in report["bad"]}
    assert [*reasons] == [3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    assert "此行 6 列" in reasons[3]
    assert "为空" in reasons[4]
    assert "过长" in reasons[5]
    assert "已经出现" in reasons[6]
    assert "不能作编号" in reasons[7]
    assert "沣东新城" in reasons[8]
    assert "不能作新城编号" in reasons[9]
    assert "UTF-8" in reasons[10]
    assert "NFC" in reasons[11]
    assert "引号" in reasons[12]
    assert "第 3 行" in home.run("import", path).err

    partly = home.ask("import", path, "--partial")
    assert (partly["recorded"], partly["skipped"], partly["bad_lines"]) == (3, 1, 10)
    assert home.ask("import", path, "--partial")["recorded"] == 0


def test_a_table_with_another_header_is_not_believed(home: Any, table: Callable[..., Path]) -> None:
    before = home.head()
    for header in ("code,name", "code,name,kind,township_code,township,new_city,new_city_name,households"):
        run = home.run("import", table(GOOD, header=header), "--partial", "--json")
        assert (run.code, run.answer["bad"][0]["line"], home.head()) == (1, 1, before)


def test_what_the_ledger_says_otherwise_is_a_bad_line(home: Any, table: Callable[..., Path]) -> None:
    home.ask("import", table(GOOD))
    before = home.head()
    other = table(
        GOOD.replace("火车站", "东站"),
        "610112002002,建章路社区,community,610112002,三桥街道,fengdong,沣西新城",
    )
    run = home.run("import", other, "--json")
    assert (run.code, [fault["line"] for fault in run.answer["bad"]], home.head()) == (1, [2, 3], before)


def test_an_import_that_was_killed_is_taken_up_by_the_next(home: Any, table: Callable[..., Path]) -> None:
    rows = 12_000
    path = table(
        *(f"{610112002000000 + n},第{n}社区,community,610112002,三桥街道,fengdong,沣东新城" for n in range(rows))
    )
    before = home.head()
    with home.start("import", path, "--json") as process:
        deadline = time.monotonic() + 60
        while home.head() < before + 2_000:
            assert process.poll() is None
            assert time.monotonic() < deadline
        process.kill()
    stood = home.head() - before
    assert 2_000 <= stood < rows

    answer = home.ask("import", path)
    assert (answer["recorded"], answer["already"]) == (rows + 1 - stood, stood - 1)
    assert home.rows("SELECT count(*), count(DISTINCT record), max(position) - min(position) + 1 FROM ledger.log"
                     " WHERE record LIKE 'communities/%'") == [(rows, rows, rows)]  # fmt: skip
