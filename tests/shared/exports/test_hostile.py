"""Hostile exports: readers raise nothing, no row is lost, and no value becomes structure of a VXU."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.domain import identity
from shared.domain.clinics import Clinic, Configuration, Iis, Source
from shared.domain.fingerprints import dose_fingerprints
from shared.domain.hl7 import er7
from shared.domain.model import Visit
from shared.exports import arrivals
from shared.exports.fhir import model
from shared.exports.readers import READERS
from shared.ports.objects import StoredObject
from shared.usecases.findings import OF_RECORDS
from shared.usecases.intake.bounds import bounded
from shared.usecases.prepare import prepare

Read = Callable[..., list[Visit]]
SOURCES = {
    kind: Source("own", kind, clinic="elm", one_clinic=True, without_lot="historical")  # type: ignore[arg-type]
    for kind in READERS
}
CLINIC = Clinic("elm", "Elm", "CT9001", "CT9001", "CT9001", "elm")
CONFIGURATION = Configuration("v", "Example", "VAXLINE", Iis("https://iis.example"), {"elm": CLINIC}, SOURCES)
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SEGMENTS = {"MSH", "PID", "PD1", "NK1", "ORC", "RXA", "RXR", "OBX", "NTE"}
OPENING = "[" * 100_000


class One:
    """An object store of one file."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def open(self, _: StoredObject) -> io.BytesIO:
        return io.BytesIO(self._body)


def taken_in(kind: str, body: bytes, name: str = "Immunization.ndjson") -> list[Visit]:
    """The visits of a file, after the checks that hold for every file."""
    parts = (StoredObject(name, "v", 0),)
    visits = list(READERS[kind].read(parts, SOURCES[kind], One(body)))  # type: ignore[arg-type]
    findings = [finding for visit in visits for finding in visit.findings]
    assert {finding.code for finding in findings} <= set(OF_RECORDS)
    rows = [row for visit in visits for row in visit.rows]
    assert len(rows) == len(set(rows)), "a row is in one visit"
    for visit in visits:
        if visit.rows:
            may_be_built(bounded(visit))
    return visits


def may_be_built(visit: Visit) -> None:
    """Check and build a visit as convert does; its VXU has exactly the intended segments."""
    identity.chart_key_of_rows(visit)
    dose_fingerprints(visit)
    built = prepare(visit, msh_10="CONTROL1", clinic=CLINIC, configuration=CONFIGURATION, now=NOW).vxu
    if built:
        names = [segment[:4] for segment in built.split("\r")[:-1]]
        assert {name[:3] for name in names} <= SEGMENTS
        assert {name[3:] for name in names} == {"|"}
        assert names.count("MSH|") == names.count("PID|") == 1
        assert names.count("ORC|") == names.count("RXA|") == len(visit.doses)
        assert not set(built) & set(map(chr, (*range(13), *range(14, 32)))), "no control character but CR"
        family = built.split("\rPID|")[1].split("|")[4].split("^")[0]
        assert er7.decode(family).split() == visit.patient.name.family.split()


