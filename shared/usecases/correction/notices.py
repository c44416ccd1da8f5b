"""E-mails to the operators about submissions that need a person: at most one per clinic, cause and hour.

    triage ──request(clinic, cause)──► pending (hour, clinic, cause) ──hour over─► claim ──► count ──► e-mail ──► remove

Requesting a notice is idempotent, so a redelivered reference causes no second e-mail. A claim lapses after a while if
no e-mail followed: at-least-once delivery. No e-mail is sent for what was corrected in the meantime.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from shared.domain import faults
from shared.domain.codes.local import CAUSE as UNMAPPED
from shared.domain.notice import OTHER, PendingNotice, headline
from shared.ports.clock import Clock
from shared.ports.ledger import NO_CLINIC, Worklist
from shared.ports.notices import PendingNotices, Topic
from shared.usecases.explain import explanation
from shared.usecases.findings import CHECKS

OWN_CODES: Final = frozenset({*CHECKS, *faults.BY_CODE, UNMAPPED})
# The clocks of functions differ, and a slow one may still add a notice to the hour that has just ended.
_GRACE: Final = timedelta(minutes=5)


class Notices:
    """Requests and sends notices.

    Args:
        worklist: Read for the number of submissions that wait.
        pending: The notices that are still to be sent.
        topic: Receives the e-mails.
        clock: The current time.
        stage: Named in the subject and in the commands of the e-mail.
    """

    def __init__(self, *, worklist: Worklist, pending: PendingNotices, topic: Topic, clock: Clock, stage: str) -> None:
        self._worklist = worklist
        self._pending = pending
        self._topic = topic
        self._clock = clock
        self._stage = stage

    def request(self, clinic: str, causes: Sequence[str]) -> None:
        """Request a notice for a submission that entered the worklist. The first of its causes counts."""
        now = self._clock.now()
        hour = now.replace(minute=0, second=0, microsecond=0)
        self._pending.add(PendingNotice(hour, clinic or NO_CLINIC, _headline(causes)))

    def send(self) -> int:
        """Send the notices of hours that are over.

        Returns:
            The number of e-mails.
        """
        now = self._clock.now()
        due: dict[tuple[str, str], list[PendingNotice]] = {}
        for notice in self._pending.open(now - _GRACE - timedelta(hours=1)):
            due.setdefault((notice.clinic, notice.cause), []).append(notice)
        sent = 0
        waiting: dict[str, Counter[str]] = {}
        for (clinic, cause), notices in due.items():
            claimed = [notice for notice in notices if self._pending.claim(notice, now)]
            if not claimed:
                continue
            if clinic not in waiting:
                waiting[clinic] = self._waiting(clinic)
            if count := waiting[clinic][cause]:
                subject = f"vaxline {self._stage}: {cause} at {_clinic_name(clinic)}"
                self._topic.publish(subject, self._text(clinic, cause, count))
                sent += 1
            for notice in claimed:
                self._pending.remove(notice)
        return sent

    def _waiting(self, clinic: str) -> Counter[str]:
        """Count a clinic's entries of the worklist by the headline of their first cause."""
        return Counter(_headline(entry.causes) for entry in self._worklist.entries(clinic=clinic))

    def _text(self, clinic: str, cause: str, count: int) -> str:
        submissions = "1 submission waits" if count == 1 else f"{count} submissions wait"
        explained = None if cause in (OTHER, UNMAPPED) else explanation(cause)
        help_text = f"{explained.words}\nFix: {explained.fix} ({explained.who})\n\n" if explained else ""
        return (
            f"{submissions} for a person at {_clinic_name(clinic)}, cause {cause}.\n\n{help_text}"
            f"Next:\n    vaxline worklist --clinic {clinic} --stage {self._stage}\n\n"
            "At most one such mail comes in an hour for each clinic and cause.\n"
        )


def _headline(causes: Sequence[str]) -> str:
    return headline(causes[0] if causes else "", OWN_CODES)


def _clinic_name(clinic: str) -> str:
    return "no known clinic" if clinic == NO_CLINIC else clinic
