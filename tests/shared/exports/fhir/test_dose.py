"""What a FHIR Immunization says of a dose becomes the dose."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import pytest

from shared.domain.clinics import Source
from shared.domain.model import Action, Completion, Visit
from shared.exports.corrections import corrected
from tests.shared.exports.fhir.build import CVX, MVX, a_patient, an_immunization, concept, lines

Read = Callable[..., list[Visit]]
BULK = Source("bulk", "fhir", clinic="elm")
PARTLY = Completion.PARTIALLY_ADMINISTERED


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


def test_a_fhir_source_can_have_defaults_for_what_fhir_exports_lack(read: Read) -> None:
    source = Source("bulk", "fhir", defaults=MappingProxyType({"eligibility": "V00", "funding_source": "Private"}))
    [visit] = read(source, {"x": lines(a_patient(), an_immunization(fundingSource=concept("VXC50")))})
    assert (visit.doses[0].eligibility.code, visit.doses[0].funding_source.code) == ("V00", "VXC50")


@pytest.mark.parametrize(
    ("medical", "system", "code", "loinc"),
    [
        ("IMMUNE", "http://snomed.info/sct", "38907003", "59784-9"),
        ("MEDPREC", "http://snomed.info/sct", "91930004", "30945-0"),
        ("MEDPREC", "urn:oid:2.16.840.1.114222.4.5.274", "VXC18", "30945-0"),
    ],
)
def test_a_medical_reason_that_names_its_observation_is_reported_with_cvx_998(
    read: Read, medical: str, system: str, code: str, loinc: str
) -> None:
    reason = {"coding": [{"code": medical}, {"system": system, "code": code, "display": "Words"}]}
    [visit] = read(BULK, {"x": lines(a_patient(), an_immunization(status="not-done", statusReason=reason))})
    (read_dose,) = visit.doses
    assert (read_dose.vaccine.code, read_dose.completion.value, read_dose.ndc) == ("998", "NA", "")
    assert [(seen.code, seen.value.code) for seen in read_dose.observations] == [(loinc, code)]
    assert "MEDICAL-REASON-LEFT-OUT" not in {finding.code for finding in visit.findings}
