"""An element of another JSON shape than FHIR's costs that element and not the resource."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.clinics import Source
from shared.domain.model import Visit
from shared.exports.fhir import lenient
from shared.exports.fhir import model as fhir
from tests.shared.exports.fhir.build import CVX, a_patient, an_immunization, codes_of, findings_of, lines

Read = Callable[..., list[Visit]]
BULK = Source("bulk", "fhir", clinic="elm")


def decoded(kind: Any, **content: Any) -> tuple[Any, tuple[str, ...]]:
    return lenient.decode(json.dumps(content).encode(), kind)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"name": [{"given": ["Ada", None, "Q"]}]}, {"name": (fhir.HumanName(given=("Ada", "Q")),)}),
        ({"name": {"given": "Ada", "family": "S"}}, {"name": (fhir.HumanName(family="S", given=("Ada",)),)}),
        ({"name": None, "gender": None}, {"name": (), "gender": ""}),
        ({"birthDate": ["2020-01-02"]}, {"birthDate": "2020-01-02"}),
        ({"active": "false", "multipleBirthInteger": "2"}, {"active": False, "multipleBirthInteger": 2}),
        ({"id": 17, "name": [None]}, {"id": "17", "name": ()}),
    ],
)
def test_what_can_only_mean_one_thing_is_read(content: dict[str, Any], expected: dict[str, Any]) -> None:
    patient, left_out = decoded(fhir.Patient, **content)
    assert {name: getattr(patient, name) for name in expected} == expected
    assert not left_out


@pytest.mark.parametrize(
    ("content", "left_out"),
    [
        ({"telecom": "860-555-0101"}, ("telecom",)),
        ({"name": [{"family": {"x": 1}}, {"family": "S"}]}, ("name.family",)),
        ({"address": [{"line": [{"x": 1}]}]}, ("address.line",)),
        ({"birthDate": ["2020-01-02", "2021-01-02"]}, ("birthDate",)),
        ({"deceasedBoolean": "perhaps"}, ("deceasedBoolean",)),
        ({"gender": True, "id": 1.5}, ("id", "gender")),
    ],
)
def test_what_cannot_be_read_is_left_out_and_named(content: dict[str, Any], left_out: tuple[str, ...]) -> None:
    assert decoded(fhir.Patient, **content)[1] == left_out


def test_a_resource_of_the_right_shape_is_decoded_alike() -> None:
    content = an_immunization(performer=[{"actor": {"display": "x"}}], doseQuantity={"value": 0.5, "unit": "mL"})
    strict, left_out = decoded(fhir.Immunization, **content)
    assert not left_out
    assert decoded(fhir.Immunization, **content, education=[None])[0] == strict


@pytest.mark.parametrize(
    ("more", "codes"),
    [
        ({"performer": "Nadia"}, ["ELEMENT-LEFT-OUT"]),
        ({"note": [{"text": 7}], "site": "LA"}, ["ELEMENT-LEFT-OUT"]),
        ({"vaccineCode": {"coding": [{"system": CVX, "code": "8", "display": ["a", "b"]}]}}, ["ELEMENT-LEFT-OUT"]),
        ({"lotNumber": 4711}, []),
        ({"status": {"value": "completed"}}, ["ELEMENT-UNREADABLE"]),
        ({"vaccineCode": {"coding": [{"system": CVX, "code": {"x": "8"}}]}}, ["ELEMENT-UNREADABLE"]),
        ({"isSubpotent": "perhaps"}, ["ELEMENT-UNREADABLE"]),
        ({"primarySource": 3}, ["ELEMENT-UNREADABLE"]),
    ],
)
def test_only_an_element_that_matters_holds_the_dose(read: Read, more: dict[str, Any], codes: list[str]) -> None:
    visits = read(BULK, {"x": lines(a_patient(), an_immunization(**more))})
    shape = [finding for finding in findings_of(visits) if finding.code.startswith("ELEMENT-")]
    assert [finding.code for finding in shape] == codes
    assert all(finding.column.split(".")[1] in more for finding in shape)
    assert visits[0].doses[0].lot == str(more.get("lotNumber", "LOT1"))


def test_a_patient_s_element_is_named_with_every_row(read: Read) -> None:
    patient = a_patient(telecom=7, identifier=[{"value": ["a", "b"]}])
    [visit] = read(BULK, {"x": lines(patient, an_immunization())})
    assert [(f.code, f.row, f.column) for f in visit.findings if f.code.startswith("ELEMENT-")] == [
        ("ELEMENT-UNREADABLE", 2, "Patient.identifier.value"),
        ("ELEMENT-LEFT-OUT", 2, "Patient.telecom"),
    ]


def test_another_resource_s_element_is_named_with_its_line(read: Read) -> None:
    location = {"resourceType": "Location", "id": "l", "name": True}
    visits = read(BULK, {"x": lines(location, a_patient(), an_immunization())})
    assert [(f.code, f.row, f.value) for f in findings_of(visits)] == [("RESOURCE-PARTLY-READ", 1, "x: Location.name")]
    assert codes_of(visits[1:]) == []
