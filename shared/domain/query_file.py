"""Query files: a CSV of patients to ask the IIS about, and the summary of its outcomes.

A query file is a CSV under `queries/` (docs/query.md). Its rows are asked about one after the other, over as many
invocations as it takes. The summary is the checkpoint between them and holds no PHI.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, NamedTuple

MAX_BYTES: Final = 5 * 1024 * 1024
"""The largest query file. CT WiZ wants queries only for patients who are needed, so a larger file is a mistake."""

REQUIRED_COLUMNS: Final = ("last_name", "first_name", "birth_date")

MAX_UNREADABLE: Final = 100
"""How many unreadable rows a summary lists; all are counted."""

FAULT: Final = "FAULT"
"""Outcome of a row whose query ended in a fault."""

UNREADABLE: Final = "ROW_UNREADABLE"
"""Outcome of a row that cannot be asked about."""


class Progress(StrEnum):
    """The progress of a query file: not begun, begun, waiting for something, done, or not readable at all."""

    NEW = "NEW"
    ASKING = "ASKING"
    WAITING = "WAITING"
    DONE = "DONE"
    UNREADABLE = "UNREADABLE"


class QueryRow(NamedTuple):
    """A row of a query file.

    Attributes:
        number: Its number as a spreadsheet shows it: the header is row 1, and empty lines count.
        values: Its values by column; None if it has more or fewer cells than the header.
    """

    number: int
    values: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row that was not asked about, and the columns that are the reason. No values: they are PHI."""

    row: int
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """The progress of a query file, without PHI: the checkpoint from which the next invocation goes on.

    Times are ISO 8601 in UTC.

    Attributes:
        name: The file's key below `queries/`.
        version: The ETag of its content.
        arrived: When it arrived.
        rows: The number of its data rows.
        done: How many of them have their outcome.
        outcomes: Rows by match (docs/query.md), `FAULT` and `ROW_UNREADABLE`; they add up to `done`.
        unreadable: The first unreadable rows.
        parts: The number of the first row of each part that the answers are stored in.
        tries: How often the next row was tried.
        waits: What the file waits for; empty if nothing.
        problem: Why the file is not readable; empty if it is.
        updated: When this summary was written; empty before the first time.
    """

    name: str
    version: str
    arrived: str
    rows: int = 0
    done: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)
    unreadable: tuple[UnreadableRow, ...] = ()
    parts: tuple[int, ...] = ()
    tries: int = 0
    waits: str = ""
    problem: str = ""
    updated: str = ""

    @property
    def progress(self) -> Progress:
        """How far the file is."""
        if self.problem:
            return Progress.UNREADABLE
        if self.waits:
            return Progress.WAITING
        if not self.updated:
            return Progress.NEW
        return Progress.DONE if self.done == self.rows else Progress.ASKING

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be asked for this file."""
        return self.progress in {Progress.DONE, Progress.UNREADABLE}

    def with_row(self, number: int, outcome: str, fields: tuple[str, ...] = ()) -> Summary:
        """Return the summary with one more row done.

        Args:
            number: The number of the row.
            outcome: A match, `FAULT` or `ROW_UNREADABLE`.
            fields: The columns that make the row unreadable.
        """
        unreadable = self.unreadable
        if outcome == UNREADABLE and len(unreadable) < MAX_UNREADABLE:
            unreadable = (*unreadable, UnreadableRow(number, fields))
        outcomes = {**self.outcomes, outcome: self.outcomes.get(outcome, 0) + 1}
        return replace(self, done=self.done + 1, outcomes=outcomes, unreadable=unreadable, tries=0, waits="")


def rows_of(name: str, content: bytes) -> list[QueryRow] | str:
    """Read the rows of a query file.

    Args:
        name: The file's name.
        content: Its bytes: CSV in UTF-8 with a header.

    Returns:
        The rows without blank lines. If it is no query file, a text that says why, without quoting from it.
    """
    if not name.lower().endswith(".csv"):
        return "the name does not end in .csv"
    if len(content) > MAX_BYTES:
        return f"larger than {MAX_BYTES} bytes: ask only about the patients who are needed, in several files"
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        (_, header), *rows = ((number, cells) for number, cells in enumerate(reader, 1) if cells)
    except UnicodeDecodeError:
        return "not UTF-8"
    except csv.Error:
        return "not CSV: a quote is not closed, or stands where none may"
    except ValueError:
        return "empty"
    missing = [column for column in REQUIRED_COLUMNS if column not in header]
    if missing:
        return f"there is no column {', '.join(missing)}"
    return [
        QueryRow(number, dict(zip(header, cells, strict=True)) if len(cells) == len(header) else None)
        for number, cells in rows
    ]
