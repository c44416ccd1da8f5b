"""An answer to a query as a FHIR R4 Bundle: Patient, Immunization and ImmunizationRecommendation.

Made and validated by fhir.resources (its R4B models: for these three resources they are R4's). Only the command uses
it: the models take a second to load, which no function pays.
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
_SEXES: Final = {"F": "female", "M": "male", "O": "other", "X": "other"}
_STATUSES: Final = {"RE": "not-done", "NA": "not-done"}
_IDENTIFIER_TYPES: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"
_FORMATS: Final = {4: "%Y", 6: "%Y%m", 8: "%Y%m%d"}
# LOINC 30981-5 earliest, 30980-7 due, 59777-3 latest, 59778-1 overdue.
_DATES: Final = (("earliest", "30981-5"), ("due", "30980-7"), ("latest", "59777-3"), ("overdue", "59778-1"))


def bundle(asked: Asked) -> str:
    """The answer as one JSON object; without an answer, or with candidates, a Bundle of the persons that it names."""
    response = asked.response
    people = [] if response is None else [*filter(None, (response.patient,)), *response.candidates]
    resources = [_patient(person, f"patient-{number}") for number, person in enumerate(people, 1)]
    if response is not None and response.patient is not None:
        resources += [_immunization(one, number) for number, one in enumerate(response.vaccinations, 1)]
        if response.forecast:
            resources.append(_recommendations(response.forecast, asked))
    entries = [{"fullUrl": f"urn:vaxline:{one['id']}", "resource": one} for one in resources]
    made = Bundle.model_validate(_known(resourceType="Bundle", type="collection", entry=entries))
    return str(made.model_dump_json())


def _patient(person: Person, number: str) -> dict[str, Any]:
    return _known(
        resourceType="Patient",
        id=number,
        identifier=[
            _known(
                value=one.id,
                assigner={"display": one.authority} if one.authority else None,
                type={"coding": [{"system": _IDENTIFIER_TYPES, "code": one.type}]} if one.type else None,
            )
            for one in person.ids
        ],
        name=[
            _known(family=name.family, given=[part for part in (name.given, name.middle) if part])
            for name in person.names
        ],
        birthDate=date(person.birth_date),
        gender=_SEXES.get(person.sex, "unknown"),
        address=[_address(one) for one in person.addresses],
        telecom=[_telecom(one) for one in person.telecoms],
    )


def _address(one: Address) -> dict[str, Any]:
    lines = [line for line in (one.street, one.other) if line]
    return _known(line=lines, city=one.city, state=one.state, postalCode=one.zip, country=one.country)


def _telecom(one: Telecom) -> dict[str, Any]:
    if one.email:
        return {"system": "email", "value": one.email}
    return {"system": "phone", "value": f"{one.area}{one.local}"}


def _immunization(one: Vaccination, number: int) -> dict[str, Any]:
    day = date(one.date)
    when = {"occurrenceDateTime": day} if day else {"occurrenceString": one.date or "unknown"}
    return _known(
        resourceType="Immunization",
        id=f"immunization-{number}",
        status=_STATUSES.get(one.completion, "completed"),
        identifier=[_known(value=one.order_id, assigner={"display": one.authority} if one.authority else None)]
        if one.order_id
        else [],
        vaccineCode=_concept(one.vaccine) or {"text": "unknown"},
        patient={"reference": "urn:vaxline:patient-1"},
        primarySource=one.source.code == "00",
        lotNumber=one.lot,
        expirationDate=date(one.expiry),
        manufacturer={"display": one.manufacturer.text or one.manufacturer.code} if one.manufacturer else None,
        site=_concept(one.site),
        route=_concept(one.route),
        statusReason=_concept(one.refusal_reason),
        protocolApplied=[
            _known(
                targetDisease=[target] if (target := _concept(evaluation.vaccine)) else [],
                series=evaluation.series.text or evaluation.series.code,
                doseNumberString=evaluation.dose_number or "unknown",
                seriesDosesString=evaluation.doses_in_series,
            )
            for evaluation in one.evaluations
        ],
        **when,
    )


def _recommendations(forecast: tuple[Recommendation, ...], asked: Asked) -> dict[str, Any]:
    return {
        "resourceType": "ImmunizationRecommendation",
        "id": "forecast",
        "patient": {"reference": "urn:vaxline:patient-1"},
        "date": asked.when,
        "recommendation": [
            _known(
                vaccineCode=[concept] if (concept := _concept(one.vaccine)) else [],
                forecastStatus=_concept(one.status) or {"text": "unknown"},
                forecastReason=[_concept(reason) for reason in one.reasons],
                dateCriterion=[
                    {"code": {"coding": [{"system": _SYSTEMS["LN"], "code": loinc}]}, "value": day}
                    for name, loinc in _DATES
                    if (day := date(getattr(one, name)))
                ],
                doseNumberString=one.dose_number,
                series=one.series.text or one.series.code,
            )
            for one in forecast
        ],
    }


def _concept(code: Code) -> dict[str, Any] | None:
    codings = [
        _known(
            system=_SYSTEMS.get(system, f"urn:hl7:{'-'.join(system.split())}" if system else None),
            code=value,
            display=text,
        )
        for value, text, system in (
            (code.code, code.text, code.system),
            (code.alternate_code, code.alternate_text, code.alternate_system),
        )
        if value
    ]
    return _known(coding=codings, text=code.text) or None


def _system(name: str) -> str:
    """The coding system's own address, else one made of the name that HL7 v2 knows it by."""
    return _SYSTEMS.get(name) or (f"urn:hl7:{'-'.join(name.split())}" if name else "")


def date(text: str) -> str:
    """A FHIR date of an HL7 one, as exact as it is; empty where it is none."""
    day = text[:8]
    try:
        datetime.strptime(day, _FORMATS[len(day)])  # noqa: DTZ007 - a day has no zone
    except (KeyError, ValueError):
        return ""
    return "-".join(part for part in (day[:4], day[4:6], day[6:8]) if part)


def _known(**fields: Any) -> dict[str, Any]:
    """The fields that say something; FHIR knows no empty ones."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}
