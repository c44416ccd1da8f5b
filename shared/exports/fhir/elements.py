"""The use of every element of the FHIR resources that an export is read from.

The readers of this package do what the table says; `walk` finds in a resource what the table leaves out or does not
know, and docs/fhir-elements.md is made from it. Names are those of FHIR R4 (4.0.1) in JSON, and of STU3 and DSTU2 where
an older element may say that a dose was not given. Types have rows of their own, which hold wherever the type is used.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple


class Fate(Enum):
    """The use of an element; the text is for docs/fhir-elements.md."""

    REPORTED = "reported"
    DECIDES = "decides"
    LEFT_OUT = "left out with a warning"
    HARMLESS = "not read"
    HOLDS = "holds the dose"


class Element(NamedTuple):
    """One element.

    Attributes:
        path: The type and the names that lead to it.
        fate: What becomes of it.
        words: The HL7 field, what it decides, or why nothing is lost without it.
        type: The FHIR type whose rows say what becomes of its parts; empty if it has none, or if they share its fate.
    """

    path: str
    fate: Fate
    words: str
    type: str = ""


_R, _D, _L, _N, _H = Fate.REPORTED, Fate.DECIDES, Fate.LEFT_OUT, Fate.HARMLESS, Fate.HOLDS
_CONCEPT: Final = "CodeableConcept"
_OF_SERVER: Final = "for the server and its programs"
_OF_PRACTICE: Final = "nothing of it belongs in a report of a dose"
_OF_CLINIC: Final = "the clinic's data are sent as clinics.toml has them"
_OLD: Final = "STU3 and DSTU2: "


def _common(kind: str) -> tuple[Element, ...]:
    """The elements that every resource has."""
    return (
        Element(f"{kind}.resourceType", _D, "what the resource is"),
        Element(f"{kind}.id", _D, "the name that references have for it"),
        Element(f"{kind}.meta", _D, "which of several versions counts", "Meta"),
        Element(f"{kind}.implicitRules", _H, "rules that may change what the resource means"),
        Element(f"{kind}.language", _N, "the language of its texts"),
        Element(f"{kind}.text", _N, "the resource in words, for people"),
        Element(f"{kind}.contained", _D, "resources that it refers to", "Resource"),
        Element(f"{kind}.extension", _D, "by its URL: see below", "Extension"),
        Element(f"{kind}.modifierExtension", _H, "it may change what the resource means"),
    )


IMMUNIZATION: Final = (
    *_common("Immunization")[:1],
    Element("Immunization.id", _R, "ORC-3"),
    *_common("Immunization")[2:],
    Element("Immunization.identifier", _D, "ORC-3, where the resource has no id", "Identifier"),
    Element("Immunization.status", _R, "RXA-20, RXA-21"),
    Element("Immunization.statusReason", _R, "RXA-18; a medical one is left out with a warning", _CONCEPT),
    Element("Immunization.vaccineCode", _R, "RXA-5", _CONCEPT),
    Element("Immunization.patient", _D, "whose dose it is", "Reference"),
    Element("Immunization.encounter", _N, _OF_PRACTICE),
    Element("Immunization.occurrenceDateTime", _R, "RXA-3"),
    Element("Immunization.occurrenceString", _D, "a day in words is no date: the dose is held"),
    Element("Immunization.recorded", _N, "when it was entered; the profile has no field for it"),
    Element("Immunization.primarySource", _R, "RXA-9"),
    Element("Immunization.reportOrigin", _R, "RXA-9 of a historical dose", _CONCEPT),
    Element("Immunization.location", _D, "which clinic reports the dose", "Reference"),
    Element("Immunization.manufacturer", _R, "RXA-17", "Reference"),
    Element("Immunization.lotNumber", _R, "RXA-15"),
    Element("Immunization.expirationDate", _R, "RXA-16"),
    Element("Immunization.site", _R, "RXR-2", _CONCEPT),
    Element("Immunization.route", _R, "RXR-1", _CONCEPT),
    Element("Immunization.doseQuantity", _R, "RXA-6, RXA-7", "Quantity"),
    Element("Immunization.performer", _R, "RXA-10, ORC-12, ORC-10; others are named in a warning"),
    Element("Immunization.performer.function", _D, "which of these fields", _CONCEPT),
    Element("Immunization.performer.actor", _R, "RXA-10, ORC-12, ORC-10", "Reference"),
    Element("Immunization.note", _R, "NTE-3, or OBX 48767-8", "Annotation"),
    Element("Immunization.reasonCode", _N, "why the vaccine was chosen; the profile has no field for it"),
    Element("Immunization.reasonReference", _N, "why the vaccine was chosen; the profile has no field for it"),
    Element("Immunization.isSubpotent", _D, "RXA-20 PA for a partial dose; any other such dose is held"),
    Element("Immunization.subpotentReason", _D, "RXA-20 PA for a partial dose; any other such dose is held", _CONCEPT),
    Element("Immunization.education", _R, "OBX 69764-9, 29769-7"),
    Element("Immunization.education.documentType", _R, "OBX 69764-9"),
    Element(
        "Immunization.education.reference",
        _N,
        "the address of the statement that documentType names; without one, the statement is named in a warning",
    ),
    Element(
        "Immunization.education.publicationDate",
        _N,
        "the document type has the edition in it; without one, the statement is named in a warning",
    ),
    Element("Immunization.education.presentationDate", _R, "OBX 29769-7"),
    Element("Immunization.programEligibility", _R, "OBX 64994-7; two that differ hold the dose", _CONCEPT),
    Element("Immunization.fundingSource", _R, "OBX 30963-3", _CONCEPT),
    Element("Immunization.reaction", _L, "a reaction to the vaccine"),
    Element("Immunization.protocolApplied", _R, "OBX 30973-2"),
    Element("Immunization.protocolApplied.series", _N, "the IIS evaluates the series itself"),
    Element("Immunization.protocolApplied.authority", _N, "the IIS evaluates the series itself"),
    Element("Immunization.protocolApplied.targetDisease", _N, "the IIS evaluates the series itself"),
    Element("Immunization.protocolApplied.doseNumberPositiveInt", _R, "OBX 30973-2"),
    Element("Immunization.protocolApplied.doseNumberString", _R, "OBX 30973-2"),
    Element("Immunization.protocolApplied.seriesDosesPositiveInt", _N, "the IIS evaluates the series itself"),
    Element("Immunization.protocolApplied.seriesDosesString", _N, "the IIS evaluates the series itself"),
    Element("Immunization.notGiven", _R, f"{_OLD}RXA-20"),
    Element("Immunization.wasNotGiven", _R, f"{_OLD}RXA-20"),
    Element("Immunization.explanation", _R, f"{_OLD}RXA-18"),
    Element("Immunization.explanation.reason", _N, f"{_OLD}why the vaccine was chosen"),
    Element("Immunization.explanation.reasonNotGiven", _R, f"{_OLD}RXA-18", _CONCEPT),
    Element("Immunization.reported", _R, f"{_OLD}RXA-9"),
    Element("Immunization.date", _R, f"{_OLD}RXA-3"),
    Element("Immunization.practitioner", _L, f"{_OLD}who gave the dose"),
    Element("Immunization.requester", _L, f"{_OLD}who ordered the dose"),
    Element("Immunization.vaccinationProtocol", _L, f"{_OLD}the series"),
)
PATIENT: Final = (
    *_common("Patient"),
    Element("Patient.identifier", _R, "PID-3: the record number; other numbers are not sent", "Identifier"),
    Element("Patient.active", _D, "a patient who is not active is named in a warning"),
    Element("Patient.name", _R, "PID-5", "HumanName"),
    Element("Patient.telecom", _R, "PID-13", "ContactPoint"),
    Element("Patient.gender", _R, "PID-8"),
    Element("Patient.birthDate", _R, "PID-7"),
    Element("Patient.deceasedBoolean", _R, "PID-30"),
    Element("Patient.deceasedDateTime", _R, "PID-29, PID-30"),
    Element("Patient.address", _R, "PID-11", "Address"),
    Element("Patient.maritalStatus", _N, _OF_PRACTICE),
    Element("Patient.multipleBirthBoolean", _R, "PID-24"),
    Element("Patient.multipleBirthInteger", _R, "PID-24, PID-25; 1 alone tells no multiple birth"),
    Element("Patient.photo", _N, _OF_PRACTICE),
    Element("Patient.contact", _R, "NK1; without names or relationship it is left out with a warning"),
    Element("Patient.contact.relationship", _R, "NK1-3", _CONCEPT),
    Element("Patient.contact.name", _R, "NK1-2", "HumanName"),
    Element("Patient.contact.telecom", _R, "NK1-5", "ContactPoint"),
    Element("Patient.contact.address", _R, "NK1-4", "Address"),
    Element("Patient.contact.gender", _N, _OF_PRACTICE),
    Element("Patient.contact.organization", _D, "names a contact without name in its warning", "Reference"),
    Element("Patient.contact.period", _D, "a contact that is not in force is not reported", "Period"),
    Element("Patient.communication", _N, "the patient's language; the profile has no field for it"),
    Element("Patient.generalPractitioner", _N, _OF_PRACTICE),
    Element("Patient.careProvider", _N, _OF_PRACTICE),
    Element("Patient.managingOrganization", _N, _OF_SERVER),
    Element("Patient.link", _D, "who is reported, if patients were merged"),
    Element("Patient.link.other", _D, "who is reported, if patients were merged", "Reference"),
    Element("Patient.link.type", _D, "who is reported, if patients were merged"),
    Element("Patient.animal", _H, f"{_OLD}the patient is an animal"),
)
OTHERS: Final = (
    *_common("Practitioner"),
    Element("Practitioner.identifier", _R, "RXA-10.1, ORC-12.1, ORC-10.1: the NPI", "Identifier"),
    Element("Practitioner.active", _N, "who gave the dose did so, whatever became of the person"),
    Element("Practitioner.name", _R, "RXA-10, ORC-12, ORC-10", "HumanName"),
    *(
        Element(f"Practitioner.{name}", _N, _OF_PRACTICE)
        for name in ("telecom", "address", "gender", "birthDate", "photo", "qualification", "communication")
    ),
    *_common("PractitionerRole"),
    Element("PractitionerRole.identifier", _R, "RXA-10.1, ORC-12.1, ORC-10.1: the NPI", "Identifier"),
    Element("PractitionerRole.practitioner", _R, "RXA-10, ORC-12, ORC-10", "Reference"),
    *(
        Element(f"PractitionerRole.{name}", _N, _OF_PRACTICE)
        for name in ("active", "period", "organization", "code", "specialty", "location", "healthcareService")
    ),
    *(
        Element(f"PractitionerRole.{name}", _N, _OF_PRACTICE)
        for name in ("telecom", "availableTime", "notAvailable", "availabilityExceptions", "endpoint")
    ),
    *_common("Location"),
    Element("Location.identifier", _D, "which clinic reports the dose", "Identifier"),
    Element("Location.name", _D, "which clinic reports the dose"),
    *(
        Element(f"Location.{name}", _N, _OF_CLINIC)
        for name in ("status", "operationalStatus", "alias", "description", "mode", "type", "telecom", "address")
    ),
    *(
        Element(f"Location.{name}", _N, _OF_CLINIC)
        for name in ("physicalType", "position", "managingOrganization", "partOf", "hoursOfOperation")
    ),
    *(Element(f"Location.{name}", _N, _OF_CLINIC) for name in ("availabilityExceptions", "endpoint")),
    *_common("Organization"),
    Element("Organization.identifier", _R, "RXA-17: the MVX of a manufacturer", "Identifier"),
    Element("Organization.name", _R, "RXA-17: the name of a manufacturer"),
    *(
        Element(f"Organization.{name}", _N, "of a manufacturer only its code is sent")
        for name in ("active", "type", "alias", "telecom", "address", "partOf", "contact", "endpoint")
    ),
)
CONTAINERS: Final = (
    Element("Bundle.resourceType", _D, "what the resource is"),
    Element("Bundle.id", _N, _OF_SERVER),
    Element("Bundle.meta", _N, _OF_SERVER),
    Element("Bundle.implicitRules", _H, "rules that may change what the Bundle means: all its doses are held"),
    Element("Bundle.language", _N, "the language of its texts"),
    Element("Bundle.identifier", _N, _OF_SERVER),
    Element("Bundle.type", _D, "a history has the newest version first"),
    Element("Bundle.timestamp", _N, _OF_SERVER),
    Element("Bundle.total", _N, "how many a search found, on all its pages"),
    Element("Bundle.link", _D, "a page `next` that is not in the file is named in a warning"),
    Element("Bundle.entry", _D, "the resources"),
    Element("Bundle.entry.link", _N, _OF_SERVER),
    Element("Bundle.entry.fullUrl", _D, "the name that references have for the resource"),
    Element("Bundle.entry.resource", _D, "the resource"),
    Element("Bundle.entry.search", _N, "why the server gave the entry"),
    Element("Bundle.entry.request", _D, "DELETE deletes a dose"),
    Element("Bundle.entry.response", _D, "an error is named; when a version was made"),
    Element("Bundle.entry.extension", _N, _OF_SERVER),
    Element("Bundle.entry.modifierExtension", _H, "it may change what the entry means"),
    Element("Bundle.signature", _N, _OF_SERVER),
    Element("Manifest.transactionTime", _D, "as of when the export counts"),
    Element("Manifest.request", _N, _OF_SERVER),
    Element("Manifest.requiresAccessToken", _N, _OF_SERVER),
    Element("Manifest.outputOrganizedBy", _N, _OF_SERVER),
    Element("Manifest.output", _D, "which files are the export, and how many resources they have"),
    Element("Manifest.deleted", _D, "which files name deleted resources"),
    Element("Manifest.error", _D, "errors that the server met are named"),
    Element("Manifest.link", _D, "a manifest `next` is named"),
    Element("Manifest.extension", _N, _OF_SERVER),
)
TYPES: Final = (
    Element("Meta.versionId", _D, "which of several versions counts"),
    Element("Meta.lastUpdated", _D, "which of several versions counts"),
    Element("Meta.source", _N, _OF_SERVER),
    Element("Meta.profile", _N, _OF_SERVER),
    Element("Meta.security", _D, "HTEST: test data are held", "Coding"),
    Element("Meta.tag", _D, "HTEST: test data are held; SUBSETTED: a warning", "Coding"),
    Element("Identifier.use", _D, "an old number is not reported"),
    Element("Identifier.type", _D, "whether it is the record number", _CONCEPT),
    Element("Identifier.system", _D, "whether it is the record number, an NPI, an MVX"),
    Element("Identifier.value", _R, "the number"),
    Element("Identifier.period", _D, "a number that is not in force is not reported", "Period"),
    Element("Identifier.assigner", _N, _OF_SERVER),
    Element("HumanName.use", _D, "which name is the one in use; `maiden` is an alias"),
    Element("HumanName.text", _D, "the name of a provider without last name; of others it is not read"),
    Element("HumanName.family", _R, "XPN.1"),
    Element("HumanName.given", _R, "XPN.2, XPN.3"),
    Element("HumanName.prefix", _N, "a title is no part of the name that IISs match"),
    Element("HumanName.suffix", _R, "XPN.4 of patients and relatives"),
    Element("HumanName.period", _D, "a name that is not in force is not reported", "Period"),
    Element("Address.use", _R, "XAD.7; an old address is not reported"),
    Element("Address.type", _R, "XAD.7"),
    Element("Address.text", _D, "an address that has nothing else is left out with a warning"),
    Element("Address.line", _R, "XAD.1, XAD.2"),
    Element("Address.city", _R, "XAD.3"),
    Element("Address.district", _R, "XAD.9: the county"),
    Element("Address.state", _R, "XAD.4"),
    Element("Address.postalCode", _R, "XAD.5"),
    Element("Address.country", _R, "XAD.6"),
    Element("Address.period", _D, "an address that is not in force is not reported", "Period"),
    Element("ContactPoint.system", _D, "telephone numbers and e-mail addresses are reported"),
    Element("ContactPoint.value", _R, "XTN.4, XTN.6, XTN.7"),
    Element("ContactPoint.use", _R, "XTN.2, XTN.3; an old number is not reported"),
    Element("ContactPoint.rank", _D, "which number is first"),
    Element("ContactPoint.period", _D, "a number that is not in force is not reported", "Period"),
    Element("Period.start", _D, "what is in force"),
    Element("Period.end", _D, "what is in force"),
    Element("CodeableConcept.coding", _R, "the first coding that vaxline's tables have", "Coding"),
    Element("CodeableConcept.text", _R, "where no coding says it"),
    Element("Coding.system", _D, "which codes are CVX, NDC, MVX"),
    Element("Coding.version", _N, "codes keep their meaning"),
    Element("Coding.code", _R, "the code"),
    Element("Coding.display", _R, "the text of a vaccine; where no code says it, the meaning"),
    Element("Coding.userSelected", _N, "every coding of a concept means the same"),
    Element("Reference.reference", _D, "which resource is meant"),
    Element("Reference.type", _D, "which resource is meant, by an identifier"),
    Element(
        "Reference.identifier", _D, "which resource is meant; the NPI of a person, the MVX of a maker", "Identifier"
    ),
    Element("Reference.display", _R, "a name, where the resource has none"),
    Element("Quantity.value", _R, "RXA-6"),
    Element("Quantity.comparator", _D, "an amount that is only a limit is left out with a warning"),
    Element("Quantity.unit", _R, "RXA-7, where `code` is no unit"),
    Element("Quantity.system", _N, "the code tells the unit"),
    Element("Quantity.code", _R, "RXA-7"),
    Element("Annotation.authorReference", _N, _OF_PRACTICE),
    Element("Annotation.authorString", _N, _OF_PRACTICE),
    Element("Annotation.time", _N, _OF_PRACTICE),
    Element("Annotation.text", _R, "NTE-3"),
)
TABLE: Final[tuple[Element, ...]] = (*IMMUNIZATION, *PATIENT, *OTHERS, *CONTAINERS, *TYPES)
TITLES: Final = {
    "Immunization": "Immunization",
    "Patient": "Patient",
    "Practitioner": "Practitioner",
    "PractitionerRole": "PractitionerRole",
    "Location": "Location",
    "Organization": "Organization",
    "Bundle": "Bundle",
    "Manifest": "The manifest of a bulk export",
}
"""The tables of resources, in the order of docs/fhir-elements.md; the others are of types."""

_HL7: Final = "http://hl7.org/fhir/StructureDefinition/"
_US_CORE: Final = "http://hl7.org/fhir/us/core/StructureDefinition/"
EXTENSIONS: Final[tuple[Element, ...]] = (
    Element(f"{_US_CORE}us-core-race", _R, "PID-10: ombCategory and detailed, else text"),
    Element(f"{_US_CORE}us-core-ethnicity", _R, "PID-22: ombCategory and detailed, else text"),
    Element(f"{_HL7}patient-mothersMaidenName", _R, "PID-6: the last name in it"),
    Element(f"{_US_CORE}us-core-birthsex", _N, "PID-8 is the gender"),
    Element(f"{_US_CORE}us-core-sex", _N, "PID-8 is the gender"),
    Element(f"{_US_CORE}us-core-individual-sex", _N, "PID-8 is the gender"),
    Element(f"{_US_CORE}us-core-genderIdentity", _N, "PID-8 is the gender"),
    Element(f"{_HL7}individual-genderIdentity", _N, "PID-8 is the gender"),
    Element(f"{_HL7}individual-pronouns", _N, _OF_PRACTICE),
    Element(f"{_HL7}individual-recordedSexOrGender", _N, "PID-8 is the gender"),
    Element(f"{_HL7}patient-genderIdentity", _N, "PID-8 is the gender"),
    Element(f"{_HL7}patient-sexParameterForClinicalUse", _N, "PID-8 is the gender"),
    Element(f"{_US_CORE}us-core-tribal-affiliation", _N, _OF_PRACTICE),
    Element(f"{_US_CORE}us-core-interpreter-needed", _N, _OF_PRACTICE),
    Element(f"{_US_CORE}us-core-direct", _N, "the kind of an e-mail address"),
    Element(f"{_HL7}patient-birthPlace", _N, _OF_PRACTICE),
    Element(f"{_HL7}patient-birthTime", _N, "PID-7 is a day"),
    Element(f"{_HL7}patient-citizenship", _N, _OF_PRACTICE),
    Element(f"{_HL7}patient-nationality", _N, _OF_PRACTICE),
    Element(f"{_HL7}patient-religion", _N, _OF_PRACTICE),
    Element(f"{_HL7}patient-disability", _N, _OF_PRACTICE),
    Element(f"{_HL7}patient-importance", _N, _OF_PRACTICE),
    Element(f"{_HL7}patient-interpreterRequired", _N, _OF_PRACTICE),
    Element(f"{_HL7}patient-preferenceType", _N, _OF_PRACTICE),
    Element(f"{_HL7}patient-proficiency", _N, _OF_PRACTICE),
    Element(f"{_HL7}data-absent-reason", _N, "why a value is absent"),
    Element(f"{_HL7}geolocation", _N, "the address is sent"),
    Element(f"{_HL7}iso21090-", _N, "parts of a name or address that are sent as a whole"),
    Element(f"{_HL7}humanname-", _N, "parts of a name that are sent as a whole"),
    Element(f"{_HL7}contactpoint-", _N, "parts of a number that are sent as a whole"),
    Element(f"{_HL7}rendered-value", _N, "for display"),
)
"""Extensions by their URLs; one that ends with a hyphen stands for all that begin so."""
