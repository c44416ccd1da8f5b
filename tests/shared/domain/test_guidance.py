"""Every error of an IIS is explained, and by the row that knows most about it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import guidance
from shared.domain.checks import Who
from shared.domain.guidance_table import TABLE, Guidance
from shared.domain.hl7.ack import AckReading, read_ack
from shared.domain.hl7.iis_profiles import CTWIZ
from shared.domain.submission import AckError
from shared.exports import columns

OBSERVED = "OBX|1|CE|64994-7^Eligibility^LN|1|V01|||||||\rOBX|2|CE|30963-3^Funding source^LN|1|VXC50|||||||\r"
VXU = (
    "MSH|^~\\&|VAXLINE|CT9001||CT0000|20260302||VXU^V04^VXU_V04|SYN1|T|2.5.1\rPID|1||A\rORC|RE||D1\rRXA|0|1\r"
    + OBSERVED
)


@pytest.mark.parametrize(
    ("cause", "code", "path"),
    [
        ("103 PID-8", "", "PID-8"),
        ("103", "103", ""),
        ("WEBIZ-501", "WEBIZ-501", ""),
        ("WEBIZ-501 PID-3", "WEBIZ-501", "PID-3"),
        ("WEBIZ-724 RXA-5", "", "RXA-5"),
        ("WEBIZ-AUTH-609 MSH-6", "WEBIZ-AUTH-609", ""),
        ("WEBIZ-AUTH-699", "WEBIZ-AUTH-", ""),
        ("999-6 RXA", "6", ""),
        ("999-5 RXR-1", "", "RXR-1"),
        ("101 PID-19", "101", ""),
        ("ERR RXA", "", "RXA"),
        ("ERR", "", ""),
        ("XYZ-1", "", ""),
        ("AE", "AE", ""),
        ("CR", "AR", ""),
        ("CE", "AR", ""),
        ("CA", "AA", ""),
        ("5 ORC-12", "5", ""),
        ("0", "0", ""),
        ("103 PID-11", "", "PID-11"),
    ],
)
def test_the_most_specific_row_explains_a_cause(cause: str, code: str, path: str) -> None:
    found = guidance.guide_cause(cause)
    assert found is not None
    assert (found.code, found.path) == (code, path)


@pytest.mark.parametrize("text", ["", "LOT-MISSING", "NONSENSE", "two words", "LOT-MISSING ELM"])
def test_what_is_no_cause_of_an_iis_is_not_explained(text: str) -> None:
    assert guidance.guide_cause(text) is None


@given(
    st.text(max_size=12), st.text(max_size=12), st.sampled_from(["", "PID", "RXA", "ZZZ", "OBX"]), st.integers(0, 40)
)
def test_every_error_is_explained(own: str, code: str, segment: str, field: int) -> None:
    error = AckError("E", code, own, segment=segment, field=field, sequence=1, path=segment)
    found = guidance.guide(error, VXU)
    assert found.words
    assert found.fix


@pytest.mark.parametrize(
    ("error", "path"),
    [
        (AckError("W", "999", "4", segment="PID", sequence=1, field=11, component=5, path="PID-11.5"), "PID-11.5"),
        (AckError("W", "999", "4", segment="PID", sequence=1, field=11, component=3, path="PID-11.3"), "PID-11"),
        (AckError("W", "999", "4", segment="PID", sequence=1, field=11, component=0, path="PID-11"), "PID-11"),
        (AckError("W", "999", "", segment="PID", sequence=1, field=1, component=15, path="PID-1.15"), "PID"),
        (AckError("E", "999", "5", segment="OBX", sequence=2, field=5, component=1, path="OBX[2]-5.1"), "OBX 30963-3"),
    ],
)
def test_a_row_for_a_component_explains_an_error_there_and_no_other(error: AckError, path: str) -> None:
    assert guidance.guide(error, VXU).path == path


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.code} {row.path}")
def test_every_row_is_the_answer_to_some_error(row: Guidance) -> None:
    segment, _, rest = row.path.partition("-")
    field, _, component = rest.partition(".")
    vxu = ""
    if " " in row.path:
        segment, loinc = row.path.split(" ")
        vxu, field, component = f"MSH|^~\\&|\rOBX|1|CE|{loinc}|", "5", ""
    code = f"{row.code}9" if row.code.endswith("-") else row.code
    error = AckError("E", code, segment=segment, sequence=1, field=int(field or 0), component=int(component or 0))
    assert guidance.guide(error, vxu) == row


def test_an_error_at_an_observation_is_told_by_what_was_observed() -> None:
    error = AckError("E", "999", "5", segment="OBX", sequence=2, field=5, path="OBX[2]-5")
    assert guidance.place(error, VXU) == "OBX 30963-3"
    assert guidance.field_name(guidance.place(error, VXU)) == "funding source"
    assert guidance.guide(error, VXU).path == "OBX 30963-3"
    assert guidance.guide(error).code == "5"


def test_a_real_looking_answer_leads_to_the_analysts_fix() -> None:
    ack = (
        "MSH|^~\\&|WebIZ|CT0000||CT9001|20260302||ACK^V04^ACK|1|T|2.5.1\rMSA|AE|SYN1\r"
        "ERR||RXA^1^5^1^1|999^Application error^HL70357|E|5^Table value not found^HL70533|||Vaccine code not recognized\r"
    )
    reading = read_ack(ack, msh_10="SYN1", vxu=VXU, profile=CTWIZ)
    assert isinstance(reading, AckReading)
    (error,) = reading.errors
    (cause,) = reading.causes
    assert guidance.guide(error, VXU) == guidance.guide_cause(cause)
    assert guidance.guide(error, VXU).who is Who.CODE_MAP


def test_no_two_rows_say_something_of_the_same_code_and_place() -> None:
    keys = [(row.code, row.path) for row in TABLE]
    assert len(keys) == len(set(keys))
    assert keys[-1] == ("", "")


def test_national_tables_are_covered() -> None:
    table_0357 = {"0", *(str(code) for code in (*range(100, 104), *range(200, 208)))}
    table_0533 = {str(code) for code in range(1, 8)}
    assert table_0357 | table_0533 <= {row.code for row in TABLE}


def test_every_field_of_the_layout_has_a_name() -> None:
    fields = {column.path for column in columns.COLUMNS} - {"NTE"}
    assert fields <= guidance.FIELD_NAMES.keys()
