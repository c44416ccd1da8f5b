"""Exports for the workflow test: put into the inbox as an EHR does, and followed until every row is answered."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from console import audit_trail
from console.commands.workflow_steps import EXPORT_ACCEPTED
from shared.bootstrap import Application
from shared.domain.lifecycle import IN_FLIGHT, STORED_BY_IIS
from shared.domain.submission import FileSummary
from shared.exports.formats import FORMATS
from shared.usecases.reporting.trace import files_named

_POLL_SECONDS: Final = 2.0
_CONTENT_TYPE: Final = "application/octet-stream"


class UploadRefusedError(ValueError):
    """The export cannot be uploaded; the text says why."""


def upload_and_wait(application: Application, file: Path, source: str, *, patience: float) -> FileSummary | None:
    """Put an export into the inbox of a source and wait until all of its rows are answered.

    Args:
        application: the stage's application.
        file: the export.
        source: the source whose export it is.
        patience: seconds to wait.

    Returns:
        The file's summary, or None where `patience` ran out. The export is processed all the same.

    Raises:
        UploadRefusedError: there is no such source, or it reads sets of files.
    """
    sources = application.configurations.current().sources
    if source not in sources:
        raise UploadRefusedError(f"name the source of the export with --source, one of {', '.join(sources)}")
    if FORMATS[sources[source].format].is_set:
        raise UploadRefusedError(f"{source} reads sets of files; put them into its folder of the inbox yourself")
    # Microseconds, so that two exports within a second get two names.
    name = f"{source}/workflow-test-{application.clock.now():%Y%m%dT%H%M%S%f}{''.join(file.suffixes)}"
    audit_trail.record(application, "workflow-test", [name], "an export is uploaded")
    application.inbox.put(name, file.read_bytes(), _CONTENT_TYPE)
    end = time.monotonic() + patience
    while time.monotonic() < end:
        summary = next(iter(files_named(application.ledger.files, name)), None)
        if summary is not None and summary.complete and not any(state in IN_FLIGHT for state in summary.submitted):
            return summary
        time.sleep(_POLL_SECONDS * (min(1, application.runtime.retry_scale)))
    return None


def export_result(summary: FileSummary | None) -> str:
    """Say what became of the rows of an export, in counts."""
    if summary is None:
        return "not all rows answered in time; `vaxline files` shows the progress"
    stored = sum(count for state, count in summary.submitted.items() if state in STORED_BY_IIS)
    if summary.rows and stored + summary.unchanged == summary.rows and stored:
        return EXPORT_ACCEPTED
    others = {state.value: count for state, count in summary.submitted.items() if state not in STORED_BY_IIS}
    parts = [f"{stored} accepted", f"{summary.unchanged} unchanged", f"{summary.held} held"]
    return ", ".join([f"{summary.rows} rows", *parts, *(f"{count} {state}" for state, count in others.items())])


def stored_submissions(application: Application, summary: FileSummary) -> Iterator[str]:
    """Yield the MSH-10s of a file's submissions that the IIS stored."""
    for submission in application.ledger.submissions.many(application.ledger.files.msh_10s(summary.file_id)):
        if submission.state in STORED_BY_IIS:
            yield submission.msh_10
