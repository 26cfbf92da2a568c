"""A table of divisions is looked through in the browser, and recorded when somebody has seen what that would do."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Iterator

import httpx
import openpyxl
import pytest

from api.composition import Taizhang

PASSWORD = "沣河两岸 correct horse"
HEADER = "code,name,kind,township_code,township,new_city,new_city_name"
GOOD = "610112009001,斗门社区,community,610112009,斗门街道,fengdong,沣东新城"
BAD = "610112009002,,community,610112009,斗门街道,fengdong,沣东新城"

Send = Callable[..., httpx.Response]


@pytest.fixture
def administrator(ledger: Taizhang, url: str) -> Iterator[httpx.Client]:
    ledger.passwords.choose("administrator", PASSWORD)
    with httpx.Client(base_url=url, timeout=30, headers={"Accept-Language": "zh"}) as client:
        client.post("/login", data={"account": "administrator", "password": PASSWORD})
        yield client


@pytest.fixture
def send(administrator: httpx.Client) -> Send:
    """Sends a table, and gives the page of what was found."""

    def sent(content: bytes, name: str = "底册.csv", **fields: str) -> httpx.Response:
        fields = {"csrf_token": token(administrator), "effective_on": "2019-12-10", **fields}
        files = [*((key, (None, value)) for key, value in fields.items()), ("table", (name, content))]
        answer = administrator.post("/import", files=files)
        return settled(administrator, answer.headers["location"]) if answer.status_code == 303 else answer

    return sent


def token(client: httpx.Client) -> str:
    found = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', client.get("/import").text)
    assert found is not None
    return found[1]


def settled(client: httpx.Client, path: str) -> httpx.Response:
    for _ in range(300):
        page = client.get(path)
        if 'http-equiv="refresh"' not in page.text:
            return page
        time.sleep(0.05)
    raise AssertionError(page.text)


def confirm(client: httpx.Client, page: httpx.Response) -> httpx.Response:
    answer = client.post(page.request.url.path, files=[("csrf_token", (None, token(client)))])
    return settled(client, answer.headers["location"])


def test_a_table_is_shown_first_and_imported_then(administrator: httpx.Client, send: Send, ledger: Taizhang) -> None:
    before = ledger.log.head()[0]
    found = send(f"{HEADER}\n{GOOD}\n".encode())
    assert "核对结果，尚未导入" in found.text
    assert "斗门社区" in found.text
    assert ledger.log.head()[0] == before
    done = confirm(administrator, found)
    assert "已导入" in done.text
    assert ledger.log.head()[0] == before + 1
    entry = administrator.get("/api/v1/communities/610112009001/events")
    assert entry.status_code == 403  # who imports reads none of it
    stored = ledger.log.at(before + 1)
    assert stored is not None
    assert b'"account":"administrator"' in stored.entry


def test_a_workbook_is_a_table_too_and_its_bad_lines_are_told(
    administrator: httpx.Client, send: Send, ledger: Taizhang
) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for line in (HEADER, GOOD.replace("9001", "9003").replace("斗门社区", "王寺社区"), BAD):
        cells = line.split(",")
        sheet.append([int(one) if one.isdigit() else one for one in cells])
    content = io.BytesIO()
    book.save(content)
    strict = send(content.getvalue(), "底册.xlsx")
    assert re.search(r"<td class=\"num\">3</td><td>name：", strict.text)
    assert "导入</button>" not in strict.text
    before = ledger.log.head()[0]
    done = confirm(administrator, send(content.getvalue(), "底册.xlsx", partial="1"))
    assert "已导入" in done.text
    assert ledger.log.head()[0] == before + 1


@pytest.mark.usefixtures("nothing_recorded")
def test_what_is_no_table_is_said(send: Send) -> None:
    assert send(b"").status_code == 422
    assert send(b"PK\x03\x04 and no more").status_code == 422
    assert send(f"{HEADER}\n{GOOD}\n".encode(), effective_on="2999-01-01").status_code == 422
    assert "首行应为" in send(b"a,b,c\n1,2,3\n").text


def test_only_administrators_import(ledger: Taizhang, url: str) -> None:
    ledger.passwords.choose("township", PASSWORD)
    with httpx.Client(base_url=url, timeout=30) as client:
        client.post("/login", data={"account": "township", "password": PASSWORD})
        assert client.get("/import").status_code == 403
