"""Who gave, ordered and entered a dose is read by function, wherever the export has the person."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest

from shared.domain.clinics import Source
from shared.domain.model import Dose, Visit
from shared.exports.fhir.names import name_of_text
from tests.shared.exports.fhir.build import NPI, a_patient, an_immunization, concept, findings_of, lines

Read = Callable[..., list[Visit]]
BULK = Source("bulk", "fhir", clinic="elm")
NURSE = {
    "resourceType": "Practitioner",
    "id": "n",
    "identifier": [{"system": NPI, "value": "1234567893"}],
    "name": [{"family": "Nurseby", "given": ["Nadia"]}],
}
ROLE = {
    "resourceType": "PractitionerRole",
    "id": "r",
    "practitioner": {"reference": "Practitioner/n"},
    "organization": {"display": "Elm"},
}


def by(function: str, display: str) -> dict[str, Any]:
    return {"actor": {"display": display}} | ({"function": concept(function)} if function else {})


def read_dose(read: Read, performers: list[dict[str, Any]], *others: dict[str, Any]) -> tuple[Dose, list[str]]:
    visits = read(BULK, {"x": lines(a_patient(), an_immunization(performer=performers), *others)})
    return visits[0].doses[0], [f"{finding.code} {finding.value}" for finding in findings_of(visits)]


def test_the_one_who_gave_it_is_told_by_function_and_not_by_place(read: Read) -> None:
    people = [by("Clerk", "Carla Clerk"), by("", "Nina Name"), by("AP", "Nadia Nurseby"), by("OP", "Dora Doctorow")]
    for order in permutations([*people, by("EP", "Enno Enterer")]):
        dose, said = read_dose(read, list(order))
        people_of_dose = (dose.administered_by, dose.ordered_by, dose.entered_by)
        assert [person.family for person in people_of_dose] == ["Nurseby", "Doctorow", "Enterer"]
        assert sorted(said) == ["PERFORMER-LEFT-OUT Clerk: Carla Clerk", "PERFORMER-LEFT-OUT Nina Name"]


@pytest.mark.parametrize(
    ("function", "role"),
    [
        (concept("AP"), "administered_by"),
        ({"text": "Administering Provider"}, "administered_by"),
        ({"coding": [{"code": "99", "display": "Vaccinator"}]}, "administered_by"),
        ({}, "administered_by"),
        ({"text": "Ordering provider"}, "ordered_by"),
        ({"coding": [{"display": "Entering Provider"}]}, "entered_by"),
    ],
)
def test_a_function_may_be_a_code_or_a_word(read: Read, function: dict[str, Any], role: str) -> None:
    dose, said = read_dose(read, [{"function": function, "actor": {"display": "Nadia Nurseby"}}])
    assert getattr(dose, role).family == "Nurseby"
    assert not said


@pytest.mark.parametrize(
    ("actor", "expected"),
    [
        ({"reference": "Practitioner/n"}, ("1234567893", "Nurseby", "Nadia")),
        ({"reference": "PractitionerRole/r"}, ("1234567893", "Nurseby", "Nadia")),
        ({"identifier": {"system": NPI, "value": "1234567893"}}, ("1234567893", "Nurseby", "Nadia")),
        ({"reference": "Practitioner/gone", "display": "Nadia Nurseby, RN"}, ("", "Nurseby", "Nadia")),
        ({"display": "NURSEBY, NADIA B"}, ("", "NURSEBY", "NADIA")),
        (
            {"identifier": {"system": NPI, "value": "1999999992"}, "display": "Dr. Dora Doctorow"},
            ("1999999992", "Doctorow", "Dora"),
        ),
        ({"type": "Practitioner", "identifier": {"system": NPI, "value": "1999999992"}}, ("1999999992", "", "")),
    ],
)
def test_a_person_may_be_anywhere(read: Read, actor: dict[str, Any], expected: tuple[str, str, str]) -> None:
    dose, said = read_dose(read, [{"actor": actor}], NURSE, ROLE)
    person = dose.administered_by
    assert (person.id, person.family, person.given) == expected
    assert person.id_type == ("NPI" if person.id else "")
    assert not said


def test_the_role_itself_may_have_the_number(read: Read) -> None:
    role = ROLE | {"identifier": [{"system": NPI, "value": "1999999992"}], "practitioner": {"display": "Dora Doctorow"}}
    dose, said = read_dose(read, [{"actor": {"reference": "PractitionerRole/r"}}], role)
    assert (dose.administered_by.id, dose.administered_by.family, said) == ("1999999992", "Doctorow", [])


def test_a_name_or_number_that_is_no_longer_in_force_is_not_reported(read: Read) -> None:
    nurse = NURSE | {
        "identifier": [
            {"system": NPI, "value": "1999999992", "period": {"end": "2020"}},
            {"system": NPI, "value": "1234567893"},
        ],
        "name": [
            {"use": "old", "family": "Oldname"},
            {"family": "Former", "period": {"end": "2020-01-01"}},
            {"use": "maiden", "family": "Mockford"},
            {"use": "official", "family": "Nurseby"},
        ],
    }
    dose, _ = read_dose(read, [{"actor": {"reference": "Practitioner/n"}}], nurse)
    assert (dose.administered_by.id, dose.administered_by.family) == ("1234567893", "Nurseby")


@pytest.mark.parametrize(
    ("performer", "said"),
    [
        ({"actor": {"reference": "Practitioner/gone"}}, "Practitioner/gone"),
        ({"actor": {"reference": "Organization/o", "display": "Elm Pediatrics"}}, "Elm Pediatrics"),
        ({"function": concept("AP")}, "AP"),
        ({}, "no actor"),
    ],
)
def test_who_cannot_be_reported_is_named(read: Read, performer: dict[str, Any], said: str) -> None:
    organization = {"resourceType": "Organization", "id": "o", "name": "Elm Pediatrics"}
    dose, findings = read_dose(read, [performer], organization)
    assert not dose.administered_by
    assert findings == [f"PERFORMER-LEFT-OUT {said}"]


def test_one_person_named_twice_needs_no_word(read: Read) -> None:
    dose, said = read_dose(read, [by("AP", "Nadia Nurseby"), by("", "Nadia Nurseby"), by("AP", "Nadia Nurseby")])
    assert (dose.administered_by.family, said) == ("Nurseby", [])


@pytest.mark.parametrize(
    ("text", "family", "given", "middle"),
    [
        ("Nadia Nurseby", "Nurseby", "Nadia", ""),
        ("Nurseby, Nadia B.", "Nurseby", "Nadia", "B."),
        ("Dr. Nadia B Nurseby, RN, BSN", "Nurseby", "Nadia", "B"),
        ("Nadia Nurseby PA-C", "Nurseby", "Nadia", ""),
        ("Nurseby", "Nurseby", "", ""),
        ("Mr. Nurseby, M.D.", "Nurseby", "", ""),
        ("RN", "", "", ""),
        ("", "", "", ""),
    ],
)
def test_a_provider_s_name_is_read_from_a_text(text: str, family: str, given: str, middle: str) -> None:
    name = name_of_text(text)
    assert (name.family, name.given, name.middle) == (family, given, middle)
