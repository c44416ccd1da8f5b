"""The demo's exports: the same for the same day, accounted for row by row, with something of everything in them."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import IO

import pytest

from local import demo_exports as demo
from shared.adapters.configuration.reader import parse_configuration
from shared.domain import checks, identity, visit_checks
from shared.domain.clinics import Configuration, Source
from shared.domain.model import Action, Completion, Visit
from shared.exports import arrivals
from shared.exports.readers import READERS
from shared.ports.objects import StoredObject
from shared.usecases.findings import OF_RECORDS
from tests.places import ROOT

TODAY = date(2026, 3, 2)


class Disk:
    """Port `Objects` over a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def stat(self, key: str, version_id: str = "") -> StoredObject | None:
        return StoredObject(key, "v", (self._root / key).stat().st_size)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        for path in sorted((self._root / prefix).iterdir()):
            yield StoredObject(f"{prefix}{path.name}", "v", path.stat().st_size)

    def open(self, item: StoredObject) -> IO[bytes]:
        return io.BytesIO((self._root / item.key).read_bytes())


@pytest.fixture(scope="module")
def configuration() -> Configuration:
    found = parse_configuration((ROOT / "local" / "clinics.toml").read_text("utf-8"))
    assert isinstance(found, Configuration)
    return found


def visits_of(folder: Path, source: Source) -> list[Visit]:
    disk = Disk(folder)
    last = max(path for path in (folder / source.name).rglob("*") if path.is_file())
    arrived = disk.stat(last.relative_to(folder).as_posix())
    assert arrived is not None
    parts = arrivals.parts_to_convert(source, arrived, disk)
    assert parts is not None
    return list(READERS[source.format].read(parts, source, disk))


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory, configuration: Configuration) -> dict[str, list[Visit]]:
    folder = tmp_path_factory.mktemp("demo")
    demo.generate(folder, today=TODAY)
    return {name: visits_of(folder, configuration.sources[name]) for name in ("elm", "harbor", "hilltop")}


def test_about_120_doses_come_and_every_row_once(visits: dict[str, list[Visit]]) -> None:
    counts = {}
    for name, found in visits.items():
        places = [place for visit in found for place in visit.rows]
        assert len(places) == len(set(places))
        counts[name] = len(places)
    assert counts == {"elm": 60, "harbor": 37, "hilltop": 25}


def test_every_visit_is_a_record_of_its_own(visits: dict[str, list[Visit]]) -> None:
    keys = [identity.chart_key_of_rows(visit) for found in visits.values() for visit in found if visit.rows]
    assert len(keys) == len(set(keys))


def test_every_kind_of_dose_is_there(visits: dict[str, list[Visit]]) -> None:
    doses = [dose for found in visits.values() for visit in found for dose in visit.doses]
    assert {dose.completion for dose in doses} >= {Completion.COMPLETE, Completion.REFUSED, Completion.NOT_ADMINISTERED}
    assert {dose.action for dose in doses} == {Action.ADD, Action.DELETE}
    assert {dose.information_source.code for dose in doses} >= {"00", "01"}
    assert any(dose.vis for dose in doses)
    assert any("\n" in dose.comment for dose in doses)
    assert {"98", "ZZZ"} <= {code for dose in doses for code in (dose.vaccine.code, dose.manufacturer.code)}
    assert any(len(visit.patient.mrn) > identity.PID_3_LENGTH for visit in visits["elm"])


def test_some_visits_are_held_and_most_are_not(visits: dict[str, list[Visit]], configuration: Configuration) -> None:
    held: Counter[str] = Counter()
    good = 0
    for name, found in visits.items():
        for visit in found:
            if not visit.rows:
                continue
            problems = [*visit.findings, *visit_checks.check(visit, TODAY.strftime("%Y%m%d"))]
            codes = {p.code for p in problems if OF_RECORDS[p.code].severity is checks.Severity.ERROR}
            if configuration.clinic_for(configuration.sources[name], visit.clinic) is None:
                codes.add("CLINIC-UNKNOWN")
            held.update(codes)
            good += not codes
    assert good > 40
    assert set(held) >= {
        "ROW-DATE-UNREADABLE",
        "ROW-PATIENT-MISSING",
        "ROW-CELLS",
        "LOT-MISSING",
        "DOSE-BEFORE-BIRTH",
        "CLINIC-UNKNOWN",
        "CODE-UNKNOWN",
        "IMMUNIZATION-UNREADABLE",
    }


def test_the_other_layout_says_the_same_as_our_own(visits: dict[str, list[Visit]]) -> None:
    names = {visit.patient.name.family for visit in visits["harbor"]}
    assert "Núñez-Sampleton" in names
    zips = {place.zip for visit in visits["harbor"] for place in visit.patient.addresses}
    assert zips <= {"06103", "06320", "06702", "06360"}
    assert all(dose.units.code == "mL" for visit in visits["harbor"] for dose in visit.doses if dose.amount)


def test_the_same_call_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        demo.generate(tmp_path / name, today=TODAY, doses=300)
    files = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert len(files) == 8
    assert all((tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes() for file in files)


def test_a_large_export_is_made_dose_by_dose() -> None:
    doses = demo.rows("elm", 10**9, TODAY)
    assert [next(doses)["dose_id"] for _ in range(3)] == ["ELMD0000001", "ELMD0000002", "ELMD0000003"]


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("Patient.000.ndjson", b"", True),
        ("patient.ndjson.gz", b"", True),
        ("manifest.json", b"", True),
        ("export.csv", b"{", False),
        ("noname", b' {"resourceType"', True),
        ("noname", b"a,b", False),
    ],
)
def test_a_stranger_s_file_is_told_by_name_or_start(tmp_path: Path, name: str, body: bytes, expected: bool) -> None:
    (tmp_path / name).write_bytes(body)
    assert demo.looks_like_fhir(tmp_path / name) is expected
