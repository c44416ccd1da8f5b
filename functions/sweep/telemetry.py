"""The log lines and metrics of a sweep: what was queued, late and unread files, stopped facilities, credentials."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from functions import logs
from shared import metrics
from shared.domain.submission import FileSummary
from shared.metrics import Measured
from shared.usecases.delivery.sweep import Swept
from shared.usecases.reporting.expectations import Expectations


def log(swept: Swept, expected: Expectations, unread: Sequence[FileSummary]) -> None:
    """Write one line for the sweep, one for each source whose file is late, and one for each file that is not read."""
    logs.line("swept", queued=swept.queued, stopped=swept.stopped)
    for source in expected.sources:
        if source.late:
            logs.line("no file came", source=source.source)
    for file in unread:
        logs.line("not read", file_id=file.file_id, source=file.source, causes=[file.findings[0].code])


def measured(swept: Swept, expected: Expectations, unread: Sequence[FileSummary]) -> Iterator[Measured]:
    """Yield the number of submissions queued again, and the metrics that the alarms watch."""
    yield Measured(metrics.QUEUED_AGAIN, swept.queued)
    yield Measured(metrics.FACILITIES_STOPPED, len(expected.stopped))
    for source in expected.sources:
        yield Measured(metrics.SILENT_SOURCES, source.late, source.source)
    for name, count in Counter(file.source for file in unread).items():
        yield Measured(metrics.UNREAD_FILES, count, name)
    for credentials in expected.credentials[:1]:
        yield Measured(metrics.CREDENTIAL_DAYS, credentials.days)
