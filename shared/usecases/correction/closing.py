"""Closing: a person says that nothing more is to be done about failures; and reopening, when that was wrong.

Nothing is deleted. What is closed leaves the worklist, what is reopened is in it again as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shared.domain.clinics import Configuration
from shared.domain.lifecycle import NEEDS_A_PERSON, Event, State
from shared.domain.reconcile import doubt
from shared.domain.submission import FileSummary
from shared.ports.ledger import Files, Submissions, SubmissionStates, Worklist, WorklistEntry
from shared.usecases.correction.file_problems import close_file, problems_of, reopen_file
from shared.usecases.correction.triage import causes_of


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries of the worklist are meant: those that meet every criterion that is not empty.

    Attributes:
        cause: The cause.
        clinic: The clinic's key.
        files: Ids of files.
    """

    cause: str = ""
    clinic: str = ""
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Selected:
    """The entries of a selection: submissions, the oldest first, and files with errors of their own.

    `in_doubt` counts submissions with doses that the IIS may have stored or not.
    """

    submissions: tuple[WorklistEntry, ...]
    files: tuple[FileSummary, ...]
    in_doubt: int

    @property
    def rows(self) -> int:
        """The rows of exports that the submissions stand for."""
        return sum(entry.row_count for entry in self.submissions)

    @property
    def words(self) -> str:
        """The counts, for a person."""
        submissions = f"{_counted(len(self.submissions), 'submission')} of {_counted(self.rows, 'row')}"
        files = _counted(len(self.files), "file")
        if not self.submissions and self.files:
            return files
        return f"{submissions} and {files}" if self.files else submissions

    @property
    def subjects(self) -> tuple[str, ...]:
        """MSH-10s and file ids."""
        return (*(entry.msh_10 for entry in self.submissions), *(file.file_id for file in self.files))


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


@dataclass(frozen=True, slots=True)
class Closed:
    """The result for one submission or file. `reason_against` is why it was not closed; `in_doubt`: see `doubt`."""

    subject: str
    closed: bool
    in_doubt: str = ""
    reason_against: str = ""


@dataclass(frozen=True, slots=True)
class Reopened:
    """The result for one submission or file. `state` is what the submission is now, `reason_against` why it stays."""

    subject: str
    reopened: bool
    state: State | None = None
    reason_against: str = ""


class Closing:
    """Closes and reopens submissions and files.

    Args:
        submissions: The submissions.
        states: Their changes of state.
        worklist: What needs a person.
        files: The files.
    """

    def __init__(self, *, submissions: Submissions, states: SubmissionStates, worklist: Worklist, files: Files) -> None:
        self._submissions = submissions
        self._states = states
        self._worklist = worklist
        self._files = files

    def select(self, selection: Selection, configuration: Configuration) -> Selected:
        """Return the entries of the worklist that a selection means; none for an empty selection."""
        if selection == Selection():
            return Selected((), (), 0)
        entries = [
            entry
            for entry in self._worklist.entries(clinic=selection.clinic, cause=selection.cause)
            if not selection.files or entry.file_id in selection.files
        ]
        entries.sort(key=lambda entry: (entry.created, entry.msh_10))
        in_doubt = sum(bool(doubt(one)) for one in self._submissions.many(entry.msh_10 for entry in entries))
        return Selected(tuple(entries), tuple(self._files_of(selection, configuration)), in_doubt)

    def _files_of(self, selection: Selection, configuration: Configuration) -> Iterator[FileSummary]:
        for file, codes, clinic in problems_of(self._files, configuration):
            if selection.cause and set(codes) != {selection.cause}:
                # A file is closed as a whole: not for one of its errors.
                continue
            if selection.clinic in ("", clinic) and (not selection.files or file.file_id in selection.files):
                yield file

    def close(self, subject: str, reason: str) -> Closed:
        """Close a submission or a file with a reason. Repeating this changes nothing."""
        submission = self._submissions.get(subject)
        if submission is None:
            closed = close_file(self._files, subject, reason)
            return Closed(subject, closed, reason_against="" if closed else "there is nothing open of this name")
        if not self._states.move(subject, Event.CLOSE, reason=reason):
            return Closed(subject, closed=False, reason_against=f"it is {submission.state.value}")
        return Closed(subject, closed=True, in_doubt=doubt(submission))

    def reopen(self, subject: str) -> Reopened:
        """Reopen a submission or a file; what was cut off before it was in the worklist is completed."""
        before = self._submissions.get(subject)
        if before is None:
            reopened = reopen_file(self._files, subject)
            return Reopened(subject, reopened, reason_against="" if reopened else "nothing of this name is closed")
        if before.replaced_by:
            return Reopened(subject, reopened=False, reason_against=f"it was replaced by {before.replaced_by}")
        self._states.reopen(subject)
        now = self._submissions.get(subject) or before
        is_open = now.state in NEEDS_A_PERSON or now.state is State.QUEUED
        if not is_open or now.waiting_since is not None:
            return Reopened(subject, reopened=False, state=now.state, reason_against=f"it is {now.state.value}")
        entered = self._worklist.enter(subject, causes_of(now))
        against = "" if entered else "it was replaced just now"
        return Reopened(subject, reopened=entered, state=now.state, reason_against=against)
