"""A served ledger for other people's clients, and those that need a newer Python."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.administration import found, issue_key
from api.composition import Taizhang, running
from infrastructure.keys.key_ring import KeyRing
from infrastructure.postgres.database import Database
from tests.house.generated import ROOT


class Log:
    """A served ledger, and whoever may read all of it."""

    def __init__(self, ledger: Taizhang, directory: Path, url: str, client: httpx.Client) -> None:
        self.ledger = ledger
        self.directory = directory
        self.key = ledger.keys.signing_key.verifier_key
        self.origin = ledger.keys.signing_key.origin
        self.url = url
        self.client = client

    def data(self, path: str) -> dict[str, Any]:
        answer = self.client.get(f"/api/v1/log/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def entry(self, position: int) -> bytes:
        asked = {"Accept": "application/octet-stream"}
        return self.client.get(f"/api/v1/log/entries/{position}", headers=asked).content


@pytest.fixture
def log(
    database: Database, tmp_path: Path, serving: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Log]:
    monkeypatch.setenv("TAIZHANG_PUBLIC_ENTRIES", "1")
    ring = KeyRing.create(tmp_path / "ledger", "taizhang.test/others")
    with running(tmp_path / "ledger", database, ring, follow=True) as ledger, serving(ledger) as url:
        found(ledger)
        key = issue_key(ledger, "inspector", "new-area", None, ["inspector"])
        for number in range(4):
            issue_key(ledger, f"account-{number}", "new-area", None, ["recorder"])
        assert ledger.proving.await_sealed(ledger.log.head()[0])
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}) as client:
            yield Log(ledger, tmp_path / "ledger", url, client)


@pytest.fixture(scope="session")
def newer(pytestconfig: pytest.Config) -> Path:
    """Where the commands of aics-tlog and aics-witness are, which need Python 3.12 or newer."""
    bin_directory = pytestconfig.cache.mkdir("aics") / "venv/bin"
    if not (bin_directory / "aics-witness").exists():
        versions = sorted((Path.home() / ".pyenv/versions").glob("3.1[2-9]*/bin/python"))
        named = map(shutil.which, ("python3.14", "python3.13", "python3.12"))
        python = next((one for one in [*map(str, versions), *named] if one is not None), None)
        if python is None:
            pytest.skip("aics-tlog needs Python 3.12 or newer, and there is none here")
        packages = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
        pinned = [
            f"{one['name']}=={one['version']}" for one in packages if one["name"] in {"aics-tlog", "aics-witness"}
        ]
        for command in (
            [python, "-m", "venv", bin_directory.parent],
            [bin_directory / "python", "-m", "pip", "install", "-q", *pinned],
        ):
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
            if done.returncode:
                pytest.skip(f"aics-tlog could not be installed: {done.stderr[-200:]}")
    return bin_directory
