"""A code of the EHR's own is one task: listed once, mapped once, and all that waited for it is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.domain.lifecycle import State
from shared.domain.submission import FileSummary
from shared.usecases.correction.unmapped import unmapped
from tests.end_to_end.rows import CLINICS, a_csv, row
from tests.local_run import OpenRun, open_run

CAUSE = "UNMAPPED vaccine BOOSTRIX-A"
MAPPED = '\n[sources.elm.codes.vaccine]\n"Boostrix-A" = "115"\n'


ROWS = a_csv(row("SYN-1", cvx="Boostrix-A"), row("SYN-2", cvx="BOOSTRIX-A"), row("SYN-3", cvx="Tdap!"))


@pytest.fixture
def run(tmp_path: Path) -> Iterator[OpenRun]:
    with open_run(CLINICS, tmp_path) as opened:
        yield opened


def push(run: OpenRun, folder: Path, clinics: str) -> None:
    file = folder / "clinics.toml"
    file.write_text(clinics, "utf-8")
    run.called("config", "push", str(file))
    run.restart()


def test_one_line_of_clinics_toml_releases_all_that_waited(run: OpenRun, tmp_path: Path) -> None:
    assert run.drop("elm/doses.csv", ROWS).held == 3
    assert run.simulator.received == []
    first, second = run.data("codes", "unmapped")
    assert (first["cause"], first["rows"], first["submissions"]) == (CAUSE, 2, 2)
    assert first["code"].upper() == "BOOSTRIX-A"
    assert (second["cause"], second["rows"], second["clinics"]) == ("UNMAPPED vaccine TDAP!", 1, ["elm"])
    assert (second["section"], second["line"]) == ("[sources.elm.codes.vaccine]", '"Tdap!" = "?"')
    assert f"vaxline resubmit --cause '{CAUSE}'" in run.called("codes", "unmapped").stdout
    assert "vaxline codes unmapped" in run.called("failures").stdout

    push(run, tmp_path, f"{CLINICS}\n{first['section']}\n{first['line'].replace('?', '115')}\n")
    sent = run.data("resubmit", "--cause", CAUSE)
    assert [one["state"] for one in sent] == ["QUEUED", "QUEUED"]
    shown = run.data("show", sent[0]["msh_10"])
    assert shown["state"] == "ACCEPTED"
    (rxa,) = [segment for segment in shown["vxu"] if segment.startswith("RXA")]
    assert rxa.split("|")[5].upper() == "115^TDAP^CVX^BOOSTRIX-A^^L"
    assert [one["cause"] for one in run.data("codes", "unmapped")] == ["UNMAPPED vaccine TDAP!"]


def test_the_next_export_of_the_same_rows_releases_them_too(run: OpenRun, tmp_path: Path) -> None:
    assert run.drop("elm/doses.csv", ROWS).held == 3
    push(run, tmp_path, CLINICS + MAPPED)
    again = run.drop("elm/again.csv", ROWS)
    assert (again.submitted, again.unchanged) == ({State.ACCEPTED: 2}, 1)
    assert [one.cause for one in unmapped(run.ledger.submissions, run.ledger.worklist)] == ["UNMAPPED vaccine TDAP!"]
    assert run.drop("elm/once-more.csv", ROWS).unchanged == 3


def test_a_fhir_export_may_name_a_vaccine_by_a_local_code_alone(run: OpenRun, tmp_path: Path) -> None:
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

    def put(name: str) -> FileSummary:
        for file, content in files.items():
            run.put(f"hilltop/{name}/{file}", json.dumps(content).encode())
        return run.drop(f"hilltop/{name}/_SUCCESS", b"")

    assert put("one").held == 1
    (waiting,) = unmapped(run.ledger.submissions, run.ledger.worklist)
    assert (waiting.cause, waiting.section) == ("UNMAPPED vaccine IMM77", "[sources.hilltop.codes.vaccine]")
    push(run, tmp_path, f'{CLINICS}\n[clinics.hilltop.codes.vaccine]\nimm77 = "115"\n')
    assert put("two").submitted == {State.ACCEPTED: 1}
    (msh_10,) = run.simulator.accepted
    assert "|115^Tdap^CVX^IMM77^Boostrix^L|" in run.submission(msh_10).vxu
