"""A FHIR R4 Patient as PID, PD1 and NK1 (US Core 6.1; the HL7 v2-to-FHIR mapping read backwards)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from shared.domain.codes import local, tables
from shared.domain.codes.tables import Table
from shared.domain.model import NO_CODE, Address, Code, Finding, Name, NextOfKin, Patient, Telecom
from shared.exports import values
from shared.exports.fhir import model as fhir

# Which of several names is the patient's: FHIR's `use`, best first. The others are not the name of today.
_NAME_USES: Final = ("official", "usual", "", "temp", "nickname", "anonymous")
_NOT_RECORD_NUMBERS: Final = frozenset({"SS", "DL", "PPN", "MA", "MC", "SB", "NI", "TAX", "BC"})
_PHONES: Final = {
    "": ("PRN", "PH"),
    "home": ("PRN", "PH"),
    "mobile": ("PRN", "CP"),
    "work": ("WPN", "PH"),
    "temp": ("VHN", "PH"),
}
_REMEMBERED: Final = 4096
_ADDRESS_TYPES: Final = {"": "H", "home": "H", "work": "B", "temp": "C", "billing": "M"}


def record_number(identifiers: Iterable[fhir.Identifier], resource_id: str) -> str:
    """The medical record number: the identifier of type MR, else one of no other known type, else the resource's id."""
    untyped = ""
    for identifier in identifiers:
        kinds = {coding.code for coding in identifier.type.coding}
        if "MR" in kinds and identifier.value and identifier.use != "old":
            return identifier.value.strip()
        is_national = "us-ssn" in identifier.system or "4.3." in identifier.system
        if not untyped and not kinds & _NOT_RECORD_NUMBERS and not is_national and identifier.use != "old":
            untyped = identifier.value.strip()
    return untyped or resource_id


def patient(resource: fhir.Patient, mrn: str) -> tuple[Patient, tuple[Finding, ...]]:
    """The patient, and what could not be read (without rows: the caller knows whose row it is)."""
    findings: list[Finding] = []
    birth = _day(resource.birthDate, "DATE-UNREADABLE", "PID-7", "Patient.birthDate", findings)
    died = _day(resource.deceasedDateTime, "DATE-LEFT-OUT", "PID-29", "Patient.deceasedDateTime", findings)
    multiple, order = _multiple_birth(resource)
    name, aliases = _names(resource.name)
    ethnicities = _omb(resource.extension, fhir.ETHNICITY, tables.ETHNICITY, "PID-22", findings)
    found = Patient(
        mrn=mrn,
        name=name,
        birth_date=birth,
        sex=(_look_up(tables.SEX, resource.gender) or NO_CODE).code,
        mothers_maiden_name=_maiden_name(resource),
        aliases=aliases,
        races=_omb(resource.extension, fhir.RACE, tables.RACE, "PID-10", findings),
        ethnicity=next(iter((*filter(None, ethnicities), *ethnicities)), NO_CODE),
        addresses=tuple(address(place) for place in resource.address if place.use != "old"),
        telecoms=telecoms(resource.telecom, findings),
        multiple_birth=multiple,
        birth_order=order,
        death_date=died,
        death_indicator=_death(resource),
        next_of_kin=tuple(kin for contact in resource.contact if (kin := _next_of_kin(contact, findings))),
    )
    return found, tuple(findings)


def _day(text: str, code: str, path: str, element: str, findings: list[Finding]) -> str:
    if not text:
        return ""
    day = values.iso_day(text)
    if day is None:
        findings.append(Finding(code, path, column=element, value=text))
    return day or ""


def _look_up(table: Table, raw: str) -> Code | None:
    return tables.look_up(table, raw) if raw else None


def _multiple_birth(resource: fhir.Patient) -> tuple[str, str]:
    """(PID-24, PID-25); the number is the place in the birth order."""
    if resource.multipleBirthInteger is not None:
        return "Y", str(resource.multipleBirthInteger) if resource.multipleBirthInteger > 0 else ""
    if resource.multipleBirthBoolean is None:
        return "", ""
    return ("Y" if resource.multipleBirthBoolean else "N"), ""


def _death(resource: fhir.Patient) -> str:
    if resource.deceasedDateTime:
        return "Y"
    return {True: "Y", False: "N", None: ""}[resource.deceasedBoolean]


def human_name(name: fhir.HumanName, kind: str = "L") -> Name:
    given = [part.strip() for part in name.given if part.strip()]
    return Name(name.family.strip(), given[0] if given else "", " ".join(given[1:]), " ".join(name.suffix), kind)


