"""A file of patients from a person's words to its answers: put, asked about by the function, listed and read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from console.main import app
from local import runs
from local.aws.engine import Engine
from tests.end_to_end.rows import CLINICS, a_csv, row


def called(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


@pytest.mark.usefixtures("places")
def test_a_file_of_patients_is_put_asked_about_and_read_and_every_step_is_audited(tmp_path: Path) -> None:
    with runs.start(CLINICS, "clinics.toml") as run, Engine(run.cloud) as engine:
        run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key="inbox/elm/a.csv", Body=a_csv(row("SYN-1")))
        assert engine.wait_until_idle(timeout=60)
    patients = tmp_path / "sampleton-family.csv"
    patients.write_text(
        "patient_id,last_name,first_name,birth_date,sex\n"
        "SYN-1,Sampleton,Ada,1990-05-06,F\n"
        ",Sampleton,Nobody,1990-05-06,F\n"
        ",Sampleton,Odd,in spring,F\n"
    )
    said = called("queries", "--put", str(patients), "--clinic", "elm").stdout
    name = said.removeprefix("uploaded as ").partition(";")[0]
    (summary,) = json.loads(called("queries", "--json").stdout)
    assert (summary["name"], summary["done"]) == (name, 3)
    assert summary["outcomes"] == {"FOUND": 1, "NOT_FOUND": 1, "ROW_UNREADABLE": 1}
    assert f"{name}: row 4: birth_date cannot be read" in called("queries").stdout
    out = tmp_path / "answers.jsonl"
    called("queries", name, "--out", str(out))
    assert out.stat().st_mode & 0o077 == 0, "it quotes histories"
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["outcome"] for line in lines] == ["FOUND", "NOT_FOUND", "ROW_UNREADABLE"]
    assert lines[0]["asked"]["response"]["vaccinations"]
    audit = called("audit", "--json").stdout
    assert [entry["action"] for entry in json.loads(audit)] == ["queries put", "queries read"]
    for said_in in (audit, name, json.dumps(summary), runs.LOG.read_text("utf-8")):
        assert "ampleton" not in said_in
    assert called("queries", "nobody.csv", code=2)
