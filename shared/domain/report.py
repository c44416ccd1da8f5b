"""A report as values: sheets of numbers and text, without patient data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

Cell = str | int | float
Chart = Literal["", "bars", "columns"]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table of a report.

    Attributes:
        title: its heading.
        columns: the column heads.
        rows: the cells.
        note: how to read it.
        chart: how `chart_column` is drawn, with the cells of the first column as labels; empty for no chart.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    chart: Chart = ""

    @property
    def chart_column(self) -> int | None:
        """The index of the column that the chart shows: the first one of whole numbers. None for no chart."""
        if not self.chart or not self.rows:
            return None
        indexes = range(len(self.columns))
        return next((index for index in indexes if all(isinstance(row[index], int) for row in self.rows)), None)


@dataclass(frozen=True, slots=True)
class Report:
    """One report about some days.

    Attributes:
        name: key of `shared.usecases.reporting.report.REPORTS`.
        title: its heading.
        since: the first day, in `time_zone`.
        until: the last day.
        clinic: the clinic's key; empty for all clinics.
        messages: how many messages it counts.
        sheets: its tables.
        time_zone: IANA name of the zone of its days and hours.
    """

    name: str
    title: str
    since: date
    until: date
    clinic: str
    messages: int
    sheets: tuple[Sheet, ...]
    time_zone: str


def percentage(part: int, whole: int) -> str:
    """Return a part in percent of the whole; empty where the whole is zero."""
    return f"{100 * part / whole:.1f} %" if whole else ""
