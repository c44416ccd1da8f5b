"""`vaxline check` as a clinic calls it on its first file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from console import terminal
from console.main import app

HEADER = "patient_id,last_name,first_name,birth_date,sex,dose_id,dose_date,cvx,mvx,lot,route,eligibility,funding_source"
GOOD = "SYN-1,Sampleton,Ada,1990-05-06,F,D1,2026-03-01,115,SKB,AB123,IM,V01,PHC70"
EVIL = "<script>alert('x')</script>"
BAD = f"SYN-2,Sampleton,Bo,{EVIL},M,D2,2026-03-02,115,SKB,,IM,V01,PHC70"

Call = Callable[..., Result]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.setattr(terminal, "out", terminal.Console(width=200))
    monkeypatch.setattr(terminal, "err", terminal.Console(width=200, stderr=True))

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(app, ["check", *map(str, arguments)], catch_exceptions=False)

    return run


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return _written(tmp_path / "good.csv", GOOD)


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    return _written(tmp_path / "bad.csv", GOOD, BAD)


def _written(path: Path, *rows: str) -> Path:
    path.write_text("\n".join((HEADER, *rows)) + "\n")
    return path


def test_a_good_file_passes(call: Call, good: Path) -> None:
    result = call(good)
    assert result.exit_code == 0
    assert "1 of 1 visits would be sent, 0 held" in result.stdout


def test_a_bad_file_is_an_answer_of_no_with_cause_row_and_fix(call: Call, bad: Path) -> None:
    result = call(bad)
    assert result.exit_code == 1
    assert "1 of 2 visits would be sent, 1 held" in result.stdout
    assert "DATE-UNREADABLE" in result.stdout
    assert "bad.csv, row 3 birth_date" in result.stdout
    assert "Fix:" in result.stdout


def test_json_has_the_same_counts_and_causes(call: Call, bad: Path) -> None:
    result = call(bad, "--json")
    assert result.exit_code == 1
    data = json.loads(result.stdout)
    assert data["ok"] is False
    assert data["total"] == {
        "rows": 2,
        "rows_sent": 1,
        "rows_held": 1,
        "visits": 2,
        "visits_sent": 1,
        "visits_held": 1,
    }
    assert {cause["code"] for cause in data["causes"] if cause["holds"]} >= {"DATE-UNREADABLE"}
    assert all(cause["words"] and cause["fix"] and cause["who"] for cause in data["causes"])


def test_the_page_loads_nothing_escapes_everything_and_is_its_owners_alone(
    call: Call, bad: Path, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    assert call(bad, "--html", page).exit_code == 1
    text = page.read_text("utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;alert(&#x27;x&#x27;)" in text
    assert not re.search(r"(src|href)=|url\(|@import|https?:", text)
    assert "@media print" in text
    assert "DATE-UNREADABLE" in text
    assert page.stat().st_mode & 0o077 == 0


def test_a_page_that_was_there_becomes_its_owners_alone(call: Call, good: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text("old")
    page.chmod(0o644)
    call(good, "--html", page)
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert page.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("arguments", [["nothing-here.csv"], ["{good}", "--source", "nowhere"], []])
def test_a_wrong_call_is_said_so(call: Call, good: Path, arguments: list[str]) -> None:
    assert call(*(argument.replace("{good}", str(good)) for argument in arguments)).exit_code == 2


def test_a_clinics_toml_with_errors_is_a_wrong_call(call: Call, good: Path, tmp_path: Path) -> None:
    config = tmp_path / "clinics.toml"
    config.write_text("[iis]\n")
    result = call(good, "--config", config)
    assert result.exit_code == 2
    assert "organization" in result.stderr
