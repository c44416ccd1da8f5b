"""What charts draw is what the tables say."""

from __future__ import annotations

from datetime import date

from console.web import charts
from console.web.site import PAGES
from tests.places import ROOT


def test_the_time_line_has_every_date_on_the_line_of_its_recommendation() -> None:
    options = charts.time_line(
        ["Tdap, next", "Tdap, next"],
        [("20260101", "20260201", "", "20270101"), ("", "20260301", "", "")],
        date(2026, 3, 2),
    )
    drawn = {one["name"]: one["data"] for one in options["series"] if "name" in one}
    first, second = options["yAxis"]["data"]
    assert first != second
    assert drawn["earliest"] == [["2026-01-01", first]]
    assert drawn["due"] == [["2026-02-01", first], ["2026-03-01", second]]
    assert drawn["overdue"] == []
    assert drawn["latest"] == [["2027-01-01", first]]
    assert drawn.keys() == set(options["legend"]["data"])


def test_what_is_no_date_stays_as_it_is() -> None:
    assert [charts.day(text) for text in ("20260301", "202603011200", "2026", "soon", "")] == [
        "2026-03-01",
        "2026-03-01",
        "2026",
        "soon",
        "",
    ]


def test_the_page_of_the_console_s_documentation_names_every_page() -> None:
    text = (ROOT / "docs" / "console.md").read_text("utf-8")
    for page in PAGES:
        assert f"| {page.title} |" in text
