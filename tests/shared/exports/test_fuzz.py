"""Of a damaged export every row is in one visit, the reader raises nothing, and the ledger can hold its values."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.clinics import Clinic, Configuration, Iis, Source
from shared.domain.z22 import conformance
from shared.exports.readers import READERS
from shared.ports.objects import StoredObject
from shared.usecases.findings import OF_RECORDS
from shared.usecases.intake.bounds import bounded
from shared.usecases.prepare import prepare
from tests.shared.exports.conftest import Folder

NOW: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
CLINIC: Final = Clinic("elm", "Elm", "CT9001", "CT9000", "CT9001", "elm")
SOURCES: Final = {kind: Source("own", kind, clinic="elm") for kind in ("csv", "fhir", "fhir-bundle", "hl7")}
CONFIGURATION: Final = Configuration(
    "v1", "Example", "VAXLINE", Iis("http://127.0.0.1:1/"), {"elm": CLINIC}, {"own": SOURCES["csv"]}
)
PATIENT: Final = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [{"type": {"coding": [{"code": "MR"}]}, "system": "urn:ehr", "value": "SYN-1"}],
    "name": [{"family": "Sampleton", "given": ["Ada"]}],
    "birthDate": "2020-01-02",
    "gender": "female",
}
IMMUNIZATION: Final = {
    "resourceType": "Immunization",
    "id": "i1",
    "status": "completed",
    "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "08"}]},
    "patient": {"reference": "Patient/p1"},
    "occurrenceDateTime": "2026-03-01T09:00:00-05:00",
    "primarySource": True,
    "lotNumber": "LOT1",
    "doseQuantity": {"value": 0.5, "unit": "mL"},
    "note": [{"text": "Ünïcode ^ & ~ \\ |"}],
}
BUNDLE: Final = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [{"resource": PATIENT}, {"resource": IMMUNIZATION}],
}
FILES: Final = {
    "csv": b"patient_id,last_name,first_name,birth_date,sex,dose_id,dose_date,cvx,lot,comment\r\n"
    b'SYN-1,Sampleton,Ada,2020-01-02,F,D1,2026-03-01,08,LOT1,"a, b"\r\n'
    b"SYN-2,Sampleton,Bo,2020-01-02,M,D2,2026-03-01,20,LOT2,\r\n",
    "fhir": "".join(json.dumps(one) + "\n" for one in (PATIENT, IMMUNIZATION, IMMUNIZATION | {"id": "i2"})).encode(),
    "fhir-bundle": json.dumps(BUNDLE, ensure_ascii=False).encode(),
    "hl7": b"MSH|^~\\&|EHR|ELM|||20260302||VXU^V04^VXU_V04|1|P|2.5.1\r"
    b"PID|1||SYN-1^^^ELM^MR||Sampleton^Ada||20200102|F\r"
    b"ORC|RE||D1^EHR\rRXA|0|1|20260301||08^Hep B^CVX|999|||00^^NIP001||||||LOT1\rRXR|C28161^IM^NCIT|LD^^HL70163\r",
}
piece = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        [b"\x00", b"\r", b"\n", b'"', b"|", b"^", b"~", b"\\", b"&", b"\x1c\r", b"\x0b", b"\xff\xfe", b"\xed\xa0\x80",
         b"\\ud800", b"\\u0000", b"null", b"[]", b"{}", b"1e999", b"-1", b"MSH|", b"PID|", b"RXA|", b",,,,", b"\xef\xbb\xbf"]
    ),
)  # fmt: skip
damage = st.lists(st.tuples(st.integers(0, 900), st.integers(0, 40), piece), max_size=4)


def damaged(body: bytes, steps: list[tuple[int, int, bytes]]) -> bytes:
    """The body with pieces cut out and others inserted."""
    for at, length, new in steps:
        start = at % (len(body) + 1)
        body = body[:start] + new + body[start + length :]
    return body


@pytest.mark.parametrize("kind", sorted(FILES))
@given(steps=damage, packed=st.booleans(), cut=st.integers(0, 40))
@settings(max_examples=150)
def test_a_damaged_export_is_read_to_findings_and_never_to_an_exception(
    kind: str, steps: list[tuple[int, int, bytes]], packed: bool, cut: int
) -> None:
    body = damaged(FILES[kind], steps)
    if packed:
        body = gzip.compress(body)
        body = body[: len(body) - cut] if cut else body
    key = "inbox/own/Immunization.ndjson"
    folder = Folder({key: body})
    visits = list(READERS[kind].read(tuple(folder.list("")), SOURCES[kind], folder))
    rows = [row for visit in visits for row in visit.rows]
    assert len(rows) == len(set(rows)), "a row is in one visit only"
    for visit in visits:
        assert {finding.code for finding in visit.findings} <= OF_RECORDS.keys()
        if not visit.rows:
            continue
        prepared = prepare(bounded(visit), msh_10="A" * 20, clinic=CLINIC, configuration=CONFIGURATION, now=NOW)
        if prepared.vxu:
            segments = prepared.vxu.split("\r")
            assert segments[-1] == ""
            assert [segment[:3] for segment in segments[:-1]].count("RXA") == len(visit.doses), "nothing was injected"
            assert conformance.check(prepared.vxu) is not None


@pytest.mark.parametrize("kind", sorted(FILES))
def test_the_undamaged_export_is_read_and_built(kind: str) -> None:
    folder = Folder({"inbox/own/Immunization.ndjson": FILES[kind]})
    item = StoredObject("inbox/own/Immunization.ndjson", "v", 1)
    visits = list(READERS[kind].read((item,), SOURCES[kind], folder))
    assert sum(len(visit.doses) for visit in visits) == {"csv": 2, "fhir": 2, "fhir-bundle": 1, "hl7": 1}[kind]
