"""The records of the workflow test, handed in as an EHR does: an export in the inbox, every row of it answered."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from console.commands.audit import noted
from shared.bootstrap import Application
from shared.domain.lifecycle import IN_FLIGHT, STORED_BY_IIS
from shared.domain.submission import FileSummary
from shared.exports.formats import FORMATS
from shared.usecases.reporting.trace import files_called

ACCEPTED: Final = "every row accepted"
_PAUSE: Final = 2.0
_KIND: Final = "application/octet-stream"


class NotHandedIn(ValueError):  # noqa: N818 - what happened, not what kind of error it is
    """The file cannot be handed in; the text says why."""


def hand_in(application: Application, file: Path, source: str, *, patience: float) -> FileSummary | None:
    """Puts an export into the inbox of a source and waits until all its rows are answered.

    None where that takes longer than `patience` (seconds); what was handed in goes on by itself.

    Raises:
        NotHandedIn: there is no such source, or it reads sets of files.
    """
    sources = application.configurations.current().sources
    if source not in sources:
        raise NotHandedIn(f"say with --source whose export it is, one of {', '.join(sources)}")
    if FORMATS[sources[source].format].is_set:
        raise NotHandedIn(f"{source} reads sets of files; put them into its folder of the inbox yourself")
    # To the microsecond, so that two exports handed in within a second are two files.
    name = f"{source}/workflow-test-{application.clock.now():%Y%m%dT%H%M%S%f}{''.join(file.suffixes)}"
    noted(application, "workflow-test", [name], "an export is handed in")
    application.inbox.put(name, file.read_bytes(), _KIND)
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found = next(iter(files_called(application.ledger, name)), None)
        if found is not None and found.complete and not any(state in IN_FLIGHT for state in found.submitted):
            return found
        time.sleep(_PAUSE * (min(1, application.runtime.retry_scale)))
    return None


def verdict(summary: FileSummary | None) -> str:
    """What became of a file, in counts of rows."""
    if summary is None:
        return "not all answered in time; `vaxline files` shows how far it is"
    stored = sum(count for state, count in summary.submitted.items() if state in STORED_BY_IIS)
    if summary.rows and stored + summary.unchanged == summary.rows and stored:
        return ACCEPTED
    others = {state.value: count for state, count in summary.submitted.items() if state not in STORED_BY_IIS}
    parts = [f"{stored} accepted", f"{summary.unchanged} unchanged", f"{summary.held} held"]
    return ", ".join([f"{summary.rows} rows", *parts, *(f"{count} {state}" for state, count in others.items())])


def stored_of(application: Application, summary: FileSummary) -> Iterator[str]:
    """The MSH-10s of a file's submissions that the IIS stored."""
    for one in application.ledger.many(application.ledger.of_file(summary.file_id)):
        if one.state in STORED_BY_IIS:
            yield one.msh_10
