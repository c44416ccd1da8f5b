"""A FHIR R4 Immunization as an ORDER group (US Core 6.1; the HL7 v2-to-FHIR mapping read backwards)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple, TypeVar

from shared.domain.codes import cdc, local, tables
from shared.domain.codes.tables import Table
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

FindActor = Callable[[fhir.Reference], fhir.Actor | None]


_T = TypeVar("_T")
_REMEMBERED: Final = 4096
"""How much is kept of each kind that repeats from dose to dose: codes, packages, makers, providers."""


class _Note(NamedTuple):
    """What could not be read: the code of its finding, the HL7 path, the element of Immunization, what stood there."""

    code: str
    path: str
    element: str
    value: str


_Notes = tuple[_Note, ...]


class _Noted:
    """What could not be read in one Immunization."""

    def __init__(self, row: int) -> None:
        self.row = row
        self.findings: list[Finding] = []

    def note(self, code: str, path: str, element: str, value: str) -> None:
        self.findings.append(Finding(code, path, self.row, f"Immunization.{element}", value))

    def taken(self, read: tuple[_T, _Notes]) -> _T:
        """What was read, its notes being taken over."""
        value, notes = read
        for note in notes:
            self.note(*note)
        return value

    def code(self, table: Table, concept: fhir.Concept, path: str, element: str, *, matters: bool) -> Code:
        return self.taken(_code(table, concept, path, element, matters))


@lru_cache(_REMEMBERED)
def _code(table: Table, concept: fhir.Concept, path: str, element: str, matters: bool) -> tuple[Code, _Notes]:
    """The first coding or text that the table knows; noted and kept unread where there is one and none is known."""
    spellings = list(_spellings(concept))
    for spelling in spellings:
        found = tables.look_up(table, spelling)
        if found is not None:
            return found, ()
    if spellings:
        note = _Note("CODE-UNKNOWN" if matters else "CODE-LEFT-OUT", path, element, spellings[0])
        return local.unread(spellings[0], concept.text), (note,)
    return NO_CODE, ()


def _spellings(concept: fhir.Concept) -> Iterator[str]:
    for coding in concept.coding:
        if coding.code:
            yield coding.code
    yield from (text for text in (concept.text, *(coding.display for coding in concept.coding)) if text)


def dose(resource: fhir.Immunization, row: int, part: str, find: FindActor) -> tuple[Dose, tuple[Finding, ...]]:
    """The dose of one line, and what could not be read in it. `find` gives what a reference means."""
    noted = _Noted(row)
    completion, action, reason = _status(resource, noted)
    administered_by, ordered_by = _performers(resource, find, noted)
    number = resource.doseQuantity.value
    found = Dose(
        id=resource.id or next((one.value for one in resource.identifier if one.value), ""),
        date=values.iso_day(resource.occurrenceDateTime) or "",
        vaccine=noted.taken(_vaccine(resource.vaccineCode)),
        ndc=noted.taken(_ndc(resource.vaccineCode)),
        completion=completion,
        information_source=information_source(_origin(resource), completion, resource.lotNumber.strip()),
        action=action,
        amount=_decimal(number) if number is not None else "",
        units=noted.taken(_units(resource.doseQuantity)),
        lot=resource.lotNumber.strip(),
        expiry=_expiry(resource.expirationDate, noted),
        manufacturer=noted.taken(_manufacturer(resource.manufacturer, find(resource.manufacturer))),
        route=noted.code(tables.ROUTE, resource.route, "RXR-1", "route", matters=False),
        site=noted.code(tables.SITE, resource.site, "RXR-2", "site", matters=False),
        refusal_reason=reason,
        eligibility=_eligibility(resource.programEligibility, noted),
        funding_source=noted.code(
            tables.FUNDING_SOURCE, resource.fundingSource, "OBX 30963-3", "fundingSource", matters=True
        ),
        vis=_vis(resource.education, noted),
        dose_number=_dose_number(resource.protocolApplied),
        comment="\n".join(note.text.strip() for note in resource.note if note.text.strip()),
        administered_by=administered_by,
        ordered_by=ordered_by,
        row=row,
        part=part,
    )
    return found, tuple(noted.findings)


def _status(resource: fhir.Immunization, noted: _Noted) -> tuple[Completion, Action, Code]:
    """RXA-20, RXA-21 and RXA-18. What was entered in error is deleted with the content it had."""
    if resource.status == "completed":
        return Completion.COMPLETE, Action.ADD, NO_CODE
    if resource.status == "not-done":
        for spelling in _spellings(resource.statusReason):
            reason = tables.look_up(tables.REFUSAL_REASON, spelling)
            if reason:
                words = resource.statusReason.text
                is_other = reason.code == "02" and words
                return Completion.REFUSED, Action.ADD, replace(reason, text=words) if is_other else reason
        return Completion.NOT_ADMINISTERED, Action.ADD, _own_reason(resource.statusReason, noted)
    if resource.status != "entered-in-error":
        noted.note("CODE-UNKNOWN", "RXA-20", "status", resource.status)
    return Completion.COMPLETE, Action.DELETE if resource.status == "entered-in-error" else Action.ADD, NO_CODE


def _own_reason(concept: fhir.Concept, noted: _Noted) -> Code:
    """A reason of the EHR's own, kept for clinics.toml to say whether it is a refusal."""
    spellings = list(_spellings(concept))
    if not spellings or _NO_REFUSAL.intersection(spellings):
        return NO_CODE
    noted.note("CODE-LEFT-OUT", "RXA-18", "statusReason", spellings[0])
    return local.unread(spellings[0], concept.text)


