"""The data types of HL7 v2 (chapter 2A) as values of the domain, and findings for those that cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from shared.domain.codes import tables
from shared.domain.codes.table import Table
from shared.domain.hl7.message import Repetition, Segment
from shared.domain.model import NO_CODE, Address, Code, Finding, Name, Provider, Telecom
from shared.exports import columns, moments, values
from shared.exports.values import Dates
from shared.replaced import replace

_NPI_AUTHORITIES: Final = frozenset({"NPI", "CMS", "NPPES", "2.16.840.1.113883.4.6"})
# HL7 table 0202; a fax or a pager is not for a registry.
_EQUIPMENT: Final = frozenset({"PH", "CP"})
_NOT_PHONES: Final = frozenset({"FX", "BP", "MD", "X.400"})
# HL7 table 0200, the name of today first.
_NAME_TYPES: Final = ("L", "", "U", "D", "C", "N", "T", "S")
_ALIAS_TYPES: Final = frozenset({"M", "A", "B"})
_DAY: Final = 8
_MONTH: Final = 6


class Triplet(NamedTuple):
    """One half of a CE or CWE: identifier, text, coding system."""

    code: str
    text: str
    system: str


def triplets(ce: Repetition) -> list[Triplet]:
    """Return the primary and the alternate triplet of a coded field, without empty ones."""
    both = (
        Triplet(ce.text(1), ce.component(2), ce.text(3)),
        Triplet(ce.text(4), ce.component(5), ce.text(6)),
    )
    return [triplet for triplet in both if triplet.code or triplet.text]


class Reading:
    """Reads the fields of one message. A value that cannot be read becomes a finding with its HL7 path.

    Attributes:
        row: The row that findings name.
        findings: The findings so far.
    """

    def __init__(self, row: int, dates: Dates) -> None:
        """Begin with no findings.

        Args:
            row: The row that findings name.
            dates: Reads dates in the source's own formats.
        """
        self.row = row
        self.findings: list[Finding] = []
        self._dates = dates

    def note(self, code: str, path: str, value: str, column: str = "") -> None:
        """Add a finding; its column is the path if none is given."""
        self.findings.append(Finding(code, path, self.row, column or path, value))

    def unreadable(self, name: str, value: str, column: str = "") -> None:
        """Add the finding for a value that has not the form of a field: an error if the field matters.

        Args:
            name: The field's name in `columns`.
            value: The value.
            column: The HL7 path to name as the column, if it is not the field's own.
        """
        about = columns.BY_NAME[name]
        self.note(about.unreadable, about.path, value, column)

    def read(self, name: str, text: str, parse: Callable[[str], str | None], column: str = "") -> str:
        """Parse a text that is not empty; `parse` returns None for one that cannot be read."""
        value = parse(text) if text else ""
        if value is None:
            self.unreadable(name, text, column)
        return value or ""

    def day(self, name: str, text: str, column: str = "") -> str:
        """Read the day of a DT, TS or DTM as `YYYYMMDD`, whatever follows the day."""
        return self.read(name, text, self.as_day, column)

    def as_day(self, text: str) -> str | None:
        """Return the day as `YYYYMMDD`, or None."""
        zone = self._dates.zone
        if zone is not None and len(text) > _DAY and (day := moments.day_in(zone, text)):
            return day
        head = text[:_DAY]
        if len(head) == _DAY and head.isascii() and head.isdigit():
            return values.iso_day(f"{head[:4]}-{head[4:6]}-{head[6:]}")
        return self._dates.day(text)

    def as_day_or_month(self, text: str) -> str | None:
        """Return the day as `YYYYMMDD` or, if only the month is named, `YYYYMM`; None if neither can be read."""
        return self.as_day(text) or (values.month(text) if len(text) >= _MONTH else None)

    def code(self, name: str, ce: Repetition, column: str = "") -> Code:
        """Look a coded field up in its table; a code of another system becomes the alternate triplet."""
        table = columns.BY_NAME[name].table
        assert table is not None
        coded = triplets(ce)
        code = look_up(table, coded)
        if code and coded[0].code and _is_read_by_text(table, coded):
            about = columns.BY_NAME[name]
            self.note("CODE-READ-BY-TEXT", about.path, "^".join(coded[0]), column)
        if code is None:
            if coded:
                self.unreadable(name, coded[0].code or coded[0].text, column)
            return NO_CODE
        return with_alternate(code, coded)

    def telecoms(self, segment: Segment, number: int) -> list[Telecom]:
        """Read the telephone numbers and e-mail addresses of an XTN field."""
        telecoms: list[Telecom] = []
        for xtn in segment.repetitions(number):
            telecom, text = _telecom(xtn)
            if telecom is not None:
                telecoms.append(telecom)
            elif text:
                self.note("VALUE-LEFT-OUT", f"{segment.name}-{number}", text)
        return telecoms

    def provider(self, segment: Segment, number: int) -> Provider:
        """Read an XCN. An id without authority or kind is left out, because nobody could tell whose it is."""
        xcn = segment.first(number)
        provider = Provider("", xcn.name(2), xcn.component(3), xcn.component(4))
        identifier = xcn.text()
        if not identifier:
            return provider
        authority, kind = xcn.authority(9), xcn.text(13)
        is_npi = kind == "NPI" or (not kind and authority.upper() in _NPI_AUTHORITIES)
        if is_npi and values.npi(identifier):
            return replace(provider, id=identifier, authority="NPI", id_type="NPI")
        if authority and kind and not is_npi:
            return replace(provider, id=identifier, authority=authority, id_type=kind)
        self.note("PROVIDER-ID-LEFT-OUT", f"{segment.name}-{number}", identifier)
        return provider


def _is_read_by_text(table: Table, coded: list[Triplet]) -> bool:
    """Whether a code that names the table's own system is not in it, so that only its text told the meaning."""
    named = [triplet for triplet in coded if triplet.code and triplet.system == table.system != ""]
    return bool(named) and all(table.look_up(triplet.code) is None for triplet in coded if triplet.code)


