"""Triage of the resubmission queue: submissions that can be retried are queued again, the others enter the worklist."""

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

ROUNDS: Final = 3
"""How often all steps of a fault's retries are used up before a person is asked."""

_RETRIED: Final = frozenset({Strategy.RETRY, Strategy.CHECK_IIS})


@dataclass(frozen=True, slots=True)
class Triaged:
    """The result for one reference. `outcome` is `queued again`, `worklist`, or why nothing was to be done."""

    msh_10: str
    clinic: str
    outcome: str
    causes: tuple[str, ...] = ()


class Triage:
    """Triages single submissions.

    Args:
        submissions: The submissions.
        outcomes: Counts what is held.
        worklist: What needs a person.
        backlog: Where a submission waits again.
        outbox: Receives what is queued again.
        clock: The current time.
    """

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
        """Queue a submission again or enter it into the worklist. Repeating this is harmless."""
        submission = self._submissions.get(msh_10)
        if submission is None:
            return Triaged(msh_10, "", "unknown MSH-10")
        if not submission.attempts and submission.state is not State.QUEUED:
            # It was held when it was made. A submission that was sent is counted by submit.
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
    """Whether a QUEUED submission with no retries left is queued again: its fault may pass, and rounds are left."""
    if submission.state is not State.QUEUED or not submission.attempts:
        return False
    fault = faults.BY_CODE.get(submission.attempts[-1].fault)
    if fault is None or fault.strategy not in _RETRIED:
        return False
    counted = sum(not attempt.free for attempt in submission.attempts)
    return counted < ROUNDS * len(faults.LADDERS[fault.strategy])


def causes_of(submission: Submission) -> tuple[str, ...]:
    """Return why a submission needs a person: our findings if it is held, else the codes of the ACK or the fault."""
    if submission.state is not State.HELD:
        return submission.causes
    return causes_of_hold(submission.findings)