def _names(names: tuple[fhir.HumanName, ...]) -> tuple[Name, tuple[Name, ...]]:
    """The name of today, and the maiden names as aliases."""
    best = min((one for one in names if one.use in _NAME_USES), key=lambda one: _NAME_USES.index(one.use), default=None)
    aliases = tuple([human_name(one, "M") for one in names if one.use == "maiden" and one.family])
    return (human_name(best) if best else Name()), aliases


def _maiden_name(resource: fhir.Patient) -> str:
    """The extension holds the whole name; PID-6 wants the family name, its last word."""
    whole = next((one.valueString for one in resource.extension if one.url == fhir.MAIDEN_NAME), "").strip()
    return whole.rsplit(" ", 1)[-1]


def _omb(
    extensions: Iterable[fhir.Extension], url: str, table: Table, path: str, findings: list[Finding]
) -> tuple[Code, ...]:
    """The OMB categories of a US Core race or ethnicity extension."""
    found: dict[Code, None] = {}
    for outer in extensions:
        if outer.url == url:
            read, unknown = _categories(outer, table)
            found |= dict.fromkeys(read)
            findings += [Finding("CODE-LEFT-OUT", path, column="Patient.extension", value=said) for said in unknown]
    return tuple(found)


@lru_cache(_REMEMBERED)
def _categories(outer: fhir.Extension, table: Table) -> tuple[tuple[Code, ...], tuple[str, ...]]:
    """The categories of one extension, and the codes among them that the table does not have."""
    found: list[Code] = []
    unknown: list[str] = []
    for inner in outer.extension:
        coding = inner.valueCoding
        if inner.url != "ombCategory" or not coding.code:
            continue
        code = _look_up(table, coding.code) or _look_up(table, coding.display)
        if code:
            found.append(code)
        elif code is None and _look_up(table, coding.code) is None:
            unknown.append(coding.code)
            found.append(local.unread(coding.code, coding.display))
    return tuple(found), tuple(unknown)


def address(place: fhir.PostalAddress) -> Address:
    country = (_look_up(tables.COUNTRY, place.country) or NO_CODE).code or place.country
    lines = [line.strip() for line in place.line if line.strip()]
    return Address(
        street=lines[0] if lines else "",
        other=", ".join(lines[1:]),
        city=place.city,
        state=place.state,
        zip=values.zip_code(place.postalCode, country),
        country=country,
        type="M" if place.type == "postal" and place.use in ("", "home") else _ADDRESS_TYPES.get(place.use, "H"),
    )


def telecoms(points: tuple[fhir.ContactPoint, ...], findings: list[Finding]) -> tuple[Telecom, ...]:
    """Telephone numbers and e-mail addresses; faxes, pagers and old ones are not for a registry."""
    found: list[Telecom] = []
    for point in points:
        text = point.value.strip()
        if not text or point.use == "old":
            continue
        telecom: Telecom | None
        if point.system == "email":
            telecom = Telecom("NET", "Internet", email=text) if values.email(text) else None
        elif point.system in ("phone", "sms"):
            telecom = values.phone(text, *_PHONES.get(point.use, _PHONES[""]))
        else:
            continue
        if telecom is None:
            findings.append(Finding("VALUE-LEFT-OUT", "PID-13", column="Patient.telecom", value=text))
        else:
            found.append(telecom)
    return tuple(dict.fromkeys(found))


def _next_of_kin(contact: fhir.Contact, findings: list[Finding]) -> NextOfKin | None:
    name = human_name(contact.name)
    if not name:
        return None
    relationship = _relationship(contact.relationship)
    if local.is_unread(relationship):
        said = relationship.alternate_code
        findings.append(Finding("CODE-LEFT-OUT", "NK1-3", column="Patient.contact", value=said))
    return NextOfKin(name, relationship, address(contact.address), telecoms(contact.telecom, findings))


@lru_cache(_REMEMBERED)
def _relationship(concepts: tuple[fhir.Concept, ...]) -> Code:
    """The first that the table knows; where it knows none, what is said first, unread."""
    spellings = [
        spelling
        for concept in concepts
        for spelling in (*(c.code for c in concept.coding if not c.system.endswith("v2-0131")), concept.text)
        if spelling
    ]
    read = [_look_up(tables.RELATIONSHIP, spelling) for spelling in spellings]
    if read and all(code is None for code in read):
        return local.unread(spellings[0])
    return next(filter(None, read), NO_CODE)
