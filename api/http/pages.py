"""The few pages that the API itself shows: login, documentation, what a problem means."""

from __future__ import annotations

from html import escape
from typing import Final
from urllib.parse import quote

from starlette.responses import HTMLResponse

from api.http.problems import Described
from api.web.words import Words, spoken

_PAGE: Final = """<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · {name}</title>
<link rel="icon" href="/static/seal.svg">
{head}</head>
<body>
{body}
</body>
</html>
"""
_CARD: Final = """<main class="card">
<header>
<span class="seal" aria-hidden="true">账</span>
<p><strong>{name}</strong><span>{place}</span></p>
</header>
{content}
</main>
<footer>{basis}
<form method="post" action="/language"><input type="hidden" name="language" value="{other}">
<input type="hidden" name="next" value="{here}">
<button class="quiet" lang="{other}">{switch}</button></form></footer>"""
_LOGIN: Final = """<h1>{title}</h1>
{notice}<form method="post" action="/login">
<input type="hidden" name="next" value="{following}">
<label for="account">{account_word}</label>
<input id="account" name="account" value="{account}" autocomplete="username" autocapitalize="none" spellcheck="false"
 maxlength="32" required autofocus>
<label for="password">{password_word}</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="200" required>
<button>{title}</button>
</form>{sign_on}"""
_SIGN_ON: Final = """
<p class="or">{either}</p>
<p><a class="button" href="/login/oidc?next={following}">{sign_on}</a></p>"""
_GO_ON: Final = """<h1>{title}</h1>
<p><a href="{following}">{go_on}</a></p>"""
_LOGGED_IN: Final = """<h1>{title}</h1>
<p>{account_word} <code>{account}</code></p>
<form method="post" action="/logout">
<input type="hidden" name="csrf_token" value="{csrf}">
<button>{log_out}</button>
</form>
<p><a href="/">{home}</a> · <a href="/api/docs">{docs}</a></p>"""
_PROBLEM: Final = """<h1>{zh}</h1>
<p lang="en">{en}</p>
<dl>
<dt>代码 <span lang="en">code</span></dt><dd><code>{code}</code></dd>
<dt>状态 <span lang="en">status</span></dt><dd>{status}</dd>
</dl>
<p>{meaning_zh}</p>
<p lang="en">{meaning_en}</p>"""
_CARD_HEAD: Final = '<link rel="stylesheet" href="/static/taizhang.css">\n'
_DOCS_HEAD: Final = """<meta name="csrf-token" content="{csrf}">
<link rel="stylesheet" href="/static/swagger-ui.css">
<script defer src="/static/swagger-ui-bundle.js"></script>
<script defer src="/static/docs.js"></script>
"""
_MEANINGS: Final = {
    400: (
        "请求本身不合格式，改正后再发。本次未入账。",
        "The request is not well formed; correct it and send it again. Nothing was recorded.",
    ),
    401: ("请先登录，或者随请求发送有效的密钥。", "Log in, or send a valid key with the request."),
    403: (
        "此账户今日的权限不允许。本次未入账。",
        "The account's rights of today don't allow it. Nothing was recorded.",
    ),
    404: ("所求不存在，或者在所问的时间尚不存在。", "It doesn't exist, or not at the time asked about."),
    405: ("Allow 首部列出此地址支持的方法。", "The header Allow lists the methods that the address takes."),
    408: ("请重新发送。本次未入账。", "Send it again. Nothing was recorded."),
    409: (
        "程序或已入账的事项不允许，detail 说明依据。本次未入账。",
        "The procedure, or what is on record, doesn't allow it; the detail says why. Nothing was recorded.",
    ),
    412: (
        "记录已有更新，读取最新版本后再决定。本次未入账。",
        "The record has moved on: read it again, then decide. Nothing was recorded.",
    ),
    413: ("请分批发送，或者作为附件上传。本次未入账。", "Send it in parts, or as an attachment. Nothing was recorded."),
    415: (
        "Accept 首部列出此地址接受的类型。本次未入账。",
        "The header Accept has the type that is taken. Nothing was recorded.",
    ),
    422: (
        "errors 指出不合要求之处，改正后再发。本次未入账。",
        "The list errors points to what is wrong; correct it and send it again. Nothing was recorded.",
    ),
    429: ("请在 Retry-After 所示秒数之后再试。", "Come back after the seconds that Retry-After gives."),
    500: ("请把 instance 中的编号告诉维护人员。", "Tell whoever runs the service the id in instance."),
    503: (
        "请在 Retry-After 所示秒数之后，用同一幂等键重发。",
        "Come back after the seconds that Retry-After gives, with the same Idempotency-Key.",
    ),
}


