"""HL7 v2 as interfaces write it: what HL7 does not allow is read, said or held, and never cut."""

from __future__ import annotations

import html
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.clinics import Clinic, Configuration, Iis, Source
from shared.domain.hl7 import er7
from shared.domain.model import Visit
from shared.usecases.findings import is_error
from shared.usecases.prepare import Prepared, prepare
from tests.places import SHARED

Read = Callable[..., list[Visit]]
CASES = SHARED / "cases" / "reading"
SOURCE = Source("own", "hl7", clinic="elm", one_clinic=True)
CLINIC = Clinic("elm", "Elm", "CT9002", "CT9001", "CT9001", "elm")
CONFIGURATION = Configuration("v", "Example", "VAXLINE", Iis("https://iis.example"), {"elm": CLINIC}, {"own": SOURCE})
NOW = datetime(2026, 12, 1, tzinfo=UTC)
MSH = "MSH|^~\\&|EHR|ELM|||20261102||VXU^V04^VXU_V04|M1|P|2.5.1"
PID = "PID|1||SYN-1^^^ELM^MR||Sampleton^Ada^^^^^L||19900102|F|||1 Elm St^^Hartford^CT^06103^USA^H"
ORC = "ORC|RE||D1^ELM"
RXA = "RXA|0|1|20261102||03^MMR^CVX|0.5|mL^^UCUM||00^^NIP001||||||{lot}||MSD^^MVX|||CP|A"
RXR = "RXR|C38299^^NCIT|LA^^HL70163"
ELIGIBILITY = "OBX|1|CE|64994-7^^LN|1|V01^^HL70064||||||F"
FUNDING = "OBX|2|CE|30963-3^^LN|2|PHC70^^CDCPHINVS||||||F"


def a_message(*, lot: str = "LOT1", **changes: str) -> bytes:
    lines = {"MSH": MSH, "PID": PID, "NK1": "", "ORC": ORC, "RXA": RXA, "RXR": RXR, "OBX": ELIGIBILITY, "OBX2": FUNDING}
    whole = "\r".join(filter(None, (lines | changes).values())) + "\r"
    return whole.replace("{lot}", lot).encode()


def read_one(read: Read, body: bytes) -> Visit:
    [visit] = [visit for visit in read(SOURCE, {"a.hl7": body}) if visit.rows]
    return visit


def sent(visit: Visit) -> Prepared:
    return prepare(visit, msh_10="C1", clinic=CLINIC, configuration=CONFIGURATION, now=NOW)


def field(vxu: str, segment: str, number: int) -> str:
    line = next(line for line in vxu.split("\r") if line.startswith(segment))
    return (line.split("|") + [""] * 40)[number]


def codes_of(visit: Visit) -> list[str]:
    return [finding.code for finding in visit.findings]


def test_a_plain_message_is_sent_without_a_finding(read: Read) -> None:
    visit = read_one(read, a_message())
    assert (codes_of(visit), sent(visit).is_held) == ([], False)


# alternate triplets ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "read_as"),
    [("CPT", "C4"), ("C4", "C4"), ("EPIC", "L"), ("ICD10", "I10C"), ("99ELM", "99ELM"), ("", "L"), ("Whatever 7", "L")],
)
@pytest.mark.parametrize(
    ("segment", "number", "raw"),
    [
        ("RXA", 5, "03^MMR^CVX^90707^Own MMR^{system}"),
        ("RXA", 17, "MSD^Merck^MVX^77^Own^{system}"),
        ("RXR", 1, "C38299^^NCIT^SQ1^Own^{system}"),
        ("NK1", 3, "MTH^Mother^HL70063^1^MOM^{system}"),
        ("PID", 10, "2106-3^White^CDCREC^7^Own^{system}"),
    ],
)
def test_an_alternate_of_any_system_holds_nothing(
    read: Read, segment: str, number: int, raw: str, system: str, read_as: str
) -> None:
    lines = {"PID": PID, "RXA": RXA, "RXR": RXR, "NK1": "NK1|1|Sampleton^Eve^^^^^L|MTH^^HL70063"}
    fields = (lines[segment].split("|") + [""] * 20)[: max(number + 1, lines[segment].count("|") + 1)]
    fields[number] = raw.format(system=system)
    result = sent(read_one(read, a_message(**{segment: "|".join(fields)})))
    assert not result.is_held, result.findings
    assert field(result.vxu, segment, number).split("^")[5] == read_as


# raw delimiters -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lot", ["AB&12", "AB^12", "A&B^C", "AB & 12"])
def test_a_lot_with_delimiters_is_sent_whole(read: Read, lot: str) -> None:
    visit = read_one(read, a_message(lot=lot))
    assert visit.doses[0].lot == lot
    assert er7.decode(field(sent(visit).vxu, "RXA", 15)) == lot


