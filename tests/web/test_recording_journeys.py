"""What offices do in a browser: record a late payment, dispute a deduction, rule on it; with scripts and without."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from api.administration import found, issue_key
from api.composition import Taizhang, running
from application.commands import Command, proposal
from application.moments import today
from infrastructure.keys.key_ring import KeyRing
from infrastructure.postgres.database import Database, create
from infrastructure.postgres.embedded import EmbeddedServer

PASSWORD = "沣河两岸 correct horse"
ACCOUNTS: dict[str, tuple[str, str | None, str]] = {
    "new-city": ("new-city:fengdong", None, "recorder"),
    "finance": ("new-city:fengdong", "finance", "recorder"),
    "township": ("township:610112002", None, "recorder"),
    "new-area": ("new-area", None, "recorder"),
    "inspectorate": ("new-area", None, "inspectorate"),
    **{f"arbiter-{number}": ("new-area", None, "arbiter") for number in range(1, 7)},
}
COMMUNITY = "communities/610112002001"
ASSESSMENT = "assessments/2020-fengdong"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

Opened = Callable[..., AbstractContextManager[Page]]


@pytest.fixture(scope="module")
def ledger(server: EmbeddedServer, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Taizhang]:
    base = Database.embedded(server, "journeys")
    create(base, template=template)
    directory = tmp_path_factory.mktemp("journeys")
    with running(directory, base, KeyRing.create(directory, "taizhang.test/journeys"), follow=True) as opened:
        found(opened)
        for account, (office, bureau, role) in ACCOUNTS.items():
            issue_key(opened, account, office, bureau, [role], f"{account}甲")
            opened.passwords.choose(account, PASSWORD)
        for account, record, event, on, data in HISTORY:
            asked = proposal(record, {"type": event, "effective_on": on, "data": data}, today=today(_now))
            opened.recorder.record(Command(account, (asked,)), 30)
        opened.views.wait(opened.log.head()[0], 30)
        yield opened


def _now() -> Any:
    from api.composition import now  # noqa: PLC0415  # the application's own clock

    return now()


HISTORY: list[tuple[str, str, str, str, dict[str, Any]]] = [
    ("new-area", "new-cities/fengdong", "NewCityRegistered", "2019-12-10", {"name": "沣东新城", "kind": "new-city"}),
    (
        "new-city", COMMUNITY, "CommunityEstablished", "2019-12-10",
        {"name": "三桥火车站社区", "origin": "existing", "township_code": "610112002", "township": "三桥街道",
         "new_city": "fengdong"},
    ),
    ("township", COMMUNITY, "HouseholdsCounted", "2020-06-30", {"households": 600}),
    (
        "finance", "funding-allocations/fd-2020-1", "AllocationApproved", "2020-03-10",
        {"new_city": "fengdong", "year": 2020, "bearer": "new-city", "purpose": "community-work",
         "amount": "4020000.00"},
    ),
    (
        "inspectorate", ASSESSMENT, "AssessmentOpened", "2021-01-10",
        {"year": 2020, "new_city": "fengdong", "scheme": "opinions-2019"},
    ),
    (
        "inspectorate", ASSESSMENT, "DeductionImposed", "2021-01-12",
        {"deduction": "k1", "indicator": "community-size", "points": "1.00", "about": COMMUNITY,
         "grounds": "户数不足", "evidence_positions": [], "computed_at": 1},
    ),
    (
        "inspectorate", ASSESSMENT, "NoticeServed", "2021-01-13",
        {"deduction": "k1", "recipient": {"id": "p-1", "name": "张三"}, "states_right": True,
         "dispute_by": "2021-01-28"},
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def url(ledger: Taizhang, serving: Callable[[Taizhang], AbstractContextManager[str]]) -> Iterator[str]:
    with serving(ledger) as address:
        yield address


@pytest.fixture
def opened(chromium: Browser, url: str) -> Opened:
    """Opens a browser's page for an account that has logged in; nothing unexpected may be said on its console."""

    @contextmanager
    def open_for(account: str, *, scripts: bool = True) -> Iterator[Page]:
        context = chromium.new_context(
            java_script_enabled=scripts, base_url=url, locale="zh-CN", viewport={"width": 1328, "height": 900}
        )
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: said.append(request.url) if not request.url.startswith(url) else None)
        page.goto("/login")
        page.fill("[name=account]", account)
        page.fill("[name=password]", PASSWORD)
        page.click("main button")
        page.wait_for_url("**/")
        yield page
        # A page that says what is wrong answers 422, which a browser tells its console.
        assert [one for one in said if "422 (Unprocessable" not in one] == []
        context.close()

    return open_for


