"""The part of FHIR R4 that an immunization report uses, as structs that msgspec decodes. Other elements are ignored.

Sources: FHIR R4 (4.0.1) resource definitions, US Core 6.1 Patient and Immunization, Bulk Data Access 2.0. Every element
may be absent, because US Core requires few of them. Names are those of FHIR.
"""

# ruff: noqa: N815 - the names are FHIR's

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

import msgspec

RACE: Final = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
ETHNICITY: Final = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity"
MAIDEN_NAME: Final = "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName"


class Coding(msgspec.Struct, frozen=True, gc=False):
    system: str = ""
    code: str = ""
    display: str = ""


class Concept(msgspec.Struct, frozen=True, gc=False):
    coding: tuple[Coding, ...] = ()
    text: str = ""


class Period(msgspec.Struct, frozen=True, gc=False):
    start: str = ""
    end: str = ""


ALWAYS: Final = Period()


class Meta(msgspec.Struct, frozen=True, gc=False):
    versionId: str = ""
    lastUpdated: str = ""
    security: tuple[Coding, ...] = ()
    tag: tuple[Coding, ...] = ()


class Identifier(msgspec.Struct, frozen=True, gc=False):
    system: str = ""
    value: str = ""
    use: str = ""
    type: Concept = msgspec.field(default_factory=Concept)
    period: Period = ALWAYS


class Reference(msgspec.Struct, frozen=True, gc=False):
    reference: str = ""
    type: str = ""
    identifier: Identifier = msgspec.field(default_factory=Identifier)
    display: str = ""


class Extension(msgspec.Struct, frozen=True, gc=False):
    url: str = ""
    valueString: str = ""
    valueCoding: Coding = msgspec.field(default_factory=Coding)
    extension: tuple[Extension, ...] = ()


class HumanName(msgspec.Struct, frozen=True, gc=False):
    use: str = ""
    text: str = ""
    family: str = ""
    given: tuple[str, ...] = ()
    suffix: tuple[str, ...] = ()
    period: Period = ALWAYS


class ContactPoint(msgspec.Struct, frozen=True, gc=False):
    system: str = ""
    value: str = ""
    use: str = ""
    rank: int | None = None
    period: Period = ALWAYS


class PostalAddress(msgspec.Struct, frozen=True, gc=False):
    use: str = ""
    type: str = ""
    text: str = ""
    line: tuple[str, ...] = ()
    city: str = ""
    district: str = ""
    state: str = ""
    postalCode: str = ""
    country: str = ""
    period: Period = ALWAYS


class Contact(msgspec.Struct, frozen=True, gc=False):
    relationship: tuple[Concept, ...] = ()
    name: HumanName = msgspec.field(default_factory=HumanName)
    telecom: tuple[ContactPoint, ...] = ()
    address: PostalAddress = msgspec.field(default_factory=PostalAddress)
    organization: Reference = msgspec.field(default_factory=Reference)
    period: Period = ALWAYS


class PatientLink(msgspec.Struct, frozen=True, gc=False):
    """A link to another Patient resource about the same person."""

    other: Reference = msgspec.field(default_factory=Reference)
    type: str = ""


class Patient(msgspec.Struct, frozen=True, gc=False):
    id: str = ""
    meta: Meta = msgspec.field(default_factory=Meta)
    extension: tuple[Extension, ...] = ()
    identifier: tuple[Identifier, ...] = ()
    active: bool = True
    name: tuple[HumanName, ...] = ()
    telecom: tuple[ContactPoint, ...] = ()
    gender: str = ""
    birthDate: str = ""
    deceasedBoolean: bool | None = None
    deceasedDateTime: str = ""
    address: tuple[PostalAddress, ...] = ()
    multipleBirthBoolean: bool | None = None
    multipleBirthInteger: int | None = None
    contact: tuple[Contact, ...] = ()


class Actor(msgspec.Struct, frozen=True, gc=False):
    """A Practitioner, PractitionerRole, Organization or Location that an Immunization refers to."""

    resourceType: str = ""
    id: str = ""
    identifier: tuple[Identifier, ...] = ()
    name: tuple[HumanName, ...] | str = ""
    practitioner: Reference = msgspec.field(default_factory=Reference)


class Performer(msgspec.Struct, frozen=True, gc=False):
    function: Concept = msgspec.field(default_factory=Concept)
    actor: Reference = msgspec.field(default_factory=Reference)


class Quantity(msgspec.Struct, frozen=True, gc=False):
    value: Decimal | None = None
    comparator: str = ""
    unit: str = ""
    code: str = ""


class Education(msgspec.Struct, frozen=True, gc=False):
    documentType: str = ""
    reference: str = ""
    publicationDate: str = ""
    presentationDate: str = ""


class Annotation(msgspec.Struct, frozen=True, gc=False):
    text: str = ""


class Protocol(msgspec.Struct, frozen=True, gc=False):
    doseNumberPositiveInt: int | None = None
    doseNumberString: str = ""


