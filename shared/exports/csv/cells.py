"""Reads the cells of a CSV row, and makes of them its patient and its dose."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from shared.domain.codes import cdc, local, tables
from shared.domain.model import (
    NO_CODE,
    Code,
    Dose,
    Finding,
    Patient,
)
from shared.exports import blanks
from shared.exports.column import Becomes, Column, ColumnKind
from shared.exports.columns import FROM_PATIENT
from shared.exports.csv.content import OWN_WORDS, Cells, dose, patient
from shared.exports.csv.doubts import Doubts
from shared.exports.csv.header import Header, Place
from shared.exports.parsers import SEPARATOR, Parser, parser
from shared.exports.values import Dates
from shared.replaced import replace

_PARSED_KEPT: Final = 20_000


@dataclass(slots=True)
class _FileColumn:
    """A column as one file has it.

    Attributes:
        spec: The column.
        index: The index of its cell, -1 if the file does not have it.
        default: The source's default for it.
        own_name: The file's name of it.
        parse: Its parser; None takes the text as it is.
        nothing: The texts that stand for an empty cell.
        parsed: Values parsed before. Cells repeat: this saves 46 us a row, 7 % of what converting it costs.
    """

    spec: Column
    index: int
    default: str
    own_name: str
    parse: Parser | None
    nothing: frozenset[str]
    parsed: dict[str, str | tuple[Code, ...] | None] = field(default_factory=dict)

    def value(self, raw: str) -> str | tuple[Code, ...] | None:
        """Parse a cell; None if it cannot be read, empty if it says nothing."""
        assert self.parse is not None
        try:
            return self.parsed[raw]
        except KeyError:
            if len(self.parsed) >= _PARSED_KEPT:
                self.parsed.clear()
            if raw in self.nothing:
                raw_there = self.default
                value = self.parse(raw_there) if raw_there else ""
            else:
                value = self.parse(raw)
            self.parsed[raw] = value
            return value

    def unreadable(self, raw: str, row: int) -> Finding:
        """The finding about a cell that cannot be read."""
        return Finding(self.spec.unreadable, self.spec.path, row, self.own_name, raw)


class RowReader:
    """Reads the rows of one file. Rows of one patient are consecutive, so the last patient is kept.

    Attributes:
        names: The file's names of its columns.
        is_undecided: Its rows wait for a decision about an unknown column.
    """

    def __init__(self, header: Header, dates: Dates, part: str) -> None:
        self._part = part
        columns = [
            _FileColumn(
                place.column,
                place.index,
                _default(place),
                header.own_name(place.column.name),
                parser(place.column, dates),
                nothing_in(place.column, header.not_known),
            )
            for place in header.places
        ]
        self._doubts = Doubts(header)
        self.names = header.names
        self.is_undecided = bool(header.undecided)
        # As the value of a cell, the default would make every dose a refusal.
        self._default_reason = tables.REFUSAL_REASON.look_up(header.default("refusal_reason")) or NO_CODE
        of_patient = [column for column in columns if column.spec.name in FROM_PATIENT]
        of_dose = [column for column in columns if column.spec.name not in FROM_PATIENT]
        self._patient_columns, self._dose_columns = _in_order(of_patient), _in_order(of_dose)
        self._patient_needs, self._dose_needs = (
            tuple(
                (column.spec.name, column.spec.needs, column)
                for column in group
                if column.spec.needs and column.spec.becomes is not Becomes.QUALIFIES and not column.default
            )
            for group in (of_patient, of_dose)
        )
        self._has_own_words = any(column.spec.name in OWN_WORDS for column in of_dose)
        self._coarse = [column for column in of_patient if column.spec.name == "sex" and column.index >= 0]
        self._patient_indexes = [column.index for column in of_patient if column.index >= 0]
        self._last: tuple[list[str], Patient, tuple[Finding, ...]] = ([], Patient(), ())

    def doubts(self, cells: list[str], row: int) -> list[Finding]:
        """Bring the cells of columns for one field together, and name what stands against reading the row."""
        return self._doubts.of(cells, row)

    def read(self, cells: list[str], row: int) -> tuple[Patient, Dose, tuple[Finding, ...]]:
        """Read the patient and the dose of a row, with a finding for each value that cannot be read."""
        # The cell of the columns that the file does not have (index -1).
        cells.append("")
        patient_cells = [cells[index] for index in self._patient_indexes]
        if patient_cells != self._last[0]:
            parsed = _parsed(self._patient_columns, cells, row)
            _note_lonely(self._patient_needs, parsed, row)
            for column in self._coarse:
                raw = cells[column.index].strip()
                if tables.SEX.is_coarse(raw):
                    parsed.findings.append(Finding("SEX-AS-UNKNOWN", "PID-8", row, column.own_name, raw))
            self._last = (patient_cells, patient(parsed), tuple(parsed.findings))
        _, read_patient, findings = self._last
        if findings:
            findings = tuple(replace(finding, row=row) for finding in findings)
        parsed = _parsed(self._dose_columns, cells, row)
        _note_lonely(self._dose_needs, parsed, row)
        parsed.has_own_words = self._has_own_words
        read_dose = dose(parsed, row, self._part, self._default_reason)
        return read_patient, read_dose, (*findings, *parsed.findings)


@lru_cache(maxsize=256)
def nothing_in(column: Column, not_known: frozenset[str]) -> frozenset[str]:
    """Return the texts that say that a cell of a column is empty.

    A word that the column's table has is no such text: `NA` is a completion status.

    Args:
        column: The column.
        not_known: Further words of the file's layout.
    """
    texts = blanks.NOTHING | blanks.as_written(not_known)
    if column.is_name:
        texts = blanks.NO_NAMES | blanks.as_written(not_known)
    elif column.identifies:
        texts = frozenset(text for text in texts if not blanks.is_damaged(text))
    if column.kind is ColumnKind.TEXT:
        # 00000 stands for a zip code that somebody had to enter: it is left out and said.
        texts |= {"0"} if column.name == "address_zip" else blanks.ZEROS
    if column.table is not None:
        return frozenset(text for text in texts if column.table.look_up(text) is None)
    if column.kind is ColumnKind.MVX:
        return frozenset(text for text in texts if cdc.mvx(text) is None)
    return texts


def _default(place: Place) -> str:
    return "" if place.column.name == "refusal_reason" else place.default


_Columns = tuple[tuple[int, str, str, bool, dict[str, "str | tuple[Code, ...] | None"], _FileColumn], ...]
"""Of each column: index of its cell, name, default, whether it is text, values parsed before, and the column.

