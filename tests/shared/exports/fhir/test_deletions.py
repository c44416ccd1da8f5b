"""DELETE entries of Bundles, files that a manifest lists under `deleted`, and resources of status entered-in-error."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.files import LocalObjects
from shared.domain.clinics import Source
from shared.domain.model import Action, Visit
from shared.exports import arrivals
from shared.usecases.findings import is_error
from shared.usecases.intake.check import first_configuration
from shared.usecases.intake.export_sets import exports_in
from tests.shared.exports.fhir.build import (
    a_bundle,
    a_patient,
    an_immunization,
    codes_of,
    findings_of,
    lines,
    rows_of,
)

Read = Callable[..., list[Visit]]
BULK = Source("bulk", "fhir", clinic="elm")
BUNDLES = Source("bundles", "fhir-bundle", clinic="elm")
HOME = "inbox/bulk/2026-03-02/"


def a_deletion(url: str = "Immunization/i1", **more: Any) -> dict[str, Any]:
    return {"request": {"method": "DELETE", "url": url}} | more


def a_manifest(*deleted: str, output: tuple[str, ...] = ("Immunization.ndjson",), **more: Any) -> bytes:
    def files(names: tuple[str, ...]) -> list[dict[str, Any]]:
        return [{"type": "Bundle", "url": f"https://ehr.example/1/{name}"} | more for name in names]

    return json.dumps({"output": files(output), "deleted": files(deleted), "error": []}).encode()


def deletions(visits: list[Visit]) -> list[str]:
    """The ids of deleted doses; each is a visit of its own, of a dose of which nothing else is known."""
    deleted = [visit for visit in visits if visit.doses and visit.doses[0].action is Action.DELETE]
    assert all(len(visit.doses) == 1 and not visit.date and not visit.patient.mrn for visit in deleted)
    assert not codes_of(deleted)
    return sorted(visit.doses[0].id for visit in deleted)


@pytest.mark.parametrize(
    "url", ["Immunization/i1", "https://ehr.example/fhir/Immunization/i1", "Immunization/i1/_history/3"]
)
@pytest.mark.parametrize("kind", ["transaction", "batch", "history"])
@pytest.mark.parametrize("source", [BULK, BUNDLES])
def test_a_delete_entry_deletes_the_dose_of_its_url(read: Read, url: str, kind: str, source: Source) -> None:
    visits = read(source, {"a.json": lines(a_bundle(a_deletion(url), a_deletion("Immunization/i2"), kind=kind))})
    assert deletions(visits) == ["i1", "i2"]
    assert rows_of(visits) == [1, 2]
    assert len(visits) == 2


def test_a_delete_entry_with_a_resource_does_not_report_it(read: Read) -> None:
    entry = a_deletion(resource=an_immunization())
    visits = read(BUNDLES, {"a.json": lines(a_bundle(entry, a_patient(), kind="transaction"))})
    assert deletions(visits) == ["i1"]
    assert len(visits) == 1


@pytest.mark.parametrize(
    "url", ["Immunization?identifier=http://ehr.example/a|7", "Immunization", "Immunization?lot=1"]
)
def test_a_delete_entry_that_names_no_id_is_held_with_its_url(read: Read, url: str) -> None:
    [visit] = read(BUNDLES, {"a.json": lines(a_bundle(a_deletion(url)))})
    assert codes_of([visit]) == ["DELETE-WITHOUT-ID"]
    assert visit.raw == url
    assert rows_of([visit]) == [1]


def test_deletions_of_other_resources_are_counted_and_said(read: Read) -> None:
    others = [a_deletion(f"Patient/p{number}") for number in range(3)] + [a_deletion("ImmunizationEvaluation/9")]
    visits = read(BULK, {"del.ndjson": lines(a_bundle(*others)), "x": lines(a_patient(), an_immunization())})
    assert [(finding.code, finding.value) for finding in findings_of(visits)] == [
        ("BUNDLE-DELETES-OTHER", "del.ndjson: 3 Patient, such as Patient/p0"),
        ("BUNDLE-DELETES-OTHER", "del.ndjson: 1 ImmunizationEvaluation, such as ImmunizationEvaluation/9"),
    ]
    assert not deletions(visits)


@pytest.mark.parametrize("last", ["manifest.json", "del.ndjson.gz"])
def test_the_files_that_a_manifest_lists_as_deleted_are_part_of_the_set(folder_of: Any, last: str) -> None:
    files = {
        "Immunization.ndjson": lines(an_immunization("i9"), a_patient()),
        "del.ndjson.gz": lines(a_bundle(a_deletion(), kind="transaction")),
        "manifest.json": a_manifest("del.ndjson"),
    }
    folder = folder_of({HOME + name: body for name, body in files.items() if name != last})
    assert arrivals.parts_to_convert(BULK, next(folder.list(HOME)), folder) is None
    folder = folder_of({HOME + name: body for name, body in files.items()})
    parts = arrivals.parts_to_convert(BULK, folder.stat(HOME + last), folder)
    assert [arrivals.name(part.key) for part in parts or ()] == [
        "Immunization.ndjson",
        "del.ndjson.gz",
        "manifest.json",
    ]


def test_a_manifest_brings_deletions_and_doses(read: Read) -> None:
    deleted = [
        a_bundle(a_deletion(), a_deletion("Immunization/i2"), kind="transaction"),
        a_bundle(a_deletion("Immunization/i3")),
    ]
    files = {
        "Immunization.ndjson": lines(an_immunization("i9"), a_patient()),
        "del.ndjson": lines(*deleted),
        "manifest.json": a_manifest("del.ndjson", count=2),
    }
    visits = read(BULK, files)
    assert deletions(visits) == ["i1", "i2", "i3"]
    assert [dose.id for visit in visits for dose in visit.doses if dose.action is Action.ADD] == ["i9"]
    assert not codes_of(visits)
    places = [place for visit in visits for place in visit.rows]
    assert sorted(places) == [("Immunization.ndjson", 1), *(("del.ndjson", row) for row in (1, 2, 3))]


def test_a_set_of_deletions_alone_is_no_empty_file(read: Read) -> None:
    visits = read(
        BULK, {"del.ndjson": lines(a_bundle(a_deletion())), "manifest.json": a_manifest("del.ndjson", output=())}
    )
    assert deletions(visits) == ["i1"]
    assert not codes_of(visits)


@pytest.mark.parametrize("in_bundle", [True, False])
def test_a_resource_in_a_file_of_deletions_is_held_and_not_reported(read: Read, in_bundle: bool) -> None:
    resources = [an_immunization("i8"), a_patient()]
    body = lines(a_bundle(*resources)) if in_bundle else lines(*resources)
    visits = read(BULK, {"del.ndjson": body, "manifest.json": a_manifest("del.ndjson", output=())})
    assert sorted(codes_of(visits)) == ["IMMUNIZATION-UNREADABLE", "RESOURCE-UNREADABLE"]
    assert not [dose for visit in visits for dose in visit.doses]
    assert "i8" in next(visit.raw for visit in visits if visit.rows)


def test_a_manifest_whose_list_of_deletions_cannot_be_read_is_said(read: Read) -> None:
    manifest = json.dumps({"output": [], "deleted": "some"}).encode()
    visits = read(BULK, {"del.ndjson": lines(a_bundle(a_deletion())), "manifest.json": manifest})
    assert codes_of(visits) == ["MANIFEST-UNREADABLE"]
    assert deletions(visits) == ["i1"]


@pytest.mark.parametrize(
    "more",
    [
        {"doseQuantity": {"value": "half"}},
        {"vaccineCode": "flu"},
        {"patient": None},
        {"occurrenceDateTime": 2026, "meta": []},
    ],
)
def test_no_element_that_cannot_be_read_holds_a_deletion(read: Read, more: dict[str, Any]) -> None:
    resource = {"resourceType": "Immunization", "id": "i1", "status": "entered-in-error"} | more
    assert deletions(read(BULK, {"x": lines(resource, a_patient())})) == ["i1"]
    [held] = read(BULK, {"x": lines(resource | {"status": "completed"}, a_patient())})
    assert any(is_error(finding) for finding in held.findings)


def test_an_older_version_goes_with_its_deletion(read: Read) -> None:
    old = an_immunization(meta={"versionId": "1"})
    deleted = {"status": "entered-in-error", "meta": {"versionId": "2"}, "occurrenceDateTime": "", "vaccineCode": {}}
    [visit] = read(BULK, {"x": lines(old, old | deleted, a_patient())})
    assert (visit.patient.mrn, visit.date) == ("MRN-p1", "")
    assert [(dose.id, dose.action) for dose in visit.doses] == [("i1", Action.DELETE)]
    assert codes_of([visit]) == ["RESOURCE-OLDER"]
    assert rows_of([visit]) == [1, 2]


def test_a_strangers_set_with_deletions_is_one_export(tmp_path: Path) -> None:
    (tmp_path / "Immunization.ndjson").write_bytes(lines(an_immunization()))
    (tmp_path / "del.ndjson").write_bytes(lines(a_bundle(a_deletion())))
    (tmp_path / "manifest.json").write_bytes(a_manifest("del.ndjson"))
    sets = exports_in([tmp_path.as_posix()], first_configuration(), LocalObjects())
    assert not isinstance(sets, str)
    [one] = sets
    assert (one.source.format, len(one.parts), one.findings) == ("fhir", 3, ())
