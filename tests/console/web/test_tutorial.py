"""docs/tutorial.md, walked: every step that it describes can be done as it says, on what `make demo` leaves behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.local.test_interactive import Running
from tests.places import ROOT

CHROMIUM = Path("/usr/bin/chromium")
MSH_10 = re.compile("^[A-Z2-7]{20}$")


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """The folder of a demo of the test's own: what the run left, and the exports that it read."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not there: apt-get install chromium (docs/console.md)")
    environment = os.environ | {"VAXLINE_LOCAL_RUN": str(tmp_path / "local")}
    command = [sys.executable, "-m", "console.demo"]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=240)
    return tmp_path


def test_from_the_demo_to_an_accepted_correction(demo: Path) -> None:
    from playwright.sync_api import sync_playwright

    run = Running(demo)
    address = run.hears("?token=")
    try:
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
            page = chromium.new_page(viewport={"width": 1366, "height": 768})
            page.set_default_timeout(60_000)
            page.goto(address)
            # 3. Find out why.
            page.get_by_role("link", name="Worklist").click()
            line = page.get_by_role("row", name=re.compile("WEBIZ-714 PID-5.*harbor"))
            line.get_by_role("link", name="WEBIZ-714 PID-5").click()
            page.get_by_role("link", name=MSH_10).click()
            mark = page.locator("tr", has_text="PID-5").locator(".mark")
            assert "column first_name" in mark.inner_text()
            page.go_back()
            # 4. Correct it.
            assert page.get_by_role("radio", name="Correct a value").is_checked()
            assert page.get_by_role("combobox", name="column").input_value() == "first_name"
            page.get_by_label("new value").fill("Ada")
            page.get_by_role("button", name="Preview").click()
            page.get_by_text("Of 1 submissions 1 would be sent").wait_for()
            page.get_by_role("button", name="Resubmit all").click()
            page.get_by_role("cell", name="ACCEPTED", exact=True).wait_for()
            page.get_by_role("link", name=MSH_10).first.click()
            page.locator(".state", has_text="superseded").wait_for()
            # 5. Mend many with one map.
            page.get_by_role("link", name="Clinics").click()
            page.get_by_role("link", name=re.compile("UNMAPPED eligibility", re.IGNORECASE)).click()
            assert page.get_by_role("radio", name="Map the EHR's code").is_checked()
            page.get_by_label("standard code that it means").fill("V01")
            page.get_by_role("button", name="Preview").click()
            page.get_by_role("button", name="Resubmit all").click()
            page.get_by_text("1 of 1 were resubmitted").wait_for()
            chromium.close()
        # 6. Drop an export.
        for path in (demo / "demo-exports" / "elm").glob("*.csv"):
            shutil.copy(path, run.drop / "elm")
        said = run.hears(" rows: ")
        assert re.search(r"(\d+) rows: \1 unchanged$", said), said
        # 7. Leave, and come back.
        assert run.ends(signal.SIGINT) == 0
        assert "WEBIZ-714 PID-5" not in run.asks("worklist").stdout
        assert "resubmit" in run.asks("audit").stdout
    finally:
        run.process.kill()
        run.process.wait(timeout=60)
        run.listening.join(timeout=10)
        run.process.stdout.close()  # type: ignore[union-attr]


def test_what_the_tutorial_names_is_what_the_screens_say() -> None:
    text = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
    shown = "".join(path.read_text("utf-8") for path in (ROOT / "console" / "web").rglob("*.py"))
    for words in (
        "What waits for it",
        "Remedy",
        "Correct a value",
        "new value",
        "Preview",
        "Resubmit all",
        "state now",
    ):
        assert words in text
        assert words in shown