The loop over the cells of a row takes a third of the time to read it; unpacking a tuple is faster than attributes.
"""


def _in_order(columns: list[_FileColumn]) -> _Columns:
    return tuple(
        (column.index, column.spec.name, column.default, column.parse is None, column.parsed, column)
        for column in columns
    )


def _parsed(columns: _Columns, cells: list[str], row: int) -> Cells:
    parsed = Cells()
    texts, codes = parsed.texts, parsed.codes
    for index, name, default, is_text, known, column in columns:
        raw = cells[index].strip() or default
        if not raw:
            continue
        if is_text:
            if raw in column.nothing:
                raw = default
            if raw:
                texts[name] = raw if raw.isprintable() else _plain(raw, column, row, parsed.findings)
            continue
        value = known[raw] if raw in known else column.value(raw)
        if value is None:
            _keep_unreadable(column, raw, row, parsed)
        elif not value:
            continue
        elif isinstance(value, str):
            texts[name] = value
        else:
            codes[name] = value
    return parsed


def _note_lonely(columns: tuple[tuple[str, tuple[str, ...], _FileColumn], ...], parsed: Cells, row: int) -> None:
    """Notes the values that are not sent because another one is missing beside them."""
    texts, codes = parsed.texts, parsed.codes
    for name, needs, column in columns:
        if name not in texts and name not in codes:
            continue
        for needed in needs:
            if needed in texts or needed in codes:
                break
        else:
            value = texts.get(name) or "; ".join(code.code or code.alternate_code for code in codes.get(name, ()))
            parsed.findings.append(Finding("VALUE-WITHOUT-OTHER", column.spec.path, row, column.own_name, value))


def _plain(raw: str, column: _FileColumn, row: int, findings: list[Finding]) -> str:
    """A text without line breaks (a note keeps them); empty if it holds NUL."""
    if "\x00" in raw:
        findings.append(Finding("VALUE-NUL", column.spec.path, row, column.own_name, raw))
        return ""
    lines = raw.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return lines if column.spec.kind is ColumnKind.NOTE else " ".join(lines.split("\n"))


def _keep_unreadable(column: _FileColumn, raw: str, row: int, parsed: Cells) -> None:
    """Notes a value that cannot be read. If clinics.toml can map it, it is kept as a local code."""
    finding = column.unreadable(raw, row)
    if not local.table_of(finding):
        parsed.findings.append(finding)
        return
    codes: list[Code] = []
    for piece in filter(None, map(str.strip, raw.split(SEPARATOR) if column.spec.repeats else (raw,))):
        value = column.value(piece)
        if value is None:
            parsed.findings.append(column.unreadable(piece, row))
            codes.append(local.unread(piece))
        elif not isinstance(value, str):
            codes += value
    parsed.codes[column.spec.name] = tuple(codes)
