"""A token of the identity provider stands for an account, if it is the provider's, for us, and valid now."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

from api.composition import Taizhang
from infrastructure.access import tokens
from infrastructure.access.tokens import Linking, Tokens
from infrastructure.postgres.database import Database, Pool

ISSUER, AUDIENCE = "https://id.example/realms/xixian", "taizhang"

Serving = Callable[[Taizhang], Any]


@pytest.fixture(scope="module")
def rsa() -> RSAPrivateKey:
    return generate_private_key(65_537, 2_048)


@pytest.fixture(scope="module")
def ed25519() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@pytest.fixture
def jwks(tmp_path: Path, rsa: RSAPrivateKey, ed25519: Ed25519PrivateKey) -> Path:
    keys = [
        {**RSAAlgorithm.to_jwk(rsa.public_key(), as_dict=True), "kid": "rsa", "use": "sig", "alg": "RS256"},
        {**OKPAlgorithm.to_jwk(ed25519.public_key(), as_dict=True), "kid": "ed", "use": "sig"},
        {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA", "kid": "shared", "alg": "HS256"},
    ]
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": keys}))
    return path


@pytest.fixture
def pool(database: Database) -> Iterator[Pool]:
    opened = database.pool("writer", 1, 2)
    yield opened
    opened.close()


@pytest.fixture
def provider(pool: Pool, jwks: Path) -> Tokens:
    made = Tokens(pool.connection, issuer=ISSUER, audience=AUDIENCE, jwks=str(jwks))
    Linking(pool.connection).link(ISSUER, "王敏", "township")
    return made


def claims(**changes: object) -> dict[str, Any]:
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "王敏", "exp": time.time() + 60, **changes}
    return {name: value for name, value in said.items() if value is not None}


def token(key: Any, algorithm: str = "RS256", kid: str | None = "rsa", **changes: object) -> str:
    return jwt.encode(claims(**changes), key, algorithm, headers={} if kid is None else {"kid": kid})


def test_a_valid_token_stands_for_the_account_of_its_subject(
    provider: Tokens, pool: Pool, rsa: RSAPrivateKey, ed25519: Ed25519PrivateKey
) -> None:
    assert provider.account(token(rsa)) == "township"
    assert provider.account(token(ed25519, "EdDSA", "ed")) == "township"
    assert provider.account(token(rsa, aud=["another", AUDIENCE])) == "township"
    assert provider.account(token(rsa, sub="someone else")) is None
    assert Linking(pool.connection).unlink(ISSUER, "王敏")
    assert not Linking(pool.connection).unlink(ISSUER, "王敏")
    assert provider.account(token(rsa)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1},
        {"exp": None},
        {"nbf": 4_000_000_000},
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"sub": None},
        {"sub": "a\x00b"},
        {"kid": "unknown"},
        {"kid": None},
        {"kid": "ed"},
        {"algorithm": "PS256"},
        {"algorithm": "RS512"},
    ],
)
def test_a_token_that_is_not_the_providers_for_us_now_stands_for_nobody(
    provider: Tokens, rsa: RSAPrivateKey, changes: dict[str, Any]
) -> None:
    assert provider.account(token(rsa, **changes)) is None


def test_a_token_cannot_choose_how_it_is_checked(provider: Tokens, rsa: RSAPrivateKey) -> None:
    secret = "secret-secret-secret-secret-secret"
    forged = [
        jwt.encode(claims(), None, "none", headers={"kid": "rsa"}),
        jwt.encode(claims(), secret, "HS256", headers={"kid": "shared"}),
        jwt.encode(claims(), secret, "HS256", headers={"kid": "rsa"}),
        token(generate_private_key(65_537, 2_048)),
        token(rsa)[:-4] + "AAAA",
        "a.b.c",
        "",
    ]
    assert [provider.account(one) for one in forged] == [None] * len(forged)


def test_new_keys_in_the_file_are_taken_and_no_file_is_no_answer(
    provider: Tokens, rsa: RSAPrivateKey, jwks: Path
) -> None:
    assert provider.account(token(rsa)) == "township"
    jwks.write_text(json.dumps({"keys": []}))
    assert provider.account(token(rsa)) is None
    jwks.unlink()
    with pytest.raises(ConnectionError):
        provider.account(token(rsa))


@contextmanager
def key_server(keys: Path, asked: list[str]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200 if keys.exists() else 500)
            self.end_headers()
            self.wfile.write(keys.read_bytes() if keys.exists() else b"")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/jwks"
    server.shutdown()
    thread.join()
    server.server_close()


def test_keys_are_fetched_once_and_unknown_ones_do_not_make_us_ask_again_and_again(
    pool: Pool, jwks: Path, rsa: RSAPrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    with key_server(jwks, asked) as url:
        provider = Tokens(pool.connection, issuer=ISSUER, audience=AUDIENCE, jwks=url)
        Linking(pool.connection).link(ISSUER, "王敏", "township")
        for number in range(10):
            assert provider.account(token(rsa)) == "township"
            assert provider.account(token(rsa, kid=f"unknown-{number}")) is None
        assert asked == ["/jwks"]
        jwks.unlink()
        another = Tokens(pool.connection, issuer=ISSUER, audience=AUDIENCE, jwks=url)
        for _ in range(5):
            with pytest.raises(ConnectionError):
                another.account(token(rsa))
        assert len(asked) == 2
        monkeypatch.setattr(tokens, "FETCH_AGAIN_AFTER", 0)
        with pytest.raises(ConnectionError):
            another.account(token(rsa))
        assert len(asked) == 3


def test_the_environment_names_the_provider_or_none(pool: Pool, jwks: Path) -> None:
    named = {
        "TAIZHANG_OIDC_ISSUER": ISSUER,
        "TAIZHANG_OIDC_AUDIENCE": AUDIENCE,
        "TAIZHANG_OIDC_JWKS": str(jwks),
    }
    assert Tokens.from_environment(pool.connection, {}) is None
    assert Tokens.from_environment(pool.connection, named) is not None
    with pytest.raises(ValueError, match="go together"):
        Tokens.from_environment(pool.connection, {**named, "TAIZHANG_OIDC_JWKS": ""})


def test_a_token_opens_the_api_beside_the_keys(
    ledger: Taizhang, jwks: Path, rsa: RSAPrivateKey, keys: dict[str, str], serving: Serving
) -> None:
    pool = ledger.database.pool("writer", 1, 2)
    provider = Tokens(pool.connection, issuer=ISSUER, audience=AUDIENCE, jwks=str(jwks))
    Linking(pool.connection).link(ISSUER, "王敏", "township")
    Linking(pool.connection).link(ISSUER, "李红", "no-such-account")
    with serving(replace(ledger, tokens=provider)) as url:
        for bearer, status in [
            (token(rsa), 200),
            (keys["township"], 200),
            (token(rsa, sub="李红"), 401),
            (token(rsa, exp=1), 401),
            ("tz_unknown", 401),
        ]:
            answer = httpx.get(f"{url}/api/v1/communities", headers={"Authorization": f"Bearer {bearer}"})
            assert answer.status_code == status
        jwks.unlink()
        answer = httpx.get(f"{url}/api/v1/communities", headers={"Authorization": f"Bearer {token(rsa)}"})
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    pool.close()
