"""The Z22 checks: what each says, where, and that they say nothing of what is right. NIST's verdicts are in `conformance/`."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.checks import BY_CODE, Severity, Who
from shared.domain.codes import tables
from shared.domain.hl7 import vxu
from shared.domain.model import Action, Code, Completion, Dose, Name, NextOfKin, Patient, Provider, Vis, Visit
from shared.domain.z22 import conformance, valuesets
from shared.domain.z22.base_types import BASE_TYPES
from shared.domain.z22.model import Usage
from shared.domain.z22.segments import SEGMENTS
from shared.domain.z22.types import IG_TYPES, TYPES
from shared.replaced import replace
from tests.conformance.visits import CLINIC, CONFIGURATION, NOW, visits

NURSE = Provider("1234567893", "Example", "Nora", "", "NPI", "NPI")
PATIENT = Patient(
    mrn="SYN-1",
    name=Name("Sampleton", "Ada"),
    birth_date="20200102",
    sex="F",
    mothers_maiden_name="Example",
    races=(Code("2106-3"),),
    next_of_kin=(NextOfKin(Name("Sampleton", "Mary"), Code("MTH")),),
)
GIVEN = Dose(
    id="DOSE-1",
    date="20250102",
    vaccine=Code("110"),
    information_source=Code("00"),
    amount="0.5",
    units=Code("mL"),
    lot="EX12345",
    expiry="20260630",
    manufacturer=Code("SKB"),
    route=Code("C28161"),
    eligibility=Code("V02"),
    funding_source=Code("VXC50"),
    vis=(Vis(document="253088698300005911160720", presented="20250102"),),
    administered_by=NURSE,
    ordered_by=NURSE,
    entered_by=NURSE,
)
REFUSED = Dose(date="20250102", vaccine=Code("21"), completion=Completion.REFUSED, refusal_reason=Code("00"))


def build(*doses, patient=PATIENT):
    visit = Visit("example", patient, "20250102", doses=doses)
    return vxu.build(visit, msh_10="EXAMPLE0000000000001", clinic=CLINIC, configuration=CONFIGURATION, now=NOW)


def errors(message):
    found = conformance.check(message)
    return [(f.code, f.path) for f in found if conformance.CHECKS[f.code].severity is Severity.ERROR]


def codes(message):
    return [finding.code for finding in conformance.check(message)]


def put(message, segment, number, value, *, occurrence=1):
    """The message with one field replaced."""
    lines, seen = message.split("\r"), 0
    for at, line in enumerate(lines):
        seen += line.startswith(segment)
        if line.startswith(segment) and seen == occurrence:
            fields = line.split("|") + [""] * 40
            fields[number - (segment == "MSH")] = value
            lines[at] = "|".join(fields).rstrip("|")
    return "\r".join(lines)


@given(visits)
@settings(max_examples=100)
def test_nothing_that_vaxline_builds_from_good_records_is_refused(visit):
    message = vxu.build(visit, msh_10="E1", clinic=CLINIC, configuration=CONFIGURATION, now=NOW)
    assert errors(message) == []


@given(st.text(), st.lists(st.text("|^~\\&ABO PIDRX\r0129\"'", max_size=60), max_size=8))
@settings(max_examples=300)
def test_any_text_is_checked_without_an_exception_and_every_code_has_its_row(start, lines):
    built = build(GIVEN).split("\r")
    for message in (start, "\r".join(["MSH|^~\\&|", *lines]), "\r".join([*built[:3], *lines, *built[3:]])):
        for finding in conformance.check(message):
            assert finding.code in conformance.CHECKS


@given(st.integers(0, 60), st.text("|^~&\\ A1\"'", max_size=12))
@settings(max_examples=300)
def test_a_message_damaged_anywhere_is_checked_without_an_exception(line, damage):
    lines = build(GIVEN, REFUSED).split("\r")
    at = line % len(lines)
    lines[at] = lines[at].replace("^", damage, 1)
    assert all(finding.code in conformance.CHECKS for finding in conformance.check("\r".join(lines)))


@pytest.mark.parametrize(
    ("segment", "number", "value", "expected"),
    [
        ("PID", 3, "", ("Z22-PID-3-MISSING", "PID-3")),
        ("PID", 3, "SYN-1^^^EX0000", ("Z22-PID-3-MISSING", "PID-3.5")),
        ("PID", 3, "SYNTHETIC-ID-OF-17^^^EX0000^MR", ("Z22-PID-3-LENGTH", "PID-3.1")),
        ("PID", 3, "SYN-1^^^&2.999^MR", ("Z22-PID-3-MISSING", "PID-3.4.3")),
        ("PID", 2, "1", ("Z22-PID-2-NOT-ALLOWED", "PID-2")),
        ("PID", 5, "Sampleton^Ada^^^^^L~Sampleton^^^^^^A", ("Z22-PID-5-MISSING", "PID-5[2].2")),
        ("PID", 7, "20230229", ("Z22-PID-7-FORMAT", "PID-7.1")),
        ("PID", 7, "202001", ("IZ-TS-NZ", "PID-7")),
        ("PID", 8, "Z", ("Z22-PID-8-CODE", "PID-8")),
        ("PID", 10, "2106-3^White^HL70005", ("Z22-PID-10-SYSTEM", "PID-10.3")),
        ("PID", 13, "^PRN^PH^^^860", ("Z22-PID-13-MISSING", "PID-13.7")),
        ("PID", 13, "^NET^Internet^a@example.org^^860", ("Z22-PID-13-NOT-ALLOWED", "PID-13.6")),
        ("PID", 18, "^^^EX", ("Z22-PID-OPTIONAL", "PID-18.1")),
        ("PID", 29, "20250201", ("Z22-PID-29-NOT-ALLOWED", "PID-29")),
        ("PID", 6, "Example^^^^^^L", ("IZ-66", "PID-6.7")),
        ("PID", 16, '""', ("Z22-NULL", "PID-16")),
        ("MSH", 7, "20250102120000", ("IZ-TS-Z", "MSH-7")),
        ("MSH", 12, "2.3.1", ("IZ-15", "MSH-12")),
        ("MSH", 21, "Z34^CDCPHINVS", ("IZ-43", "MSH-21")),
        ("NK1", 1, "2", ("IZ-70", "NK1-1")),
        ("ORC", 1, "OK", ("IZ-25", "ORC-1")),
        ("RXA", 5, "110^^CVX^00005-0100-01", ("Z22-RXA-5-MISSING", "RXA-5.6")),
        ("RXA", 5, "DTAP^^CVX", ("Z22-RXA-5-CODE", "RXA-5.1")),
        ("RXA", 6, "half", ("Z22-RXA-6-FORMAT", "RXA-6")),
        ("RXA", 7, "", ("Z22-RXA-7-MISSING", "RXA-7")),
        ("RXA", 15, "", ("Z22-RXA-15-MISSING", "RXA-15")),
        ("RXA", 15, "TWENTY-ONE-CHARACTERS", ("Z22-RXA-15-LENGTH", "RXA-15")),
        ("RXA", 18, "00^^NIP002", ("IZ-32", "RXA-20")),
        ("RXA", 4, "20250103", ("IZ-30", "RXA-4")),
        ("OBX", 2, "CWF", ("Z22-OBX-2-CODE", "OBX-2")),
        ("OBX", 4, "1.5", ("IZ-44", "OBX-4")),
        ("OBX", 5, "V99X^^HL70064", ("IZ-35", "OBX-5")),
        ("OBX", 1, "7", ("NIST-01", "OBX-1")),
    ],
)
def test_a_broken_field_is_named_with_its_place(segment, number, value, expected):
    assert expected in errors(put(build(GIVEN), segment, number, value))


def test_a_doses_statements_are_held_against_its_own_segments():
    message = build(REFUSED, GIVEN)
    assert errors(message) == []
    assert errors(put(message, "ORC", 3, "1^EX0000")) == [("IZ-45", "ORC-3")]
    assert errors(put(message, "RXA", 6, "0.5")) == [("Z22-RXA-7-MISSING", "RXA-7"), ("IZ-48", "RXA-6")]
    without_eligibility = message.replace("64994-7^", "30973-2^")
    assert ("IZ-23", "RXA[2]") in errors(without_eligibility)
    without_date = "\r".join(line for line in message.split("\r") if "29769-7" not in line)
    assert errors(without_date) == [("IZ-24", "RXA[2]")]


def test_a_finding_within_an_order_names_its_dose():
    message = put(build(REFUSED, GIVEN), "RXA", 17, "", occurrence=2)
    (finding,) = [f for f in conformance.check(message) if f.code == "Z22-RXA-17-MISSING"]
    assert (finding.path, finding.dose_id) == ("RXA[2]-17", "DOSE-1")
    of_refusal = conformance.check(put(message, "RXA", 6, "1"))
    assert {f.dose_id for f in of_refusal if f.path.startswith("RXA-")} == {""}


def test_a_findings_value_reads_as_the_analyst_wrote_it():
    message = put(build(GIVEN), "RXA", 15, "LOT \\T\\ NOTES FROM THE NURSE")
    values = {f.code: f.value for f in conformance.check(message)}
    assert values["Z22-RXA-15-LENGTH"] == "LOT & NOTES FROM THE NURSE"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda lines: lines[1:], "Z22-MSH-MISSING"),
        (lambda lines: [lines[0], *lines[2:]], "Z22-PID-MISSING"),
        (lambda lines: [lines[0], lines[1], lines[1], *lines[2:]], "Z22-PID-REPEATS"),
        (lambda lines: [line for line in lines if not line.startswith("RXA")], "Z22-RXA-MISSING"),
        (lambda lines: [*lines, "ZZZ|1"], "Z22-SEGMENT-UNKNOWN"),
        (lambda lines: [*lines, "not a segment"], "Z22-SEGMENT-UNREADABLE"),
        (lambda lines: [*lines, "PD1||"], "Z22-SEGMENT-PLACE"),
        (lambda lines: [lines[0].replace("^~", "@~"), *lines[1:]], "IZ-13"),
        (lambda lines: [line.replace("|", "!") for line in lines], "IZ-12"),
        (lambda lines: [lines[0], lines[1] + "|" * 40 + "x", *lines[2:]], "Z22-PID-EXTRA"),
    ],
)
def test_a_broken_structure_is_named(change, expected):
    lines = [line for line in build(GIVEN).split("\r") if line]
    assert expected in {code for code, _ in errors("\r".join(change(lines)) + "\r")}


def test_blank_values_count_as_missing_and_line_ends_of_any_kind_are_read():
    message = build(GIVEN)
    assert errors(put(message, "PID", 7, "  ")) == [("Z22-PID-7-MISSING", "PID-7")]
    assert errors(put(message, "PID", 3, " ^^^EX0000^MR")) == [("Z22-PID-3-MISSING", "PID-3.1")]
    assert errors(message.replace("\r", "\n")) == errors(message.replace("\r", "\r\n")) == []


def test_what_is_known_and_empty_is_a_warning_and_no_error():
    bare = replace(PATIENT, mothers_maiden_name="")
    found = {
        f.code for f in conformance.check(build(replace(GIVEN, expiry="", administered_by=Provider()), patient=bare))
    }
    assert found == {"Z22-PID-6-EMPTY", "Z22-PID-13-EMPTY", "Z22-RXA-16-EMPTY", "Z22-RXA-10-EMPTY"}
    assert {conformance.CHECKS[code].severity for code in found} == {Severity.WARNING}


def test_a_judge_forgets_before_it_grows_without_end_and_says_the_same_afterwards():
    message = build(GIVEN)
    for number in range(5000):
        conformance.check(put(message, "RXA", 15, f"LOT{number}"))
    assert errors(message) == []
    assert errors(put(message, "RXA", 15, "")) == [("Z22-RXA-15-MISSING", "RXA-15")]


def test_a_segment_that_was_read_before_is_judged_as_it_was_the_first_time():
    message = build(GIVEN, replace(GIVEN, id="DOSE-2"))
    broken = put(put(message, "RXR", 1, "", occurrence=2), "OBX", 5, "V99^^HL70064", occurrence=2)
    for _ in range(3):
        assert errors(message) == []
        assert errors(broken) == [("Z22-OBX-5-CODE", "OBX[2]-5"), ("Z22-RXR-1-MISSING", "RXR[2]-1")]


def test_segments_are_forgotten_before_they_grow_without_end():
    message = build(GIVEN)
    for number in range(5000):
        conformance.check(put(message, "OBX", 14, f"{number}"))
    assert errors(message) == []


def test_every_row_has_words_a_fix_and_a_code_of_its_own():
    assert not set(conformance.CHECKS) & set(BY_CODE)
    for code, row in conformance.CHECKS.items():
        assert code == code.upper()
        assert set(code) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"), code
        assert row.words[0].isupper() or row.words[0].isdigit(), row
        assert row.words.endswith((".", ")")), row
        assert row.fix.endswith("."), row
        assert "{" not in row.words + row.fix, row
        assert isinstance(row.who, Who)


def test_every_type_that_the_table_names_is_known():
    primitive = {"ST", "FT", "TX", "ID", "IS", "NM", "SI", "DT", "DTM", "varies"}
    named = {part.type for type_ in TYPES.values() for part in type_.parts}
    named |= {field.type for segment in SEGMENTS.values() for field in segment.fields}
    named |= {type_ for segment in SEGMENTS.values() for type_, _ in segment.optional.values()}
    # A component that is not supported has no type that matters.
    assert named - set(TYPES) - primitive <= {"DR"}
    assert not set(IG_TYPES) & set(BASE_TYPES)


def test_the_table_has_a_row_for_every_field_once():
    for segment in SEGMENTS.values():
        numbers = [field.number for field in segment.fields] + list(segment.optional)
        assert sorted(numbers) == list(range(1, segment.size + 1)), segment.name


def test_every_conditional_field_says_its_condition():
    unconditional = [
        f"{segment.name}-{field.number}"
        for segment in SEGMENTS.values()
        for field in segment.fields
        if field.usage is Usage.C and field.when is None
    ]
    assert unconditional == ["ORC-12"]  # the RXA decides


@pytest.mark.parametrize(
    ("table", "values", "allowed"),
    [
        (tables.SEX, valuesets.SEX, "F M U"),
        (tables.RACE, valuesets.RACE, "1002-5 2028-9 2054-5 2076-8 2106-3 2131-1"),
        (tables.ETHNICITY, valuesets.ETHNICITY, "2135-2 2186-5"),
        (tables.ADDRESS_TYPE, valuesets.ADDRESS_TYPE, "B BA BDL BR C F H L M N O P RH"),
        (tables.PHONE_USE, valuesets.PHONE_USE, "ASN BPN EMR NET ORN PRN VHN WPN"),
        (
            tables.RELATIONSHIP,
            valuesets.RELATIONSHIP,
            "BRO CGV CHD FCH FTH GRD GRP MTH OTH PAR SCH SEL SIB SIS SPO",
        ),
        (tables.ROUTE, valuesets.ROUTE, "C28161 C38238 C38276 C38284 C38288 C38299 C38305 C38676"),
        (tables.SITE, valuesets.SITE, "LA LD LG LLFA LT LVL RA RD RG RLFA RT RVL"),
        (tables.INFORMATION_SOURCE, valuesets.INFORMATION_SOURCE, "00 01 02 03 04 05 06 07 08"),
        (tables.REFUSAL_REASON, valuesets.REFUSAL_REASON, "00 01 02 03"),
        (tables.ELIGIBILITY, valuesets.ELIGIBILITY, "V00 V01 V02 V03 V04 V05 V22 V23 V24 V25"),
        (tables.FUNDING_SOURCE, valuesets.FUNDING_SOURCE, "PHC70 VXC50 VXC51 VXC52"),
        (tables.COMPLETION, valuesets.COMPLETION, "CP NA PA RE"),
        (tables.ACTION, valuesets.ACTION, "A D U"),
        (tables.PUBLICITY, valuesets.PUBLICITY, "01 02 03 04 05 06 07 08 09 10 11 12"),
        (tables.REGISTRY_STATUS, valuesets.REGISTRY_STATUS, "A I L M P U"),
        (tables.YES_NO, valuesets.YES_NO, "Y N"),
        (tables.UNITS, valuesets.UNITS, "mL L mg ug g"),
    ],
)
def test_of_a_table_the_profile_takes_the_codes_of_the_guide(table, values, allowed):
    given_codes = {code for code, *_ in table.rows if code}
    assert {code for code in given_codes if values.has(code)} == set(allowed.split())
    assert given_codes - set(allowed.split()) == table.unsent


@pytest.mark.parametrize(
    ("code", "expected"),
    [("CTA01", True), ("CTAB1", False), ("CT01", True), ("ABC99", True), ("ct01", False), ("CT\u0661\u0661", False)],
)
def test_a_state_may_add_an_eligibility_of_its_authority_and_two_digits(code, expected):
    assert valuesets.ELIGIBILITY.has(code) is expected


# deletions ------------------------------------------------------------------------------------------------------------

BARE = Dose(id="DOSE-1", date="20250102", vaccine=Code("110"), action=Action.DELETE)


def test_a_deletion_needs_only_its_id_date_and_vaccine():
    assert codes(build(BARE, patient=replace(PATIENT, mothers_maiden_name=""))) == []
    assert errors(build(replace(BARE, action=Action.ADD))) != []


@pytest.mark.parametrize(
    ("changes", "path"),
    [({"date": ""}, "RXA-3"), ({"vaccine": Code()}, "RXA-5"), ({"vaccine": Code("FLU")}, "RXA-5")],
)
def test_a_deletion_that_the_iis_cannot_find_or_read_is_refused(changes, path):
    assert {place.partition(".")[0] for _, place in errors(build(replace(BARE, **changes)))} == {path}


def test_a_deletion_without_order_number_is_refused():
    message = put(build(BARE), "ORC", 3, "")
    assert [place for _, place in errors(message)] == ["ORC-3"]


# What an older release, or another table of codes, may have let through.
ODD = (
    {"information_source": Code("99")},
    {"information_source": Code("00"), "lot": "", "manufacturer": Code()},
    {"information_source": Code("00"), "manufacturer": Code("QQQQ"), "lot": "L" * 21},
    {"amount": "much", "units": Code("spoon", "", "X")},
    {"expiry": "soon"},
    {"route": Code("MOUTH"), "site": Code("NOSE")},
    {"information_source": Code("00"), "eligibility": Code("V99"), "funding_source": Code("FREE")},
    {"information_source": Code("00"), "vis": (Vis(document="1"),)},
    {"administered_by": Provider("1" * 30), "ordered_by": Provider("x"), "entered_by": Provider("x")},
    {"dose_number": "first", "comment": "x" * 300},
)


@pytest.mark.parametrize("content", ODD)
def test_no_content_of_a_dose_holds_its_deletion(content):
    assert codes(build(replace(GIVEN, **content))) != []
    assert codes(build(replace(BARE, **content))) == []


def test_a_dose_beside_a_deletion_is_checked_as_ever():
    without_lot = replace(GIVEN, id="DOSE-2", lot="")
    assert {place.partition("-")[0] for _, place in errors(build(BARE, without_lot))} == {"RXA[2]"}


def test_a_patient_without_a_name_cannot_be_sent_with_a_deletion_either():
    assert errors(build(BARE, patient=replace(PATIENT, name=Name()))) != []
