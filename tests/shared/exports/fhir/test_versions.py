"""Of several versions of one resource the newest counts, and every version is accounted for as a row."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest

from shared.domain.clinics import Source
from shared.domain.model import Action, Visit
from shared.exports.fhir.references import version
from tests.shared.exports.fhir.build import (
    MR,
    a_bundle,
    a_patient,
    an_immunization,
    codes_of,
    lines,
    rows_of,
)

Read = Callable[..., list[Visit]]
BULK = Source("bulk", "fhir", clinic="elm")
BUNDLES = Source("bundles", "fhir-bundle", clinic="elm")


def of_version(number: int, lot: str, day: str = "2026-03-01", **more: Any) -> dict[str, Any]:
    meta = {"versionId": str(number), "lastUpdated": f"2026-03-{number:02}T10:00:00Z"}
    return an_immunization(lotNumber=lot, occurrenceDateTime=day, meta=meta, **more)


def a_deletion(name: str = "Immunization/i1", **response: str) -> dict[str, Any]:
    return {"request": {"method": "DELETE", "url": name}, "response": {"status": "204"} | response}


@pytest.mark.parametrize("order", list(permutations([2, 9, 10])))
def test_the_newest_version_counts_wherever_it_stands(read: Read, order: tuple[int, ...]) -> None:
    versions = [of_version(number, f"LOT{number}") for number in order]
    [visit] = read(BULK, {"x": lines(a_patient(), *versions)})
    assert [dose.lot for dose in visit.doses] == ["LOT10"]
    assert rows_of([visit]) == [2, 3, 4]
    older = [finding for finding in visit.findings if finding.code == "RESOURCE-OLDER"]
    assert sorted(finding.row for finding in older) == [n for n, v in enumerate(order, 2) if v != 10]


def test_a_corrected_day_leaves_no_dose_on_the_old_day(read: Read) -> None:
    moved = [of_version(1, "OLD", "2026-03-05"), of_version(2, "NEW", "2026-03-04")]
    [visit] = read(BULK, {"x": lines(*moved, a_patient())})
    assert (visit.date, [dose.lot for dose in visit.doses]) == ("20260304", ["NEW"])
    assert rows_of([visit]) == [1, 2]


def test_versions_without_numbers_count_in_the_order_of_the_file(read: Read) -> None:
    twice = [an_immunization(lotNumber="OLD"), an_immunization(lotNumber="NEW", occurrenceDateTime="2026-03-02")]
    [visit] = read(BULK, {"x": lines(a_patient(), *twice)})
    assert (visit.date, [dose.lot for dose in visit.doses]) == ("20260302", ["NEW"])


def test_doses_of_two_people_with_one_id_are_two_doses(read: Read) -> None:
    other = an_immunization(patient={"reference": "Patient/p2"}, lotNumber="LOT2")
    visits = read(BULK, {"x": lines(a_patient(), a_patient("p2"), an_immunization(), other)})
    assert [(visit.patient.mrn, visit.doses[0].lot) for visit in visits] == [("MRN-p1", "LOT1"), ("MRN-p2", "LOT2")]
    assert not codes_of(visits)


def test_an_older_version_does_not_bring_its_patient_data(read: Read) -> None:
    old = a_patient(birthDate="1999-01-01", meta={"versionId": "1"})
    new = a_patient(meta={"versionId": "2"})
    for patients in ((old, new), (new, old)):
        [visit] = read(BULK, {"x": lines(*patients, an_immunization())})
        assert visit.patient.birth_date == "20200102"


@pytest.mark.parametrize("with_meta", [True, False])
def test_in_a_history_the_newest_version_counts(read: Read, with_meta: bool) -> None:
    versions = [of_version(2, "NEW", "2026-03-02"), of_version(1, "OLD")]
    if not with_meta:
        versions = [{key: value for key, value in one.items() if key != "meta"} for one in versions]
    body = lines(a_bundle(*versions, a_patient(), kind="history"))
    for source in (BUNDLES, BULK):
        [visit] = read(source, {"a.json": body})
        assert (visit.date, [dose.lot for dose in visit.doses]) == ("20260302", ["NEW"])
        assert codes_of([visit]) == ["RESOURCE-OLDER"]


@pytest.mark.parametrize("answer", [{"lastModified": "2026-03-09T00:00:00Z"}, {"etag": 'W/"3"'}, {}])
def test_what_a_history_deletes_is_deleted_with_its_last_content(read: Read, answer: dict[str, str]) -> None:
    versions = [of_version(2, "NEW", "2026-03-02"), of_version(1, "OLD")]
    if not answer:
        versions = [{key: value for key, value in one.items() if key != "meta"} for one in versions]
    elif "etag" in answer:
        versions = [one | {"meta": {"versionId": one["meta"]["versionId"]}} for one in versions]
    body = lines(a_bundle(a_deletion(**answer), *versions, a_patient(), kind="history"))
    [visit] = read(BUNDLES, {"a.json": body})
    assert (visit.patient.mrn, visit.date) == ("MRN-p1", "20260302")
    assert [(dose.action, dose.id, dose.lot) for dose in visit.doses] == [(Action.DELETE, "i1", "NEW")]
    assert rows_of([visit]) == [1, 2, 3]


def test_a_dose_that_was_deleted_and_entered_again_is_given(read: Read) -> None:
    body = lines(a_bundle(of_version(3, "AGAIN"), a_deletion(etag='W/"2"'), of_version(1, "OLD"), kind="history"))
    [visit] = read(BUNDLES, {"a.json": lines(a_bundle(a_patient())) + body})
    assert [(dose.action, dose.lot) for dose in visit.doses] == [(Action.ADD, "AGAIN")]
    assert rows_of([visit]) == [1, 2, 3]


def test_a_patient_id_that_means_two_people_means_nobody(read: Read) -> None:
    other = a_patient(identifier=[{"type": MR, "value": "MRN-other"}])
    [visit] = read(BULK, {"x": lines(a_patient(), other, an_immunization())})
    assert codes_of([visit]) == ["PATIENT-NOT-IN-EXPORT"]


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        (("2026-03-02T00:00:00Z", ""), ("2026-03-01T23:59:59Z", "")),
        (("2026-03-01T20:00:00-05:00", ""), ("2026-03-01T23:00:00Z", "")),
        (("2026-03-01T00:00:00.002Z", "1"), ("2026-03-01T00:00:00.001Z", "9")),
        (("2026-03-01T00:00:00Z", "10"), ("2026-03-01T00:00:00Z", "9")),
        (("", "10"), ("", "9")),
        (("", "1"), ("", "")),
    ],
)
def test_versions_are_ordered_by_time_then_by_number(newer: tuple[str, str], older: tuple[str, str]) -> None:
    assert version(*newer) > version(*older)


@pytest.mark.parametrize(("time", "number"), [("0001-01-01T00:00:00+14:00", ""), ("yesterday", ""), ("", "a7f3")])
def test_what_tells_no_order_is_no_version(time: str, number: str) -> None:
    assert version(time, number) == version("", "") == ""
