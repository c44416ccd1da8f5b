"""The demo's doses as FHIR R4 resources, made of rows of vaxline's own CSV layout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

Resource = dict[str, Any]

_CORE: Final = "http://hl7.org/fhir/us/core/StructureDefinition/"
_CDCREC: Final = "urn:oid:2.16.840.1.113883.6.238"
_MANUFACTURERS: Final = {"MSD": "Merck", "PMC": "Sanofi Pasteur", "SKB": "GlaxoSmithKline", "PFR": "Pfizer"}
_IDENTIFIERS: Final = "urn:example:hilltop"


def manifest(names: Sequence[str], today: date) -> Resource:
    """Return the manifest of a bulk export (Bulk Data Access 2.0)."""
    output = [{"type": name.partition(".")[0], "url": f"https://ehr.example.org/bulk/{name}"} for name in names]
    return {
        "transactionTime": f"{today.isoformat()}T01:00:00Z",
        "requiresAccessToken": True,
        "output": output,
        "error": [],
    }


def referenced_resources(clinic: str, providers: Sequence[tuple[str, str, str]]) -> Iterator[Resource]:
    """Yield the Location, Organizations and Practitioners that immunizations refer to.

    Args:
        clinic: the clinic's name.
        providers: (NPI, family name, given name) of each provider.
    """
    yield {"resourceType": "Location", "id": "loc-1", "identifier": [_identifier("loc-1")], "name": clinic}
    for mvx, name in _MANUFACTURERS.items():
        identifiers = [{"system": "http://hl7.org/fhir/sid/mvx", "value": mvx}]
        yield {"resourceType": "Organization", "id": f"mvx-{mvx}", "identifier": identifiers, "name": name}
    for npi, family, given in providers:
        yield {
            "resourceType": "Practitioner",
            "id": f"npi-{npi}",
            "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": npi}],
            "name": [{"family": family, "given": [given]}],
        }


def _identifier(value: str) -> Resource:
    return {"system": _IDENTIFIERS, "value": value}


def _omb(name: str, codes: str) -> Resource:
    values = [
        {"url": "ombCategory", "valueCoding": {"system": _CDCREC, "code": code}} for code in codes.split(";") if code
    ]
    return {"url": f"{_CORE}us-core-{name}", "extension": values}


def patient(row: Mapping[str, str]) -> Resource:
    """Return a US Core Patient."""
    mr = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}
    resource: Resource = {
        "resourceType": "Patient",
        "id": row["patient_id"],
        "extension": [_omb("race", row["race"]), _omb("ethnicity", row["ethnicity"])],
        "identifier": [{"type": mr, **_identifier(row["patient_id"])}],
        "name": [{"use": "official", "family": row["last_name"], "given": [row["first_name"]]}],
        "telecom": [{"system": "phone", "value": row["phone"], "use": "home"}],
        "gender": {"F": "female", "M": "male"}.get(row["sex"], "unknown"),
        "birthDate": row["birth_date"],
        "address": [
            {
                "line": [row["address_street"]],
                "city": row["address_city"],
                "state": row["address_state"],
                "postalCode": row["address_zip"],
                "country": "US",
            }
        ],
    }
    if row["guardian_last_name"]:
        relationship = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "MTH"}]}
        name = {"family": row["guardian_last_name"], "given": [row["guardian_first_name"]]}
        resource["contact"] = [{"relationship": [relationship], "name": name}]
    return resource


def _concept(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code}]}


def immunization(row: Mapping[str, str]) -> Resource:
    """Return a US Core Immunization; a dose that was given here has elements beyond US Core."""
    is_refused = row["completion"] == "RE"
    status = "entered-in-error" if row["action"] == "D" else "completed" if row["completion"] == "CP" else "not-done"
    coding = [{"system": "http://hl7.org/fhir/sid/cvx", "code": row["cvx"], "display": row["vaccine_name"]}]
    if row.get("ndc"):
        coding.append({"system": "http://hl7.org/fhir/sid/ndc", "code": row["ndc"], "display": row["vaccine_name"]})
    is_day = row["dose_date"][:4].isdigit()
    resource: Resource = {
        "resourceType": "Immunization",
        "id": row["dose_id"],
        "status": status,
        "vaccineCode": {"coding": coding, "text": row["vaccine_name"]},
        "patient": {"reference": f"Patient/{row['patient_id']}"},
        "primarySource": row["information_source"] != "01",
        # The patient is a plain reference, the location a search reference: exports use both.
        "location": {"reference": f"Location?identifier={_IDENTIFIERS}|loc-1"},
    }
    if is_day:
        resource["occurrenceDateTime"] = f"{row['dose_date']}T22:30:00-05:00"
    else:
        resource["occurrenceString"] = row["dose_date"]
    if is_refused:
        resource["statusReason"] = _concept("http://terminology.hl7.org/CodeSystem/v3-ActReason", "PATOBJ")
    return resource | (_given_here(row) if row.get("mvx") else {})


def _given_here(row: Mapping[str, str]) -> Resource:
    administering = _concept("http://terminology.hl7.org/CodeSystem/v2-0443", "AP")
    ordering = _concept("http://terminology.hl7.org/CodeSystem/v2-0443", "OP")
    resource: Resource = {
        "manufacturer": {"reference": f"Organization/mvx-{row['mvx']}"},
        "lotNumber": row["lot"],
        "expirationDate": row["expiry"],
        "site": _concept("http://terminology.hl7.org/CodeSystem/v3-ActSite", row["site"]),
        "route": _concept("http://ncithesaurus-stage.nci.nih.gov", row["route"]),
        "doseQuantity": {"value": 0.5, "unit": "mL", "system": "http://unitsofmeasure.org", "code": "mL"},
        "performer": [
            {"function": administering, "actor": {"reference": f"Practitioner/npi-{row['administered_by_npi']}"}},
            {"function": ordering, "actor": {"reference": f"Practitioner/npi-{row['ordered_by_npi']}"}},
        ],
        "programEligibility": [_concept("urn:oid:2.16.840.1.113883.12.64", row["eligibility"])],
        "fundingSource": _concept("urn:oid:2.16.840.1.114222.4.5.274", row["funding_source"]),
    }
    if row.get("vis_document"):
        resource["education"] = [{"documentType": row["vis_document"], "presentationDate": row["vis_presented"]}]
    if row.get("comment"):
        resource["note"] = [{"text": row["comment"]}]
    return resource
