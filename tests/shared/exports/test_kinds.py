"""A file of another kind than its source's format is one finding about the file, in words that say what it is."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from datetime import UTC, datetime
from typing import IO

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.domain.clinics import Source
from shared.domain.model import Visit
from shared.exports.formats import FORMATS
from shared.exports.kinds import wrong_kind
from shared.exports.readers import READERS
from shared.exports.text import GZIP
from shared.ports.objects import StoredObject
from tests.fakes.bucket import MemoryBucket
from tests.shared.usecases.intake.feeds import a_csv, row

AT = datetime(2026, 11, 2, tzinfo=UTC)
NAMES = {"csv": "doses.csv", "hl7": "doses.hl7", "fhir": "Immunization.ndjson", "fhir-bundle": "bundle.json"}


def read(format_name: str, body: bytes, bucket: MemoryBucket | None = None, **source: object) -> list[Visit]:
    bucket = bucket or MemoryBucket()
    part = bucket.put(f"inbox/feed/{NAMES[format_name]}", body, AT)
    return list(READERS[format_name].read([part], Source("feed", format_name, **source), bucket))  # type: ignore[arg-type]


def zipped(*names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return packed.getvalue()


ERROR_PAGE = b"<!DOCTYPE html>\n<html><head><title>502</title></head>\n<body>" + b"<p>Bad Gateway</p>\n" * 300
C_CDA = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<?xml-stylesheet type="text/xsl" href="CDA.xsl"?>\n'
    b'<ClinicalDocument xmlns="urn:hl7-org:v3">\n<realmCode code="US"/>\n' + b"<entry/>\n" * 300
)
FHIR_XML = b'<Bundle xmlns="http://hl7.org/fhir"><type value="collection"/></Bundle>'
CSV = a_csv(*(row(f"SYN-{n}", f"D{n}") for n in range(300)))
HL7 = b"MSH|^~\\&|EHR|CT9001|||20261102||VXU^V04^VXU_V04|1|P|2.5.1\rPID|1||SYN-1^^^EHR^MR\r"
PATIENT = {"resourceType": "Patient", "id": "p1"}
BUNDLE = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": PATIENT}]}
PGP = b"-----BEGIN PGP MESSAGE-----\n\nhQEMAw\n-----END PGP MESSAGE-----\n"

FOREIGN = [
    (ERROR_PAGE, "an HTML page"),
    (b"\xef\xbb\xbf\r\n  <html lang='en'>", "an HTML page"),
    (b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0">\n<html>', "an HTML page"),
    (C_CDA, "a C-CDA document"),
    (b"<n1:ClinicalDocument xmlns:n1='urn:hl7-org:v3'>", "a C-CDA document"),
    (FHIR_XML, "FHIR in XML"),
    (b"<Error><Code>AccessDenied</Code></Error>", "an XML document"),
    (PGP, "a PGP-encrypted file"),
    (b"\x85\x01\x0c\x03" + bytes(range(256)), "a PGP-encrypted file"),
    (b"\xc1\xc0\x4c\x03" + bytes(range(256)), "a PGP-encrypted file"),
    (b"%PDF-1.7\n", "a PDF document"),
    (zipped("[Content_Types].xml", "xl/workbook.xml"), "an Office document (.xlsx, .docx)"),
    (zipped("doses.csv"), "a ZIP archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 500, "an Office document of the old format (.xls, .doc)"),
    (b"\x89PNG\r\n\x1a\n", "an image"),
    (bytes(range(256)) * 4, "binary data"),
]


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize(("body", "kind"), FOREIGN, ids=[f"{kind}-{n}" for n, (_, kind) in enumerate(FOREIGN)])
def test_a_foreign_file_is_one_finding_and_no_row(format_name: str, body: bytes, kind: str) -> None:
    for content in (body, gzip.compress(body)):
        (about,) = read(format_name, content)
        (finding,) = about.findings
        assert (finding.code, about.rows) == ("FILE-WRONG-KIND", ())
        assert f"This is {kind}, not " in finding.value
        assert ("C-CDA documents are not read" in finding.value) == (kind == "a C-CDA document")


@pytest.mark.parametrize(
    ("format_name", "body", "kind"),
    [
        ("csv", HL7, "HL7 v2"),
        ("csv", b"\x0b" + HL7, "HL7 v2"),
        ("csv", json.dumps(BUNDLE).encode(), "a FHIR Bundle"),
        ("csv", json.dumps(PATIENT).encode(), "FHIR in JSON"),
        ("csv", b'[{"patient": 1}]', "JSON"),
        ("hl7", CSV, "CSV or other text"),
        ("hl7", json.dumps(PATIENT).encode(), "FHIR in JSON"),
        ("fhir", CSV, "CSV or other text"),
        ("fhir", HL7, "HL7 v2"),
        ("fhir", json.dumps(BUNDLE, indent=2).encode(), "a FHIR Bundle"),
        ("fhir", json.dumps(PATIENT, indent=2).encode(), "JSON that is spread over lines"),
        ("fhir", json.dumps([PATIENT, PATIENT]).replace("}, ", "},\n").encode(), "JSON that is spread over lines"),
        ("fhir-bundle", CSV, "CSV or other text"),
        ("fhir-bundle", HL7, "HL7 v2"),
    ],
)
def test_a_file_of_another_source_is_one_finding_and_no_row(format_name: str, body: bytes, kind: str) -> None:
    (about,) = read(format_name, body)
    (finding,) = about.findings
    assert (finding.code, about.rows) == ("FILE-WRONG-KIND", ())
    assert f"This is {kind}, not " in finding.value


# Headers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "code", "value"),
    [
        ("Chart,Given,Shot", "FILE-HEADER-UNKNOWN", "Chart, Given, Shot"),
        ("Pt MRN,Pt Last,Pt First,DOB,Gender,Given On,CVX,Lot #", "COLUMN-MISSING", "patient_id, last_name"),
        ("patient_id,first_name,birth_date,sex,dose_date,cvx", "COLUMN-MISSING", "last_name"),
        ("patient_id,last_name,first_name,birth_date,sex,dose_id,cvx,Given", "COLUMN-MISSING", "dose_date; not known: Given"),
    ],
    ids=["no known column", "another layout", "one column", "one column of another name"],
)  # fmt: skip
def test_a_header_that_no_row_can_be_read_by_is_one_finding(names: str, code: str, value: str) -> None:
    width = names.count(",")
    (about,) = read("csv", f"{names}\n".encode() + (b"," * width + b"x\n") * 300)
    (finding,) = about.findings
    assert (finding.code, about.rows) == (code, ())
    assert finding.value.startswith(value)


def test_a_missing_column_with_a_default_is_not_missing() -> None:
    body = CSV.replace(b",sex,", b",x,")
    assert len(read("csv", body)) == 1
    visits = read("csv", body, defaults={"sex": "U"})
    assert sum(len(visit.rows) for visit in visits) == 300


def test_deletions_that_name_only_their_dose_are_read_as_rows() -> None:
    visits = read("csv", b"patient_id,dose_id,action\nSYN-1,D1,D\nSYN-2,D2,D\n")
    assert sum(len(visit.rows) for visit in visits) == 2


# The right kind -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format_name", "body"),
    [
        ("csv", CSV),
        ("csv", CSV.decode().encode("utf-16")),
        ("csv", b"[patient_id],[last_name]\n"),
        ("csv", "patient_id,last_name\nSYN-1,Nuñez-Ångström\n".encode("windows-1252")),
        ("csv", b"patient_id,comment\nSYN-1,<p>HTML in a cell</p>\n"),
        ("csv", b"patient_id,comment\nSYN-1,a\x00b\n" + b"SYN-2,c\n" * 9),
        ("hl7", HL7),
        ("hl7", b"\x0b" + HL7 + b"\x1c\r"),
        ("hl7", b"FHS|^~\\&|\rBHS|^~\\&|\r" + HL7),
        ("hl7", b"exported 2026-11-02\r\n" + HL7),
        ("hl7", b"# " + b"x" * 5000 + b"\r\n" + HL7),
        ("fhir", json.dumps(PATIENT).encode()),
        ("fhir", b"not a resource\n" + json.dumps(PATIENT).encode()),
        ("fhir", b'{"resourceType":"Binary","data":"PGh0bWw+"}\n'),
        ("fhir-bundle", json.dumps(BUNDLE).encode()),
        ("fhir-bundle", json.dumps(BUNDLE, indent=2).encode()),
        ("fhir-bundle", b"\xef\xbb\xbf" + json.dumps(BUNDLE).encode()),
        *((name, b"") for name in FORMATS),
        *((name, b"\r\n \t") for name in FORMATS),
    ],
)
def test_a_file_of_the_right_kind_is_not_taken_for_another(format_name: str, body: bytes) -> None:
    encoding = "utf-16" if body.startswith(b"\xff\xfe") else "utf-8"
    assert wrong_kind(format_name, body, encoding) == ""


@given(st.text(min_size=1, max_size=200))
def test_any_text_below_a_csv_header_is_csv(text: str) -> None:
    body = f"patient_id,dose_date,comment\n{text}".encode()
    if wrong_kind("csv", body, "utf-8"):
        controls = sum(character < " " or character == "\x7f" for character in text)
        assert controls > len(text) / 20, "only what is full of control characters is binary data"


@given(st.binary(max_size=300).filter(lambda body: not body.startswith(GZIP)), st.sampled_from(sorted(FORMATS)))
def test_any_bytes_are_judged_without_an_exception(body: bytes, format_name: str) -> None:
    assume(not body.startswith(GZIP))
    kind = wrong_kind(format_name, body, "utf-8")
    visits = read(format_name, body)
    assert bool(kind) == any(one.code == "FILE-WRONG-KIND" for visit in visits for one in visit.findings)


class _Trickle(MemoryBucket):
    """A bucket whose streams give one byte at a time, as a network may."""

    def open(self, item: StoredObject) -> IO[bytes]:
        return _OneByte(super().open(item).read())


class _OneByte(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        return super().read(1 if size else 0)

    def read1(self, size: int | None = -1) -> bytes:
        return super().read(1 if size else 0)

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        data = self.read(1)
        buffer[: len(data)] = data
        return len(data)


def test_a_slow_stream_does_not_change_what_a_file_is() -> None:
    body = b"exported 2026-11-02\r\n" + HL7
    slow, fast = read("hl7", body, _Trickle()), read("hl7", body)
    assert [visit.findings for visit in slow] == [visit.findings for visit in fast]
    assert "FILE-WRONG-KIND" not in {finding.code for visit in slow for finding in visit.findings}


# Sets -----------------------------------------------------------------------------------------------------------------


def a_set(**files: bytes) -> list[Visit]:
    bucket = MemoryBucket()
    parts = [bucket.put(f"inbox/bulk/1/{name.replace('__', '.')}", body, AT) for name, body in files.items()]
    return list(READERS["fhir"].read(parts, Source("bulk", "fhir"), bucket))


DOSE = b'{"resourceType":"Immunization","id":"i1","patient":{"reference":"Patient/p1"}}\n'


def test_one_wrong_file_of_a_set_is_one_finding_that_names_it_and_nothing_else_is_read() -> None:
    (about,) = a_set(Immunization__ndjson=DOSE * 300, Patient__ndjson=ERROR_PAGE)
    (finding,) = about.findings
    assert (finding.code, about.rows) == ("FILE-WRONG-KIND", ())
    assert finding.value.startswith("Patient.ndjson: This is an HTML page")


def test_a_log_in_the_folder_of_a_set_does_not_stop_it() -> None:
    visits = a_set(Immunization__ndjson=DOSE, Patient__ndjson=json.dumps(PATIENT).encode(), export__log=b"done\n")
    assert [row for visit in visits for row in visit.rows] == [("Immunization.ndjson", 1)]
    assert [finding.code for finding in visits[0].findings] == ["RESOURCE-UNREADABLE"]
