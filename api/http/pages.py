"""The few pages that the API itself shows: login, documentation, what a problem means."""

from __future__ import annotations

from html import escape
from typing import Final
from urllib.parse import quote

from starlette.responses import HTMLResponse

from api.http.problems import Described

NAME: Final = "社区治理台账"

_PAGE: Final = """<!doctype html>
<html lang="zh-CN">
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
<p><strong>{name}</strong><span>陕西省西咸新区</span></p>
</header>
{content}
</main>
<footer>依据《关于进一步加强和完善社区治理体系建设的若干意见（试行）》（2019年12月10日）</footer>"""
_LOGIN: Final = """<h1>登录</h1>
{notice}<form method="post" action="/login">
<input type="hidden" name="next" value="{following}">
<label for="account">账户</label>
<input id="account" name="account" value="{account}" autocomplete="username" autocapitalize="none" spellcheck="false"
 maxlength="32" required autofocus>
<label for="password">密码</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="200" required>
<button>登录</button>
</form>{sign_on}"""
_SIGN_ON: Final = """
<p class="or">或</p>
<p><a class="button" href="/login/oidc?next={following}">统一身份认证登录</a></p>"""
_GO_ON: Final = """<h1>已登录</h1>
<p><a href="{following}">继续</a></p>"""
_LOGGED_IN: Final = """<h1>已登录</h1>
<p>账户 <code>{account}</code></p>
<form method="post" action="/logout">
<input type="hidden" name="csrf_token" value="{csrf}">
<button>退出</button>
</form>
<p><a href="/api/docs">接口文档</a></p>"""
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
    following: str, account: str = "", notice: str = "", status: int = 200, *, sign_on: bool = False
) -> HTMLResponse:
    """The page with the one form, and the way to the identity provider where there is one."""
    beside = _SIGN_ON.format(following=quote(following, safe="/")) if sign_on else ""
    told = f'<p class="notice" role="alert">{escape(notice)}</p>\n' if notice else ""
    return _card(
        "登录", _LOGIN.format(notice=told, following=escape(following), account=escape(account), sign_on=beside), status
    )


def go_on_page(following: str) -> HTMLResponse:
    """The page that leads on from another site's login: what it leads to is asked for by a page of ours."""
    head = f'{_CARD_HEAD}<meta http-equiv="refresh" content="0; url={escape(following)}">\n'
    return _page("已登录", _CARD.format(name=NAME, content=_GO_ON.format(following=escape(following))), head)


def logged_in_page(account: str, csrf: str) -> HTMLResponse:
    """The page that says who is logged in, and lets them leave."""
    return _card("已登录", _LOGGED_IN.format(account=escape(account), csrf=escape(csrf)))


def problem_page(problem: Described) -> HTMLResponse:
    """What a problem's code means, in both languages."""
    meaning_zh, meaning_en = _MEANINGS[problem.status]
    return _card(problem.zh, _PROBLEM.format(**problem._asdict(), meaning_zh=meaning_zh, meaning_en=meaning_en))


def docs_page(csrf: str) -> HTMLResponse:
    """The documentation, which its script fills in."""
    return _page("接口文档", '<div id="swagger-ui"></div>', _DOCS_HEAD.format(csrf=escape(csrf)))


def _card(title: str, content: str, status: int = 200) -> HTMLResponse:
    return _page(title, _CARD.format(name=NAME, content=content), _CARD_HEAD, status)


def _page(title: str, body: str, head: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(_PAGE.format(title=escape(title), name=NAME, head=head, body=body), status)
