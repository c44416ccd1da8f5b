"""Days of a clinic's ordinary life as rehearsals: what is sent, what waits for a person, and what CT WiZ has then.

The inputs beside the repository are played as they are, each by a source with numbers of its own, in one rehearsal.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from console import terminal
from console.main import app
from local import rehearsal
from tests import places
from tests.end_to_end.rows import a_csv, row

INPUTS: Final = places.SHARED / "cases" / "identity"
SOURCES: Final = ("twins", "people", "excel", "never", "minimal", "birth", "moved", "added", "partial")
CLINICS: Final = """
[organization]
name = "Sampleton Health"
sending_facility = "CT9001"
[iis]
endpoint = "http://127.0.0.1:9/"
[clinics.elm]
name = "Elm"
facility = "CT9001"
"""
GIVEN: Final = {
    "mvx": "MSD", "lot": "STORED1", "expiry": "2027-12-31", "amount": "0.5", "route": "SC", "site": "LA",
    "eligibility": "V02", "funding_source": "VXC50", "action": "A",
}  # fmt: skip


def play(folder: Path) -> dict[str, Any]:
    """Name of each entry → its step."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(terminal, "out", terminal.Console(width=200))
        result = CliRunner().invoke(app, ["rehearse", str(folder), "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return {step["name"]: step for step in json.loads(result.stdout)["steps"]}


def has(step: dict[str, Any], prefix: str) -> list[tuple[str, str, str]]:
    """Order number, date and lot of what CT WiZ has of a source, by the prefix of its numbers."""
    return [
        (dose["orc_3"].removeprefix(prefix), dose["date"], dose["lot"])
        for patient in step["iis"]
        for dose in patient["doses"]
        if patient["pid_3"].startswith(prefix)
    ]


def causes(step: dict[str, Any], rows: int = 0) -> set[str]:
    return {entry["cause"] for entry in step["worklist"] if not rows or entry["rows"] == rows}


def submitted(step: dict[str, Any]) -> tuple[int, int, int, int, list[str]]:
    """Rows, unchanged and held ones, messages, and findings about the file."""
    (file,) = step["files"]
    return file["rows"], file["unchanged"], file["held"], step["sent"], file["findings"]


# inputs that nobody here wrote ----------------------------------------------------------------------------------------


def as_given(name: str, **values: str) -> bytes:
    """The dose of an input that deletes it, as it was reported before."""
    rows = list(csv.DictReader(io.StringIO((INPUTS / name).read_text("utf-8"))))
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0])
    writer.writeheader()
    writer.writerows({**one, **GIVEN, **values} for one in rows)
    return out.getvalue().encode()


def given_set(folder: Path) -> None:
    patient, dose = (INPUTS / "05-delete.ndjson").read_text("utf-8").splitlines()[:2]
    given = json.loads(dose) | {"status": "completed", "lotNumber": "STORED2", "expirationDate": "2027-12-31"}
    given["manufacturer"] = {"identifier": {"system": "http://hl7.org/fhir/sid/mvx", "value": "MSD"}}
    given["programEligibility"] = [{"coding": [{"code": "V02", "system": "urn:oid:2.16.840.1.114222.4.11.3384"}]}]
    given["fundingSource"] = {"coding": [{"code": "VXC50", "system": "urn:oid:2.16.840.1.114222.4.11.3396"}]}
    folder.mkdir()
    (folder / "all.ndjson").write_text(f"{patient}\n{json.dumps(given)}\n", "utf-8")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if not INPUTS.is_dir():
        pytest.skip(f"{INPUTS} is not there: it holds inputs that the repository does not carry")
    folder = tmp_path_factory.mktemp("identity")
    sources = "".join(f'[sources.{name}]\nformat = "csv"\nclinic = "elm"\nid_prefix = "{name}-"\n' for name in SOURCES)
    bulk = '[sources.bulk]\nformat = "fhir"\nclinic = "elm"\nid_prefix = "bulk-"\n'
    (folder / "clinics.toml").write_text(CLINICS + sources + bulk)
    for entry, name in {
        "01-twins.csv": "01-twins-order.csv",
        "02-people.csv": "02-two-people-one-mrn.csv",
        "03-excel.csv": "excel-mrn-collide.csv",
        "04-never.csv": "05-delete-minimal.csv",
        "06-minimal.csv": "05-delete-minimal.csv",
        "08-birth.csv": "05-delete-before-birth.csv",
        "11-moved.csv": "day_moved_1.csv",
        "12-moved.csv": "day_moved_2.csv",
        "13-moved-back.csv": "day_moved_1.csv",
        "14-added.csv": "day_moved_1.csv",
        "15-added.csv": "delete_and_add_earlier_day.csv",
        "16-partial.csv": "partial_1.csv",
        "17-partial.csv": "partial_2.csv",
    }.items():
        shutil.copy(INPUTS / name, folder / entry)
    (folder / "05-minimal.csv").write_bytes(as_given("05-delete-minimal.csv"))
    (folder / "07-birth.csv").write_bytes(as_given("05-delete-before-birth.csv", dose_date="2020-06-01"))
    given_set(folder / "09-bulk")
    (folder / "10-bulk").mkdir()
    shutil.copy(INPUTS / "05-delete.ndjson", folder / "10-bulk")
    (folder / "18-do.txt").write_text("vaxline remedy LOT-MISSING --set lot=VAR2 --apply\n")
    return play(folder)


