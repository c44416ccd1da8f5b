"""The consequences of an outcome: it is counted, its predecessors are superseded, or triage is told."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from shared.domain.lifecycle import NEEDS_A_PERSON, STORED_BY_IIS, State
from shared.domain.outcome import outcome_of
from shared.domain.submission import Submission
from shared.ports.clock import Clock
from shared.ports.ledger import Outcomes, Submissions, SubmissionStates
from shared.ports.queues import ResubmissionQueue
from shared.usecases.delivery.lineage import supersede_predecessors

# QUEUED: its tries are used up.
_TRIAGED: Final = NEEDS_A_PERSON | {State.QUEUED}


class FollowUp:
    """Does what follows from an outcome. Doing it again changes nothing, so a redelivered reference may repeat it."""

    def __init__(
        self,
        *,
        submissions: Submissions,
        states: SubmissionStates,
        outcomes: Outcomes,
        resubmission: ResubmissionQueue,
        clock: Clock,
    ) -> None:
        self._submissions = submissions
        self._states = states
        self._outcomes = outcomes
        self._resubmission = resubmission
        self._clock = clock

    def __call__(self, submission: Submission, state: State) -> None:
        """Follow up on a submission that was just moved to `state`.

        Args:
            submission: With the attempt that ended in this state among its attempts.
            state: The state that the ledger has now.
        """
        self.count(submission)
        if state in STORED_BY_IIS:
            supersede_predecessors(self._submissions, self._states, submission)
        elif state in _TRIAGED:
            self._resubmission.send([submission.msh_10])

    def complete(self, msh_10: str) -> None:
        """Follow up on a reference that came again after its outcome was written.

        The process may have been stopped between the two. A submission that still waits for delivery is left alone, an
        UNKNOWN before its resend among them.
        """
        submission = self._submissions.get(msh_10)
        if submission is None or submission.waiting_since is not None or submission.state is State.SENDING:
            return
        if submission.state in STORED_BY_IIS | _TRIAGED:
            self(submission, submission.state)
        elif submission.attempts:
            # Superseded or closed since, but it was answered before.
            self.count(submission)

    def count(self, submission: Submission) -> None:
        """Add the submission's outcome to its day, where it has one."""
        count_outcome(self._outcomes, submission, submission.causes, self._clock.now())


def count_outcome(outcomes: Outcomes, submission: Submission, causes: tuple[str, ...], now: datetime) -> None:
    """Add a submission's outcome to the counts of its day; once, however often this is called."""
    outcome = outcome_of(submission, causes)
    if outcome is not None:
        outcomes.note(outcome, now)
