"""The workflow test of bi-directional onboarding, against the simulated CT WiZ."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from console.main import app
from local import session
from local.engine import Engine
from tests.end_to_end.rows import CLINICS, a_csv, row

SCENARIOS = """name,expect,clinic,last_name,first_name,birth_date,sex
a stranger,NOT_FOUND,elm,Sampleton,Nobody,1970-01-01,F
one who resembles,CANDIDATES,elm,Sampleton,Adah,1990-05-06,F
wrongly expected,TOO_MANY,elm,Sampleton,Ada,1990-05-06,F
"""


@pytest.mark.usefixtures("places")
def test_every_reported_record_is_asked_for_and_the_evidence_names_nobody(tmp_path: Path) -> None:
    rows = (row("SYN-1"), row("SYN-2", first_name="Grace"))
    with session.running(CLINICS, "clinics.toml", continued=False) as run, Engine(run.cloud) as engine:
        run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key="inbox/elm/a.csv", Body=a_csv(*rows))
        assert engine.wait_until_idle(timeout=60)
    scenarios, evidence = tmp_path / "scenarios.csv", tmp_path / "evidence.json"
    scenarios.write_text(SCENARIOS)
    told = ("workflow-test", "--evidence", str(evidence), "--records", "2")
    assert CliRunner().invoke(app, told, catch_exceptions=False).exit_code == 0
    result = CliRunner().invoke(app, (*told, "--scenarios", str(scenarios)), catch_exceptions=False)
    assert result.exit_code == 1
    steps = json.loads(evidence.read_text())["steps"]
    assert [(step["got"], step["passed"]) for step in steps] == [
        ("answered", True),
        ("FOUND with a forecast", True),
        ("FOUND with a forecast", True),
        ("NOT_FOUND", True),
        ("CANDIDATES", True),
        ("FOUND", False),
    ]
    assert "Sampleton" not in evidence.read_text()
    assert "SYN-" not in evidence.read_text()


@pytest.mark.usefixtures("places")
def test_fewer_records_than_wanted_is_no_pass(tmp_path: Path) -> None:
    with session.running(CLINICS, "clinics.toml", continued=False):
        pass
    told = ("workflow-test", "--evidence", str(tmp_path / "evidence.json"))
    assert CliRunner().invoke(app, told, catch_exceptions=False).exit_code == 1
