"""Charts as ECharts options; each is drawn from numbers that a table of the page, or its own axis labels, also say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from shared.domain.lifecycle import State

_INK: Final = "#7d8791"
"""Readable on the light and on the dark page."""

_COLOURS: Final[Mapping[str, str]] = {
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
    """One column per name, a piece of it per state."""
    pieces: list[dict[str, Any]] = [
        {
            "name": state.replace("_", " ").lower(),
            "type": "bar",
            "stack": "all",
            "barMaxWidth": 46,
            "data": list(values),
            "itemStyle": {"color": _COLOURS.get(state, "#5b7fa6")},
        }
        for state, values in series.items()
    ]
    return _options(names, pieces)


def columns(names: Sequence[str], values: Sequence[int]) -> dict[str, Any]:
    """One column per name."""
    return _options(
        names, [{"type": "bar", "barMaxWidth": 46, "data": list(values), "itemStyle": {"color": "#3f7cbf"}}]
    )


def bars(names: Sequence[str], values: Sequence[int]) -> dict[str, Any]:
    """One bar per name, below each other, the first on top."""
    series = [{"type": "bar", "barMaxWidth": 22, "data": list(values), "itemStyle": {"color": "#3f7cbf"}}]
    return _options(names, series, sideways=True)


def day(hl7: str) -> str:
    """An HL7 date as people write it; what is none stays as it is."""
    return f"{hl7[:4]}-{hl7[4:6]}-{hl7[6:8]}" if len(hl7) >= 8 and hl7[:8].isdigit() else hl7


_MOMENTS: Final = (("earliest", "#8894a1"), ("due", "#3a9a62"), ("overdue", "#c8372a"), ("latest", "#6b4f8f"))


def time_line(names: Sequence[str], dates: Sequence[Sequence[str]], today: date) -> dict[str, Any]:
    """A line per recommendation, with its earliest, due, overdue and latest date (HL7 dates, empty where not said)."""
    # Two recommendations may have the same name; each keeps a line of its own.
    lines = [f"{name}{' ' * number}" for number, name in enumerate(names)]
    spans: list[dict[str, Any]] = []
    for line, of in zip(lines, dates, strict=True):
        known = sorted(filter(None, map(day, of)))
        if known:
            points = [[known[0], line], [known[-1], line]]
            style = {"color": _INK, "width": 3, "opacity": 0.5}
            spans.append({"type": "line", "data": points, "symbol": "none", "lineStyle": style, "silent": True})
    moments = [
        {
            "name": name,
            "type": "scatter",
            "symbolSize": 13,
            "itemStyle": {"color": colour},
            "data": [[day(of[place]), line] for line, of in zip(lines, dates, strict=True) if of[place]],
        }
        for place, (name, colour) in enumerate(_MOMENTS)
    ]
    moments[0]["markLine"] = {
        "symbol": "none",
        "label": {"formatter": "today", "color": _INK},
        "lineStyle": {"color": "#c79a2b", "type": "solid"},
        "data": [{"xAxis": today.isoformat()}],
    }
    options = _options(lines, [*spans, *moments], sideways=True)
    options["legend"]["data"] = [name for name, _ in _MOMENTS]
    # From today on at least, so that its mark is seen.
    days = sorted([today.isoformat(), *(day(one) for of in dates for one in of if one)])
    axis = {"type": "time", "axisLabel": {"color": _INK}, "min": days[0], "max": days[-1]}
    return options | {"xAxis": axis, "tooltip": {"trigger": "item"}}
