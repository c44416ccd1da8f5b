"""What a manifest says of its export and the files do not show is said."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from shared.domain.clinics import Source
from shared.domain.model import Visit
from shared.exports import arrivals
from shared.exports.readers import READERS
from tests.shared.exports.fhir.build import a_patient, an_immunization, codes_of, findings_of, lines, rows_of

BULK = Source("bulk", "fhir", clinic="elm")
HOME = "inbox/bulk/2026-03-02/"
PATIENTS, DOSES = lines(a_patient()), lines(an_immunization())


def listed(name: str, folder: str = "1", **more: Any) -> dict[str, Any]:
    return {"type": "Any", "url": f"https://ehr.example/{folder}/{name}"} | more


def a_manifest(*output: dict[str, Any], **more: Any) -> bytes:
    files = output or (listed("Patient.ndjson"), listed("Immunization.ndjson"))
    return json.dumps({"transactionTime": "2026-03-02T00:00:00Z", "output": files, "error": []} | more).encode()


def read(folder_of: Any, manifest: bytes, **files: bytes) -> list[Visit]:
    """Reads the set as it is converted when its last file arrives."""
    content = {"Patient__ndjson": PATIENTS, "Immunization__ndjson": DOSES} | files
    named = {HOME + name.replace("__", "."): body for name, body in content.items() if body}
    folder = folder_of(named | {HOME + "manifest.json": manifest})
    parts = arrivals.parts_to_convert(BULK, folder.stat(HOME + "manifest.json"), folder)
    assert parts is not None
    return list(READERS["fhir"].read(parts, BULK, folder))


def test_a_set_that_is_what_its_manifest_says_needs_no_word(folder_of: Any) -> None:
    manifest = a_manifest(listed("Patient.ndjson", count=1), listed("Immunization.ndjson", count=1))
    log = b'{"exportId":"x","eventId":"kickoff"}\n'
    visits = read(folder_of, manifest, log__ndjson=log, checksums__txt=b"abc", _SUCCESS=b"x", __hidden=PATIENTS)
    assert not codes_of(visits)
    assert rows_of(visits) == [1]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_another_number_of_resources_than_listed_is_said(folder_of: Any, pack: Any) -> None:
    manifest = a_manifest(listed("Patient.ndjson", count=1), listed("Immunization.ndjson", count=3))
    files = {"Immunization__ndjson__gz" if pack is gzip.compress else "Immunization__ndjson": pack(DOSES + b"\n")}
    visits = read(folder_of, manifest, **({"Immunization__ndjson": b""} | files))
    assert [(f.code, f.value) for f in findings_of(visits)] == [
        ("MANIFEST-COUNT", "Immunization.ndjson: 3 listed, 1 read")
    ]
    assert rows_of(visits) == [1]


def test_two_files_of_one_name_are_said(folder_of: Any) -> None:
    twice = (listed("data.ndjson", "1", count=5), listed("data.ndjson", "2", count=7))
    visits = read(folder_of, a_manifest(*twice), data__ndjson=PATIENTS)
    assert codes_of(visits) == ["MANIFEST-NAME-TWICE", "MANIFEST-NOT-LISTED", "MANIFEST-NOT-LISTED", "FILE-EMPTY"]
    once = (listed("data.ndjson"), listed("data.ndjson"), listed("Immunization.ndjson"))
    visits = read(folder_of, a_manifest(*once), data__ndjson=PATIENTS, Patient__ndjson=b"")
    assert not codes_of(visits)


def test_a_file_of_resources_that_is_not_listed_is_said_and_not_read(folder_of: Any) -> None:
    extra = gzip.compress(lines(an_immunization("i2")))
    visits = read(folder_of, a_manifest(), Immunization_2__ndjson__gz=extra)
    assert [(f.code, f.value) for f in findings_of(visits)] == [("MANIFEST-NOT-LISTED", "Immunization_2.ndjson.gz")]
    assert [dose.id for visit in visits for dose in visit.doses] == ["i1"]


def an_outcome(severity: str, text: str) -> str:
    return json.dumps({"resourceType": "OperationOutcome", "issue": [{"severity": severity, "diagnostics": text}]})


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", [("MANIFEST-ERRORS", "errors.ndjson")]),
        (b"nonsense", [("MANIFEST-ERRORS", "errors.ndjson")]),
        (lines(an_outcome("information", "12 resources")), []),
        (lines(an_outcome("warning", "slow")), [("SERVER-WARNING", "errors.ndjson: slow")]),
        (
            lines(an_outcome("error", "Immunization/9 cannot be read"), an_outcome("fatal", "stopped")),
            [
                ("SERVER-ERROR", "errors.ndjson: Immunization/9 cannot be read"),
                ("SERVER-ERROR", "errors.ndjson: stopped"),
            ],
        ),
    ],
)
def test_errors_that_the_server_met_are_said(folder_of: Any, body: bytes, found: list[tuple[str, str]]) -> None:
    visits = read(folder_of, a_manifest(error=[listed("errors.ndjson")]), errors__ndjson=body)
    assert [(f.code, f.value) for f in findings_of(visits)] == found
    assert rows_of(visits) == [1]


def test_a_manifest_that_is_one_of_several_says_so(folder_of: Any) -> None:
    link = [{"relation": "next", "url": "https://ehr.example/2"}, {"relation": "self", "url": "https://ehr.example/1"}]
    visits = read(folder_of, a_manifest(link=link))
    assert [(f.code, f.value) for f in findings_of(visits)] == [("MANIFEST-NEXT", "https://ehr.example/2")]


@pytest.mark.parametrize("more", [{"error": "none"}, {"link": 7}, {"output_count": 3}])
def test_what_is_wrong_beside_the_list_does_not_stop_the_set(folder_of: Any, more: dict[str, Any]) -> None:
    assert rows_of(read(folder_of, a_manifest(**more))) == [1]


def test_what_a_manifest_has_beside_what_is_known_is_said(folder_of: Any) -> None:
    visits = read(folder_of, a_manifest(invented=7, extension={"urn:x": 1}, outputOrganizedBy="Patient"))
    assert [(f.code, f.value) for f in findings_of(visits)] == [("ELEMENT-UNKNOWN", "Manifest.invented")]
