"""CSV: every row is in exactly one visit, and every problem is a finding with row and column."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import checks, identity
from shared.domain.clinics import Source
from shared.domain.fingerprints import dose_fingerprints
from shared.domain.model import Action, Completion, Finding, Visit
from shared.exports import columns, findings
from shared.exports.readers import READERS
from shared.ports.objects import StoredObject
from shared.usecases.findings import OF_RECORDS

Read = Callable[..., list[Visit]]
OWN = Source("own", "csv", clinic="elm")
NAMES = ("patient_id", "last_name", "first_name", "birth_date", "sex", "dose_id", "dose_date", "cvx", "lot", "comment")
GOOD = ("SYN-1", "Sampleton", "Ada", "2020-01-02", "F", "D1", "2026-03-01", "08", "LOT1", "")


def a_csv(*rows: tuple[str, ...], names: tuple[str, ...] = NAMES) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows((names, *rows))
    return text.getvalue().encode()


def a_row(**changes: str) -> tuple[str, ...]:
    return tuple(changes.get(name, good) for name, good in zip(NAMES, GOOD, strict=True))


def rows_of(visits: list[Visit]) -> list[int]:
    return sorted(row for visit in visits for _, row in visit.rows)


def findings_of(visits: list[Visit]) -> list[Finding]:
    return [finding for visit in visits for finding in visit.findings]


def codes_of(visits: list[Visit]) -> set[str]:
    return {finding.code for finding in findings_of(visits)}


def test_spellings_of_one_record_number_or_dose_id_are_one(read: Read) -> None:
    spellings = [" SYN-1", "SYN\u200b-1\u00a0", "SYN-1\ufeff"]
    rows = [a_row(patient_id=spelling, dose_id=f"D\u00a0{n}\t") for n, spelling in enumerate(spellings)]
    [visit] = read(OWN, {"a.csv": a_csv(*rows)})
    assert visit.patient.mrn == "SYN-1"
    assert [dose.id for dose in visit.doses] == ["D 0", "D 1", "D 2"]
    assert not visit.findings


def test_record_numbers_that_differ_in_case_are_two(read: Read) -> None:
    visits = read(OWN, {"a.csv": a_csv(a_row(patient_id="a1"), a_row(patient_id="A1"))})
    assert sorted(visit.patient.mrn for visit in visits) == ["A1", "a1"]


def test_a_record_number_with_nul_holds_its_own_row_only(read: Read) -> None:
    visits = read(OWN, {"a.csv": a_csv(a_row(), a_row(patient_id="SYN\x00-1"))})
    assert [[finding.code for finding in visit.findings] for visit in visits] == [["VALUE-NUL"], []]


def test_doses_of_one_day_become_one_visit(read: Read) -> None:
    visits = read(
        OWN, {"a.csv": a_csv(a_row(), a_row(dose_id="D2", cvx="20"), a_row(dose_id="D3", dose_date="2026-03-02"))}
    )
    assert [(visit.date, [dose.id for dose in visit.doses]) for visit in visits] == [
        ("20260301", ["D1", "D2"]),
        ("20260302", ["D3"]),
    ]
    assert visits[0].rows == (("a.csv", 2), ("a.csv", 3))
    assert not findings_of(visits)


def test_visits_of_a_patient_come_in_the_order_of_days_whatever_the_file_s_order(read: Read) -> None:
    days = ["2026-03-03", "2026-01-01", "2026-02-02"]
    visits = read(OWN, {"a.csv": a_csv(*(a_row(dose_id=day, dose_date=day) for day in days))})
    assert [visit.date for visit in visits] == ["20260101", "20260202", "20260303"]


def test_clinics_of_one_day_are_visits_of_their_own(read: Read) -> None:
    names = (*NAMES, "clinic")
    rows = [(*a_row(), "Elm"), (*a_row(dose_id="D2"), "Oak")]
    assert [visit.clinic for visit in read(OWN, {"a.csv": a_csv(*rows, names=names)})] == ["Elm", "Oak"]
    one = Source("own", "csv", clinic="elm", one_clinic=True)
    assert [visit.clinic for visit in read(one, {"a.csv": a_csv(*rows, names=names)})] == [""]


def test_every_column_of_the_layout_reaches_the_domain(read: Read) -> None:
    values = {
        "patient_id": "SYN-1",
        "last_name": "Sampleton",
        "first_name": "Ada",
        "middle_name": "Q",
        "suffix": "Jr",
        "birth_date": "2020-01-02",
        "sex": "Female",
        "race": "White;Asian",
        "ethnicity": "Not Hispanic",
        "mothers_maiden_name": "Mockford",
        "address_street": "1 Invented Street",
        "address_other": "Apt 2",
        "address_city": "Hartford",
        "address_state": "CT",
        "address_zip": "6103",
        "address_county": "09003",
        "address_country": "US",
        "address_type": "M",
        "phone": "(860) 555-0100",
        "phone_use": "work",
        "email": "ada@example.org",
        "multiple_birth": "yes",
        "birth_order": "2",
        "deceased": "N",
        "death_date": "2026-03-01",
        "guardian_last_name": "Sampleton",
        "guardian_first_name": "Eve",
        "guardian_relationship": "Mother",
        "guardian_phone": "860-555-0101",
        "publicity_code": "02",
        "publicity_date": "2026-01-01",
        "protection": "N",
        "protection_date": "2026-01-02",
        "registry_status": "A",
        "registry_status_date": "2026-01-03",
        "dose_id": "D1",
        "dose_date": "2026-03-01",
        "clinic": "Elm",
        "completion": "CP",
        "information_source": "00",
        "action": "U",
        "cvx": "8",
        "vaccine_name": "Hep B",
        "ndc": "58160-0820-11",
        "mvx": "SKB",
        "lot": "LOT1",
        "expiry": "06/2027",
        "amount": ".5",
        "units": "mL",
        "route": "IM",
        "site": "left thigh",
        "refusal_reason": "parent",
        "eligibility": "V02",
        "funding_source": "VXC50",
        "vis_document": "253088698300005911160720;253088698300003511070517",
        "vis_cvx": "",
        "vis_edition": "2016-07-20;2007-05-17",
        "vis_presented": "2026-03-01",
        "administered_by_npi": "1234567893",
        "administered_by_last_name": "Nurseby",
        "administered_by_first_name": "Nadia",
        "ordered_by_npi": "1245319599",
        "ordered_by_last_name": "Doctorow",
        "ordered_by_first_name": "Dov",
        "entered_by_npi": "1234567893",
        "entered_by_last_name": "Clerkson",
        "entered_by_first_name": "Cleo",
        "dose_number": "2",
        "comment": "two\nlines",
        "immunity": "chickenpox",
        "immunity_tested": "",
        "contraindication": "VXC18",
        "contraindication_begins": "2026-01-01",
        "contraindication_ends": "2027-01-01",
        "reaction": "39579001",
        "event_status": "Given",
        "was_refused": "N",
        "missed_appointment": "N",
        "is_historical": "N",
        "extract_type": "I",
    }
    assert set(values) == set(columns.BY_NAME)
    [visit] = read(OWN, {"a.csv": a_csv(tuple(values.values()), names=tuple(values))})
    assert not visit.findings
    patient, dose = visit.patient, visit.doses[0]
    assert (patient.mrn, patient.name.family, patient.name.given, patient.name.middle, patient.name.suffix) == (
        "SYN-1",
        "Sampleton",
        "Ada",
        "Q",
        "Jr",
    )
    assert (patient.birth_date, patient.sex, patient.mothers_maiden_name) == ("20200102", "F", "Mockford")
    assert [race.code for race in patient.races] == ["2106-3", "2028-9"]
    place = patient.addresses[0]
    assert (place.zip, place.country, place.type, place.county, place.other) == ("06103", "USA", "M", "09003", "Apt 2")
    phone, email = patient.telecoms
    assert (phone.use, phone.area, phone.local, email.email) == ("WPN", "860", "5550100", "ada@example.org")
    assert (patient.multiple_birth, patient.birth_order, patient.death_indicator) == ("Y", "2", "N")
    kin = patient.next_of_kin[0]
    assert (kin.name.given, kin.relationship.code, kin.telecoms[0].local) == ("Eve", "MTH", "5550101")
    assert (patient.publicity.code, patient.protection, patient.registry_status) == ("02", "N", "A")
    assert (dose.vaccine.code, dose.vaccine.text, dose.ndc, dose.manufacturer.code) == (
        "08",
        "Hep B",
        "58160-0820-11",
        "SKB",
    )
    assert (dose.expiry, dose.amount, dose.units.code) == ("202706", "0.5", "mL")
    assert (dose.route.code, dose.site.code, dose.action) == ("C28161", "LT", Action.UPDATE)
    assert [(vis.edition, vis.presented) for vis in dose.vis] == [("20160720", "20260301"), ("20070517", "20260301")]
    assert (dose.administered_by.id, dose.ordered_by.family, dose.entered_by.given) == (
        "1234567893",
        "Doctorow",
        "Cleo",
    )
    assert (dose.dose_number, dose.comment, visit.clinic) == ("2", "two\nlines", "Elm")


def test_another_layout_is_read_through_its_mapping_and_defaults(read: Read) -> None:
    source = Source(
        "other",
        "csv",
        delimiter="|",
        encoding="windows-1252",
        columns=MappingProxyType({"patient_id": "Pt #", "dose_date": "Given On", "lot": "Lot No."}),
        defaults=MappingProxyType({"sex": "U", "cvx": "140", "eligibility": "V01"}),
        date_formats=("%d.%m.%Y",),
    )
    text = "PT_#|Last Name|First-Name|Birth Date|Given On|lot no|Whatever\nSYN-1|Núñez|Zoé|02.01.2020|1.3.2026|L1|x\n"
    about, visit = read(source, {"a.txt": text.encode("windows-1252")})
    assert [(finding.code, finding.column) for finding in about.findings] == [("COLUMN-UNKNOWN", "Whatever")]
    assert about.rows == ()
    assert (visit.patient.mrn, visit.patient.name.family, visit.patient.name.given) == ("SYN-1", "Núñez", "Zoé")
    assert (visit.date, visit.patient.birth_date, visit.patient.sex) == ("20260301", "20200102", "U")
    assert (visit.doses[0].vaccine.code, visit.doses[0].eligibility.code) == ("140", "V01")


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("wrap", [bytes, gzip.compress])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_line_ends_compression_and_byte_order_mark_do_not_matter(
    read: Read, ends: bytes, wrap: Callable[[bytes], bytes], bom: bytes
) -> None:
    body = a_csv(a_row(), a_row(dose_id="D2")).replace(b"\r\n", ends)
    [visit] = read(OWN, {"a.csv": wrap(bom + body)})
    assert [dose.id for dose in visit.doses] == ["D1", "D2"]
    assert not visit.findings


def test_utf_16_is_told_by_its_byte_order_mark(read: Read) -> None:
    [visit] = read(OWN, {"a.csv": a_csv(a_row(last_name="Núñez")).decode().encode("utf-16")})
    assert visit.patient.name.family == "Núñez"


def test_windows_1252_in_a_utf_8_feed_is_said(read: Read) -> None:
    body = a_csv(a_row(), a_row(patient_id="SYN-2", last_name="Núñez", dose_id="D2")).decode().encode("windows-1252")
    visits = read(OWN, {"a.csv": body})
    assert [visit.patient.name.family for visit in visits] == ["Sampleton", "Núñez"]
    assert [(finding.code, finding.row) for finding in findings_of(visits)] == [("ROW-READ-AS-WINDOWS-1252", 3)]


def test_bytes_that_make_no_sense_hold_the_row(read: Read) -> None:
    body = a_csv(a_row(last_name="N?ez")).replace(b"N?ez", b"N\x81ez")
    [visit] = read(OWN, {"a.csv": body})
    assert codes_of([visit]) == {"ROW-ENCODING-UNREADABLE"}
    assert visit.rows == (("a.csv", 2),)


def test_a_row_without_patient_or_day_is_kept_whole(read: Read) -> None:
    visits = read(
        OWN, {"a.csv": a_csv(a_row(patient_id=""), a_row(dose_date="2026-02-30", dose_id="D2"), a_row(dose_id="D3"))}
    )
    assert rows_of(visits) == [2, 3, 4]
    held = {visit.rows[0][1]: visit for visit in visits}
    assert codes_of([held[2]]) == {"ROW-PATIENT-MISSING"}
    [finding] = held[3].findings
    assert (finding.code, finding.path, finding.row, finding.column, finding.value, finding.dose_id) == (
        "ROW-DATE-UNREADABLE",
        "RXA-3",
        3,
        "dose_date",
        "2026-02-30",
        "D2",
    )
    assert "2026-02-30" in held[3].raw
    assert held[3].doses[0].lot == "LOT1"
    assert len({identity.chart_key_of_rows(visit) for visit in visits}) == 3


def test_a_value_that_matters_holds_and_another_is_left_out(read: Read) -> None:
    names = (*NAMES, "route", "eligibility", "death_date")
    [visit] = read(OWN, {"a.csv": a_csv((*a_row(), "somehow", "rich", "yesterday"), names=names)})
    found = {(finding.code, finding.column, finding.value) for finding in visit.findings}
    assert found == {
        ("CODE-LEFT-OUT", "route", "somehow"),
        ("CODE-UNKNOWN", "eligibility", "rich"),
        ("DATE-LEFT-OUT", "death_date", "yesterday"),
    }
    assert not visit.doses[0].route


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"SYN-9,too,few", "ROW-CELLS"),
        (b"SYN-9,a,b,2020-01-02,F,D9,2026-03-01,08,L,x,one,more", "ROW-CELLS"),
        (b'SYN-9,"Sampleton,Ada,2020-01-02,F,D9,2026-03-01,08,L,', "ROW-QUOTE-OPEN"),
        (b"SYN-9,S,A,2020-01-02,F,D9,2026-03-01,08,L\x00,", "VALUE-NUL"),
        (b"SYN-9,S,A,2020-01-02,F,D9,2026-03-01,08,L," + b"x" * 140_000, "ROW-CELL-HUGE"),
    ],
    ids=["few", "many", "quote", "nul", "huge"],
)
def test_a_broken_row_costs_itself_only(read: Read, line: bytes, code: str) -> None:
    before, after = a_csv(a_row()), a_csv(a_row(dose_id="D2"), a_row(dose_id="D3")).split(b"\r\n", 1)[1]
    visits = read(OWN, {"a.csv": before + line + b"\r\n" + after})
    assert rows_of(visits) == [2, 3, 4, 5]
    assert [(finding.code, finding.row) for finding in findings_of(visits)] == [(code, 3)]
    good = [visit for visit in visits if not visit.findings]
    assert [dose.id for visit in good for dose in visit.doses] == ["D1", "D2", "D3"]


def test_a_second_stray_quote_does_not_swallow_the_rows_between(read: Read) -> None:
    lines = a_csv(*(a_row(dose_id=f"D{n}", patient_id=f"P{n}") for n in range(1, 8))).split(b"\r\n")
    lines[2] = lines[2].replace(b"Sampleton", b'"Sampleton')
    lines[5] = lines[5].replace(b"Ada", b'"Ada')
    visits = read(OWN, {"a.csv": b"\r\n".join(lines)})
    assert rows_of(visits) == list(range(2, 9))
    assert {visit.rows[0][1] for visit in visits if visit.findings} == {3, 6}


def test_quoted_line_breaks_belong_to_their_cell(read: Read) -> None:
    [visit] = read(OWN, {"a.csv": a_csv(a_row(comment="first\r\nsecond, with comma\nthird", last_name="Sample\nton"))})
    assert visit.doses[0].comment == "first\nsecond, with comma\nthird"
    assert visit.patient.name.family == "Sample ton"
    assert not visit.findings


def test_empty_lines_are_not_rows_and_a_last_delimiter_does_not_matter(read: Read) -> None:
    header, first = a_csv(a_row()).split(b"\r\n")[:2]
    body = b"\r\n".join([header, b"", first + b",", b",,,,,,,,,", b" ", first.replace(b"D1", b"D2") + b","])
    visits = read(OWN, {"a.csv": body})
    assert rows_of(visits) == [3, 6], "the rows that a spreadsheet shows"
    assert not findings_of(visits)


def test_a_row_shifted_by_a_delimiter_is_held_even_if_its_last_cell_is_empty(read: Read) -> None:
    body = a_csv(a_row()) + b"SYN-2,Sample,ton,Ada,2020-01-02,F,D2,2026-03-01,08,L1,\r\n"
    assert codes_of(read(OWN, {"a.csv": body})) == {"ROW-CELLS"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "FILE-EMPTY"),
        (a_csv(), "FILE-EMPTY"),
        (b"PK\x03\x04....", "FILE-WRONG-KIND"),
        (a_csv(GOOD[1:], names=NAMES[1:]), "COLUMN-MISSING"),
        (a_csv((*GOOD, "x"), names=(*NAMES, "lot")), "COLUMN-TWICE"),
        (b"a,b\r\n1,2\r\n", "FILE-HEADER-UNKNOWN"),
        (a_csv(GOOD).replace(b",", b";"), "FILE-DELIMITER"),
    ],
    ids=["empty", "header", "zip", "missing", "twice", "unknown", "delimiter"],
)
def test_what_is_wrong_with_a_file_is_said_once_and_counts_no_row(read: Read, body: bytes, code: str) -> None:
    visits = read(OWN, {"a.csv": body})
    assert visits[0].rows == ()
    assert [finding.code for finding in visits[0].findings] == [code]
    is_read = code in ("COLUMN-TWICE", "FILE-DELIMITER")
    assert len(rows_of(visits)) == (len(body.splitlines()) - 1 if is_read else 0)


def test_a_file_cut_off_keeps_what_came_before(read: Read) -> None:
    rows = [a_row(dose_id=f"D{n}", patient_id=f"P{n}", comment=f"{n * 7919 % 1000}") for n in range(4000)]
    body = gzip.compress(a_csv(*rows))
    visits = read(OWN, {"a.csv.gz": body[: len(body) // 2]})
    about = visits[0]
    assert [finding.code for finding in about.findings] == ["FILE-CUT-OFF"]
    good = [visit for visit in visits if not visit.findings]
    assert len(good) > 100
    assert all(visit.doses[0].id == f"D{visit.rows[0][1] - 2}" for visit in good)
    assert {code for visit in visits[1:] for code in codes_of([visit])} <= {"ROW-CUT-OFF"}


def test_a_refusal_is_told_by_its_reason_and_has_no_information_source(read: Read) -> None:
    [visit] = read(OWN, {"a.csv": a_csv((*a_row(lot=""), "Religious"), names=(*NAMES, "refusal_reason"))})
    dose = visit.doses[0]
    assert (dose.completion, dose.refusal_reason.code, dose.information_source.code) == (Completion.REFUSED, "01", "")


@pytest.mark.parametrize(
    ("without_lot", "stated", "lot", "expected"),
    [
        ("hold", "", "L1", "00"),
        ("hold", "", "", "00"),
        ("hold", "00", "", "00"),
        ("historical", "", "", "01"),
        ("historical", "00", "", "01"),
        ("historical", "00", "L1", "00"),
        ("historical", "07", "", "07"),
    ],
)
def test_what_a_dose_without_lot_is_the_source_says(
    read: Read, without_lot: str, stated: str, lot: str, expected: str
) -> None:
    source = Source("own", "csv", without_lot=without_lot)  # type: ignore[arg-type]
    [visit] = read(source, {"a.csv": a_csv((*a_row(lot=lot), stated), names=(*NAMES, "information_source"))})
    assert visit.doses[0].information_source.code == expected
    was_changed = expected == "01" and stated in ("", "00")
    assert codes_of([visit]) == ({"DOSE-SENT-AS-HISTORICAL"} if was_changed else set())


def test_the_same_dose_twice_is_one_dose_of_two_rows(read: Read) -> None:
    [visit] = read(OWN, {"a.csv": a_csv(a_row(), a_row())})
    assert len(visit.doses) == 1
    assert len(visit.rows) == 2
    assert not visit.findings


def test_of_two_rows_about_one_dose_the_later_counts(read: Read) -> None:
    [visit] = read(OWN, {"a.csv": a_csv(a_row(), a_row(lot="LOT2"))})
    assert [dose.lot for dose in visit.doses] == ["LOT2"]
    assert len(visit.rows) == 2
    assert codes_of([visit]) == {"DOSE-ID-TWICE"}


def test_rows_that_disagree_about_the_patient_are_said(read: Read) -> None:
    [visit] = read(OWN, {"a.csv": a_csv(a_row(), a_row(dose_id="D2", first_name="Adah"))})
    assert visit.patient.name.given == "Adah"
    assert [(finding.code, finding.row) for finding in visit.findings] == [("PATIENT-TWICE", 2)]


@pytest.mark.parametrize(
    "other", [{"first_name": "Bo"}, {"birth_date": "2020-01-03"}, {"sex": "M"}, {"first_name": "Adaline"}]
)
def test_two_people_under_one_record_number_are_held_with_both_shown(read: Read, other: dict[str, str]) -> None:
    [visit] = read(OWN, {"a.csv": a_csv(a_row(), a_row(dose_id="D2", **other))})
    [finding] = visit.findings
    assert (finding.code, finding.row) == ("PATIENT-ANOTHER", 2)
    assert all(name in finding.value for name in ("Ada", other.get("first_name", "Ada"), "20200102"))


def test_twins_who_differ_in_birth_order_alone_are_two_people(read: Read) -> None:
    names = (*NAMES, "birth_order")
    [visit] = read(OWN, {"a.csv": a_csv((*a_row(), "1"), (*a_row(dose_id="D2"), "2"), names=names)})
    assert codes_of([visit]) == {"PATIENT-ANOTHER"}


@pytest.mark.parametrize("number", ["1.23E+11", "1E+15", "1,23457e+11"])
def test_a_record_number_that_a_spreadsheet_rounded_is_no_record_number(read: Read, number: str) -> None:
    [visit] = read(OWN, {"a.csv": a_csv(a_row(patient_id=number))})
    assert codes_of([visit]) == {"PATIENT-ID-DAMAGED"}


def test_doses_without_id_get_the_same_ones_in_every_export(read: Read) -> None:
    rows = [a_row(dose_id=""), a_row(dose_id="", cvx="20"), a_row(dose_id="", lot="OTHER")]
    [first] = read(OWN, {"a.csv": a_csv(*rows)})
    [again] = read(OWN, {"b.csv": a_csv(a_row(patient_id="SYN-0", dose_date=""), *rows)})[-1:]
    assert [dose.id for dose in first.doses] == [dose.id for dose in again.doses]
    assert len({dose.id for dose in first.doses}) == 3
    assert dose_fingerprints(first) == dose_fingerprints(again)


def test_rows_without_id_that_say_the_same_are_one_dose_and_that_is_said(read: Read) -> None:
    [visit] = read(OWN, {"a.csv": a_csv(a_row(dose_id=""), a_row(dose_id=""))})
    assert len(visit.doses) == 1
    assert codes_of([visit]) == {"DOSE-TWICE"}


def test_every_finding_has_a_row_in_the_check_table() -> None:
    assert all(code == check.code for code, check in OF_RECORDS.items())
    assert {check.code for check in findings.TABLE}.isdisjoint(checks.BY_CODE)


class _Memory:
    def __init__(self, body: bytes) -> None:
        self.body = body

    def stat(self, key: str, version_id: str = "") -> StoredObject | None:
        return None

    def list(self, prefix: str) -> object:
        return iter(())

    def open(self, item: StoredObject) -> io.BytesIO:
        return io.BytesIO(self.body)


@given(st.binary(max_size=400), st.booleans())
def test_no_bytes_are_too_strange(body: bytes, has_header: bool) -> None:
    whole = (",".join(NAMES).encode() + b"\n" if has_header else b"") + body
    visits = list(READERS["csv"].read((StoredObject("a.csv", "v", 0),), OWN, _Memory(whole)))  # type: ignore[arg-type]
    rows = rows_of(visits)
    assert len(rows) == len(set(rows)), "a row is in one visit"
    assert not rows or rows[0] > 1, "the header is row 1"
    assert codes_of(visits) <= set(OF_RECORDS)


# A file of many control characters is no text.
_CONTROLS = "".join(map(chr, (*range(9), *range(14, 32), 127)))
_CELLS = st.text(st.characters(codec="utf-8", exclude_characters=_CONTROLS), max_size=12)


@given(st.lists(st.tuples(_CELLS, _CELLS, _CELLS), min_size=1, max_size=6))
def test_what_a_csv_writer_writes_is_read_row_for_row(cells: list[tuple[str, str, str]]) -> None:
    rows = [a_row(patient_id=f"P{n}", last_name=a, lot=b, comment=c) for n, (a, b, c) in enumerate(cells)]
    visits = list(READERS["csv"].read((StoredObject("a.csv", "v", 0),), OWN, _Memory(a_csv(*rows))))  # type: ignore[arg-type]
    assert rows_of(visits) == list(range(2, len(rows) + 2))
    assert sorted(visit.patient.mrn for visit in visits) == sorted(row[0] for row in rows)


def test_codes_of_the_ehrs_own_are_kept_as_they_stand(read: Read) -> None:
    names = (*NAMES, "race", "refusal_reason", "administered_by_npi")
    row = (*a_row(cvx="Flu-HD", lot=""), "White;Martian;Asian", "Not today", "NURSE17")
    (visit,) = read(OWN, {"a.csv": a_csv(row, names=names)})
    (dose,) = visit.doses
    assert (dose.vaccine.code, dose.vaccine.alternate_code, dose.vaccine.alternate_system) == ("", "Flu-HD", "L")
    assert [race.code or race.alternate_code for race in visit.patient.races] == ["2106-3", "Martian", "2028-9"]
    assert (dose.completion, dose.refusal_reason.alternate_code) == (Completion.REFUSED, "Not today")
    assert (dose.administered_by.id, dose.administered_by.id_type) == ("NURSE17", "L")
    assert {(finding.code, finding.value) for finding in visit.findings} == {
        ("CODE-UNKNOWN", "Flu-HD"),
        ("CODE-LEFT-OUT", "Martian"),
        ("CODE-UNKNOWN", "Not today"),
        ("VALUE-LEFT-OUT", "NURSE17"),
    }


def test_two_rows_without_dose_id_that_differ_in_a_local_code_are_two_doses(read: Read) -> None:
    rows = [a_row(dose_id="", cvx=vaccine) for vaccine in ("Flu-HD", "Zoster-2")]
    (visit,) = read(OWN, {"a.csv": a_csv(*rows)})
    assert len({dose.id for dose in visit.doses}) == 2
