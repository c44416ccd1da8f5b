"""Every code map of clinics.toml, from the export's word to the VXU, in CSV and HL7 v2."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from shared.adapters.configuration.codes import TARGETS
from shared.adapters.configuration.reader import read_configuration
from shared.domain.model import Visit
from shared.exports.readers import READERS
from shared.ports.objects import StoredObject
from shared.usecases.findings import cause_of
from shared.usecases.prepare import Prepared, prepare

NOW = datetime(2026, 6, 1, tzinfo=UTC)
CLINICS_TOML = """
[organization]
name = "Sample"
sending_facility = "CT9001"
[iis]
endpoint = "https://iis.example"
[clinics.elm]
name = "Elm"
facility = "CT9002"
[sources.feed]
format = "{format}"
clinic = "elm"
{codes}
"""
ROW = {
    "patient_id": "SYN-1", "last_name": "Sampleton", "first_name": "Ada", "birth_date": "1990-01-02", "sex": "F",
    "dose_id": "D1", "dose_date": "2026-03-01", "completion": "CP", "information_source": "00", "action": "A",
    "cvx": "115", "ndc": "", "mvx": "PMC", "lot": "AB123", "amount": "0.5", "units": "mL", "eligibility": "V01",
    "funding_source": "PHC70", "refusal_reason": "",
}  # fmt: skip
UNKNOWN = "49281-9999-50"
"""An NDC that CDC's table does not have."""


class One:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def open(self, _: StoredObject) -> io.BytesIO:
        return io.BytesIO(self._body)


def in_csv(row: dict[str, str]) -> bytes:
    return f"{','.join(row)}\n{','.join(row.values())}\n".encode()


def in_hl7(row: dict[str, str]) -> bytes:
    vaccine = f"{row['cvx']}^^CVX" if row["cvx"] else f"{row['ndc']}^^NDC"
    rest = f"||||||{row['lot']}||PMC^^MVX|{row['refusal_reason']}^^NIP002||{row['completion']}|{row['action']}"
    lines = (
        "MSH|^~\\&|EHR|ELM|||20260301||VXU^V04^VXU_V04|M1|P|2.5.1",
        f"PID|1||SYN-1^^^ELM^MR||Sampleton^Ada^^^^^L||19900102|{row['sex']}",
        "ORC|RE||D1^ELM",
        f"RXA|0|1|20260301||{vaccine}|{row['amount']}|{row['units']}^^UCUM||{row['information_source']}^^NIP001{rest}",
        "OBX|1|CE|64994-7^^LN|1|V01^^HL70064||||||F",
        "OBX|2|CE|30963-3^^LN|2|PHC70^^CDCPHINVS||||||F",
    )
    return "\r".join((*lines, "")).encode()


WRITERS = {"csv": in_csv, "hl7": in_hl7}


def prepared(kind: str, codes: str, **changes: str) -> Prepared:
    configuration = read_configuration(CLINICS_TOML.format(format=kind, codes=codes))
    source = configuration.sources["feed"]
    part = StoredObject("inbox/feed/a.txt", "v", 0)
    visits: Iterator[Visit] = READERS[kind].read((part,), source, One(WRITERS[kind](ROW | changes)))  # type: ignore[arg-type]
    [visit] = [visit for visit in visits if visit.rows]
    return prepare(visit, msh_10="M1", clinic=configuration.clinics["elm"], configuration=configuration, now=NOW)


def field(vxu: str, segment: str, number: int) -> str:
    line = next(line for line in vxu.split("\r") if line.startswith(segment))
    return (line.split("|") + [""] * 40)[number]


NEW = (
    ("completion", "Struck", "RE", {"lot": "", "refusal_reason": "03"}, ("RXA", 20, "RE")),
    ("completion", "Undone", "NA", {"lot": ""}, ("RXA", 20, "NA")),
    ("completion", "Halfway", "PA", {}, ("RXA", 20, "PA")),
    ("completion", "Erased", "D", {}, ("RXA", 21, "D")),
    ("information_source", "Elsewhere", "07", {}, ("RXA", 9, "07^Historical, school record^NIP001^Elsewhere^^L")),
    ("action", "Z9", "U", {}, ("RXA", 21, "U")),
    ("sex", "Fem.", "F", {}, ("PID", 8, "F")),
    ("units", "shots", "mL", {}, ("RXA", 7, "mL^milliliter^UCUM^shots^^L")),
)


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize(("table", "own", "meant", "more", "sent"), NEW, ids=lambda value: str(value)[:12])
def test_a_word_of_the_ehr_means_what_clinics_toml_says(
    kind: str, table: str, own: str, meant: str, more: dict[str, str], sent: tuple[str, int, str]
) -> None:
    result = prepared(kind, f'[sources.feed.codes.{table}]\n"{own}" = "{meant}"', **{table: own}, **more)
    assert not result.is_held, result.findings
    segment, number, value = sent
    assert field(result.vxu, segment, number).removesuffix("^^L").split("^^^")[0] == value.removesuffix("^^L")


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize(("table", "own"), sorted({(table, own) for table, own, *_ in NEW}))
def test_a_word_that_no_map_has_is_a_cause_with_the_line_to_add(kind: str, table: str, own: str) -> None:
    result = prepared(kind, "", **{table: own})
    assert result.is_held
    assert f"UNMAPPED {table} {own.upper()}" in {cause_of(finding) for finding in result.findings}


def test_a_unit_that_nobody_knows_is_not_sent_as_ml() -> None:
    assert prepared("csv", "", units="shots").vxu == ""


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("written", [UNKNOWN, UNKNOWN.replace("-", "")])
def test_an_ndc_may_be_mapped_to_a_vaccine(kind: str, written: str) -> None:
    codes = f'[sources.feed.codes.vaccine]\n"{written}" = "140"'
    result = prepared(kind, codes, cvx="", ndc=UNKNOWN)
    assert not result.is_held, result.findings
    assert field(result.vxu, "RXA", 5).startswith("140^")
    assert field(result.vxu, "RXA", 5).endswith(f"^{UNKNOWN}^^NDC")


@pytest.mark.parametrize("kind", WRITERS)
def test_an_ndc_that_cdc_s_table_does_not_have_is_a_cause_of_its_own(kind: str) -> None:
    result = prepared(kind, "", cvx="", ndc=UNKNOWN)
    assert f"UNMAPPED vaccine {UNKNOWN}" in {cause_of(finding) for finding in result.findings}


@pytest.mark.parametrize("table", TARGETS)
def test_every_table_is_documented(table: str) -> None:
    from tests.places import ROOT

    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    assert f"| {table}" in page or f", {table} |" in page
