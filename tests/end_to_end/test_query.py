"""A patient's whole way: reported by an export, then asked about, in the ledger's words and in a person's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from console.main import app
from local import session
from local.aws.engine import Engine
from tests.end_to_end.rows import CLINICS, a_csv, row

ROWS = (row("SYN-1", lot="AB123"), row("SYN-2", first_name="Grace"))
STRANGER = ("--last-name", "Sampleton", "--first-name", "Nobody", "--birth-date", "1990-05-06", "--clinic", "elm")


@pytest.fixture
def left_behind(places: None) -> None:
    with session.running(CLINICS, "clinics.toml", continued=False) as run, Engine(run.cloud) as engine:
        run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key="inbox/elm/a.csv", Body=a_csv(*ROWS))
        assert engine.wait_until_idle(timeout=60)


def called(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


@pytest.mark.usefixtures("left_behind")
def test_a_reported_patient_is_found_by_record_number_alone_and_the_query_is_audited() -> None:
    (asked,) = [json.loads(called("query", "--mrn", "SYN-1", "--json").stdout)]
    response = asked["response"]
    assert (response["match"], response["patient"]["names"][0]["family"]) == ("FOUND", "SAMPLETON")
    assert [(dose["date"], dose["vaccine"]["code"], dose["lot"]) for dose in response["vaccinations"]] == [
        ("20260302", "115", "AB123")
    ]
    entries = json.loads(called("audit", "--json").stdout)
    assert [(entry["action"], entry["detail"]) for entry in entries] == [
        ("query", "Z44 by record number, name, birth date, sex")
    ]
    assert "SYN-1" not in json.dumps(entries)


@pytest.mark.usefixtures("left_behind")
def test_history_and_forecast_are_tables_and_nobody_is_exit_code_1(tmp_path: Path) -> None:
    shown = called("query", "--mrn", "SYN-2").stdout
    assert "FOUND" in shown
    assert "Forecast" in shown
    assert "NOT_FOUND" in called("query", *STRANGER, code=1).stdout
    patients = tmp_path / "patients.csv"
    patients.write_text(
        "patient_id,last_name,first_name,birth_date,sex,clinic\n"
        "SYN-1,Sampleton,Ada,1990-05-06,F,elm\n"
        ",Sampleton,Nobody,1990-05-06,F,elm\n"
    )
    several = json.loads(called("query", "--csv", str(patients), "--json", code=1).stdout)
    assert [asked["response"]["match"] for asked in several] == ["FOUND", "NOT_FOUND"]


@pytest.mark.usefixtures("places")
def test_a_history_longer_than_any_ack_is_read_whole() -> None:
    days = (f"{2005 + month // 12}-{month % 12 + 1:02}-01" for month in range(150))
    doses = [row("SYN-1", f"D{day}").replace("2026-03-02", day) for day in days]
    with session.running(CLINICS, "clinics.toml", continued=False) as run, Engine(run.cloud) as engine:
        run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key="inbox/elm/a.csv", Body=a_csv(*doses))
        assert engine.wait_until_idle(timeout=120)
    asked = json.loads(called("query", "--mrn", "SYN-1", "--json").stdout)
    assert asked["fault"] == ""
    assert len(asked["response"]["vaccinations"]) == 150
