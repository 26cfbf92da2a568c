"""The demonstration, started once as `make demo` starts it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

TAIZHANG = Path(sys.executable).with_name("taizhang")


class Demo(NamedTuple):
    client: httpx.Client
    keys: dict[str, str]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    command = [TAIZHANG, "demo", "--json", "--port", "0", "--data", tmp_path_factory.mktemp("demo")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            said = json.loads(process.stdout.readline())
            with httpx.Client(base_url=said["url"], trust_env=False) as client:
                yield Demo(client, {login["role"].upper(): login["key"] for login in said["logins"]})
        finally:
            process.terminate()
            process.wait(60)
