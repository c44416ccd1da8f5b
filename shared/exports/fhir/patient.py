"""A FHIR R4 Patient as a patient.

Sources: US Core 6.1, and the HL7 v2-to-FHIR mapping (PID, PD1, NK1) read in the other direction.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo
from typing import Final, TypeVar

from shared.domain.codes import local, tables
from shared.domain.codes.table import Table
from shared.domain.model import NO_CODE, Address, Code, Finding, Name, NextOfKin, Patient, Telecom
from shared.exports import values
from shared.exports.fhir import days
from shared.exports.fhir import model as fhir
from shared.exports.fhir.labels import labels
from shared.exports.fhir.names import current_name, human_name
from shared.exports.fhir.periods import is_in_force
from shared.exports.fhir.systems import plain_system
from shared.replaced import replace

_PHONES: Final = {
    "": ("PRN", "PH"),
    "home": ("PRN", "PH"),
    "mobile": ("PRN", "CP"),
    "work": ("WPN", "PH"),
    "temp": ("VHN", "PH"),
}
_KINDS_OF_CATEGORIES: Final = ("detailed", "ombCategory")
_PARTICLES: Final = frozenset(
    {"al", "da", "dal", "de", "del", "della", "den", "der", "di", "dos", "du", "el", "la", "las", "le", "los", "mac"}
    | {"mc", "san", "santa", "st", "ten", "ter", "van", "von", "zu"}
)
_LAST_RANK: Final = 2**31
_ADDRESS_TYPES: Final = {"": "H", "home": "H", "work": "B", "temp": "C", "billing": "M"}


def patient(
    resource: fhir.Patient, mrn: str, as_of: str = "", zone: tzinfo | None = None
) -> tuple[Patient, tuple[Finding, ...]]:
    """Read a Patient.

    Args:
        resource: The decoded resource.
        mrn: Its medical record number (`identifiers.RecordNumbers`).
        as_of: The day of the export (ISO 8601): what was in force only before or after it is left out.
        zone: The time zone of days that are written in UTC; None if they count as written.

    Returns:
        The patient, and a finding without row number for each value that could not be read.
    """
    findings = list(labels(resource.meta, "Patient", "PID"))
    birth = _day(resource.birthDate, None, "DATE-UNREADABLE", "PID-7", "Patient.birthDate", findings)
    died = _day(resource.deceasedDateTime, zone, "DATE-LEFT-OUT", "PID-29", "Patient.deceasedDateTime", findings)
    multiple, order = _multiple_birth(resource)
    if not resource.active:
        findings.append(Finding("PATIENT-INACTIVE", "PID", column="Patient.active", value="false"))
    name, aliases = _names(_in_force(resource.name, as_of))
    if tables.SEX.is_coarse(resource.gender):
        findings.append(Finding("SEX-AS-UNKNOWN", "PID-8", column="Patient.gender", value=resource.gender))
    ethnicities = _categories(resource.extension, fhir.ETHNICITY, tables.ETHNICITY, "PID-22", findings)
    read = Patient(
        mrn=mrn,
        name=name,
        birth_date=birth,
        sex=(_look_up(tables.SEX, resource.gender) or NO_CODE).code,
        mothers_maiden_name=_maiden_name(resource),
        aliases=aliases,
        races=_categories(resource.extension, fhir.RACE, tables.RACE, "PID-10", findings),
        ethnicity=next(iter((*filter(None, ethnicities), *ethnicities)), NO_CODE),
        addresses=_addresses(resource.address, as_of, "PID-11", "Patient.address", findings),
        telecoms=telecoms(_in_force(resource.telecom, as_of), findings),
        multiple_birth=multiple,
        birth_order=order,
        death_date=died,
        death_indicator=_death(resource),
        next_of_kin=tuple(
            kin
            for contact in resource.contact
            if is_in_force(contact.period, as_of) and (kin := _next_of_kin(contact, as_of, findings))
        ),
    )
    return read, tuple(findings)


_Dated = TypeVar("_Dated", fhir.HumanName, fhir.PostalAddress, fhir.ContactPoint)


def _in_force(values_of: Iterable[_Dated], as_of: str) -> tuple[_Dated, ...]:
    return tuple([value for value in values_of if value.use != "old" and is_in_force(value.period, as_of)])


def _day(text: str, zone: tzinfo | None, code: str, path: str, element: str, findings: list[Finding]) -> str:
    if not text:
        return ""
    day = days.local_day(text, zone)
    if day is None:
        findings.append(Finding(code, path, column=element, value=text))
    return day or ""


def _look_up(table: Table, raw: str) -> Code | None:
    return table.look_up(raw) if raw else None


def _multiple_birth(resource: fhir.Patient) -> tuple[str, str]:
    """(PID-24, PID-25); the number is the place in the birth order."""
    if resource.multipleBirthInteger is not None:
        order = str(resource.multipleBirthInteger) if resource.multipleBirthInteger > 0 else ""
        return values.multiple_birth("", order), order
    if resource.multipleBirthBoolean is None:
        return "", ""
    return ("Y" if resource.multipleBirthBoolean else "N"), ""


def _death(resource: fhir.Patient) -> str:
    if resource.deceasedDateTime:
        return "Y"
    return {True: "Y", False: "N", None: ""}[resource.deceasedBoolean]


def _names(names: tuple[fhir.HumanName, ...]) -> tuple[Name, tuple[Name, ...]]:
    """The current name, and the maiden names as aliases. A maiden name without given names has those in use."""
    in_use = current_name(names)
    current = human_name(in_use) if in_use else Name()
    maiden = [human_name(name, "M") for name in names if name.use == "maiden" and name.family]
    aliases = [alias if alias.given else replace(alias, given=current.given, middle=current.middle) for alias in maiden]
    return current, tuple(aliases)


def _maiden_name(resource: fhir.Patient) -> str:
    """The extension may hold the whole name; PID-6 takes the last name: the last word, with the particles before it."""
    names = (extension.valueString for extension in resource.extension if extension.url == fhir.MAIDEN_NAME)
    words = next(names, "").split()
    first = len(words) - 1
    while first > 0 and words[first - 1].casefold().rstrip(".") in _PARTICLES:
        first -= 1
    return " ".join(words[max(first, 0) :])


def _categories(
    extensions: Iterable[fhir.Extension], url: str, table: Table, path: str, findings: list[Finding]
) -> tuple[Code, ...]:
    """The different categories of a US Core race or ethnicity extension.

    A detailed code has its category, and stands before the same category without detail. A text counts only where there
    is no code.
    """
    parts = [part for extension in extensions if extension.url == url for part in extension.extension]
    codings = [part.valueCoding for kind in _KINDS_OF_CATEGORIES for part in parts if part.url == kind]
    codings = [coding for coding in codings if coding.code or coding.display]
    if not codings:
        codings = [fhir.Coding(code=part.valueString) for part in parts if part.url == "text" and part.valueString]
    codes: list[Code] = []
    for coding in codings:
        code = _look_up(table, coding.code) or _look_up(table, coding.display)
        if code:
            codes.append(code)
        elif code is None and _look_up(table, coding.code) is None:
            own = coding.code or coding.display
            findings.append(Finding("CODE-LEFT-OUT", path, column="Patient.extension", value=own))
            codes.append(local.unread(own, coding.display))
    return tuple(dict.fromkeys(codes))


def _addresses(
    places: Iterable[fhir.PostalAddress], as_of: str, path: str, element: str, findings: list[Finding]
) -> tuple[Address, ...]:
    """The addresses in force. One that is a text alone is left out: its parts cannot be told."""
    read = []
    for place in _in_force(places, as_of):
        converted = address(place)
        if converted:
            read.append(converted)
        elif place.text.strip():
            findings.append(Finding("VALUE-LEFT-OUT", path, column=element, value=place.text.strip()))
    return tuple(read)


def address(place: fhir.PostalAddress) -> Address:
    """Convert an Address; a country that the table does not have stays as it is."""
    country = (_look_up(tables.COUNTRY, place.country) or NO_CODE).code or place.country
    lines = [line.strip() for line in place.line if line.strip()]
    return Address(
        street=lines[0] if lines else "",
        other=", ".join(lines[1:]),
        city=place.city,
        state=place.state,
        zip=place.postalCode,
        country=country,
        county=place.district,
        type="M" if place.type == "postal" and place.use in ("", "home") else _ADDRESS_TYPES.get(place.use, "H"),
    )


def telecoms(points: tuple[fhir.ContactPoint, ...], findings: list[Finding]) -> tuple[Telecom, ...]:
    """Return the telephone numbers and e-mail addresses by their rank; faxes, pagers and web pages are left out.

    Args:
        points: The contact points of a person that are in force.
        findings: Receives a finding for each number or address that cannot be read.
    """
    read: list[Telecom] = []
    for point in sorted(points, key=lambda point: _LAST_RANK if point.rank is None else point.rank):
        text = point.value.strip()
        if not text:
            continue
        telecom: Telecom | None
        if point.system == "email" or (not point.system and "@" in text):
            telecom = Telecom("NET", "Internet", email=text) if values.email(text) else None
        elif point.system in ("phone", "sms", ""):
            telecom = values.phone(text, *_PHONES.get(point.use, _PHONES[""]))
        else:
            continue
        if telecom is None:
            findings.append(Finding("VALUE-LEFT-OUT", "PID-13", column="Patient.telecom", value=text))
        else:
            read.append(telecom)
    return tuple(dict.fromkeys(read))


def _next_of_kin(contact: fhir.Contact, as_of: str, findings: list[Finding]) -> NextOfKin | None:
    name = human_name(contact.name)
    relationship = _relationship(contact.relationship)
    if not name:
        shown = (contact.name.text, *(point.value for point in contact.telecom), contact.organization.display)
        value = next(filter(None, (*shown, relationship.code or relationship.alternate_code)), "no name")
        findings.append(Finding("VALUE-LEFT-OUT", "NK1-2", column="Patient.contact", value=value))
        return None
    if local.is_unread(relationship):
        value = relationship.alternate_code
        findings.append(Finding("CODE-LEFT-OUT", "NK1-3", column="Patient.contact", value=value))
    places = _addresses([contact.address], as_of, "NK1-4", "Patient.contact.address", findings)
    place = places[0] if places else Address()
    return NextOfKin(name, relationship, place, telecoms(_in_force(contact.telecom, as_of), findings))


def _relationship(concepts: tuple[fhir.Concept, ...]) -> Code:
    """The first relationship that the table has; if it has none, the first spelling as a local code.

    A role of HL7 table 0131 (emergency contact, next of kin) tells no relationship.
    """
    codings = [coding for concept in concepts for coding in concept.coding]
    is_role = {coding: plain_system(coding.system).endswith("v2-0131") for coding in codings}
    own = [coding.code for coding in codings if coding.code and not is_role[coding]]
    roles = [coding.code for coding in codings if coding.code and is_role[coding]]
    texts = [text for text in (*(concept.text for concept in concepts), *(each.display for each in codings)) if text]
    codes = [_look_up(tables.RELATIONSHIP, spelling) for spelling in (*own, *texts)]
    if any(code is not None for code in codes):
        return next(filter(None, codes), NO_CODE)
    first = next(iter((*own, *roles, *texts)), "")
    return local.unread(first) if first else NO_CODE
