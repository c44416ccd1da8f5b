"""Deletions and merges as a FHIR bulk export says them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.domain.submission import FileSummary
from tests.shared.usecases.intake.lives import Life

DOSE: dict[str, Any] = {
    "resourceType": "Immunization", "id": "i1", "status": "completed", "patient": {"reference": "Patient/p1"},
    "occurrenceDateTime": "2026-03-02", "primarySource": True, "lotNumber": "AB123",
    "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "115"}]},
    "manufacturer": {"identifier": {"system": "http://hl7.org/fhir/sid/mvx", "value": "SKB"}},
    "programEligibility": [{"coding": [{"code": "V01"}]}], "fundingSource": {"coding": [{"code": "PHC70"}]},
}  # fmt: skip


@pytest.fixture
def life() -> Life:
    return Life()


def patient(number: str = "1", mrn: str = "", **more: object) -> dict[str, Any]:
    return {
        "resourceType": "Patient", "id": f"p{number}", "birthDate": "1990-05-06", "gender": "female",
        "identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": mrn or f"SYN-{number}"}],
        "name": [{"family": "Sampleton", "given": ["Cleo"]}], **more,
    }  # fmt: skip


def a_set(life: Life, name: str, *resources: dict[str, Any], deleted: tuple[dict[str, Any], ...] = ()) -> FileSummary:
    kinds = ("Patient", "Immunization")
    manifest: dict[str, Any] = {"transactionTime": life.time.isoformat(), "output": [], "deleted": []}
    for kind in kinds:
        lines = [json.dumps(one) for one in resources if one["resourceType"] == kind]
        if lines:
            life.put(f"bulk/{name}/{kind}.ndjson", "\n".join(lines).encode())
            manifest["output"].append({"type": kind, "url": f"https://ehr.example/{kind}.ndjson"})
    if deleted:
        life.put(f"bulk/{name}/deleted.ndjson", "\n".join(map(json.dumps, deleted)).encode())
        manifest["deleted"].append({"type": "Bundle", "url": "https://ehr.example/deleted.ndjson"})
    done = life.put(f"bulk/{name}/manifest.json", json.dumps(manifest).encode())
    assert isinstance(done, FileSummary), done
    life.deliver()
    return done


def test_a_dose_that_is_entered_in_error_without_date_and_vaccine_is_deleted(life: Life) -> None:
    a_set(life, "1", patient(), DOSE)
    assert list(life.iis) == ["CT9001 F-SYN-1 F-i1"]
    error = {key: DOSE[key] for key in ("resourceType", "id", "patient")} | {"status": "entered-in-error"}
    a_set(life, "2", patient(), error)
    assert life.sent[1:] == ["CT9001 F-SYN-1 D:F-i1"]
    assert (life.iis, life.open) == ({}, [])


def test_a_dose_of_the_deleted_files_of_a_manifest_is_deleted_and_unknown_ones_are_said(life: Life) -> None:
    a_set(life, "1", patient(), DOSE)
    requests = [{"request": {"method": "DELETE", "url": f"Immunization/{one}"}} for one in ("i1", "unknown")]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": requests}
    summary = a_set(life, "2", patient("2"), deleted=(bundle,))
    assert life.iis == {}
    assert "DELETE-NOTHING" in [finding.code for finding in summary.findings]
    assert life.open == []


def test_the_doses_of_a_patient_who_was_replaced_move_to_the_one_who_stays(life: Life) -> None:
    a_set(life, "1", patient(), DOSE)
    link = [{"type": "replaced-by", "other": {"reference": "Patient/p2"}}]
    a_set(life, "2", patient(active=False, link=link), patient("2"), DOSE)
    assert life.sent[1:] == ["CT9001 F-SYN-1 D:F-i1", "CT9001 F-SYN-2 A:F-i1"]
    assert list(life.iis) == ["CT9001 F-SYN-2 F-i1"]
    assert life.open == []


def test_a_dose_that_is_entered_in_error_after_a_merge_is_found_by_its_id(life: Life) -> None:
    a_set(life, "1", patient(), DOSE)
    a_set(life, "2", patient("2"), DOSE | {"status": "entered-in-error", "patient": {"reference": "Patient/p2"}})
    assert (life.iis, life.open) == ({}, [])
