"""What a FHIR Patient says becomes the patient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.clinics import Source
from shared.domain.model import Visit
from shared.exports.fhir import model
from tests.shared.exports.fhir.build import a_patient, an_immunization, concept, lines

Read = Callable[..., list[Visit]]
BULK = Source("bulk", "fhir", clinic="elm")
V2 = "http://terminology.hl7.org/CodeSystem/v2-"


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
