"""A FHIR R4 Immunization as a dose.

Sources: US Core 6.1, and the HL7 v2-to-FHIR mapping (Implementation Guide, VXU_V04) read in the other direction.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo
from decimal import Decimal
from typing import Final

from shared.domain.codes import cdc, local, tables
from shared.domain.codes.diseases import observed
from shared.domain.codes.table import normalized
from shared.domain.hl7 import loinc
from shared.domain.identity import normalized_id
from shared.domain.model import ADMINISTERED, NO_CODE, Action, Code, Completion, Dose, Finding, Observation, Vis
from shared.exports import values
from shared.exports.fhir import days
from shared.exports.fhir import model as fhir
from shared.exports.fhir.labels import labels
from shared.exports.fhir.lookup import Lookup
from shared.exports.fhir.performers import performers
from shared.exports.fhir.reading import Reading, spellings
from shared.exports.fhir.systems import standard_system
from shared.exports.visits import information_source
from shared.replaced import replace

_NEW: Final = tables.INFORMATION_SOURCE.by_spelling[ADMINISTERED]
_HISTORICAL: Final = tables.INFORMATION_SOURCE.by_spelling["01"]
_DOCUMENT_LENGTH: Final = 24
_STANDARD_SYSTEMS: Final = frozenset({"cvx", "ndc"})
# v3 ActReason: out of stock is nobody's refusal. Immunity and a medical precaution concern the registry.
_OUT_OF_STOCK: Final = "OSTOCK"
_MEDICAL: Final = {"IMMUNE": "immunity", "MEDPREC": "medical precaution"}
_LOINC: Final = {"IMMUNE": loinc.IMMUNITY, "MEDPREC": loinc.CONTRAINDICATION}
_OBSERVED_SYSTEMS: Final = frozenset({"http://snomed.info/sct", "urn:oid:2.16.840.1.114222.4.5.274"})
_NO_VACCINE: Final = Code("998", "No vaccine administered", "CVX")
_NO_CONCEPT: Final = fhir.Concept()
_PARTIAL: Final = "partialdose"


def dose(
    resource: fhir.Immunization, row: int, part: str, lookup: Lookup, zone: tzinfo | None = None
) -> tuple[Dose, tuple[Finding, ...]]:
    """Read the dose of one Immunization.

    Args:
        resource: The decoded resource.
        row: Its line in the file, from 1.
        part: The name of the file.
        lookup: Resolves the references of the resource.
        zone: The time zone of days that are written in UTC; None if they count as written.

    Returns:
        The dose, and a finding for each value that could not be read.
    """
    reading = Reading(row)
    if resource.meta.security or resource.meta.tag:
        reading.findings += labels(resource.meta, "Immunization", "RXA", row)
    observations = _medical_observations(resource)
    completion, action, reason = _status(resource, reading)
    people = performers(resource.performer, lookup.person, reading)
    amount, units = _amount(resource.doseQuantity, reading)
    lot = resource.lotNumber.strip()
    read = Dose(
        id=dose_id(resource),
        date=days.local_day(resource.occurrence, zone) or "",
        vaccine=_NO_VACCINE if observations else _vaccine(resource.vaccineCode, reading),
        ndc="" if observations else _ndc(resource.vaccineCode, reading),
        completion=completion,
        information_source=information_source(_origin(resource), completion, lot),
        action=action,
        amount=amount,
        units=units,
        lot=lot,
        expiry=_expiry(resource.expirationDate, reading),
        manufacturer=_manufacturer(resource.manufacturer, lookup, reading),
        route=reading.code(tables.ROUTE, resource.route, "RXR-1", "route", matters=False),
        site=reading.code(tables.SITE, resource.site, "RXR-2", "site", matters=False),
        refusal_reason=reason,
        eligibility=_eligibility(resource.programEligibility, reading),
        funding_source=reading.code(
            tables.FUNDING_SOURCE, resource.fundingSource, "OBX 30963-3", "fundingSource", matters=True
        ),
        vis=_vis(resource.education, zone, reading),
        observations=observations,
        dose_number=_dose_number(resource.protocolApplied, reading),
        comment="\n".join(note.text.strip() for note in resource.note if note.text.strip()),
        administered_by=people.administered_by,
        ordered_by=people.ordered_by,
        entered_by=people.entered_by,
        row=row,
        part=part,
    )
    return read, tuple(reading.findings)


def dose_id(resource: fhir.Immunization) -> str:
    """Return the id of the dose: that of the resource; its first identifier where a Bundle gives no id."""
    numbers = (resource.id, *(identifier.value for identifier in resource.identifier))
    return next((number for each in numbers if (number := normalized_id(each))), "")


def _status(resource: fhir.Immunization, reading: Reading) -> tuple[Completion, Action, Code]:
    """RXA-20, RXA-21 and RXA-18. A resource entered in error becomes a delete with the content it had."""
    if resource.status == fhir.IN_ERROR:
        return Completion.COMPLETE, Action.DELETE, NO_CODE
    if resource.status == "not-done" or resource.notGiven or resource.wasNotGiven:
        return _not_given(resource, reading)
    if resource.status != "completed":
        reading.note("CODE-UNKNOWN", "RXA-20", "status", resource.status)
    if resource.statusReason != _NO_CONCEPT or resource.explanation.reasonNotGiven:
        reason = next((word for concept in _reasons(resource) for word in spellings(concept)), "")
        if reason:
            reading.note("STATUS-CONTRADICTS", "RXA-20", "statusReason", reason)
    return _given(resource, reading), Action.ADD, NO_CODE


def _not_given(resource: fhir.Immunization, reading: Reading) -> tuple[Completion, Action, Code]:
    concepts = _reasons(resource)
    for concept in concepts:
        for spelling in spellings(concept):
            reason = tables.REFUSAL_REASON.look_up(spelling)
            if reason:
                # "Other" asks for a description (NIP002).
                is_other = reason.code == "02" and concept.text
                return Completion.REFUSED, Action.ADD, replace(reason, text=concept.text) if is_other else reason
    stated = next((concept for concept in concepts if any(spellings(concept))), resource.statusReason)
    return Completion.NOT_ADMINISTERED, Action.ADD, _local_reason(stated, reading)


def _reasons(resource: fhir.Immunization) -> tuple[fhir.Concept, ...]:
    """Why the dose was not given."""
    return (resource.statusReason, *resource.explanation.reasonNotGiven)


def _given(resource: fhir.Immunization, reading: Reading) -> Completion:
    """RXA-20 of a dose that was given. HL7 says of a dose that does not count only that it was no full one."""
    if resource.isSubpotent is False or not (resource.isSubpotent or resource.subpotentReason):
        return Completion.COMPLETE
    reasons = [spelling for concept in resource.subpotentReason for spelling in spellings(concept)]
    if not (resource.isSubpotent or reasons):
        return Completion.COMPLETE
    if any(normalized(reason).replace(" ", "") == _PARTIAL for reason in reasons):
        return Completion.PARTIALLY_ADMINISTERED
    reading.note("DOSE-SUBPOTENT", "RXA-20", "isSubpotent", next(iter(reasons), "true"))
    return Completion.COMPLETE


def _local_reason(concept: fhir.Concept, reading: Reading) -> Code:
    """A reason in the EHR's own code; a map in clinics.toml may say that it is a refusal."""
    words = list(spellings(concept))
    if not words or _OUT_OF_STOCK in words:
        return NO_CODE
    medical = next((word for word in words if word in _MEDICAL), "")
    if medical and _observation(concept) is not None:
        return NO_CODE
    if medical:
        value = concept.text or _MEDICAL[medical]
        reading.note("MEDICAL-REASON-LEFT-OUT", "RXA-18", "statusReason", f"{medical}: {value}")
        return NO_CODE
    reading.note("CODE-LEFT-OUT", "RXA-18", "statusReason", words[0])
    return local.unread(words[0], concept.text)


