"""One round of the valve's trial: a few messages of the outbox are sent to see if the IIS takes them.

The outbox's event source is off meanwhile, so the check of the valve receives the messages itself. A message that is
not in doubt is tried first: the one resend of a message in doubt would be lost if the IIS still fails. Only where
nothing else waits, and after an hour, such a message is tried too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

import msgspec

from shared import settings
from shared.domain.lifecycle import State
from shared.domain.submission import Submission
from shared.domain.valve import TRIAL_WAITS, Tally
from shared.ports.clock import Clock
from shared.ports.ledger import Submissions
from shared.ports.queues import OutboxReader, Received
from shared.usecases.delivery.delivered import Delivered, Later
from shared.usecases.delivery.submit import Submit

RESEND_AFTER: Final = 3_600
"""Seconds since its last try after which a message in doubt may be a trial."""

_IN_DOUBT: Final = frozenset({State.UNKNOWN, State.SENDING})


class Round(msgspec.Struct, frozen=True):
    """The result of a round: how its calls ended, and the result of each message."""

    tally: Tally
    results: tuple[Delivered, ...] = ()


class TrialRound:
    """Sends rounds.

    Args:
        submit: Delivers the messages.
        outbox: Where they are received.
        submissions: Read for what is in doubt.
        clock: The current time.
        retry_scale: Factor on every wait; below 1 in the local run and in tests.
    """

    def __init__(
        self,
        *,
        submit: Submit,
        outbox: OutboxReader,
        submissions: Submissions,
        clock: Clock,
        retry_scale: float = 1.0,
    ) -> None:
        self._submit = submit
        self._outbox = outbox
        self._submissions = submissions
        self._clock = clock
        self._scale = retry_scale

    def __call__(self, size: int, seconds_left: Callable[[], float]) -> Round:
        """Send messages one by one until `size` calls were made, one is in doubt, nothing waits, or the time is short.

        Args:
            size: The number of calls.
            seconds_left: The time until the process is stopped.
        """
        done = Round(Tally())
        in_doubt: list[Received] = []
        while done.tally.calls < size and not done.tally.doubts and seconds_left() > settings.CLAIM_RESERVE:
            received = self._outbox.receive(1)
            if not received:
                break
            if _is_in_doubt(self._found(received[0])):
                in_doubt += received
            else:
                done = self._send(received, done, seconds_left)
        if not done.tally.calls:
            ready = [one for one in in_doubt if self._may_be_tried(self._found(one))][:1]
            in_doubt = [one for one in in_doubt if one not in ready]
            done = self._send(ready, done, seconds_left)
        for one in in_doubt:
            self._outbox.delay(one.receipt, round(TRIAL_WAITS[-1] * self._scale))
        return done

    def _send(self, received: Sequence[Received], done: Round, seconds_left: Callable[[], float]) -> Round:
        """Deliver messages, and remove or delay each accordingly."""
        if not received:
            return done
        results, tally = self._submit.try_out([one.message for one in received], seconds_left)
        for one, result in zip(received, results, strict=True):
            if not isinstance(result, Later):
                self._outbox.remove([one.receipt])
            elif result.wait is not None:
                self._outbox.delay(one.receipt, result.wait)
        return Round(done.tally.plus(tally), (*done.results, *results))

    def _found(self, received: Received) -> Submission | None:
        return self._submissions.get(received.message.msh_10)

    def _may_be_tried(self, submission: Submission | None) -> bool:
        if submission is None or submission.state is not State.UNKNOWN:
            return False
        last = submission.attempts[-1].started
        return self._clock.now() - last >= timedelta(seconds=RESEND_AFTER * self._scale)


def _is_in_doubt(submission: Submission | None) -> bool:
    return submission is not None and submission.state in _IN_DOUBT
