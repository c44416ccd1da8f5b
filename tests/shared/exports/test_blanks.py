"""Words for nothing and what a spreadsheet damaged: empty, or held where they are an identity, never a lot."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import places
from shared.domain.clinics import Source
from shared.domain.model import Address, Visit
from shared.exports import blanks
from shared.usecases.findings import is_error
from tests.places import SHARED

Read = Callable[..., list[Visit]]
CASES = SHARED / "cases" / "reading"
SOURCES = {kind: Source("own", kind, clinic="elm") for kind in ("csv", "hl7", "fhir-bundle")}
ROW = {
    "patient_id": "SYN-1", "last_name": "Sampleton", "first_name": "Ada", "middle_name": "", "birth_date": "2020-01-02",
    "sex": "F", "address_street": "1 Elm", "address_city": "Hartford", "address_state": "CT", "address_zip": "06103",
    "phone": "", "dose_id": "D1", "dose_date": "2026-03-01", "cvx": "08", "mvx": "SKB", "lot": "LOT1", "expiry": "",
    "amount": "0.5", "units": "mL", "information_source": "00", "comment": "",
}  # fmt: skip


def in_csv(**changes: str) -> bytes:
    text = io.StringIO(newline="")
    row = ROW | changes
    csv.writer(text).writerows((row.keys(), row.values()))
    return text.getvalue().encode()


def in_hl7(**changes: str) -> bytes:
    row = ROW | changes
    name = "^".join(row[part] for part in ("last_name", "first_name", "middle_name"))
    place = "^".join(row[f"address_{part}"] for part in ("street", "city", "state", "zip")).replace("^", "^^", 1)
    lines = (
        "MSH|^~\\&|EHR|ELM|||20260301||VXU^V04^VXU_V04|M1|P|2.5.1",
        f"PID|1||{row['patient_id']}^^^ELM^MR||{name}^^^^L||20200102|F|||{place}^^H",
        f"ORC|RE||{row['dose_id']}^ELM",
        f"RXA|0|1|20260301||08^Hep B^CVX|{row['amount']}|mL^^UCUM||00^^NIP001||||||{row['lot']}||SKB^^MVX|||CP|A",
    )
    return "\r".join((*lines, "")).encode()


def in_fhir(**changes: str) -> bytes:
    row = ROW | changes
    patient = {
        "resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "2020-01-02",
        "identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": row["patient_id"]}],
        "name": [{"family": row["last_name"], "given": [row["first_name"], row["middle_name"]]}],
        "address": [{"line": [row["address_street"]], "city": row["address_city"], "state": row["address_state"],
                     "postalCode": row["address_zip"]}],
    }  # fmt: skip
    dose = {
        "resourceType": "Immunization", "id": row["dose_id"], "status": "completed", "primarySource": True,
        "patient": {"reference": "Patient/p"}, "occurrenceDateTime": "2026-03-01", "lotNumber": row["lot"],
        "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "08"}]},
        "doseQuantity": {"value": json.loads(row["amount"]), "code": "mL"} if row["amount"] else {},
    }  # fmt: skip
    entries = [{"resource": patient}, {"resource": dose}]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


FORMATS = {"csv": in_csv, "hl7": in_hl7, "fhir-bundle": in_fhir}
every_format = pytest.mark.parametrize("kind", FORMATS)


def read_one(read: Read, kind: str, **changes: str) -> Visit:
    [visit] = [visit for visit in read(SOURCES[kind], {"a.txt": FORMATS[kind](**changes)}) if visit.rows]
    return visit


def codes_of(visit: Visit) -> set[str]:
    return {finding.code for finding in visit.findings}


@every_format
def test_a_row_with_values_has_no_finding(read: Read, kind: str) -> None:
    assert not read_one(read, kind).findings


@every_format
@pytest.mark.parametrize(
    "word", ["N/A", "NULL", "None", "unknown", "UNK", "TBD", "-", ".", "?", "nan", "#N/A", "0", "000", "see chart", "Historical"]
)  # fmt: skip
def test_words_for_nothing_are_no_lot(read: Read, kind: str, word: str) -> None:
    visit = read_one(read, kind, lot=word)
    assert (visit.doses[0].lot, visit.doses[0].information_source.code) == ("", "00")


@every_format
@pytest.mark.parametrize(
    "damaged", ["1.23457E+11", "1,2E+5", "12345.0", "Sep-27", "27-SEP", "1-Mar-2026", "########", "#REF!"]
)
def test_a_damaged_lot_counts_as_missing_and_is_said(read: Read, kind: str, damaged: str) -> None:
    visit = read_one(read, kind, lot=damaged)
    assert visit.doses[0].lot == ""
    assert [(finding.code, finding.value) for finding in visit.findings] == [("LOT-DAMAGED", damaged)]


@every_format
@pytest.mark.parametrize("lot", ["U1234AA", "X123456", "NA12", "12345", "1E5", "SEP27", "12345.5", "0012", "A#1"])
def test_lots_that_look_odd_are_lots(read: Read, kind: str, lot: str) -> None:
    visit = read_one(read, kind, lot=lot)
    assert (visit.doses[0].lot, visit.findings) == (lot, ())


@every_format
@pytest.mark.parametrize("damaged", ["1.23457E+11", "12345.0", "########", "#REF!", "#N/A", "Sep-27"])
@pytest.mark.parametrize(("column", "code"), [("patient_id", "PATIENT-ID-DAMAGED"), ("dose_id", "DOSE-ID-DAMAGED")])
def test_a_damaged_identity_holds_its_row(read: Read, kind: str, column: str, code: str, damaged: str) -> None:
    visit = read_one(read, kind, **{column: damaged})
    assert [finding.value for finding in visit.findings if finding.code == code and is_error(finding)] == [damaged]


@pytest.mark.parametrize("kind", ["csv", "hl7"])
@pytest.mark.parametrize("word", ["0", "NULL", "N/A", "unknown", "-", "."])
def test_a_word_for_nothing_is_no_record_number(read: Read, kind: str, word: str) -> None:
    visit = read_one(read, kind, patient_id=word)
    assert (visit.patient.mrn, codes_of(visit)) == ("", {"ROW-PATIENT-MISSING"})


@pytest.mark.parametrize("kind", ["csv", "hl7"])
@pytest.mark.parametrize("word", ["0", "NULL", "N/A", "-"])
def test_a_word_for_nothing_is_no_id_of_a_dose(read: Read, kind: str, word: str) -> None:
    nameless = read_one(read, kind, dose_id="")
    visit = read_one(read, kind, dose_id=word)
    assert (visit.doses[0].id, visit.findings) == (nameless.doses[0].id, ())


@every_format
@pytest.mark.parametrize("word", ["N/A", "NULL", "none", "Unknown", "-", "0", "#N/A", "Redacted"])
def test_a_word_for_nothing_is_no_name(read: Read, kind: str, word: str) -> None:
    visit = read_one(read, kind, last_name=word, middle_name=word)
    assert (visit.patient.name.family, visit.patient.name.middle, visit.patient.name.given) == ("", "", "Ada")


@every_format
def test_na_is_a_surname(read: Read, kind: str) -> None:
    assert read_one(read, kind, last_name="NA").patient.name.family == "NA"


@every_format
@pytest.mark.parametrize("word", ["N/A", "NULL", "Unknown", "-", "."])
def test_words_for_nothing_are_no_part_of_an_address(read: Read, kind: str, word: str) -> None:
    visit = read_one(read, kind, address_street=word, address_city=word, address_state=word, address_zip=word)
    assert (visit.patient.addresses, visit.findings) == ((), ())


@every_format
@pytest.mark.parametrize("amount", ["0", "0.0", "999", "999.0"])
def test_an_amount_of_0_or_999_is_unknown_and_0_is_said(read: Read, kind: str, amount: str) -> None:
    visit = read_one(read, kind, amount=amount)
    assert (visit.doses[0].amount, visit.doses[0].units.code) == ("", "")
    assert codes_of(visit) == ({"AMOUNT-ZERO"} if amount.startswith("0") else set())


@pytest.mark.parametrize("word", ["NULL", "N/A", "None", "nan", "\\N", "-", "(blank)"])
def test_csv_cells_with_a_word_for_nothing_are_empty_whatever_their_form(read: Read, word: str) -> None:
    names = ("phone", "expiry", "amount", "mvx", "comment", "middle_name")
    visit = read_one(read, "csv", **dict.fromkeys(names, word))
    assert visit == read_one(read, "csv", **dict.fromkeys(names, ""))


def test_a_default_stands_for_a_word_for_nothing_too(read: Read) -> None:
    source = Source("own", "csv", clinic="elm", defaults={"address_state": "NJ"})
    [visit] = read(source, {"a.csv": in_csv(address_state="NULL")})
    assert visit.patient.addresses[0].state == "NJ"


def test_a_word_that_the_column_s_table_has_keeps_its_meaning(read: Read) -> None:
    body = in_csv(completion="NA", publicity_code="none", registry_status="unknown", mvx="UNK", lot="")
    [visit] = read(SOURCES["csv"], {"a.csv": body})
    dose = visit.doses[0]
    assert (dose.completion.value, dose.manufacturer.code) == ("NA", "UNK")
    assert (visit.patient.publicity.code, visit.patient.registry_status) == ("01", "U")


@pytest.mark.parametrize("word", ["NULL", "N/A", "-"])
def test_nothing_is_neither_an_unknown_sex_nor_an_eligibility(read: Read, word: str) -> None:
    [visit] = read(SOURCES["csv"], {"a.csv": in_csv(sex=word, eligibility=word)})
    assert (visit.patient.sex, visit.doses[0].eligibility.code, visit.findings) == ("", "", ())


def test_a_formula_around_a_value_is_taken_off(read: Read) -> None:
    visit = read_one(read, "csv", patient_id='="00012345"', lot='="0012"', birth_date='="2020-01-02"')
    assert (visit.patient.mrn, visit.doses[0].lot, visit.patient.birth_date) == ("00012345", "0012", "20200102")
    assert not visit.findings


@given(st.text(max_size=12))
def test_no_text_is_too_strange(text: str) -> None:
    for function in (blanks.identity, blanks.name, blanks.lot, blanks.word):
        assert function(text) in ("", text, blanks.plain(text))


# addresses ------------------------------------------------------------------------------------------------------------


@every_format
@pytest.mark.parametrize(
    ("state", "read_as"),
    [("Connecticut", "CT"), ("connecticut", "CT"), ("ct", "CT"), ("C.T.", "CT"), ("New  York", "NY"), ("Puerto Rico", "PR")],
)  # fmt: skip
def test_states_become_two_letters(read: Read, kind: str, state: str, read_as: str) -> None:
    visit = read_one(read, kind, address_state=state)
    assert (visit.patient.addresses[0].state, visit.findings) == (read_as, ())


@every_format
@pytest.mark.parametrize(
    ("column", "value", "path"),
    [
        ("address_state", "XX", "PID-11.4"),
        ("address_state", "Nowhere", "PID-11.4"),
        ("address_zip", "ABCDE", "PID-11.5"),
        ("address_zip", "061034", "PID-11.5"),
        ("address_zip", "06103-12", "PID-11.5"),
        ("address_zip", "99999", "PID-11.5"),
    ],
)
def test_a_part_of_an_address_that_is_none_is_left_out_and_said(
    read: Read, kind: str, column: str, value: str, path: str
) -> None:
    visit = read_one(read, kind, **{column: value})
    assert [(one.code, one.path, one.column, one.value) for one in visit.findings] == [
        ("VALUE-LEFT-OUT", path, column, value)
    ]
    assert getattr(visit.patient.addresses[0], column.removeprefix("address_")) == ""


@pytest.mark.parametrize(
    ("text", "state", "expected"),
    [
        ("6103", "CT", "06103"),
        ("6103-1234", "CT", "06103-1234"),
        ("61031234", "CT", "06103-1234"),
        ("061031234", "CT", "06103-1234"),
        ("06103-0000", "CT", "06103"),
        ("06103-", "CT", "06103"),
        ("7030", "NJ", "07030"),
        ("601", "PR", "00601"),
        ("4812", "MI", ""),
        ("6103", "", ""),
        ("613", "CT", ""),
        ("00000", "CT", ""),
    ],
)
def test_a_zip_code_gets_its_zero_only_where_zip_codes_have_one(text: str, state: str, expected: str) -> None:
    assert places.zip_code(text, state) == expected


@pytest.mark.parametrize(
    ("county", "state", "expected"),
    [
        ("09003", "CT", "09003"), ("003", "CT", "09003"), ("9003", "CT", "09003"), ("09110", "CT", "09110"),
        ("110", "CT", "09110"), ("Hartford", "CT", "09003"), ("HARTFORD COUNTY", "CT", "09003"),
        ("Capitol Planning Region", "CT", "09110"), ("Hartfort", "CT", ""), ("99999", "CT", ""), ("09004", "CT", ""),
        ("36061", "CT", ""), ("36061", "NY", "36061"), ("061", "NY", "36061"), ("Westchester", "NY", "Westchester"),
        ("36061", "", "36061"), ("99001", "", ""),
    ],
)  # fmt: skip
def test_counties_are_fips_codes_and_connecticut_s_planning_regions_are_counties(
    county: str, state: str, expected: str
) -> None:
    assert places.county_code(county, state) == expected


@pytest.mark.parametrize(
    "address",
    [
        Address("1 Elm", city="Toronto", state="ON", zip="M5V 2T6"),
        Address("1 Elm", city="Toronto", state="Ontario", zip="M5V 2T6", country="CAN"),
        Address("1 Elm", city="Berlin", state="BE", zip="1011", country="DEU"),
    ],
)
def test_an_address_abroad_stays_as_it_is(address: Address) -> None:
    assert places.located(address) == (address, ())


@pytest.mark.skipif(not CASES.is_dir(), reason=f"{CASES} is absent")
def test_the_shared_cases_of_words_ids_and_addresses(read: Read) -> None:
    def visits_of(name: str) -> list[Visit]:
        return read(SOURCES["csv"], {"a.csv": (CASES / name).read_bytes()})

    assert all(any(map(is_error, visit.findings)) for visit in visits_of("02-spreadsheet-ids.csv"))
    assert {dose.lot for visit in visits_of("10-lot-words.csv") for dose in visit.doses} == {""}
    said = {finding.value for visit in visits_of("15-address.csv") for finding in visit.findings}
    assert said == {"XX", "ABCDE", "00000", "061034", "06103-12", "ZZZ", "99999"}
    words = [finding for visit in visits_of("null-words.csv") for finding in visit.findings]
    assert {finding.code for finding in words} == {"VALUE-WITHOUT-OTHER"}
    assert [finding.code for visit in visits_of("20-amount-0.csv") for finding in visit.findings] == ["AMOUNT-ZERO"]
