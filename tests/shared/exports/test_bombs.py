"""Files that are too large in some way are read in bounded memory, with a finding, and other rows are read."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
from collections.abc import Callable

import pytest

from shared.domain.clinics import Source
from shared.domain.model import Visit
from shared.exports import text
from shared.exports.text import LONGEST_LINE, Text
from tests.places import ROOT

Read = Callable[..., list[Visit]]
HEAD = b"patient_id,last_name,first_name,birth_date,sex,dose_id,dose_date,cvx,lot,comment\r\n"
ROW = b"SYN-%d,Sampleton,Ada,2020-01-02,F,D%d,2026-03-01,08,LOT1,\r\n"
SOURCES = {kind: Source("own", kind, clinic="elm") for kind in ("csv", "fhir", "hl7", "fhir-bundle")}
STARTS = {
    "csv": HEAD + ROW % (1, 1),
    "fhir": b'{"resourceType":"Immunization","id":"1"}\n',
    "hl7": b"MSH|^~\\&|EHR|ELM|||20260302||VXU^V04^VXU_V04|1|P|2.5.1\rPID|1||SYN-1^^^ELM^MR\r",
    "fhir-bundle": b'{"resourceType":"Bundle","entry":[',
}
# Reads a bomb of 256 MiB in a process that may use 160 MiB of address space after its imports.
IN_BOUNDED_MEMORY = """
import gzip, io, resource, sys
from pathlib import Path
from shared.domain.clinics import Source
from shared.exports.readers import READERS
from shared.ports.objects import StoredObject

kind, is_packed = sys.argv[1], sys.argv[2] == "packed"
start = bytes.fromhex(sys.argv[3])
piece = b"x" * (16 << 20)
pieces = 16

class Endless(io.RawIOBase):
    left = pieces * len(piece)
    begun = 0
    def readable(self): return True
    def readinto(self, buffer):
        data = start[self.begun:self.begun + len(buffer)] or piece[: min(len(buffer), self.left)]
        self.begun += len(data)
        self.left -= len(data)
        buffer[: len(data)] = data
        return len(data)

class Objects:
    def open(self, item):
        if not is_packed:
            return io.BufferedReader(Endless())
        # A gzip file may have several members.
        return io.BytesIO(gzip.compress(start) + gzip.compress(piece) * pieces)

reader = READERS[kind]
objects = Objects()
body = objects.open(None)
objects.open = lambda item: body
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + (160 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
item = StoredObject("inbox/own/a", "1", 1)
for visit in reader.read([item], Source("own", kind, clinic="elm"), objects):
    for finding in visit.findings:
        print(finding.code, finding.row)
"""


@pytest.mark.slow
@pytest.mark.parametrize("packed", ["packed", "plain"])
@pytest.mark.parametrize("kind", sorted(SOURCES))
def test_a_file_larger_than_memory_without_a_line_end_is_named(kind: str, packed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IN_BOUNDED_MEMORY, kind, packed, STARTS[kind].hex()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert ("FILE-UNPACKS-HUGE" in done.stdout) == (packed == "packed")
    assert done.stdout.strip(), "whatever is wrong with it is said"


def test_what_came_before_a_bomb_is_kept(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_UNPACKED_ANYWAY", 100_000)
    rows = b"".join(ROW % (number, number) for number in range(50))
    visits = read(SOURCES["csv"], {"a.csv.gz": gzip.compress(HEAD + rows + b"x" * 10_000_000)})
    assert [finding.code for finding in visits[0].findings] == ["FILE-UNPACKS-HUGE"]
    assert {dose.id for visit in visits for dose in visit.doses} == {f"D{number}" for number in range(50)}


def test_a_compressed_export_as_repetitive_as_exports_are_is_read_whole(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "_UNPACKED_ANYWAY", 100_000)
    rows = b"".join(ROW % (number, number) for number in range(20_000))
    packed = gzip.compress(HEAD + rows)
    visits = read(SOURCES["csv"], {"a.csv.gz": packed})
    assert len(HEAD + rows) / len(packed) < text._LARGEST_RATIO
    assert sum(len(visit.rows) for visit in visits) == 20_000
    assert not any(finding.code.startswith("FILE-") for visit in visits for finding in visit.findings)


def test_a_row_that_is_too_long_is_one_row_with_its_number_and_the_next_is_read(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "LONGEST_LINE", 1_000)
    long = b",".join([b"y" * 90] * 20) + b"\r\n"
    visits = read(SOURCES["csv"], {"a.csv": HEAD + ROW % (1, 1) + long + ROW % (3, 3)})
    bad = [visit for visit in visits if visit.findings]
    assert [(visit.findings[0].code, visit.rows) for visit in bad] == [("ROW-CELL-HUGE", (("a.csv", 3),))]
    assert sorted(dose.id for visit in visits for dose in visit.doses) == ["D1", "D3"]


def test_a_resource_that_is_too_long_is_one_row_and_the_next_is_read(read: Read) -> None:
    def line(number: int, note: str = "") -> bytes:
        return b'{"resourceType":"Immunization","id":"%d","note":[{"text":"%s"}]}\n' % (number, note.encode())

    visits = read(SOURCES["fhir"], {"Immunization.ndjson": line(1) + line(2, "x" * LONGEST_LINE) + line(3)})
    found = {row: {finding.code for finding in visit.findings} for visit in visits for _, row in visit.rows}
    assert set(found) == {1, 2, 3}
    assert found[2] == {"IMMUNIZATION-UNREADABLE"}
    assert found[1] == found[3] != found[2]


def test_of_a_line_that_is_too_long_the_beginning_is_kept_and_the_next_line_is_whole() -> None:
    body = b"a\n" + b"x" * (3 * LONGEST_LINE + 5) + b"\nb\n"
    assert [len(line) for line in Text(io.BytesIO(body), "utf-8")] == [2, LONGEST_LINE, 2]
