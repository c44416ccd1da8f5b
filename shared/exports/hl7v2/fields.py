"""The data types of HL7 v2 (chapter 2A) as values of the domain, and what could not be read in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from shared.domain.codes import tables
from shared.domain.codes.tables import Table
from shared.domain.hl7.er7 import NULL
from shared.domain.hl7.messages import Syntax
from shared.domain.model import NO_CODE, Address, Code, Finding, Name, Provider, Telecom
from shared.exports import layout, values
from shared.exports.layout import Kind
from shared.exports.values import Dates
from shared.replaced import replace

_NPI_AUTHORITIES: Final = frozenset({"NPI", "CMS", "NPPES", "2.16.840.1.113883.4.6"})
_NO_CODE_KINDS: Final = frozenset({Kind.CODE, Kind.CVX, Kind.MVX})
# HL7 table 0202; a fax or a pager is not for a registry.
_EQUIPMENT: Final = frozenset({"PH", "CP"})
_NOT_PHONES: Final = frozenset({"FX", "BP", "MD", "X.400"})
_LEGAL: Final = ("L", "", "U", "D", "C", "N", "T", "S")
_DAY: Final = 8
_MONTH: Final = 6


class Triplet(NamedTuple):
    """One half of a CE or CWE: identifier, text, coding system."""

    code: str
    text: str
    system: str


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment; fields are counted from 1 as HL7 does, components too. `""` (HL7's null) reads as empty."""

    name: str
    syntax: Syntax
    fields: tuple[str, ...] = ()

    def raw(self, number: int) -> str:
        raw = self.fields[number - 1].strip() if len(self.fields) >= number else ""
        return "" if raw == NULL else raw

    def repetitions(self, number: int) -> list[str]:
        return [one for one in self.raw(number).split(self.syntax.repetition) if one.strip()]

    def first(self, number: int) -> str:
        """The field's first repetition that is not empty, as it stands there."""
        return next(iter(self.repetitions(number)), "")

    def text(self, number: int, component: int = 1) -> str:
        """One component of the first repetition, as text on one line."""
        return component_of(self.first(number), component, self.syntax)


NO_SEGMENT: Final = Segment("", Syntax("|", "^", "~", "\\", "&"))


def segments(text: str, syntax: Syntax) -> list[Segment]:
    """The segments of a message, MSH first, whose field 1 is its field separator."""
    found = []
    for line in text.split("\r"):
        name, *fields = line.split(syntax.field)
        found.append(Segment(name, syntax, (syntax.field, *fields) if name == "MSH" else tuple(fields)))
    return found


def component_of(raw: str, number: int, syntax: Syntax, subcomponent: int = 1) -> str:
    """A leaf of a field as text on one line."""
    parts = raw.split(syntax.component, number)
    if len(parts) < number:
        return ""
    pieces = parts[number - 1].split(syntax.subcomponent, subcomponent)
    text = syntax.text(pieces[subcomponent - 1]) if len(pieces) >= subcomponent else ""
    if text == NULL:
        return ""
    return text if text.isprintable() else " ".join("".join(c if c.isprintable() else " " for c in text).split())


def triplets(raw: str, syntax: Syntax) -> list[Triplet]:
    """The primary and the alternate triplet of a coded field, without empty ones."""
    parts = [component_of(raw, number, syntax) for number in range(1, 7)]
    both = (Triplet(*parts[:3]), Triplet(*parts[3:]))
    return [one for one in both if one.code or one.text]


def hd(raw: str, component: int, syntax: Syntax) -> str:
    """An HD within a component: its namespace, else its universal id."""
    return component_of(raw, component, syntax) or component_of(raw, component, syntax, 2)