def test_nothing_fails(played: dict[str, Any]) -> None:
    assert [step["errors"] for step in played.values()] == [[]] * len(played)


def test_twins_under_one_record_number_are_held(played: dict[str, Any]) -> None:
    assert submitted(played["01-twins.csv"]) == (2, 0, 2, 0, [])
    assert causes(played["01-twins.csv"]) == {"PATIENT-ANOTHER"}


def test_two_people_under_one_record_number_are_held(played: dict[str, Any]) -> None:
    assert submitted(played["02-people.csv"]) == (2, 0, 2, 0, [])
    assert causes(played["02-people.csv"], 4) == {"PATIENT-ANOTHER"}


def test_a_number_that_a_spreadsheet_rounded_is_held(played: dict[str, Any]) -> None:
    assert submitted(played["03-excel.csv"]) == (3, 0, 3, 0, [])
    assert causes(played["03-excel.csv"], 3) == {"PATIENT-ID-DAMAGED"}


def test_a_deletion_of_what_was_never_reported_is_said_and_sends_nothing(played: dict[str, Any]) -> None:
    assert submitted(played["04-never.csv"]) == (1, 1, 0, 0, ["DELETE-NOTHING"])
    assert played["04-never.csv"]["worklist"] == played["03-excel.csv"]["worklist"]


@pytest.mark.parametrize(
    ("given", "deleted", "prefix", "lot"),
    [
        ("05-minimal.csv", "06-minimal.csv", "minimal-", "STORED1"),
        ("07-birth.csv", "08-birth.csv", "birth-", "STORED1"),
        ("09-bulk", "10-bulk", "bulk-", "STORED2"),
    ],
)
def test_a_deletion_goes_with_what_was_stored(
    played: dict[str, Any], given: str, deleted: str, prefix: str, lot: str
) -> None:
    assert [dose[2] for dose in has(played[given], prefix)] == [lot]
    assert submitted(played[deleted]) == (1, 0, 0, 1, [])
    assert has(played[deleted], prefix) == []


def test_a_day_that_moves_and_moves_back_is_three_messages(played: dict[str, Any]) -> None:
    steps = [played[name] for name in ("11-moved.csv", "12-moved.csv", "13-moved-back.csv")]
    assert [step["sent"] for step in steps] == [1, 1, 1]
    assert [has(step, "moved-") for step in steps] == [
        [("D1", "20260210", "LOT1")],
        [("D1", "20260211", "LOT1")],
        [("D1", "20260210", "LOT1")],
    ]


def test_deleted_and_added_on_an_earlier_day_is_a_move(played: dict[str, Any]) -> None:
    assert has(played["15-added.csv"], "added-") == [("D1", "20260208", "LOT1")]


def test_a_remedy_does_not_bring_back_a_dose_that_another_file_reported(played: dict[str, Any]) -> None:
    assert submitted(played["16-partial.csv"]) == (2, 0, 2, 0, [])
    assert has(played["17-partial.csv"], "partial-") == [("D1", "20260210", "NEW1")]
    assert has(played["18-do.txt"], "partial-") == [("D1", "20260210", "NEW1"), ("D2", "20260210", "VAR2")]
    assert "LOT-MISSING" not in causes(played["18-do.txt"])


# a facility code that CT WiZ does not know ------------------------------------------------------------------------------

WRONG: Final = CLINICS.replace("CT9001", "CT9010") + '[sources.elm]\nformat = "csv"\nclinic = "elm"\n'


@pytest.fixture(scope="module")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("facility")
    (folder / "clinics.toml").write_text(WRONG)
    (folder / "right.toml").write_text(WRONG.replace("CT9010", "CT9001"))
    (folder / rehearsal.FACILITIES).write_text("# of the onboarding letter\nCT9001  # Elm\n\n")
    (folder / "01-elm.csv").write_bytes(a_csv(row("SYN-1"), row("SYN-2")))
    (folder / "02-do.txt").write_text("valve list\nconfig push right.toml\nvalve open CT9010\n")
    (folder / "03-elm.csv").write_bytes(a_csv(row("SYN-1"), row("SYN-2"), row("SYN-3")))
    return play(folder)


def test_a_code_that_ctwiz_does_not_know_stops_the_facility(corrected: dict[str, Any]) -> None:
    assert corrected["01-elm.csv"]["iis"] == []
    assert corrected["01-elm.csv"]["files"][0]["submitted"] == {"QUEUED": 2}


def test_what_was_never_received_goes_out_under_the_corrected_code(corrected: dict[str, Any]) -> None:
    listed, pushed, opened = corrected["02-do.txt"]["commands"]
    assert "CT9010" in listed["output"]
    assert (pushed["exit_code"], opened["exit_code"]) == (0, 0)
    assert [(one["facility"], one["pid_3"]) for one in corrected["02-do.txt"]["iis"]] == [
        ("CT9001", "SYN-1"),
        ("CT9001", "SYN-2"),
    ]
    assert corrected["02-do.txt"]["worklist"] == []


def test_the_rows_that_waited_are_unchanged_afterwards(corrected: dict[str, Any]) -> None:
    assert submitted(corrected["03-elm.csv"]) == (3, 2, 0, 1, [])
