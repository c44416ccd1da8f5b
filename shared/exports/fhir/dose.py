"""A FHIR R4 Immunization as a dose.

Sources: US Core 6.1, and the HL7 v2-to-FHIR mapping (Implementation Guide, VXU_V04) read in the other direction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Final

from shared.domain.codes import cdc, local, tables
from shared.domain.codes.table import Table, normalized
from shared.domain.identity import normalized_id
from shared.domain.model import ADMINISTERED, NO_CODE, Action, Code, Completion, Dose, Finding, Provider, Vis
from shared.exports import values
from shared.exports.fhir import model as fhir
from shared.exports.fhir import patient
from shared.exports.visits import information_source
from shared.replaced import replace

_NEW: Final = tables.INFORMATION_SOURCE.by_spelling[ADMINISTERED]
_HISTORICAL: Final = tables.INFORMATION_SOURCE.by_spelling["01"]
_DOCUMENT_LENGTH: Final = 24
_STANDARD_SYSTEMS: Final = fhir.CVX_SYSTEMS | fhir.NDC_SYSTEMS
_NOBODY: Final = Provider()
# v3 ActReason: immunity, medical precaution, out of stock.
_NO_REFUSAL: Final = frozenset({"IMMUNE", "MEDPREC", "OSTOCK"})
_PARTIAL: Final = "partialdose"

FindActor = Callable[[fhir.Reference], fhir.Actor | None]
"""Resolves a reference to a Practitioner, Organization or Location; None if the export does not hold it."""


def dose(resource: fhir.Immunization, row: int, part: str, find: FindActor) -> tuple[Dose, tuple[Finding, ...]]:
    """Read the dose of one Immunization.

    Args:
        resource: The decoded resource.
        row: Its line in the file, from 1.
        part: The name of the file.
        find: Resolves the references of the resource.

    Returns:
        The dose, and a finding for each value that could not be read.
    """
    reading = _Reading(row)
    completion, action, reason = _status(resource, reading)
    administered_by, ordered_by = _performers(resource, find, reading)
    amount = resource.doseQuantity.value
    lot = resource.lotNumber.strip()
    read = Dose(
        id=dose_id(resource),
        date=values.iso_day(resource.occurrence) or "",
        vaccine=_vaccine(resource.vaccineCode, reading),
        ndc=_ndc(resource.vaccineCode, reading),
        completion=completion,
        information_source=information_source(_origin(resource), completion, lot),
        action=action,
        amount=_decimal(amount) if amount is not None else "",
        units=_units(resource.doseQuantity, reading),
        lot=lot,
        expiry=_expiry(resource.expirationDate, reading),
        manufacturer=_manufacturer(resource.manufacturer, find(resource.manufacturer), reading),
        route=reading.code(tables.ROUTE, resource.route, "RXR-1", "route", matters=False),
        site=reading.code(tables.SITE, resource.site, "RXR-2", "site", matters=False),
        refusal_reason=reason,
        eligibility=_eligibility(resource.programEligibility, reading),
        funding_source=reading.code(
            tables.FUNDING_SOURCE, resource.fundingSource, "OBX 30963-3", "fundingSource", matters=True
        ),
        vis=_vis(resource.education, reading),
        dose_number=_dose_number(resource.protocolApplied),
        comment="\n".join(note.text.strip() for note in resource.note if note.text.strip()),
        administered_by=administered_by,
        ordered_by=ordered_by,
        row=row,
        part=part,
    )
    return read, tuple(reading.findings)


def dose_id(resource: fhir.Immunization) -> str:
    """Return the id of the dose: that of the resource; its first identifier where a Bundle gives no id."""
    numbers = (resource.id, *(identifier.value for identifier in resource.identifier))
    return next((number for each in numbers if (number := normalized_id(each))), "")


class _Reading:
    """Collects the findings of one Immunization."""

    def __init__(self, row: int) -> None:
        self.row = row
        self.findings: list[Finding] = []

    def note(self, code: str, path: str, element: str, value: str) -> None:
        """Add a finding about an element of Immunization."""
        self.findings.append(Finding(code, path, self.row, f"Immunization.{element}", value))

    def code(self, table: Table, concept: fhir.Concept, path: str, element: str, *, matters: bool) -> Code:
        """Read the first coding or text that the table has.

        If the table has none of them, keep the first as a local code and note it: as an error if the value
        `matters`, otherwise as a value that is left out.
        """
        spellings = list(_spellings(concept))
        for spelling in spellings:
            code = table.look_up(spelling)
            if code is not None:
                return code
        if not spellings:
            return NO_CODE
        self.note("CODE-UNKNOWN" if matters else "CODE-LEFT-OUT", path, element, spellings[0])
        return local.unread(spellings[0], concept.text)


def _spellings(concept: fhir.Concept) -> Iterator[str]:
    """The codes of a concept, then its texts."""
    for coding in concept.coding:
        if coding.code:
            yield coding.code
    yield from (text for text in (concept.text, *(coding.display for coding in concept.coding)) if text)


def _status(resource: fhir.Immunization, reading: _Reading) -> tuple[Completion, Action, Code]:
    """RXA-20, RXA-21 and RXA-18. A resource entered in error becomes a delete with the content it had."""
    if resource.status == fhir.IN_ERROR:
        return Completion.COMPLETE, Action.DELETE, NO_CODE
    if resource.status == "not-done" or resource.notGiven or resource.wasNotGiven:
        return _not_given(resource, reading)
    if resource.status != "completed":
        reading.note("CODE-UNKNOWN", "RXA-20", "status", resource.status)
    return _given(resource, reading), Action.ADD, NO_CODE


def _not_given(resource: fhir.Immunization, reading: _Reading) -> tuple[Completion, Action, Code]:
    concepts = (resource.statusReason, *resource.explanation.reasonNotGiven)
    for concept in concepts:
        for spelling in _spellings(concept):
            reason = tables.REFUSAL_REASON.look_up(spelling)
            if reason:
                # "Other" asks for a description (NIP002).
                is_other = reason.code == "02" and concept.text
                return Completion.REFUSED, Action.ADD, replace(reason, text=concept.text) if is_other else reason
    stated = next((concept for concept in concepts if any(_spellings(concept))), resource.statusReason)
    return Completion.NOT_ADMINISTERED, Action.ADD, _local_reason(stated, reading)


def _given(resource: fhir.Immunization, reading: _Reading) -> Completion:
    """RXA-20 of a dose that was given. HL7 says of a dose that does not count only that it was no full one."""
    reasons = [spelling for concept in resource.subpotentReason for spelling in _spellings(concept)]
    if resource.isSubpotent is False or not (resource.isSubpotent or reasons):
        return Completion.COMPLETE
    if any(normalized(reason).replace(" ", "") == _PARTIAL for reason in reasons):
        return Completion.PARTIALLY_ADMINISTERED
    reading.note("DOSE-SUBPOTENT", "RXA-20", "isSubpotent", next(iter(reasons), "true"))
    return Completion.COMPLETE


def _local_reason(concept: fhir.Concept, reading: _Reading) -> Code:
    """A reason in the EHR's own code; a map in clinics.toml may say that it is a refusal."""
    spellings = list(_spellings(concept))
    if not spellings or _NO_REFUSAL.intersection(spellings):
        return NO_CODE
    reading.note("CODE-LEFT-OUT", "RXA-18", "statusReason", spellings[0])
    return local.unread(spellings[0], concept.text)