def test_of_two_lots_the_second_is_said(read: Read) -> None:
    visit = read_one(read, a_message(lot="L1~L2"))
    assert (visit.doses[0].lot, [(one.code, one.value) for one in visit.findings]) == ("L1", [("VALUE-LEFT-OUT", "L2")])


@pytest.mark.parametrize(
    ("raw", "street"),
    [
        ("100 MAIN & ELM ST", "100 MAIN & ELM ST"),
        ("SMITH&SONS FARM", "SMITH&SONS FARM"),
        ("100 Main St&Main St&100", "100 Main St"),
        ("&Main St&100", "Main St 100"),
        ("1 Elm St&", "1 Elm St"),
    ],
)
def test_a_street_is_read_whole_and_its_parts_are_not_read_twice(read: Read, raw: str, street: str) -> None:
    visit = read_one(read, a_message(PID=PID.replace("1 Elm St", raw)))
    assert visit.patient.addresses[0].street == street


@pytest.mark.parametrize(
    ("raw", "family"), [("SMITH & JONES", "SMITH & JONES"), ("van Berg&van&Berg", "van Berg"), ("O&B", "O&B")]
)
def test_a_family_name_is_read_whole(read: Read, raw: str, family: str) -> None:
    assert read_one(read, a_message(PID=PID.replace("Sampleton", raw))).patient.name.family == family


def test_an_ampersand_in_a_record_number_or_in_an_order_number_belongs_to_it(read: Read) -> None:
    body = a_message(PID=PID.replace("SYN-1", "SYN&1"), ORC=ORC.replace("D1", "D&1"))
    visit = read_one(read, body)
    assert (visit.patient.mrn, visit.doses[0].id) == ("SYN&1", "D&1")


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="\\|~"), min_size=2, max_size=15))
def test_no_lot_is_cut(text: str) -> None:
    from shared.domain.hl7.message import parse

    rxa = parse(f"{MSH}\r{RXA.format(lot=text)}\r").first("RXA")
    assert rxa.first(15).whole() == text or text == er7.NULL


# escapes --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "city"),
    [
        ("Hart\\H\\ford\\N\\", "Hartford"),
        ("Old\\.sp\\Lyme", "Old Lyme"),
        ("Old\\.br\\Lyme", "Old Lyme"),
        ("Old\\.in+2\\Lyme", "Old Lyme"),
        ("Bol\\XE9\\ro", "Bol\u00e9ro"),
        ("Bol\\XC3A9\\ro", "Bol\u00e9ro"),
    ],
)
def test_escapes_become_what_they_mean(read: Read, raw: str, city: str) -> None:
    visit = read_one(read, a_message(PID=PID.replace("Hartford", raw)))
    assert (visit.patient.addresses[0].city, codes_of(visit)) == (city, [])


@pytest.mark.parametrize("escape", ["\\Zown\\", "\\C2842\\", "\\X81\\", "\\.zz\\"])
def test_an_escape_that_nobody_knows_is_said(read: Read, escape: str) -> None:
    visit = read_one(read, a_message(PID=PID.replace("Hartford", f"Hart{escape}ford")))
    assert [(one.code, one.path) for one in visit.findings] == [("ESCAPE-UNKNOWN", "PID-11")]


# the message ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("processing", "held"), [("P", False), ("", False), ("T", True), ("D", True), ("t", True)])
def test_a_test_message_is_held(read: Read, processing: str, held: bool) -> None:
    visit = read_one(read, a_message(MSH=MSH.replace("|P|2.5.1", f"|{processing}|2.5.1")))
    assert codes_of(visit) == (["MESSAGE-IS-TEST"] if held else [])
    assert any(map(is_error, visit.findings)) is held


@pytest.mark.parametrize("empty", ["PID|", "PID", "PID|1", "PID|1||", "PID|||^^^"])
def test_an_empty_second_pid_does_not_lose_the_patient(read: Read, empty: str) -> None:
    body = a_message(NK1=empty)
    visit = read_one(read, body)
    assert (visit.patient.mrn, codes_of(visit)) == ("SYN-1", [])


def test_a_second_pid_with_a_patient_is_another_patient(read: Read) -> None:
    second = [PID.replace("SYN-1", "SYN-2"), ORC.replace("D1", "D2"), RXA.format(lot="L2")]
    body = a_message() + "\r".join((*second, "")).encode()
    assert sorted(visit.patient.mrn for visit in read(SOURCE, {"a.hl7": body})) == ["SYN-1", "SYN-2"]


