"""A deletion may name nothing but its dose, in every format: no finding of a reader holds it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain import visit_checks
from shared.domain.clinics import Source
from shared.domain.hl7 import vxu
from shared.domain.model import Action, Visit
from shared.domain.z22 import conformance
from shared.usecases.findings import is_error
from tests.conformance.visits import CLINIC, CONFIGURATION, NOW

Read = Callable[..., list[Visit]]
CSV = Source("own", "csv", clinic="elm")
HL7 = Source("ehr", "hl7", clinic="elm")
BULK = Source("bulk", "fhir", clinic="elm")

MSH = "MSH|^~\\&|EHR|CLINIC9|IIS|CT0000|20260302||VXU^V04^VXU_V04|SAME|P|2.5.1"
PID = "PID|1||MRN1^^^EHR^MR||Sampleton^Ada||20200102|F"
ORC = "ORC|RE||D1^EHR"
RXA = "RXA|0|1|20260301||08^Hep B^CVX|999|||00^^NIP001||||||LOT1||MSD^^MVX|||CP|A"
MINIMAL_RXA = f"RXA|0|1{'|' * 19}D"
PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": "MRN1"}],
    "name": [{"family": "Sampleton", "given": ["Ada"]}],
    "birthDate": "2020-01-02",
}
DELETED = {"resourceType": "Immunization", "id": "D1", "status": "entered-in-error"}


def a_csv(text: str) -> tuple[Source, dict[str, bytes]]:
    return CSV, {"a.csv": text.encode()}


def messages(*segments: str) -> tuple[Source, dict[str, bytes]]:
    return HL7, {"a.hl7": "".join(f"{segment}\r" for segment in segments).encode()}


def resources(*lines: dict[str, Any]) -> tuple[Source, dict[str, bytes]]:
    return BULK, {"a.ndjson": "".join(f"{json.dumps(line)}\n" for line in lines).encode()}


def deletions(visits: list[Visit]) -> list[tuple[str, str, list[str]]]:
    """(record number, day, dose ids) of each visit; fails if something holds one, or it is no deletion."""
    assert not [finding for visit in visits for finding in visit.findings]
    assert all(dose.action is Action.DELETE for visit in visits for dose in visit.doses)
    return [(visit.patient.mrn, visit.date, [dose.id for dose in visit.doses]) for visit in visits]


@pytest.mark.parametrize(
    ("export", "expected"),
    [
        (a_csv("dose_id,action\nD1,D\n"), ("", "", ["D1"])),
        (a_csv("patient_id,dose_id,action\nMRN1,D1,D\n"), ("MRN1", "", ["D1"])),
        (a_csv("patient_id,dose_id,action,dose_date,cvx\nMRN1,D1,D,soon,\n"), ("MRN1", "", ["D1"])),
        (
            a_csv("patient_id,dose_id,action,dose_date,cvx,mvx\nMRN1,D1,D,2026-03-01,?,?\n"),
            ("MRN1", "20260301", ["D1"]),
        ),
        (a_csv("dose_id,action,dose_date,birth_date,expiry\nD1,D,2026-03-01,?,?\n"), ("", "20260301", ["D1"])),
        (messages(MSH, PID, ORC, MINIMAL_RXA), ("MRN1", "", ["D1"])),
        (messages(MSH, PID, "ORC|RE|D1^EHR|", MINIMAL_RXA), ("MRN1", "", ["D1"])),
        (messages(MSH, ORC, MINIMAL_RXA), ("", "", ["D1"])),
        (messages(MSH, ORC, "RXA|0|1|20260301||?^?^CVX|?|||||||||?|?|?^?^MVX||||D"), ("", "20260301", ["D1"])),
        (messages(MSH, PID.replace("Ada", "Ad\ufffd"), ORC, MINIMAL_RXA), ("MRN1", "", ["D1"])),
        (resources(DELETED), ("", "", ["D1"])),
        (resources(PATIENT, DELETED | {"patient": {"reference": "Patient/p1"}}), ("MRN1", "", ["D1"])),
        (
            resources(DELETED | {"patient": {"reference": "Patient/gone"}, "vaccineCode": {"text": "Error"}}),
            ("", "", ["D1"]),
        ),
        (resources(DELETED | {"expirationDate": "soon", "manufacturer": {"display": "?"}}), ("", "", ["D1"])),
    ],
)
def test_a_deletion_needs_nothing_but_the_dose_s_id(
    read: Read, export: tuple[Source, dict[str, bytes]], expected: tuple[str, str, list[str]]
) -> None:
    assert deletions(read(*export)) == [expected]


@pytest.mark.parametrize(
    "export",
    [
        a_csv("patient_id,dose_id,action\nMRN1,D1,D\nMRN2,D3,D\nMRN1,D2,D\n"),
        messages(
            *(MSH, PID, ORC, MINIMAL_RXA, MSH, PID.replace("MRN1", "MRN2"), "ORC|RE||D3", MINIMAL_RXA),
            *(MSH, PID, "ORC|RE||D2", MINIMAL_RXA),
        ),
        resources(
            PATIENT,
            PATIENT | {"id": "p2", "identifier": [{"value": "MRN2"}]},
            DELETED | {"patient": {"reference": "Patient/p1"}},
            DELETED | {"patient": {"reference": "Patient/p2"}, "id": "D3"},
            DELETED | {"patient": {"reference": "Patient/p1"}, "id": "D2"},
        ),
    ],
)
def test_deletions_without_a_day_are_one_visit_for_each_patient(
    read: Read, export: tuple[Source, dict[str, bytes]]
) -> None:
    assert deletions(read(*export)) == [("MRN1", "", ["D1", "D2"]), ("MRN2", "", ["D3"])]


def test_deletions_without_a_patient_are_a_visit_each(read: Read) -> None:
    visits = read(*a_csv("dose_id,action\nD1,D\nD2,D\n"))
    assert deletions(visits) == [("", "", ["D1"]), ("", "", ["D2"])]
    assert [visit.rows for visit in visits] == [(("a.csv", 2),), (("a.csv", 3),)]


@pytest.mark.parametrize(
    ("export", "lacking"),
    [
        (a_csv("patient_id,dose_id,action,dose_date,cvx\nMRN1,,D,2026-03-01,\n"), "no vaccine"),
        (a_csv("patient_id,dose_id,action,dose_date,cvx\nMRN1,,D,,08\n"), "no date"),
        (a_csv("patient_id,dose_id,action,dose_date,cvx\n,,D,,\n"), "no patient, no date, no vaccine"),
        (messages(MSH, PID, "ORC|RE||9999^EHR", MINIMAL_RXA), "no date, no vaccine"),
        (messages(MSH, PID, "ORC|RE", f"RXA|0|1|20260301{'|' * 18}D"), "no vaccine"),
        (resources(PATIENT, DELETED | {"patient": {"reference": "Patient/p1"}, "id": ""}), "no date, no vaccine"),
    ],
)
def test_a_deletion_that_cannot_be_found_is_held_by_itself_with_its_text(
    read: Read, export: tuple[Source, dict[str, bytes]], lacking: str
) -> None:
    [visit] = read(*export)
    assert [(finding.code, finding.path, finding.value) for finding in visit.findings] == [
        ("DELETE-WITHOUT-ID", "ORC-3", lacking)
    ]
    assert is_error(visit.findings[0])
    assert visit.raw
    assert not visit.doses
    assert not visit.date


@pytest.mark.parametrize(
    "export",
    [
        a_csv(
            "patient_id,dose_id,action,dose_date,cvx,last_name,first_name,birth_date,sex\n"
            "MRN1,,A,2026-03-01,08,Sampleton,Ada,2020-01-02,F\nMRN1,,D,2026-03-01,20,,,,\nMRN1,,D,2026-03-01,,,,,\n"
        ),
        messages(
            MSH,
            PID,
            "ORC|RE",
            RXA,
            "ORC|RE",
            RXA.replace("08^", "20^")[:-1] + "D",
            "ORC|RE",
            MINIMAL_RXA.replace("|1||", "|1|20260301|", 1),
        ),
    ],
)
def test_a_deletion_that_cannot_be_found_holds_no_other_row_of_its_day(
    read: Read, export: tuple[Source, dict[str, bytes]]
) -> None:
    held, visit = read(*export)
    assert [finding.code for finding in held.findings] == ["DELETE-WITHOUT-ID"]
    assert [(dose.vaccine.code, dose.action, bool(dose.id)) for dose in visit.doses] == [
        ("08", Action.ADD, True),
        ("20", Action.DELETE, True),
    ]
    assert not any(map(is_error, visit.findings))


def test_a_deletion_without_id_gets_the_id_that_the_dose_had(read: Read) -> None:
    names = "patient_id,dose_id,action,dose_date,cvx,last_name,first_name,birth_date,sex\n"
    [added] = read(*a_csv(f"{names}MRN1,,A,2026-03-01,08,Sampleton,Ada,2020-01-02,F\n"))
    [deleted] = read(*a_csv(f"{names}MRN1,,D,2026-03-01,08,,,,\n"))
    assert [dose.id for dose in deleted.doses] == [dose.id for dose in added.doses]


@pytest.mark.parametrize("order", ["AD", "DA"])
def test_of_a_deletion_and_a_report_of_one_dose_in_a_visit_the_later_row_counts_and_that_is_said(
    read: Read, order: str
) -> None:
    rows = {"A": "MRN1,D1,A,2026-03-01,08,Sampleton,Ada,2020-01-02,F\n", "D": "MRN1,D1,D,2026-03-01,,,,,\n"}
    header = "patient_id,dose_id,action,dose_date,cvx,last_name,first_name,birth_date,sex\n"
    [visit] = read(*a_csv(header + "".join(rows[action] for action in order)))
    assert [dose.action.value for dose in visit.doses] == [order[-1]]
    assert [finding.code for finding in visit.findings] == ["DOSE-DELETED-AND-ADDED"]


def test_a_deletion_with_less_of_the_patient_leaves_the_patient_of_its_visit_alone(read: Read) -> None:
    header = "patient_id,dose_id,action,dose_date,cvx,last_name,first_name,birth_date,sex\n"
    rows = "MRN1,D1,A,2026-03-01,08,Sampleton,Ada,2020-01-02,F\nMRN1,D2,D,2026-03-01,,,,,\n"
    [visit] = read(*a_csv(header + rows))
    assert visit.patient.name.family == "Sampleton"
    assert not visit.findings


def test_a_deletion_of_another_person_under_the_record_number_is_held(read: Read) -> None:
    header = "patient_id,dose_id,action,dose_date,cvx,last_name,first_name,birth_date,sex\n"
    rows = "MRN1,D1,A,2026-03-01,08,Sampleton,Ada,2020-01-02,F\nMRN1,D2,D,2026-03-01,08,Sampleton,Bea,1980-01-02,F\n"
    [visit] = read(*a_csv(header + rows))
    assert [finding.code for finding in visit.findings] == ["PATIENT-ANOTHER"]


@pytest.mark.parametrize(
    ("export", "code"),
    [
        (a_csv("patient_id,dose_id,action\nMRN1,D1,D,more\n"), "ROW-CELLS"),
        (a_csv("patient_id,dose_id,action\n1.23E+11,D1,D\n"), "PATIENT-ID-DAMAGED"),
        (a_csv("patient_id,dose_id,action\nMRN1,D1\x00,D\n"), "VALUE-NUL"),
        (messages(MSH, PID.replace("Ada", "Ad\ufffd"), "ORC|RE||D\ufffd1", MINIMAL_RXA), "TEXT-LOST"),
        (a_csv("patient_id,dose_id,action\nMRN1,D1,maybe\n"), "CODE-UNKNOWN"),
    ],
)
def test_damage_to_the_row_or_to_the_id_holds_a_deletion(
    read: Read, export: tuple[Source, dict[str, bytes]], code: str
) -> None:
    assert code in [finding.code for visit in read(*export) for finding in visit.findings]


def test_deletions_of_two_vaccines_under_one_order_number_have_no_id(read: Read) -> None:
    several = [RXA[:-1] + "D", ORC, RXA.replace("08^", "20^")[:-1] + "D"]
    [visit] = read(*messages(MSH, PID, ORC, *several))
    assert {finding.code for finding in visit.findings} == {"ORDER-ID-SHARED"}
    assert len({dose.id for dose in visit.doses}) == 2
    assert "D1" not in {dose.id for dose in visit.doses}


cells = st.text(st.characters(exclude_categories=["C"], exclude_characters='",'), max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(cells, min_size=9, max_size=9))
def test_no_value_of_a_row_holds_its_deletion(read: Read, values: list[str]) -> None:
    header = "dose_id,action,dose_date,cvx,mvx,lot,expiry,birth_date,sex,race,eligibility\n"
    [visit] = read(*a_csv(f"{header}D1,D,{','.join(values)}\n"))
    assert deletions([visit]) == [("", visit.date, ["D1"])]


def test_a_deletion_without_lot_is_not_said_to_be_historical(read: Read) -> None:
    source = Source("own", "csv", clinic="elm", without_lot="historical")
    [visit] = read(source, a_csv("patient_id,dose_id,action\nMRN1,D1,D\n")[1])
    assert deletions([visit]) == [("MRN1", "", ["D1"])]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("05-delete-before-birth.csv", CSV),
        ("05-delete-minimal.csv", CSV),
        ("05-delete.ndjson", BULK),
    ],
)
def test_nothing_holds_the_deletion_of_a_case(read: Read, shared_material: Path, name: str, source: Source) -> None:
    [visit] = read(source, {name: (shared_material / "cases" / "identity" / name).read_bytes()})
    assert deletions([visit])
    assert not [finding for finding in visit_checks.check(visit, f"{NOW:%Y%m%d}") if is_error(finding)]
    message = vxu.build(visit, msh_10="EXAMPLE1", clinic=CLINIC, configuration=CONFIGURATION, now=NOW)
    assert not [finding for finding in conformance.check(message) if is_error(finding)]
