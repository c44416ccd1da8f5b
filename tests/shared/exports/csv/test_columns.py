"""Of every CSV column its value is in the VXU, or a finding names it, or the table says why it is not sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from console.documentation import csv_columns_page
from shared.domain.clinics import Clinic, Configuration, Iis, Source
from shared.domain.hl7 import er7
from shared.domain.model import Code, Finding, Visit
from shared.exports.column import Becomes, Column, ColumnKind, Of
from shared.exports.columns import BY_NAME, COLUMNS
from shared.exports.parsers import parser
from shared.exports.presets import PRESETS
from shared.exports.values import Dates
from shared.usecases.prepare import prepare

Read = Callable[..., list[Visit]]
SOURCE = Source("own", "csv", clinic="elm")
CLINIC = Clinic("elm", "Elm", "CT9001", "CT9001", "CT9001", "elm", export_names=frozenset({"Elm Street"}))
OTHER = Clinic("oak", "Oak", "CT9002", "CT9001", "CT9001", "elm")
CLINICS = {"elm": CLINIC, "oak": OTHER}
CONFIGURATION = Configuration("v", "Example", "VAXLINE", Iis("https://iis.example"), CLINICS, {"own": SOURCE})
NOW = datetime(2026, 6, 1, tzinfo=UTC)
DATES = Dates(SOURCE.date_formats)

GIVEN = {
    "patient_id": "SYN-1", "last_name": "Sampleton", "first_name": "Ada", "birth_date": "2011-01-02", "sex": "F",
    "address_street": "1 Elm Street", "guardian_last_name": "Sampleton", "guardian_first_name": "Eve",
    "guardian_relationship": "MTH", "dose_id": "D1", "dose_date": "2026-03-01", "cvx": "115", "mvx": "PMC",
    "lot": "AB123", "route": "IM", "amount": "0.5", "information_source": "00", "eligibility": "V01",
    "funding_source": "PHC70",
}  # fmt: skip
HISTORICAL = {name: GIVEN[name] for name in GIVEN if name not in ("lot", "eligibility", "funding_source")} | {
    "information_source": "01"
}
REFUSED = {name: GIVEN[name] for name in HISTORICAL if name not in ("mvx", "route", "amount", "information_source")} | {
    "refusal_reason": "03"
}
BASES = {"given": GIVEN, "historical": HISTORICAL, "refused": REFUSED}

VALUES = {
    "patient_id": "SYN-77", "last_name": "Exampleton", "first_name": "Zoe", "middle_name": "Quill", "suffix": "III",
    "birth_date": "2012-04-05", "sex": "M", "race": "2028-9", "ethnicity": "2135-2", "mothers_maiden_name": "Mockford",
    "address_street": "77 Oak Street", "address_other": "Unit 77", "address_city": "Hartford", "address_state": "NY",
    "address_zip": "06177", "address_county": "09110", "address_country": "CAN", "address_type": "M",
    "phone": "860-555-0177", "phone_use": "WPN", "email": "zoe@example.org", "multiple_birth": "Y", "birth_order": "3",
    "deceased": "N", "death_date": "2026-05-05", "guardian_last_name": "Guardley", "guardian_first_name": "Gus",
    "guardian_relationship": "GRD", "guardian_phone": "203-555-0188", "publicity_code": "09",
    "publicity_date": "2026-02-07", "protection": "Y", "protection_date": "2026-02-08", "registry_status": "M",
    "registry_status_date": "2026-02-09", "dose_id": "DOSE-77", "dose_date": "2026-03-07", "clinic": "oak",
    "completion": "PA", "information_source": "07", "action": "U", "cvx": "113", "vaccine_name": "Td of ours",
    "ndc": "49281-0215-15", "mvx": "SKB", "lot": "ZZ987", "expiry": "2027-07-07", "amount": "0.7", "units": "mg",
    "route": "SC", "site": "LT", "refusal_reason": "01", "eligibility": "V03", "funding_source": "VXC50",
    "vis_document": "253088698300003511070517", "vis_cvx": "115", "vis_edition": "2021-08-06",
    "vis_presented": "2026-02-27", "administered_by_npi": "1234567893", "administered_by_last_name": "Nurseby",
    "administered_by_first_name": "Nadia", "ordered_by_npi": "1245319599", "ordered_by_last_name": "Doctorow",
    "ordered_by_first_name": "Dov", "entered_by_npi": "1003000126", "entered_by_last_name": "Clerkson",
    "entered_by_first_name": "Cleo", "dose_number": "4", "comment": "a note of ours",
    "immunity": "38907003", "immunity_tested": "14189004", "contraindication": "VXC18",
    "contraindication_begins": "2026-01-07", "contraindication_ends": "2027-01-08", "reaction": "39579001", "event_status": "PA",
    "was_refused": "Y", "missed_appointment": "Y", "is_historical": "Y", "extract_type": "D",
}  # fmt: skip


def outcome(read: Read, row: dict[str, str]) -> tuple[str, tuple[Finding, ...]]:
    """The VXU of a row, decoded, and all findings about it and its file."""
    body = ",".join(row) + "\n" + ",".join(row.values()) + "\n"
    vxu, findings = "", []
    for visit in read(SOURCE, {"a.csv": body.encode()}):
        findings += visit.findings
        if visit.rows:
            clinic = CONFIGURATION.clinic_for(SOURCE, visit.clinic)
            prepared = prepare(visit, msh_10="M1", clinic=clinic, configuration=CONFIGURATION, now=NOW)
            vxu += er7.decode(prepared.vxu)
            findings += prepared.findings
    return vxu, tuple(dict.fromkeys(findings))


def spellings(column: Column) -> Iterator[str]:
    """The forms in which the value of a column may stand in the VXU."""
    raw = VALUES[column.name]
    if column.kind is ColumnKind.PHONE:
        yield raw[4:].replace("-", "")
        return
    parse = parser(column, DATES)
    value = raw if parse is None else parse(raw)
    if isinstance(value, tuple):
        yield from (code.code for code in value if isinstance(code, Code))
    else:
        yield str(value)


def is_in(vxu: str, column: Column) -> bool:
    fields = {part for segment in vxu.split("\r") for field in segment.split("|") for part in field.split("^")}
    return any(spelling in fields for spelling in spellings(column))


def names(findings: tuple[Finding, ...], column: Column) -> bool:
    value = VALUES[column.name]
    return any(
        column.name in finding.column or finding.path == column.path or value in finding.value for finding in findings
    )


def with_needed(base: dict[str, str], column: Column) -> dict[str, str]:
    """The row with the values beside which the column's is sent, and with the column's own."""
    needed = {name: VALUES[name] for name in column.needs[:1] if not any(name in base for name in column.needs)}
    more = {"vis_cvx": "115", "vis_presented": "2026-03-01"} if column.name == "vis_edition" else {}
    return base | needed | more | {column.name: VALUES[column.name]}


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
@pytest.mark.parametrize("kind", BASES)
def test_no_value_is_passed_over_in_silence(read: Read, column: Column, kind: str) -> None:
    row = with_needed(BASES[kind], column)
    vxu, findings = outcome(read, row)
    if vxu and is_in(vxu, column):
        return
    is_excused = (
        names(findings, column)
        or (column.of is Of.HERE and kind != "given")
        or (column.of is Of.GIVEN and kind == "refused")
        or (column.becomes is Becomes.DECIDES and is_decided(read, column, kind))
    )
    assert is_excused, (vxu, findings)


def is_decided(read: Read, column: Column, kind: str) -> bool:
    """Whether another message comes of the row without the column's value, or with its opposite."""
    row = with_needed(BASES[kind], column)
    opposite = {"N": "Y", "Y": "N"}.get(row[column.name], "")
    return any(outcome(read, row)[0] != outcome(read, row | {column.name: other})[0] for other in ("", opposite))


@pytest.mark.parametrize("column", [column for column in COLUMNS if column.needs], ids=lambda column: column.name)
def test_a_value_without_the_one_that_it_needs_is_said(read: Read, column: Column) -> None:
    base = {name: value for name, value in GIVEN.items() if name not in column.needs}
    vxu, findings = outcome(read, base | {column.name: VALUES[column.name]})
    assert not (vxu and is_in(vxu, column))
    expected = [] if column.becomes is Becomes.QUALIFIES else [column.name]
    assert [finding.column for finding in findings if finding.code == "VALUE-WITHOUT-OTHER"] == expected


def test_every_column_has_a_value_here() -> None:
    assert VALUES.keys() == BY_NAME.keys()
    assert all(needed in BY_NAME for column in COLUMNS for needed in column.needs)


def test_the_page_names_every_column_and_every_preset() -> None:
    page = csv_columns_page()
    assert all(f"| `{column.name}` | {column.path} |" in page for column in COLUMNS)
    assert all(f"### {name}\n" in page for name, preset in PRESETS.items() if preset.format == "csv")
