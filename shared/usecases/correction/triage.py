"""What comes to the resubmission queue: what can be retried goes back to the outbox, the rest to the worklist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.domain import faults
from shared.domain.lifecycle import NEEDS_A_PERSON, State
from shared.domain.submission import Strategy, Submission
from shared.ports.clock import Clock
from shared.ports.ledger import Backlog, Outcomes, Submissions, Worklist
from shared.ports.queues import Outbox
from shared.usecases.delivery.follow_up import count_outcome
from shared.usecases.delivery.requeue import By, requeue
from shared.usecases.findings import causes_of_hold

# The whole ladder is climbed this many times before a person is asked.
ROUNDS: Final = 3
_RETRIED: Final = frozenset({Strategy.RETRY, Strategy.CHECK_IIS})


@dataclass(frozen=True, slots=True)
class Triaged:
    """What became of one reference: `queued again`, `worklist` or why it needed nothing."""

    msh_10: str
    clinic: str
    outcome: str
    causes: tuple[str, ...] = ()


class Triage:
    """The use case with its ports."""

    def __init__(
        self,
        *,
        submissions: Submissions,
        outcomes: Outcomes,
        worklist: Worklist,
        backlog: Backlog,
        outbox: Outbox,
        clock: Clock,
    ) -> None:
        self._submissions = submissions
        self._outcomes = outcomes
        self._worklist = worklist
        self._backlog = backlog
        self._outbox = outbox
        self._clock = clock

    def __call__(self, msh_10: str) -> Triaged:
        submission = self._submissions.get(msh_10)
        if submission is None:
            return Triaged(msh_10, "", "unknown MSH-10")
        if not submission.attempts and submission.state is not State.QUEUED:
            # It was held, whatever became of it since; what was sent is counted where it was answered.
            count_outcome(self._outcomes, submission, causes_of_hold(submission.findings), self._clock.now())
        if submission.replaced_by:
            return Triaged(msh_10, submission.clinic, "replaced meanwhile")
        if may_be_retried(submission):
            return self._queue_again(submission)
        if submission.state in NEEDS_A_PERSON or submission.state is State.QUEUED:
            causes = causes_of(submission)
            self._worklist.enter(msh_10, causes)
            return Triaged(msh_10, submission.clinic, "worklist", causes)
        return Triaged(msh_10, submission.clinic, f"nothing to do: {submission.state}")

    def _queue_again(self, submission: Submission) -> Triaged:
        requeue(self._backlog, self._outbox, submission, By.TRIAGE, self._clock.now())
        return Triaged(submission.msh_10, submission.clinic, "queued again", submission.causes)


def may_be_retried(submission: Submission) -> bool:
    """QUEUED with its ladder used up for a fault that may pass by itself, and rounds left."""
    if submission.state is not State.QUEUED or not submission.attempts:
        return False
    fault = faults.BY_CODE.get(submission.attempts[-1].fault)
    if fault is None or fault.strategy not in _RETRIED:
        return False
    return submission.attempt_count < ROUNDS * len(faults.LADDERS[fault.strategy])


def causes_of(submission: Submission) -> tuple[str, ...]:
    """Why it needs a person: our own findings where it was held, the ACK's or the fault's codes where it was sent."""
    if submission.state is not State.HELD:
        return submission.causes
    return causes_of_hold(submission.findings)
