"""Queues a submission again whose tries were used up: on the word of a person, or by triage."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from shared.domain.submission import Submission
from shared.ports.ledger import Backlog
from shared.ports.queues import Outbox, OutboxMessage


class By(StrEnum):
    """Who queues it again: the prefix of the outbox message's `round`."""

    PERSON = "p"
    TRIAGE = "r"


def requeue(backlog: Backlog, outbox: Outbox, submission: Submission, by: By, now: datetime) -> None:
    """Let a QUEUED submission wait for delivery again, from the first step of its retries, with the same MSH-10.

    The `round` differs after every attempt, so that SQS does not drop the message as a duplicate of an earlier one.
    """
    backlog.requeue(submission.msh_10, now)
    round_ = f"{by.value}{submission.attempt_count}"
    outbox.send([OutboxMessage(submission.msh_10, submission.clinic, submission.patient_group, round_)])