def _origin(resource: fhir.Immunization) -> Code:
    """NIP001: `primarySource` says given here or historical, `reportOrigin` who says so."""
    if resource.primarySource:
        return _NEW
    origins = (tables.look_up(tables.INFORMATION_SOURCE, spelling) for spelling in _spellings(resource.reportOrigin))
    stated = next((origin for origin in origins if origin and origin.code != ADMINISTERED), None)
    if resource.primarySource is None:
        return stated or NO_CODE
    return stated or _HISTORICAL


def _decimal(number: Decimal) -> str:
    return values.amount(format(number, "f")) or format(number, "f")


@lru_cache(_REMEMBERED)
def _units(quantity: fhir.Quantity) -> tuple[Code, _Notes]:
    if quantity.value is None:
        return NO_CODE, ()
    for spelling in (quantity.code, quantity.unit):
        found = tables.look_up(tables.UNITS, spelling) if spelling else None
        if found:
            return found, ()
    said = quantity.code or quantity.unit
    return NO_CODE, (_Note("CODE-UNKNOWN", "RXA-7", "doseQuantity", said),) if said else ()


@lru_cache(_REMEMBERED)
def _vaccine(concept: fhir.Concept) -> tuple[Code, _Notes]:
    """The CVX coding, with the EHR's own code (neither CVX nor NDC) as the alternate; else that alone."""
    found = misread = NO_CODE
    notes: list[_Note] = []
    for coding in concept.coding:
        if coding.system in fhir.CVX_SYSTEMS and not found:
            code = tables.cvx(coding.code, coding.display or concept.text)
            if code is None:
                notes.append(_Note("CODE-UNKNOWN", "RXA-5", "vaccineCode", coding.code))
                misread = local.unread(coding.code, coding.display)
            found = code or NO_CODE
    if local.is_unread(misread) and not found:
        return misread, tuple(notes)
    for coding in concept.coding:
        if coding.code and coding.system not in _STANDARD_SYSTEMS:
            alone = local.unread(coding.code, coding.display)
            whole = replace(alone, code=found.code, text=found.text or concept.text, system=found.system)
            return whole, tuple(notes)
    if not found and concept.text:
        found = local.unread(concept.text, concept.text)
    return found, tuple(notes)


@lru_cache(_REMEMBERED)
def _ndc(concept: fhir.Concept) -> tuple[str, _Notes]:
    notes: list[_Note] = []
    for coding in concept.coding:
        if coding.system in fhir.NDC_SYSTEMS and coding.code:
            code = cdc.ndc_11(coding.code)
            if code is not None:
                return code, tuple(notes)
            notes.append(_Note("VALUE-LEFT-OUT", "RXA-5", "vaccineCode", coding.code))
    return "", tuple(notes)