class Explanation(msgspec.Struct, frozen=True, gc=False):
    """Why a dose was not given, in DSTU2 and STU3."""

    reasonNotGiven: tuple[Concept, ...] = ()


class Immunization(msgspec.Struct, frozen=True, gc=False):
    """An Immunization of R4, and the elements by which STU3 and DSTU2 say whether and when a dose was given."""

    id: str = ""
    meta: Meta = msgspec.field(default_factory=Meta)
    identifier: tuple[Identifier, ...] = ()
    contained: tuple[Actor, ...] = ()
    status: str = ""
    statusReason: Concept = msgspec.field(default_factory=Concept)
    vaccineCode: Concept = msgspec.field(default_factory=Concept)
    patient: Reference = msgspec.field(default_factory=Reference)
    occurrenceDateTime: str = ""
    occurrenceString: str = ""
    primarySource: bool | None = None
    isSubpotent: bool | None = None
    subpotentReason: tuple[Concept, ...] = ()
    notGiven: bool = False
    wasNotGiven: bool = False
    explanation: Explanation = msgspec.field(default_factory=Explanation)
    reported: bool | None = None
    date: str = ""
    reportOrigin: Concept = msgspec.field(default_factory=Concept)
    location: Reference = msgspec.field(default_factory=Reference)
    manufacturer: Reference = msgspec.field(default_factory=Reference)
    lotNumber: str = ""
    expirationDate: str = ""
    site: Concept = msgspec.field(default_factory=Concept)
    route: Concept = msgspec.field(default_factory=Concept)
    doseQuantity: Quantity = msgspec.field(default_factory=Quantity)
    performer: tuple[Performer, ...] = ()
    note: tuple[Annotation, ...] = ()
    education: tuple[Education, ...] = ()
    programEligibility: tuple[Concept, ...] = ()
    fundingSource: Concept = msgspec.field(default_factory=Concept)
    protocolApplied: tuple[Protocol, ...] = ()

    @property
    def occurrence(self) -> str:
        """When the dose was given, as the resource writes it: a date or dateTime, else a text."""
        return self.occurrenceDateTime or self.date or self.occurrenceString

    @property
    def is_primary(self) -> bool | None:
        """Whether it was given where it is recorded; DSTU2 has `reported` for the opposite. None if it is not said."""
        if self.primarySource is None and self.reported is not None:
            return not self.reported
        return self.primarySource


class Line(msgspec.Struct, frozen=True, gc=False):
    """The elements by which a line is sorted, whatever resource it holds."""

    resourceType: str
    id: str = ""
    meta: Meta = msgspec.field(default_factory=Meta)
    identifier: tuple[Identifier, ...] = ()
    patient: Reference = msgspec.field(default_factory=Reference)
    occurrenceDateTime: str = ""
    date: str = ""
    link: tuple[PatientLink, ...] = ()


IN_ERROR: Final = "entered-in-error"
"""The status of an Immunization that was deleted."""


class _Deletion(msgspec.Struct, frozen=True, gc=False):
    resourceType: str
    id: str
    status: str


def deletion(identifier: str) -> Immunization:
    """Return an Immunization of which only its id is known, and that it was deleted."""
    return Immunization(id=identifier, status=IN_ERROR)


def deletion_in(payload: bytes) -> Immunization | None:
    """Return the deletion in a resource of which other elements cannot be read; None if it is none."""
    try:
        found = _DELETION.decode(payload)
    except (msgspec.DecodeError, RecursionError):
        return None
    return deletion(found.id) if found.resourceType == "Immunization" and found.status == IN_ERROR else None


class _Containing(msgspec.Struct, frozen=True, gc=False):
    contained: tuple[msgspec.Raw, ...] = ()


def contained(payload: bytes) -> tuple[bytes, ...]:
    """Return the resources within a resource, as JSON; none if they cannot be told."""
    try:
        return tuple(map(bytes, _CONTAINING.decode(payload).contained))
    except msgspec.ValidationError:
        return ()


_CONTAINING: Final = msgspec.json.Decoder(_Containing)
_DELETION: Final = msgspec.json.Decoder(_Deletion)
LINE: Final = msgspec.json.Decoder(Line)
PATIENT: Final = msgspec.json.Decoder(Patient)
ACTOR: Final = msgspec.json.Decoder(Actor)
IMMUNIZATION: Final = msgspec.json.Decoder(Immunization)
LOOKED_UP: Final = frozenset({"Practitioner", "PractitionerRole", "Organization", "Location"})

_DEEPEST: Final = 100
_BRACKETS: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"|([\[{])|([\]}])', re.DOTALL)


def is_too_deep(payload: bytes) -> bool:
    """Tell whether a JSON text is nested deeper than any resource, so that decoding it could exhaust the stack."""
    if payload.count(b"[") + payload.count(b"{") <= _DEEPEST:
        return False
    depth = 0
    for bracket in _BRACKETS.finditer(payload):
        depth += (bracket[1] is not None) - (bracket[2] is not None)
        if depth > _DEEPEST:
            return True
    return False
