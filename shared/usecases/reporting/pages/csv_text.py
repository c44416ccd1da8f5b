"""CSV for spreadsheets. No cell can become a formula (OWASP, "CSV Injection")."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

from shared.domain.report import Report

_STARTS_A_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe(cell: object) -> object:
    """Return the cell, with an apostrophe before text that a spreadsheet would take for a formula."""
    if isinstance(cell, int | float):
        return cell
    text = str(cell)
    return f"'{text}" if text.lstrip(" ").startswith(_STARTS_A_FORMULA) else text


def table(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV (RFC 4180), every cell safe."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    for row in rows:
        writer.writerow([safe(cell) for cell in row])
    return out.getvalue()


def of_report(report: Report) -> str:
    """Return the sheets of a report one below the other: title, column heads, rows, and an empty line for each."""
    rows: list[Sequence[object]] = [
        (report.title, report.since.isoformat(), report.until.isoformat(), report.clinic or "all clinics"),
        (),
    ]
    for sheet in report.sheets:
        rows += [(sheet.title,), sheet.columns, *sheet.rows, ()]
    return table(rows)
