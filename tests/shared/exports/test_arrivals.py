"""When all files of an export have arrived."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest

from shared.domain.clinics import Source
from shared.exports import arrivals
from shared.exports.readers import READERS

CSV = Source("own", "csv")
BULK = Source("bulk", "fhir")
HOME = "inbox/bulk/2026-03-01/"
MANIFEST = json.dumps(
    {"output": [{"url": f"https://ehr.example.org/x/{name}?a=1"} for name in ("Patient.ndjson", "I%201")]}
).encode()


def arrives(folder_of: Any, files: dict[str, bytes], last: str) -> list[str] | None:
    folder = folder_of(files)
    parts = arrivals.parts_to_convert(BULK, folder.stat(last), folder)
    return None if parts is None else [part.key.removeprefix(HOME) for part in parts]


@pytest.mark.parametrize("order", list(permutations(["manifest.json", "Patient.ndjson.gz", "I 1"])))
def test_a_set_is_complete_with_the_last_file_of_its_manifest(folder_of: Any, order: tuple[str, ...]) -> None:
    files: dict[str, bytes] = {}
    for number, name in enumerate(order, 1):
        files[HOME + name] = MANIFEST if name == "manifest.json" else b"{}\n"
        found = arrives(folder_of, files, HOME + name)
        assert (found is not None) == (number == 3)
    assert found == ["Patient.ndjson.gz", "I 1", "manifest.json"]


def test_a_manifest_that_lists_no_file_is_an_export_without_rows(folder_of: Any) -> None:
    key = HOME + "manifest.json"
    folder = folder_of({key: json.dumps({"output": [], "deleted": []}).encode()})
    parts = arrivals.parts_to_convert(BULK, folder.stat(key), folder)
    assert parts is not None
    found = READERS["fhir"].read(parts, BULK, folder)
    assert [[finding.code for finding in visit.findings] for visit in found] == [["FILE-EMPTY"]]


def test_a_set_without_manifest_waits_for_its_marker(folder_of: Any) -> None:
    files = {HOME + "b.ndjson": b"", HOME + "a.ndjson": b"", HOME + "sub/c.ndjson": b""}
    assert arrives(folder_of, files, HOME + "a.ndjson") is None
    files[HOME + "_SUCCESS"] = b""
    assert arrives(folder_of, files, HOME + "_SUCCESS") == ["a.ndjson", "b.ndjson"]


def test_a_file_newer_than_the_marker_waits_for_the_next_one(folder_of: Any) -> None:
    files = {HOME + "a.ndjson": b"", HOME + "_SUCCESS": b"", HOME + "b.ndjson": b""}
    assert arrives(folder_of, files, HOME + "b.ndjson") is None


def test_a_manifest_that_is_none_counts_as_a_marker(folder_of: Any) -> None:
    files = {HOME + "a.ndjson": b"", HOME + "manifest.json": b"nonsense"}
    assert arrives(folder_of, files, HOME + "manifest.json") == ["a.ndjson", "manifest.json"]


def test_a_csv_file_is_an_export_of_its_own(folder_of: Any) -> None:
    folder = folder_of({"inbox/own/a.csv": b"x", "inbox/own/b.txt.gz": b"x", "inbox/own/_SUCCESS": b""})
    parts = arrivals.parts_to_convert(CSV, folder.stat("inbox/own/b.txt.gz"), folder)
    assert parts is not None
    assert arrivals.export_name(CSV, parts) == "inbox/own/b.txt.gz"
    assert arrivals.parts_to_convert(CSV, folder.stat("inbox/own/_SUCCESS"), folder) is None


def test_a_set_is_called_by_its_folder(folder_of: Any) -> None:
    folder = folder_of({HOME + "a.ndjson": b""})
    assert arrivals.export_name(BULK, tuple(folder.list(HOME))) == HOME


@pytest.mark.parametrize(
    ("format_", "key", "expected"),
    [
        ("csv", "inbox/own/a.csv", True),
        ("csv", "inbox/own/", False),
        ("csv", "inbox/own/.DS_Store", False),
        ("fhir", HOME + "Patient.ndjson", True),
        ("fhir", HOME + "manifest.json", False),
        ("fhir", HOME + "_SUCCESS", False),
    ],
)
def test_markers_and_folders_hold_no_data(format_: str, key: str, expected: bool) -> None:
    assert arrivals.is_part(format_, key) is expected
