"""The console as its user has it: the real command, a real local run behind it, a real browser before it."""

from __future__ import annotations

import getpass
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from console.web.site import PAGES
from local import runs
from local.aws import snapshot
from local.aws.engine import Engine
from tests.end_to_end.rows import CLINICS, a_csv, row

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = Path("/usr/bin/chromium")
ROWS = (
    row("SYN-1", lot=""),
    row("SYN-2", lot=""),
    row("SYN-3"),
    row("SYN-4", first_name="INFANT"),
    row("SYN-5", cvx="Boostrix/A"),
    row("SYN-6", lot="", first_name="<img src=x onerror=document.title='broken'>"),
    row("SYN-7", first_name="Zoe", birth_date="1980-01-02"),
    # One record number with two birth dates.
    row("SYN-8", "D-8A"),
    row("SYN-8", "D-8B", cvx="20", birth_date="1990-05-07"),
    row("SYN-9", birth_date="2026-03-03"),
    row("SYN-10", birth_date="2026-03-03"),
)
MSH_10 = re.compile("^[A-Z2-7]{20}$")


@dataclass
class Browser:
    """A page of the console, and everything that went wrong on it."""

    page: Page
    base: str
    address: str
    run: Path
    wrong: list[str] = field(default_factory=list)

    def go(self, path: str) -> Page:
        self.page.goto(self.base + path)
        self.page.locator(".page h1").wait_for()
        self.page.wait_for_function("document.querySelectorAll('.page .q-spinner').length === 0")
        return self.page


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """`vaxline console` over a local run of seven rows; its address with the token, and where the run is kept."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not there: apt-get install chromium (docs/console.md)")
    folder = tmp_path_factory.mktemp("run") / "local"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshot, "FOLDER", folder)
        patch.setattr(runs, "LOG", folder.parent / "functions.log")
        with runs.start(CLINICS, "clinics.toml") as run, Engine(run.cloud) as engine:
            run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key="inbox/elm/a.csv", Body=a_csv(*ROWS))
            assert engine.wait_until_idle(timeout=120)
    process = subprocess.Popen(
        [sys.executable, "-m", "console", "console", "--no-browser"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"VAXLINE_LOCAL_RUN": str(folder), "PYTHONWARNINGS": "error"},
    )
    try:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(2)]
        assert said[1].startswith("http://127.0.0.1:"), said
        yield said[1].strip(), folder
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    assert "Traceback" not in rest, rest


@pytest.fixture(scope="module")
def browser(served: tuple[str, Path]) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=[*flags, "--disable-component-update", "--disable-sync"]
        )
        page = chromium.new_page(viewport={"width": 1366, "height": 768}, reduced_motion="reduce")
        page.set_default_timeout(60_000)
        address, folder = served
        base = address.split("/?", maxsplit=1)[0]
        made = Browser(page, base, address, folder)
        page.on("console", lambda said: made.wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: made.wrong.append(str(error)))
        page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith((base, base.replace("http", "ws"), "data:", "blob:"))
                else made.wrong.append(f"asked elsewhere: {asked.url}")
            ),
        )
        # The token in the address becomes a cookie.
        page.goto(address)
        yield made
        chromium.close()


@pytest.fixture(autouse=True)
def nothing_goes_wrong(browser: Browser) -> Iterator[None]:
    """No script fails, and no page asks any other host for anything."""
    browser.wrong.clear()
    yield
    assert browser.wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.title)
def test_every_page_shows_its_content_under_its_heading(browser: Browser, page: object) -> None:
    shown = browser.go(page.path)  # type: ignore[attr-defined]
    assert shown.locator("h1").all_text_contents() == [page.title]  # type: ignore[attr-defined]
    assert shown.locator(".page section.card, main .tiles").count() > 0
    assert shown.locator("[role=alert]").count() == 0
    assert shown.locator('nav a[aria-current="page"]').text_content() == page.title  # type: ignore[attr-defined]
    # Nothing hangs out of a screen of 1366 by 768.
    assert shown.evaluate("document.documentElement.scrollWidth") <= 1366


def test_the_token_is_not_in_the_address_any_more_and_without_it_there_is_nothing(browser: Browser) -> None:
    browser.page.goto(browser.address)
    assert browser.page.url == browser.base + "/"
    assert browser.page.context.browser is not None
    other = browser.page.context.browser.new_context().new_page()
    answer = other.goto(browser.base + "/worklist")
    assert answer is not None
    assert answer.status == 403
    assert "LOT-MISSING" not in other.content()
    other.close()


def test_a_refusal_is_corrected_resubmitted_and_accepted_by_clicks(browser: Browser) -> None:
    page = browser.go("/worklist")
    page.get_by_role("link", name="WEBIZ-714").click()
    page.get_by_role("heading", name="Remedy").wait_for()
    old = page.get_by_role("link", name=MSH_10).first.text_content() or ""
    # The column is the one that the error names, not the first that fills PID-5.
    assert page.get_by_role("combobox", name="column").input_value() == "first_name"
    resubmit = page.get_by_role("button", name="Resubmit all")
    assert resubmit.is_disabled()
    page.get_by_label("new value").fill("Ada")
    page.get_by_role("button", name="Preview").click()
    page.get_by_text("Of 1 submissions 1 would be sent").wait_for()
    assert "Sampleton^Ada" in (page.locator("pre.diff .in", has_text="PID").text_content() or "")
    # Another value than the one that was looked at must be looked at again.
    page.get_by_label("new value").fill("Adah")
    page.wait_for_function("document.querySelectorAll('button[disabled]').length > 0")
    page.get_by_role("button", name="Preview").click()
    page.locator("pre.diff .in", has_text="Adah").wait_for()
    resubmit.click()
    page.get_by_text("1 of 1 were resubmitted").wait_for()
    page.get_by_role("cell", name="ACCEPTED", exact=True).wait_for()

    page = browser.go(f"/message/{old}")
    page.locator(".state", has_text="superseded").wait_for()
    page.get_by_text("superseded by").wait_for()
    page = browser.go("/worklist")
    assert page.get_by_role("link", name="WEBIZ-714").count() == 0


def test_a_code_is_mapped_for_all_that_wait_for_it(browser: Browser) -> None:
    page = browser.go("/clinics")
    page.get_by_role("link", name="UNMAPPED").click()
    page.get_by_label("standard code that it means").fill("115")
    page.get_by_role("button", name="Preview").click()
    page.get_by_text("Of 1 submissions 1 would be sent").wait_for()
    page.get_by_role("button", name="Resubmit all").click()
    page.get_by_role("cell", name="ACCEPTED", exact=True).wait_for()
    page = browser.go("/clinics")
    page.get_by_text("No submission waits for a code to be mapped").wait_for()
    assert '"Boostrix/A" = "115"' in page.get_by_label("clinics.toml").input_value()


def test_one_message_shows_its_error_at_its_field_and_is_corrected_there(browser: Browser) -> None:
    page = browser.go("/search")
    page.get_by_label("MRN, exact").fill("SYN-1")
    page.keyboard.press("Enter")
    page.get_by_text("1 found").wait_for()
    # An MRN is PHI: browsers remember addresses.
    assert "SYN-1" not in page.url
    page.get_by_role("link", name=MSH_10).click()
    page.locator(".state", has_text="held").wait_for()
    page.locator(".mark", has_text="LOT-MISSING").get_by_text("row 2, column lot").wait_for()
    page.get_by_label("new value").fill("ZZ9")
    assert page.get_by_role("combobox", name="column").input_value() == "lot"
    page.get_by_role("button", name="Preview").click()
    page.locator("pre.diff .in", has_text="ZZ9").wait_for()
    page.get_by_role("button", name="Resubmit", exact=True).click()
    page.get_by_text("Resubmitted: queued").wait_for()
    page.get_by_role("link", name="Follow").click()
    page.get_by_text("ACK: what CT WiZ answered").wait_for()
    page.get_by_role("link", name=MSH_10).first.wait_for()


def test_a_submission_is_closed_with_a_reason_and_not_without(browser: Browser) -> None:
    page = browser.go("/search")
    page.get_by_label("MRN, exact").fill("SYN-2")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=MSH_10).click()
    page.get_by_role("button", name="Close").click()
    page.get_by_text("Fill in a reason").wait_for()
    page.get_by_label("reason, to close it instead").fill("entered twice")
    page.get_by_role("button", name="Close").click()
    page.get_by_text("Closed; nothing was deleted").wait_for()
    page.reload()
    page.locator(".state", has_text="closed").wait_for()
    page.get_by_text("entered twice").wait_for()
    page.get_by_role("button", name="Reopen").click()
    page.locator(".state", has_text="held").wait_for()
    page.get_by_label("reason, to close it instead").wait_for()
    assert "LOT-MISSING" in browser.go("/worklist").locator(".page").inner_text()


def test_two_sets_of_data_are_said_to_be_one_person_and_sent(browser: Browser) -> None:
    page = browser.go("/worklist")
    page.get_by_role("link", name="PATIENT-ANOTHER").click()
    page.get_by_role("link", name=MSH_10).first.click()
    page.locator(".mark", has_text="PATIENT-ANOTHER").first.wait_for()
    page.get_by_role("button", name="It is one person").click()
    page.get_by_text("Resubmitted: queued").wait_for()
    page.get_by_role("link", name="Follow").click()
    page.get_by_text("ACK: what CT WiZ answered").wait_for()
    page.reload()
    page.locator(".state", has_text="accepted").wait_for()


def test_what_waits_for_one_cause_is_counted_and_closed_together(browser: Browser) -> None:
    page = browser.go("/worklist")
    page.get_by_role("link", name="DOSE-BEFORE-BIRTH").click()
    close = page.get_by_role("button", name="Close all")
    assert close.is_disabled()
    page.get_by_role("button", name="Count").click()
    page.get_by_text("2 submissions of 2 rows would be closed").wait_for()
    close.click()
    page.get_by_text("Fill in a reason").wait_for()
    page.get_by_label("reason, to close all of them").fill("test data")
    close.click()
    page.get_by_text("2 of 2 were closed").wait_for()
    assert browser.go("/worklist").get_by_role("link", name="DOSE-BEFORE-BIRTH").count() == 0


def test_what_an_export_says_is_text_and_never_runs(browser: Browser) -> None:
    page = browser.go("/search")
    page.get_by_label("MRN, exact").fill("SYN-6")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=MSH_10).click()
    page.get_by_text("<img src=x").first.wait_for()
    assert page.locator("img[src=x]").count() == 0
    assert "broken" not in page.title()


def test_the_way_of_a_row_is_shown_from_its_file(browser: Browser) -> None:
    page = browser.go("/files")
    page.get_by_role("link", name="elm/a.csv").click()
    page.get_by_text("11 rows = 0 unchanged").wait_for()
    page.get_by_label("row", exact=True).fill("4")
    page.get_by_role("button", name="Trace").click()
    page.locator("ol.line li", has_text="arrived in elm/a.csv").wait_for()
    page.locator("ol.line li", has_text="then ACCEPTED").wait_for()
    page.get_by_label("row", exact=True).fill("99")
    page.get_by_role("button", name="Trace").click()
    page.get_by_text("The file has no row 99").wait_for()


def test_a_report_is_kept_as_html_csv_and_json(browser: Browser, tmp_path: Path) -> None:
    page = browser.go("/reports")
    page.get_by_role("heading", name="What became of the messages").wait_for()
    for name, begins in (("HTML", "<!doctype html>"), ("CSV", "\ufeffACK results"), ("JSON", '{"name":"acks"')):
        with page.expect_download() as kept:
            page.get_by_role("button", name=name, exact=True).click()
        path = tmp_path / kept.value.suggested_filename
        kept.value.save_as(path)
        assert path.read_text("utf-8").startswith(begins)
        assert "Sampleton" not in path.read_text("utf-8")


def test_ct_wiz_is_asked_about_a_patient_of_the_ledger(browser: Browser) -> None:
    page = browser.go("/query")
    page.get_by_label("MRN").fill("SYN-7")
    page.get_by_role("button", name="Ask CT WiZ").click()
    page.get_by_role("heading", name="found").wait_for()
    page.get_by_role("heading", name="History: 1 vaccinations").wait_for()
    page.get_by_role("cell", name="Tdap (115)").wait_for()
    page.get_by_role("heading", name="Forecast").wait_for()
    page.locator('[aria-label="Forecast as a time line"] canvas').wait_for()
    assert "SYN-7" not in page.url
    page.get_by_label("MRN").fill("SYN-NOBODY")
    page.get_by_role("button", name="Ask CT WiZ").click()
    page.get_by_text("The ledger has no patient with this MRN").wait_for()


def test_a_clinics_toml_with_an_error_is_not_put_in_force(browser: Browser) -> None:
    page = browser.go("/clinics")
    editor = page.get_by_label("clinics.toml")
    before = editor.input_value()
    editor.fill(before.replace('format = "csv"', 'format = "cvs"', 1))
    page.get_by_role("button", name="Put in force").click()
    page.get_by_role("alert").first.wait_for()
    page = browser.go("/clinics")
    assert page.get_by_label("clinics.toml").input_value() == before


def test_everything_can_be_reached_by_keyboard_and_its_focus_is_seen(browser: Browser) -> None:
    page = browser.go("/search")
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "(() => { const at = document.activeElement; const label = at.getAttribute('aria-label') "
                "|| at.closest('label')?.innerText || at.innerText || ''; "
                "return label.trim() + '|' + getComputedStyle(at).outlineStyle; })()"
            )
        )
    names = [one.split("|")[0] for one in reached]
    assert names[0] == "Skip to content"
    for name in (*(page.title for page in PAGES), "Light or dark", "MSH-10", "lot", "state", "Search"):
        assert name in names, names
    assert "Overview|solid" in reached


def test_a_table_is_sorted_by_keyboard_and_says_so(browser: Browser) -> None:
    page = browser.go("/worklist")
    head = page.get_by_role("columnheader", name="cause")
    button = head.get_by_role("button", name="cause")
    assert head.get_attribute("aria-sort") == "none"
    button.focus()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    orders = []
    for key, said in (("Enter", "ascending"), ("Space", "descending")):
        page.keyboard.press(key)
        page.wait_for_function(f"document.querySelector('th[aria-sort={said}]') !== null")
        assert head.get_attribute("aria-sort") == said
        assert page.locator("th[aria-sort=none]").count() == page.locator("th").count() - 1
        orders.append(page.locator("tbody tr td:first-child").all_inner_texts())
    assert orders[0] == sorted(orders[0])
    assert orders[1] == sorted(orders[0], reverse=True)
    assert len(set(orders[0])) > 1


def test_a_page_is_narrowed_down_to_one_clinic_and_its_address_says_so(browser: Browser) -> None:
    for path, everybody in (("/", "messages answered"), ("/files", "elm/a.csv"), ("/audit", getpass.getuser())):
        page = browser.go(path)
        page.get_by_text(everybody).first.wait_for()
        page.get_by_role("combobox", name="clinic").click()
        page.get_by_role("option", name="hilltop", exact=True).click()
        page.wait_for_url(f"**{path}?clinic=hilltop")
    browser.go("/files?clinic=hilltop").get_by_text("No file has arrived yet.").wait_for()
    browser.go("/files?clinic=elm").get_by_text("elm/a.csv").wait_for()
    browser.go("/?clinic=hilltop").get_by_text("Nothing was sent in the last 14 days.").wait_for()


def test_light_and_dark_are_kept_over_pages(browser: Browser) -> None:
    page = browser.go("/")
    before = page.locator("body.body--dark").count()
    page.get_by_role("button", name="Light or dark").click()
    page.wait_for_function(f"document.querySelectorAll('body.body--dark').length === {1 - before}")
    page = browser.go("/readiness")
    assert page.locator("body.body--dark").count() == 1 - before
    page.get_by_role("button", name="Light or dark").click()


def test_where_nothing_is_the_page_says_so(browser: Browser) -> None:
    page = browser.go("/worklist?clinic=hilltop")
    page.get_by_text("Nothing needs a person.").wait_for()
    page = browser.go("/message/NOSUCHMESSAGE")
    page.get_by_text("There is no submission NOSUCHMESSAGE.").wait_for()
    page = browser.go("/readiness?clinic=nowhere")
    page.get_by_text("There is no clinic nowhere").wait_for()


def test_what_was_looked_at_and_done_is_in_the_audit_trail(browser: Browser) -> None:
    """The last test of the module: what the others did was written down, with who did it and nothing of PHI."""
    page = browser.go("/audit")
    page.get_by_role("cell", name=getpass.getuser()).first.wait_for()
    text = page.locator(".page").inner_text()
    following = page.get_by_role("button", name="Next page")
    while following.is_enabled():
        following.click()
        page.wait_for_timeout(300)
        text += page.locator(".page").inner_text()
    for action in (
        "show",
        "worklist",
        "search",
        "resubmit",
        "remedy",
        "close",
        "reopen",
        "config push",
        "report",
        "files",
    ):
        assert action in text, action
    assert "SYN-" not in text
    assert "Adah" not in json.dumps(text)
