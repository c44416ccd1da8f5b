"""A code of the EHR's own is one task: listed once, mapped once, and all that waited for it is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from console.main import app
from local import session
from local.aws.engine import Engine
from local.session import Session
from shared.domain.lifecycle import State
from shared.domain.submission import FileSummary
from shared.usecases.correction.unmapped import unmapped
from tests.end_to_end.rows import CLINICS, a_csv, row

CAUSE = "UNMAPPED vaccine BOOSTRIX-A"
MAPPED = '\n[sources.elm.codes.vaccine]\n"Boostrix-A" = "115"\n'


ROWS = a_csv(row("SYN-1", cvx="Boostrix-A"), row("SYN-2", cvx="BOOSTRIX-A"), row("SYN-3", cvx="Tdap!"))


def drop(run: Session, engine: Engine, key: str) -> FileSummary:
    run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key=key, Body=ROWS)
    assert engine.wait_until_idle(timeout=60)
    (new,) = [file for file in run.application.ledger.files.all() if file.name == key]
    assert new.adds_up
    return new


def called(*arguments: str) -> Result:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def data(*arguments: str) -> Any:
    return json.loads(called(*arguments, "--json").stdout)


def test_one_line_of_clinics_toml_releases_all_that_waited(places: None, tmp_path: Path) -> None:
    with session.running(CLINICS, "clinics.toml") as run, Engine(run.cloud) as engine:
        assert drop(run, engine, "inbox/elm/doses.csv").held == 3
        assert run.simulator.received == []
    first, second = data("codes", "unmapped")
    assert (first["cause"], first["rows"], first["submissions"]) == (CAUSE, 2, 2)
    assert first["code"].upper() == "BOOSTRIX-A"
    assert (second["cause"], second["rows"], second["clinics"]) == ("UNMAPPED vaccine TDAP!", 1, ["elm"])
    assert (second["section"], second["line"]) == ("[sources.elm.codes.vaccine]", '"Tdap!" = "?"')
    assert f"vaxline resubmit --cause '{CAUSE}'" in called("codes", "unmapped").stdout
    assert "vaxline codes unmapped" in called("failures").stdout

    file = tmp_path / "clinics.toml"
    file.write_text(f"{CLINICS}\n{first['section']}\n{first['line'].replace('?', '115')}\n", "utf-8")
    called("config", "push", str(file))
    sent = data("resubmit", "--cause", CAUSE)
    assert [one["state"] for one in sent] == ["QUEUED", "QUEUED"]
    shown = data("show", sent[0]["msh_10"])
    assert shown["state"] == "ACCEPTED"
    (rxa,) = [segment for segment in shown["vxu"] if segment.startswith("RXA")]
    assert rxa.split("|")[5].upper() == "115^TDAP^CVX^BOOSTRIX-A^^L"
    assert [one["cause"] for one in data("codes", "unmapped")] == ["UNMAPPED vaccine TDAP!"]


def test_the_next_export_of_the_same_rows_releases_them_too(places: None) -> None:
    with session.running(CLINICS, "clinics.toml") as run, Engine(run.cloud) as engine:
        assert drop(run, engine, "inbox/elm/doses.csv").held == 3
    with session.running(CLINICS + MAPPED, "clinics.toml", continued=True) as run, Engine(run.cloud) as engine:
        again = drop(run, engine, "inbox/elm/again.csv")
        assert (again.submitted, again.unchanged) == ({State.ACCEPTED: 2}, 1)
        assert [one.cause for one in unmapped(run.application.ledger.submissions, run.application.ledger.worklist)] == [
            "UNMAPPED vaccine TDAP!"
        ]
        assert drop(run, engine, "inbox/elm/once-more.csv").unchanged == 3


def test_a_fhir_export_may_name_a_vaccine_by_a_local_code_alone(places: None) -> None:
    patient = {
        "resourceType": "Patient",
        "id": "p1",
        "identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": "SYN-9"}],
        "name": [{"family": "Sampleton", "given": ["Ada"]}],
        "birthDate": "1990-05-06",
        "gender": "female",
    }
    immunization = {
        "resourceType": "Immunization",
        "id": "i1",
        "status": "completed",
        "vaccineCode": {"coding": [{"system": "urn:oid:1.2.3", "code": "IMM77", "display": "Boostrix"}]},
        "patient": {"reference": "Patient/p1"},
        "occurrenceDateTime": "2026-03-02",
        "primarySource": False,
    }
    files = {"Patient.ndjson": patient, "Immunization.ndjson": immunization}

    def put(run: Session, engine: Engine, name: str) -> FileSummary:
        before = {file.file_id for file in run.application.ledger.files.all()}
        for file, content in (*files.items(), ("_SUCCESS", None)):
            body = json.dumps(content).encode() if content else b""
            run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key=f"inbox/hilltop/{name}/{file}", Body=body)
        assert engine.wait_until_idle(timeout=60)
        (new,) = [file for file in run.application.ledger.files.all() if file.file_id not in before]
        return new

    with session.running(CLINICS, "clinics.toml") as run, Engine(run.cloud) as engine:
        assert put(run, engine, "one").held == 1
        (waiting,) = unmapped(run.application.ledger.submissions, run.application.ledger.worklist)
        assert (waiting.cause, waiting.section) == ("UNMAPPED vaccine IMM77", "[sources.hilltop.codes.vaccine]")
    mapped = f'{CLINICS}\n[clinics.hilltop.codes.vaccine]\nimm77 = "115"\n'
    with session.running(mapped, "clinics.toml", continued=True) as run, Engine(run.cloud) as engine:
        assert put(run, engine, "two").submitted == {State.ACCEPTED: 1}
        (msh_10,) = run.simulator.accepted
        sent = run.application.ledger.submissions.get(msh_10)
        assert sent is not None
        assert "|115^Tdap^CVX^IMM77^Boostrix^L|" in sent.vxu
