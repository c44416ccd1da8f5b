"""The columns: vaxline's name, HL7 field and form of every value that a dose and its patient can have.

A CSV export has these columns, under these names or those that its source maps them to. Corrections, findings and the
console name values by them, whatever the format of the export. docs/exports.md lists them; a test compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from shared.domain.codes import tables
from shared.domain.codes.diseases import DISEASE
from shared.domain.codes.statuses import EVENT_STATUS, EXTRACT_TYPE
from shared.domain.codes.table import Table, normalized
from shared.exports.column import Becomes, Column, ColumnKind, Of


def _code(name: str, path: str, table: Table, words: str, **more: bool | Becomes | Of | tuple[str, ...]) -> Column:
    return Column(name, path, words, ColumnKind.CODE, table, **more)  # type: ignore[arg-type]


def _person(role: str, path: str, words: str, of: Of = Of.EVERY) -> tuple[Column, ...]:
    number, family = f"{role}_npi", f"{role}_last_name"
    return (
        Column(number, path, words, ColumnKind.NPI, of=of),
        Column(family, path, words, of=of),
        Column(f"{role}_first_name", path, words, needs=(family, number), of=of),
    )


_PLACE: Final = ("address_street", "address_other", "address_city", "address_state", "address_zip")
_GUARDIAN: Final = ("guardian_last_name", "guardian_first_name")
_VIS: Final = ("vis_document", "vis_cvx")

_PATIENT_COLUMNS: Final[tuple[Column, ...]] = (
    Column(
        "patient_id",
        "PID-3",
        "medical record number",
        required=True,
        matters=True,
        identifies=True,
        aliases=("mrn", "recip_id", "medical_record_number"),
    ),
    Column(
        "last_name", "PID-5", "family name", required=True, matters=True, aliases=("recip_last_name", "family_name")
    ),
    Column(
        "first_name",
        "PID-5",
        "given name",
        required=True,
        identifies=True,
        aliases=("recip_first_name", "given_name"),
    ),
    Column("middle_name", "PID-5", "second given name or initial", aliases=("recip_middle_name",)),
    Column("suffix", "PID-5", "Jr, III"),
    Column(
        "birth_date",
        "PID-7",
        "birth date",
        ColumnKind.DATE,
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
    Column("address_county", "PID-11", "county (FIPS)", needs=_PLACE, aliases=("recip_address_county",)),
    _code("address_country", "PID-11", tables.COUNTRY, "country", becomes=Becomes.QUALIFIES, needs=_PLACE),
    _code(
        "address_type",
        "PID-11",
        tables.ADDRESS_TYPE,
        "kind of address; home where empty",
        becomes=Becomes.QUALIFIES,
        needs=_PLACE,
    ),
    Column(
        "phone", "PID-13", "ten digits", ColumnKind.PHONE, aliases=("phone_number", "telephone_number", "telephone")
    ),
    _code(
        "phone_use",
        "PID-13",
        tables.PHONE_USE,
        "kind of number; home where empty",
        becomes=Becomes.QUALIFIES,
        needs=("phone",),
    ),
    Column("email", "PID-13", "e-mail address", ColumnKind.EMAIL, aliases=("email_address",)),
    _code("multiple_birth", "PID-24", tables.YES_NO, "twin, triplet, …"),
    Column("birth_order", "PID-25", "1 for the firstborn", ColumnKind.COUNT),
    _code("deceased", "PID-30", tables.YES_NO, "whether the patient died"),
    Column("death_date", "PID-29", "date of death", ColumnKind.DATE),
    Column("guardian_last_name", "NK1-2", "family name of the parent or guardian"),
    Column("guardian_first_name", "NK1-2", "given name of the parent or guardian"),
    _code(
        "guardian_relationship",
        "NK1-3",
        tables.RELATIONSHIP,
        "what the guardian is to the patient",
        becomes=Becomes.QUALIFIES,
        needs=_GUARDIAN,
    ),
    Column("guardian_phone", "NK1-5", "ten digits", ColumnKind.PHONE, needs=_GUARDIAN),
    _code("publicity_code", "PD1-11", tables.PUBLICITY, "whether to remind or recall"),
    Column("publicity_date", "PD1-18", "since when", ColumnKind.DATE, needs=("publicity_code",)),
    _code("protection", "PD1-12", tables.YES_NO, "Y: keep the record from other providers", matters=True),
    Column("protection_date", "PD1-13", "since when", ColumnKind.DATE, needs=("protection",)),
    _code("registry_status", "PD1-16", tables.REGISTRY_STATUS, "whether the patient is still the clinic's"),
    Column("registry_status_date", "PD1-17", "since when", ColumnKind.DATE, needs=("registry_status",)),
)

_DOSE_COLUMNS: Final[tuple[Column, ...]] = (
    Column(
        "dose_id",
        "ORC-3",
        "the EHR's own id of the dose; never changes",
        identifies=True,
        of=Of.GIVEN,
        aliases=("vax_event_id", "vaccination_id"),
    ),
    Column(
        "dose_date",
        "RXA-3",
        "the day it was given, or refused",
        ColumnKind.DATE,
        required=True,
        matters=True,
        aliases=("admin_date", "administration_date", "vaccination_date"),
    ),
    Column(
        "clinic",
        "RXA-11",
        "the clinic, by its key or a name of `export_names`",
        identifies=True,
        becomes=Becomes.DECIDES,
        aliases=("admin_name", "clinic_name"),
    ),
    _code(
        "completion",
        "RXA-20",
        tables.COMPLETION,
        "complete where empty; refused where a reason stands",
        matters=True,
        becomes=Becomes.DECIDES,
    ),
    _code(
        "information_source",
        "RXA-9",
        tables.INFORMATION_SOURCE,
        "given here, or historical",
        matters=True,
        becomes=Becomes.DECIDES,
        of=Of.GIVEN,
    ),
    _code(
        "action",
        "RXA-21",
        tables.ACTION,
        "add where empty; D deletes what was reported before",
        matters=True,
        becomes=Becomes.DECIDES,
    ),
    Column(
        "cvx", "RXA-5", "vaccine", ColumnKind.CVX, required=True, matters=True, aliases=("cvx_code", "vaccine_type_cvx")
    ),
    Column("vaccine_name", "RXA-5", "the vaccine in words"),
    Column("ndc", "RXA-5", "package code", ColumnKind.NDC, identifies=True, aliases=("ndc_code", "vaccine_type_ndc")),
    Column(
        "mvx", "RXA-17", "manufacturer", ColumnKind.MVX, matters=True, of=Of.GIVEN, aliases=("mvx_code", "manufacturer")
    ),
    Column("lot", "RXA-15", "lot number", identifies=True, aliases=("lot_number",)),
    Column(
        "expiry",
        "RXA-16",
        "expiration date of the lot",
        ColumnKind.MONTH,
        matters=True,
        of=Of.GIVEN,
        aliases=("vax_expiration", "expiration_date", "lot_expiration_date"),
    ),
    Column(
        "amount",
        "RXA-6",
        "how much, without the unit",
        ColumnKind.AMOUNT,
        matters=True,
        of=Of.GIVEN,
        aliases=("dose_volume",),
    ),
    _code(
        "units",
        "RXA-7",
        tables.UNITS,
        "unit of the amount; mL where empty",
        matters=True,
        becomes=Becomes.QUALIFIES,
        needs=("amount",),
        of=Of.GIVEN,
    ),
    _code(
        "route",
        "RXR-1",
        tables.ROUTE,
        "way into the body",
        of=Of.GIVEN,
        aliases=("vax_route", "route_of_administration"),
    ),
    _code(
        "site",
        "RXR-2",
        tables.SITE,
        "place on the body",
        needs=("route",),
        of=Of.GIVEN,
        aliases=("vax_admin_site", "site_of_administration"),
    ),
    _code(
        "refusal_reason",
        "RXA-18",
        tables.REFUSAL_REASON,
        "why it was refused",
        matters=True,
        becomes=Becomes.DECIDES,
        of=Of.REFUSED,
    ),
    _code(
        "eligibility",
        "OBX 64994-7",
        tables.ELIGIBILITY,
        "funding eligibility of the patient for this dose",
        matters=True,
        of=Of.HERE,
        aliases=("dose_level_eligibility", "vfc_eligibility"),
    ),
    _code(
        "funding_source",
        "OBX 30963-3",
        tables.FUNDING_SOURCE,
        "the stock the dose came from",
        matters=True,
        of=Of.HERE,
        aliases=("vaccine_funding_source",),
    ),
    Column("vis_document", "OBX 69764-9", "document type of the VIS (24 digits)", repeats=True, of=Of.HERE),
    Column(
        "vis_cvx",
        "OBX 30956-7",
        "vaccine of the VIS, where there is no document type",
        ColumnKind.CVX,
        repeats=True,
        of=Of.HERE,
    ),
    Column(
        "vis_edition",
        "OBX 29768-9",
        "edition date of the VIS, where there is no document type",
        ColumnKind.DATE,
        repeats=True,
        needs=("vis_cvx", "vis_document"),
        of=Of.HERE,
    ),
    Column(
        "vis_presented",
        "OBX 29769-7",
        "the day it was handed out; one for all, or one for each",
        ColumnKind.DATE,
        repeats=True,
        needs=_VIS,
        of=Of.HERE,
    ),
    *_person("administered_by", "RXA-10", "who gave it", Of.GIVEN),
    *_person("ordered_by", "ORC-12", "who ordered it"),
    *_person("entered_by", "ORC-10", "who entered it"),
    Column("dose_number", "OBX 30973-2", "number of the dose in its series", of=Of.GIVEN, aliases=("dose_num",)),
    _code("immunity", "OBX 59784-9", DISEASE, "disease that the patient had", matters=True, repeats=True),
    _code(
        "immunity_tested", "OBX 75505-8", DISEASE, "disease of which there are antibodies", matters=True, repeats=True
    ),
    Column("contraindication", "OBX 30945-0", "why not to vaccinate", ColumnKind.OBSERVED, matters=True, repeats=True),
    Column("contraindication_begins", "OBX 30946-8", "its first day", ColumnKind.DATE, needs=("contraindication",)),
    Column("contraindication_ends", "OBX 30944-3", "its last day", ColumnKind.DATE, needs=("contraindication",)),
    Column("reaction", "OBX 31044-1", "reaction to the dose", ColumnKind.OBSERVED, repeats=True),
    Column("comment", "NTE", "a note for the registry", ColumnKind.NOTE),
)

# They say in the EHR's own way what `completion`, `information_source` and `action` say by HL7's tables.
_DECIDING_COLUMNS: Final[tuple[Column, ...]] = (
    _code(
        "event_status",
        "RXA-20",
        EVENT_STATUS,
        "one status for given, refused, not given and deleted",
        matters=True,
        becomes=Becomes.DECIDES,
    ),
    _code("was_refused", "RXA-20", tables.YES_NO, "Y: the dose was refused", matters=True, becomes=Becomes.DECIDES),
    _code(
        "missed_appointment",
        "RXA-20",
        tables.YES_NO,
        "Y: nobody came, so the row reports no dose",
        matters=True,
        becomes=Becomes.DECIDES,
    ),
    _code(
        "is_historical",
        "RXA-9",
        tables.YES_NO,
        "Y: given elsewhere; N: given here",
        matters=True,
        becomes=Becomes.DECIDES,
        of=Of.GIVEN,
    ),
    _code(
        "extract_type",
        "PID-5",
        EXTRACT_TYPE,
        "whether the row names its patient; a de-identified row is held",
        matters=True,
        becomes=Becomes.DECIDES,
    ),
)

COLUMNS: Final = _PATIENT_COLUMNS + _DOSE_COLUMNS + _DECIDING_COLUMNS
BY_NAME: Final[dict[str, Column]] = {column.name: column for column in COLUMNS}
FROM_PATIENT: Final = frozenset(column.name for column in _PATIENT_COLUMNS)
"""The names of the patient's columns; the others are those of a dose."""


