"""Logging in at a real identity provider: a server of OpenID Connect in a process of its own."""

from __future__ import annotations

import hashlib
import re
import socket
import subprocess
import sys
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from api.composition import Taizhang
from infrastructure.access.sign_on import Provider
from infrastructure.access.tokens import Linking
from infrastructure.postgres.database import Pool

PROVIDER = str(Path(sys.executable).with_name("oidc-provider-mock"))
CLIENT = "taizhang-workbench"

Serving = Callable[[Taizhang], AbstractContextManager[str]]


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [PROVIDER, "--port", str(port), "--require-nonce", "true", "--user", "王敏", "--user", "李红"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(300):
                try:
                    assert httpx.get(f"{url}/.well-known/openid-configuration").json()["issuer"] == url
                    break
                except httpx.HTTPError:
                    time.sleep(0.05)
            else:
                raise AssertionError(process.poll())
            yield url
        finally:
            process.terminate()


@pytest.fixture
def pool(ledger: Taizhang) -> Iterator[Pool]:
    opened = ledger.database.pool("writer", 1, 2)
    yield opened
    opened.close()


@pytest.fixture
def browser(ledger: Taizhang, issuer: str, pool: Pool, serving: Serving, url: str) -> Iterator[httpx.Client]:  # noqa: ARG001  # the accounts are there
    Linking(pool.connection).link(issuer, "王敏", "township")
    provider = Provider(pool.connection, issuer=issuer, client_id=CLIENT, client_secret="a secret: 100%")
    with serving(replace(ledger, sign_on=provider)) as address, httpx.Client(base_url=address, timeout=30) as client:
        yield client


def sign_on(browser: httpx.Client, subject: str) -> httpx.Response:
    """Goes to the provider, logs in there, and comes back to us."""
    sent = browser.get("/login/oidc?next=/communities")
    assert sent.status_code == 303
    asked = {name: value for name, (value,) in parse_qs(urlsplit(sent.headers["location"]).query).items()}
    assert asked["code_challenge_method"] == "S256"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    back = httpx.post(sent.headers["location"], data={"sub": subject})
    return browser.get(back.headers["location"])


def test_whoever_logs_in_there_is_logged_in_here(browser: httpx.Client) -> None:
    page = browser.get("/login?next=/communities").text
    assert 'href="/login/oidc?next=/communities"' in page
    answer = sign_on(browser, "王敏")
    assert answer.status_code == 200, answer.text
    assert '<meta http-equiv="refresh" content="0; url=/communities">' in answer.text
    assert "samesite=strict" in answer.headers["set-cookie"].lower()
    assert "taizhang-oidc" not in browser.cookies
    shown = browser.get("/communities")
    assert shown.status_code == 200
    assert "三桥火车站社区" in shown.text


def test_who_is_linked_to_no_account_is_not(browser: httpx.Client) -> None:
    answer = sign_on(browser, "李红")
    assert (answer.status_code, answer.json()["code"]) == (403, "not-linked")
    assert browser.get("/communities").status_code == 303


@pytest.mark.parametrize("changed", ["state", "code", "iss", "nonce", "cookie", "again"])
def test_what_is_not_the_answer_to_what_was_asked_opens_nothing(browser: httpx.Client, changed: str) -> None:
    sent = browser.get("/login/oidc")
    location = sent.headers["location"]
    if changed == "nonce":
        location = re.sub(r"nonce=[^&]+", "nonce=another", location)
    back = httpx.post(location, data={"sub": "王敏"}).headers["location"]
    if changed == "state":
        back = re.sub(r"state=[^&]+", "state=another", back)
    if changed == "code":
        back = re.sub(r"code=[^&]+", "code=another", back)
    if changed == "iss":
        back += "&iss=https%3A%2F%2Felsewhere.example"
    if changed == "cookie":
        browser.cookies.clear()
    if changed == "again":
        cookies = dict(browser.cookies)
        assert browser.get(back).status_code == 200
        browser.cookies.clear()
        browser.cookies.update(cookies)
    answer = browser.get(back)
    assert answer.status_code in {401, 403}
    assert answer.json()["code"] in {"login-failed", "forged"}
    assert browser.get("/communities").status_code == 303


def test_the_verifier_is_what_the_challenge_was_made_of(pool: Pool, issuer: str) -> None:
    provider = Provider(pool.connection, issuer=issuer, client_id=CLIENT, client_secret=None)
    begun = provider.begin("http://127.0.0.1/login/oidc/callback")
    (challenge,) = parse_qs(urlsplit(begun.address).query)["code_challenge"]
    assert urlsafe_b64decode(challenge + "=") == hashlib.sha256(begun.verifier.encode()).digest()


def test_a_provider_that_is_away_or_another_one_is_said_to_be(pool: Pool, issuer: str) -> None:
    for named in ("http://127.0.0.1:9", f"{issuer}/"):
        provider = Provider(pool.connection, issuer=named, client_id=CLIENT, client_secret=None)
        with pytest.raises(ConnectionError):
            provider.begin("http://127.0.0.1/login/oidc/callback")


def test_without_a_provider_there_is_no_such_login(url: str) -> None:
    assert httpx.get(f"{url}/login/oidc").status_code == 404
    assert "/login/oidc" not in httpx.get(f"{url}/login").text


def test_the_environment_names_the_client(pool: Pool) -> None:
    named = {"TAIZHANG_OIDC_CLIENT_ID": CLIENT}
    assert Provider.from_environment(pool.connection, {}) is None
    assert Provider.from_environment(pool.connection, {**named, "TAIZHANG_OIDC_ISSUER": "https://id.example"})
    with pytest.raises(ValueError, match="goes with"):
        Provider.from_environment(pool.connection, named)