@pytest.mark.parametrize("escape", [html.escape, lambda text: text.replace("&", "&#38;")])
def test_a_message_escaped_for_xml_is_read_and_said(read: Read, escape: Callable[[str], str]) -> None:
    body = escape(a_message(PID=PID.replace("Hartford", "East \\T\\ West <Hartford>")).decode()).encode()
    visit = read_one(read, body)
    assert codes_of(visit) == ["MESSAGE-XML-ESCAPED"]
    assert (visit.patient.addresses[0].city, visit.doses[0].id) == ("East & West <Hartford>", "D1")


def test_an_escaped_message_does_not_change_how_the_next_one_is_read(read: Read) -> None:
    second = a_message(ORC=ORC.replace("D1", "D2"), PID=PID.replace("SYN-1", "SYN-2").replace("1 Elm", "A &amp; B"))
    visits = read(SOURCE, {"a.hl7": html.escape(a_message().decode()).encode() + second})
    by_mrn = {visit.patient.mrn: visit for visit in visits}
    assert by_mrn["SYN-2"].patient.addresses[0].street == "A &amp; B St"


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
@pytest.mark.parametrize("at", ["RXA", "ORC", "PID", "OBX"])
def test_a_break_after_the_name_of_a_segment_holds_its_message_and_no_other(read: Read, at: str, end: str) -> None:
    broken = a_message(PID=PID.replace("SYN-1", "SYN-2"), ORC=ORC.replace("D1", "D2"))
    broken = broken.replace(f"\r{at}|".encode(), f"\r{at}{end}|".encode(), 1)
    visits = read(SOURCE, {"a.hl7": broken + a_message()})
    good = next(visit for visit in visits if visit.patient.mrn == "SYN-1")
    assert not sent(good).is_held
    others = [visit for visit in visits if visit.rows and visit is not good]
    assert sum(len(visit.rows) for visit in visits) == 2
    assert all("MESSAGE-LINE-BROKEN" in codes_of(visit) for visit in others)


# observations ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "path"),
    [
        (ELIGIBILITY.replace("V01", "V02"), "OBX 64994-7"),
        (FUNDING.replace("PHC70", "VXC50"), "OBX 30963-3"),
    ],
)
def test_two_observations_of_which_a_dose_has_one_hold_it_if_they_differ(read: Read, line: str, path: str) -> None:
    visit = read_one(read, a_message(OBX3=line))
    assert [(one.code, one.path) for one in visit.findings if is_error(one)] == [("OBSERVATIONS-DIFFER", path)]


def test_two_equal_observations_are_one(read: Read) -> None:
    assert codes_of(read_one(read, a_message(OBX3=ELIGIBILITY, OBX4=FUNDING))) == []


@pytest.mark.parametrize("status", ["D", "W", "X"])
def test_a_withdrawn_observation_is_not_sent_and_is_said(read: Read, status: str) -> None:
    withdrawn = ELIGIBILITY.replace("V01", "V02")[:-1] + status
    visit = read_one(read, a_message(OBX0=withdrawn))
    assert visit.doses[0].eligibility.code == "V01"
    assert [(one.code, one.value) for one in visit.findings] == [("OBSERVATION-WITHDRAWN", "64994-7 V02")]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("dose^milliliters^UCUM", True),
        ("dose^milliliters^L", False),
        ("mL^milliliters^UCUM", False),
        ("dose^mL^UCUM^mL^mL^UCUM", False),
    ],
)
def test_a_unit_that_only_its_text_tells_is_said(read: Read, raw: str, said: bool) -> None:
    visit = read_one(read, a_message(RXA=RXA.replace("mL^^UCUM", raw)))
    assert (visit.doses[0].units.code, codes_of(visit)) == ("mL", ["CODE-READ-BY-TEXT"] if said else [])


# the shared cases -----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not CASES.is_dir(), reason=f"{CASES} is absent")
@pytest.mark.parametrize(
    ("name", "held"),
    [
        ("03-alternate-rxa5-cpt", ""),
        ("03-alternate-nk1-epic", ""),
        ("04-lot-amp", ""),
        ("04-street-amp", ""),
        ("17-msh11-T", "MESSAGE-IS-TEST"),
        ("22-escapes", ""),
        ("25-two-eligibilities", "OBSERVATIONS-DIFFER"),
        ("twice_lost", "TEXT-LOST"),
        ("email_first", ""),
        ("units_dose", ""),
        ("death_date_with_n", ""),
        ("zip4_mi", ""),
        ("state_words", ""),
        ("kin_dep", ""),
        ("race_chinese", ""),
    ],
)
def test_the_shared_cases(read: Read, name: str, held: str) -> None:
    visit = read_one(read, (CASES / f"{name}.hl7").read_bytes())
    assert [one.code for one in visit.findings if is_error(one)] == ([held] if held else [])
    assert sent(visit).is_held is bool(held)
