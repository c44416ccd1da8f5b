"""FHIR resources of invented people, for tests."""

from __future__ import annotations

import json
from typing import Any

from shared.domain.model import Finding, Visit

CVX = "http://hl7.org/fhir/sid/cvx"
MVX = "http://hl7.org/fhir/sid/mvx"
NPI = "http://hl7.org/fhir/sid/us-npi"
MR = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}


def lines(*resources: dict[str, Any] | str) -> bytes:
    """NDJSON of resources; a text is a line as it is."""
    return "".join(f"{r if isinstance(r, str) else json.dumps(r)}\n" for r in resources).encode()


def a_patient(number: str = "p1", **more: Any) -> dict[str, Any]:
    """A Patient with record number MRN-`number`."""
    return {
        "resourceType": "Patient",
        "id": number,
        "identifier": [{"type": MR, "system": "urn:example", "value": f"MRN-{number}"}],
        "name": [{"use": "official", "family": "Sampleton", "given": ["Ada", "Q"]}],
        "gender": "female",
        "birthDate": "2020-01-02",
    } | more


def an_immunization(identifier: str = "i1", **more: Any) -> dict[str, Any]:
    """A dose of Patient p1, given here on 2026-03-01."""
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
    """A CodeableConcept with one coding of no system."""
    return {"coding": [{"code": code}]} | ({"text": text} if text else {})


def a_bundle(*resources: dict[str, Any], kind: str = "searchset", **more: Any) -> dict[str, Any]:
    """A Bundle of resources; a dict with `request` or `response` is an entry of its own."""
    entries = [r if {"request", "response", "fullUrl"} & r.keys() else {"resource": r} for r in resources]
    return {"resourceType": "Bundle", "type": kind, "entry": entries} | more


def findings_of(visits: list[Visit]) -> list[Finding]:
    """All findings of visits."""
    return [finding for visit in visits for finding in visit.findings]


def codes_of(visits: list[Visit]) -> list[str]:
    """The codes of all findings of visits."""
    return [finding.code for finding in findings_of(visits)]


def rows_of(visits: list[Visit]) -> list[int]:
    """The numbers of all rows of visits, in order."""
    return sorted(row for visit in visits for _, row in visit.rows)
