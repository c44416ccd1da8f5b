"""An answer as a FHIR R4 Bundle, held against the models of fhir.resources."""

import json

import pytest
from fhir.resources.R4B.bundle import Bundle

from console.commands.fhir_bundle import bundle, fhir_date
from shared.domain.hl7.qbp import Profile
from shared.domain.hl7.rsp import read_rsp
from shared.domain.hl7.rsp_model import Evaluation, Identifier, Match, Person, Recommendation, Response, Vaccination
from shared.domain.model import Code, Name
from shared.usecases.registry.query import Asked
from tests.places import SHARED

SAMPLES = sorted((SHARED / "samples" / "hl7").glob("rsp_*.hl7"))
CVX = Code("115", "Tdap", "CVX")
PERSON = Person(
    ids=(Identifier("9001", "CT0000", "SR"),), names=(Name("SAMPLETON", "ADA"),), birth_date="20200102", sex="F"
)


def asked(response):
    return Asked("elm", Profile.FORECAST, "Q1", response, when="2026-03-02T12:00:00+00:00")


def resources(response):
    text = bundle(asked(response))
    Bundle.model_validate_json(text)
    return [entry["resource"] for entry in json.loads(text).get("entry", [])]


def test_patient_history_and_forecast_are_three_kinds_of_resources():
    response = Response(
        Match.FOUND,
        patient=PERSON,
        vaccinations=(
            Vaccination("77", "CT0000", date="20260302", vaccine=CVX, lot="AB1", evaluations=(Evaluation("1", CVX),)),
        ),
        forecast=(Recommendation(CVX, due="20360302", overdue="20360402", status=Code("LA13422-3", "", "LN")),),
    )
    patient, dose, forecast = resources(response)
    assert (patient["birthDate"], patient["gender"], patient["identifier"][0]["value"]) == (
        "2020-01-02",
        "female",
        "9001",
    )
    assert (dose["status"], dose["occurrenceDateTime"], dose["lotNumber"]) == ("completed", "2026-03-02", "AB1")
    assert dose["vaccineCode"]["coding"][0] == {
        "system": "http://hl7.org/fhir/sid/cvx",
        "code": "115",
        "display": "Tdap",
    }
    (one,) = forecast["recommendation"]
    assert [criterion["value"][:10] for criterion in one["dateCriterion"]] == ["2036-03-02", "2036-04-02"]
    assert one["forecastStatus"]["coding"][0]["system"] == "http://loinc.org"


def test_a_refusal_was_not_done():
    refused = Vaccination(
        date="20260302", vaccine=CVX, completion="RE", refusal_reason=Code("00", "Parental", "NIP002")
    )
    dose = resources(Response(Match.FOUND, patient=PERSON, vaccinations=(refused,)))[1]
    assert (dose["status"], dose["statusReason"]["text"]) == ("not-done", "Parental")


def test_candidates_are_patients_and_nobody_is_an_empty_bundle():
    assert len(resources(Response(Match.CANDIDATES, candidates=(PERSON, PERSON)))) == 2
    assert resources(Response(Match.NOT_FOUND)) == []


@pytest.mark.parametrize(
    ("hl7", "fhir"),
    [
        ("20260302", "2026-03-02"),
        ("202603", "2026-03"),
        ("2026030212", "2026-03-02"),
        ("20269999", ""),
        ("soon", ""),
        ("", ""),
    ],
)
def test_a_date_is_as_exact_as_it_was_and_never_made_up(hl7, fhir):
    assert fhir_date(hl7) == fhir


@pytest.mark.skipif(not SAMPLES, reason="the sample messages are not here; set VAXLINE_SHARED to their folder")
@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.stem)
def test_every_sample_becomes_a_bundle_with_all_its_vaccinations(file):
    response = read_rsp(file.read_text("utf-8", errors="replace"))
    found = [one for one in resources(response) if one["resourceType"] == "Immunization"]
    assert len(found) == (len(response.vaccinations) if response.patient else 0)
