"""The pictures of docs/guide.md, taken of a fresh demonstration: `python -m tests.web.guide`."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, ViewportSize, sync_playwright

FOLDER: Final = Path(__file__).parents[2] / "docs" / "guide"
VIEWPORT: Final[ViewportSize] = {"width": 1328, "height": 820}
PICTURES: Final = {
    "scoreboard": ("inspector", "/assessments/2020"),
    "explanation": ("inspector", "/assessments/2020-fengxi"),
    "form": ("recorder", "/record/communities/610112002002/HouseholdsCounted"),
    "verify": ("inspector", "/verify?position=1199"),
}


def _log_in(page: Page, account: str, password: str) -> None:
    page.goto("/login")
    page.fill("[name=account]", account)
    page.fill("[name=password]", password)
    page.click("main button")
    page.wait_for_url("**/")


def main() -> None:
    """Take the pictures."""
    FOLDER.mkdir(exist_ok=True)
    command = [str(Path(sys.executable).with_name("taizhang")), "demo", "--port", "0", "--json", "--data"]
    with (
        tempfile.TemporaryDirectory() as data,
        sync_playwright() as playwright,
        subprocess.Popen([*command, data], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as demo,
    ):
        try:
            assert demo.stdout is not None
            told = json.loads(demo.stdout.readline())
            logins = {one["role"]: (one["account"], one["password"]) for one in told["logins"]}
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            for name, (role, path) in PICTURES.items():
                context = browser.new_context(base_url=told["url"], locale="zh-CN", viewport=VIEWPORT)
                page = context.new_page()
                _log_in(page, *logins[role])
                page.goto(path)
                page.wait_for_timeout(1_000)
                page.screenshot(path=FOLDER / f"{name}.png")
                context.close()
            browser.close()
        finally:
            demo.send_signal(signal.SIGTERM)
            demo.wait(60)


if __name__ == "__main__":
    main()
