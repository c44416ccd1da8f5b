"""A check reports what convert would do with the same files, by cause, and needs only the files."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.adapters.configuration.reader import parse_configuration
from shared.adapters.files import LocalObjects
from shared.adapters.hl7apy_opinion import Hl7apyOpinion
from shared.domain.clinics import Configuration
from shared.exports.columns import COLUMNS, column_of
from shared.usecases.findings import CHECKS
from shared.usecases.intake import check as use_case
from shared.usecases.intake.check import Cause, Check, Report, first_configuration
from shared.usecases.intake.export_sets import exports_in
from tests.places import SHARED

HEADER = "patient_id,last_name,first_name,birth_date,sex,dose_id,dose_date,cvx,mvx,lot,route,eligibility,funding_source"
GOOD = "SYN-1,Sampleton,Ada,1990-05-06,F,D{0},2026-03-{0:02},115,SKB,AB123,IM,V01,PHC70"
WITHOUT_LOT = "SYN-2,Sampleton,Bo,1990-05-06,M,E{0},2026-03-{0:02},115,SKB,,IM,V01,PHC70"
CLINICS = """
[organization]
name = "Sampleton Health"
sending_facility = "CT9000"
[iis]
endpoint = "https://iis.example/ctwiz"
[clinics.elm]
name = "Elm Street"
facility = "CT9001"
secret = "elm"
[sources.elm]
format = "csv"
clinic = "elm"
[sources.elm.columns]
lot = "Lot #"
[sources.oak]
format = "csv"
clinic = "elm"
numbers_of = "elm"
[sources.bulk]
format = "fhir"
clinic = "elm"
numbers_of = "elm"
one_clinic = true
"""
PATIENT = (
    '{"resourceType":"Patient","id":"p1","identifier":[{"type":{"coding":[{"code":"MR"}]},"value":"SYN-9"}],'
    '"name":[{"family":"Sampleton","given":["Cleo"]}],"birthDate":"1990-05-06","gender":"female"}\n'
)
IMMUNIZATION = (
    '{"resourceType":"Immunization","id":"i1","status":"completed","patient":{"reference":"Patient/p1"},'
    '"occurrenceDateTime":"2026-03-02","vaccineCode":{"coding":[{"system":"http://hl7.org/fhir/sid/cvx",'
    '"code":"115"}]},"primarySource":true}\n'
)


class Noon:
    def now(self) -> datetime:
        return datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture
def clinics() -> Configuration:
    parsed = parse_configuration(CLINICS)
    assert isinstance(parsed, Configuration)
    return parsed


def run(*paths: Path, configuration: Configuration | None = None, source: str = "") -> Report:
    configuration = configuration or first_configuration()
    objects = LocalObjects()
    sets = exports_in([path.as_posix() for path in paths], configuration, objects, source)
    assert not isinstance(sets, str), sets
    check = Check(objects=objects, configuration=configuration, clock=Noon(), second_opinion=Hl7apyOpinion())
    return check(sets)


def written(folder: Path, name: str, *rows: str, header: str = HEADER) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join((header, *rows)) + "\n", "utf-8")
    return path


def cause(report: Report, code: str) -> Cause:
    (found,) = [one for one in report.causes if one.code == code]
    return found


def test_a_clinics_first_file_needs_no_configuration(tmp_path: Path) -> None:
    file = written(tmp_path, "first.csv", GOOD.format(1), GOOD.format(2), WITHOUT_LOT.format(3))
    report = run(file)
    assert (report.total.rows, report.total.visits) == (3, 3)
    assert (report.total.visits_sent, report.total.visits_held, report.total.rows_held) == (2, 1, 1)
    assert report.has_errors
    lot = cause(report, "LOT-MISSING")
    assert (lot.count, lot.column, lot.words) == (1, "lot", CHECKS["LOT-MISSING"].words)
    assert [(one.file, one.row) for one in lot.examples] == [("first.csv", 4)]


def test_a_file_with_nothing_to_hold_has_no_errors(tmp_path: Path) -> None:
    report = run(written(tmp_path, "good.csv", GOOD.format(1)))
    assert not report.has_errors
    assert report.total.visits_sent == 1


def test_findings_are_grouped_and_only_the_first_examples_are_kept(tmp_path: Path) -> None:
    rows = [WITHOUT_LOT.format(day) for day in range(1, 20)]
    lot = cause(run(written(tmp_path, "many.csv", *rows)), "LOT-MISSING")
    assert lot.count == 19
    assert len(lot.examples) == use_case.EXAMPLES


def test_errors_come_before_warnings_and_the_commonest_first(tmp_path: Path) -> None:
    report = run(written(tmp_path, "x.csv", WITHOUT_LOT.format(1), WITHOUT_LOT.format(2), GOOD.format(3)))
    order = [(cause.holds, cause.count) for cause in report.causes]
    assert order == sorted(order, reverse=True)


def test_values_that_a_code_map_needs_are_listed_with_their_counts(tmp_path: Path) -> None:
    rows = [GOOD.format(day).replace("SKB", "ZZZ") for day in (1, 2)]
    unknown = cause(run(written(tmp_path, "codes.csv", *rows)), "MVX-UNKNOWN")
    assert unknown.values == (("ZZZ", 2),)


def test_unknown_columns_are_one_cause_that_names_them(tmp_path: Path) -> None:
    report = run(written(tmp_path, "wide.csv", GOOD.format(1) + ",a,b", header=HEADER + ",Foo,Bar"))
    unknown = cause(report, "COLUMN-UNKNOWN")
    assert unknown.count == 2
    assert {value for value, _ in unknown.values} == {"Foo", "Bar"}


def test_a_finding_names_the_files_own_column(tmp_path: Path, clinics: Configuration) -> None:
    header = HEADER.replace("lot", "Lot #")
    file = written(tmp_path, "elm/doses.csv", WITHOUT_LOT.format(1), header=header)
    assert cause(run(file, configuration=clinics), "LOT-MISSING").column == "Lot #"


def test_a_folder_names_its_source(tmp_path: Path, clinics: Configuration) -> None:
    for name in ("elm", "oak"):
        written(tmp_path, f"{name}/doses.csv", GOOD.format(1))
    report = run(tmp_path, configuration=clinics)
    assert [one.source for one in report.exports] == ["elm", "oak"]


def test_a_file_that_two_sources_could_read_asks_which(tmp_path: Path, clinics: Configuration) -> None:
    file = written(tmp_path, "doses.csv", GOOD.format(1))
    answer = exports_in([file.as_posix()], clinics, LocalObjects())
    assert isinstance(answer, str)
    assert "elm, oak" in answer
    assert run(file, configuration=clinics, source="oak").exports[0].source == "oak"


def test_an_unknown_source_is_named(tmp_path: Path, clinics: Configuration) -> None:
    answer = exports_in([tmp_path.as_posix()], clinics, LocalObjects(), "nowhere")
    assert isinstance(answer, str)
    assert "bulk, elm, oak" in answer


def test_an_empty_folder_is_no_export(tmp_path: Path) -> None:
    assert isinstance(exports_in([tmp_path.as_posix()], first_configuration(), LocalObjects()), str)


@pytest.mark.parametrize("as_folder", [True, False])
def test_the_ndjson_files_of_a_folder_are_one_set(tmp_path: Path, as_folder: bool) -> None:
    (tmp_path / "Patient.ndjson").write_text(PATIENT)
    (tmp_path / "Immunization.ndjson.gz").write_bytes(gzip.compress(IMMUNIZATION.encode()))
    (tmp_path / "_SUCCESS").touch()
    report = run(*([tmp_path] if as_folder else [tmp_path / "Immunization.ndjson.gz", tmp_path / "Patient.ndjson"]))
    assert [(one.rows, one.visits) for one in report.exports] == [(1, 1)]
    assert "PATIENT-NOT-IN-EXPORT" not in {one.code for one in report.causes}
    assert cause(report, "LOT-MISSING").examples[0].file == "Immunization.ndjson.gz"


def test_half_a_manifest_is_said_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "Patient.ndjson").write_text(PATIENT)
    (tmp_path / "Immunization.ndjson").write_text(IMMUNIZATION)
    urls = ",".join(
        f'{{"url":"https://ehr.example/{name}.ndjson"}}' for name in ("Patient", "Immunization", "Location")
    )
    (tmp_path / "manifest.json").write_text(f'{{"output":[{urls}]}}')
    report = run(tmp_path)
    assert cause(report, "MANIFEST-INCOMPLETE").examples[0].value == "Location.ndjson"
    assert report.total.rows == 1


def test_what_the_manifest_does_not_list_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "Patient.ndjson").write_text(PATIENT)
    (tmp_path / "Immunization.ndjson").write_text(IMMUNIZATION)
    (tmp_path / "Immunization.old.ndjson").write_text(IMMUNIZATION.replace('"i1"', '"i0"'))
    urls = ",".join(f'{{"url":"https://ehr.example/{name}.ndjson"}}' for name in ("Patient", "Immunization"))
    (tmp_path / "manifest.json").write_text(f'{{"output":[{urls}]}}')
    assert run(tmp_path).total.rows == 1


@pytest.mark.parametrize(
    "body", [b"", b"\x00\x01\x02PK", b"\x1f\x8bbroken", gzip.compress(b"a,b\n1,2\n" * 99, mtime=0)[:20]]
)
def test_a_file_that_is_no_export_is_a_finding_and_no_exception(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "odd.csv").write_bytes(body)
    good = written(tmp_path, "good.csv", GOOD.format(1))
    report = run(tmp_path / "odd.csv", good)
    assert any(one.code.startswith("FILE-") for one in report.causes)
    assert report.total.visits_sent == 1


def test_an_objection_of_the_second_opinion_holds_the_rest_of_the_export(tmp_path: Path) -> None:
    class Objects:
        def objection(self, vxu: str) -> str:
            return "SomethingWrong"

    file = written(tmp_path, "good.csv", GOOD.format(1), GOOD.format(2))
    configuration, objects = first_configuration(), LocalObjects()
    sets = exports_in([file.as_posix()], configuration, objects)
    assert not isinstance(sets, str)
    check = Check(objects=objects, configuration=configuration, clock=Noon(), second_opinion=Objects())
    assert check(sets).total.visits_held == 2


def test_a_real_shaped_bulk_export_is_accounted_for() -> None:
    folder = SHARED / "samples" / "fhir-bulk-10"
    if not folder.exists():
        pytest.skip("the sample exports are not here")
    report = run(folder)
    assert report.total.rows == 161
    assert cause(report, "LOT-MISSING").count == 161


@pytest.mark.parametrize(
    ("path", "column"),
    [
        ("PID-7", "birth_date"),
        ("PID-5", "last_name"),
        ("PID-5.2", "first_name"),
        ("PID-11.5", "address_zip"),
        ("PID-11", "address_street"),
        ("RXA[2]-15", "lot"),
        ("RXA-5.1", "cvx"),
        ("OBX-5 (64994-7)", "eligibility"),
        ("OBX 30963-3", "funding_source"),
        ("MSH-10", ""),
        ("", ""),
    ],
)
def test_an_hl7_path_leads_to_its_column(path: str, column: str) -> None:
    assert column_of(path) == column


def test_every_field_of_the_layout_leads_to_one_of_its_columns() -> None:
    assert all(column_of(column.path) for column in COLUMNS)
    assert column_of("RXA-15", {"lot": "Lot #"}) == "Lot #"


HL7 = (
    "MSH|^~\\&|EHR|CT9001|||20260302120000||VXU^V04^VXU_V04|1|P|2.5.1\r"
    "PID|1||SYN-8^^^EHR^MR||Sampleton^Dot||19900506|F\r"
    "ORC|RE||D8^EHR\r"
    "RXA|0|1|20260302||115^Tdap^CVX|999|||01^Historical^NIP001||||||||SKB^GSK^MVX|||CP|A\r"
)
BUNDLE = (
    '{"resourceType":"Bundle","type":"collection","entry":[{"resource":'
    + PATIENT.strip()
    + '},{"resource":'
    + IMMUNIZATION.strip()
    + "}]}"
)


@pytest.mark.parametrize(
    ("name", "body", "source"),
    [
        ("first.hl7", HL7, "hl7"),
        ("first.txt", HL7, "hl7"),
        ("first.json", BUNDLE, "fhir-bundle"),
        ("late.json", BUNDLE.replace("{", '{"id":"' + "x" * 1000 + '",', 1), "fhir-bundle"),
        ("first.ndjson", PATIENT + IMMUNIZATION, "fhir"),
    ],
)
def test_a_first_file_of_any_format_is_told_by_its_content(tmp_path: Path, name: str, body: str, source: str) -> None:
    (tmp_path / name).write_text(body)
    report = run(tmp_path / name)
    assert [(one.source, one.rows, one.visits) for one in report.exports] == [(source, 1, 1)]


def test_two_bundles_of_one_folder_are_two_exports(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(BUNDLE)
    assert [one.rows for one in run(tmp_path).exports] == [1, 1]


def test_a_strict_source_holds_what_would_be_sent_with_a_warning(tmp_path: Path) -> None:
    file = written(tmp_path, "good.csv", GOOD.format(1))
    sent, held = (
        run(file, configuration=_parsed(CLINICS.replace("[sources.oak]", f"[sources.oak]\n{strict}")), source="oak")
        for strict in ("", "strict = true")
    )
    assert [cause.holds for cause in sent.causes] == [cause.holds for cause in held.causes]
    assert not any(cause.holds for cause in sent.causes)
    assert (sent.total.visits_held, sent.has_errors) == (0, False)
    assert (held.total.visits_held, held.has_errors) == (1, True)


def _parsed(text: str) -> Configuration:
    parsed = parse_configuration(text)
    assert isinstance(parsed, Configuration), parsed
    return parsed


def test_a_deletion_is_held_only_if_its_dose_cannot_be_found(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("patient_id,dose_id,action,dose_date,cvx\nSYN-1,D1,D,,\n,D2,D,,\nSYN-1,,D,,\n")
    report = run(path, source="csv")
    assert (report.total.rows_sent, report.total.rows_held) == (2, 1)
    assert [one.code for one in report.causes] == ["DELETE-WITHOUT-ID"]


def test_a_deletion_of_a_day_leaves_its_other_doses_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    deletion = "SYN-1,,,,,D9,2026-03-01,,,,,,,D"
    path.write_text(f"{HEADER},action\n{GOOD.format(1)},A\n{deletion}\n")
    report = run(path, source="csv")
    assert (report.total.rows_sent, report.total.rows_held) == (2, 0)
    assert not [one.code for one in report.causes if one.holds]
