"""From the lines of a CSV file to its header and its records."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from shared.domain.clinics import Source
from shared.domain.model import Finding
from shared.exports.csv import header as csv_header
from shared.exports.csv.header import Header
from shared.exports.text import LONGEST_CELL, Bad, Records, Text, repaired

DELIMITERS: Final = ("\t", ";", "|", ",")
_NAMED_DELIMITER: Final = re.compile(r'"?sep=(.)"?[\s,;|]*$', re.IGNORECASE)
_LINES_TRIED: Final = 20
"""Lines among which the header is looked for: some exports have a title above it."""


@dataclass(slots=True)
class Opened:
    """A CSV file after its header.

    Attributes:
        header: Its header; None if no row can be read by any line.
        likeliest: The line that is most like a header; None if the file is empty.
        records: The records after the header.
        delimiter: The delimiter of the records, or of the line that is most like a header.
        row: The number of the header, or of the last line that was read, as a spreadsheet shows it.
        above: The lines above the header.
        findings: Findings about the header and the delimiter.
    """

    header: Header | None = None
    likeliest: Header | None = None
    records: Iterator[list[str] | Bad] = field(default_factory=lambda: iter(()))
    delimiter: str = ","
    row: int = 0
    above: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def opened(text: Text, source: Source) -> Opened:
    """Find the header: the first line that names all that is required. Lines before it are a title.

    A line `sep=;` names the delimiter to a spreadsheet, which does not show it.
    """
    lines: Iterator[str] = iter(text)
    file = Opened(delimiter=source.delimiter)
    tried: list[tuple[Header, str]] = []
    for line in _logical(lines):
        named = _NAMED_DELIMITER.match(line) if file.row == 0 else None
        if named:
            file.delimiter = named[1]
            continue
        file.row += 1
        if line.strip():
            header, delimiter = _matched(line, file.delimiter, source)
            if header.is_readable:
                if delimiter != file.delimiter:
                    value = "tab" if delimiter == "\t" else delimiter
                    file.findings.append(Finding("FILE-DELIMITER", column="file", value=value))
                records = Records(lines, delimiter)
                records.width = header.width
                file.header = file.likeliest = header
                file.records, file.delimiter = iter(records), delimiter
                file.findings += header.problems
                return file
            tried.append((header, delimiter))
            if len(tried) == _LINES_TRIED:
                break
        file.above.append(line)
    if tried:
        # The first one of equal lines.
        file.likeliest, file.delimiter = max(tried, key=lambda one: one[0].known)
        file.findings += file.likeliest.problems
    return file


def _matched(line: str, delimiter: str, source: Source) -> tuple[Header, str]:
    names = cells(line, delimiter)
    if len(names) == 1 and (other := _other_delimiter(line, source)):
        delimiter = other
        names = cells(line, delimiter)
    return csv_header.match([repaired(name)[0] for name in names], source), delimiter


def _logical(lines: Iterator[str]) -> Iterator[str]:
    """The lines of a file; those that a quotation mark keeps together are one."""
    for line in lines:
        whole = line
        if line.count('"') % 2:
            for rest in lines:
                whole += rest
                if whole.count('"') % 2 == 0 or len(whole) > LONGEST_CELL:
                    break
        yield whole


def cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader(line.splitlines(keepends=True), delimiter=delimiter), [])


def _other_delimiter(line: str, source: Source) -> str:
    """The delimiter by which a header of one cell gives a known column; empty if none does."""
    for delimiter in DELIMITERS:
        if delimiter in line:
            header = csv_header.match(cells(line, delimiter), source)
            if header.known:
                return delimiter
    return ""