def _medical_observations(resource: fhir.Immunization) -> tuple[Observation, ...]:
    """The immunity or contraindication for which a dose was not given (National IG, appendix B: with CVX 998)."""
    if resource.status != "not-done" and not resource.notGiven and not resource.wasNotGiven:
        return ()
    concepts = _reasons(resource)
    if any(tables.REFUSAL_REASON.look_up(word) for concept in concepts for word in spellings(concept)):
        return ()
    found = (_observation(concept) for concept in concepts)
    return tuple(observation for observation in found if observation is not None)


def _observation(concept: fhir.Concept) -> Observation | None:
    """The observation of a reason that names immunity or a precaution and, in SNOMED CT or CDCPHINVS, of what."""
    medical = next((word for word in spellings(concept) if word in _MEDICAL), "")
    if not medical:
        return None
    for coding in concept.coding:
        value = observed(coding.code) if coding.system in _OBSERVED_SYSTEMS else None
        if value is not None:
            return Observation(_LOINC[medical], replace(value, text=coding.display))
    return None


def _origin(resource: fhir.Immunization) -> Code:
    """NIP001: `primarySource` says whether it was given here, `reportOrigin` who reported a historical dose."""
    if resource.is_primary:
        return _NEW
    origins = (tables.INFORMATION_SOURCE.look_up(spelling) for spelling in spellings(resource.reportOrigin))
    stated = next((origin for origin in origins if origin and origin.code != ADMINISTERED), None)
    if resource.is_primary is None:
        return stated or NO_CODE
    return stated or _HISTORICAL


