"""A patient's whole way: reported by an export, then asked about, in the ledger's words and in a person's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.end_to_end.rows import a_csv, row
from tests.local_run import OpenRun

ROWS = (row("SYN-1", lot="AB123"), row("SYN-2", first_name="Grace"))
STRANGER = ("--last-name", "Sampleton", "--first-name", "Nobody", "--birth-date", "1990-05-06", "--clinic", "elm")


@pytest.fixture(scope="module")
def run(shared_run: OpenRun) -> OpenRun:
    shared_run.drop("elm/a.csv", a_csv(*ROWS))
    return shared_run


def test_a_reported_patient_is_found_by_record_number_alone_and_the_query_is_audited(run: OpenRun) -> None:
    before = len(run.data("audit"))
    asked = run.data("query", "--mrn", "SYN-1")
    response = asked["response"]
    assert (response["match"], response["patient"]["names"][0]["family"]) == ("FOUND", "SAMPLETON")
    assert [(dose["date"], dose["vaccine"]["code"], dose["lot"]) for dose in response["vaccinations"]] == [
        ("20260302", "115", "AB123")
    ]
    entries = run.data("audit")[before:]
    assert [(entry["action"], entry["detail"]) for entry in entries] == [
        ("query", "Z44 by record number, name, birth date, sex")
    ]
    assert "SYN-1" not in json.dumps(entries)


def test_history_and_forecast_are_tables_and_nobody_is_exit_code_1(run: OpenRun, tmp_path: Path) -> None:
    shown = run.called("query", "--mrn", "SYN-2").stdout
    assert "FOUND" in shown
    assert "Forecast" in shown
    assert "NOT_FOUND" in run.called("query", *STRANGER, code=1).stdout
    patients = tmp_path / "patients.csv"
    patients.write_text(
        "patient_id,last_name,first_name,birth_date,sex,clinic\n"
        "SYN-1,Sampleton,Ada,1990-05-06,F,elm\n"
        ",Sampleton,Nobody,1990-05-06,F,elm\n"
    )
    several = run.data("query", "--csv", str(patients), code=1)
    assert [asked["response"]["match"] for asked in several] == ["FOUND", "NOT_FOUND"]


def test_a_history_longer_than_any_ack_is_read_whole(run: OpenRun) -> None:
    days = (f"{2005 + month // 12}-{month % 12 + 1:02}-01" for month in range(150))
    doses = [row("SYN-3", f"D{day}", first_name="Mary").replace("2026-03-02", day) for day in days]
    run.drop("elm/long.csv", a_csv(*doses))
    asked = run.data("query", "--mrn", "SYN-3")
    assert asked["fault"] == ""
    assert len(asked["response"]["vaccinations"]) == 150
