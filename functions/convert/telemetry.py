"""What the conversion of an export leaves behind: a log line, and the metrics of a file that is done."""

from __future__ import annotations

from collections.abc import Iterator

from functions import logs
from shared import metrics
from shared.domain.lifecycle import State
from shared.domain.submission import FileSummary
from shared.metrics import Measured
from shared.usecases.intake.convert import Converted, Unfinished


def log(converted: Converted) -> None:
    """One line for each object that was announced."""
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
    """Rows of the source, and what each clinic has to correct of them; nothing before the file is done."""
    if isinstance(converted, FileSummary):
        yield Measured(metrics.ROWS, converted.rows, converted.source)
        yield Measured(metrics.UNCHANGED, converted.unchanged, converted.source)
        for clinic, state, rows in converted.places:
            if state is State.HELD:
                yield Measured(metrics.HELD, rows, clinic)