def login_page(
    t: Words, following: str, account: str = "", notice: str = "", status: int = 200, *, sign_on: bool = False
) -> HTMLResponse:
    """The page with the one form, and the way to the identity provider where there is one."""
    words = {"either": t("login.or"), "sign_on": t("login.sign_on")}
    content = _LOGIN.format(
        title=t("login.title"),
        account_word=t("login.account"),
        password_word=t("login.password"),
        notice=f'<p class="notice" role="alert">{escape(notice)}</p>\n' if notice else "",
        following=escape(following),
        account=escape(account),
        sign_on=_SIGN_ON.format(following=quote(following, safe="/"), **words) if sign_on else "",
    )
    return _card(t, t("login.title"), content, status, here=f"/login?next={quote(following, safe='/')}")


def go_on_page(t: Words, following: str) -> HTMLResponse:
    """The page that leads on from another site's login: what it leads to is asked for by a page of ours."""
    head = f'{_CARD_HEAD}<meta http-equiv="refresh" content="0; url={escape(following)}">\n'
    title = t("login.done")
    return _card(t, title, _GO_ON.format(title=title, following=escape(following), go_on=t("login.go_on")), head=head)


def logged_in_page(t: Words, account: str, csrf: str) -> HTMLResponse:
    """The page that says who is logged in, and lets them leave."""
    content = _LOGGED_IN.format(
        title=t("login.done"),
        account_word=t("login.account"),
        account=escape(account),
        csrf=escape(csrf),
        log_out=t("login.out"),
        home=t("problem.back"),
        docs=t("login.docs"),
    )
    return _card(t, t("login.done"), content, here="/login")


def problem_page(t: Words, problem: Described) -> HTMLResponse:
    """What a problem's code means, in both languages: whoever follows the link from an answer may read either."""
    meaning_zh, meaning_en = _MEANINGS[problem.status]
    title = problem.zh if t.language == "zh" else problem.en
    content = _PROBLEM.format(**problem._asdict(), meaning_zh=meaning_zh, meaning_en=meaning_en)
    return _card(t, title, content, here=f"/problems/{problem.code}")


def docs_page(t: Words, csrf: str) -> HTMLResponse:
    """The documentation, which its script fills in."""
    return _page(t, t("login.docs"), '<div id="swagger-ui"></div>', _DOCS_HEAD.format(csrf=escape(csrf)))


def _card(  # what a card is made of
    t: Words, title: str, content: str, status: int = 200, *, here: str = "/", head: str = _CARD_HEAD
) -> HTMLResponse:
    other = spoken("en" if t.language == "zh" else "zh")
    body = _CARD.format(
        name=t("name"),
        place=t("place"),
        basis=t("foot.source"),
        content=content,
        other=other.language,
        here=escape(here),
        switch=t("foot.language"),
    )
    return _page(t, title, body, head, status)


def _page(t: Words, title: str, body: str, head: str, status: int = 200) -> HTMLResponse:
    lang = "zh-CN" if t.language == "zh" else "en"
    content = _PAGE.format(lang=lang, title=escape(title), name=t("name"), head=head, body=body)
    return HTMLResponse(content, status, {"Vary": "Accept-Language, Cookie"})
