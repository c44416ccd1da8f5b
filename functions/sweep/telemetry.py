"""The log lines and metrics of a sweep: what was queued, late files, stopped facilities, expiring credentials."""

from __future__ import annotations

from collections.abc import Iterator

from functions import logs
from shared import metrics
from shared.metrics import Measured
from shared.usecases.delivery.sweep import Swept
from shared.usecases.reporting.expectations import Expectations


def log(swept: Swept, expected: Expectations) -> None:
    """Write one line for the sweep, and one for each source whose file is late."""
    logs.line("swept", queued=swept.queued, stopped=swept.stopped)
    for source in expected.sources:
        if source.late:
            logs.line("no file came", source=source.source)


def measured(swept: Swept, expected: Expectations) -> Iterator[Measured]:
    """Yield the number of submissions queued again, and the metrics that the alarms watch."""
    yield Measured(metrics.QUEUED_AGAIN, swept.queued)
    yield Measured(metrics.FACILITIES_STOPPED, len(expected.stopped))
    for source in expected.sources:
        yield Measured(metrics.SILENT_SOURCES, source.late, source.source)
    for credentials in expected.credentials[:1]:
        yield Measured(metrics.CREDENTIAL_DAYS, credentials.days)
