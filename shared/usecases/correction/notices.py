"""Mails to those who correct: one for each clinic and cause and hour, once the hour is over, however much came.

    triage ──mark(clinic, cause)──► [hour, clinic, cause] ──the hour is over──► claim ──► count ──► mail ──► gone

A mark is written once however often it is asked for, so a redelivered reference makes no second mail. A claim that was
not followed by its mail is open to the next run after a while: a mail may come twice then, and never not at all. What
was corrected meanwhile is mailed to nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from shared.domain import faults
from shared.domain.codes.local import CAUSE as UNMAPPED
from shared.domain.notice import OTHER, Mark, headline
from shared.ports.clock import Clock
from shared.ports.ledger import NO_CLINIC, Ledger
from shared.ports.notices import Marks, Topic
from shared.usecases.explain import explanation
from shared.usecases.findings import CHECKS

OWN: Final = frozenset({*CHECKS, *faults.BY_CODE, UNMAPPED})
# Clocks of two functions differ a little, and one that was slow may still mark the hour that has just ended.
_AFTER_THE_HOUR: Final = timedelta(minutes=5)


class Notices:
    """The use case with its ports; `stage` is what the commands in a mail are for."""

    def __init__(self, *, ledger: Ledger, marks: Marks, topic: Topic, clock: Clock, stage: str) -> None:
        self._ledger = ledger
        self._marks = marks
        self._topic = topic
        self._clock = clock
        self._stage = stage

    def mark(self, clinic: str, causes: Sequence[str]) -> None:
        """Has a mail sent for a submission that came before a person, by the first of its causes."""
        now = self._clock.now()
        hour = now.replace(minute=0, second=0, microsecond=0)
        self._marks.add(Mark(hour, clinic or NO_CLINIC, headline(causes[0] if causes else "", OWN)))

    def send(self) -> int:
        """Sends what is due; how many mails that were."""
        now = self._clock.now()
        due: dict[tuple[str, str], list[Mark]] = {}
        for mark in self._marks.open(now - _AFTER_THE_HOUR - timedelta(hours=1)):
            due.setdefault((mark.clinic, mark.cause), []).append(mark)
        sent = 0
        waiting: dict[str, Counter[str]] = {}
        for key, marks in due.items():
            clinic, cause = key
            claimed = [mark for mark in marks if self._marks.claim(mark, now)]
            if not claimed:
                continue
            if clinic not in waiting:
                waiting[clinic] = self._waiting(clinic)
            if count := waiting[clinic][cause]:
                self._topic.publish(f"vaxline {self._stage}: {cause} at {_place(clinic)}", self._text(*key, count))
                sent += 1
            for mark in claimed:
                self._marks.remove(mark)
        return sent

    def _waiting(self, clinic: str) -> Counter[str]:
        """How many submissions of a clinic wait for a person, by the headline of their first cause."""
        entries = self._ledger.worklist(clinic=clinic)
        return Counter(headline(entry.causes[0] if entry.causes else "", OWN) for entry in entries)

    def _text(self, clinic: str, cause: str, count: int) -> str:
        submissions = "1 submission waits" if count == 1 else f"{count} submissions wait"
        known = None if cause in (OTHER, UNMAPPED) else explanation(cause)
        explained = f"{known.words}\nFix: {known.fix} ({known.who})\n\n" if known else ""
        return (
            f"{submissions} for a person at {_place(clinic)}, cause {cause}.\n\n{explained}"
            f"Next:\n    vaxline worklist --clinic {clinic} --stage {self._stage}\n\n"
            "At most one such mail comes in an hour for each clinic and cause.\n"
        )


def _place(clinic: str) -> str:
    return "no known clinic" if clinic == NO_CLINIC else clinic
