"""A spool of rows on disk: added as they are read, returned in the order of patient and day.

It is a private temporary SQLite database. SQLite unlinks its file when it opens it, so nothing is left after a crash,
and small exports stay in the page cache. It has no journal, because it is never recovered.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from types import TracebackType
from typing import Final, NamedTuple, Self

_CACHE_KIB: Final = 32_768
# Rows and bytes that are kept in memory before they are written; a single line may have some MiB.
_BATCH: Final = 1_000
_BATCH_BYTES: Final = 8 * 1024 * 1024
_SCHEMA: Final = """
PRAGMA page_size = 16384;
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA temp_store = FILE;
CREATE TABLE spooled (patient TEXT, day TEXT, clinic TEXT, part INTEGER, row INTEGER, fault TEXT, payload BLOB);
CREATE TABLE resources (reference TEXT PRIMARY KEY, mrn TEXT, payload BLOB) WITHOUT ROWID;
CREATE TABLE names (name TEXT PRIMARY KEY, reference TEXT) WITHOUT ROWID;
"""
_BY_PATIENT: Final = """
SELECT patient, day, clinic, part, row, fault, payload FROM spooled ORDER BY patient, day, clinic, rowid
"""
# A reference names a patient by id or by identifier, and two Patient resources may have the same record number.
_BY_RESOURCE: Final = """
SELECT coalesce(resources.mrn, ''), day, coalesce(resources.reference, ''), part, row, fault, spooled.payload
FROM spooled
LEFT JOIN names ON names.name = spooled.patient
LEFT JOIN resources ON resources.reference = coalesce(names.reference, spooled.patient)
ORDER BY 1, day, spooled.rowid
"""


class Row(NamedTuple):
    """One data row.

    Attributes:
        patient: The record number, or the reference to a Patient resource.
        day: The day of the dose, `YYYYMMDD`; empty if it cannot be read.
        clinic: The export's name of the clinic. In rows by `by_resource`: the name of the Patient resource.
        part: The index of its file in the set.
        row: Its number in the file, from 1.
        fault: The code of a finding made while it was read; empty if there is none.
        payload: Its content.
    """

    patient: str
    day: str
    clinic: str
    part: int
    row: int
    fault: str
    payload: bytes


class Spool:
    """A context manager. First add all rows and resources, then read the rows back in order."""

    def __enter__(self) -> Self:
        # The garbage collector may close the generator that reads it, in any thread.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.executescript(_SCHEMA + f"PRAGMA cache_size = -{_CACHE_KIB}; BEGIN;")
        self._rows: list[Row] = []
        self._resources: list[tuple[str, str, bytes]] = []
        self._names: list[tuple[str, str]] = []
        self._waiting = 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def add(self, row: Row) -> None:
        """Add a row."""
        self._rows.append(row)
        self._count(row.payload)

    def add_resource(self, reference: str, mrn: str, payload: bytes, names: list[str]) -> None:
        """Add a FHIR resource for look-ups; it replaces one of the same reference.

        Args:
            reference: Its name, `Type/id` in most cases.
            mrn: The record number of a Patient.
            payload: The resource as JSON.
            names: Its other names: by identifier, by the fullUrl of its Bundle.
        """
        self._resources.append((reference, mrn, payload))
        self._names += [(name, reference) for name in names]
        self._count(payload)

    def resource(self, reference: str) -> bytes | None:
        """Return the resource of a name. To be called after the last resource was added and rows are read."""
        row = self._database.execute(
            "SELECT payload FROM resources WHERE reference = coalesce((SELECT reference FROM names WHERE name = ?), ?)",
            (reference, reference),
        ).fetchone()
        return row[0] if row else None

    def by_patient(self) -> Iterator[Row]:
        """Return the rows by patient, day and clinic, in the order of the file within these."""
        self._flush()
        return map(Row._make, self._database.execute(_BY_PATIENT))

    def by_resource(self) -> Iterator[Row]:
        """Return the rows by record number and day, with their Patient resources looked up.

        `patient` becomes the record number and `clinic` the name of the Patient resource; both are empty if the export
        does not hold it.
        """
        self._flush()
        return map(Row._make, self._database.execute(_BY_RESOURCE))

    def _count(self, payload: bytes) -> None:
        self._waiting += len(payload)
        if self._waiting >= _BATCH_BYTES or len(self._rows) + len(self._resources) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        self._database.executemany("INSERT INTO spooled VALUES (?, ?, ?, ?, ?, ?, ?)", self._rows)
        self._database.executemany("INSERT OR REPLACE INTO resources VALUES (?, ?, ?)", self._resources)
        self._database.executemany("INSERT OR REPLACE INTO names VALUES (?, ?)", self._names)
        for written in (self._rows, self._resources, self._names):
            written.clear()
        self._waiting = 0
