"""A browser logs in with account and password; its session opens what the account may, and nothing to others."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from api.administration import issue_key
from api.composition import Taizhang
from api.http.throttle import OF_ACCOUNT_FROM_ADDRESS, OF_ADDRESS, REMEMBERED, WINDOW, Throttle
from infrastructure.access.passwords import Passwords
from infrastructure.access.sessions import SESSIONS_PER_ACCOUNT, Sessions
from infrastructure.postgres.database import Database, Pool

PASSWORD = "沣河两岸 correct horse"
EVENTS = "/api/v1/communities/610112002001/events"
HTML = {"Accept": "text/html"}

Body = Callable[..., dict[str, Any]]


@pytest.fixture
def browser(ledger: Taizhang, url: str) -> Iterator[httpx.Client]:
    """A browser of an account of the township that nobody has tried to guess the password of."""
    account = f"browser-{time.monotonic_ns()}"
    issue_key(ledger, account, "township:610112002", None, ["recorder"])
    ledger.passwords.choose(account, PASSWORD)
    with httpx.Client(base_url=url, headers={"X-Account": account}, timeout=30) as client:
        yield client


def account_of(browser: httpx.Client) -> str:
    return browser.headers["x-account"]


def log_in(browser: httpx.Client, password: str = PASSWORD, **more: str) -> httpx.Response:
    form = {"account": account_of(browser), "password": password, **more}
    return browser.post("/login", data=form, headers=HTML)


def csrf(browser: httpx.Client) -> str:
    found = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', browser.get("/login").text)
    assert found is not None
    return found[1]


def test_the_page_has_one_form_in_chinese_and_nothing_inline(browser: httpx.Client) -> None:
    page = browser.get("/login")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert re.findall(r"<form[^>]*>", page.text) == [
        '<form method="post" action="/login">', '<form method="post" action="/language">',
    ]  # fmt: skip
    assert re.findall(r'name="(account|password)"', page.text) == ["account", "password"]
    assert '<html lang="zh-CN">' in page.text
    assert not re.search(r"<script|<style|style=|\son\w+=|https?://", page.text)
    assert "script-src 'self';" in page.headers["content-security-policy"]
    assert browser.get("/static/taizhang.css").status_code == 200


def test_the_page_is_in_the_language_that_was_chosen_or_that_the_browser_prefers(browser: httpx.Client) -> None:
    preferred = browser.get("/login", headers={"Accept-Language": "en-GB,en;q=0.9"}).text
    assert ('<html lang="en">' in preferred, "<h1>Log in</h1>" in preferred) == (True, True)
    answer = browser.post("/language", data={"language": "en", "next": "/login?next=/log"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/log")
    assert "<h1>Log in</h1>" in browser.get("/login", headers={"Accept-Language": "zh-CN"}).text
    refused = log_in(browser, password="wrong")
    assert "Account or password is wrong." in refused.text
    assert "<h1>后续事项以此为据</h1>" in browser.get("/problems/stands-in-the-way").text


def test_a_session_opens_what_the_account_may(browser: httpx.Client, counted: Body) -> None:
    answer = log_in(browser, next="/api/docs")
    assert (answer.status_code, answer.headers["location"]) == (303, "/api/docs")
    cookie = answer.headers["set-cookie"]
    assert re.fullmatch(r"taizhang=[\w-]{43}; HttpOnly; Path=/; SameSite=strict", cookie)
    assert browser.get("/api/v1/communities/610112002001").status_code == 200
    assert browser.get("/api/docs").status_code == 200
    recorded = browser.post(EVENTS, json=counted(), headers={"X-CSRF-Token": csrf(browser)})
    assert (recorded.status_code, recorded.json()["recorded_by"]["account"]) == (201, account_of(browser))


@pytest.mark.usefixtures("nothing_recorded")
def test_a_session_changes_nothing_without_the_token_of_our_pages(ledger: Taizhang, url: str, counted: Body) -> None:
    token = ledger.sessions.open("township")
    with httpx.Client(base_url=url, cookies={"taizhang": token}) as browser:
        for forged in ({}, {"X-CSRF-Token": "0" * 64}, {"X-CSRF-Token": token}, {"X-CSRF-Token": "é".encode()}):
            for answer in (
                browser.post(EVENTS, json=counted(), headers=forged),
                browser.post("/api/v1/batches", json={"entries": []}, headers=forged),
                browser.put(f"/api/v1/attachments/{'0' * 64}", content=b"", headers=forged),
            ):
                assert (answer.status_code, answer.json()["code"]) == (403, "forged")
        answer = browser.post("/logout", data={"csrf_token": "0" * 64})
        assert (answer.status_code, answer.json()["code"]) == (403, "forged")
        assert browser.get("/api/v1/communities").status_code == 200


def test_logging_out_ends_the_session_for_good(browser: httpx.Client) -> None:
    log_in(browser)
    token = browser.cookies["taizhang"]
    answer = browser.post("/logout", data={"csrf_token": csrf(browser)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert "taizhang" not in browser.cookies
    assert browser.get("/api/v1/communities", headers={"Cookie": f"taizhang={token}"}).status_code == 401
    assert browser.post("/logout").status_code == 303


def test_logging_out_everywhere_ends_the_sessions_of_every_browser(browser: httpx.Client, url: str) -> None:
    with httpx.Client(base_url=url, headers={"X-Account": account_of(browser)}, timeout=30) as elsewhere:
        for one in (browser, elsewhere):
            log_in(one)
            assert one.get("/api/v1/communities").status_code == 200
        answer = browser.post("/logout", data={"csrf_token": csrf(browser), "everywhere": "1"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
        assert [one.get("/api/v1/communities").status_code for one in (browser, elsewhere)] == [401, 401]


def test_logging_in_again_ends_the_earlier_session(browser: httpx.Client) -> None:
    log_in(browser)
    earlier = browser.cookies["taizhang"]
    log_in(browser)
    assert browser.cookies["taizhang"] != earlier
    assert browser.get("/api/v1/communities", headers={"Cookie": f"taizhang={earlier}"}).status_code == 401


def test_a_closed_account_opens_nothing(
    browser: httpx.Client, ledger: Taizhang, clients: Callable[..., httpx.Client]
) -> None:
    log_in(browser)
    today = ledger.asking.moment(None, None, None).on.isoformat()
    closed = {"type": "AccountClosed", "effective_on": today, "data": {"reasons": "调离"}}
    path = f"/api/v1/accounts/{account_of(browser)}/events"
    assert clients("administrator").post(path, json=closed).status_code == 201
    assert browser.get("/api/v1/communities").status_code == 401
    assert log_in(browser).status_code == 401


@pytest.mark.parametrize("password", ["", "x", PASSWORD + " ", "x" * 5_000, "\x00"])
def test_a_wrong_password_is_told_on_the_page_and_as_a_problem(browser: httpx.Client, password: str) -> None:
    page = log_in(browser, password)
    assert page.status_code == 401
    assert "账户或密码不对。" in page.text
    assert f'value="{account_of(browser)}"' in page.text
    assert "set-cookie" not in page.headers
    problem = browser.post("/login", data={"account": account_of(browser), "password": password})
    assert (problem.status_code, problem.json()["code"]) == (401, "login-failed")


@pytest.mark.parametrize("account", ["nobody", "system", "", "x" * 100, "<b>", "a\x00b", "王敏"])
def test_an_unknown_account_is_answered_like_a_wrong_password(browser: httpx.Client, account: str) -> None:
    browser.headers["x-account"] = "unknown"
    answer = browser.post("/login", data={"account": account, "password": PASSWORD}, headers=HTML)
    assert answer.status_code in {401, 429}
    assert "<b>" not in answer.text


def test_guessing_is_slowed_down(browser: httpx.Client) -> None:
    for _ in range(OF_ACCOUNT_FROM_ADDRESS):
        assert log_in(browser, "a wrong guess").status_code == 401
    page = log_in(browser)
    assert page.status_code == 429
    assert 0 < int(page.headers["retry-after"]) <= WINDOW
    problem = browser.post("/login", data={"account": account_of(browser), "password": PASSWORD})
    assert (problem.status_code, problem.json()["code"]) == (429, "too-many-attempts")


@pytest.mark.parametrize(
    "sent",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://elsewhere.example"}],
)
def test_another_site_logs_nobody_in(browser: httpx.Client, sent: dict[str, str]) -> None:
    form = {"account": account_of(browser), "password": PASSWORD}
    answer = browser.post("/login", data=form, headers=sent)
    assert (answer.status_code, answer.json()["code"]) == (403, "forged")


@pytest.mark.parametrize(
    "following", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere", "x", "/a\nb"]
)
def test_a_login_leads_to_no_other_site(browser: httpx.Client, following: str) -> None:
    assert log_in(browser, next=following).headers["location"] == "/"
    assert "elsewhere" not in browser.get("/login", params={"next": following}).text


@pytest.mark.parametrize("content", [b"account=%ff&password=x", b"\xff", b"&".join([b"a=1"] * 30)])
def test_a_form_that_is_none_is_malformed(browser: httpx.Client, content: bytes) -> None:
    media = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = browser.post("/login", content=content, headers=media)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


def test_strangers_are_led_to_the_login_page_from_the_documentation(browser: httpx.Client) -> None:
    answer = browser.get("/api/docs", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/api/docs")
    asked = browser.get("/log/7?on=2020-12-31", headers=HTML)
    assert asked.headers["location"] == "/login?next=/log/7%3Fon%3D2020-12-31"


def test_over_tls_the_cookie_is_bound_to_the_host(ledger: Taizhang, url: str) -> None:
    token = ledger.sessions.open("township")
    for name in ("__Host-taizhang", "taizhang"):
        plain = httpx.get(f"{url}/api/v1/communities", cookies={name: token})
        assert (plain.status_code == 200) == (name == "taizhang")


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_failures_count_for_a_while_and_a_success_forgets_only_its_own() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    for _ in range(OF_ACCOUNT_FROM_ADDRESS - 1):
        assert throttle.attempt("a", "10.0.0.1") == 0
    throttle.succeeded("a", "10.0.0.1")
    for _ in range(OF_ACCOUNT_FROM_ADDRESS):
        assert throttle.attempt("a", "10.0.0.1") == 0
    assert throttle.attempt("a", "10.0.0.1") == WINDOW
    assert throttle.attempt("a", "10.0.0.2") == throttle.attempt("b", "10.0.0.1") == 0
    clock.now += WINDOW
    assert throttle.attempt("a", "10.0.0.1") == 0


def test_one_address_that_tries_many_accounts_is_slowed_down_and_an_ipv6_network_is_one() -> None:
    throttle = Throttle(Clock())
    for number in range(OF_ADDRESS):
        assert throttle.attempt(f"account-{number}", f"2001:db8::{number:x}") == 0
    assert throttle.attempt("another", "2001:db8::ffff:1") == WINDOW
    assert throttle.attempt("another", "2001:db8:0:1::1") == 0


def test_what_is_remembered_is_bounded() -> None:
    throttle = Throttle(Clock())
    for number in range(REMEMBERED):
        throttle.attempt(f"account-{number}", f"host-{number}")
    assert len(throttle._attempts) == REMEMBERED


@pytest.fixture
def pool(database: Database) -> Iterator[Pool]:
    opened = database.pool("writer", 1, 2)
    yield opened
    opened.close()


def test_sessions_expire_and_the_oldest_give_way(pool: Pool) -> None:
    sessions = Sessions(pool.connection)
    tokens = [sessions.open("a") for _ in range(SESSIONS_PER_ACCOUNT + 1)]
    assert [sessions.account(token) for token in tokens] == [None] + ["a"] * SESSIONS_PER_ACCOUNT
    other = sessions.open("b")
    sessions.close(tokens[1])
    assert (sessions.account(tokens[1]), sessions.account(other), sessions.account("x")) == (None, "b", None)
    expired = Sessions(pool.connection, lifetime=timedelta(0)).open("c")
    assert sessions.account(expired) is None
    sessions.open("d")
    with pool.connection() as connection:
        rows = connection.execute("SELECT token_sha256, account FROM access.sessions").fetchall()
    assert "c" not in {account for _, account in rows}
    assert not {token.encode() for token in tokens} & {bytes(digest) for digest, _ in rows}


def test_a_new_password_ends_sessions_and_is_kept_as_a_hash(pool: Pool) -> None:
    passwords, sessions = Passwords(pool.connection), Sessions(pool.connection)
    passwords.choose("a", PASSWORD)
    assert passwords.verify("a", PASSWORD)
    assert not passwords.verify("a", PASSWORD[:-1])
    assert not passwords.verify("b", PASSWORD)
    token = sessions.open("a")
    passwords.choose("a", "another password")
    assert (passwords.verify("a", PASSWORD), sessions.account(token)) == (False, None)
    with pool.connection() as connection:
        row = connection.execute("SELECT hash FROM access.passwords").fetchone()
    assert row is not None
    assert row[0].startswith("$argon2id$")
    passwords.forget("a")
    assert not passwords.verify("a", "another password")
    for wrong in ("too short", "x" * 201):
        with pytest.raises(ValueError, match="characters"):
            passwords.choose("a", wrong)