def _origin(resource: fhir.Immunization) -> Code:
    """NIP001: `primarySource` says whether it was given here, `reportOrigin` who reported a historical dose."""
    if resource.is_primary:
        return _NEW
    origins = (tables.INFORMATION_SOURCE.look_up(spelling) for spelling in _spellings(resource.reportOrigin))
    stated = next((origin for origin in origins if origin and origin.code != ADMINISTERED), None)
    if resource.is_primary is None:
        return stated or NO_CODE
    return stated or _HISTORICAL


def _decimal(number: Decimal) -> str:
    return values.amount(format(number, "f")) or format(number, "f")


def _units(quantity: fhir.Quantity, reading: _Reading) -> Code:
    if quantity.value is None:
        return NO_CODE
    for spelling in (quantity.code, quantity.unit):
        code = tables.UNITS.look_up(spelling) if spelling else None
        if code:
            return code
    if quantity.code or quantity.unit:
        reading.note("CODE-UNKNOWN", "RXA-7", "doseQuantity", quantity.code or quantity.unit)
    return NO_CODE


def _vaccine(concept: fhir.Concept, reading: _Reading) -> Code:
    """The CVX coding, with the EHR's own code (neither CVX nor NDC) as alternate; without CVX, the own code alone."""
    cvx = misread = NO_CODE
    for coding in concept.coding:
        if coding.system in fhir.CVX_SYSTEMS and not cvx:
            code = tables.cvx(coding.code, coding.display or concept.text)
            if code is None:
                reading.note("CODE-UNKNOWN", "RXA-5", "vaccineCode", coding.code)
                misread = local.unread(coding.code, coding.display)
            cvx = code or NO_CODE
    if local.is_unread(misread) and not cvx:
        return misread
    for coding in concept.coding:
        if coding.code and coding.system not in _STANDARD_SYSTEMS:
            own = local.unread(coding.code, coding.display)
            return replace(own, code=cvx.code, text=cvx.text or concept.text, system=cvx.system)
    if not cvx and concept.text:
        return local.unread(concept.text, concept.text)
    return cvx


