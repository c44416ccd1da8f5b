"""Rows on disk, in the order of arrival on the way in and by patient and day on the way out.

A private temporary SQLite database: SQLite removes its file's name as soon as it is open, so nothing stays behind
whatever happens, and small exports never leave its page cache. No journal, since nobody will ever recover it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from types import TracebackType
from typing import Final, NamedTuple, Self

_CACHE_KIB: Final = 32_768
# So much waits in memory before it is written: a line may have some MiB.
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
# A patient may be referred to by id or by identifier, and two Patient resources may share a record number.
_BY_RESOURCE: Final = """
SELECT coalesce(resources.mrn, ''), day, coalesce(resources.reference, ''), part, row, fault, spooled.payload
FROM spooled
LEFT JOIN names ON names.name = spooled.patient
LEFT JOIN resources ON resources.reference = coalesce(names.reference, spooled.patient)
ORDER BY 1, day, spooled.rowid
"""


class Row(NamedTuple):
    """One data row. `part` counts the files of the set from 0, `fault` is what was noticed while it was read."""

    patient: str
    day: str
    clinic: str
    part: int
    row: int
    fault: str
    payload: bytes


class Spool:
    """A context manager. Add all rows and resources first, then read the rows back in order."""

    def __enter__(self) -> Self:
        # The generator that reads it may be closed by the garbage collector, in whatever thread that runs.
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
        """Adds a row. Its `patient` is a record number, or the reference to a Patient resource."""
        self._rows.append(row)
        self._count(row.payload)

    def add_resource(self, reference: str, mrn: str, payload: bytes, names: list[str]) -> None:
        """Keeps a FHIR resource for look-ups; one that comes twice replaces the first."""
        self._resources.append((reference, mrn, payload))
        self._names += [(name, reference) for name in names]
        self._count(payload)

    def resource(self, reference: str) -> bytes | None:
        """The resource that a reference means, `Type/id` or `Type?system|value`, once the rows come out."""
        found = self._database.execute(
            "SELECT payload FROM resources WHERE reference = coalesce((SELECT reference FROM names WHERE name = ?), ?)",
            (reference, reference),
        ).fetchone()
        return found[0] if found else None

    def by_patient(self) -> Iterator[Row]:
        """The rows ordered by patient, day and clinic, then as they arrived."""
        self._flush()
        return map(Row._make, self._database.execute(_BY_PATIENT))

    def by_resource(self) -> Iterator[Row]:
        """The same with patients found among the resources: `patient` is the record number, `clinic` the reference."""
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
        for kept in (self._rows, self._resources, self._names):
            kept.clear()
        self._waiting = 0
