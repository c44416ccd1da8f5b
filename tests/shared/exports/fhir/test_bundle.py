"""FHIR Bundles: every Immunization entry is in exactly one visit; references by fullUrl, id or identifier work."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local import demo_exports as local_exports
from shared.domain.clinics import Source
from shared.domain.model import Finding, Visit
from shared.exports import arrivals
from shared.exports.fhir import bundle
from shared.usecases.findings import OF_RECORDS

Read = Callable[..., list[Visit]]
BUNDLES = Source("bundles", "fhir-bundle", clinic="elm")
CVX = "http://hl7.org/fhir/sid/cvx"
MR = {"coding": [{"code": "MR"}]}
URN = "urn:uuid:00000000-0000-4000-8000-00000000000"


def a_patient(mrn: str = "MRN1", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "identifier": [{"type": MR, "system": "urn:example", "value": mrn}],
        "name": [{"family": "Sampleton", "given": ["Ada"]}],
        "birthDate": "2020-01-02",
    } | more


def an_immunization(patient: str = f"{URN}1", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Immunization",
        "status": "completed",
        "vaccineCode": {"coding": [{"system": CVX, "code": "8"}]},
        "patient": {"reference": patient},
        "occurrenceDateTime": "2026-03-01",
        "primarySource": True,
        "lotNumber": "LOT1",
    } | more


def a_bundle(*entries: tuple[str, dict[str, Any]], kind: str = "collection", **how: Any) -> bytes:
    entry = [{"fullUrl": url, "resource": resource} for url, resource in entries]
    return json.dumps({"resourceType": "Bundle", "type": kind, "entry": entry}, **how).encode()


def findings_of(visits: list[Visit]) -> list[Finding]:
    return [finding for visit in visits for finding in visit.findings]


@pytest.mark.parametrize("kind", ["collection", "transaction", "batch", "searchset"])
@pytest.mark.parametrize("how", [{}, {"indent": 2}, {"sort_keys": True}])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_entries_find_each_other_by_full_url(
    read: Read, kind: str, how: dict[str, Any], pack: Callable[[bytes], bytes]
) -> None:
    performer = [{"actor": {"reference": f"{URN}3"}}]
    immunization = an_immunization(performer=performer, location={"reference": f"{URN}4"})
    body = a_bundle(
        (f"{URN}2", immunization),
        (f"{URN}3", {"resourceType": "Practitioner", "name": [{"family": "Nurseby"}]}),
        (f"{URN}4", {"resourceType": "Location", "name": "Harbor Main"}),
        (f"{URN}1", a_patient()),
        (f"{URN}5", {"resourceType": "OperationOutcome"}),
        kind=kind,
        **how,
    )
    [visit] = read(BUNDLES, {"a.json": pack(body)})
    assert (visit.patient.mrn, visit.date, visit.clinic) == ("MRN1", "20260301", "Harbor Main")
    assert visit.doses[0].administered_by.family == "Nurseby"
    assert visit.rows == (("a.json", 1),)
    assert not visit.findings


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/p1",
        "https://ehr.example/fhir/Patient/p1",
        "Patient?identifier=urn:example|MRN1",
        "Patient/p1/_history/2",
    ],
)
@pytest.mark.parametrize("own", [{"id": "p1"}, {}])
def test_references_may_be_relative_absolute_or_by_identifier(read: Read, reference: str, own: dict[str, str]) -> None:
    patient = a_patient(**own)
    body = a_bundle(("https://ehr.example/fhir/Patient/p1", patient), ("", an_immunization(reference)))
    [visit] = read(BUNDLES, {"a.json": body})
    assert visit.patient.mrn == "MRN1"
    assert not visit.findings


def test_several_bundles_may_stand_in_one_file_and_know_each_other(read: Read) -> None:
    first = a_bundle(
        (f"{URN}2", an_immunization(id="i1")), (f"{URN}3", an_immunization(id="i2", occurrenceDateTime="2026-03-02"))
    )
    second = a_bundle((f"{URN}1", a_patient()), (f"{URN}4", an_immunization(id="i3")))
    visits = read(BUNDLES, {"a.ndjson": first + b"\n\n" + second})
    assert [(v.date, [d.id for d in v.doses], [row for _, row in v.rows]) for v in visits] == [
        ("20260301", ["i1", "i3"], [1, 3]),
        ("20260302", ["i2"], [2]),
    ]


def test_resources_without_ids_stay_apart(read: Read) -> None:
    body = a_bundle(
        (f"{URN}1", a_patient("MRN1")),
        (f"{URN}2", a_patient("MRN2")),
        (f"{URN}3", an_immunization(f"{URN}1")),
        (f"{URN}4", an_immunization(f"{URN}2")),
    )
    assert [visit.patient.mrn for visit in read(BUNDLES, {"a.json": body})] == ["MRN1", "MRN2"]


def test_what_cannot_be_read_is_said_and_the_rest_goes_on(read: Read) -> None:
    body = a_bundle(
        ("", [an_immunization()]),  # type: ignore[arg-type]
        ("", an_immunization(f"{URN}9")),
        ("", {"resourceType": None}),
        (f"{URN}1", a_patient()),
        ("", an_immunization()),
    )
    visits = read(BUNDLES, {"a.json": body})
    found = {row: [f.code for f in visit.findings] for visit in visits for _, row in visit.rows}
    assert found == {1: ["IMMUNIZATION-UNREADABLE"], 2: ["PATIENT-NOT-IN-EXPORT"], 3: []}
    assert [finding.code for visit in visits if not visit.rows for finding in visit.findings] == ["RESOURCE-UNREADABLE"]


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (b"", ["FILE-EMPTY"]),
        (b"{}", ["BUNDLE-UNREADABLE", "FILE-EMPTY"]),
        (b"PK\x03\x04", ["FILE-WRONG-KIND"]),
        (json.dumps(a_patient()).encode(), ["BUNDLE-UNREADABLE", "FILE-EMPTY"]),
        (a_bundle(("", a_patient()))[:-3], ["BUNDLE-UNREADABLE", "FILE-EMPTY"]),
        (
            b'{"resourceType":"Bundle","entry":[{"request":{"method":"DELETE","url":"ImmunizationEvaluation/1"}}]}',
            ["BUNDLE-DELETES-OTHER", "FILE-EMPTY"],
        ),
    ],
)
def test_a_file_without_immunizations_is_said(read: Read, body: bytes, codes: list[str]) -> None:
    found = findings_of(read(BUNDLES, {"a.json": body}))
    assert [finding.code for finding in found] == codes
    assert set(codes) <= set(OF_RECORDS)


@pytest.mark.parametrize("how", [{}, {"indent": 1}])
def test_a_bundle_that_is_too_large_is_said(read: Read, monkeypatch: pytest.MonkeyPatch, how: dict[str, Any]) -> None:
    monkeypatch.setattr(bundle, "LARGEST", 500)
    monkeypatch.setattr(bundle, "_PIECE", 100)
    large = a_bundle(*[(f"{URN}1", a_patient())] * 9, **how)
    codes = [finding.code for finding in findings_of(read(BUNDLES, {"a.json": large}))]
    assert codes == ["BUNDLE-HUGE", "FILE-EMPTY"]


def test_a_bundle_in_windows_1252_is_read_with_a_warning(read: Read) -> None:
    body = a_bundle((f"{URN}1", a_patient()), ("", an_immunization())).replace(b"Sampleton", b"N\xfa\xf1ez")
    [about, visit] = read(BUNDLES, {"a.json": body})
    assert [finding.code for finding in about.findings] == ["ROW-READ-AS-WINDOWS-1252"]
    assert visit.patient.name.family == "Núñez"


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("a.json", a_bundle(("", a_patient())), "yours-fhir-bundle"),
        ("a.json", a_bundle(("", a_patient()), indent=2, sort_keys=True), "yours-fhir-bundle"),
        ("a.json", gzip.compress(a_bundle(("", a_patient()))), "yours-fhir-bundle"),
        ("a.ndjson", json.dumps(a_patient()).encode(), "yours-fhir"),
        ("manifest.json", b"", "yours-fhir"),
        ("noname", b"\x0bMSH|^~\\&|", "yours-hl7"),
        ("a.hl7", b"FHS|^~\\&|", "yours-hl7"),
        ("a.csv", b"patient_id,lot\n", "yours-csv"),
        ("MSHA.csv", b"MSHA,lot\n", "yours-csv"),
        ("a.csv.gz", b"\x1f\x8bnothing", "yours-csv"),
    ],
)
def test_a_stranger_s_file_finds_its_source(tmp_path: Path, name: str, body: bytes, expected: str) -> None:
    (tmp_path / name).write_bytes(body)
    assert local_exports.source_for(tmp_path / name) == expected


@pytest.mark.parametrize("format_", ["hl7", "fhir-bundle"])
def test_each_file_is_an_export_of_its_own(folder_of: Any, format_: str) -> None:
    source = Source("one", format_)  # type: ignore[arg-type]
    folder = folder_of({"inbox/one/a": b"", "inbox/one/b": b"", "inbox/one/.hidden": b""})
    arrived, other, hidden = folder.list("")
    assert arrivals.parts_to_convert(source, arrived, folder) == (arrived,)
    assert arrivals.parts_to_convert(source, hidden, folder) is None
    assert arrivals.export_name(source, (other,)) == "inbox/one/b"
