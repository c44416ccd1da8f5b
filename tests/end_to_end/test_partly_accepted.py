"""An IIS that names one bad dose of three: whether it stored the others is proven by a query, and not by its answer."""

from __future__ import annotations

import json

import pytest

from local.ctwiz import faults, soap
from local.ctwiz.faults import Call, PlannedFault, TransportFault
from local.ctwiz.soap import Reply
from shared.domain.hl7 import er7
from shared.domain.lifecycle import State
from shared.domain.submission import FileSummary, Submission
from tests.end_to_end.rows import CLINICS, a_csv, row
from tests.local_run import OpenRun


@pytest.fixture(scope="module")
def clinics_toml() -> str:
    return CLINICS.replace('profile = "ctwiz"', 'profile = "default"')


def _first_dose_is_bad(call: Call) -> Reply:
    control_id = er7.segments(call.message)[0].split("|")[9]
    head = call.application_failure.split("\r", 1)[0]
    error = "ERR||RXA_PharmacyTreatmentAdministration^1^5|101^Required field missing^HL70357|E||||Vaccine not known"
    return soap.answer(f"{head}\rMSA|AE|{control_id}|See errors\r{error}\r")


@pytest.fixture(autouse=True)
def an_iis_that_names_one_dose(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, is_stored in (("stops at the error", False), ("goes on", True)):
        fault = TransportFault(name, is_stored, _first_dose_is_bad, faults.send_whole)
        monkeypatch.setitem(faults.FAULTS, name, fault)


def _drop(run: OpenRun, patient: str, fault: str) -> Submission:
    run.simulator.play(PlannedFault(fault, patient=patient))
    name = patient.partition("-")[0].title()
    rows = [row(patient, f"{patient}-D{number}", lot=f"LOT{number}", first_name=name) for number in (1, 2, 3)]
    file: FileSummary = run.drop(f"elm/{patient}.csv", a_csv(*rows))
    assert file.submitted == {State.PARTLY_ACCEPTED: 3}
    (msh_10,) = run.ledger.files.msh_10s(file.file_id)
    return run.submission(msh_10)


def test_doses_behind_an_error_are_in_doubt_until_a_query_proves_them(shared_run: OpenRun) -> None:
    stopped = _drop(shared_run, "STOPS-1", "stops at the error")
    gone_on = _drop(shared_run, "GOES-1", "goes on")
    for one in (stopped, gone_on):
        patient = one.visit.patient.mrn
        assert one.attempts[-1].dropped == (f"{patient}-D1",)
        assert one.unproven == (f"{patient}-D2", f"{patient}-D3")
        shown = shared_run.called("show", one.msh_10).stdout
        assert "MSA-3: See errors" in shown
        assert f"perhaps not stored: {patient}-D2, {patient}-D3" in shown

    results = {one["msh_10"]: one for one in shared_run.data("reconcile", "--unknown", code=1)}
    assert results.keys() == {stopped.msh_10, gone_on.msh_10}
    assert {msh_10: one["rest_proven"] for msh_10, one in results.items()} == {
        stopped.msh_10: [],
        gone_on.msh_10: [gone_on.msh_10],
    }
    assert [line["kind"] for line in results[stopped.msh_10]["lines"]] == ["missing there", "missing there"]
    proven = shared_run.submission(gone_on.msh_10)
    assert (proven.state, proven.unproven) == (State.PARTLY_ACCEPTED, ())
    assert "the answer to query" in proven.closed_reason
    assert {entry["msh_10"] for entry in shared_run.data("failures")} == {stopped.msh_10, gone_on.msh_10}

    in_doubt = shared_run.data("close", stopped.msh_10, "--reason", "given up")["in_doubt"]
    assert in_doubt.startswith("nothing proves that 2 of its 3 doses are stored at the IIS")
    assert shared_run.data("close", gone_on.msh_10, "--reason", "corrected by hand")["in_doubt"] == ""


def test_a_sample_takes_partly_accepted_submissions_too(shared_run: OpenRun) -> None:
    one = _drop(shared_run, "SAMPLE-1", "goes on")
    sampled = json.loads(shared_run.call("reconcile", "--sample", "50", "--json").stdout)
    assert one.msh_10 in {result["msh_10"] for result in sampled}
