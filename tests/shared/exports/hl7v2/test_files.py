"""HL7 v2 files: every RXA in exactly one visit, whatever version, delimiters, line ends or damage."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from types import MappingProxyType

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.domain import identity
from shared.domain.clinics import Source
from shared.domain.model import Action, Code, Completion, Dose, Finding, Visit
from shared.exports.readers import READERS
from shared.ports.objects import StoredObject
from shared.replaced import replace
from shared.usecases.findings import OF_RECORDS

Read = Callable[..., list[Visit]]
HL7 = Source("ehr", "hl7", clinic="elm")
MSH = "MSH|^~\\&|EHR|CLINIC9|IIS|CT0000|20260302||VXU^V04^VXU_V04|SAME|P|2.5.1"
PID = "PID|1||MRN1^^^EHR^MR||Sampleton^Ada^Q^^^^L||20200102|F"
ORC = "ORC|RE||D1^EHR"
RXA = "RXA|0|1|20260301||08^Hep B^CVX|0.5|mL^^UCUM||00^^NIP001||^^^ELM01||||LOT1|20270101|MSD^^MVX|||CP|A"


def a_file(*segments: str, end: str = "\r") -> bytes:
    return "".join(segment + end for segment in segments).encode()


def _in_mllp(body: bytes) -> bytes:
    return b"\x0b" + body + b"\x1c\r"


def _with_mark(body: bytes) -> bytes:
    return b"\xef\xbb\xbf" + body


def findings_of(visits: list[Visit]) -> list[Finding]:
    return [finding for visit in visits for finding in visit.findings]


def the_dose(visits: list[Visit]) -> Dose:
    [visit] = visits
    [dose] = visit.doses
    return dose


def a_dose(read: Read, *segments: str, source: Source = HL7) -> tuple[Dose, list[Finding]]:
    visits = read(source, {"a.hl7": a_file(MSH, PID, *segments)})
    return the_dose(visits), findings_of(visits)


def test_spellings_of_one_record_number_or_dose_id_are_one(read: Read) -> None:
    other = (PID.replace("MRN1", "MRN1\u00a0"), ORC.replace("D1", "D\u200b1 "))
    [visit] = read(HL7, {"a.hl7": a_file(MSH, PID, ORC, RXA, MSH, *other, RXA)})
    assert (visit.patient.mrn, [dose.id for dose in visit.doses]) == ("MRN1", ["D1"])
    assert not visit.findings


def test_a_vxu_is_one_visit_for_each_of_its_days(read: Read) -> None:
    later = RXA.replace("20260301", "20260302")
    visits = read(HL7, {"a.hl7": a_file(MSH, PID, ORC, RXA, "ORC|RE||D2", later, "ORC|RE||D3", later)})
    assert [(visit.date, visit.clinic, visit.rows) for visit in visits] == [
        ("20260301", "ELM01", (("a.hl7", 1),)),
        ("20260302", "ELM01", (("a.hl7", 2), ("a.hl7", 3))),
    ]
    assert [dose.id for visit in visits for dose in visit.doses] == ["D1", "D2", "D3"]
    assert not findings_of(visits)
    assert (visits[0].patient.mrn, visits[0].patient.name.middle, visits[0].patient.birth_date) == (
        "MRN1",
        "Q",
        "20200102",
    )


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r\n", "|\r"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, _in_mllp, _with_mark])
def test_line_ends_and_packing_do_not_matter(read: Read, end: str, pack: Callable[[bytes], bytes]) -> None:
    dose = the_dose(read(HL7, {"a.hl7": pack(a_file(MSH, PID, ORC, RXA, end=end))}))
    assert (dose.id, dose.vaccine.code, dose.amount, dose.lot, dose.expiry) == ("D1", "08", "0.5", "LOT1", "20270101")
    assert dose.action is Action.ADD


def test_every_message_names_its_own_delimiters(read: Read) -> None:
    other = "\r".join((MSH, PID.replace("Sampleton", r"O\T\Mock\F\ford"), ORC, RXA))
    other = other.translate(str.maketrans("|^~\\&", "#*!$%"))
    visits = read(HL7, {"a.hl7": a_file(MSH, PID.replace("MRN1", "MRN0"), ORC, RXA) + other.encode()})
    assert [visit.patient.name.family for visit in visits] == ["Sampleton", "O&Mock|ford"]
    assert [visit.rows for visit in visits] == [(("a.hl7", 1),), (("a.hl7", 2),)]


def test_batches_are_taken_apart_and_counted(read: Read) -> None:
    other = PID.replace("MRN1", "MRN2")
    batch = ["FHS|^~\\&", "BHS|^~\\&", MSH, PID, ORC, RXA, MSH, other, ORC, RXA]
    assert not findings_of(read(HL7, {"a.hl7": a_file(*batch, "BTS|2", "FTS|1")}))
    [about, one, two] = read(HL7, {"a.hl7": a_file(*batch, "BTS|3")})
    assert [finding.code for finding in about.findings] == ["FILE-BATCH-COUNT", "FILE-BATCH-OPEN"]
    assert (one.patient.mrn, two.patient.mrn) == ("MRN1", "MRN2")


def test_what_is_no_readable_vxu_is_a_row_of_its_own_and_the_rest_goes_on(read: Read) -> None:
    body = a_file(
        "PID|1||LOST", "RXA|0|1|20260301", MSH.replace("VXU^V04^VXU_V04", "ACK^V04"), "MSA|AA|1",
        "MSH|", "PID|x", MSH, PID, MSH, PID, ORC, RXA,
    )  # fmt: skip
    visits = read(HL7, {"a.hl7": body})
    held = {visit.rows[0][1]: visit for visit in visits if not visit.doses}
    assert {row: (v.findings[0].code, v.findings[0].value) for row, v in held.items()} == {
        1: ("MESSAGE-WITHOUT-MSH", ""),
        2: ("MESSAGE-NOT-VXU", "ACK"),
        3: ("MESSAGE-UNREADABLE", ""),
        4: ("MESSAGE-WITHOUT-DOSE", ""),
    }
    assert held[1].raw == "PID|1||LOST\nRXA|0|1|20260301"
    assert [visit.rows for visit in visits if visit.doses] == [(("a.hl7", 5),)]
    assert all(f.code in OF_RECORDS for f in findings_of(visits))


def test_a_vaccination_without_patient_or_day_is_held_with_its_text(read: Read) -> None:
    [no_patient] = read(HL7, {"a.hl7": a_file(MSH, ORC, RXA)})
    [no_day] = read(HL7, {"a.hl7": a_file(MSH, PID, ORC, RXA.replace("20260301", "202603"))})
    assert [finding.code for finding in no_patient.findings] == ["ROW-PATIENT-MISSING"]
    assert [(f.code, f.value) for f in no_day.findings] == [("ROW-DATE-UNREADABLE", "202603")]
    assert "RXA|0|1|202603|" in no_day.raw


@pytest.mark.parametrize("text", ["20260301", "202603011430", "20260301143000.1234-0500", "2026-03-01"])
def test_a_day_is_read_in_any_precision(read: Read, text: str) -> None:
    dose, findings = a_dose(read, ORC, RXA.replace("20260301", text))
    assert dose.date == "20260301"
    assert not findings


@pytest.mark.parametrize(
    ("orc", "expected"), [("ORC|RE|P1|D1^EHR", "D1"), ("ORC|RE|P1", "P1"), ("ORC|RE|P1|9999^EHR", "P1")]
)
def test_the_filler_s_number_is_the_dose_s_id_else_the_placer_s(read: Read, orc: str, expected: str) -> None:
    assert a_dose(read, orc, RXA)[0].id == expected


def test_a_number_that_one_message_gives_to_two_vaccinations_is_no_id(read: Read) -> None:
    [visit] = read(HL7, {"a.hl7": a_file(MSH, PID, ORC, RXA, ORC, RXA.replace("08^Hep B", "21^Varicella"))})
    assert [dose.vaccine.code for dose in visit.doses] == ["08", "21"]
    assert visit.doses[0].id == identity.derived_dose_id("ehr", "MRN1", "20260301", "08", 0)
    assert {finding.code for finding in visit.findings} == {"ORDER-ID-SHARED"}
    # A delete and what comes in its place have the same number on purpose.
    [visit] = read(HL7, {"a.hl7": a_file(MSH, PID, ORC, RXA[:-1] + "D", ORC, RXA.replace("08^Hep B", "21^Varicella"))})
    assert [dose.id for dose in visit.doses] == ["D1"]


def test_the_incoming_control_id_names_the_row_and_is_used_for_nothing_else(read: Read) -> None:
    [one], [two] = (read(HL7, {"a.hl7": a_file(MSH.replace("SAME", name), PID, ORC, RXA)}) for name in ("A", "B"))
    assert (one.row_name(1), two.row_name(1)) == ("1 (message 1, MSH-10 A)", "1 (message 1, MSH-10 B)")
    assert replace(one, messages=()) == replace(two, messages=())


def test_foreign_tables_are_understood_and_local_codes_kept(read: Read) -> None:
    pid = PID.replace("|F", "|f||2106-3^White^HL70005~2028-9^^HL7005") + "|" * 12 + "N^NOT HISPANIC OR LATINO^HL70189"
    rxa = RXA.replace("00^^NIP001", "00^^NIP0001").replace("MSD^^MVX", "77^Maker^L^MSD^Merck^MVX")
    rxa = rxa.replace("08^Hep B^CVX", "HEPB1^Hep B^L^8^^CVX").replace("mL^^UCUM", "ML^^ISO+")
    [visit] = read(HL7, {"a.hl7": a_file(MSH, pid, ORC, rxa, "RXR|IM^Intramuscular^HL70162|la^Left arm^HL70163")})
    dose = visit.doses[0]
    assert (visit.patient.sex, [race.code for race in visit.patient.races]) == ("F", ["2106-3", "2028-9"])
    assert (visit.patient.ethnicity.code, visit.patient.ethnicity.alternate_code) == ("2186-5", "N")
    assert (dose.vaccine.code, dose.vaccine.alternate_code, dose.vaccine.alternate_system) == ("08", "HEPB1", "L")
    assert (dose.manufacturer.code, dose.manufacturer.alternate_code) == ("MSD", "77")
    assert dose.units == Code("mL", "milliliter", "UCUM")
    assert (dose.route.code, dose.route.alternate_system, dose.site.code) == ("C28161", "HL70162", "LA")
    assert not visit.findings


def test_a_vaccine_is_known_by_cvx_and_ndc_in_either_triplet_or_by_its_local_code(read: Read) -> None:
    both, _ = a_dose(read, ORC, RXA.replace("08^Hep B^CVX", "49281-0215-88^TENIVAC^NDC^113^Td^CVX"))
    assert (both.vaccine.code, both.ndc) == ("113", "49281-0215-88")
    local, _ = a_dose(read, ORC, RXA.replace("08^Hep B^CVX", "HEPB1^Hep B^L"))
    assert (local.vaccine.code, local.vaccine.alternate_code, local.vaccine.text) == ("", "HEPB1", "Hep B")


def test_a_refusal_has_its_reason_and_no_amount(read: Read) -> None:
    rxa = "RXA|0|1|20260301||08^^CVX|999||||||||||||00^Parental decision^NIP002||RE"
    dose, findings = a_dose(read, "ORC|RE||9999", rxa)
    assert (dose.completion, dose.refusal_reason.code, dose.amount) == (Completion.REFUSED, "00", "")
    unstated, _ = a_dose(read, "ORC|RE||9999", rxa.removesuffix("||RE"))
    assert unstated.completion is Completion.REFUSED
    assert not findings


def test_observations_tell_eligibility_funding_statements_and_notes(read: Read) -> None:
    dose, findings = a_dose(
        read, ORC, RXA,
        "OBX|1|CE|64994-7^^LN|1|V02^Medicaid^HL70064", "OBX|2|CE|30963-3^^LN|2|VXC50^Public^CDCPHINVS",
        "OBX|3|CE|69764-9^^LN|3|253088698300028811170411^^cdcgs1vis", "OBX|4|DT|29769-7^^LN|3|20260301",
        "OBX|5|CE|30956-7^^LN|4|17^Hib^CVX", "OBX|6|TS|29768-9^^LN|4|20251001", "OBX|7|TS|29769-7^^LN|4|20260301",
        "OBX|8|NM|30973-2^^LN|5|2", "NTE|1||left\\.br\\early \\T\\ well", "OBX|9|CE|31044-1^Reaction^LN|6|VXC12",
    )  # fmt: skip
    assert (dose.eligibility.code, dose.funding_source.code, dose.dose_number) == ("V02", "VXC50", "2")
    assert [(v.document, v.vaccine.code, v.edition, v.presented) for v in dose.vis] == [
        ("253088698300028811170411", "", "", "20260301"),
        ("", "17", "20251001", "20260301"),
    ]
    assert dose.comment == "left\nearly & well"
    assert [(one.code, one.value.code) for one in dose.observations] == [("31044-1", "VXC12")]
    assert not findings


def test_eligibility_of_the_visit_counts_where_the_dose_has_none(read: Read) -> None:
    assert a_dose(read, "PV1||R" + "|" * 18 + "V03^20260301", ORC, RXA)[0].eligibility.code == "V03"


def test_providers_keep_ids_that_say_whose_they_are(read: Read) -> None:
    rxa = RXA.replace("NIP001||", "NIP001|1234567893^Nurseby^Nadia^^^^^^CMS|")
    dose, findings = a_dose(read, "ORC|RE||D1|||||||77^Clerk^Cy||8^Doctorow^Dov^^^^^^EHR^L^^^PRN", rxa)
    assert (dose.administered_by.id, dose.administered_by.id_type) == ("1234567893", "NPI")
    assert (dose.ordered_by.id, dose.ordered_by.authority, dose.ordered_by.id_type) == ("8", "EHR", "PRN")
    assert (dose.entered_by.id, dose.entered_by.family) == ("", "Clerk")
    assert [(finding.code, finding.path) for finding in findings] == [("PROVIDER-ID-LEFT-OUT", "ORC-10")]


def test_clinics_are_named_by_the_place_else_by_the_sender(read: Read) -> None:
    nameless = Source("ehr", "hl7")
    body = {"a.hl7": a_file(MSH, PID, ORC, RXA.replace("^^^ELM01", ""))}
    historical = {"a.hl7": a_file(MSH, PID, ORC, RXA.replace("00^^NIP001", "01^^NIP001"))}
    assert [read(source, body)[0].clinic for source in (HL7, nameless)] == ["", "CLINIC9"]
    assert [read(source, historical)[0].clinic for source in (HL7, nameless)] == ["", "CLINIC9"]
    assert (
        read(Source("ehr", "hl7", clinic="elm", one_clinic=True), {"a.hl7": a_file(MSH, PID, ORC, RXA)})[0].clinic == ""
    )


@pytest.mark.parametrize(
    ("family", "charset", "expected", "code"),
    [
        (b"N\xfa\xf1ez", "", "Núñez", "ROW-READ-AS-WINDOWS-1252"),
        (b"N\xfa\xf1ez", "8859/1", "Núñez", ""),
        ("Núñez".encode(), "", "Núñez", ""),
        ("Núñez".encode().decode("cp1252").encode(), "", "Núñez", "TEXT-ENCODED-TWICE"),
        (b"N\x81\x8dez", "", "N\ufffd\ufffdez", "ROW-ENCODING-UNREADABLE"),
        ("N\ufffdez".encode(), "", "N\ufffdez", "TEXT-LOST"),
        (b"N\x00ez", "", "N ez", "VALUE-NUL"),
    ],
)
def test_damaged_text_is_repaired_or_refused_with_its_place(
    read: Read, family: bytes, charset: str, expected: str, code: str
) -> None:
    body = a_file(MSH + "|" * 6 + charset, PID, ORC, RXA).replace(b"Sampleton", family)
    [visit] = read(HL7, {"a.hl7": body})
    assert visit.patient.name.family == expected
    assert [(finding.code, finding.path) for finding in visit.findings] == ([(code, "PID-5")] if code else [])


def test_a_line_break_within_a_value_is_mended(read: Read) -> None:
    dose, findings = a_dose(read, ORC, RXA, "OBX|1|CE|64994-7^^LN|1|V01", "NTE|1||first line", "and the second")
    assert dose.comment == "first line\nand the second"
    assert [finding.code for finding in findings] == ["MESSAGE-LINE-BROKEN"]


def test_a_huge_field_costs_its_own_message(read: Read) -> None:
    huge = a_file(MSH, PID, ORC, RXA, "NTE|1||" + "x" * 10_000_000)
    visits = read(HL7, {"a.hl7": huge + a_file(MSH, PID, ORC, RXA)})
    assert sorted((v.rows[0][1], len(v.doses), [f.code for f in v.findings]) for v in visits) == [
        (1, 0, ["SEGMENT-HUGE"]),
        (2, 1, []),
    ]


def test_a_compressed_file_that_breaks_off_holds_its_last_vaccination(read: Read) -> None:
    body = b"".join(a_file(MSH, PID.replace("MRN1", f"MRN{n}"), f"ORC|RE||D{n}", RXA) for n in range(200))
    visits = read(HL7, {"a.hl7": gzip.compress(body)[:-30]})
    codes = [finding.code for finding in findings_of(visits)]
    assert "FILE-CUT-OFF" in codes
    assert codes.count("ROW-CUT-OFF") <= 1
    rows = sorted(row for visit in visits for _, row in visit.rows)
    assert rows == list(range(1, len(rows) + 1))


@pytest.mark.parametrize(
    ("body", "code"), [(b"", "FILE-EMPTY"), (b"\r\n\x0b", "FILE-EMPTY"), (b"PK\x03\x04", "FILE-WRONG-KIND")]
)
def test_a_file_without_messages_is_said(read: Read, body: bytes, code: str) -> None:
    assert [finding.code for finding in findings_of(read(HL7, {"a.hl7": body}))] == [code]


def test_defaults_fill_eligibility_and_funding(read: Read) -> None:
    source = Source("ehr", "hl7", defaults=MappingProxyType({"eligibility": "V00", "funding_source": "Private"}))
    dose, _ = a_dose(read, ORC, RXA, source=source)
    assert (dose.eligibility.code, dose.funding_source.code) == ("V00", "PHC70")


@given(st.binary(max_size=400), st.integers(0, 300))
@example(b"\x88", 5)  # among the delimiters, where it has the place of one until the text is repaired
@settings(max_examples=150)
def test_no_damage_raises_or_loses_a_row(junk: bytes, at: int) -> None:
    body = a_file(MSH, PID, ORC, RXA)
    parts = (StoredObject("a.hl7", "v", 0),)
    visits = list(READERS["hl7"].read(parts, HL7, _One(body[:at] + junk + body[at:])))  # type: ignore[arg-type]
    rows = sorted(row for visit in visits for _, row in visit.rows)
    assert rows == list(range(1, len(rows) + 1))
    assert all(finding.code in OF_RECORDS for finding in findings_of(visits))


class _One:
    """An object store of one file."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def open(self, _: StoredObject) -> io.BytesIO:
        return io.BytesIO(self._body)
