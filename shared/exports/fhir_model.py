"""The part of FHIR R4 that an immunization report uses, for msgspec's typed decoding; everything else is passed over.

Sources: FHIR R4 (4.0.1) resource definitions, US Core 6.1 Patient and Immunization, Bulk Data Access 2.0.
Every element may be absent: US Core asks for few of them. The names are FHIR's own.
"""

# ruff: noqa: N815 - the names are FHIR's

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

import msgspec

MVX: Final = "http://hl7.org/fhir/sid/mvx"
NPI: Final = "http://hl7.org/fhir/sid/us-npi"
CVX_SYSTEMS: Final = frozenset({"http://hl7.org/fhir/sid/cvx", "urn:oid:2.16.840.1.113883.12.292"})
NDC_SYSTEMS: Final = frozenset({"http://hl7.org/fhir/sid/ndc", "urn:oid:2.16.840.1.113883.6.69"})
NPI_SYSTEMS: Final = frozenset({NPI, "urn:oid:2.16.840.1.113883.4.6"})
MVX_SYSTEMS: Final = frozenset({MVX, "urn:oid:2.16.840.1.113883.12.227"})
RACE: Final = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
ETHNICITY: Final = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity"
MAIDEN_NAME: Final = "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName"


class Coding(msgspec.Struct):
    system: str = ""
    code: str = ""
    display: str = ""


class Concept(msgspec.Struct):
    coding: list[Coding] = []
    text: str = ""


class Identifier(msgspec.Struct):
    system: str = ""
    value: str = ""
    use: str = ""
    type: Concept = msgspec.field(default_factory=Concept)


class Reference(msgspec.Struct):
    reference: str = ""
    identifier: Identifier = msgspec.field(default_factory=Identifier)
    display: str = ""


class Extension(msgspec.Struct):
    url: str = ""
    valueString: str = ""
    valueCode: str = ""
    valueCoding: Coding = msgspec.field(default_factory=Coding)
    extension: list[Extension] = []


class HumanName(msgspec.Struct):
    use: str = ""
    text: str = ""
    family: str = ""
    given: list[str] = []
    suffix: list[str] = []


class ContactPoint(msgspec.Struct):
    system: str = ""
    value: str = ""
    use: str = ""


class PostalAddress(msgspec.Struct):
    use: str = ""
    type: str = ""
    line: list[str] = []
    city: str = ""
    district: str = ""
    state: str = ""
    postalCode: str = ""
    country: str = ""


class Contact(msgspec.Struct):
    relationship: list[Concept] = []
    name: HumanName = msgspec.field(default_factory=HumanName)
    telecom: list[ContactPoint] = []
    address: PostalAddress = msgspec.field(default_factory=PostalAddress)


class Patient(msgspec.Struct):
    id: str = ""
    extension: list[Extension] = []
    identifier: list[Identifier] = []
    name: list[HumanName] = []
    telecom: list[ContactPoint] = []
    gender: str = ""
    birthDate: str = ""
    deceasedBoolean: bool | None = None
    deceasedDateTime: str = ""
    address: list[PostalAddress] = []
    multipleBirthBoolean: bool | None = None
    multipleBirthInteger: int | None = None
    contact: list[Contact] = []


class Actor(msgspec.Struct):
    """A Practitioner, Organization or Location: what an Immunization refers to beside its Patient."""

    resourceType: str = ""
    id: str = ""
    identifier: list[Identifier] = []
    name: list[HumanName] | str = ""


class Performer(msgspec.Struct):
    function: Concept = msgspec.field(default_factory=Concept)
    actor: Reference = msgspec.field(default_factory=Reference)


class Quantity(msgspec.Struct):
    value: Decimal | None = None
    unit: str = ""
    code: str = ""


class Education(msgspec.Struct):
    documentType: str = ""
    publicationDate: str = ""
    presentationDate: str = ""


class Annotation(msgspec.Struct):
    text: str = ""


class Protocol(msgspec.Struct):
    doseNumberPositiveInt: int | None = None
    doseNumberString: str = ""


class Immunization(msgspec.Struct):
    id: str = ""
    identifier: list[Identifier] = []
    contained: list[Actor] = []
    status: str = ""
    statusReason: Concept = msgspec.field(default_factory=Concept)
    vaccineCode: Concept = msgspec.field(default_factory=Concept)
    patient: Reference = msgspec.field(default_factory=Reference)
    occurrenceDateTime: str = ""
    occurrenceString: str = ""
    primarySource: bool | None = None
    reportOrigin: Concept = msgspec.field(default_factory=Concept)
    location: Reference = msgspec.field(default_factory=Reference)
    manufacturer: Reference = msgspec.field(default_factory=Reference)
    lotNumber: str = ""
    expirationDate: str = ""
    site: Concept = msgspec.field(default_factory=Concept)
    route: Concept = msgspec.field(default_factory=Concept)
    doseQuantity: Quantity = msgspec.field(default_factory=Quantity)
    performer: list[Performer] = []
    note: list[Annotation] = []
    education: list[Education] = []
    programEligibility: list[Concept] = []
    fundingSource: Concept = msgspec.field(default_factory=Concept)
    protocolApplied: list[Protocol] = []


class Line(msgspec.Struct):
    """What the first look at a line needs, whatever resource it is."""

    resourceType: str
    id: str = ""
    identifier: list[Identifier] = []
    patient: Reference = msgspec.field(default_factory=Reference)
    occurrenceDateTime: str = ""


LINE: Final = msgspec.json.Decoder(Line)
PATIENT: Final = msgspec.json.Decoder(Patient)
ACTOR: Final = msgspec.json.Decoder(Actor)
IMMUNIZATION: Final = msgspec.json.Decoder(Immunization)
LOOKED_UP: Final = frozenset({"Practitioner", "Organization", "Location"})

_DEEPEST: Final = 100
_BRACKETS: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"|([\[{])|([\]}])', re.DOTALL)


def is_too_deep(payload: bytes) -> bool:
    """Whether a JSON text is nested deeper than any resource: decoding it could use up the stack."""
    if payload.count(b"[") + payload.count(b"{") <= _DEEPEST:
        return False
    depth = 0
    for bracket in _BRACKETS.finditer(payload):
        depth += (bracket[1] is not None) - (bracket[2] is not None)
        if depth > _DEEPEST:
            return True
    return False
