"""A file of patients to ask about, and what came of every row of it.

One file is one CSV under `queries/` (docs/query.md). Its rows are asked about one after the other, over as many
invocations as it takes; the summary is the checkpoint, and says nothing about a person.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

MAX_BYTES: Final = 5 * 1024 * 1024
"""CT WiZ asks for only the patients who are needed: a larger file is a mistake, or many files."""
NEEDED: Final = ("last_name", "first_name", "birth_date")
SHOWN_UNREADABLE: Final = 100

FAULT: Final = "FAULT"
UNREADABLE: Final = "ROW_UNREADABLE"


class Progress(StrEnum):
    """How far a file is: nothing done yet, some of it, waiting for something, all of it, or not readable at all."""

    NEW = "NEW"
    ASKING = "ASKING"
    WAITING = "WAITING"
    DONE = "DONE"
    UNREADABLE = "UNREADABLE"


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row that was not asked about, and the columns that are the reason; no value of it."""

    row: int
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of a file, without PHI: the checkpoint from which the next invocation goes on.

    `name` is the file's key below `queries/`; `version` tells what it holds from what it held before. `outcomes` counts
    rows by match (docs/query.md), `FAULT` and `ROW_UNREADABLE`, and adds up to `done`. `tries` are those of the next
    row. `parts` are the first rows of the parts that the answers are kept in. Times are ISO 8601 in UTC.
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
        if self.problem:
            return Progress.UNREADABLE
        if self.waits:
            return Progress.WAITING
        if not self.updated:
            return Progress.NEW
        return Progress.DONE if self.done == self.rows else Progress.ASKING

    @property
    def is_over(self) -> bool:
        return self.progress in {Progress.DONE, Progress.UNREADABLE}

    def with_row(self, outcome: str, fields: tuple[str, ...] = ()) -> Summary:
        """One row more is done."""
        row = self.done + 1
        unreadable = self.unreadable
        if outcome == UNREADABLE and len(unreadable) < SHOWN_UNREADABLE:
            unreadable = (*unreadable, UnreadableRow(row, fields))
        outcomes = {**self.outcomes, outcome: self.outcomes.get(outcome, 0) + 1}
        return replace(self, done=row, outcomes=outcomes, unreadable=unreadable, tries=0, waits="")


def rows_of(name: str, content: bytes) -> list[dict[str, str] | None] | str:
    """The rows of a file by column, blank lines left out; None is a row with more or fewer cells than the header.

    A text says why it is no such file, and quotes none of it.
    """
    if not name.lower().endswith(".csv"):
        return "the name does not end in .csv"
    if len(content) > MAX_BYTES:
        return f"larger than {MAX_BYTES} bytes: ask only about the patients who are needed, in several files"
    try:
        header, *rows = filter(None, csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except UnicodeDecodeError:
        return "not UTF-8"
    except csv.Error:
        return "not CSV: a quote is not closed, or stands where none may"
    except ValueError:
        return "empty"
    missing = [column for column in NEEDED if column not in header]
    if missing:
        return f"there is no column {', '.join(missing)}"
    return [dict(zip(header, row, strict=True)) if len(row) == len(header) else None for row in rows]