def send(page: Page, step: str) -> None:
    page.click(f"button[value={step}]")
    page.wait_for_load_state()


def record(page: Page, path: str, files: dict[str, Any] | None = None, **typed: str) -> int:
    """Fills in a form, checks the answers and records them; the position on the receipt."""
    page.goto(path)
    for name, value in typed.items():
        field = page.locator(f"[name='{name.replace('__', '.')}']")
        if field.evaluate("one => one.tagName", timeout=20_000) == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    for name, file in (files or {}).items():
        page.set_input_files(f"[name={name}]", file)
    send(page, "check")
    assert page.locator(".fault").count() == 0, page.locator("main").inner_text()
    send(page, "record")
    assert page.url.rpartition("/")[0].endswith("/receipt"), page.locator("main").inner_text()
    return int(page.url.rpartition("/")[2])


def accessible(page: Page) -> None:
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": WCAG}})
    assert found.violations_count == 0, found.generate_report()


def test_an_office_records_a_late_payment_and_reads_its_receipt(opened: Opened, ledger: Taizhang) -> None:
    with opened("finance") as page:
        page.goto("/funding-allocations/fd-2020-1")
        page.click("text=登记事项")
        page.wait_for_url("**/record/funding-allocations/fd-2020-1")
        page.click("text=拨付")
        page.wait_for_url("**/FundsDisbursed")
        accessible(page)
        form = page.url
        page.set_input_files("[name=evidence]", {"name": "凭证.pdf", "mimeType": "application/pdf", "buffer": b"paid"})
        page.wait_for_selector(".files code")
        digest = page.locator(".files code").inner_text().split()[-1]
        file = {"name": "凭证.pdf", "mimeType": "application/pdf", "buffer": b"paid"}
        position = record(
            page, form, {"evidence": file}, data__payment="fd-2020-1-1", data__amount="4020000.00",
            data__payer="沣东新城财政局", data__payee="三桥街道办事处", effective_on="2020-08-03",
            document__number="沣东财社〔2020〕71号",
        )  # fmt: skip
        receipt = page.locator("main").inner_text()
        accessible(page)
        entry = ledger.asking.entry(ledger.access.reader(_actor(ledger, "finance")), position)
        assert entry["evidence"] == [digest]
        assert f"记录{position}" in receipt
        assert re.search(r"迟记\d+日", receipt)
        assert "4,020,000.00" in receipt
        assert str(entry["leaf_hash"])[:8] in receipt
        page.reload()
        assert f"记录{position}" in page.locator("main").inner_text()
        for content, found in ((b"paid", f"记录{position}"), (b"not paid", "无法判断")):
            page.goto("/verify")
            page.set_input_files("[name=file]", {"name": "凭证.pdf", "mimeType": "application/pdf", "buffer": content})
            page.click("text=上传核验")
            page.wait_for_selector(".verdict")
            assert found in page.locator("main").inner_text()
            accessible(page)


