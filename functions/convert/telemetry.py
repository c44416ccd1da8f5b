"""Telemetry of convert: one log line per object, and the metrics of files that are complete."""

from __future__ import annotations

from collections.abc import Iterator

from functions import logs
from shared import metrics
from shared.domain.lifecycle import State
from shared.domain.submission import FileSummary
from shared.metrics import Measured
from shared.usecases.intake.convert import Converted, Unfinished


def log(converted: Converted) -> None:
    """Log what a call of convert did."""
    if isinstance(converted, FileSummary):
        logs.line(
            "converted",
            file_id=converted.file_id,
            source=converted.source,
            rows=converted.rows,
            unchanged=converted.unchanged,
            held=converted.held,
        )
    elif isinstance(converted, Unfinished):
        logs.line("goes on in the next invocation", file_id=converted.file_id, rows=converted.rows)
    else:
        logs.line("nothing to convert yet", outcome=type(converted).__name__)


def measured(converted: Converted) -> Iterator[Measured]:
    """Yield the rows of a complete file by source, and its held rows by clinic."""
    if isinstance(converted, FileSummary):
        yield Measured(metrics.ROWS, converted.rows, converted.source)
        yield Measured(metrics.UNCHANGED, converted.unchanged, converted.source)
        for clinic, state, rows in converted.places:
            if state is State.HELD:
                yield Measured(metrics.HELD, rows, clinic)