def _ndc(concept: fhir.Concept, reading: _Reading) -> str:
    for coding in concept.coding:
        if coding.system in fhir.NDC_SYSTEMS and coding.code:
            ndc = cdc.ndc_11(coding.code)
            if ndc is not None:
                return ndc
            reading.note("VALUE-LEFT-OUT", "RXA-5", "vaccineCode", coding.code)
    return ""


def _expiry(text: str, reading: _Reading) -> str:
    if not text:
        return ""
    day = values.iso_day(text) or values.month(text)
    if day is None:
        reading.note("DATE-UNREADABLE", "RXA-16", "expirationDate", text)
    return day or ""


def _manufacturer(reference: fhir.Reference, organization: fhir.Actor | None, reading: _Reading) -> Code:
    """The MVX code: an identifier of that system at the reference or at its Organization."""
    identifiers = [reference.identifier, *(organization.identifier if organization else ())]
    name = organization.name if organization and isinstance(organization.name, str) else ""
    text = reference.display or name
    for identifier in identifiers:
        if identifier.system in fhir.MVX_SYSTEMS:
            code = tables.mvx(identifier.value, text)
            if code:
                return code
    code = tables.mvx(text) if text.isupper() else None
    spelling = text or reference.identifier.value
    if code is None and spelling:
        reading.note("CODE-UNKNOWN", "RXA-17", "manufacturer", spelling)
        return local.unread(spelling)
    return code or NO_CODE


def _eligibility(concepts: Iterable[fhir.Concept], reading: _Reading) -> Code:
    """The first eligibility that the table has; if it has none, the last one as a local code."""
    unread = NO_CODE
    for concept in concepts:
        code = reading.code(tables.ELIGIBILITY, concept, "OBX 64994-7", "programEligibility", matters=True)
        if code:
            return code
        unread = code if local.is_unread(code) else unread
    return unread


def _vis(statements: Iterable[fhir.Education], reading: _Reading) -> tuple[Vis, ...]:
    """The statements with a document type; an edition date alone does not say which vaccine it is about."""
    read = []
    for statement in statements:
        if len(statement.documentType) == _DOCUMENT_LENGTH:
            edition = values.iso_day(statement.publicationDate) or ""
            presented = values.iso_day(statement.presentationDate) or ""
            read.append(Vis(statement.documentType, edition=edition, presented=presented))
        elif statement.documentType or statement.publicationDate:
            value = statement.documentType or statement.publicationDate
            reading.note("VALUE-LEFT-OUT", "OBX 69764-9", "education", value)
    return tuple(read)


def _dose_number(protocols: Iterable[fhir.Protocol]) -> str:
    for protocol in protocols:
        if protocol.doseNumberPositiveInt is not None:
            return str(protocol.doseNumberPositiveInt)
        if protocol.doseNumberString:
            return protocol.doseNumberString.strip()
    return ""


def _performers(resource: fhir.Immunization, find: FindActor, reading: _Reading) -> tuple[Provider, Provider]:
    """(administered by, ordered by), HL7 table 0443 AP and OP; a performer without function administered it."""
    providers = {"AP": _NOBODY, "OP": _NOBODY}
    for performer in resource.performer:
        role = "OP" if any(coding.code == "OP" for coding in performer.function.coding) else "AP"
        actor = find(performer.actor)
        if actor is not None and not providers[role] and not isinstance(actor.name, str):
            providers[role] = _provider(actor, "ORC-12" if role == "OP" else "RXA-10", reading)
    return providers["AP"], providers["OP"]


def _provider(actor: fhir.Actor, path: str, reading: _Reading) -> Provider:
    """A person with NPI. An id of another kind is kept as a local code, which clinics.toml may map to an NPI."""
    name = patient.human_name(actor.name[0]) if actor.name and not isinstance(actor.name, str) else None
    numbers = (identifier.value.strip() for identifier in actor.identifier if identifier.system in fhir.NPI_SYSTEMS)
    number = next((number for number in numbers if values.npi(number)), "")
    authority = kind = "NPI" if number else ""
    own = "" if number else next((one.value.strip() for one in actor.identifier if one.value.strip()), "")
    if own:
        number, kind = own, local.LOCAL
        reading.note("VALUE-LEFT-OUT", path, "performer", own)
    if name is None:
        return Provider(number, authority=authority, id_type=kind)
    return Provider(number, name.family, name.given, name.middle, authority, kind)