def spelling(name: str) -> str:
    """Return the form in which names of columns are compared: without case, punctuation and space."""
    return normalized(name).replace(" ", "")


_INDEX: Final = re.compile(r"\[[0-9]+\]")
_OBSERVATION: Final = re.compile(r"OBX(?:-5)? \(?([0-9]+-[0-9])\)?")

# Where several columns fill one field, the component tells them apart.
_BY_COMPONENT: Final[Mapping[str, str]] = {
    "PID-5.2": "first_name",
    "PID-5.3": "middle_name",
    "PID-5.4": "suffix",
    "PID-11.2": "address_other",
    "PID-11.3": "address_city",
    "PID-11.4": "address_state",
    "PID-11.5": "address_zip",
    "PID-11.6": "address_country",
    "PID-11.7": "address_type",
    "PID-11.9": "address_county",
    "PID-13.2": "phone_use",
    "PID-13.4": "email",
    "NK1-2.2": "guardian_first_name",
    "RXA-5.2": "vaccine_name",
    "RXA-10.2": "administered_by_last_name",
    "RXA-10.3": "administered_by_first_name",
    "ORC-10.2": "entered_by_last_name",
    "ORC-10.3": "entered_by_first_name",
    "ORC-12.2": "ordered_by_last_name",
    "ORC-12.3": "ordered_by_first_name",
}
_BY_FIELD: Final[Mapping[str, str]] = {column.path: column.name for column in reversed(COLUMNS)}


def column_of(path: str, own: Mapping[str, str] | None = None) -> str:
    """Return the name of the column that fills an HL7 field; the first one if several do.

    Args:
        path: The field or component: `PID-7`, `PID-11.5`, `OBX-5 (64994-7)`, `RXA[2]-15`.
        own: The names that the source's files have for vaxline's columns (`Source.columns`).

    Returns:
        The file's name of the column if `own` has one, otherwise vaxline's; empty if no column fills the field.
    """
    name = _column_of(path)
    return own.get(name, name) if own else name


def _column_of(path: str) -> str:
    path = _INDEX.sub("", path)
    observation = _OBSERVATION.match(path)
    if observation:
        return _BY_FIELD.get(f"OBX {observation[1]}", "")
    components = path.split(".")
    return _BY_COMPONENT.get(".".join(components[:2])) or _BY_FIELD.get(components[0], "")
