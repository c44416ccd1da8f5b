"""CSV headers: no column is passed over in silence, and none that may change a row's meaning is passed over at all."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import pytest

from shared.domain.clinics import Source
from shared.domain.model import Action, Completion, Finding, Visit
from shared.exports import columns
from shared.exports.columns import spelling
from shared.exports.csv.unknown import PHRASES, WORDS, may_change_meaning
from shared.exports.presets import PRESETS
from tests.places import SHARED

Read = Callable[..., list[Visit]]
CASES = SHARED / "cases" / "reading"
NAMES = ("patient_id", "last_name", "first_name", "birth_date", "sex", "dose_id", "dose_date", "cvx", "lot")
GOOD = ("SYN-1", "Sampleton", "Ada", "2020-01-02", "F", "D1", "2026-03-01", "08", "LOT1")


def a_source(**changes: Any) -> Source:
    maps = {key: MappingProxyType(value) for key, value in changes.items() if isinstance(value, dict)}
    return Source("own", "csv", clinic="elm", **(changes | maps))


def a_file(*rows: tuple[str, ...], names: tuple[str, ...] = NAMES, delimiter: str = ",") -> bytes:
    return "".join(delimiter.join(row) + "\r\n" for row in (names, *rows)).encode()


def with_column(name: str, *values: str) -> bytes:
    rows = [(f"SYN-{n}", *GOOD[1:5], f"D{n}", *GOOD[6:], value) for n, value in enumerate(values)]
    return a_file(*rows, names=(*NAMES, name))


def of_rows(visits: list[Visit]) -> list[Visit]:
    return [visit for visit in visits if visit.rows]


def found(visits: list[Visit], code: str) -> list[Finding]:
    return [finding for visit in visits for finding in visit.findings if finding.code == code]


def the_doses(visits: list[Visit]) -> list[tuple[str, str, str]]:
    return [
        (dose.completion.value, dose.action.value, dose.information_source.code)
        for visit in of_rows(visits)
        for dose in visit.doses
    ]


# unknown columns ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "Status", "VaxStatus", "STATUS_CODE", "Refused", "Refused?", "Vaccine Refusal", "Declined", "is_void", "Voided",
        "Deleted", "isDeleted", "DEL", "Cancelled", "Canceled Ind", "Error", "Entered In Error", "Given", "Was Given",
        "Dose Given?", "Administered", "Vaccinated", "Historical", "Hx", "Record Type", "No Show", "opt-out", "Consent",
        "Test Patient", "Inactive", "Wasted", "Exempt",
    ],
)  # fmt: skip
def test_an_unknown_column_that_may_change_the_meaning_holds_every_row_and_shows_its_values(
    read: Read, name: str
) -> None:
    visits = read(a_source(), {"a.csv": with_column(name, "Y", "", "N")})
    held = found(of_rows(visits), "COLUMN-UNDECIDED")
    assert [(finding.row, finding.column, finding.value) for finding in held] == [
        (2, name, "Y"), (3, name, ""), (4, name, "N"),
    ]  # fmt: skip
    assert len(of_rows(visits)) == 3
    assert [finding.column for finding in visits[0].findings] == [name], "the file says it too"


@pytest.mark.parametrize(
    "name",
    ["Given By", "GivenByName", "Date Administered", "administered_at", "Vaccine Given Date", "Marital Status",
     "Insurance Status", "Comment 2", "Visit Number", "Age", "Weight"],
)  # fmt: skip
def test_any_other_unknown_column_is_named_and_holds_nothing(read: Read, name: str) -> None:
    visits = read(a_source(), {"a.csv": with_column(name, "x")})
    assert [(finding.code, finding.column) for visit in visits for finding in visit.findings] == [
        ("COLUMN-UNKNOWN", name)
    ]


@pytest.mark.parametrize("word", [*WORDS, *PHRASES])
def test_every_word_of_the_list_holds_in_every_spelling(word: str) -> None:
    camel = "".join(part.capitalize() for part in word.split())
    assert all(map(may_change_meaning, (word, word.upper(), f"vax_{word}", f"is{camel}", f"{camel}Flag")))


def test_no_column_of_vaxline_is_taken_for_an_unknown_one() -> None:
    known = [name for column in columns.COLUMNS for name in (column.name, *column.aliases)]
    assert len(set(map(spelling, known))) == len(known)


def test_a_column_named_in_ignore_is_not_read_and_not_said(read: Read) -> None:
    source = a_source(ignore=("status", "Whatever"))
    assert not found(read(source, {"a.csv": with_column("STATUS", "Deleted")}), "COLUMN-UNDECIDED")
    [visit] = read(source, {"a.csv": with_column("whatever", "x")})
    assert not visit.findings


def test_ignore_also_ends_the_reading_of_a_known_column(read: Read) -> None:
    [visit] = read(a_source(ignore=("mrn",)), {"a.csv": with_column("MRN", "OTHER")})
    assert (visit.patient.mrn, visit.findings) == ("SYN-0", ())


def test_a_mapped_status_decides_whether_a_dose_was_given_refused_or_deleted(read: Read) -> None:
    source = a_source(columns={"event_status": "Status"})
    words = ("Completed", "Patient Refused", "Not given", "Entered in error", "")
    visits = read(source, {"a.csv": with_column("Status", *words)})
    assert [what[:2] for what in the_doses(visits)] == [
        ("CP", "A"), ("RE", "A"), ("NA", "A"), ("CP", "D"), ("CP", "A"),
    ]  # fmt: skip
    assert not found(visits, "COLUMN-UNDECIDED")


def test_a_status_that_nobody_knows_holds_its_row(read: Read) -> None:
    source = a_source(columns={"event_status": "Status"})
    visits = read(source, {"a.csv": with_column("Status", "Cancelled", "Given")})
    assert [finding.row for finding in found(visits, "CODE-UNKNOWN")] == [2]


def test_a_mapped_flag_says_that_a_dose_is_historical(read: Read) -> None:
    source = a_source(columns={"is_historical": "Historical"})
    visits = read(source, {"a.csv": with_column("Historical", "Y", "no", "")})
    assert [source for _, _, source in the_doses(visits)] == ["01", "00", "00"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"completion": "CP", "was_refused": "Y"}, "STATUS-CONTRADICTS"),
        ({"completion": "RE", "was_refused": "N"}, "STATUS-CONTRADICTS"),
        ({"completion": "RE", "event_status": "Given"}, "STATUS-CONTRADICTS"),
        ({"missed_appointment": "Y"}, "STATUS-CONTRADICTS"),
        ({"refusal_reason": "03", "was_refused": "N"}, "STATUS-CONTRADICTS"),
        ({"action": "A", "event_status": "Deleted"}, "STATUS-CONTRADICTS"),
        ({"information_source": "00", "is_historical": "Y"}, "SOURCE-CONTRADICTS"),
        ({"information_source": "07", "is_historical": "N"}, "SOURCE-CONTRADICTS"),
        ({"extract_type": "D"}, "EXTRACT-WITHOUT-NAMES"),
    ],
)
def test_columns_that_contradict_each_other_hold_the_row(read: Read, more: dict[str, str], code: str) -> None:
    if "missed_appointment" in more:
        more = {**more, "completion": "CP"}
    visits = read(a_source(), {"a.csv": a_file((*GOOD, *more.values()), names=(*NAMES, *more))})
    assert len(found(of_rows(visits), code)) == 1


def test_columns_that_agree_hold_nothing(read: Read) -> None:
    more = {"completion": "RE", "was_refused": "Y", "event_status": "Declined"}
    [visit] = read(a_source(), {"a.csv": a_file((*GOOD, *more.values()), names=(*NAMES, *more))})
    assert (visit.doses[0].completion, visit.findings) == (Completion.REFUSED, ())


@pytest.mark.parametrize("name", ["completion", "action", "is_historical", "was_refused", "event_status", "clinic"])
def test_a_mapped_column_that_decides_and_is_absent_leaves_the_file_unread(read: Read, name: str) -> None:
    [about] = read(a_source(columns={name: "Renamed"}), {"a.csv": a_file(GOOD)})
    assert [(finding.code, finding.value) for finding in about.findings] == [("COLUMN-MISSING", name)]


def test_another_mapped_column_that_is_absent_is_said(read: Read) -> None:
    about, visit = read(a_source(columns={"suffix": "Sfx"}), {"a.csv": a_file(GOOD)})
    assert [(finding.code, finding.column) for finding in about.findings] == [("COLUMN-ABSENT", "Sfx")]
    assert not visit.findings


def test_a_default_reason_does_not_make_a_dose_a_refusal(read: Read) -> None:
    source = a_source(defaults={"refusal_reason": "03"}, columns={"was_refused": "No"})
    visits = read(source, {"a.csv": with_column("No", "N", "Y")})
    reasons = [(dose.completion, dose.refusal_reason.code) for visit in visits for dose in visit.doses]
    assert reasons == [(Completion.COMPLETE, ""), (Completion.REFUSED, "03")]


# two columns for one field --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [("patient_id", "mrn"), ("mrn", "patient_id")])
@pytest.mark.parametrize("values", [("SYN-1", "E77"), ("SYN-1", ""), ("", "SYN-1")])
def test_the_order_of_two_record_numbers_decides_nothing(
    read: Read, names: tuple[str, str], values: tuple[str, str]
) -> None:
    visits = read(a_source(), {"a.csv": a_file((*values, *GOOD[1:]), names=(*names, *NAMES[1:]))})
    [differ] = found(of_rows(visits), "CELLS-DIFFER")
    assert (differ.row, differ.path, differ.column) == (2, "PID-3", " / ".join(names))
    assert found(visits, "COLUMN-TWICE")[0].column == ", ".join(names)


def test_two_columns_that_agree_are_one(read: Read) -> None:
    about, visit = read(a_source(), {"a.csv": with_column("MRN", "SYN-0")})
    assert [finding.code for finding in about.findings] == ["COLUMN-TWICE"]
    assert (visit.patient.mrn, visit.findings) == ("SYN-0", ())


@pytest.mark.parametrize("known", ["columns", "ignore"])
def test_clinics_toml_says_which_of_two_columns_counts(read: Read, known: str) -> None:
    source = a_source(columns={"patient_id": "mrn"}) if known == "columns" else a_source(ignore=("patient_id",))
    visits = read(source, {"a.csv": with_column("mrn", "M7")})
    assert (of_rows(visits)[0].patient.mrn, found(visits, "CELLS-DIFFER")) == ("M7", [])


@pytest.mark.parametrize(
    ("values", "phone", "codes"),
    [
        (("8605550100", "2035550101"), "", ["CELLS-DIFFER-LEFT-OUT"]),
        (("", "2035550101"), "203", []),
        (("8605550100", ""), "860", []),
        (("", ""), "", []),
    ],
)
def test_two_columns_for_something_optional_hold_nothing(
    read: Read, values: tuple[str, str], phone: str, codes: list[str]
) -> None:
    visits = read(a_source(), {"a.csv": a_file((*GOOD, *values), names=(*NAMES, "phone", "telephone"))})
    [visit] = of_rows(visits)
    assert [finding.code for finding in visit.findings] == codes
    assert "".join(telecom.area for telecom in visit.patient.telecoms) == phone


def test_numbered_columns_are_the_values_of_one(read: Read) -> None:
    names = (*NAMES, "Race 1", "race_2", "Race3")
    [visit] = read(a_source(), {"a.csv": a_file((*GOOD, "White", "", "Asian"), names=names)})
    assert [race.code for race in visit.patient.races] == ["2106-3", "2028-9"]
    assert not visit.findings


# headers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "write",
    [
        str.upper,
        str.title,
        lambda name: name.title().replace("_", " "),
        lambda name: name.title().replace("_", ""),
        lambda name: name.replace("_", ""),
        lambda name: name.replace("_", "-"),
        lambda name: f" {name} ",
    ],
    ids=["UPPER", "Title_Case", "Title Case", "CamelCase", "joined", "hyphens", "space"],
)
def test_headers_match_however_they_are_written(read: Read, write: Callable[[str], str]) -> None:
    [visit] = read(a_source(), {"a.csv": a_file(GOOD, names=tuple(map(write, NAMES)))})
    assert (visit.patient.mrn, visit.doses[0].lot, visit.findings) == ("SYN-1", "LOT1", ())


@pytest.mark.parametrize(
    ("above", "row"),
    [
        (b"Vaccinations of October\r\n", 3),
        (b"Vaccinations\r\nRun: 10/31/2026, 06:00 AM, by nobody\r\n\r\n", 5),
        (b'"A title\r\nof two lines"\r\n', 3),
        (b"\r\n\r\n", 4),
        (b"sep=,\r\n", 2),
        (b'"sep=,"\r\n', 2),
    ],
)
def test_lines_above_the_header_are_skipped_and_counted_as_a_spreadsheet_does(
    read: Read, above: bytes, row: int
) -> None:
    [visit] = read(a_source(), {"a.csv": above + a_file(GOOD)})
    assert (visit.rows, visit.findings) == ((("a.csv", row),), ())


def test_a_first_line_names_the_delimiter(read: Read) -> None:
    [visit] = read(a_source(), {"a.csv": b"sep=;\r\n" + a_file(GOOD, delimiter=";")})
    assert (visit.patient.mrn, visit.findings) == ("SYN-1", ())


def test_a_title_does_not_hide_that_a_column_is_missing(read: Read) -> None:
    [about] = read(a_source(), {"a.csv": b"Vaccinations\r\n" + a_file(GOOD[1:], names=NAMES[1:])})
    assert [(finding.code, finding.value) for finding in about.findings] == [("COLUMN-MISSING", "patient_id")]


# presets --------------------------------------------------------------------------------------------------------------

CVRS = a_source(preset="cvrs", delimiter="\t")
CVRS_NAMES = (
    "vax_event_id", "ext_type", "recip_id", "recip_first_name", "recip_last_name", "recip_dob", "recip_sex",
    "recip_race_1", "recip_race_2", "recip_ethnicity", "admin_date", "cvx", "lot_number", "responsible_org",
    "admin_name", "vax_series_complete", "vax_refusal", "cmorbid_status", "recip_missed_appt", "serology",
)  # fmt: skip


def a_cvrs_row(**changes: str) -> tuple[str, ...]:
    row = {
        "vax_event_id": "E1", "ext_type": "I", "recip_id": "SYN-1", "recip_first_name": "Ada",
        "recip_last_name": "Sampleton", "recip_dob": "1970-01-02", "recip_sex": "F", "recip_race_1": "2106-3",
        "recip_race_2": "2028-9", "recip_ethnicity": "2186-5", "admin_date": "2026-10-05", "cvx": "309",
        "lot_number": "", "responsible_org": "Sample Health", "admin_name": "Elm", "vax_series_complete": "UNK",
        "vax_refusal": "NO", "cmorbid_status": "UNK", "recip_missed_appt": "NO", "serology": "UNK",
    } | changes  # fmt: skip
    return tuple(row[name] for name in CVRS_NAMES)


def read_cvrs(read: Read, **changes: str) -> list[Visit]:
    return read(CVRS, {"a.txt": a_file(a_cvrs_row(**changes), names=CVRS_NAMES, delimiter="\t")})


def test_cvrs_is_read_whole_and_nothing_of_it_is_unknown(read: Read) -> None:
    [visit] = read_cvrs(read, lot_number="L1")
    assert not visit.findings
    assert [race.code for race in visit.patient.races] == ["2106-3", "2028-9"]
    assert the_doses([visit]) == [("CP", "A", "00")]


def test_a_cvrs_refusal_is_no_dose_given(read: Read) -> None:
    assert the_doses(read_cvrs(read, vax_refusal="YES")) == [("RE", "A", "")]


def test_a_missed_appointment_of_cvrs_is_no_dose_and_is_said(read: Read) -> None:
    rows = [a_cvrs_row(), a_cvrs_row(vax_event_id="E2", recip_missed_appt="YES"), a_cvrs_row(vax_event_id="E3")]
    about, visit = read(CVRS, {"a.txt": a_file(*rows, names=CVRS_NAMES, delimiter="\t")})
    assert [(finding.code, finding.row, finding.value) for finding in about.findings] == [
        ("ROW-APPOINTMENT-MISSED", 3, "1: 3")
    ]
    assert [row for _, row in visit.rows] == [2, 4]


@pytest.mark.parametrize("changes", [{"lot_number": "L1"}, {"vax_refusal": "YES"}], ids=["with a lot", "and refused"])
def test_a_missed_appointment_with_a_dose_is_held(read: Read, changes: dict[str, str]) -> None:
    [visit] = read_cvrs(read, recip_missed_appt="YES", **changes)
    expected = "STATUS-CONTRADICTS" if "vax_refusal" in changes else ""
    assert [finding.code for finding in visit.findings] == list(filter(None, [expected]))
    assert visit.doses[0].completion is not Completion.REFUSED or expected


@pytest.mark.parametrize("kind", ["D", "P"])
def test_a_cvrs_row_without_names_is_held_and_d_is_no_deletion(read: Read, kind: str) -> None:
    [visit] = read_cvrs(read, ext_type=kind)
    assert [finding.code for finding in visit.findings] == ["EXTRACT-WITHOUT-NAMES"]
    assert visit.doses[0].action is Action.ADD


def test_cvrs_without_its_preset_holds_every_row(read: Read) -> None:
    visits = read(a_source(), {"a.txt": a_file(a_cvrs_row(), names=CVRS_NAMES, delimiter="\t")})
    assert {finding.column for finding in found(of_rows(visits), "COLUMN-UNDECIDED")} == {
        "cmorbid_status", "recip_missed_appt", "vax_refusal",
    }  # fmt: skip


def test_the_functional_standard_s_names_are_read(read: Read) -> None:
    row = {
        "IIS Patient ID": "SYN-1", "Name - First": "Ada", "Name - Middle": "B", "Name - Last": "Sampleton",
        "Mothers Maiden Name": "Mockford", "Guardian Name: First": "Eve", "Mothers Name: Middle": "C",
        "Mothers Name: Last": "Sampleton", "Date of Birth": "2020-01-02", "Gender": "F", "Address: Street": "1 Elm",
        "Address: City": "Hartford", "Address: State": "CT", "Address: Country": "USA", "Address: Zip": "06103",
        "Race": "2106-3", "Ethnicity": "2186-5", "Telephone Number": "860-555-0100", "Email address": "a@example.org",
        "IIS Vaccination Event ID": "D1", "Vaccine Type (CVX)": "08", "Vaccine Type (NDC)": "58160-0820-11",
        "Administration Date": "2026-03-01", "Manufacturer": "SKB", "Lot Number": "L1", "Event Record Type": "01",
        "Route of Administration": "IM", "Site of Administration": "LA", "Expiration Date": "2027-01-31",
        "Dose Volume": "0.5", "Dose Level Eligibility": "V01", "Vaccine Funding Source": "PHC70",
        "Record Creation Date": "2026-03-01",
    }  # fmt: skip
    [visit] = read(a_source(preset="functional-standard"), {"a.csv": a_file(tuple(row.values()), names=tuple(row))})
    assert not visit.findings
    patient, dose = visit.patient, visit.doses[0]
    assert (patient.mrn, patient.name.family, patient.addresses[0].zip) == ("SYN-1", "Sampleton", "06103")
    assert (patient.next_of_kin[0].name.given, dose.id, dose.vaccine.code) == ("Eve", "D1", "08")
    assert dose.information_source.code == "01"


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_names_columns_that_exist_and_none_twice(name: str) -> None:
    preset = PRESETS[name]
    assert preset.columns.keys() <= columns.BY_NAME.keys()
    own = [spelling(own) for own in (*preset.columns.values(), *preset.left_out)]
    assert len(set(own)) == len(own)


# the shared cases -----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not CASES.is_dir(), reason=f"{CASES} is absent")
@pytest.mark.parametrize("name", ["camel.csv", "sep-line.csv", "title-lines.csv"])
def test_the_oddities_of_the_shared_cases_change_nothing(read: Read, name: str) -> None:
    [visit] = read(a_source(), {"a.csv": (CASES / name).read_bytes()})
    assert (visit.patient.mrn, visit.doses[0].id, visit.findings) == ("SYN-0001", "D1", ())


@pytest.mark.skipif(not CASES.is_dir(), reason=f"{CASES} is absent")
def test_the_shared_case_of_cvrs_is_read_as_it_says(read: Read) -> None:
    visits = read(CVRS, {"a.txt": (CASES / "cvrs-refusal.txt").read_bytes()})
    assert [code for code, _, _ in the_doses(visits)] == ["CP", "RE", "CP", "CP"]
    assert found(visits, "ROW-APPOINTMENT-MISSED")[0].row == 4
    assert found(visits, "EXTRACT-WITHOUT-NAMES")[0].row == 6
