"""The record number is the number that the export or clinics.toml says it is, whatever stands beside it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest

from shared.domain.clinics import Source
from shared.domain.model import Visit
from shared.exports.corrections import corrected
from shared.exports.fhir.model import Period
from shared.exports.fhir.periods import is_in_force
from shared.exports.fhir.systems import plain_system, standard_system
from tests.shared.exports.fhir.build import a_bundle, a_patient, an_immunization, codes_of, findings_of, lines

Read = Callable[..., list[Visit]]
BULK = Source("bulk", "fhir", clinic="elm")
V2 = "http://terminology.hl7.org/CodeSystem/v2-0203"
DOSE = an_immunization()


def typed(code: str, value: str, system: str = "urn:example", **more: Any) -> dict[str, Any]:
    return {"type": {"coding": [{"system": V2, "code": code}]}, "system": system, "value": value} | more


def worded(text: str, value: str, system: str, **more: Any) -> dict[str, Any]:
    return {"type": {"text": text}, "system": system, "value": value} | more


def plain(value: str, system: str = "urn:other", **more: Any) -> dict[str, Any]:
    return {"system": system, "value": value} | more


MR = typed("MR", "M1")
ENDED = {"period": {"end": "2019-01-01"}}
MEDICARE = plain("1EG4-TE5-MK73", "http://hl7.org/fhir/sid/us-mbi")
SSN = plain("999-00-0000", "http://hl7.org/fhir/sid/us-ssn")


@pytest.mark.parametrize(
    ("identifiers", "number"),
    [
        ([plain("E1"), MR, typed("SS", "999")], "M1"),
        ([typed("MR", "OLD", **ENDED), MR], "M1"),
        ([typed("MR", "OLD", use="old"), MR], "M1"),
        ([typed("MR", "NEXT", period={"start": "2030-01-01"}), MR], "M1"),
        ([typed("MR", "TEMP", use="temp"), typed("MR", "M1", use="usual")], "M1"),
        ([typed("MR", "M1", "urn:a"), typed("MR", " M1 ", "urn:b")], "M1"),
        ([typed("PI", "P1"), plain("E1")], "P1"),
        ([typed("PT", "X1"), typed("PI", "P1")], "P1"),
        ([worded("MRN", "M1", "urn:a"), worded("EPI", "E1", "urn:b"), worded("CEID", "C1", "urn:c")], "M1"),
        ([worded("Medical Record Number", "M1", "urn:a"), plain("E1")], "M1"),
        ([plain("M1"), SSN, MEDICARE, typed("DL", "D1"), worded("Medicaid ID", "9", "urn:m")], "M1"),
        ([plain("M1"), plain("1EG4TE5MK73", "urn:unknown"), plain("999-00-0000", "urn:unknown")], "M1"),
        ([plain("M1"), plain("9", "urn:oid:2.16.840.1.113883.4.3.9"), plain("8", "2.16.840.1.113883.4.572")], "M1"),
        ([typed("LOCAL", "M1")], "M1"),
    ],
)
def test_the_record_number_is_found_in_any_order(read: Read, identifiers: list[dict[str, Any]], number: str) -> None:
    for order in list(permutations(identifiers))[:24]:
        [visit] = read(BULK, {"x": lines(a_patient(identifier=order), DOSE)})
        assert visit.patient.mrn == number
        assert not codes_of([visit])


@pytest.mark.parametrize("identifiers", [[], [SSN], [MEDICARE], [typed("MC", "1EG4TE5MK73")], [typed("SS", "9")]])
def test_without_a_record_number_the_id_of_the_resource_stands_for_it_with_a_warning(
    read: Read, identifiers: list[dict[str, Any]]
) -> None:
    [visit] = read(BULK, {"x": lines(a_patient(identifier=identifiers), DOSE)})
    assert [(f.code, f.value) for f in visit.findings] == [("PATIENT-ID-OF-RESOURCE", "p1")]
    assert visit.patient.mrn == "p1"


@pytest.mark.parametrize(
    ("identifiers", "value"),
    [
        ([typed("MR", "M1", "urn:a"), typed("MR", "M2", "urn:b")], "several: urn:a M1, urn:b M2"),
        ([worded("EPI", "E1", "urn:a"), worded("SITE", "S1", "urn:b")], "several: urn:a E1, urn:b S1"),
        ([typed("MR", "OLD", "urn:a", **ENDED), plain("E1")], "none in force: urn:a OLD"),
    ],
)
def test_where_several_numbers_may_be_meant_the_visit_is_held_until_a_person_says(
    read: Read, identifiers: list[dict[str, Any]], value: str
) -> None:
    other = an_immunization("i2")
    visits = read(BULK, {"x": lines(a_patient(identifier=identifiers), DOSE, other)})
    assert [(f.code, f.path, f.value) for f in findings_of(visits)] == [("PATIENT-ID-UNCLEAR", "PID-3", value)] * 2
    released = corrected(visits[0], {"patient_id": "M1"}, BULK)
    assert isinstance(released, Visit)
    assert (released.patient.mrn, released.patient.name.family, released.findings) == ("M1", "Sampleton", ())


@pytest.mark.parametrize("configured", ["urn:oid:1.2.840.114350.1", "1.2.840.114350.1"])
@pytest.mark.parametrize("written", ["urn:oid:1.2.840.114350.1", "URN:OID:1.2.840.114350.1"])
def test_a_configured_system_decides(read: Read, configured: str, written: str) -> None:
    source = Source("bulk", "fhir", clinic="elm", mrn_system=configured)
    enterprise = worded("EPI", "E1", "urn:oid:1.2.840.114350.2")
    patient = a_patient(identifier=[enterprise, MR, worded("Site", "S1", written)])
    [visit] = read(source, {"x": lines(patient, DOSE)})
    assert (visit.patient.mrn, codes_of([visit])) == ("S1", [])
    [visit] = read(source, {"x": lines(a_patient(identifier=[enterprise, MR]), DOSE)})
    assert (visit.patient.mrn, codes_of([visit])) == ("", ["PATIENT-ID-UNCLEAR"])
    assert configured in visit.findings[0].value


# merged patients ------------------------------------------------------------------------------------------------------


def merged(number: str, into: str, **more: Any) -> dict[str, Any]:
    link = [{"other": {"reference": f"Patient/{into}"}, "type": "replaced-by"}]
    return a_patient(number, active=False, link=link, name=[{"family": "Oldname", "given": ["Ada"]}]) | more


@pytest.mark.parametrize("nest", [False, True])
def test_a_merged_patient_s_doses_are_the_survivor_s(read: Read, nest: bool) -> None:
    resources = [merged("p1", "p2"), merged("p2", "p3"), a_patient("p3"), DOSE]
    [visit] = read(BULK, {"x": lines(a_bundle(*resources)) if nest else lines(*resources)})
    assert (visit.patient.mrn, visit.patient.name.family) == ("MRN-p3", "Sampleton")
    assert codes_of([visit]) == ["PATIENT-MERGED"]


@pytest.mark.parametrize("known", [True, False])
def test_the_survivor_may_name_whom_it_replaces(read: Read, known: bool) -> None:
    survivor = a_patient("p2", link=[{"other": {"reference": "Patient/p1"}, "type": "replaces"}])
    [visit] = read(BULK, {"x": lines(*([a_patient()] if known else []), survivor, DOSE)})
    assert visit.patient.mrn == "MRN-p2"
    assert codes_of([visit]) == ["PATIENT-MERGED"]


@pytest.mark.parametrize(
    "patients",
    [
        [merged("p1", "gone")],
        [merged("p1", "p2"), merged("p2", "p1")],
        [merged("p1", "p1")],
        [merged("p1", "x", link=[{"other": {}, "type": "replaced-by"}])],
    ],
)
def test_a_merged_patient_without_survivor_in_the_export_is_held(read: Read, patients: list[dict[str, Any]]) -> None:
    [visit] = read(BULK, {"x": lines(*patients, DOSE)})
    assert codes_of([visit]) == ["PATIENT-REPLACED"]
    assert visit.patient.mrn == ""


@pytest.mark.parametrize("kind", ["refer", "seealso"])
def test_other_links_change_nothing(read: Read, kind: str) -> None:
    patient = a_patient(link=[{"other": {"reference": "Patient/p2"}, "type": kind}])
    [visit] = read(BULK, {"x": lines(patient, a_patient("p2"), DOSE)})
    assert (visit.patient.mrn, codes_of([visit])) == ("MRN-p1", [])


def test_a_patient_who_is_not_active_is_said(read: Read) -> None:
    [visit] = read(BULK, {"x": lines(a_patient(active=False), DOSE)})
    assert (visit.patient.mrn, codes_of([visit])) == ("MRN-p1", ["PATIENT-INACTIVE"])


def test_a_logical_reference_finds_its_patient(read: Read) -> None:
    logical = {"identifier": {"system": "urn:example", "value": "MRN-p1"}}
    [visit] = read(BULK, {"x": lines(an_immunization(patient=logical), a_patient())})
    assert visit.patient.mrn == "MRN-p1"
    [visit] = read(BULK, {"x": lines(an_immunization(patient=logical))})
    assert [(f.code, f.value) for f in visit.findings] == [("PATIENT-NOT-IN-EXPORT", "MRN-p1")]


@pytest.mark.parametrize("own_id", ["p", "#p"])
def test_a_patient_may_be_contained_in_the_dose(read: Read, own_id: str) -> None:
    def dose(number: str) -> dict[str, Any]:
        patient = a_patient(own_id, identifier=[typed("MR", number)])
        return an_immunization(number, patient={"reference": "#p"}, contained=[{"resourceType": "Basic"}, patient])

    visits = read(BULK, {"x": lines(dose("M1"), dose("M2"))})
    assert [(visit.patient.mrn, visit.patient.name.family) for visit in visits] == [
        ("M1", "Sampleton"),
        ("M2", "Sampleton"),
    ]
    assert not codes_of(visits)


@pytest.mark.parametrize("contained", [[], [7], "x", [{"resourceType": "Patient", "id": "q"}], [{}]])
def test_a_contained_patient_who_is_not_there_is_said(read: Read, contained: Any) -> None:
    dose = an_immunization(patient={"reference": "#p"}, contained=contained)
    assert "PATIENT-NOT-IN-EXPORT" in codes_of(read(BULK, {"x": lines(dose)}))


def test_a_contained_patient_without_record_number_is_held(read: Read) -> None:
    patient = a_patient("p", identifier=[])
    [visit] = read(BULK, {"x": lines(an_immunization(patient={"reference": "#p"}, contained=[patient]))})
    assert codes_of([visit]) == ["PATIENT-NOT-IN-EXPORT"]


# periods and systems --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("", "", True),
        ("2026-03-01", "2026-03-01", True),
        ("2026", "2026", True),
        ("2026-03", "2026-03", True),
        ("2026-03-02", "", False),
        ("", "2026-02-28T23:59:59Z", False),
        ("", "2025", False),
        ("2027", "", False),
    ],
)
def test_a_period_includes_its_ends(start: str, end: str, expected: bool) -> None:
    assert is_in_force(Period(start, end), "2026-03-01") is expected
    assert is_in_force(Period(start, end), "") is (end == "")


@pytest.mark.parametrize(
    ("system", "name"),
    [
        ("http://hl7.org/fhir/sid/cvx", "cvx"),
        ("http://hl7.org/fhir/sid/cvx/", "cvx"),
        ("https://hl7.org/fhir/sid/cvx", "cvx"),
        ("HTTP://www.hl7.org/fhir/sid/CVX", "cvx"),
        ("urn:oid:2.16.840.1.113883.12.292", "cvx"),
        ("2.16.840.1.113883.12.292", "cvx"),
        ("https://phinvads.cdc.gov/vads/ViewCodeSystem.action?id=2.16.840.1.113883.12.292", "cvx"),
        ("http://phinvads.cdc.gov/vads/ViewCodeSystem.action?oid=2.16.840.1.113883.12.292#x", "cvx"),
        ("https://www2a.cdc.gov/vaccines/iis/iisstandards/vaccines.asp?rpt=cvx", "cvx"),
        ("CVX", "cvx"),
        ("http://hl7.org/fhir/sid/ndc", "ndc"),
        ("urn:oid:2.16.840.1.113883.12.227", "mvx"),
        ("http://hl7.org/fhir/sid/us-npi", "npi"),
        ("2.16.840.1.113883.12.2921", ""),
        ("http://snomed.info/sct", ""),
        ("urn:example", ""),
        ("", ""),
    ],
)
def test_a_standard_system_is_told_in_every_form(system: str, name: str) -> None:
    assert standard_system(system) == name
    assert plain_system("") == ""
