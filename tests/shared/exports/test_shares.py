"""An export read in shares: over all of them exactly the visits of the whole, whatever stands in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.clinics import Source
from shared.domain.model import Visit
from shared.domain.shares import EVERYBODY, PatientShare, shares
from shared.exports.readers import READERS
from shared.exports.spool import Row, Spool
from tests.shared.exports.conftest import Folder
from tests.shared.exports.test_fuzz import damage, damaged

SOURCES: Final = {kind: Source("own", kind, without_lot="historical") for kind in ("csv", "fhir", "fhir-bundle", "hl7")}
# Record numbers that are missing, that differ in spaces alone, and two resources of one number.
NUMBERS: Final = ("", "SYN-1", "SYN-2", "SYN-3", "SYN 4", "SYN\t4", "Ünï-5", "6", "7", "8", "9")
DAYS: Final = ("2026-03-01", "2026-03-02", "", "soon")
row = st.fixed_dictionaries(
    {
        "patient": st.sampled_from(NUMBERS),
        "day": st.sampled_from(DAYS),
        "clinic": st.sampled_from(("Elm", "Oak", "")),
        "dose": st.sampled_from(("D1", "D2", "")),
        "name": st.sampled_from(("Ada", "Bo")),
    }
)
rows = st.lists(row, max_size=30)


def as_csv(told: list[dict[str, str]]) -> bytes:
    head = "patient_id,last_name,first_name,birth_date,sex,dose_id,dose_date,cvx,lot,clinic"
    lines = (
        f'"{one["patient"]}",Sampleton,{one["name"]},2020-01-02,F,{one["dose"]},{one["day"]},08,L1,{one["clinic"]}'
        for one in told
    )
    return "\n".join((head, *lines)).encode()


def as_hl7(told: list[dict[str, str]]) -> bytes:
    return "".join(
        f"MSH|^~\\&|EHR|{one['clinic']}|||20260302||VXU^V04^VXU_V04|1|P|2.5.1\r"
        f"PID|1||{one['patient']}^^^ELM^MR||Sampleton^{one['name']}||20200102|F\r"
        f"ORC|RE||{one['dose']}^EHR\rRXA|0|1|{one['day'].replace('-', '')}||08^Hep B^CVX|999|||00^^NIP001||||||L1\r"
        for one in told
    ).encode()


def resources(told: list[dict[str, str]]) -> Iterator[dict[str, Any]]:
    """A Patient for some of the rows, before or behind them, and a reference by id, by number or to nobody."""
    for number, one in enumerate(told):
        called, mrn = f"p{number % 7}", one["patient"]
        known = [{"type": {"coding": [{"code": "MR"}]}, "system": "urn:ehr", "value": mrn}] if mrn else []
        person = {
            "resourceType": "Patient",
            "id": called,
            "identifier": known,
            "name": [{"family": "Sampleton", "given": [one["name"]]}],
        }
        reference = {"D1": f"Patient/{called}", "D2": f"Patient?identifier=urn:ehr|{mrn}", "": "Patient/nobody"}
        dose = {
            "resourceType": "Immunization",
            "id": f"i{number}",
            "status": "completed",
            "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "08"}]},
            "patient": {"reference": reference[one["dose"]]},
            "occurrenceDateTime": one["day"],
            "location": {"display": one["clinic"]},
            "lotNumber": "L1",
        }
        yield from (person, dose) if one["name"] == "Ada" else (dose, person)


def as_fhir(told: list[dict[str, str]]) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in resources(told)).encode()


def as_bundle(told: list[dict[str, str]]) -> bytes:
    return json.dumps(
        {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources(told)]}
    ).encode()


WRITTEN: Final[Mapping[str, Any]] = {"csv": as_csv, "hl7": as_hl7, "fhir": as_fhir, "fhir-bundle": as_bundle}


def read(kind: str, body: bytes, share: PatientShare = EVERYBODY) -> list[Visit]:
    folder = Folder({"inbox/own/Immunization.ndjson": body})
    return list(READERS[kind].read(tuple(folder.list("")), SOURCES[kind], folder, share))


def in_shares(kind: str, body: bytes, of: int) -> list[Visit]:
    return [visit for share in shares(of) for visit in read(kind, body, share)]


def sorted_by_rows(visits: list[Visit]) -> list[Visit]:
    return sorted(visits, key=lambda visit: visit.rows)


@pytest.mark.parametrize("kind", sorted(WRITTEN))
@given(told=rows, of=st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_all_shares_together_have_exactly_the_visits_of_the_whole(kind: str, told: Any, of: int) -> None:
    body = WRITTEN[kind](told)
    assert sorted_by_rows(in_shares(kind, body, of)) == sorted_by_rows(read(kind, body))


@pytest.mark.parametrize("kind", sorted(WRITTEN))
@given(told=rows, of=st.integers(2, 5), steps=damage)
@settings(max_examples=60, deadline=None)
def test_so_they_have_of_a_damaged_file_and_tell_of_it_once(kind: str, told: Any, of: int, steps: Any) -> None:
    body = damaged(WRITTEN[kind](told), steps)
    assert sorted_by_rows(in_shares(kind, body, of)) == sorted_by_rows(read(kind, body))


@pytest.mark.parametrize("kind", sorted(WRITTEN))
@given(told=rows, of=st.integers(2, 5))
@settings(max_examples=30, deadline=None)
def test_a_share_gives_its_visits_in_the_order_of_the_whole(kind: str, told: Any, of: int) -> None:
    body = WRITTEN[kind](told)
    for share in shares(of):
        own = read(kind, body, share)
        assert [visit for visit in read(kind, body) if visit in own] == own


@pytest.mark.parametrize("kind", sorted(WRITTEN))
def test_an_empty_file_is_told_by_one_share(kind: str) -> None:
    told = [[finding.code for visit in read(kind, b"", share) for finding in visit.findings] for share in shares(3)]
    assert told == [["FILE-EMPTY"], [], []]


def test_the_disk_holds_the_rows_of_a_share_only() -> None:
    with Spool(PatientShare(1, 4)) as spool:
        for number in range(4_000):
            spool.add(Row(f"SYN-{number}", "20260301", "", 0, number, "", b"x"))
        assert 800 < len(list(spool.by_patient())) < 1_200
        [(kept,)] = spool._database.execute("SELECT count(*) FROM spooled").fetchall()
        assert 800 < kept < 1_200
