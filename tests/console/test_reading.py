"""A decoded message names its fields, says what its codes mean, and shows each objection where it belongs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.reading import ReadSegment, read, read_submission
from shared.domain.lifecycle import State
from shared.domain.model import Finding
from shared.domain.submission import AckError, Attempt, Submission
from shared.replaced import replace
from tests.conftest import NOON, a_submission, a_visit

VXU = (
    "MSH|^~\\&|VAXLINE|CT9001||CT0000|20260302120000+0000||VXU^V04^VXU_V04|MSG1|P|2.5.1\r"
    "PID|1||SYN-1^^^CT9001^MR||Sampleton\\T\\Co^Ada^^^^^L||20200102|F||2106-3^White^CDCREC~2054-5^^CDCREC\r"
    "ORC|RE||D-1^CT9001\r"
    "RXA|0|1|20260301||08^HepB^CVX|0.5|mL^^UCUM||00^^NIP001||||||LOT1||SKB^^MVX|||CP|A\r"
    "OBX|1|CE|64994-7^Eligibility^LN|1|V01^^HL70064||||||F\r"
    "ORC|RE||D-2^CT9001\r"
    "RXA|0|1|20260301||20^DTaP^CVX\r"
    "OBX|1|CE|64994-7^Eligibility^LN|1|V02^^HL70064||||||F\r"
)


def _submission(*findings: Finding, errors: tuple[AckError, ...] = ()) -> Submission:
    visit = a_visit(rows=(4, 7))
    doses = tuple(replace(dose, id=f"D-{number}") for number, dose in enumerate(visit.doses, 1))
    attempts = (Attempt(1, NOON, 0.2, State.REFUSED, errors=errors),) if errors else ()
    return replace(a_submission(), vxu=VXU, visit=replace(visit, doses=doses), findings=findings, attempts=attempts)


def _values(segments: tuple[ReadSegment, ...]) -> dict[str, str]:
    return {field.place: field.value for segment in reversed(segments) for field in segment.fields}


def test_fields_have_names_and_codes_their_meaning() -> None:
    segments = read(VXU)
    values = _values(segments)
    assert values["PID-5"] == "Sampleton&Co, Ada, L"
    assert values["PID-7"] == "2020-01-02"
    assert values["PID-8"] == "Female (F)"
    assert values["PID-10"].startswith("White (2106-3 CDCREC); Black")
    assert values["MSH-7"] == "2026-03-02 12:00:00 +0000"
    assert values["RXA-5"] == "Hep B, adolescent or pediatric (08 CVX)"
    assert values["RXA-17"] == "GlaxoSmithKline (SKB MVX)"
    assert values["MSH-9"] == "VXU, V04, VXU_V04"
    names = {field.place: field.name for segment in segments for field in segment.fields}
    assert (names["PID-3"], names["RXA-15"], names["ORC-3"]) == ("medical record number", "lot", "dose id")
    assert [(one.name, one.number) for one in segments if one.name == "RXA"] == [("RXA", 1), ("RXA", 2)]


@pytest.mark.parametrize(
    ("finding", "segment", "number", "place"),
    [
        (Finding("LOT-MISSING", "RXA-15", 7, "lot", dose_id="D-2"), "RXA", 2, "RXA-15"),
        (Finding("LOT-MISSING", "RXA[2]-15", 7, "lot", dose_id="D-2"), "RXA", 2, "RXA-15"),
        (Finding("LOT-MISSING", "RXA[2]-15", 7, "lot"), "RXA", 2, "RXA-15"),
        (Finding("Z22-PID-6-EMPTY", "PID-6", 4), "PID", 1, "PID-6"),
        (Finding("ELIGIBILITY-MISSING", "OBX-5 (64994-7)", 7, dose_id="D-2"), "OBX", 2, "OBX-5"),
    ],
)
def test_a_finding_stands_at_the_field_of_its_dose(finding: Finding, segment: str, number: int, place: str) -> None:
    segments, loose = read_submission(_submission(finding))
    assert loose == ()
    marked = [(one.name, one.number, field.place) for one in segments for field in one.fields if field.marks]
    assert marked == [(segment, number, place)]


def test_an_error_of_the_iis_stands_at_the_field_that_it_names_with_our_row_and_column() -> None:
    error = AckError("E", "999", "WEBIZ-724", "RXA", 2, 5, 1, "RXA[2]-5.1", "Not recognized", "D-2", 7)
    segments, _ = read_submission(_submission(errors=(error,)))
    found = [(one.number, field.place, mark) for one in segments for field in one.fields for mark in field.marks]
    [(number, place, mark)] = found
    assert (number, place, mark.code, mark.severity) == (2, "RXA-5", "WEBIZ-724", "E")
    assert mark.source == "row 7, column cvx"
    assert mark.text == "Not recognized"
    assert "CVX" in mark.fix


def test_what_names_no_segment_of_the_message_is_shown_beside_it_and_not_lost() -> None:
    nowhere = AckError("E", "100", "", "ZZZ", 1, 3, 0, "ZZZ-3", "?")
    _, loose = read_submission(_submission(Finding("CLINIC-UNKNOWN", "MSH-22", 1), errors=(nowhere,)))
    assert [mark.code for mark in loose] == ["100"]
    _, loose = read_submission(replace(_submission(Finding("CLINIC-UNKNOWN", "MSH-22", 1)), vxu=""))
    assert [mark.code for mark in loose] == ["CLINIC-UNKNOWN"]


def test_a_check_that_only_warns_is_marked_as_a_warning() -> None:
    segments, _ = read_submission(_submission(Finding("Z22-PID-6-EMPTY", "PID-6")))
    [mark] = [mark for one in segments for field in one.fields for mark in field.marks]
    assert mark.severity == "W"


@given(st.text(alphabet=st.sampled_from("MSHPIDRXAOBX|^~\\&\r\n0123456789é"), max_size=300))
def test_no_message_is_so_odd_that_reading_it_raises(message: str) -> None:
    read(message)


def test_every_real_message_is_read_without_a_lost_value(shared_material: Path) -> None:
    paths = [path for path in sorted((shared_material / "samples" / "hl7").rglob("*")) if path.is_file()]
    assert len(paths) > 20
    for path in paths:
        message = path.read_text("utf-8", "replace")
        if message.lstrip("\ufeff\x0b").startswith("MSH"):
            raws = [field.raw for segment in read(message) for field in segment.fields]
            # Every field that stands in the message is there, MSH-1 beside them.
            lines = [line.strip("\x0b\x1c\t ") for line in message.splitlines()]
            stated = sum(1 for line in lines if line[:3].isalnum() for value in line.split("|")[1:] if value)
            assert len(raws) >= stated