def look_up(table: Table, coded: Iterable[Triplet]) -> Code | None:
    """Return the table's value of the first spelling that it knows, codes before texts."""
    coded = list(coded)
    spellings = [triplet.code for triplet in coded if triplet.code] + [
        triplet.text for triplet in coded if triplet.text
    ]
    codes = (table.look_up(spelling) for spelling in spellings)
    return next((code for code in codes if code is not None), None)


def with_alternate(code: Code, coded: Iterable[Triplet]) -> Code:
    """Return the code with the first triplet that has another code as its alternate."""
    if not code:
        return code
    other = next((one for one in coded if one.code and one.code.casefold() != code.code.casefold()), None)
    if other is None:
        return code
    return replace(code, alternate_code=other.code, alternate_text=other.text, alternate_system=other.system or "L")


def xpn(name: Repetition, kind: str = "L") -> Name:
    """Read a person's name. Of a family name with parts of its own (FN) the first is taken."""
    return Name(name.name(1), name.component(2), name.component(3), name.component(4), kind)


def names(segment: Segment, number: int) -> tuple[Name, tuple[Name, ...]]:
    """Return the name of today (legal before others), and maiden and other names as aliases."""
    repetitions = segment.repetitions(number)
    if not repetitions:
        return Name(), ()
    rank = {kind: position for position, kind in enumerate(_NAME_TYPES)}
    own = min(repetitions, key=lambda name: rank.get(name.text(7).upper(), len(_NAME_TYPES)))
    others = ((name, name.text(7).upper()) for name in repetitions if name is not own)
    aliases = (xpn(name, kind) for name, kind in others if kind in _ALIAS_TYPES)
    return xpn(own), tuple(dict.fromkeys(alias for alias in aliases if alias))


def addresses(segment: Segment, number: int, reading: Reading) -> tuple[Address, ...]:
    """Read the addresses of an XAD field."""
    read = (_address(xad, f"{segment.name}-{number}", reading) for xad in segment.repetitions(number))
    return tuple(dict.fromkeys(address for address in read if address))


def _address(xad: Repetition, path: str, reading: Reading) -> Address:
    """One address. A country that no table knows stays as it is, for the checks to judge."""
    country_code = tables.COUNTRY.look_up(xad.text(6)) if xad.text(6) else None
    country = country_code.code if country_code is not None else xad.text(6)
    kind = tables.ADDRESS_TYPE.look_up(xad.text(7)) if xad.text(7) else None
    if xad.text(7) and kind is None:
        reading.unreadable("address_type", xad.text(7), f"{path}.7")
    return Address(
        street=xad.name(1),
        other=xad.component(2),
        city=xad.component(3),
        state=xad.text(4),
        zip=xad.text(5),
        country=country,
        type=kind.code if kind else "H",
        county=xad.text(9),
    )


def _telecom(xtn: Repetition) -> tuple[Telecom | None, str]:
    """An XTN, and its text if it cannot be read. Up to v2.3.1 component 1 was the whole number."""
    number, use, equipment, email = xtn.text(1), xtn.text(2), xtn.text(3), xtn.text(4)
    if "@" in email or use == "NET" or equipment.casefold() == "internet":
        address = email or number
        return (Telecom("NET", "Internet", email=address) if values.email(address) else None), address
    if equipment in _NOT_PHONES:
        return None, ""
    local = xtn.text(7)
    digits = f"{xtn.text(6)}{local}" if local else number or xtn.text(12)
    if not digits:
        return None, ""
    use_code = tables.PHONE_USE.look_up(use) if use else None
    equipment = equipment if equipment in _EQUIPMENT else "PH"
    return values.phone(digits, use_code.code if use_code else "PRN", equipment), digits
