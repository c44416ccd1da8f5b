"""The steps of one row of one file, from its arrival to its last state.

file, row ──► its submission ──► each attempt ──► the correction that replaced it ──► …
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
    """One event. `when` is None where the ledger keeps no time of it. `what` quotes no patient data."""

    when: datetime | None
    msh_10: str
    what: str


@dataclass(frozen=True, slots=True)
class Trace:
    """The steps of one row. `state` is that of its last submission; None where it needed none (`unchanged`)."""

    file: str
    row: int
    state: State | None
    steps: tuple[Step, ...]


def files_named(files: Files, name: str) -> tuple[FileSummary, ...]:
    """Return the arrivals of a file, the newest first.

    Args:
        files: the files that arrived.
        name: a file id, or a file's name with all, some or none of its folders.
    """
    path = name.removeprefix(INBOX_PREFIX).rstrip("/")

    def matches(summary: FileSummary) -> bool:
        own_path = summary.name.removeprefix(INBOX_PREFIX).rstrip("/")
        return name == summary.file_id or own_path == path or own_path.endswith(f"/{path}")

    return tuple(sorted(filter(matches, files.all()), key=lambda summary: summary.arrived, reverse=True))


def trace(submissions: Submissions, files: Files, file: FileSummary, row: int, part: str = "") -> Trace | None:
    """Return the steps of a row; None where the file has no such row.

    Args:
        submissions: the submissions.
        files: the files that arrived.
        file: the file's summary.
        row: the row's number, as findings name it: of a CSV file, the row that a spreadsheet shows.
        part: for a set of files: the name of the file that has the row.
    """
    first = _submission_of_row(submissions, files, file.file_id, row, part)
    arrived = Step(file.arrived, "", f"arrived in {file.name.removeprefix(INBOX_PREFIX)}")
    if first is None:
        if row < 1 or (file.complete and not file.unchanged):
            return None
        what = "unchanged: the ledger had it already" if file.complete else "not read yet, or unchanged"
        if row > file.rows + 1:
            # Empty lines and lines above the header count too, so the number of rows is no limit.
            what = f"{what}; or the file has no such row"
        return Trace(file.name, row, None, (arrived, Step(None, "", what)))
    corrections = list(_with_corrections(submissions, first))
    steps = [arrived, *(step for submission in corrections for step in _steps(submission))]
    return Trace(file.name, row, corrections[-1].state, tuple(steps))


def _submission_of_row(submissions: Submissions, files: Files, file_id: str, row: int, part: str) -> Submission | None:
    for submission in submissions.many(files.msh_10s_of_row(file_id, row)):
        if any(
            number == row and (not part or name == part or name.endswith(f"/{part}"))
            for name, number in submission.visit.rows
        ):
            return submission
    return None


def _with_corrections(submissions: Submissions, first: Submission) -> Iterator[Submission]:
    """Yield a submission and the corrections that replaced it, in their order."""
    seen: set[str] = set()
    submission: Submission | None = first
    while submission is not None and submission.msh_10 not in seen:
        seen.add(submission.msh_10)
        yield submission
        submission = submissions.get(submission.replaced_by) if submission.replaced_by else None


def _steps(submission: Submission) -> Iterator[Step]:
    msh_10 = submission.msh_10
    correction = f", a correction of {submission.replaces}" if submission.replaces else ""
    if submission.vxu and submission.state is not State.HELD:
        yield Step(submission.created, msh_10, f"became a VXU{correction}")
    else:
        causes = ", ".join(dict.fromkeys(map(cause_of, submission.findings)))
        yield Step(submission.created, msh_10, f"became a submission that was held{correction}: {causes}")
    for attempt in submission.attempts:
        answer = attempt.fault or f"MSA-1 {attempt.msa_1}"
        codes = ", ".join(dict.fromkeys(f"{error.code} {error.path}".strip() for error in attempt.errors))
        what = f"attempt {attempt.number}, {attempt.seconds:.1f} s: {answer}{f' ({codes})' if codes else ''}"
        yield Step(attempt.started, msh_10, f"{what}, then {attempt.state.value}")
    if submission.state is State.CLOSED:
        yield Step(None, msh_10, "closed by a person")
    elif submission.state is State.SUPERSEDED:
        yield Step(None, msh_10, f"superseded by {submission.replaced_by or 'a newer submission'}")
    elif submission.waiting_since is not None:
        yield Step(submission.waiting_since, msh_10, f"{submission.state.value}: waits for delivery")
