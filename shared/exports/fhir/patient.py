"""A FHIR R4 Patient as a patient.

Sources: US Core 6.1, and the HL7 v2-to-FHIR mapping (PID, PD1, NK1) read in the other direction.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from shared.domain.codes import local, tables
from shared.domain.codes.table import Table
from shared.domain.identity import normalized_id
from shared.domain.model import NO_CODE, Address, Code, Finding, Name, NextOfKin, Patient, Telecom
from shared.exports import values
from shared.exports.fhir import model as fhir

# The patient's current name is the one whose `use` comes first here; other uses are no current names.
_NAME_USES: Final = ("official", "usual", "", "temp", "nickname", "anonymous")
_NOT_RECORD_NUMBERS: Final = frozenset({"SS", "DL", "PPN", "MA", "MC", "SB", "NI", "TAX", "BC"})
_PHONES: Final = {
    "": ("PRN", "PH"),
    "home": ("PRN", "PH"),
    "mobile": ("PRN", "CP"),
    "work": ("WPN", "PH"),
    "temp": ("VHN", "PH"),
}
_ADDRESS_TYPES: Final = {"": "H", "home": "H", "work": "B", "temp": "C", "billing": "M"}


def record_number(identifiers: Iterable[fhir.Identifier], resource_id: str) -> str:
    """Return the medical record number.

    It is the identifier of type MR; otherwise the first identifier of no other known type; otherwise the resource id.
    """
    untyped = ""
    for identifier in identifiers:
        kinds = {coding.code for coding in identifier.type.coding}
        if "MR" in kinds and identifier.value and identifier.use != "old":
            return normalized_id(identifier.value)
        is_national = "us-ssn" in identifier.system or "4.3." in identifier.system
        if not untyped and not kinds & _NOT_RECORD_NUMBERS and not is_national and identifier.use != "old":
            untyped = normalized_id(identifier.value)
    return untyped or normalized_id(resource_id)


def patient(resource: fhir.Patient, mrn: str) -> tuple[Patient, tuple[Finding, ...]]:
    """Read a Patient.

    Args:
        resource: The decoded resource.
        mrn: Its medical record number (`record_number`).

    Returns:
        The patient, and a finding without row number for each value that could not be read.
    """
    findings: list[Finding] = []
    birth = _day(resource.birthDate, "DATE-UNREADABLE", "PID-7", "Patient.birthDate", findings)
    died = _day(resource.deceasedDateTime, "DATE-LEFT-OUT", "PID-29", "Patient.deceasedDateTime", findings)
    multiple, order = _multiple_birth(resource)
    name, aliases = _names(resource.name)
    ethnicities = _omb(resource.extension, fhir.ETHNICITY, tables.ETHNICITY, "PID-22", findings)
    read = Patient(
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
    return read, tuple(findings)


def _day(text: str, code: str, path: str, element: str, findings: list[Finding]) -> str:
    if not text:
        return ""
    day = values.iso_day(text)
    if day is None:
        findings.append(Finding(code, path, column=element, value=text))
    return day or ""


def _look_up(table: Table, raw: str) -> Code | None:
    return table.look_up(raw) if raw else None


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
    """Convert a HumanName; `kind` is the name type of HL7 table 0200."""
    given = [part.strip() for part in name.given if part.strip()]
    return Name(name.family.strip(), given[0] if given else "", " ".join(given[1:]), " ".join(name.suffix), kind)


def _names(names: tuple[fhir.HumanName, ...]) -> tuple[Name, tuple[Name, ...]]:
    """The current name, and the maiden names as aliases."""
    usable = (name for name in names if name.use in _NAME_USES)
    current = min(usable, key=lambda name: _NAME_USES.index(name.use), default=None)
    aliases = tuple([human_name(name, "M") for name in names if name.use == "maiden" and name.family])
    return (human_name(current) if current else Name()), aliases


def _maiden_name(resource: fhir.Patient) -> str:
    """The extension holds the whole name; PID-6 takes the family name, its last word."""
    names = (extension.valueString for extension in resource.extension if extension.url == fhir.MAIDEN_NAME)
    whole = next(names, "").strip()
    return whole.rsplit(" ", 1)[-1]


def _omb(
    extensions: Iterable[fhir.Extension], url: str, table: Table, path: str, findings: list[Finding]
) -> tuple[Code, ...]:
    """The different OMB categories of a US Core race or ethnicity extension, in order."""
    categories = (
        category.valueCoding
        for extension in extensions
        if extension.url == url
        for category in extension.extension
        if category.url == "ombCategory" and category.valueCoding.code
    )
    codes: list[Code] = []
    for coding in categories:
        code = _look_up(table, coding.code) or _look_up(table, coding.display)
        if code:
            codes.append(code)
        elif code is None and _look_up(table, coding.code) is None:
            findings.append(Finding("CODE-LEFT-OUT", path, column="Patient.extension", value=coding.code))
            codes.append(local.unread(coding.code, coding.display))
    return tuple(dict.fromkeys(codes))


def address(place: fhir.PostalAddress) -> Address:
    """Convert an Address; a country that the table does not have stays as it is."""
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
    """Return the telephone numbers and e-mail addresses; faxes, pagers and old ones are left out.

    Args:
        points: The contact points of a person.
        findings: Receives a finding for each number or address that cannot be read.
    """
    read: list[Telecom] = []
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
            read.append(telecom)
    return tuple(dict.fromkeys(read))


def _next_of_kin(contact: fhir.Contact, findings: list[Finding]) -> NextOfKin | None:
    name = human_name(contact.name)
    if not name:
        return None
    relationship = _relationship(contact.relationship)
    if local.is_unread(relationship):
        value = relationship.alternate_code
        findings.append(Finding("CODE-LEFT-OUT", "NK1-3", column="Patient.contact", value=value))
    return NextOfKin(name, relationship, address(contact.address), telecoms(contact.telecom, findings))


def _relationship(concepts: tuple[fhir.Concept, ...]) -> Code:
    """The first relationship that the table has; if it has none, the first spelling as a local code."""
    spellings = [
        spelling
        for concept in concepts
        for spelling in (*(c.code for c in concept.coding if not c.system.endswith("v2-0131")), concept.text)
        if spelling
    ]
    codes = [_look_up(tables.RELATIONSHIP, spelling) for spelling in spellings]
    if codes and all(code is None for code in codes):
        return local.unread(spellings[0])
    return next(filter(None, codes), NO_CODE)
