"""For CT WiZ's two clean weeks a source can be strict: what would be sent with a warning waits in the worklist."""

from __future__ import annotations

from pathlib import Path

import pytest

from local import exports, session, snapshot
from local.engine import Engine
from shared.domain.lifecycle import State

CLINICS = Path(exports.__file__).with_name("clinics.toml").read_text("utf-8")
ROWS = (
    "patient_id,last_name,first_name,birth_date,sex,race,ethnicity,address_street,address_city,address_state,"
    "address_zip,dose_id,dose_date,cvx,mvx,lot,route,eligibility,funding_source,administered_by_npi\n"
    "SYN-1,Sampleton,Ada,1990-05-06,F,2106-3,2186-5,1 Example Way,Hartford,CT,06103,"
    "D-1,2026-03-02,115,SKB,AB123,,V01,PHC70,1234567893\n"
)


@pytest.mark.parametrize(("strict", "state"), [(False, State.ACCEPTED), (True, State.HELD)])
def test_a_warning_holds_a_submission_where_its_source_is_strict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strict: bool, state: State
) -> None:
    monkeypatch.setattr(snapshot, "FOLDER", tmp_path / "local")
    monkeypatch.setattr(session, "LOG", tmp_path / "functions.log")
    clinics = CLINICS.replace("[sources.elm]\n", "[sources.elm]\nstrict = true\n") if strict else CLINICS
    with session.running(clinics, "clinics.toml", continued=False) as run, Engine(run.cloud) as engine:
        run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key="inbox/elm/a.csv", Body=ROWS.encode())
        assert engine.wait_until_idle(timeout=60)
        (summary,) = run.application.ledger.files()
        worklist = list(run.application.ledger.worklist())
    assert summary.adds_up
    assert [place[1] for place in summary.places] == [state]
    assert [entry.causes for entry in worklist] == ([("ROUTE-MISSING",)] if strict else [])
