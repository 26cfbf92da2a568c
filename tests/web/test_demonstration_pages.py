"""The demonstration in pages: each is what it would have been then, and leads to the proof in a few clicks."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, NamedTuple

import httpx
import pytest
from playwright.sync_api import Browser, Page

from api import demo
from api.administration import found, issue_key
from api.composition import Taizhang, running
from api.reports import FORMATS
from application import boards
from application.assessing import Assessing
from domain.records import AGGREGATES
from infrastructure.keys.key_ring import KeyRing
from infrastructure.postgres.database import Database, create
from infrastructure.postgres.embedded import EmbeddedServer

PASSWORD = "沣河两岸 correct horse"
READER = "na-reader"
LAST = 30
"""Lines of the demonstration that the shorter log lacks: of disputes, rulings and results."""


class Pair(NamedTuple):
    """Two ledgers with the same beginning: one ends there, and one goes on."""

    position: int
    """Where the shorter one ends."""
    kept: str
    """The checkpoint of their common beginning."""
    key: str
    shorter: str
    longer: str


class _CutOff(Exception):  # noqa: N818  # no error
    pass


@pytest.fixture(scope="module")
def pair(
    server: EmbeddedServer,
    template: str,
    tmp_path_factory: pytest.TempPathFactory,
    serving: Callable[[Taizhang], AbstractContextManager[str]],
) -> Iterator[Pair]:
    directory = tmp_path_factory.mktemp("demo") / "longer"
    longer, shorter = Database.embedded(server, "demo_longer"), Database.embedded(server, "demo_shorter")
    create(longer, template=template)
    directory.mkdir()
    ring = KeyRing.create(directory, "demo.taizhang.local/test")
    left = demo.size() - LAST

    def until_cut_off(lines: int) -> None:
        nonlocal left
        left -= lines
        if left <= 0:
            raise _CutOff

    with running(directory, longer, ring, follow=True) as ledger:
        found(ledger)
        key = issue_key(ledger, READER, "new-area", None, ["inspector"], "李示例")
        ledger.passwords.choose(READER, PASSWORD)
        with pytest.raises(_CutOff):
            demo.record(ledger, until_cut_off)
    with running(directory, longer, ring, follow=True) as ledger:
        position, _ = ledger.log.head()
        assert ledger.proving.await_sealed(position, 30)
        published = ledger.proving.covering(position)
        assert published is not None
        kept = str(published.note)
    create(shorter, template=longer.name)
    copy = shutil.copytree(directory, directory.with_name("shorter"))
    with ExitStack() as stack:
        served: list[str] = []
        for folder, database in ((copy, shorter), (directory, longer)):
            ledger = stack.enter_context(running(folder, database, KeyRing.open(folder), follow=True))
            if database is longer:
                demo.record(ledger)
            ledger.views.wait(ledger.log.head()[0], 30)
            served.append(stack.enter_context(serving(ledger)))
        yield Pair(position, kept, key, *served)


# what was known then


PAGES = (
    "/", "/policy", "/log", "/schemes/opinions-2019", "/schemes/opinions-2021", "/findings?year=2020",
    "/findings?year=2021&new_city=fengxi&outcome=found", "/search?q=三桥", "/search?q=fd-2020", "/checkpoints",
    "/verify?q=1000",
    *(f"/assessments/{year}" for year in (2019, 2020, 2021)),
    *(f"/assessments/2020-{city}" for city in ("fengdong", "fengxi", "qinhan", "konggang", "jinghe")),
    "/assessments/2020-fengxi/changes?from_known_at=1400", "/assessments/2020?on=2020-06-30&scheme=opinions-2021",
    *(f"/{kind}" for kind in AGGREGATES), "/communities?q=三桥&new_city=fengdong",
)  # fmt: skip
SAMPLE = 3
"""Records of each kind."""
REPORTS = tuple(
    f"/api/v1/reports/{report}&format={form}"
    for report in ("assessment?year=2020", "assessment?year=2021&new_city=fengxi", "dispute?dispute=2021-01")
    for form in ("html", "json", "csv", "xlsx", "pdf")
)
LATER = re.compile(r'<p class="later" id="later">.*?</p>\n', re.DOTALL)
"""What says on purpose that there is more by now."""


def test_each_page_and_report_is_what_it_was_before_anything_later_was_recorded(pair: Pair) -> None:
    headers = {"Authorization": f"Bearer {pair.key}", "Accept-Language": "zh-CN"}
    with (
        httpx.Client(base_url=pair.shorter, headers=headers, timeout=60) as then,
        httpx.Client(base_url=pair.longer, headers=headers, timeout=60) as now,
    ):
        assert now.get("/api/v1/log/checkpoint").json()["data"]["size"] > pair.position
        records = [
            f"/{kind}/{one['id']}"
            for kind in AGGREGATES
            for one in then.get(f"/api/v1/{kind}?limit={SAMPLE}").json()["data"]
        ]
        entries = [f"/log/{position}" for position in (1, 700, pair.position)]
        different: list[str] = []
        for path in (*PAGES, *records, *entries, *REPORTS):
            asked = f"{path}{'&' if '?' in path else '?'}known_at={pair.position}"
            was, is_now = (client.get(asked) for client in (then, now))
            assert (was.status_code, is_now.status_code) == (200, 200), asked
            if LATER.sub("", is_now.text) != LATER.sub("", was.text):
                different.append(asked)
        assert different == []


def test_an_entry_is_found_by_its_hash_wherever_it_stands_in_its_tile(pair: Pair) -> None:
    with httpx.Client(base_url=pair.longer, headers={"Authorization": f"Bearer {pair.key}"}, timeout=60) as client:
        for position in (1, 256, 257, 511, 512, pair.position):
            leaf = client.get(f"/api/v1/log/entries/{position}").json()["data"]["leaf_hash"]
            assert f"记录{position}在台账中" in client.get(f"/verify?q={leaf}").text
        assert "台账中没有这条记录" in client.get(f"/verify?q={'0' * 64}").text


# in a browser


@pytest.fixture
def opened(chromium: Browser, pair: Pair) -> Callable[..., AbstractContextManager[Page]]:
    @contextmanager
    def open_as(width: int = 1328) -> Iterator[Page]:
        context = chromium.new_context(base_url=pair.longer, locale="zh-CN", viewport={"width": width, "height": 900})
        page = context.new_page()
        page.goto("/login")
        page.fill("[name=account]", READER)
        page.fill("[name=password]", PASSWORD)
        page.click("main button")
        page.wait_for_url("**/")
        yield page
        context.close()

    return open_as


def test_from_the_start_page_to_why_a_point_was_taken_who_recorded_it_and_that_it_is_unchanged(opened: Any) -> None:
    clicks = 0

    def click(page: Page, what: str, leads_to: str) -> None:
        nonlocal clicks
        clicks += 1
        page.locator(what).first.click()
        page.wait_for_url(leads_to)

    with opened() as page:
        click(page, "main .tiles a", "**/assessments/2020")
        click(page, "main table a[href$='/assessments/2020-fengxi']", "**/assessments/2020-fengxi")
        told = page.locator("main").inner_text()
        assert "新区经费拨付" in told or "《意见》" in told
        entry = page.locator("main ol.evidence li").first
        assert re.search(r"\d{4}年\d{1,2}月\d{1,2}日", entry.inner_text()), "when it happened and was recorded"
        position = re.search(r"记录(\d+)", entry.inner_text())
        assert position is not None
        click(page, "main ol.evidence li a[href*='/verify']", "**/verify?position=*")
        page.wait_for_selector("[data-of=signature].green")
        assert page.locator(".verdict.good h2").inner_text() == f"记录{position[1]}在台账中，内容没有改动"
        shared = page.url
        page.go_back()
        page.wait_for_selector("main ol.evidence")
        assert page.url.endswith("/assessments/2020-fengxi")
        page.goto(shared)
        page.wait_for_selector(".verdict.good")
    assert clicks < 10


def test_a_board_that_takes_its_time_says_so_and_comes_by_itself(opened: Any, monkeypatch: Any) -> None:
    going_on, of = threading.Event(), Assessing.of

    def slowly(*asked: Any) -> Iterator[Any]:
        going_on.wait(60)
        yield from of(*asked)

    monkeypatch.setattr(boards, "NEW_CITIES_KEPT", 0)
    monkeypatch.setattr(boards, "PATIENCE", 0.1)
    monkeypatch.setattr(Assessing, "of", slowly)
    with opened() as page:
        page.goto("/assessments")
        page.locator("main .choices a", has_text="2021").click()
        page.wait_for_selector("[data-again]")
        assert "正在逐一评定" in page.locator("main").inner_text()
        assert '<noscript><meta http-equiv="refresh" content="2">' in page.request.get("/assessments/2021").text()
        going_on.set()
        page.wait_for_selector("table.board")
        assert page.url.endswith("/assessments/2021")


def test_steps_funds_inspections_and_disputes_say_by_when_how_late_and_by_whom(opened: Any) -> None:
    expected = {
        "/conversion-cases/fd-2020-02?on=2020-12-31": ("应于2020年7月19日前", "逾期40日办结", "2020年规则判定"),
        "/funding-allocations/2020-konggang-nc-yf?on=2020-12-31": ("尚未到位", "1,600,000.00", "已过184日", "空港新城"),
        "/funding-allocations?on=2020-12-31": ("逾期18日办结", "已逾期184日", "按期"),
        "/inspections/2020-dc-01": ("办事大厅工作时间无人值守", "2020年10月31日", "按期"),
        "/disputes/2021-06": ("不得参与裁定的人员", "参加原裁定", "扣分由5.0改为3.0", "作出终审裁定"),
    }
    with opened() as page:
        for path, words in expected.items():
            page.goto(path)
            told = page.locator("main").inner_text()
            assert [word for word in words if word not in told] == [], path


def test_a_file_that_somebody_kept_is_told_from_one_that_was_changed(opened: Any, pair: Pair) -> None:
    headers = {"Authorization": f"Bearer {pair.key}"}
    with httpx.Client(base_url=pair.longer, headers=headers, timeout=60) as client, opened() as page:

        def got(path: str) -> bytes:
            answer = client.get(path, follow_redirects=True)
            assert answer.status_code == 200, (path, answer.text)
            return answer.content

        def told(content: bytes) -> str:
            page.goto("/verify")
            file = {"name": "kept", "mimeType": "application/octet-stream", "buffer": content}
            page.set_input_files("input[name=file]", file)
            page.click("text=上传核验")
            verdict = page.wait_for_selector(".verdict")
            return f"{verdict.get_attribute('class').split()[1]} {page.locator('.verdict h2').inner_text()}"

        kept = {
            f"{report} {form}": got(f"/api/v1/reports/{report}&format={form}")
            for report, forms in (
                ("assessment?year=2020&new_city=fengxi", FORMATS),
                ("dispute?dispute=2021-01", ["csv"]),
            )
            for form in forms
        }
        for what, content in kept.items():
            assert told(content) == "good 报告与台账给出的逐字节相同，没有改动", what
            altered = content.replace(b"2020-12-31", b"2020-12-30").replace(b"1.00", b"9.00") + b" "
            assert told(altered).startswith("bad 报告与台账给出的不同"), what
        bundle = got("/api/v1/disputes/2021-01/bundle")
        assert told(bundle).startswith("good 证据包成立")
        at = bundle.index(b'"entries"') + 1
        assert told(bundle[:at] + b"E" + bundle[at + 1 :]).startswith("bad 证据包不成立")
        entry = got("/log/1000/raw")
        assert told(entry) == "good 记录1000在台账中，内容没有改动"
        assert told(entry + b" ").startswith("cannot 无法判断")
        proof = got("/log/1000/proof")
        assert told(proof) == "good 证明成立：该记录在台账中"
        assert told(proof.replace(b"index 999", b"index 998")) == "bad 证明不成立，请勿引用"
        checkpoint = got("/checkpoint")
        assert told(checkpoint).startswith("good 检查点由本台账签发")
        assert told(checkpoint.replace(b"\n", b"\n0", 1)).startswith(("bad ", "cannot "))
        assert told(b"").startswith("cannot 无法判断")


def test_on_a_phone_no_page_is_wider_than_the_screen(opened: Any) -> None:
    with opened(width=360) as page:
        for path in (
            "/", "/assessments/2020", "/assessments/2020-fengxi", "/communities/610112002001", "/funding-allocations",
            "/conversion-cases/fd-2020-02", "/disputes/2021-06", "/inspections/2020-dc-01", "/log/1000",
            "/verify?position=1000", "/search?q=三桥", "/policy",
        ):  # fmt: skip
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_the_print_view_has_the_figures_and_not_the_buttons(opened: Any) -> None:
    with opened() as page:
        page.goto("/assessments/2020-fengxi")
        page.emulate_media(media="print")
        assert not page.locator("main .tools").first.is_visible()
        assert page.locator("main h1").is_visible()
        told = page.locator("body").inner_text()
        assert "检查点" in told
        assert "根哈希" in told


def test_the_path_is_drawn_and_a_changed_entry_breaks_it_up_to_the_root(opened: Any) -> None:
    with opened() as page:
        page.goto("/verify?position=1000")
        page.wait_for_selector("[data-node].same")
        levels = page.locator("[data-node]").count()
        assert (page.locator("[data-node].same").count(), page.locator(".sibling").count()) == (levels, levels - 1)
        page.route("**/raw", lambda route: route.fulfill(body=b"something else"))
        page.reload()
        page.wait_for_selector("[data-node].differs")
        assert page.locator("[data-node].differs").count() == levels


def test_a_checkpoint_that_somebody_kept_is_held_against_the_ledger_in_the_browser(opened: Any, pair: Pair) -> None:
    kept = pair.kept
    first, size, root, *signed = kept.split("\n")
    elsewhere = kept.replace(root, f"{'A' * 42}8=")
    with opened() as page:
        for content, said in (
            (kept, f"由留存的检查点（记录总数{size}）增长而来，此前的记录没有改动"),
            (elsewhere, "不是由本台账的密钥签名的"),
            (f"{first}\n{size}\n{root}", "该文件不是检查点"),
        ):
            page.goto("/checkpoints")
            page.wait_for_selector("[data-kept]:enabled")
            file = {"name": "checkpoint", "mimeType": "text/plain", "buffer": content.encode()}
            page.set_input_files("[data-kept]", file)
            page.wait_for_selector("[data-kept-told].verdict")
            assert said in page.locator("[data-kept-told]").inner_text()
        accepted = page.evaluate(
            """async ([old, oldRoot, size, root, path]) => {
                const module = await import("/static/verification.js");
                const bytes = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
                return module.grows(old, oldRoot, size, root, path.map(bytes));
            }""",
            [3, "00" * 32, 7, "11" * 32, ["22" * 32] * 4],
        )
        assert accepted is False
        assert signed
