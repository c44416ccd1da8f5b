"""Where one row of one file is now, and every step that it took.

file, row ──► the submission that stands for it ──► each attempt ──► its correction ──► … ──► where it ended
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from shared.domain.lifecycle import State
from shared.domain.submission import FileSummary, Submission
from shared.ports.ledger import Files, Submissions
from shared.settings import INBOX_PREFIX
from shared.usecases.findings import cause_of


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened. `when` is None where the ledger keeps no time of it. `what` quotes no patient data."""

    when: datetime | None
    msh_10: str
    what: str


@dataclass(frozen=True, slots=True)
class Trace:
    """The way of one row. `state` is the last submission's; None where the row needed none (`unchanged`)."""

    file: str
    row: int
    state: State | None
    steps: tuple[Step, ...]


def files_called(files: Files, name: str) -> tuple[FileSummary, ...]:
    """The arrivals of the export that a file id or a name, with or without folders, stands for, the newest first."""
    wanted = name.removeprefix(INBOX_PREFIX).rstrip("/")

    def fits(summary: FileSummary) -> bool:
        own = summary.name.removeprefix(INBOX_PREFIX).rstrip("/")
        return name == summary.file_id or own == wanted or own.endswith(f"/{wanted}")

    return tuple(sorted(filter(fits, files.all()), key=lambda one: one.arrived, reverse=True))


def trace(submissions: Submissions, files: Files, file: FileSummary, row: int, part: str = "") -> Trace | None:
    """The way of a row (counted from 1; of a set of files in its `part`); None where the file has no such row.

    Reads the file's index, and the submissions that stand for a row of that number.
    """
    first = _standing_for(submissions, files, file.file_id, row, part)
    arrived = Step(file.arrived, "", f"arrived in {file.name.removeprefix(INBOX_PREFIX)}")
    if first is None:
        if not 1 <= row <= file.rows or (file.complete and not file.unchanged):
            return None
        what = "unchanged: the ledger had it already" if file.complete else "not read yet, or unchanged"
        return Trace(file.name, row, None, (arrived, Step(None, "", what)))
    line = list(lineage(submissions, first))
    steps = [arrived, *(step for one in line for step in _steps(one))]
    return Trace(file.name, row, line[-1].state, tuple(steps))


def _standing_for(submissions: Submissions, files: Files, file_id: str, row: int, part: str) -> Submission | None:
    for submission in submissions.many(files.msh_10s_of_row(file_id, row)):
        if any(
            number == row and (not part or name == part or name.endswith(f"/{part}"))
            for name, number in submission.visit.rows
        ):
            return submission
    return None


def lineage(submissions: Submissions, first: Submission | None) -> Iterator[Submission]:
    """A submission and the corrections that replaced it, one after the other."""
    seen: set[str] = set()
    one = first
    while one is not None and one.msh_10 not in seen:
        seen.add(one.msh_10)
        yield one
        one = submissions.get(one.replaced_by) if one.replaced_by else None


def _steps(one: Submission) -> Iterator[Step]:
    of = f", a correction of {one.replaces}" if one.replaces else ""
    if one.vxu and one.state is not State.HELD:
        yield Step(one.created, one.msh_10, f"became a VXU{of}")
    else:
        causes = ", ".join(dict.fromkeys(cause_of(finding) for finding in one.findings))
        yield Step(one.created, one.msh_10, f"became a submission that was held{of}: {causes}")
    for attempt in one.attempts:
        answer = attempt.fault or f"MSA-1 {attempt.msa_1}"
        codes = ", ".join(dict.fromkeys(f"{error.code} {error.path}".strip() for error in attempt.errors))
        words = f"attempt {attempt.number}, {attempt.seconds:.1f} s: {answer}{f' ({codes})' if codes else ''}"
        yield Step(attempt.started, one.msh_10, f"{words}, then {attempt.state.value}")
    if one.state is State.CLOSED:
        yield Step(None, one.msh_10, "closed by a person")
    elif one.state is State.SUPERSEDED:
        yield Step(None, one.msh_10, f"superseded by {one.replaced_by or 'a newer submission'}")
    elif one.waiting_since is not None:
        yield Step(one.waiting_since, one.msh_10, f"{one.state.value}: waits for delivery")
