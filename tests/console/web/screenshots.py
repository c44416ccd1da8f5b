"""Takes the screenshots of docs/console.md: `python -m tests.console.web.screenshots`, after `make demo`.

They show what the demo left behind, whose people are all invented.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from typing import Final

from playwright.sync_api import Page, sync_playwright

from tests.places import ROOT

FOLDER: Final = ROOT / "docs" / "images"
_FLAGS: Final = ("--no-sandbox", "--disable-gpu")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "console", "console", "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    _, address = process.stdout.readline(), process.stdout.readline().strip()
    try:
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=_FLAGS)
            page = chromium.new_page(viewport={"width": 1366, "height": 768})
            page.goto(address)
            _take(page, "overview")
            base = address.split("/?", maxsplit=1)[0]
            page.goto(f"{base}/worklist")
            _take(page, "worklist")
            page.get_by_role("link", name="WEBIZ-714").first.click()
            page.get_by_label("new value").fill("Ada")
            page.get_by_role("button", name="Preview").click()
            page.locator("pre.diff").wait_for()
            _take(page, "remedy")
            page.get_by_role("link", name=re.compile("^[A-Z2-7]{20}$")).first.click()
            _take(page, "message")
            page.goto(f"{base}/readiness")
            _take(page, "readiness")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def _take(page: Page, name: str) -> None:
    page.locator(".page h1").wait_for()
    page.wait_for_function("document.querySelectorAll('.page .q-spinner').length === 0")
    page.wait_for_timeout(800)
    page.screenshot(path=FOLDER / f"{name}.png")


if __name__ == "__main__":
    main()
