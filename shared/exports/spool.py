"""A spool of rows on disk: added as they are read, returned in the order of patient and day.

It is a private temporary SQLite database. SQLite unlinks its file when it opens it, so nothing is left after a crash,
and small exports stay in the page cache. It has no journal, because it is never recovered.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from types import TracebackType
from typing import ClassVar, Final, NamedTuple, Self

_CACHE_KIB: Final = 32_768
# Rows and bytes that are kept in memory before they are written; a single line may have some MiB.
_BATCH: Final = 1_000
_BATCH_BYTES: Final = 8 * 1024 * 1024
_PRAGMAS: Final = f"""
PRAGMA page_size = 16384;
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA temp_store = FILE;
PRAGMA cache_size = -{_CACHE_KIB};
"""
_BY_PATIENT: Final = """
SELECT patient, day, clinic, part, row, fault, payload FROM spooled ORDER BY patient, day, clinic, rowid
"""


class Row(NamedTuple):
    """One data row.

    Attributes:
        patient: The record number.
        day: The day of the dose, `YYYYMMDD`; empty if it cannot be read.
        clinic: The export's name of the clinic.
        part: The index of its file in the set.
        row: Its number in the file: of a CSV file, the row that a spreadsheet shows.
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


class SpoolDatabase:
    """A context manager: a database of some tables, and the statements that write what waits in memory."""

    TABLES: ClassVar[str]
    """Statements that create its tables."""
    INSERTS: ClassVar[tuple[str, ...]]
    """One statement for each kind of tuple that is added, in the order of the kinds."""

    def __enter__(self) -> Self:
        # The garbage collector may close the generator that reads it, in any thread.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.executescript(f"{_PRAGMAS} {self.TABLES} BEGIN;")
        self._waiting: tuple[list[tuple[object, ...]], ...] = tuple([] for _ in self.INSERTS)
        self._bytes = 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def _count(self, payload: bytes) -> None:
        self._bytes += len(payload)
        if self._bytes >= _BATCH_BYTES or sum(map(len, self._waiting)) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        for statement, waiting in zip(self.INSERTS, self._waiting, strict=True):
            self._database.executemany(statement, waiting)
            waiting.clear()
        self._bytes = 0


class Spool(SpoolDatabase):
    """The rows of a file of text. First add all rows, then read them back in order."""

    TABLES = """
    CREATE TABLE spooled (patient TEXT, day TEXT, clinic TEXT, part INTEGER, row INTEGER, fault TEXT, payload BLOB);
    """
    INSERTS = ("INSERT INTO spooled VALUES (?, ?, ?, ?, ?, ?, ?)",)

    def add(self, row: Row) -> None:
        """Add a row."""
        self._waiting[0].append(row)
        self._count(row.payload)

    def by_patient(self) -> Iterator[Row]:
        """Return the rows by patient, day and clinic, in the order of the file within these."""
        self._flush()
        return map(Row._make, self._database.execute(_BY_PATIENT))
