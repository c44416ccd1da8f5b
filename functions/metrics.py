"""Writes the metrics of a batch as log lines in CloudWatch's embedded metric format (EMF).

CloudWatch extracts the metrics from the log, so a function needs no client, no right and no call for them. A document
has one value per dimension (CloudWatch user guide, "Embedded metric format specification"), so there is one line for
each clinic or source; most batches have one. Values that are listed have lines of their own: CloudWatch drops the whole
line, counts included, if a list in it is longer than the specification allows. Only metrics of `shared.metrics` are
written, and only clinics and sources whose names a clinics.toml can have.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterable, Iterator
from typing import Any, Final

from functions import logs
from shared.metrics import BY_NAME, Measured, Metric, namespace

# A key of clinics.toml (shared/adapters/configuration/schema.py). A folder of the inbox may have any name.
_KEY: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
LISTED_AT_MOST: Final = 100
"""Members that the array of a metric may have (the specification, "Target members")."""

_Dimension = tuple[str, str]
_Values = dict[Metric, list[float]]
_TOTAL: Final[_Dimension] = ("", "")


def put(measured: Iterable[Measured]) -> None:
    """Write the metrics of a batch.

    Raises:
        ValueError: A metric is not in the table.
    """
    stage = os.environ.get("VAXLINE_STAGE", "")
    for document in documents(measured, namespace(stage), round(time.time() * 1000)):
        logs.raw(json.dumps(document, separators=(",", ":")))


def documents(measured: Iterable[Measured], space: str, milliseconds: int) -> list[dict[str, Any]]:
    """Return the EMF documents of a batch.

    Args:
        measured: The numbers. Counts are added up; values of other units are listed.
        space: The CloudWatch namespace.
        milliseconds: The time, since 1970.

    Raises:
        ValueError: A metric is not in the table.
    """
    counted: dict[_Dimension, _Values] = {}
    listed: dict[_Dimension, _Values] = {}
    for number in measured:
        metric = number.metric
        if BY_NAME.get(metric.name) != metric:
            raise ValueError(f"not in the table of metrics: {metric.name}")
        if number.value or metric.unit != "Count":
            has_dimension = metric.by and _KEY.fullmatch(number.of)
            dimension = (metric.by, number.of) if has_dimension else _TOTAL
            lines = counted if metric.unit == "Count" else listed
            lines.setdefault(dimension, {}).setdefault(metric, []).append(number.value)
    return [*_counts(space, milliseconds, counted), *_lists(space, milliseconds, listed)]


def _counts(space: str, milliseconds: int, counted: dict[_Dimension, _Values]) -> Iterator[dict[str, Any]]:
    totals = counted.pop(_TOTAL, {})
    for number, (dimension, values) in enumerate(counted.items()):
        # Metrics without a dimension go into the first document, unless it has the same metric for its dimension.
        with_totals = number == 0 and totals.keys().isdisjoint(values)
        yield _document(space, milliseconds, dimension, values, totals if with_totals else {})
        totals = {} if with_totals else totals
    if totals:
        yield _document(space, milliseconds, _TOTAL, {}, totals)


def _lists(space: str, milliseconds: int, listed: dict[_Dimension, _Values]) -> Iterator[dict[str, Any]]:
    for dimension, values in listed.items():
        for metric, numbers in values.items():
            for start in range(0, len(numbers), LISTED_AT_MOST):
                part = {metric: numbers[start : start + LISTED_AT_MOST]}
                has_dimension = dimension != _TOTAL
                yield _document(
                    space, milliseconds, dimension, part if has_dimension else {}, {} if has_dimension else part
                )


def _document(space: str, milliseconds: int, dimension: _Dimension, values: _Values, totals: _Values) -> dict[str, Any]:
    name, key = dimension
    directives: list[dict[str, Any]] = [
        {
            "Namespace": space,
            "Dimensions": dimensions,
            "Metrics": [{"Name": metric.name, "Unit": metric.unit} for metric in metrics],
        }
        for dimensions, metrics in (([[], [name]], values), ([[]], totals))
        if metrics
    ]
    return {
        "_aws": {"Timestamp": milliseconds, "CloudWatchMetrics": directives},
        **({name: key} if name else {}),
        **{
            metric.name: sum(numbers) if metric.unit == "Count" else numbers
            for metric, numbers in (values | totals).items()
        },
    }