# JSON -----------------------------------------------------------------------------------------------------------------

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [{"system": "urn:example", "value": "SYN-1"}],
    "name": [{"use": "official", "family": "Sampleton", "given": ["Ada", "Q"], "suffix": ["Jr"]}],
    "telecom": [{"system": "phone", "value": "860-555-0100", "use": "home"}],
    "gender": "female",
    "birthDate": "2020-01-02",
    "deceasedBoolean": False,
    "multipleBirthInteger": 2,
    "address": [{"line": ["1 Example Way"], "city": "Hartford", "state": "CT", "postalCode": "06101"}],
    "contact": [{"name": {"family": "Sampleton", "given": ["Eve"]}, "relationship": [{"coding": [{"code": "MTH"}]}]}],
    "extension": [{"url": model.RACE, "extension": [{"url": "ombCategory", "valueCoding": {"code": "2106-3"}}]}],
}
IMMUNIZATION: dict[str, Any] = {
    "resourceType": "Immunization",
    "id": "i1",
    "status": "completed",
    "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "115", "display": "Tdap"}]},
    "patient": {"reference": "Patient/p1"},
    "occurrenceDateTime": "2026-03-01T10:00:00-05:00",
    "primarySource": False,
    "lotNumber": "LOT1",
    "expirationDate": "2027-01-01",
    "doseQuantity": {"value": 0.5, "unit": "mL", "code": "mL"},
    "site": {"coding": [{"code": "LT", "display": "Left thigh"}]},
    "performer": [{"actor": {"reference": "#a", "display": "Nora"}, "function": {"coding": [{"code": "AP"}]}}],
    "contained": [{"resourceType": "Practitioner", "id": "a", "name": [{"family": "Nurse"}]}],
    "note": [{"text": "calm"}],
    "protocolApplied": [{"doseNumberPositiveInt": 1}],
}
WORDS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        [
            "\rPID|2|",
            "\nMSH|^~\\&|",
            "^~\\&|",
            "\\.br\\",
            "\\X0D\\",
            "\x00",
            "\x1b[2J",
            "\x0b\x1c",
            "\u2028",
            "=1+1",
            "#a",
        ]
    ),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(WORDS, inner, max_size=2)),
    max_leaves=4,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inner for place in places(one, (*path, key)))][0 if path else 1 :]


def changed(value: Any, path: tuple[Any, ...], to: Any) -> Any:
    if not path:
        return to
    copy = value.copy()
    copy[path[0]] = changed(value[path[0]], path[1:], to)
    return copy


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.sampled_from(places(IMMUNIZATION)), VALUES), max_size=1),
    st.lists(st.tuples(st.sampled_from(places(PATIENT)), VALUES), max_size=1),
    st.sampled_from(["fhir", "fhir-bundle"]),
)
@example([(("doseQuantity", "value"), float("inf"))], [], "fhir-bundle")
@example([], [(("multipleBirthInteger",), float("nan"))], "fhir-bundle")
@example([(("doseQuantity", "value"), float("-inf"))], [], "fhir")
def test_no_value_of_a_resource_breaks_or_loses_its_row(
    of_dose: list[tuple[Any, Any]], of_patient: list[tuple[Any, Any]], kind: str
) -> None:
    dose, patient = IMMUNIZATION, PATIENT
    for path, value in of_dose:
        dose = changed(dose, path, value)
    for path, value in of_patient:
        patient = changed(patient, path, value)
    resources = [patient, dose, IMMUNIZATION | {"id": "i2"}]
    if kind == "fhir":
        body = "\n".join(map(json.dumps, resources))
    else:
        body = json.dumps(
            {"resourceType": "Bundle", "type": "batch", "entry": [{"resource": one} for one in resources]}
        )
    visits = taken_in(kind, body.encode())
    told = [one for visit in visits for one in visit.findings if one.code == "BUNDLE-UNREADABLE"]
    if kind == "fhir-bundle" and not is_json(body):
        # A Bundle with Infinity or NaN is no JSON and has no rows; the finding is about the file.
        (one,) = told
        assert one.row == 1
        assert re.match(r"Immunization\.ndjson: JSON is malformed: .* \(byte \d+\)", one.value)
        return
    assert told == []
    expected = 1 + (dose.get("resourceType") == "Immunization")
    assert sum(len(visit.rows) for visit in visits) >= expected


