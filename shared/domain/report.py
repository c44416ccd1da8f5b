"""A report as values: sheets of plain numbers and words, without patient data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

Cell = str | int | float
Chart = Literal["", "bars", "columns"]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table of a report. `chart` draws its first number column, over the first column's words.

    `note` says how to read it.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    chart: Chart = ""


@dataclass(frozen=True, slots=True)
class Report:
    """One report of some days (UTC, both included), of one clinic or of all (empty). It quotes no patient data."""

    name: str
    title: str
    since: date
    until: date
    clinic: str
    messages: int
    sheets: tuple[Sheet, ...]
