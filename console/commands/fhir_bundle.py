"""An answer to a query as a FHIR R4 Bundle of Patient, Immunization and ImmunizationRecommendation.

fhir.resources validates it with its R4B models, which equal R4 for these three resources. The models take a second to
load, so only the command imports this module.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from fhir.resources.R4B.bundle import Bundle

from shared.domain.hl7.rsp_model import Person, Recommendation, Vaccination
from shared.domain.model import Address, Code, Telecom
from shared.usecases.registry.query import Asked

_SYSTEMS: Final = {
    "CVX": "http://hl7.org/fhir/sid/cvx",
    "MVX": "http://hl7.org/fhir/sid/mvx",
    "NDC": "http://hl7.org/fhir/sid/ndc",
    "LN": "http://loinc.org",
    "NCIT": "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl",
}
"""HL7 table 0396 → FHIR code system."""

_GENDERS: Final = {"F": "female", "M": "male", "O": "other", "X": "other"}
_STATUSES: Final = {"RE": "not-done", "NA": "not-done"}
_IDENTIFIER_TYPES: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"
_DATE_FORMATS: Final = {4: "%Y", 6: "%Y%m", 8: "%Y%m%d"}
_DATE_CRITERIA: Final = (("earliest", "30981-5"), ("due", "30980-7"), ("latest", "59777-3"), ("overdue", "59778-1"))
"""Attribute of a recommendation → LOINC code."""


def bundle(asked: Asked) -> str:
    """Return the Bundle as JSON. Without an exact match it has the candidates' Patients only, or nothing."""
    response = asked.response
    people = [] if response is None else [*filter(None, (response.patient,)), *response.candidates]
    resources = [_patient(person, f"patient-{number}") for number, person in enumerate(people, 1)]
    if response is not None and response.patient is not None:
        resources += [_immunization(dose, number) for number, dose in enumerate(response.vaccinations, 1)]
        if response.forecast:
            resources.append(_recommendation(response.forecast, asked))
    entries = [{"fullUrl": f"urn:vaxline:{resource['id']}", "resource": resource} for resource in resources]
    validated = Bundle.model_validate(_without_empty(resourceType="Bundle", type="collection", entry=entries))
    return str(validated.model_dump_json())


def fhir_date(hl7_date: str) -> str:
    """Return an HL7 date (`YYYY`, `YYYYMM` or `YYYYMMDD…`) as a FHIR date; the empty string where it is none."""
    day = hl7_date[:8]
    try:
        datetime.strptime(day, _DATE_FORMATS[len(day)])  # noqa: DTZ007 - a day has no zone
    except (KeyError, ValueError):
        return ""
    return "-".join(part for part in (day[:4], day[4:6], day[6:8]) if part)


def _patient(person: Person, resource_id: str) -> dict[str, Any]:
    return _without_empty(
        resourceType="Patient",
        id=resource_id,
        identifier=[
            _without_empty(
                value=identifier.id,
                assigner={"display": identifier.authority} if identifier.authority else None,
                type={"coding": [{"system": _IDENTIFIER_TYPES, "code": identifier.type}]} if identifier.type else None,
            )
            for identifier in person.ids
        ],
        name=[
            _without_empty(family=name.family, given=[part for part in (name.given, name.middle) if part])
            for name in person.names
        ],
        birthDate=fhir_date(person.birth_date),
        gender=_GENDERS.get(person.sex, "unknown"),
        address=[_address(address) for address in person.addresses],
        telecom=[_telecom(telecom) for telecom in person.telecoms],
    )


def _address(address: Address) -> dict[str, Any]:
    return _without_empty(
        line=[line for line in (address.street, address.other) if line],
        city=address.city,
        state=address.state,
        postalCode=address.zip,
        country=address.country,
    )


def _telecom(telecom: Telecom) -> dict[str, Any]:
    if telecom.email:
        return {"system": "email", "value": telecom.email}
    return {"system": "phone", "value": f"{telecom.area}{telecom.local}"}


def _immunization(dose: Vaccination, number: int) -> dict[str, Any]:
    day = fhir_date(dose.date)
    occurrence = {"occurrenceDateTime": day} if day else {"occurrenceString": dose.date or "unknown"}
    assigner = {"display": dose.authority} if dose.authority else None
    return _without_empty(
        resourceType="Immunization",
        id=f"immunization-{number}",
        status="entered-in-error" if dose.action == "D" else _STATUSES.get(dose.completion, "completed"),
        identifier=[_without_empty(value=dose.order_id, assigner=assigner)] if dose.order_id else [],
        vaccineCode=_concept(dose.vaccine) or {"text": "unknown"},
        patient={"reference": "urn:vaxline:patient-1"},
        primarySource=dose.source.code == "00",
        lotNumber=dose.lot,
        expirationDate=fhir_date(dose.expiry),
        manufacturer={"display": dose.manufacturer.text or dose.manufacturer.code} if dose.manufacturer else None,
        site=_concept(dose.site),
        route=_concept(dose.route),
        statusReason=_concept(dose.refusal_reason),
        protocolApplied=[
            _without_empty(
                targetDisease=[target] if (target := _concept(evaluation.vaccine)) else [],
                series=evaluation.series.text or evaluation.series.code,
                doseNumberString=evaluation.dose_number or "unknown",
                seriesDosesString=evaluation.doses_in_series,
            )
            for evaluation in dose.evaluations
        ],
        **occurrence,
    )


def _recommendation(forecast: tuple[Recommendation, ...], asked: Asked) -> dict[str, Any]:
    return {
        "resourceType": "ImmunizationRecommendation",
        "id": "forecast",
        "patient": {"reference": "urn:vaxline:patient-1"},
        "date": asked.when,
        "recommendation": [
            _without_empty(
                vaccineCode=[concept] if (concept := _concept(recommended.vaccine)) else [],
                forecastStatus=_concept(recommended.status) or {"text": "unknown"},
                forecastReason=[_concept(reason) for reason in recommended.reasons],
                dateCriterion=[
                    {"code": {"coding": [{"system": _SYSTEMS["LN"], "code": loinc}]}, "value": day}
                    for attribute, loinc in _DATE_CRITERIA
                    if (day := fhir_date(getattr(recommended, attribute)))
                ],
                doseNumberString=recommended.dose_number,
                series=recommended.series.text or recommended.series.code,
            )
            for recommended in forecast
        ],
    }


def _concept(code: Code) -> dict[str, Any] | None:
    """Return a CodeableConcept; None for a code without code and text."""
    codings = [
        _without_empty(system=_system(system), code=value, display=text)
        for value, text, system in (
            (code.code, code.text, code.system),
            (code.alternate_code, code.alternate_text, code.alternate_system),
        )
        if value
    ]
    return _without_empty(coding=codings, text=code.text) or None


def _system(hl7_name: str) -> str:
    """Return the URI of a coding system of HL7 table 0396; one made of its name where FHIR has none."""
    return _SYSTEMS.get(hl7_name) or (f"urn:hl7:{'-'.join(hl7_name.split())}" if hl7_name else "")


def _without_empty(**fields: Any) -> dict[str, Any]:
    """Drop empty fields, which FHIR does not allow."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}