class Reading:
    """Reads the fields of one message; what cannot be read becomes a finding with its HL7 path."""

    def __init__(self, row: int, dates: Dates) -> None:
        self.row = row
        self.findings: list[Finding] = []
        self._dates = dates

    def note(self, code: str, path: str, value: str, column: str = "") -> None:
        self.findings.append(Finding(code, path, self.row, column or path, value))

    def unreadable(self, name: str, value: str, column: str = "") -> None:
        """A value of a layout's column that does not have its form: an error where the column matters."""
        about = layout.BY_NAME[name]
        if about.kind in (Kind.DATE, Kind.MONTH):
            code = "DATE-UNREADABLE" if about.matters else "DATE-LEFT-OUT"
        elif about.kind in _NO_CODE_KINDS:
            code = "CODE-UNKNOWN" if about.matters else "CODE-LEFT-OUT"
        else:
            code = "VALUE-UNREADABLE" if about.matters else "VALUE-LEFT-OUT"
        self.note(code, about.path, value, column)

    def read(self, name: str, raw: str, parse: Callable[[str], str | None], column: str = "") -> str:
        """A text brought into form; noted where it has none."""
        found = parse(raw) if raw else ""
        if found is None:
            self.unreadable(name, raw, column)
        return found or ""

    def day(self, name: str, raw: str, column: str = "") -> str:
        """`YYYYMMDD` of a DT, TS or DTM, whatever its precision beyond the day."""
        return self.read(name, raw, self.as_day, column)

    def as_day(self, raw: str) -> str | None:
        head = raw[:_DAY]
        if len(head) == _DAY and head.isascii() and head.isdigit():
            return values.iso_day(f"{head[:4]}-{head[4:6]}-{head[6:]}")
        return self._dates.day(raw)

    def as_day_or_month(self, raw: str) -> str | None:
        return self.as_day(raw) or (values.month(raw) if len(raw) > _MONTH - 1 else None)

    def code(self, name: str, raw: str, syntax: Syntax, column: str = "") -> Code:
        """The table's value of a coded field; a code of another system goes along as the alternate triplet."""
        about = layout.BY_NAME[name]
        assert about.table is not None
        said = triplets(raw, syntax)
        found = look_up(about.table, said)
        if found is None:
            if said:
                self.unreadable(name, said[0].code or said[0].text, column)
            return NO_CODE
        return with_alternate(found, said)

    def telecoms(self, segment: Segment, number: int) -> list[Telecom]:
        """The telephone numbers and e-mail addresses of an XTN field."""
        found: list[Telecom] = []
        for raw in segment.repetitions(number):
            telecom, said = _telecom(raw, segment.syntax)
            if telecom is not None:
                found.append(telecom)
            elif said:
                self.note("VALUE-LEFT-OUT", f"{segment.name}-{number}", said)
        return found

    def provider(self, segment: Segment, number: int) -> Provider:
        """An XCN. An id of which authority or kind is not said is left out: nobody could tell whose it is."""
        raw, syntax = segment.first(number), segment.syntax
        name = xpn(syntax.component.join(raw.split(syntax.component)[1:]), syntax)
        found = Provider("", name.family, name.given, name.middle)
        identifier = component_of(raw, 1, syntax)
        if not identifier:
            return found
        authority, kind = hd(raw, 9, syntax), component_of(raw, 13, syntax)
        is_npi = kind == "NPI" or (not kind and authority.upper() in _NPI_AUTHORITIES)
        if is_npi and values.npi(identifier):
            return replace(found, id=identifier, authority="NPI", id_type="NPI")
        if authority and kind and not is_npi:
            return replace(found, id=identifier, authority=authority, id_type=kind)
        self.note("PROVIDER-ID-LEFT-OUT", f"{segment.name}-{number}", identifier)
        return found


def look_up(table: Table, said: Iterable[Triplet]) -> Code | None:
    """The value that the first known spelling means: the codes first, then the words."""
    said = list(said)
    spellings = [one.code for one in said if one.code] + [one.text for one in said if one.text]
    return next((found for spelling in spellings if (found := tables.look_up(table, spelling)) is not None), None)


def with_alternate(found: Code, said: Iterable[Triplet]) -> Code:
    """The code, with the first triplet that says it otherwise as its alternate."""
    if not found:
        return found
    other = next((one for one in said if one.code and one.code.casefold() != found.code.casefold()), None)
    if other is None:
        return found
    return replace(found, alternate_code=other.code, alternate_text=other.text, alternate_system=other.system or "L")


def xpn(raw: str, syntax: Syntax, kind: str = "L") -> Name:
    """An XPN; the family name's own parts (FN) stop at the first."""
    family, given, middle, suffix = (component_of(raw, number, syntax) for number in range(1, 5))
    return Name(family, given, middle, suffix, kind)


def names(segment: Segment, number: int) -> tuple[Name, tuple[Name, ...]]:
    """The name of today (legal before others), and maiden and other names as aliases."""
    said = [(component_of(raw, 7, segment.syntax).upper(), raw) for raw in segment.repetitions(number)]
    if not said:
        return Name(), ()
    place = {kind: rank for rank, kind in enumerate(_LEGAL)}
    own = min(said, key=lambda one: place.get(one[0], len(_LEGAL)))
    aliases = [xpn(raw, segment.syntax, kind) for kind, raw in said if kind in ("M", "A", "B") and raw is not own[1]]
    return xpn(own[1], segment.syntax), tuple(dict.fromkeys(alias for alias in aliases if alias))


def addresses(segment: Segment, number: int, reading: Reading) -> tuple[Address, ...]:
    """The XADs of a field; a country or type that no table knows stays as it is, for the checks to judge."""
    found = []
    for raw in segment.repetitions(number):
        street, other, city, state, code, country, kind = (
            component_of(raw, part, segment.syntax) for part in range(1, 8)
        )
        if not street:
            street = component_of(raw, 1, segment.syntax, 2)
        known = tables.look_up(tables.COUNTRY, country) if country else None
        land = known.code if known is not None else country
        sort = tables.look_up(tables.ADDRESS_TYPE, kind) if kind else None
        if kind and sort is None:
            reading.unreadable("address_type", kind, f"{segment.name}-{number}.7")
        county = component_of(raw, 9, segment.syntax)
        place = Address(
            street, other, city, state, values.zip_code(code, land), land, sort.code if sort else "H", county
        )
        if place:
            found.append(place)
    return tuple(dict.fromkeys(found))


def _telecom(raw: str, syntax: Syntax) -> tuple[Telecom | None, str]:
    """An XTN, and what it says where it cannot be read. Up to v2.3.1 the whole number stood in its component 1."""
    number, use, equipment, email = (component_of(raw, part, syntax) for part in range(1, 5))
    area, local = component_of(raw, 6, syntax), component_of(raw, 7, syntax)
    if "@" in email or use == "NET" or equipment.casefold() == "internet":
        address = email or number
        return (Telecom("NET", "Internet", email=address) if values.email(address) else None), address
    if equipment in _NOT_PHONES:
        return None, ""
    known = tables.look_up(tables.PHONE_USE, use) if use else None
    said = f"{area}{local}" if local else number or component_of(raw, 12, syntax)
    if not said:
        return None, ""
    return values.phone(said, known.code if known else "PRN", equipment if equipment in _EQUIPMENT else "PH"), said
