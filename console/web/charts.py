"""Charts as ECharts options. The numbers are also on the page as text: in a table or in axis labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from shared.domain.lifecycle import State

_INK: Final = "#7d8791"
"""Text color that is readable on light and dark pages."""

_STATE_COLORS: Final[Mapping[str, str]] = {
    State.ACCEPTED: "#3a9a62",
    State.ACCEPTED_WITH_WARNINGS: "#c79a2b",
    State.PARTLY_ACCEPTED: "#d97a3a",
    State.REFUSED: "#c8372a",
    State.UNKNOWN: "#8b5fbf",
    State.HELD: "#8894a1",
}


def _options(names: Sequence[str], series: list[dict[str, Any]], *, sideways: bool = False) -> dict[str, Any]:
    labels = {"color": _INK, "fontSize": 12}
    category = {"type": "category", "data": list(names), "axisLabel": labels}
    value = {"type": "value", "minInterval": 1, "axisLabel": labels, "splitLine": {"lineStyle": {"opacity": 0.25}}}
    return {
        "animation": False,
        "textStyle": {"color": _INK},
        "grid": {"left": 8, "right": 16, "top": 30 if len(series) > 1 else 12, "bottom": 8, "containLabel": True},
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}},
        "xAxis": value if sideways else category,
        "yAxis": {**category, "inverse": True} if sideways else value,
        "series": series,
        **({"legend": {"top": 0, "textStyle": labels}} if len(series) > 1 else {}),
    }


def stacked(names: Sequence[str], series: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """Return columns, one per name, each stacked of its states."""
    pieces: list[dict[str, Any]] = [
        {
            "name": state.replace("_", " ").lower(),
            "type": "bar",
            "stack": "all",
            "barMaxWidth": 46,
            "data": list(values),
            "itemStyle": {"color": _STATE_COLORS.get(state, "#5b7fa6")},
        }
        for state, values in series.items()
    ]
    return _options(names, pieces)


def columns(names: Sequence[str], values: Sequence[int]) -> dict[str, Any]:
    """Return columns, one per name."""
    return _options(
        names, [{"type": "bar", "barMaxWidth": 46, "data": list(values), "itemStyle": {"color": "#3f7cbf"}}]
    )


def bars(names: Sequence[str], values: Sequence[int]) -> dict[str, Any]:
    """Return horizontal bars, one per name, the first on top."""
    series = [{"type": "bar", "barMaxWidth": 22, "data": list(values), "itemStyle": {"color": "#3f7cbf"}}]
    return _options(names, series, sideways=True)


def day(hl7: str) -> str:
    """Return an HL7 date as `YYYY-MM-DD`; text that is no date is returned unchanged."""
    return f"{hl7[:4]}-{hl7[4:6]}-{hl7[6:8]}" if len(hl7) >= 8 and hl7[:8].isdigit() else hl7


_DATE_COLORS: Final = (("earliest", "#8894a1"), ("due", "#3a9a62"), ("overdue", "#c8372a"), ("latest", "#6b4f8f"))


def time_line(names: Sequence[str], dates: Sequence[Sequence[str]], today: date) -> dict[str, Any]:
    """Return a time line of a forecast, with one line per recommendation.

    Args:
        names: the recommendations.
        dates: for each its earliest, due, overdue and latest date, as HL7 dates; empty where not given.
        today: the date of the vertical line.
    """
    # ECharts merges categories of the same name; trailing spaces keep the lines apart.
    lines = [f"{name}{' ' * number}" for number, name in enumerate(names)]
    spans: list[dict[str, Any]] = []
    for line, line_dates in zip(lines, dates, strict=True):
        given = sorted(filter(None, map(day, line_dates)))
        if given:
            points = [[given[0], line], [given[-1], line]]
            style = {"color": _INK, "width": 3, "opacity": 0.5}
            spans.append({"type": "line", "data": points, "symbol": "none", "lineStyle": style, "silent": True})
    points_by_kind = [
        {
            "name": name,
            "type": "scatter",
            "symbolSize": 13,
            "itemStyle": {"color": color},
            "data": [
                [day(line_dates[index]), line]
                for line, line_dates in zip(lines, dates, strict=True)
                if line_dates[index]
            ],
        }
        for index, (name, color) in enumerate(_DATE_COLORS)
    ]
    points_by_kind[0]["markLine"] = {
        "symbol": "none",
        "label": {"formatter": "today", "color": _INK},
        "lineStyle": {"color": "#c79a2b", "type": "solid"},
        "data": [{"xAxis": today.isoformat()}],
    }
    options = _options(lines, [*spans, *points_by_kind], sideways=True)
    options["legend"]["data"] = [name for name, _ in _DATE_COLORS]
    # The axis includes today, so that its line is visible.
    days = sorted([today.isoformat(), *(day(date_) for line_dates in dates for date_ in line_dates if date_)])
    axis = {"type": "time", "axisLabel": {"color": _INK}, "min": days[0], "max": days[-1]}
    return options | {"xAxis": axis, "tooltip": {"trigger": "item"}}
