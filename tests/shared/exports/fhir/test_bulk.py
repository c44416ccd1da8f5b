"""FHIR bulk exports: every Immunization line is in exactly one visit, and references are resolved."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from shared.domain import identity
from shared.domain.clinics import Source
from shared.domain.model import Action, Completion, Finding, Visit
from shared.exports import arrivals
from shared.exports.corrections import corrected
from shared.exports.fhir import model, references

Read = Callable[..., list[Visit]]
BULK = Source("bulk", "fhir", clinic="elm")
CVX = "http://hl7.org/fhir/sid/cvx"
V2 = "http://terminology.hl7.org/CodeSystem/v2-"
MVX = "http://hl7.org/fhir/sid/mvx"
NPI = "http://hl7.org/fhir/sid/us-npi"
MR = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}


PARTLY = Completion.PARTIALLY_ADMINISTERED


def lines(*resources: dict[str, Any] | str) -> bytes:
    return "".join(f"{r if isinstance(r, str) else json.dumps(r)}\n" for r in resources).encode()


def a_patient(number: str = "p1", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": number,
        "identifier": [{"type": MR, "system": "urn:example", "value": f"MRN-{number}"}],
        "name": [{"use": "official", "family": "Sampleton", "given": ["Ada", "Q"]}],
        "gender": "female",
        "birthDate": "2020-01-02",
    } | more


def an_immunization(identifier: str = "i1", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Immunization",
        "id": identifier,
        "status": "completed",
        "vaccineCode": {"coding": [{"system": CVX, "code": "8", "display": "Hep B"}]},
        "patient": {"reference": "Patient/p1"},
        "occurrenceDateTime": "2026-03-01T23:30:00-05:00",
        "primarySource": True,
        "lotNumber": "LOT1",
    } | more


def concept(code: str, text: str = "") -> dict[str, Any]:
    return {"coding": [{"code": code}]} | ({"text": text} if text else {})


def findings_of(visits: list[Visit]) -> list[Finding]:
    return [finding for visit in visits for finding in visit.findings]


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


@pytest.mark.parametrize(
    ("more", "completion", "action", "reason"),
    [
        ({}, Completion.COMPLETE, Action.ADD, ""),
        ({"status": "not-done", "statusReason": concept("PATOBJ")}, Completion.REFUSED, Action.ADD, "03"),
        ({"status": "not-done", "statusReason": concept("RELIG")}, Completion.REFUSED, Action.ADD, "01"),
        ({"status": "not-done", "statusReason": concept("OSTOCK")}, Completion.NOT_ADMINISTERED, Action.ADD, ""),
        ({"status": "not-done"}, Completion.NOT_ADMINISTERED, Action.ADD, ""),
        ({"status": "entered-in-error"}, Completion.COMPLETE, Action.DELETE, ""),
        ({"status": "entered-in-error", "notGiven": True}, Completion.COMPLETE, Action.DELETE, ""),
        # STU3 and DSTU2.
        ({"notGiven": True}, Completion.NOT_ADMINISTERED, Action.ADD, ""),
        ({"wasNotGiven": True}, Completion.NOT_ADMINISTERED, Action.ADD, ""),
        (
            {"notGiven": True, "explanation": {"reasonNotGiven": [concept("PATOBJ")]}},
            Completion.REFUSED,
            Action.ADD,
            "03",
        ),
        ({"notGiven": False}, Completion.COMPLETE, Action.ADD, ""),
        # A dose that was too small.
        ({"isSubpotent": True, "subpotentReason": [concept("partialdose")]}, PARTLY, Action.ADD, ""),
        ({"subpotentReason": [{"text": "Partial dose"}]}, PARTLY, Action.ADD, ""),
        ({"isSubpotent": False, "subpotentReason": [concept("partialdose")]}, Completion.COMPLETE, Action.ADD, ""),
    ],
)
def test_status_says_what_became_of_a_dose(
    read: Read, more: dict[str, Any], completion: Completion, action: Action, reason: str
) -> None:
    [visit] = read(BULK, {"x": lines(a_patient(), an_immunization(**more))})
    dose = visit.doses[0]
    assert (dose.completion, dose.action, dose.refusal_reason.code) == (completion, action, reason)
    assert dose.information_source.code == ("00" if dose.is_given else "")
    assert dose.vaccine.code == "08"


@pytest.mark.parametrize(
    ("reasons", "value"),
    [([concept("coldchainbreak")], "coldchainbreak"), ([concept("recall")], "recall"), ([], "true")],
)
def test_a_dose_that_does_not_count_for_another_reason_is_held(
    read: Read, reasons: list[dict[str, Any]], value: str
) -> None:
    dose = an_immunization(isSubpotent=True, subpotentReason=reasons)
    [visit] = read(BULK, {"x": lines(a_patient(), dose)})
    assert [(f.code, f.path, f.value) for f in visit.findings] == [("DOSE-SUBPOTENT", "RXA-20", value)]
    released = corrected(visit, {"completion": "PA"}, BULK)
    assert isinstance(released, Visit)
    assert not released.findings
    assert released.doses[0].completion is PARTLY


@pytest.mark.parametrize("reason", [concept("PATOBJ"), concept("OSTOCK"), {"text": "fever"}])
def test_a_given_dose_with_a_reason_for_not_giving_it_is_held(read: Read, reason: dict[str, Any]) -> None:
    [visit] = read(BULK, {"x": lines(a_patient(), an_immunization(statusReason=reason))})
    assert [finding.code for finding in visit.findings] == ["STATUS-CONTRADICTS"]


def test_an_older_version_of_fhir_says_day_and_origin_by_other_names(read: Read) -> None:
    old = an_immunization(date="2026-03-01", reported=True, lotNumber="")
    del old["occurrenceDateTime"], old["primarySource"]
    [visit] = read(BULK, {"x": lines(a_patient(), old)})
    assert (visit.date, visit.doses[0].date, visit.doses[0].information_source.code) == ("20260301", "20260301", "01")
    assert not visit.findings


def test_everything_else_that_a_dose_says(read: Read) -> None:
    full = an_immunization(
        vaccineCode={
            "coding": [
                {"system": "urn:local", "code": "HEPB", "display": "Hepatitis B"},
                {"system": CVX, "code": "08"},
                {"system": "http://hl7.org/fhir/sid/ndc", "code": "58160082011"},
            ]
        },
        expirationDate="2027-06",
        manufacturer={"identifier": {"system": MVX, "value": "SKB"}, "display": "GSK"},
        site=concept("LA"),
        route=concept("IM"),
        doseQuantity={"value": 0.50, "code": "mL"},
        programEligibility=[concept("V02")],
        fundingSource=concept("VXC50"),
        education=[{"documentType": "253088698300005911160720", "presentationDate": "2026-03-01"}],
        note=[{"text": "one"}, {"text": "two"}],
        protocolApplied=[{"doseNumberPositiveInt": 2}],
    )
    [visit] = read(BULK, {"x": lines(a_patient(), full)})
    dose = visit.doses[0]
    assert not visit.findings
    assert (dose.vaccine.code, dose.vaccine.alternate_code, dose.vaccine.alternate_system) == ("08", "HEPB", "L")
    assert (dose.ndc, dose.expiry, dose.manufacturer.code) == ("58160-0820-11", "202706", "SKB")
    assert (dose.site.code, dose.route.code, dose.units.code) == ("LA", "C28161", "mL")
    assert float(dose.amount) == 0.5
    assert (dose.eligibility.code, dose.funding_source.code) == ("V02", "VXC50")
    assert [(vis.document, vis.presented) for vis in dose.vis] == [("253088698300005911160720", "20260301")]
    assert (dose.comment, dose.dose_number) == ("one\ntwo", "2")


def cvx(*codes: str) -> dict[str, Any]:
    return {"coding": [{"system": CVX, "code": code} for code in codes]}


@pytest.mark.parametrize(
    ("vaccine", "code", "said"),
    [
        ({"coding": [{"system": f"{CVX}/", "code": "08"}]}, "08", []),
        ({"coding": [{"system": "2.16.840.1.113883.12.292", "code": "08"}]}, "08", []),
        (cvx("Flu", "08"), "08", ["VALUE-LEFT-OUT Flu"]),
        (cvx("08", "8"), "08", []),
        # 45 is hepatitis B of any formulation.
        (cvx("45", "08"), "08", []),
        (cvx("45"), "45", []),
        (cvx("08", "94"), "08", ["CODES-DIFFER 08, 94"]),
        (cvx("Flu"), "", ["CODE-UNKNOWN Flu"]),
    ],
)
def test_the_vaccine_is_told_by_its_best_code(read: Read, vaccine: dict[str, Any], code: str, said: list[str]) -> None:
    [visit] = read(BULK, {"x": lines(a_patient(), an_immunization(vaccineCode=vaccine))})
    assert visit.doses[0].vaccine.code == code
    assert [f"{finding.code} {finding.value}" for finding in visit.findings] == said


@pytest.mark.parametrize(
    ("manufacturer", "code", "said"),
    [
        ({"display": "Sanofi Pasteur"}, "PMC", []),
        ({"display": "PMC"}, "PMC", []),
        ({"reference": "Organization/o"}, "PMC", []),
        ({"reference": "Organization/o", "display": "Sanofi"}, "PMC", []),
        ({"display": "Sanofi"}, "", ["CODE-UNKNOWN Sanofi"]),
        ({"display": "GSK"}, "", ["CODE-UNKNOWN GSK"]),
    ],
)
def test_a_manufacturer_may_be_named(read: Read, manufacturer: dict[str, Any], code: str, said: list[str]) -> None:
    organization = {"resourceType": "Organization", "id": "o", "name": "sanofi pasteur"}
    [visit] = read(BULK, {"x": lines(a_patient(), organization, an_immunization(manufacturer=manufacturer))})
    assert visit.doses[0].manufacturer.code == code
    assert [f"{finding.code} {finding.value}" for finding in visit.findings] == said


@pytest.mark.parametrize(
    ("quantity", "amount", "units", "said"),
    [
        ({"value": 0.5, "unit": "milliliter", "code": "x"}, "0.5", "mL", []),
        ({"value": 1, "code": "{each}"}, "", "", ["VALUE-LEFT-OUT 1 {each}"]),
        ({"value": 0.0, "code": "{unknownunit}"}, "", "", ["AMOUNT-ZERO 0.0"]),
        ({"value": 999}, "", "", []),
        ({"value": 0.5}, "0.5", "", []),
        ({"unit": "mL"}, "", "", []),
    ],
)
def test_an_amount_of_an_unknown_unit_is_left_out(
    read: Read, quantity: dict[str, Any], amount: str, units: str, said: list[str]
) -> None:
    [visit] = read(BULK, {"x": lines(a_patient(), an_immunization(doseQuantity=quantity))})
    assert (visit.doses[0].amount, visit.doses[0].units.code) == (amount, units)
    assert [f"{finding.code} {finding.value}" for finding in visit.findings] == said


def test_eligibilities_that_differ_hold_the_dose(read: Read) -> None:
    for codes, said in ((("V02", "V02"), []), (("V02", "V01"), ["CODES-DIFFER V02, V01"])):
        dose = an_immunization(programEligibility=[concept(code) for code in codes])
        [visit] = read(BULK, {"x": lines(a_patient(), dose)})
        assert [f"{finding.code} {finding.value}" for finding in visit.findings] == said


def test_of_several_dose_numbers_the_first_is_reported_and_the_others_are_said(read: Read) -> None:
    protocols = [{"doseNumberPositiveInt": 2}, {"doseNumberString": "2"}, {"doseNumberString": "booster"}]
    [visit] = read(BULK, {"x": lines(a_patient(), an_immunization(protocolApplied=protocols))})
    assert visit.doses[0].dose_number == "2"
    assert [f"{finding.code} {finding.value}" for finding in visit.findings] == ["VALUE-LEFT-OUT booster"]


def test_a_place_that_cannot_be_looked_up_is_not_the_source_s_own_clinic(read: Read) -> None:
    away = an_immunization(location={"reference": "Location/gone"})
    [visit] = read(BULK, {"x": lines(a_patient(), away)})
    assert visit.clinic == "Location/gone"
    [visit] = read(Source("bulk", "fhir", clinic="elm", one_clinic=True), {"x": lines(a_patient(), away)})
    assert visit.clinic == ""


@pytest.mark.parametrize(
    ("relationship", "code", "said"),
    [
        ([concept("MTH")], "MTH", []),
        ([{"coding": [{"system": f"{V2}0131", "code": "C", "display": "Emergency Contact"}]}], "", ["C"]),
        ([{"coding": [{"system": f"{V2}0131", "code": "N"}]}, {"text": "Mother"}], "MTH", []),
        ([{"coding": [{"code": "C", "system": f"{V2}0131"}, {"code": "FTH"}]}], "FTH", []),
        ([{"coding": [{"display": "Guardian"}]}], "GRD", []),
        ([{"text": "Neighbor"}], "", ["Neighbor"]),
        ([], "", []),
    ],
)
def test_a_relationship_is_read_wherever_it_is_told(
    read: Read, relationship: list[dict[str, Any]], code: str, said: list[str]
) -> None:
    contact = {"relationship": relationship, "name": {"family": "Sampleton", "given": ["Eve"]}}
    [visit] = read(BULK, {"x": lines(a_patient(contact=[contact]), an_immunization())})
    assert [kin.relationship.code for kin in visit.patient.next_of_kin] == [code]
    assert [finding.value for finding in visit.findings if finding.code == "CODE-LEFT-OUT"] == said


def test_a_contact_without_name_is_said(read: Read) -> None:
    contacts = [
        {"telecom": [{"system": "phone", "value": "860-555-0101"}]},
        {"organization": {"display": "Elm Insurance"}, "relationship": [concept("I")]},
        {"name": {"text": "Eve Sampleton"}},
    ]
    [visit] = read(BULK, {"x": lines(a_patient(contact=contacts), an_immunization())})
    assert [finding.value for finding in visit.findings if finding.path == "NK1-2"] == [
        "860-555-0101",
        "Elm Insurance",
        "Eve Sampleton",
    ]


def test_everything_that_a_patient_says(read: Read) -> None:
    core = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
    patient = a_patient(
        extension=[
            {
                "url": f"{core}race",
                "extension": [
                    {"url": "ombCategory", "valueCoding": {"code": "2106-3"}},
                    {"url": "ombCategory", "valueCoding": {"code": "2028-9"}},
                    {"url": "text", "valueString": "mixed"},
                ],
            },
            {"url": f"{core}ethnicity", "extension": [{"url": "ombCategory", "valueCoding": {"code": "2186-5"}}]},
            {"url": model.MAIDEN_NAME, "valueString": "Eve Mockford"},
        ],
        name=[
            {"use": "maiden", "family": "Exampleby", "given": ["Ada"]},
            {"use": "usual", "family": "Nickname"},
            {"use": "official", "family": "Sampleton", "given": ["Ada", "Q", "R"], "suffix": ["III"]},
        ],
        telecom=[
            {"system": "phone", "value": "+1 860-555-0100", "use": "mobile"},
            {"system": "phone", "value": "860-555-0199", "use": "old"},
            {"system": "email", "value": "ada@example.org"},
        ],
        address=[{"use": "old", "city": "Gone"}, {"line": ["1 Invented Street", "Apt 2"], "postalCode": "061034321"}],
        multipleBirthInteger=2,
        deceasedDateTime="2026-03-01T01:00:00Z",
        contact=[
            {"relationship": [concept("MTH")], "name": {"family": "Sampleton", "given": ["Eve"]}},
        ],
    )
    [visit] = read(BULK, {"x": lines(patient, an_immunization())})
    found = visit.patient
    assert [race.code for race in found.races] == ["2106-3", "2028-9"]
    assert (found.ethnicity.code, found.mothers_maiden_name) == ("2186-5", "Mockford")
    assert (found.name.family, found.name.middle, found.name.suffix) == ("Sampleton", "Q R", "III")
    assert [(alias.family, alias.type) for alias in found.aliases] == [("Exampleby", "M")]
    assert [(t.use, t.equipment, t.area, t.local, t.email) for t in found.telecoms] == [
        ("PRN", "CP", "860", "5550100", ""),
        ("NET", "Internet", "", "", "ada@example.org"),
    ]
    assert [(place.street, place.other, place.zip) for place in found.addresses] == [
        ("1 Invented Street", "Apt 2", "06103-4321")
    ]
    assert (found.multiple_birth, found.birth_order, found.death_indicator, found.death_date) == (
        "Y",
        "2",
        "Y",
        "20260301",
    )
    assert [(kin.name.given, kin.relationship.code) for kin in found.next_of_kin] == [("Eve", "MTH")]


def test_spellings_of_one_record_number_or_dose_id_are_one(read: Read) -> None:
    other = a_patient("p2", identifier=[{"type": MR, "value": "\u200bMRN-p1\u00a0"}])
    doses = [an_immunization(), an_immunization(" i1\u00a0", patient={"reference": "Patient/p2"})]
    [visit] = read(BULK, {"x": lines(a_patient(), other, *doses)})
    assert (visit.patient.mrn, [dose.id for dose in visit.doses]) == ("MRN-p1", ["i1"])
    assert not visit.findings


def us_core(name: str, *parts: tuple[str, str]) -> dict[str, Any]:
    extension = [
        {"url": url} | ({"valueString": value} if url == "text" else {"valueCoding": {"code": value}})
        for url, value in parts
    ]
    return {"url": f"http://hl7.org/fhir/us/core/StructureDefinition/us-core-{name}", "extension": extension}


@pytest.mark.parametrize(
    ("parts", "races", "said"),
    [
        ([("detailed", "2034-7")], [("2028-9", "2034-7")], ["CODE-ROLLED-UP 2034-7"]),
        ([("ombCategory", "2028-9"), ("detailed", "2034-7")], [("2028-9", "2034-7")], ["CODE-ROLLED-UP 2034-7"]),
        ([("detailed", "2131-1"), ("text", "Other")], [("2131-1", "")], []),
        ([("ombCategory", "2106-3"), ("text", "Martian")], [("2106-3", "")], []),
        ([("text", "White")], [("2106-3", "")], []),
        ([("text", "Martian")], [("", "Martian")], ["CODE-LEFT-OUT Martian"]),
        ([("ombCategory", "UNK"), ("text", "Unknown")], [], []),
        ([("ombCategory", "9999-9")], [("", "9999-9")], ["CODE-LEFT-OUT 9999-9"]),
    ],
)
def test_a_race_is_read_from_all_that_us_core_has_for_it(
    read: Read, parts: list[tuple[str, str]], races: list[tuple[str, str]], said: list[str]
) -> None:
    patient = a_patient(extension=[us_core("race", *parts)])
    [visit] = read(BULK, {"x": lines(patient, an_immunization())})
    assert [(race.code, race.alternate_code) for race in visit.patient.races] == races
    assert [f"{finding.code} {finding.value}" for finding in visit.findings] == said


def test_a_detailed_ethnicity_counts_as_its_category(read: Read) -> None:
    patient = a_patient(extension=[us_core("ethnicity", ("detailed", "2148-5"))])
    [visit] = read(BULK, {"x": lines(patient, an_immunization())})
    assert (visit.patient.ethnicity.code, visit.patient.ethnicity.alternate_code) == ("2135-2", "2148-5")


@pytest.mark.parametrize(
    ("whole", "last"),
    [("Mockford", "Mockford"), ("Eve Mockford", "Mockford"), ("Eve van der Berg", "van der Berg"), ("De La Cruz",) * 2],
)
def test_a_maiden_name_keeps_its_particles(read: Read, whole: str, last: str) -> None:
    patient = a_patient(extension=[{"url": model.MAIDEN_NAME, "valueString": whole}])
    [visit] = read(BULK, {"x": lines(patient, an_immunization())})
    assert visit.patient.mothers_maiden_name == last


@pytest.mark.parametrize(
    ("reason", "value"),
    [
        (concept("MEDPREC"), "MEDPREC: medical precaution"),
        (concept("IMMUNE", "had measles"), "IMMUNE: had measles"),
    ],
)
def test_a_medical_reason_for_not_giving_a_dose_is_said(read: Read, reason: dict[str, Any], value: str) -> None:
    [visit] = read(BULK, {"x": lines(a_patient(), an_immunization(status="not-done", statusReason=reason))})
    assert visit.doses[0].completion is Completion.NOT_ADMINISTERED
    assert [(f.code, f.value) for f in visit.findings] == [("MEDICAL-REASON-LEFT-OUT", value)]


def test_what_is_not_in_force_is_not_reported(read: Read) -> None:
    ended, next_year = {"period": {"end": "2025-12-31"}}, {"period": {"start": "2027"}}
    patient = a_patient(
        name=[
            {"use": "official", "family": "Formerly", "given": ["Ada"]} | ended,
            {"use": "old", "family": "Oldname", "given": ["Ada"]},
            {"use": "usual", "family": "Sampleton", "given": ["Ada"]},
        ],
        telecom=[
            {"system": "phone", "value": "860-555-0101", "use": "home"} | ended,
            {"system": "phone", "value": "860-555-0103", "use": "work", "rank": 2},
            {"system": "phone", "value": "860-555-0102", "use": "mobile", "rank": 1},
            {"system": "email", "value": "ada@example.org"} | next_year,
        ],
        address=[
            {"line": ["1 Former Street"]} | ended,
            {"use": "old", "line": ["2 Old Street"]},
            {"line": ["3 Current Street"], "period": {"start": "2020-01-01"}},
        ],
        contact=[
            {"relationship": [concept("MTH")], "name": {"family": "Sampleton", "given": ["Eve"]}} | ended,
            {
                "relationship": [concept("FTH")],
                "name": {"family": "Sampleton", "given": ["Abe"]},
                "telecom": [{"system": "phone", "value": "860-555-0104"} | ended],
                "address": {"line": ["4 Former Street"]} | ended,
            },
        ],
    )
    [visit] = read(BULK, {"x": lines(patient, an_immunization())})
    found = visit.patient
    assert (found.name.family, found.aliases) == ("Sampleton", ())
    assert [telecom.local for telecom in found.telecoms] == ["5550102", "5550103"]
    assert [place.street for place in found.addresses] == ["3 Current Street"]
    assert [(kin.name.given, kin.telecoms, kin.address.street) for kin in found.next_of_kin] == [("Abe", (), "")]
    assert not visit.findings


def test_a_maiden_name_without_given_name_has_the_one_in_use(read: Read) -> None:
    names = [{"use": "maiden", "family": "Mockford"}, {"family": "Sampleton", "given": ["Ada", "Q"]}]
    [visit] = read(BULK, {"x": lines(a_patient(name=names), an_immunization())})
    assert [(name.family, name.given, name.middle, name.type) for name in visit.patient.aliases] == [
        ("Mockford", "Ada", "Q", "M")
    ]


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


def test_a_fhir_source_can_have_defaults_for_what_fhir_exports_lack(read: Read) -> None:
    source = Source("bulk", "fhir", defaults=MappingProxyType({"eligibility": "V00", "funding_source": "Private"}))
    [visit] = read(source, {"x": lines(a_patient(), an_immunization(fundingSource=concept("VXC50")))})
    assert (visit.doses[0].eligibility.code, visit.doses[0].funding_source.code) == ("V00", "VXC50")


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