def _expiry(text: str, noted: _Noted) -> str:
    if not text:
        return ""
    found = values.iso_day(text) or values.month(text)
    if found is None:
        noted.note("DATE-UNREADABLE", "RXA-16", "expirationDate", text)
    return found or ""


@lru_cache(_REMEMBERED)
def _manufacturer(reference: fhir.Reference, organization: fhir.Actor | None) -> tuple[Code, _Notes]:
    """The MVX code: an identifier of that system at the reference or at its Organization."""
    identifiers = [reference.identifier, *(organization.identifier if organization else ())]
    text = organization.name if organization and isinstance(organization.name, str) else ""
    text = reference.display or text
    for identifier in identifiers:
        if identifier.system in fhir.MVX_SYSTEMS:
            code = tables.mvx(identifier.value, text)
            if code:
                return code, ()
    code = tables.mvx(text) if text.isupper() else None
    said = text or reference.identifier.value
    if code is None and said:
        return local.unread(said), (_Note("CODE-UNKNOWN", "RXA-17", "manufacturer", said),)
    return code or NO_CODE, ()


def _eligibility(concepts: Iterable[fhir.Concept], noted: _Noted) -> Code:
    unread = NO_CODE
    for concept in concepts:
        code = noted.code(tables.ELIGIBILITY, concept, "OBX 64994-7", "programEligibility", matters=True)
        if code:
            return code
        unread = code if local.is_unread(code) else unread
    return unread


def _vis(statements: Iterable[fhir.Education], noted: _Noted) -> tuple[Vis, ...]:
    """The statements with a document type; an edition date alone does not say of which vaccine it is."""
    found = []
    for one in statements:
        if len(one.documentType) != _DOCUMENT_LENGTH:
            if one.documentType or one.publicationDate:
                noted.note("VALUE-LEFT-OUT", "OBX 69764-9", "education", one.documentType or one.publicationDate)
            continue
        presented = values.iso_day(one.presentationDate) or ""
        found.append(Vis(one.documentType, edition=values.iso_day(one.publicationDate) or "", presented=presented))
    return tuple(found)


def _dose_number(protocols: Iterable[fhir.Protocol]) -> str:
    for protocol in protocols:
        if protocol.doseNumberPositiveInt is not None:
            return str(protocol.doseNumberPositiveInt)
        if protocol.doseNumberString:
            return protocol.doseNumberString.strip()
    return ""


def _performers(resource: fhir.Immunization, find: FindActor, noted: _Noted) -> tuple[Provider, Provider]:
    """(who gave it, who ordered it), by HL7 table 0443: AP and OP; one without function gave it."""
    found = {"AP": _NOBODY, "OP": _NOBODY}
    for performer in resource.performer:
        role = "OP" if any(coding.code == "OP" for coding in performer.function.coding) else "AP"
        actor = find(performer.actor)
        if actor is not None and not found[role] and not isinstance(actor.name, str):
            found[role] = noted.taken(_provider(actor, "ORC-12" if role == "OP" else "RXA-10"))
    return found["AP"], found["OP"]


@lru_cache(_REMEMBERED)
def _provider(actor: fhir.Actor, path: str) -> tuple[Provider, _Notes]:
    """A person with NPI; an id of another kind is kept for clinics.toml to say whose NPI it means."""
    name = patient.human_name(actor.name[0]) if actor.name and not isinstance(actor.name, str) else None
    numbers = (one.value.strip() for one in actor.identifier if one.system in fhir.NPI_SYSTEMS)
    number = next((one for one in numbers if values.npi(one)), "")
    authority = kind = "NPI" if number else ""
    own = "" if number else next((one.value.strip() for one in actor.identifier if one.value.strip()), "")
    if own:
        number, kind = own, local.LOCAL
    notes = (_Note("VALUE-LEFT-OUT", path, "performer", own),) if own else ()
    if name is None:
        return Provider(number, authority=authority, id_type=kind), notes
    return Provider(number, name.family, name.given, name.middle, authority, kind), notes
