"""The spool returns rows in order, leaves no file behind and needs bounded memory."""

from __future__ import annotations

import io
import os
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.domain.clinics import Source
from shared.exports.readers import READERS
from shared.exports.spool import Row, Spool
from shared.ports.objects import StoredObject


def test_rows_come_out_by_patient_and_day_and_then_as_they_came() -> None:
    rows = [Row("b", "2", "", 0, 1, "", b"1"), Row("a", "9", "", 0, 2, "", b"2"), Row("b", "1", "", 0, 3, "", b"3")]
    with Spool() as spool:
        for row in (*rows, rows[0]._replace(row=4)):
            spool.add(row)
        assert [row.row for row in spool.by_patient()] == [2, 3, 1, 4]


def test_no_file_stays_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Spool() as spool:
        for number in range(30_000):
            spool.add(Row(f"{number % 1000}", "1", "", 0, number, "", os.urandom(500).hex().encode()))
        rows = spool.by_patient()
        next(rows)
        assert list(tmp_path.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


class _Endless(io.RawIOBase):
    """A CSV file that is generated while it is read."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._lines = self._made(count)
        self._left = b""

    @staticmethod
    def _made(count: int) -> Iterator[bytes]:
        yield b"patient_id,last_name,first_name,birth_date,sex,dose_id,dose_date,cvx,lot\n"
        for n in range(count):
            yield f"P{n % 997},Sampleton,Ada,2020-01-02,F,D{n},2026-03-{n % 28 + 1:02},08,L{n}\n".encode()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        while len(self._left) < len(buffer) and (line := next(self._lines, b"")):
            self._left += line
        data, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)


class _Made:
    def __init__(self, count: int) -> None:
        self._count = count

    def open(self, item: StoredObject) -> io.BufferedReader:
        return io.BufferedReader(_Endless(self._count), 8192)


def _peak(count: int) -> tuple[int, int]:
    tracemalloc.start()
    source = Source("own", "csv")
    visits = READERS["csv"].read((StoredObject("a.csv", "v", 0),), source, _Made(count))  # type: ignore[arg-type]
    rows = sum(len(visit.rows) for visit in visits)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return rows, peak


def test_memory_does_not_grow_with_the_file() -> None:
    few, small = _peak(2_000)
    many, large = _peak(12_000)
    assert (few, many) == (2_000, 12_000)
    assert large < 1.5 * small
