"""Exports of any length, generated while they are read, so that they need neither disk nor memory."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, Final, cast

from local import demo_exports_fhir
from shared.ports.objects import StoredObject

NEWEST: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
_HEADER: Final = (
    "patient_id,dose_id,last_name,first_name,birth_date,sex,race,ethnicity,address_street,address_city,address_state,"
    "address_zip,phone,guardian_last_name,guardian_first_name,guardian_relationship,dose_date,cvx,ndc,lot,expiry,mvx,"
    "amount,units,route,site,eligibility,funding_source,vis_cvx,vis_edition,vis_presented,administered_by_npi,"
    "administered_by_last_name,administered_by_first_name,"
    "ordered_by_npi,ordered_by_last_name,ordered_by_first_name,"
    "entered_by_npi,entered_by_last_name,entered_by_first_name,mothers_maiden_name\n"
)
_SHOTS: Final = (
    ("03", "00006-4681-00", "MSD", "C38299", "03"),
    ("21", "00006-4827-00", "MSD", "C38299", "21"),
    ("10", "49281-0860-10", "PMC", "C28161", "10"),
)


def csv_lines(rows: int, doses: int = 1) -> Iterator[bytes]:
    """A CSV export with vaxline's column names."""
    yield _HEADER.encode()
    for number in range(rows):
        who, (cvx, ndc, mvx, route, vis) = number // doses, _SHOTS[number % doses]
        yield (
            f"SYN{who},D{number},Sampleton{who % 997},Ada{who % 89},20{who % 9 + 16}-{who % 12 + 1:02}-{who % 28 + 1:02}"
            f",F,2106-3,2186-5,{who % 500} Example Way,Hartford,CT,06103,860-555-{who % 10000:04}"
            f",Sampleton{who % 997},Mary,MTH,2026-02-{who % 27 + 1:02},{cvx},{ndc},EX{number % 700},2027-06-30,{mvx}"
            f",0.5,mL,{route},LT,V02,VXC50,{vis},2021-08-06,2026-02-{who % 27 + 1:02},1234567893,Nurseby,Nadia"
            f",1234567893,Nurseby,Nadia,1234567893,Nurseby,Nadia,Mockford{who % 89}\n"
        ).encode()


class Lines(io.RawIOBase):
    """Lines as a byte stream."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        wanted, parts, size = len(buffer), [self._rest], len(self._rest)
        while size < wanted:
            line = next(self._lines, None)
            if line is None:
                break
            parts.append(line)
            size += len(line)
        data = b"".join(parts)
        buffer[: len(data[:wanted])] = data[:wanted]
        self._rest = data[wanted:]
        return min(len(data), wanted)


class Bucket:
    """Port `Objects` with one CSV export."""

    key = "inbox/bench/a.csv"

    def __init__(self, rows: int, doses: int = 1) -> None:
        self._rows = rows
        self._doses = doses

    def stat(self, key: str, version_id: str = "") -> StoredObject | None:
        return StoredObject(key, "v1", 1, NEWEST)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        return iter(())

    def open(self, item: StoredObject) -> IO[bytes]:
        raw = Lines(csv_lines(self._rows, self._doses))
        return cast(IO[bytes], io.BufferedReader(raw, buffer_size=1 << 20))


class OnDisk:
    """The export of another bucket on disk, so that generating it is not measured."""

    def __init__(self, made: Bucket, folder: Path) -> None:
        self.key, self.stat, self.list = made.key, made.stat, made.list
        self._folder = folder
        for key in [item.key for item in made.list("")] or [made.key]:
            with made.open(StoredObject(key, "v1", 1, NEWEST)) as lines, self._path(key).open("wb") as file:
                shutil.copyfileobj(lines, file, 1 << 20)

    def open(self, item: StoredObject) -> IO[bytes]:
        return self._path(item.key).open("rb")

    def _path(self, key: str) -> Path:
        return self._folder / key.rpartition("/")[2]


class FhirBucket(Bucket):
    """Port `Objects` with one FHIR bulk export; its rows are Immunization lines."""

    key = "inbox/bulk/manifest.json"
    _NAMES = ("Patient.000.ndjson", "Practitioner.000.ndjson", "Immunization.000.ndjson")

    def list(self, prefix: str) -> Iterator[StoredObject]:
        return iter([StoredObject(f"inbox/bulk/{name}", "v1", 1, NEWEST) for name in ("manifest.json", *self._NAMES)])

    def open(self, item: StoredObject) -> IO[bytes]:
        raw = Lines(json.dumps(one).encode() + b"\n" for one in self._resources(item.key.rpartition("/")[2]))
        return cast(IO[bytes], io.BufferedReader(raw, buffer_size=1 << 20))

    def _resources(self, name: str) -> Iterator[demo_exports_fhir.Resource]:
        if name == "manifest.json":
            yield demo_exports_fhir.manifest(self._NAMES, date(2026, 3, 1))
        elif name.startswith("Practitioner"):
            yield from demo_exports_fhir.referenced_resources("harbor", [("1234567893", "Nurseby", "Nadia")])
        elif name.startswith("Patient"):
            yield from map(
                demo_exports_fhir.patient, (row for n, row in enumerate(self._dicts()) if n % self._doses == 0)
            )
        else:
            yield from map(demo_exports_fhir.immunization, self._dicts())

    def _dicts(self) -> Iterator[defaultdict[str, str]]:
        told = {"completion": "CP", "information_source": "00"}
        for row in csv.DictReader(line.decode() for line in csv_lines(self._rows, self._doses)):
            yield defaultdict(str, told | row)
