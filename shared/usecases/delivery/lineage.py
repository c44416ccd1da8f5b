"""The chain of submissions that correct one another, walked along `replaces` and `replaced_by`."""

from __future__ import annotations

from typing import Final

from shared.domain.lifecycle import Event, State
from shared.domain.submission import Submission
from shared.ports.ledger import Ledger

_NEVER_SENT: Final = frozenset({State.HELD, State.QUEUED, State.CLOSED})


def supersede_predecessors(ledger: Ledger, submission: Submission) -> None:
    """Supersede every submission that an accepted one replaces, directly or through others."""
    older: Submission | None = submission
    while older is not None and older.replaces:
        ledger.move(older.replaces, Event.SUPERSEDE)
        older = ledger.get(older.replaces)


def is_overtaken(ledger: Ledger, submission: Submission) -> bool:
    """Whether a correction of the submission has been sent.

    The queue keeps a patient's messages in order, but retries and lost queue messages do not.
    """
    newer = submission.replaced_by
    while newer:
        correction = ledger.get(newer)
        if correction is None:
            return False
        if correction.state not in _NEVER_SENT:
            return True
        newer = correction.replaced_by
    return False
