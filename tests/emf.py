"""A validator of CloudWatch's embedded metric format (EMF), written from its specification.

CloudWatch says nothing about a document that is not valid: it keeps the log line and drops the metrics. Source:
CloudWatch user guide, "Specification: Embedded metric format".
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, Final

_UNITS: Final = frozenset(
    {"Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "None"}
    | {
        f"{prefix}{unit}{rate}"
        for prefix in ("", "Kilo", "Mega", "Giga", "Tera")
        for unit in ("Bytes", "Bits", "bytes", "bits")
        for rate in ("", "/Second")
    }
    | {"Count/Second"}
)
_MEMBERS: Final = 100
"""Members of a metric's array, and metrics of a directive."""

_DIMENSIONS: Final = 30
_NAME: Final = 255
_DOCUMENT_BYTES: Final = 256 * 1024
"""The smallest limit of a log event that the specification has named."""


def violations(document: dict[str, Any]) -> list[str]:
    """Return the rules that a document breaks, none if CloudWatch takes its metrics."""
    return list(_violations(document))


def _violations(document: dict[str, Any]) -> Iterator[str]:
    if len(json.dumps(document).encode()) > _DOCUMENT_BYTES:
        yield "the document is longer than a log event may be"
    metadata = document.get("_aws")
    if not isinstance(metadata, dict):
        yield "there is no metadata object _aws"
        return
    if metadata.keys() != {"Timestamp", "CloudWatchMetrics"}:
        yield f"_aws has the members {sorted(metadata)}"
    if type(metadata.get("Timestamp")) is not int:
        yield "Timestamp is no integer"
    directives = metadata.get("CloudWatchMetrics")
    if not isinstance(directives, list) or not directives:
        yield "there is no metric directive"
        return
    for directive in directives:
        yield from _directive(directive, document)


def _directive(directive: dict[str, Any], document: dict[str, Any]) -> Iterator[str]:
    if directive.keys() != {"Namespace", "Dimensions", "Metrics"}:
        yield f"a directive has the members {sorted(directive)}"
        return
    if not _is_name(directive["Namespace"]):
        yield "Namespace is no text of 1 to 255 characters"
    if not directive["Dimensions"]:
        yield "there is no set of dimensions; the set may be empty, the array of sets may not"
    for keys in directive["Dimensions"]:
        yield from _dimensions(keys, document)
    if not 1 <= len(directive["Metrics"]) <= _MEMBERS:
        yield f"a directive has {len(directive['Metrics'])} metrics"
    for metric in directive["Metrics"]:
        yield from _metric(metric, document)


def _dimensions(keys: list[str], document: dict[str, Any]) -> Iterator[str]:
    if len(keys) > _DIMENSIONS:
        yield f"a set of dimensions has {len(keys)} keys"
    for key in keys:
        if not _is_name(key):
            yield "the key of a dimension is no text of 1 to 255 characters"
        elif not isinstance(document.get(key), str) or not document[key]:
            yield f"the dimension {key} has no text as its value at the root"


def _metric(metric: dict[str, Any], document: dict[str, Any]) -> Iterator[str]:
    if not {"Name"} <= metric.keys() <= {"Name", "Unit", "StorageResolution"}:
        yield f"a metric has the members {sorted(metric)}"
        return
    name = metric["Name"]
    if not _is_name(name):
        yield "the name of a metric is no text of 1 to 255 characters"
    if metric.get("Unit", "None") not in _UNITS:
        yield f"{name} has the unit {metric['Unit']}"
    values = document.get(name)
    numbers = values if isinstance(values, list) else [values]
    if not 1 <= len(numbers) <= _MEMBERS:
        yield f"{name} has {len(numbers)} values"
    if not all(type(number) in (int, float) and math.isfinite(number) for number in numbers):
        yield f"{name} has a value that is no number"


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= _NAME
