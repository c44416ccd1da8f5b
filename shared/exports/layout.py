"""vaxline's own CSV layout, one row per dose, and how a file's header is matched with it.

`COLUMNS` is the layout: docs/exports.md is written from it. Any other CSV is read through a source's `columns`
(vaxline's name → the file's own), `defaults` and `date_formats`. Names are compared without case and punctuation, so
`Lot Number` is `lot_number`; some names of CDC's CVRS and of other national lists are known as aliases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Final

import msgspec

from shared.domain.clinics import Source
from shared.domain.codes import tables
from shared.domain.codes.tables import Table


class Kind(Enum):
    """How a cell is read."""

    TEXT = "text"
    NOTE = "text, may have several lines"
    DATE = "date"
    MONTH = "date, or month"
    CODE = "code or word of a table"
    CVX = "CVX code"
    MVX = "MVX code"
    NDC = "NDC, 11 digits or hyphenated"
    AMOUNT = "number"
    COUNT = "whole number"
    NPI = "NPI, 10 digits"
    PHONE = "telephone number"
    EMAIL = "e-mail address"


class Column(msgspec.Struct, frozen=True):
    """One column: `path` is the HL7 field that it fills.

    `matters`: a value that cannot be read holds the visit; else the message goes without it. `repeats`: several values,
    separated by `;`. `required`: a file without it cannot be sent.
    """

    name: str
    path: str
    words: str
    kind: Kind = Kind.TEXT
    table: Table | None = None
    required: bool = False
    matters: bool = False
    repeats: bool = False
    aliases: tuple[str, ...] = ()


def _code(name: str, path: str, table: Table, words: str, **more: bool | tuple[str, ...]) -> Column:
    return Column(name, path, words, Kind.CODE, table, **more)  # type: ignore[arg-type]


PATIENT_COLUMNS: Final[tuple[Column, ...]] = (
    Column(
        "patient_id",
        "PID-3",
        "medical record number",
        required=True,
        matters=True,
        aliases=("mrn", "recip_id", "medical_record_number"),
    ),
    Column(
        "last_name", "PID-5", "family name", required=True, matters=True, aliases=("recip_last_name", "family_name")
    ),
    Column("first_name", "PID-5", "given name", required=True, aliases=("recip_first_name", "given_name")),
    Column("middle_name", "PID-5", "second given name or initial", aliases=("recip_middle_name",)),
    Column("suffix", "PID-5", "Jr, III"),
    Column(
        "birth_date",
        "PID-7",
        "birth date",
        Kind.DATE,
        required=True,
        matters=True,
        aliases=("recip_dob", "dob", "date_of_birth"),
    ),
    _code(
        "sex", "PID-8", tables.SEX, "administrative sex", required=True, matters=True, aliases=("recip_sex", "gender")
    ),
    _code("race", "PID-10", tables.RACE, "every race", repeats=True, aliases=("recip_race_1",)),
    _code("ethnicity", "PID-22", tables.ETHNICITY, "Hispanic or not", aliases=("recip_ethnicity",)),
    Column("mothers_maiden_name", "PID-6", "the mother's family name at birth"),
    Column("address_street", "PID-11", "house number and street", aliases=("recip_address_street",)),
    Column("address_other", "PID-11", "apartment, unit", aliases=("recip_address_street_2", "address_street_2")),
    Column("address_city", "PID-11", "city", aliases=("recip_address_city", "city")),
    Column("address_state", "PID-11", "two letters", aliases=("recip_address_state", "state")),
    Column("address_zip", "PID-11", "zip code, with or without +4", aliases=("recip_address_zip", "zip", "zip_code")),
    Column("address_county", "PID-11", "county (FIPS)", aliases=("recip_address_county",)),
    _code("address_country", "PID-11", tables.COUNTRY, "country"),
    _code("address_type", "PID-11", tables.ADDRESS_TYPE, "kind of address; home where empty"),
    Column("phone", "PID-13", "ten digits", Kind.PHONE, aliases=("phone_number", "telephone_number", "telephone")),
    _code("phone_use", "PID-13", tables.PHONE_USE, "kind of number; home where empty"),
    Column("email", "PID-13", "e-mail address", Kind.EMAIL, aliases=("email_address",)),
    _code("multiple_birth", "PID-24", tables.YES_NO, "twin, triplet, …"),
    Column("birth_order", "PID-25", "1 for the firstborn", Kind.COUNT),
    _code("deceased", "PID-30", tables.YES_NO, "whether the patient died"),
    Column("death_date", "PID-29", "date of death", Kind.DATE),
    Column("guardian_last_name", "NK1-2", "family name of the parent or guardian"),
    Column("guardian_first_name", "NK1-2", "given name of the parent or guardian"),
    _code("guardian_relationship", "NK1-3", tables.RELATIONSHIP, "what the guardian is to the patient"),
    Column("guardian_phone", "NK1-5", "ten digits", Kind.PHONE),
    _code("publicity_code", "PD1-11", tables.PUBLICITY, "whether to remind or recall"),
    Column("publicity_date", "PD1-18", "since when", Kind.DATE),
    _code("protection", "PD1-12", tables.YES_NO, "Y: keep the record from other providers", matters=True),
    Column("protection_date", "PD1-13", "since when", Kind.DATE),
    _code("registry_status", "PD1-16", tables.REGISTRY_STATUS, "whether the patient is still the clinic's"),
    Column("registry_status_date", "PD1-17", "since when", Kind.DATE),
)

DOSE_COLUMNS: Final[tuple[Column, ...]] = (
    Column(
        "dose_id", "ORC-3", "the EHR's own id of the dose; never changes", aliases=("vax_event_id", "vaccination_id")
    ),
    Column(
        "dose_date",
        "RXA-3",
        "the day it was given, or refused",
        Kind.DATE,
        required=True,
        matters=True,
        aliases=("admin_date", "administration_date", "vaccination_date"),
    ),
    Column(
        "clinic", "RXA-11", "the clinic, by its key or a name of `export_names`", aliases=("admin_name", "clinic_name")
    ),
    _code(
        "completion", "RXA-20", tables.COMPLETION, "complete where empty; refused where a reason stands", matters=True
    ),
    _code("information_source", "RXA-9", tables.INFORMATION_SOURCE, "given here, or historical", matters=True),
    _code("action", "RXA-21", tables.ACTION, "add where empty; D deletes what was reported before", matters=True),
    Column("cvx", "RXA-5", "vaccine", Kind.CVX, required=True, matters=True, aliases=("cvx_code", "vaccine_type_cvx")),
    Column("vaccine_name", "RXA-5", "the vaccine in words"),
    Column("ndc", "RXA-5", "package code", Kind.NDC, aliases=("ndc_code", "vaccine_type_ndc")),
    Column("mvx", "RXA-17", "manufacturer", Kind.MVX, matters=True, aliases=("mvx_code", "manufacturer")),
    Column("lot", "RXA-15", "lot number", aliases=("lot_number",)),
    Column(
        "expiry",
        "RXA-16",
        "expiration date of the lot",
        Kind.MONTH,
        matters=True,
        aliases=("vax_expiration", "expiration_date", "lot_expiration_date"),
    ),
    Column("amount", "RXA-6", "how much, without the unit", Kind.AMOUNT, matters=True, aliases=("dose_volume",)),
    _code("units", "RXA-7", tables.UNITS, "unit of the amount; mL where empty", matters=True),
    _code("route", "RXR-1", tables.ROUTE, "way into the body", aliases=("vax_route", "route_of_administration")),
    _code("site", "RXR-2", tables.SITE, "place on the body", aliases=("vax_admin_site", "site_of_administration")),
    _code("refusal_reason", "RXA-18", tables.REFUSAL_REASON, "why it was refused", matters=True),
    _code(
        "eligibility",
        "OBX 64994-7",
        tables.ELIGIBILITY,
        "funding eligibility of the patient for this dose",
        matters=True,
        aliases=("dose_level_eligibility", "vfc_eligibility"),
    ),
    _code(
        "funding_source",
        "OBX 30963-3",
        tables.FUNDING_SOURCE,
        "the stock the dose came from",
        matters=True,
        aliases=("vaccine_funding_source",),
    ),
    Column("vis_document", "OBX 69764-9", "document type of the VIS (24 digits)", repeats=True),
    Column("vis_cvx", "OBX 30956-7", "vaccine of the VIS, where there is no document type", Kind.CVX, repeats=True),
    Column(
        "vis_edition",
        "OBX 29768-9",
        "edition date of the VIS, where there is no document type",
        Kind.DATE,
        repeats=True,
    ),
    Column(
        "vis_presented",
        "OBX 29769-7",
        "the day it was handed out; one for all, or one for each",
        Kind.DATE,
        repeats=True,
    ),
    Column("administered_by_npi", "RXA-10", "who gave it", Kind.NPI),
    Column("administered_by_last_name", "RXA-10", "who gave it"),
    Column("administered_by_first_name", "RXA-10", "who gave it"),
    Column("ordered_by_npi", "ORC-12", "who ordered it", Kind.NPI),
    Column("ordered_by_last_name", "ORC-12", "who ordered it"),
    Column("ordered_by_first_name", "ORC-12", "who ordered it"),
    Column("entered_by_npi", "ORC-10", "who entered it", Kind.NPI),
    Column("entered_by_last_name", "ORC-10", "who entered it"),
    Column("entered_by_first_name", "ORC-10", "who entered it"),
    Column("dose_number", "OBX 30973-2", "number of the dose in its series", aliases=("dose_num",)),
    Column("comment", "NTE", "a note for the registry", Kind.NOTE),
)

COLUMNS: Final = PATIENT_COLUMNS + DOSE_COLUMNS
BY_NAME: Final[dict[str, Column]] = {column.name: column for column in COLUMNS}
FROM_PATIENT: Final = frozenset(column.name for column in PATIENT_COLUMNS)


@cache
def _by_spelling() -> dict[str, str]:
    known = {tables.normalised(alias): column.name for column in COLUMNS for alias in column.aliases}
    return known | {tables.normalised(name): name for name in BY_NAME}


class Header(msgspec.Struct, frozen=True):
    """A file's header against the layout.

    `places` are (column, index of its cell or -1, default), only for columns that can have a value; `width` is the
    number of cells a row must have; `problems` are (finding code, column name).
    """

    names: tuple[str, ...]
    places: tuple[tuple[Column, int, str], ...]
    problems: tuple[tuple[str, str], ...]

    @property
    def width(self) -> int:
        return len(self.names)

    def own_name(self, column: str) -> str:
        """The file's own name for a column of the layout, as the analyst knows it."""
        for known, index, _ in self.places:
            if known.name == column and index >= 0:
                return self.names[index]
        return column

    def index(self, column: str) -> int:
        """The cell of a column, -1 where the file has none."""
        return next((index for known, index, _ in self.places if known.name == column), -1)

    def default(self, column: str) -> str:
        return next((default for known, _, default in self.places if known.name == column), "")