def test_a_new_city_files_a_dispute_the_arbiters_rule_and_the_past_view_stays(opened: Opened, ledger: Taizhang) -> None:
    people = [ledger.access.account(f"arbiter-{number}") for number in (1, 2, 3)]
    panel = "\n".join(f"{one.person} {one.name}" for one in people if one is not None)
    with opened("new-city") as page:
        before = ledger.log.head()[0]
        page.goto(f"/{ASSESSMENT}")
        assert "99.0" in page.locator("main").inner_text()
        record(
            page, "/record/disputes", id="yy-2021-003", data__assessment="2020-fengdong", data__deduction="k1",
            data__grounds="入住户数统计有误", effective_on="2021-01-20",
        )  # fmt: skip
    with opened("arbiter-1") as page:
        record(page, "/record/disputes/yy-2021-003/DisputeAccepted", effective_on="2021-01-22")
        record(
            page, "/record/disputes/yy-2021-003/HearingHeld", data__minutes="双方到场陈述", effective_on="2021-02-01"
        )
        record(
            page, "/record/disputes/yy-2021-003/RulingIssued", data__outcome="revoked", data__reasons="统计确有出入",
            data__panel=panel, effective_on="2021-02-10",
        )  # fmt: skip
    with opened("new-city") as page:
        page.goto(f"/{ASSESSMENT}")
        now = page.locator("main").inner_text()
        assert "100.0" in now
        past = f"/{ASSESSMENT}?known_at={before}"
        page.goto(past)
        then = page.locator("main").inner_text()
        assert "99.0" in then
        page.reload()
        assert page.locator("main").inner_text() == then
        page.goto("/disputes/yy-2021-003?on=2021-03-01")
        dispute = page.locator("main").inner_text()
        assert all(word in dispute for word in ("作出裁定", "2021年2月21日", "按期", "逾期未办", "期满未申请复审"))
        accessible(page)
        page.go_back()
        assert page.locator("main").inner_text() == then


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_errors_stand_beside_the_fields_and_nothing_is_lost(opened: Opened, ledger: Taizhang, scripts: bool) -> None:  # noqa: FBT001
    before = _version(ledger, COMMUNITY)
    with opened("township", scripts=scripts) as page:
        page.goto(f"/record/{COMMUNITY}/HouseholdsCounted")
        page.fill("[name='data.households']", "一千一百")
        page.fill("[name=note]", "半年清点")
        send(page, "check")
        assert page.locator("[id='e-data.households']").inner_text().endswith("请填整数")
        assert page.locator("#e-effective_on").inner_text().endswith("必须填写")
        assert page.input_value("[name='data.households']") == "一千一百"
        if scripts:
            accessible(page)
            assert page.evaluate("document.activeElement.id") == "faults"
        page.fill("[name='data.households']", "1100")
        page.fill("[name=effective_on]", "2020-12-31")
        send(page, "check")
        assert "半年清点" in page.locator("main").inner_text()
        send(page, "edit")
        assert page.input_value("[name=note]") == "半年清点"
        assert _version(ledger, COMMUNITY) == before


def test_the_keyboard_alone_records(opened: Opened, ledger: Taizhang) -> None:
    before = _version(ledger, COMMUNITY)
    with opened("township") as page:
        page.goto(f"/record/{COMMUNITY}/HouseholdsCounted")
        page.focus("[name='data.households']")
        page.keyboard.type("1101")
        page.fill("[name=effective_on]", "2020-12-30")
        page.focus("button[value=check]")
        page.keyboard.press("Enter")
        page.wait_for_selector("button[value=record]")
        page.focus("button[value=record]")
        page.keyboard.press("Enter")
        page.wait_for_url("**/receipt/*")
    assert _version(ledger, COMMUNITY) == before + 1


def _version(ledger: Taizhang, record: str) -> int:
    """How many entries the record has: the log itself may go on by what seals it."""
    return ledger.asking.histories.at(record, ledger.log.head()[0]).version


def _actor(ledger: Taizhang, account: str) -> Any:
    return ledger.access.account(account)


PAGES = (
    "/", "/assessments", "/assessments/2020", f"/{ASSESSMENT}", "/communities", f"/{COMMUNITY}", "/conversion-cases",
    "/estates", "/funding-allocations", "/disputes", "/inspections", "/schemes", "/schemes/opinions-2019", "/policy",
    "/search?q=三桥", "/log", "/log/1", "/log/20", "/findings?year=2020", "/account", "/record",
    "/verify", "/verify?q=20", "/checkpoints", f"/record/{COMMUNITY}",
)  # fmt: skip


def test_every_page_answers_with_nothing_on_its_console_and_nothing_from_elsewhere(opened: Opened) -> None:
    with opened("inspectorate") as page:
        for path in PAGES:
            answer = page.goto(path)
            assert answer is not None
            assert answer.status == 200, path
            assert page.locator("main h1").count() == 1, path
            accessible(page)


def test_the_browser_verifies_an_entry_itself_and_a_tampered_one_shows_red(opened: Opened, ledger: Taizhang) -> None:
    position = 20
    ledger.proving.await_sealed(position, 10)
    with opened("inspectorate") as page:
        page.goto(f"/log/{position}")
        page.click("main .tools a.primary")
        page.wait_for_url("**/verify?position=*")
        page.wait_for_selector("[data-of=signature].green")
        assert page.locator(".verdict.good h2").inner_text() == f"记录{position}在台账中，内容没有改动"
        assert "您的浏览器" in page.locator("[data-told-here]").inner_text()
        accessible(page)
        page.route("**/raw", lambda route: route.fulfill(body=b"something else"))
        page.reload()
        page.wait_for_selector(".verdict.bad")
        assert page.locator("[data-of=leaf].red").count() == 1
        page.goto("/verify?q=999999")
        assert page.locator(".verdict.cannot").count() == 1