def _decimal(number: Decimal) -> str:
    return values.amount(format(number, "f")) or format(number, "f")


def _amount(quantity: fhir.Quantity, reading: Reading) -> tuple[str, Code]:
    """RXA-6 and RXA-7. An amount of an unknown unit (`{each}`, `{dose}`) is left out, because it tells no amount."""
    if quantity.value is None:
        return "", NO_CODE
    amount = _decimal(quantity.value)
    if quantity.comparator:
        reading.note(
            "VALUE-LEFT-OUT", "RXA-6", "doseQuantity", f"{quantity.comparator}{amount} {quantity.unit}".strip()
        )
        return "", NO_CODE
    for spelling in (quantity.code, quantity.unit):
        units = tables.UNITS.look_up(spelling) if spelling else None
        if units:
            return amount, units
    unit = quantity.code or quantity.unit
    if not unit or values.is_unknown_amount(amount):
        return amount, NO_CODE
    reading.note("VALUE-LEFT-OUT", "RXA-6", "doseQuantity", f"{amount} {unit}")
    return "", NO_CODE


def _vaccine(concept: fhir.Concept, reading: Reading) -> Code:
    """The CVX coding, with the EHR's own code (neither CVX nor NDC) as alternate; without CVX, the own code alone."""
    cvx = _cvx(concept, reading)
    if local.is_unread(cvx):
        return cvx
    for coding in concept.coding:
        if coding.code and standard_system(coding.system) not in _STANDARD_SYSTEMS:
            own = local.unread(coding.code, coding.display)
            return replace(own, code=cvx.code, text=cvx.text or concept.text, system=cvx.system)
    if not cvx and concept.text:
        return local.unread(concept.text, concept.text)
    return cvx


def _cvx(concept: fhir.Concept, reading: Reading) -> Code:
    """The CVX of a vaccine, as a local code if it is no number. Of two, one for any formulation says less."""
    good: dict[str, Code] = {}
    bad: list[fhir.Coding] = []
    for coding in concept.coding:
        if coding.code and standard_system(coding.system) == "cvx":
            code = tables.cvx(coding.code, coding.display or concept.text)
            if code is None:
                bad.append(coding)
            else:
                good.setdefault(code.code, code)
    if not good and bad:
        reading.note("CODE-UNKNOWN", "RXA-5", "vaccineCode", bad[0].code)
        return local.unread(bad[0].code, bad[0].display)
    for coding in bad:
        reading.note("VALUE-LEFT-OUT", "RXA-5", "vaccineCode", coding.code)
    specific = [code for code in good.values() if not _is_unspecified(code)] or list(good.values())
    if len(specific) > 1:
        reading.note("CODES-DIFFER", "RXA-5", "vaccineCode", ", ".join(code.code for code in specific))
    return specific[0] if specific else NO_CODE


