"""FHIR bulk exports: every Immunization line is in exactly one visit, and references are resolved."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.domain import identity
from shared.domain.clinics import Source
from shared.domain.model import Visit
from shared.exports import arrivals
from shared.exports.fhir import model, references
from tests.shared.exports.fhir.build import MR, MVX, NPI, a_patient, an_immunization, concept, findings_of, lines

Read = Callable[..., list[Visit]]
BULK = Source("bulk", "fhir", clinic="elm")


def test_the_day_is_the_one_written_in_the_timestamp(read: Read) -> None:
    [visit] = read(BULK, {"x.ndjson": lines(an_immunization(), a_patient())})
    assert visit.date == "20260301"
    assert (visit.patient.mrn, visit.patient.name.middle, visit.patient.sex) == ("MRN-p1", "Q", "F")
    assert (visit.doses[0].vaccine.code, visit.doses[0].vaccine.text, visit.doses[0].lot) == ("08", "Hep B", "LOT1")
    assert visit.rows == (("x.ndjson", 1),)
    assert not visit.findings


@pytest.mark.parametrize("order", [("Patient.000.ndjson", "imm.ndjson"), ("imm.ndjson", "patient.ndjson.gz")])
def test_files_come_in_any_order_and_under_any_name(read: Read, order: tuple[str, str]) -> None:
    content = {True: lines(a_patient()), False: lines(an_immunization(), an_immunization("i2"))}
    files = {
        name: gzip.compress(content[True]) if name.endswith(".gz") else content["atient" in name] for name in order
    }
    [visit] = read(BULK, files)
    assert [dose.id for dose in visit.doses] == ["i1", "i2"]


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("Patient/p1", "Patient/p1"),
        ("https://ehr.example.org/fhir/Patient/p1", "Patient/p1"),
        ("Patient/p1/_history/3", "Patient/p1"),
        ("Patient?identifier=urn:example|MRN-p1", "Patient?urn:example|MRN-p1"),
        ("Patient?identifier=urn%3Aexample%7CMRN-p1", "Patient?urn:example|MRN-p1"),
        ("#p1", ""),
        ("", ""),
    ],
)
def test_a_reference_is_told_in_every_form(read: Read, reference: str, name: str) -> None:
    assert references.name_of(model.Reference(reference)) == name
    if name:
        [visit] = read(BULK, {"x": lines(a_patient(), an_immunization(patient={"reference": reference}))})
        assert visit.patient.mrn == "MRN-p1"


def test_the_references_of_a_dose_lead_to_people_places_and_makers(read: Read) -> None:
    dose = an_immunization(
        location={"reference": "Location?identifier=urn:example|L1"},
        manufacturer={"reference": "Organization/merck"},
        performer=[
            {"function": concept("AP"), "actor": {"reference": "#nurse"}},
            {"function": concept("OP"), "actor": {"reference": "https://ehr.example.org/Practitioner/doc"}},
        ],
        contained=[
            {"resourceType": "Practitioner", "id": "nurse", "name": [{"family": "Nurseby", "given": ["Nadia"]}]}
        ],
    )
    npi = [{"system": NPI, "value": "1245319599"}]
    people = lines(
        {"resourceType": "Practitioner", "id": "doc", "identifier": npi, "name": [{"family": "Doctorow"}]},
        {
            "resourceType": "Location",
            "id": "l",
            "identifier": [{"system": "urn:example", "value": "L1"}],
            "name": "Elm",
        },
        {"resourceType": "Organization", "id": "merck", "identifier": [{"system": MVX, "value": "MSD"}]},
    )
    [visit] = read(BULK, {"a": lines(dose), "b": people, "c": lines(a_patient())})
    found = visit.doses[0]
    assert visit.clinic == "Elm"
    assert (found.administered_by.family, found.ordered_by.family, found.ordered_by.id) == (
        "Nurseby",
        "Doctorow",
        "1245319599",
    )
    assert found.manufacturer.code == "MSD"
    by_number = Source("bulk", "fhir", clinic="elm", clinic_by="identifier")
    [visit] = read(by_number, {"a": lines(dose), "b": people, "c": lines(a_patient())})
    assert visit.clinic == "L1"


def test_a_place_that_cannot_be_looked_up_is_not_the_source_s_own_clinic(read: Read) -> None:
    away = an_immunization(location={"reference": "Location/gone"})
    [visit] = read(BULK, {"x": lines(a_patient(), away)})
    assert visit.clinic == "Location/gone"
    [visit] = read(Source("bulk", "fhir", clinic="elm", one_clinic=True), {"x": lines(a_patient(), away)})
    assert visit.clinic == ""


def test_spellings_of_one_record_number_or_dose_id_are_one(read: Read) -> None:
    other = a_patient("p2", identifier=[{"type": MR, "value": "\u200bMRN-p1\u00a0"}])
    doses = [an_immunization(), an_immunization(" i1\u00a0", patient={"reference": "Patient/p2"})]
    [visit] = read(BULK, {"x": lines(a_patient(), other, *doses)})
    assert (visit.patient.mrn, [dose.id for dose in visit.doses]) == ("MRN-p1", ["i1"])
    assert not visit.findings


def test_an_immunization_whose_patient_is_missing_is_held_with_its_line(read: Read) -> None:
    resource = an_immunization(patient={"reference": "Patient/nobody"})
    visits = read(BULK, {"x": lines(resource, an_immunization("i2"), a_patient())})
    held, good = visits
    assert [(f.code, f.row, f.value) for f in held.findings] == [("PATIENT-NOT-IN-EXPORT", 1, "Patient/nobody")]
    assert held.rows == (("x", 1),)
    assert json.loads(held.raw) == resource
    assert good.rows == (("x", 2),)


def test_lines_that_cannot_be_read_are_rows_only_where_they_are_immunizations(read: Read) -> None:
    immunizations = lines(
        an_immunization(), '{"resourceType":"Immunization","id":', json.dumps([an_immunization("i3")]), "{"
    )
    patients = lines(a_patient(), '[{"resourceType":"Patient","id":"p2"}]', "nonsense", '{"resourceType":"Basic"}')
    visits = read(BULK, {"Immunization.ndjson": immunizations, "Patient.ndjson": patients})
    about = visits[0]
    assert about.rows == ()
    assert [(f.code, f.row, f.value) for f in about.findings] == [
        ("RESOURCE-UNREADABLE", 2, "Patient.ndjson"),
        ("RESOURCE-UNREADABLE", 3, "Patient.ndjson"),
    ]
    rows = sorted(row for visit in visits for _, row in visit.rows)
    assert rows == [1, 2, 3, 4]
    held = [visit for visit in visits if visit.rows and visit.findings]
    assert {finding.code for finding in findings_of(held)} == {"IMMUNIZATION-UNREADABLE"}
    assert len({identity.chart_key_of_rows(visit) for visit in held}) == 3
    assert all(visit.raw for visit in held)


@pytest.mark.parametrize(
    "when", [{"occurrenceDateTime": "2026"}, {"occurrenceDateTime": "", "occurrenceString": "spring"}]
)
def test_a_dose_without_a_day_is_held(read: Read, when: dict[str, str]) -> None:
    [visit] = read(BULK, {"x": lines(a_patient(), an_immunization(**when))})
    assert [(f.code, f.value) for f in visit.findings] == [
        ("ROW-DATE-UNREADABLE", when.get("occurrenceString") or "2026")
    ]
    assert visit.patient.mrn == "MRN-p1"


def test_two_patient_resources_of_one_record_number_make_one_visit(read: Read) -> None:
    twin = a_patient("p2", identifier=[{"type": MR, "value": "MRN-p1"}])
    second = an_immunization("i2", patient={"reference": "Patient/p2"})
    [visit] = read(BULK, {"x": lines(a_patient(), twin, an_immunization(), second)})
    assert [dose.id for dose in visit.doses] == ["i1", "i2"]


def test_a_historical_dose_belongs_to_the_source_s_clinic(read: Read) -> None:
    elsewhere = an_immunization(primarySource=False, location={"display": "Far Away Hospital"})
    [visit] = read(BULK, {"x": lines(a_patient(), elsewhere)})
    assert (visit.clinic, visit.doses[0].information_source.code) == ("", "01")


def test_a_manifest_that_cannot_be_read_is_said(read: Read) -> None:
    visits = read(BULK, {"x": lines(a_patient(), an_immunization()), "manifest.json": b"[]"})
    assert [finding.code for finding in visits[0].findings] == ["MANIFEST-UNREADABLE"]


def test_the_sample_export_comes_through_line_for_line(read: Read, shared_material: Path) -> None:
    files = {path.name: path.read_bytes() for path in (shared_material / "samples" / "fhir-bulk-10").iterdir()}
    source = Source("bulk", "fhir", clinic="elm", one_clinic=True, without_lot="historical")
    visits = read(source, files)
    rows = sorted(row for visit in visits for _, row in visit.rows)
    assert rows == list(range(1, 162))
    assert len({visit.patient.mrn for visit in visits if visit.rows}) == 13
    said = {
        (finding.code, finding.value) for finding in findings_of(visits) if finding.code != "DOSE-SENT-AS-HISTORICAL"
    }
    synthea = "Patient.extension http://synthetichealth.github.io/synthea"
    assert said == {
        ("VALUE-LEFT-OUT", "00000"),
        ("ELEMENT-UNKNOWN", f"{synthea}/disability-adjusted-life-years"),
        ("ELEMENT-UNKNOWN", f"{synthea}/quality-adjusted-life-years"),
    }
    assert len({identity.chart_key_of_rows(visit) for visit in visits}) == len(visits)
    days = [(visit.patient.mrn, visit.date) for visit in visits if visit.rows]
    assert days == sorted(days)
    assert arrivals.is_part("fhir", "Patient.000.ndjson")
