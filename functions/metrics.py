"""Writes what a batch measured, as lines in CloudWatch's embedded metric format (EMF): one for each clinic or source.

CloudWatch takes metrics out of the log by itself, so a function needs no client, no right and no call for them. A
document can name one clinic only (AWS: Embedded metric format specification), and a batch is mostly of one. Names are
those of `shared.metrics`, clinics and sources those that a clinics.toml can have: nothing else gets in.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterable
from typing import Any, Final

from functions import logs
from shared.metrics import BY_NAME, Measured, Metric, namespace

# A name of clinics.toml (shared/adapters/configuration/schema.py). A folder of the inbox may be called anything.
_KEY: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_Values = dict[Metric, list[float]]


def put(measured: Iterable[Measured]) -> None:
    """Writes a batch's numbers.

    Raises:
        ValueError: a metric is not in the table.
    """
    stage = os.environ.get("VAXLINE_STAGE", "")
    for document in documents(measured, namespace(stage), round(time.time() * 1000)):
        logs.raw(json.dumps(document, separators=(",", ":")))


def documents(measured: Iterable[Measured], space: str, milliseconds: int) -> list[dict[str, Any]]:
    """EMF documents of a batch, at that time since 1970; counts are added up, other values listed."""
    values: dict[tuple[str, str], _Values] = {}
    for one in measured:
        if BY_NAME.get(one.metric.name) != one.metric:
            raise ValueError(f"not in the table of metrics: {one.metric.name}")
        if one.value or one.metric.unit != "Count":
            named = one.metric.by and _KEY.fullmatch(one.of)
            place: tuple[str, str] = (one.metric.by, one.of) if named else ("", "")
            values.setdefault(place, {}).setdefault(one.metric, []).append(one.value)
    totals = values.pop(("", ""), {})
    parts = list(values.items())
    if parts and totals.keys().isdisjoint(parts[0][1]):
        # What is of no clinic rides on the first line.
        (place, found), *rest = parts
        return [
            _document(space, milliseconds, place, found, totals),
            *(_document(space, milliseconds, place, found, {}) for place, found in rest),
        ]
    alone = [_document(space, milliseconds, ("", ""), {}, totals)] if totals else []
    return [*(_document(space, milliseconds, place, found, {}) for place, found in parts), *alone]


def _document(space: str, milliseconds: int, place: tuple[str, str], found: _Values, totals: _Values) -> dict[str, Any]:
    by, of = place
    directives: list[dict[str, Any]] = [
        {
            "Namespace": space,
            "Dimensions": dimensions,
            "Metrics": [{"Name": metric.name, "Unit": metric.unit} for metric in metrics],
        }
        for dimensions, metrics in (([[], [by]], found), ([[]], totals))
        if metrics
    ]
    return {
        "_aws": {"Timestamp": milliseconds, "CloudWatchMetrics": directives},
        **({by: of} if by else {}),
        **{
            metric.name: sum(numbers) if metric.unit == "Count" else numbers
            for metric, numbers in (found | totals).items()
        },
    }