def is_json(text: str) -> bool:
    """Whether a text is JSON by RFC 8259; Python also accepts Infinity and NaN."""

    def refused(word: str) -> None:
        raise ValueError(word)

    try:
        json.loads(text, parse_constant=refused)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("fhir", f'{{"resourceType":"Immunization","x":{OPENING}'),
        ("fhir", f'{{"resourceType":"Immunization","contained":[{{"name":{OPENING}'),
        ("fhir", f'{{"resourceType":"Immunization","x":{"[" * 900}1{"]" * 900}}}'),
        ("fhir", f'{{"resourceType":"Patient","x":{OPENING}'),
        ("fhir", OPENING),
        (
            "fhir-bundle",
            f'{{"resourceType":"Bundle","entry":[{{"resource":{{"resourceType":"Immunization","x":{OPENING}',
        ),
        ("fhir-bundle", OPENING),
    ],
)
def test_json_that_is_nested_without_end_is_a_finding_and_the_rest_is_read(kind: str, body: str) -> None:
    visits = taken_in(kind, f"{body}\n{json.dumps(IMMUNIZATION)}\n".encode())
    assert visits[0].findings
    if kind == "fhir":
        assert ("Immunization.ndjson", 2) in [row for visit in visits for row in visit.rows]


def test_brackets_in_a_text_are_no_nesting() -> None:
    assert model.is_too_deep(b'{"a":' * 101)
    assert not model.is_too_deep(json.dumps({"note": ["[" * 500, '"\\' * 500 + "{" * 500]}).encode())
    assert not model.is_too_deep(json.dumps([[1]] * 500).encode())


@given(st.one_of(st.binary(max_size=200), st.just(b"https://[x/a")))
@example(b'{"output":[{"url":"https://[x/a"}]}')
@example(b'{"x":' + OPENING.encode())
def test_whatever_a_manifest_holds_it_names_files_without_a_folder_or_is_none(body: bytes) -> None:
    for manifest in (body, json.dumps({"output": [{"url": body.decode("latin-1")}]}).encode()):
        names = arrivals.listed(manifest)
        assert names is None or not any("/" in name for name in names)


def test_a_manifest_cannot_name_a_file_of_another_folder(folder_of: Any) -> None:
    urls = ["../../oak/x.ndjson", "..%2F..%2Foak%2Fx.ndjson", "/config/clinics.toml", "file:///etc/hostname"]
    for url in urls:
        folder = folder_of(
            {
                "inbox/own/a/manifest.json": json.dumps({"output": [{"url": url}]}).encode(),
                "inbox/oak/x.ndjson": b"",
                "config/clinics.toml": b"",
                "inbox/own/hostname": b"",
            }
        )
        arrived = folder.stat("inbox/own/a/manifest.json")
        assert arrivals.parts_to_convert(SOURCES["fhir"], arrived, folder) is None


# Text -----------------------------------------------------------------------------------------------------------------

HEAD = "patient_id,last_name,first_name,birth_date,sex,dose_id,dose_date,cvx,lot,information_source,comment\r\n"
MSH = "MSH|^~\\&|EHR|ELM|IIS|CT0000|20260302||VXU^V04^VXU_V04|SAME|P|2.5.1"


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


@settings(max_examples=150)
@given(st.lists(WORDS, min_size=5, max_size=5))
def test_no_cell_becomes_structure_of_a_message(words: list[str]) -> None:
    family, given_name, identifier, lot, comment = words
    cells = ("SYN-1", family or "S", given_name, "2020-01-02", "F", identifier, "2026-03-01", "115", lot, "01", comment)
    taken_in("csv", (HEAD + ",".join(map(quoted, cells)) + "\r\n").encode())


@settings(max_examples=150)
@given(st.lists(WORDS, min_size=4, max_size=4))
def test_no_field_of_an_hl7_message_becomes_structure_of_ours(words: list[str]) -> None:
    family, identifier, lot, comment = words
    segments = (
        MSH,
        f"PID|1||SYN-1^^^EHR^MR||{family}^Ada^^^^^L||20200102|F",
        f"ORC|RE||{identifier}^EHR",
        f"RXA|0|1|20260301||115^Tdap^CVX|999|||01^{comment}^NIP001||||||{lot}|||||CP|A",
        f"NTE|1||{comment}",
    )
    taken_in("hl7", "".join(f"{segment}\r" for segment in segments).encode())


@given(st.sampled_from(sorted(READERS)), st.binary(max_size=300))
def test_no_bytes_are_too_strange_for_any_reader(kind: str, body: bytes) -> None:
    taken_in(kind, body)
