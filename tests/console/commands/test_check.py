"""`vaxline check` as a clinic calls it on its first file."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from console import terminal
from console.main import app
from shared.exports.columns import BY_NAME

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


# the file given back ---------------------------------------------------------------------------------------------------


def _returned(path: Path) -> list[list[str]]:
    return list(csv.reader(path.read_text("utf-8-sig").splitlines()))


def test_the_file_comes_back_with_what_is_wrong_in_each_row(call: Call, tmp_path: Path) -> None:
    short = "SYN-3,Sampleton,Cy"
    formula = GOOD.replace("SYN-1", "SYN-4").replace("D1", "D4").replace("Ada", "=1+1")
    file = tmp_path / "clinic.csv"
    file.write_text(f"Doses of October\n{HEADER}\n{GOOD}\n{BAD}\n\n{short}\n{formula}\n")
    back = tmp_path / "back.csv"
    result = call(file, "--csv", back)
    assert result.exit_code == 1
    assert "back.csv" in result.stderr
    assert back.stat().st_mode & 0o077 == 0
    title, header, good, bad, blank, cut, sum_of = _returned(back)
    assert title == ["Doses of October"]
    assert header == [*HEADER.split(","), *header[-3:]]
    assert all(name.startswith("vaxline: ") for name in header[-3:])
    assert good[:-2] == [*GOOD.split(","), "would be sent"]
    assert "race: The patient's race is missing. (warning)" in good[-2]
    assert bad[-3] == "would be held"
    assert "birth_date: " in bad[-2]
    assert EVIL in bad[-2]
    assert bad[-1]
    assert "".join(blank) == ""
    assert cut[:3] == ["SYN-3", "Sampleton", "Cy"]
    assert cut[-3] == "would be held"
    assert sum_of[2] == "'=1+1"


def test_a_row_that_reports_no_dose_comes_back_as_such(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "clinic.csv"
    missed = "SYN-1,Sampleton,Ada,1990-05-06,F,D9,,,,,,,,Y"
    file.write_text(f"{HEADER},missed_appointment\n{GOOD},N\n{missed}\n")
    call(file, "--csv", tmp_path / "back.csv")
    assert [row[-3] for row in _returned(tmp_path / "back.csv")[1:]] == ["would be sent", "reports no dose"]


def test_only_one_csv_file_comes_back(call: Call, good: Path, bad: Path, tmp_path: Path) -> None:
    back = tmp_path / "back.csv"
    assert call(good, bad, "--csv", back).exit_code == 2
    assert not back.exists()


def test_no_rows_come_back_where_the_header_is_unknown(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "clinic.csv"
    file.write_text("a,b\n1,2\n")
    result = call(file, "--csv", tmp_path / "back.csv")
    assert result.exit_code == 1
    assert "its header cannot be read" in result.stderr
    assert not (tmp_path / "back.csv").exists()


# a section for a file not seen before ----------------------------------------------------------------------------------

ODD = """Harbor Clinic
Run 10/31/2026
Pt MRN|Surname|First|Born|Sex|Shot ID|Given On|Vaccine Code|Mfr|Lot #|Route|VFC|Stock|Status|Refused By|Weight
SYN-7|Sampleton|Ada|31.05.1990|F|D1|31.10.2026|115|SKB|AB123|IM|V01|PHC70|Completed||12
SYN-8|Sampleton|Bo|30.05.1990|M|D2|30.10.2026|115|SKB|AB123|IM|V01|PHC70|Refused|mother|13
"""
CLINICS_TOML = """
[organization]
name = "Sample"
sending_facility = "CT9001"
[iis]
endpoint = "https://iis.example"
[clinics.harbor]
name = "Harbor"
facility = "CT9002"
"""


def test_a_section_is_suggested_that_reads_the_file(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "harbor_2026-10.csv"
    file.write_text(ODD)
    result = call(file, "--suggest")
    assert result.exit_code == 0
    text = result.stdout
    assert "[sources.harbor]" in text
    assert 'delimiter = "|"' in text
    assert 'date_formats = ["%d.%m.%Y"]' in text
    for column, own in {"patient_id": "Pt MRN", "birth_date": "Born", "dose_date": "Given On"}.items():
        assert re.search(rf'^{column} = "{re.escape(own)}" +# {re.escape(BY_NAME[column].words)}', text, re.MULTILINE)
    assert "check its words: Completed, Refused" in text
    assert '# decide: "Refused By"' in text
    assert "# not read: Weight" in text
    for of_patients in ("SYN-7", "Sampleton", "Ada", "1990", "mother"):
        assert of_patients not in text
    # As it stands it is held for the one column that nobody has decided; once that is done, the file is read.
    section = text.replace('# clinic = "…"', 'clinic = "harbor" #')
    config = tmp_path / "clinics.toml"
    config.write_text(CLINICS_TOML + section)
    assert "COLUMN-UNDECIDED" in call(file, "--config", config, "--source", "harbor").stdout
    config.write_text(CLINICS_TOML + section.replace("# ignore = […]", 'ignore = ["Refused By"] #'))
    assert "1 of 2 visits would be sent" in call(file, "--config", config, "--source", "harbor").stdout


SMALL: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "a known header needs no more than its format": (f"{HEADER}\n{GOOD}\n", (), ("columns", "delimiter", "required")),
    "sep= names the delimiter": (
        f"sep=;\n{HEADER.replace(',', ';')}\n{GOOD.replace(',', ';')}\n",
        ('delimiter = ";"',),
        ("columns",),
    ),
    "a column that may change a row is to be decided": (
        f"{HEADER},Void Flag\n{GOOD},N\n",
        ('# decide: "Void Flag" (N)',),
        ("void",),
    ),
    "a name that is almost one": (f"{HEADER},Middel Name\n{GOOD},X\n", ('middle_name = "Middel Name"',), ()),
    "what is required and missing": ("patient_id,last_name\nSYN-1,Sampleton\n", ("# required, and not found: ",), ()),
    "dates of the day first": (
        f"{HEADER}\n{GOOD.replace('2026-03-01', '01.03.2026').replace('1990-05-06', '31.05.1990')}\n",
        ('date_formats = ["%d.%m.%Y"]',),
        (),
    ),
    "words for nothing among the dates": (
        f"{HEADER},expiry\n{GOOD},NULL\n",
        (),
        ("date_formats", "NULL", "expiry"),
    ),
    "dates that no format reads": (
        f"{HEADER}\n{GOOD.replace('2026-03-01', 'spring')}\n",
        ("# dose_date: some dates are in no format",),
        ("spring",),
    ),
    "an empty file": ("", ("the file is empty",), ("sources",)),
}


@pytest.mark.parametrize(("text", "there", "not_there"), SMALL.values(), ids=SMALL)
def test_what_is_suggested(
    call: Call, tmp_path: Path, text: str, there: tuple[str, ...], not_there: tuple[str, ...]
) -> None:
    file = tmp_path / "clinic.csv"
    file.write_text(text)
    said = call(file, "--suggest").stdout
    assert all(words in said for words in there), said
    assert not any(words in said for words in not_there), said


def test_the_layout_of_cvrs_is_known_by_its_columns(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "clinic.csv"
    file.write_text(
        "vax_event_id,recip_id,recip_first_name,recip_last_name,recip_dob,admin_date,cvx,vax_refusal,recip_missed_appt\n"
    )
    said = call(file, "--suggest").stdout
    assert 'preset = "cvrs"' in said
    assert 'delimiter = ","' in said


def test_the_encoding_is_suggested(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "clinic.csv"
    file.write_bytes(f"{HEADER}\n{GOOD}\n".replace("Ada", "Zoë").encode("windows-1252"))
    assert 'encoding = "windows-1252"' in call(file, "--suggest").stdout


def test_other_formats_need_no_more_than_their_name(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "north.hl7"
    file.write_text("MSH|^~\\&|EHR|NORTH|||20260301||VXU^V04^VXU_V04|1|P|2.5.1\r")
    (section,) = json.loads(call(file, "--suggest", "--json").stdout)
    assert '[sources.north]\nformat = "hl7"' in section["toml"]
