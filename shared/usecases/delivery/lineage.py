"""The chain of submissions that correct one another, walked along `replaces` and `replaced_by`."""

from __future__ import annotations

from typing import Final

from shared.domain.lifecycle import Event, State
from shared.domain.submission import Submission
from shared.ports.ledger import Submissions, SubmissionStates

_NEVER_SENT: Final = frozenset({State.HELD, State.QUEUED, State.CLOSED})


def supersede_predecessors(submissions: Submissions, states: SubmissionStates, submission: Submission) -> None:
    """Supersede every submission that an accepted one replaces, directly or through others."""
    older: Submission | None = submission
    while older is not None and older.replaces:
        states.move(older.replaces, Event.SUPERSEDE)
        older = submissions.get(older.replaces)


def is_overtaken(submissions: Submissions, submission: Submission) -> bool:
    """Whether a correction of the submission has been sent.

    The queue keeps a patient's messages in order, but retries and lost queue messages do not.
    """
    newer = submission.replaced_by
    while newer:
        correction = submissions.get(newer)
        if correction is None:
            return False
        if correction.state not in _NEVER_SENT:
            return True
        newer = correction.replaced_by
    return False