def _is_unspecified(code: Code) -> bool:
    row = cdc.cvx(code.code)
    return row is not None and row.unspecified


def _ndc(concept: fhir.Concept, reading: Reading) -> str:
    for coding in concept.coding:
        if standard_system(coding.system) == "ndc" and coding.code:
            ndc = cdc.ndc_11(coding.code)
            if ndc is not None:
                return ndc
            reading.note("VALUE-LEFT-OUT", "RXA-5", "vaccineCode", coding.code)
    return ""


def _expiry(text: str, reading: Reading) -> str:
    if not text:
        return ""
    day = values.iso_day(text) or values.month(text)
    if day is None:
        reading.note("DATE-UNREADABLE", "RXA-16", "expirationDate", text)
    return day or ""


def _manufacturer(reference: fhir.Reference, lookup: Lookup, reading: Reading) -> Code:
    """The MVX code, by an identifier of that system at the reference or at its Organization, or by CDC's name of it."""
    code = _mvx(reference.identifier, reference.display)
    if code:
        return code
    organization = lookup.actor(reference)
    name = organization.name if organization and isinstance(organization.name, str) else ""
    texts = [text for text in (reference.display, name) if text]
    for identifier in organization.identifier if organization else ():
        code = _mvx(identifier, texts[0] if texts else "")
        if code:
            return code
    for text in texts:
        row = cdc.mvx(text) if text.isupper() else None
        row = row or cdc.mvx_named(text)
        if row:
            return tables.mvx(row.code) or NO_CODE
    spelling = texts[0] if texts else reference.identifier.value
    if not spelling:
        return NO_CODE
    reading.note("CODE-UNKNOWN", "RXA-17", "manufacturer", spelling)
    return local.unread(spelling)


def _mvx(identifier: fhir.Identifier, text: str) -> Code | None:
    return tables.mvx(identifier.value, text) if standard_system(identifier.system) == "mvx" else None


def _eligibility(concepts: Iterable[fhir.Concept], reading: Reading) -> Code:
    """The eligibility, the first that the table has; if it has none, the last one as a local code."""
    codes = [
        reading.code(tables.ELIGIBILITY, concept, "OBX 64994-7", "programEligibility", matters=True)
        for concept in concepts
    ]
    if len(codes) == 1:
        return codes[0]
    known = list(dict.fromkeys(code for code in codes if code))
    if len(known) > 1:
        value = ", ".join(code.code for code in known)
        reading.note("CODES-DIFFER", "OBX 64994-7", "programEligibility", value)
    unread = [code for code in codes if local.is_unread(code)]
    return next(iter((*known, *reversed(unread))), NO_CODE)


def _vis(statements: Iterable[fhir.Education], zone: tzinfo | None, reading: Reading) -> tuple[Vis, ...]:
    """The statements with a document type; nothing else tells which statement it was."""
    read = []
    for statement in statements:
        edition, presented = statement.publicationDate, statement.presentationDate
        if len(statement.documentType) == _DOCUMENT_LENGTH:
            day = days.local_day(presented, zone) or ""
            read.append(Vis(statement.documentType, edition=values.iso_day(edition) or "", presented=day))
        elif value := statement.documentType or statement.reference or edition or presented:
            reading.note("VALUE-LEFT-OUT", "OBX 69764-9", "education", value)
    return tuple(read)


def _dose_number(protocols: tuple[fhir.Protocol, ...], reading: Reading) -> str:
    """The number of the dose in its series; the first one, where a vaccine counts in several series."""
    if not protocols:
        return ""
    numbers = [
        str(protocol.doseNumberPositiveInt)
        if protocol.doseNumberPositiveInt is not None
        else protocol.doseNumberString.strip()
        for protocol in protocols
    ]
    numbers = list(dict.fromkeys(number for number in numbers if number))
    for number in numbers[1:]:
        reading.note("VALUE-LEFT-OUT", "OBX 30973-2", "protocolApplied", number)
    return numbers[0] if numbers else ""
