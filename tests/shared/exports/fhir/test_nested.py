"""Bundles in Bundles and Bundles in lines: every Immunization is a row, and a name is looked up in its own Bundle."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.clinics import Source
from shared.domain.model import Visit
from shared.exports import text
from tests.shared.exports.fhir.build import (
    a_bundle,
    a_patient,
    an_immunization,
    codes_of,
    findings_of,
    lines,
    rows_of,
)

Read = Callable[..., list[Visit]]
BULK = Source("bulk", "fhir", clinic="elm")
BUNDLES = Source("bundles", "fhir-bundle", clinic="elm")
BOTH = pytest.mark.parametrize("source", [BULK, BUNDLES], ids=lambda source: source.format)


def an_answer(status: str, **more: Any) -> dict[str, Any]:
    return {"response": {"status": status} | more}


def an_outcome(severity: str, text: str) -> dict[str, Any]:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": "x", "diagnostics": text}]}


@BOTH
def test_the_answer_to_a_batch_of_searches_is_read(read: Read, source: Source) -> None:
    batch = a_bundle(
        a_bundle(an_immunization(), an_immunization("i2", occurrenceDateTime="2026-03-02")),
        a_bundle(a_patient()),
        a_bundle(),
        kind="batch-response",
    )
    visits = read(source, {"a.json": lines(batch)})
    assert [(visit.date, visit.patient.mrn) for visit in visits] == [("20260301", "MRN-p1"), ("20260302", "MRN-p1")]
    assert rows_of(visits) == [1, 2]
    assert not codes_of(visits)


def test_a_set_may_be_made_of_bundles_and_resources(read: Read) -> None:
    page = a_bundle(an_immunization("i1"), an_immunization("i2"), a_patient())
    visits = read(BULK, {"x": lines(page, an_immunization("i3")), "y": lines(an_immunization("i4"), "", page)})
    assert sorted(dose.id for visit in visits for dose in visit.doses) == ["i1", "i2", "i3", "i4"]
    assert sorted(row for visit in visits for row in visit.rows) == [
        ("x", 1),
        ("x", 2),
        ("x", 3),
        ("y", 1),
        ("y", 3),
        ("y", 4),
    ]


@BOTH
def test_bundles_that_use_the_same_ids_for_different_people_stay_apart(read: Read, source: Source) -> None:
    def of(mrn: str, nurse: str) -> dict[str, Any]:
        patient = a_patient() | {"identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": mrn}]}
        practitioner = {"resourceType": "Practitioner", "id": "n", "name": [{"family": nurse}]}
        dose = an_immunization(performer=[{"actor": {"reference": "Practitioner/n"}}])
        return a_bundle(dose, patient, practitioner, kind="collection")

    visits = read(source, {"a.ndjson": lines(of("MRN1", "Nurseby"), of("MRN2", "Medicson"))})
    assert [(visit.patient.mrn, visit.doses[0].administered_by.family) for visit in visits] == [
        ("MRN1", "Nurseby"),
        ("MRN2", "Medicson"),
    ]


def test_a_name_that_several_bundles_give_to_different_people_finds_nobody_from_outside(read: Read) -> None:
    def of(mrn: str) -> dict[str, Any]:
        return a_bundle(a_patient() | {"identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": mrn}]})

    for people in (("MRN1", "MRN2"), ("MRN1", "MRN2", "MRN1")):
        [visit] = read(BUNDLES, {"a.ndjson": lines(*map(of, people), a_bundle(an_immunization()))})
        assert codes_of([visit]) == ["PATIENT-NOT-IN-EXPORT"]
    [visit] = read(BUNDLES, {"a.ndjson": lines(of("MRN1"), of("MRN1"), a_bundle(an_immunization()))})
    assert visit.patient.mrn == "MRN1"


@BOTH
@pytest.mark.parametrize(
    ("entry", "code", "value"),
    [
        (an_outcome("error", "no access to Immunization"), "SERVER-ERROR", "no access to Immunization"),
        (an_outcome("fatal", "out of memory"), "SERVER-ERROR", "out of memory"),
        (an_outcome("warning", "unknown parameter"), "SERVER-WARNING", "unknown parameter"),
        (an_answer("404 Not Found"), "SERVER-ERROR", "404 Not Found"),
        (an_answer("500", outcome=an_outcome("error", "timeout")), "SERVER-ERROR", "timeout"),
    ],
)
def test_what_a_server_says_went_wrong_is_said(
    read: Read, source: Source, entry: dict[str, Any], code: str, value: str
) -> None:
    visits = read(source, {"a.json": lines(a_bundle(entry, a_patient(), an_immunization()))})
    assert [(f.code, f.value) for f in findings_of(visits)] == [(code, f"a.json: {value}")]
    assert rows_of(visits) == [1]


@pytest.mark.parametrize("entry", [an_outcome("information", "done"), an_answer("201"), {"resourceType": "Basic"}])
def test_what_went_right_needs_no_word(read: Read, entry: dict[str, Any]) -> None:
    assert not codes_of(read(BUNDLES, {"a.json": lines(a_bundle(entry, a_patient(), an_immunization()))}))


def test_a_line_of_a_bulk_export_may_be_an_outcome(read: Read) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "details": {"text": "gone"}}]}
    visits = read(BULK, {"x": lines(outcome, a_patient(), an_immunization())})
    assert [(f.code, f.row, f.value) for f in findings_of(visits)] == [("SERVER-ERROR", 1, "x: gone")]


@BOTH
def test_a_page_whose_next_page_is_missing_says_so(read: Read, source: Source) -> None:
    def page(number: int, *resources: dict[str, Any], last: bool = False) -> dict[str, Any]:
        links = [{"relation": "self", "url": f"https://ehr.example/{number}"}]
        links += [] if last else [{"relation": "next", "url": f"https://ehr.example/{number + 1}"}]
        return a_bundle(*resources, link=links)

    all_pages = [page(1, a_patient()), page(2, an_immunization()), page(3, last=True)]
    assert not codes_of(read(source, {"a.ndjson": lines(*all_pages)}))
    visits = read(source, {"a.ndjson": lines(*all_pages[:2])})
    assert [(f.code, f.value) for f in findings_of(visits)] == [("BUNDLE-NEXT", "a.ndjson: https://ehr.example/3")]


@BOTH
def test_bundles_that_are_nested_without_end_are_refused(read: Read, source: Source) -> None:
    bundle = a_bundle(a_patient(), an_immunization())
    for _ in range(20):
        bundle = a_bundle(bundle)
    visits = read(source, {"a.json": lines(bundle)})
    assert not any(visit.doses for visit in visits)
    assert set(codes_of(visits)) & {"RESOURCE-UNREADABLE", "BUNDLE-UNREADABLE", "IMMUNIZATION-UNREADABLE"}


def test_a_bundle_in_a_line_that_is_too_long_is_said(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    long = json.dumps(a_bundle(*[a_patient()] * 20))
    for module in ("shared.exports.text", "shared.exports.fhir.bulk"):
        monkeypatch.setattr(f"{module}.LONGEST_LINE", 1_000)
    assert text.LONGEST_LINE == 1_000
    visits = read(BULK, {"x": lines(long, a_patient(), an_immunization())})
    assert [(f.code, f.row) for f in findings_of(visits)] == [("BUNDLE-HUGE", 1)]
    assert rows_of(visits) == [3]


@BOTH
def test_an_export_of_other_resources_alone_is_an_error_that_names_them(read: Read, source: Source) -> None:
    other = a_bundle({"resourceType": "MedicationAdministration", "id": "m"}, a_patient())
    [about] = read(source, {"a.json": lines(other)})
    assert [finding.code for finding in about.findings] == ["FILE-WITHOUT-DOSES"]
    assert "1 MedicationAdministration, 1 Patient" in about.findings[0].value
    [about] = read(source, {"a.json": lines(a_bundle(a_patient()))})
    assert [finding.code for finding in about.findings] == ["FILE-EMPTY"]
    assert "1 Patient" in about.findings[0].value
