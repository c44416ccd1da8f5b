"""Pages and CSV: nothing is loaded, nothing becomes markup, nothing becomes a formula."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.report import Report, Sheet
from shared.usecases.reporting.pages import csv_text, html, report

DAY = date(2026, 3, 2)


def a_report(*rows: tuple[str | int, ...], chart: str = "") -> Report:
    sheet = Sheet("A sheet", ("word", "count"), rows, chart=chart)  # type: ignore[arg-type]
    return Report("acks", "A report", DAY, DAY, "", 3, (sheet,), "America/New_York")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", " =", "\n"])
def test_no_cell_of_text_starts_as_a_formula(start: str) -> None:
    assert str(csv_text.safe(f"{start}1+1")).startswith("'")


def test_numbers_stay_numbers() -> None:
    assert csv_text.table([(-3, 0.5, "x-1", "a=b")]) == "-3,0.5,x-1,a=b\r\n"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_every_text_comes_back_from_csv_with_at_most_an_apostrophe_before_it(text: str) -> None:
    ((cell, end),) = csv.reader(io.StringIO(csv_text.table([(text, "end")]), newline=""))
    assert end == "end"
    assert cell in (text, f"'{text}")
    assert not cell.lstrip(" ").startswith(("=", "+", "-", "@"))


def test_what_stands_in_a_report_is_text_and_never_markup() -> None:
    nasty = "<script>alert('x')</script>&\""
    for chart in ("", "bars", "columns"):
        page = report.page([a_report((nasty, 3), chart=chart)], datetime(2026, 3, 3, tzinfo=UTC))
        assert "<script" not in page
        assert "&lt;script&gt;" in page


def test_a_chart_of_nothing_is_not_drawn() -> None:
    assert html.bars([("a", 0)]) == html.columns([]) == html.columns([("a", 0)]) == ""


def test_bars_are_as_long_as_their_numbers() -> None:
    drawn = html.bars([("all", 100), ("half", 50), ("none", 0)])
    widths = [float(part.split('"')[0]) for part in drawn.split('width="')[2:]]
    assert widths[0] == 2 * widths[1]
    assert "none" not in drawn