def match(names: Sequence[str], source: Source) -> Header:
    """Finds the layout's columns in a file's header: by the source's mapping first, then by name and alias."""
    mapped = {tables.normalised(own): name for name, own in source.columns.items()}
    by_spelling = _by_spelling()
    found: dict[str, int] = {}
    problems: list[tuple[str, str]] = []
    for index, own in enumerate(names):
        spelling = tables.normalised(own)
        name = mapped.get(spelling)
        if name is None:
            name = by_spelling.get(spelling)
            # What the mapping reads elsewhere is not read a second time under vaxline's own name.
            if name in source.columns:
                name = None
        if name is None:
            if own.strip():
                problems.append(("COLUMN-UNKNOWN", own.strip()))
        elif name in found:
            problems.append(("COLUMN-TWICE", own.strip()))
        else:
            found[name] = index
    if not found:
        problems = [("FILE-HEADER-UNKNOWN", ", ".join(names)[:200])]
    problems += _missing(found, source.defaults)
    places = tuple(
        (column, found.get(column.name, -1), source.defaults.get(column.name, ""))
        for column in COLUMNS
        if column.name in found or source.defaults.get(column.name)
    )
    return Header(tuple(name.strip() for name in names), places, tuple(problems))


def _missing(found: Mapping[str, int], defaults: Mapping[str, str]) -> list[tuple[str, str]]:
    if not found:
        return []
    return [
        ("COLUMN-MISSING", column.name)
        for column in COLUMNS
        if column.required
        and column.name not in found
        and not defaults.get(column.name)
        # A package code can stand for the vaccine code.
        and not (column.name == "cvx" and "ndc" in found)
    ]
