"""Lost characters and UTF-8 that was encoded twice, in every format and in every field."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.clinics import Source
from shared.domain.model import Visit
from shared.exports import damage
from shared.usecases.findings import is_error
from tests.places import SHARED

Read = Callable[..., list[Visit]]
CASE = SHARED / "cases" / "reading" / "twice_lost.hl7"
SOURCES = {kind: Source("own", kind, clinic="elm") for kind in ("csv", "hl7", "fhir-bundle")}
every_format = pytest.mark.parametrize("kind", SOURCES)
FIELDS = ("last_name", "first_name", "address_street", "address_city", "lot", "comment")
TWICE = "Núñez".encode().decode("cp1252")
LOST_TWICE = "Jos\ufffd".encode().decode("cp1252")


def a_file(kind: str, **changes: str) -> bytes:
    row = {
        "last_name": "Sampleton", "first_name": "Ada", "address_street": "1 Elm", "address_city": "Hartford",
        "lot": "L1", "comment": "a note",
    } | changes  # fmt: skip
    if kind == "csv":
        names = f"patient_id,birth_date,sex,dose_id,dose_date,cvx,{','.join(row)}"
        return f"{names}\nSYN-1,2020-01-02,F,D1,2026-03-01,08,{','.join(row.values())}\n".encode()
    if kind == "hl7":
        place = f"{row['address_street']}^^{row['address_city']}^CT^06103^^H"
        lines = (
            "MSH|^~\\&|EHR|ELM|||20260301||VXU^V04^VXU_V04|M1|P|2.5.1",
            f"PID|1||SYN-1^^^ELM^MR||{row['last_name']}^{row['first_name']}^^^^^L||20200102|F|||{place}",
            "ORC|RE||D1^ELM",
            f"RXA|0|1|20260301||08^Hep B^CVX|0.5|mL^^UCUM||00^^NIP001||||||{row['lot']}|||||CP|A",
            f"OBX|1|FT|48767-8^^LN|1|{row['comment']}||||||F",
        )
        return "\r".join((*lines, "")).encode()
    patient = {
        "resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "2020-01-02",
        "identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": "SYN-1"}],
        "name": [{"family": row["last_name"], "given": [row["first_name"]]}],
        "address": [{"line": [row["address_street"]], "city": row["address_city"], "state": "CT"}],
    }  # fmt: skip
    dose = {
        "resourceType": "Immunization", "id": "D1", "status": "completed", "primarySource": True,
        "patient": {"reference": "Patient/p"}, "occurrenceDateTime": "2026-03-01", "lotNumber": row["lot"],
        "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "08"}]},
        "note": [{"text": row["comment"]}],
    }  # fmt: skip
    # With escapes, so that the file itself is plain ASCII.
    return json.dumps(
        {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient}, {"resource": dose}]}
    ).encode()


def read_one(read: Read, kind: str, **changes: str) -> Visit:
    [visit] = [visit for visit in read(SOURCES[kind], {"a.txt": a_file(kind, **changes)}) if visit.rows]
    return visit


def texts(visit: Visit) -> str:
    return repr((visit.patient, visit.doses))


@every_format
@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("text", ["Jos\ufffd", LOST_TWICE], ids=["lost", "lost and encoded twice"])
def test_lost_characters_hold_the_row(read: Read, kind: str, field: str, text: str) -> None:
    visit = read_one(read, kind, **{field: text})
    assert [finding.code for finding in visit.findings if is_error(finding)] == ["TEXT-LOST"]


@every_format
@pytest.mark.parametrize("field", FIELDS)
def test_text_encoded_twice_is_corrected_and_said(read: Read, kind: str, field: str) -> None:
    visit = read_one(read, kind, **{field: TWICE})
    assert [finding.code for finding in visit.findings] == ["TEXT-ENCODED-TWICE"]
    assert "Núñez" in texts(visit)
    assert TWICE not in texts(visit)


@pytest.mark.parametrize("field", FIELDS)
def test_the_finding_names_the_column(read: Read, field: str) -> None:
    [finding] = read_one(read, "csv", **{field: LOST_TWICE}).findings
    assert (finding.column, finding.row, finding.value) == (field, 2, "Jos\ufffd")


@every_format
def test_text_of_other_languages_is_sound(read: Read, kind: str) -> None:
    visit = read_one(read, kind, last_name="Núñez", first_name="Zoë", address_city="Łódź", comment="ärztlich ok")
    assert visit.findings == ()


@given(st.text())
def test_what_is_mended_once_is_sound_or_lost(text: str) -> None:
    once, code = damage.mended(text)
    assert code in ("", damage.TEXT_LOST, damage.ENCODED_TWICE)
    assert (code == damage.TEXT_LOST) == (damage.LOST in once)
    assert code or once == text


@pytest.mark.skipif(not CASE.is_file(), reason=f"{CASE} is absent")
def test_the_shared_case_is_held(read: Read) -> None:
    [visit] = read(SOURCES["hl7"], {"a.hl7": CASE.read_bytes()})
    assert "TEXT-LOST" in {finding.code for finding in visit.findings if is_error(finding)}
