"""Port `Exports` for CSV, with vaxline's column names or those of a source's mapping."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from typing import Final

from shared.domain.clinics import Source
from shared.domain.codes import tables
from shared.domain.identity import normalized_id
from shared.domain.model import NO_CODE, Finding, Patient, Visit
from shared.exports import blanks, visits
from shared.exports.csv.cells import RowReader
from shared.exports.csv.header import Header
from shared.exports.csv.opening import opened
from shared.exports.single import TextFile
from shared.exports.spool import Row, Spool
from shared.exports.text import Bad, Damaged, Text, repaired
from shared.exports.values import Dates
from shared.exports.visits import Entry, is_unfindable
from shared.ports.objects import Objects, StoredObject

# The unit separator stands between the cells of a spooled row; no cell may hold it.
_CELL: Final = "\x1f"
_AS_WINDOWS_1252: Final = "ROW-READ-AS-WINDOWS-1252"
_ROWS_SHOWN: Final = 20
_FORMULA: Final = '="'
KEPT_DELIMITER: Final = ","
"""The delimiter of rows that are kept with their header."""


class CsvFile(TextFile):
    """One CSV file, read through a spool.

    The number of a row is the one that a spreadsheet shows: every record counts, the header's and empty ones too.
    """

    def __init__(self, part: StoredObject, source: Source, objects: Objects) -> None:
        super().__init__(part, source, objects)
        self._header: Header | None = None
        self._row = 0
        self._has_rows = False

    # into the spool ---------------------------------------------------------------------------------------------------

    def _spool_rows(self, text: Text, spool: Spool) -> None:
        try:
            file = opened(text, self._source)
            self._row = file.row
            self._findings += file.findings
            if file.header is not None:
                self._header = file.header
                self._spool_records(file.records, file.header, spool)
        except Damaged as damage:
            self._note(damage.code, row=self._row)
        if text.cut_line and self._header is not None:
            self._row += 1
            self._has_rows = True
            spool.add(Row("", "", "", 0, self._row, "ROW-CUT-OFF", repaired(text.cut_line)[0].encode()))
        if text.is_cut:
            self._note(text.cut_by, row=self._row)
        if not self._has_rows and not self._findings:
            self._note("FILE-EMPTY")

    def _spool_records(self, records: Iterator[list[str] | Bad], header: Header, spool: Spool) -> None:
        width, is_ended = header.width, False
        row_of = _placing(header, self._dates, one_clinic=self._source.one_clinic)
        is_missed = _missing(header)
        missed: list[int] = []
        for record in records:
            self._row += 1
            if isinstance(record, Bad):
                self._has_rows = True
                text = repaired(record.text)[0]
                spool.add(Row("", "", "", 0, self._row, record.code, text.encode("utf-8", "replace")))
                continue
            if not any(map(str.strip, record)):
                continue
            if len(record) == width + 1 and not record[-1]:
                # In some files every row ends in a delimiter and the header does not; the first row decides.
                is_ended = is_ended or not self._has_rows
                if is_ended:
                    record.pop()
            self._has_rows = True
            if is_missed is not None and is_missed(record):
                missed.append(self._row)
                continue
            spool.add(row_of(record, self._row))
        if missed:
            shown = ", ".join(map(str, missed[:_ROWS_SHOWN]))
            more = ", …" if len(missed) > _ROWS_SHOWN else ""
            self._note("ROW-APPOINTMENT-MISSED", f"{len(missed)}: {shown}{more}", missed[0])

    # out of the spool -------------------------------------------------------------------------------------------------

    def _spooled_visits(self, spool: Spool) -> Iterator[Visit]:
        header = self._header
        if header is None:
            return
        reader = RowReader(header, self._dates, self._name)
        rows = spool.by_patient()
        for (patient, day, clinic), group in groupby(rows, key=lambda row: row[:3]):
            if patient and day:
                yield from visits.of_patient(self._source, clinic, day, (self._entry(row, reader) for row in group))
                continue
            unplaced = (self._unplaced(row, reader, header) for row in group)
            if patient:
                yield from visits.of_patient(self._source, clinic, day, unplaced)
            else:
                yield from (visits.visit(self._source, clinic, day, [entry]) for entry in unplaced)

    def _entry(self, row: Row, reader: RowReader) -> Entry:
        text = row.payload.decode()
        cells = text.split(_CELL)
        if _FORMULA in text:
            cells = [blanks.plain(cell.strip()) for cell in cells]
        doubts = reader.doubts(cells, row.row)
        patient, dose, findings = reader.read(cells, row.row)
        if doubts:
            findings = (*doubts, *findings)
        if row.fault:
            findings = (Finding(row.fault, row=row.row, column="row"), *findings)
        entry = Entry(self._name, row.row, patient, dose, findings)
        if reader.is_undecided:
            return replace(entry, raw=_with_header(reader.names, text))
        return replace(entry, raw=as_csv(text.split(_CELL), self._source.delimiter)) if is_unfindable(entry) else entry

    def _unplaced(self, row: Row, reader: RowReader, header: Header) -> Entry:
        """A row without readable patient or day: its text is kept, with the values that could be read."""
        text = row.payload.decode()
        raw = as_csv(text.split(_CELL), self._source.delimiter)
        if row.fault and row.fault != _AS_WINDOWS_1252:
            value = f"{text.count(_CELL) + 1} cells instead of {header.width}" if row.fault == "ROW-CELLS" else ""
            raw = raw if _CELL in text else text.rstrip("\r\n")
            finding = Finding(row.fault, row=row.row, column="row", value=value)
            return Entry(self._name, row.row, Patient(), None, (finding,), raw)
        entry = self._entry(row, reader)
        findings = [finding for finding in entry.findings if row.day or finding.path != "RXA-3"]
        if not row.patient:
            findings.append(Finding("ROW-PATIENT-MISSING", "PID-3", row.row, header.own_name("patient_id")))
        if not row.day:
            findings.append(self._unreadable_day(row, text, header))
        return replace(entry, findings=tuple(findings), raw=entry.raw if reader.is_undecided else raw)

    @staticmethod
    def _unreadable_day(row: Row, text: str, header: Header) -> Finding:
        at = header.index("dose_date")
        value = text.split(_CELL)[at].strip() if at >= 0 else header.default("dose_date")
        return Finding("ROW-DATE-UNREADABLE", "RXA-3", row.row, header.own_name("dose_date"), value)


def _placing(header: Header, dates: Dates, *, one_clinic: bool) -> Callable[[list[str], int], Row]:
    """A function that turns a record of this file and its number into a row of the spool."""
    width = header.width
    places = [(header.index(name), header.default(name)) for name in ("patient_id", "dose_date", "clinic")]
    (patient_at, patient_default), (day_at, day_default), (clinic_at, clinic_default) = places
    patient_default = normalized_id(patient_default)
    if one_clinic:
        clinic_at, clinic_default = -1, ""

    def row_of(record: list[str], number: int) -> Row:
        fault = "" if len(record) == width else "ROW-CELLS"
        joined = _CELL.join(record)
        if joined.count(_CELL) != len(record) - 1:
            joined, fault = _CELL.join(cell.replace(_CELL, "\x00") for cell in record), fault or "VALUE-NUL"
        try:
            payload = joined.encode()
        except UnicodeEncodeError:
            joined, payload, fault = _repaired(joined, fault)
            record = joined.split(_CELL)
        if fault and fault != _AS_WINDOWS_1252:
            return Row("", "", "", 0, number, fault, payload)
        patient = (
            blanks.identity(normalized_id(blanks.plain(record[patient_at].strip()))) if patient_at >= 0 else ""
        ) or patient_default
        raw_day = (blanks.plain(record[day_at].strip()) if day_at >= 0 else "") or day_default
        clinic = (blanks.word(blanks.plain(record[clinic_at].strip())) if clinic_at >= 0 else "") or clinic_default
        return Row(patient, (dates.day(raw_day) or "") if raw_day else "", clinic, 0, number, fault, payload)

    return row_of


def _missing(header: Header) -> Callable[[list[str]], bool] | None:
    """A function that tells whether a record says that nobody came; None if no column of the file can say so.

    A record that says something of a dose besides is read: it contradicts itself.
    """
    at = header.index("missed_appointment")
    if at < 0:
        return None
    others = [index for name in _SAYS_OF_A_DOSE if (index := header.index(name)) >= 0]
    width = header.width

    def is_missed(record: list[str]) -> bool:
        if len(record) != width or not _is_yes(record[at]):
            return False
        return not any(record[index].strip() and not _is_no(record[index]) for index in others)

    return is_missed


_SAYS_OF_A_DOSE: Final = ("lot", "was_refused", "refusal_reason", "completion", "event_status")


def _is_yes(cell: str) -> bool:
    return (tables.YES_NO.look_up(cell.strip()) or NO_CODE).code == "Y"


def _is_no(cell: str) -> bool:
    found = tables.YES_NO.look_up(cell.strip())
    return found is not None and found.code != "Y"


def _repaired(joined: str, fault: str) -> tuple[str, bytes, str]:
    text, is_sensible = repaired(joined)
    code = _AS_WINDOWS_1252 if is_sensible else "ROW-ENCODING-UNREADABLE"
    return text, text.encode("utf-8", "replace"), fault or code


def _with_header(names: Iterable[str], text: str) -> str:
    """A row that waits for a decision about a column, with the header of its file (`again.read_again`)."""
    return f"{as_csv(names, KEPT_DELIMITER)}\n{as_csv(text.split(_CELL), KEPT_DELIMITER)}"


def as_csv(cells: Iterable[str], delimiter: str) -> str:
    """Return a line of CSV, without its end."""
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator="").writerow(cells)
    return line.getvalue()
