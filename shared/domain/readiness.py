"""Readiness for production as values: CT WiZ's test phases, clean days, the reasons against it, checklist."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

IN_PRODUCTION: Final = (
    "Every working day: `vaxline worklist`, correct and resubmit; `vaxline files`: did every feed arrive?",
    "Every week: `vaxline report acks` and `vaxline report quality`, and talk to the clinics that they name.",
    "When a clinic, a vaccine or an EHR changes: `vaxline check` on its first file before it goes into the inbox.",
    "Before a password expires: the new one into the clinic's secret, then `vaxline valve list`.",
)
"""The regular tasks once the interface is in production."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day of messages.

    Attributes:
        date: the day of the answers, in the IIS's time zone.
        messages: messages that the IIS answered or may have stored.
        warnings: messages accepted with warnings.
        errors: messages refused, partly accepted, or without a readable answer.
        held: submissions that vaxline held; they do not break a day.
        causes: causes of the day's warnings and errors, the most frequent first.
    """

    date: date
    messages: int = 0
    warnings: int = 0
    errors: int = 0
    held: int = 0
    causes: tuple[str, ...] = ()

    @property
    def is_broken(self) -> bool:
        """Whether the day had a warning or an error."""
        return self.warnings + self.errors > 0

    @property
    def word(self) -> str:
        """`broken`, `clean`, or `silent` where nothing was sent."""
        return "broken" if self.is_broken else "clean" if self.messages else "silent"


@dataclass(frozen=True, slots=True)
class Phase:
    """One of CT WiZ's test phases: what it asks, whether it is passed, and the evidence."""

    title: str
    asks: str
    is_passed: bool
    evidence: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often a field is present: per message for a patient's field, per dose administered here for a dose's."""

    field: str
    present: int
    absent: int


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason why the interface or a clinic is not ready.

    Attributes:
        words: what is missing, as a sentence.
        since: the first day on which it was missing; None where nothing was sent yet.
    """

    words: str
    since: date | None = None


@dataclass(frozen=True, slots=True)
class Readiness:
    """The readiness of one clinic, or of the whole interface. Days are those of the IIS's time zone.

    Attributes:
        clinic: the clinic's key; empty for the whole interface.
        days: the days shown, oldest first, from the first on which anything was sent or held; the last is today.
        clean_since: first day of the current clean run; None before any message.
        could_end: the first day on which the run has all of its days behind it.
        streak: whole days of the run, today not included.
        silent: whole days of the run without a message.
        messages: messages of the run.
        active_days: days of the run with a message.
        broken_on: the last day with a warning or an error.
        reasons: the reasons why it is not ready; none where it is.
        phases: CT WiZ's test phases.
        coverage: how often each field was present in the days shown.
    """

    clinic: str
    days: tuple[Day, ...]
    clean_since: date | None
    could_end: date | None
    streak: int = 0
    silent: int = 0
    messages: int = 0
    active_days: int = 0
    broken_on: Day | None = None
    reasons: tuple[Reason, ...] = ()
    phases: tuple[Phase, ...] = ()
    coverage: tuple[Coverage, ...] = ()

    @property
    def is_ready(self) -> bool:
        """Whether nothing speaks against production."""
        return not self.reasons


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """One line of the checklist before going live. `is_done` is None where only people know."""

    words: str
    is_done: bool | None = None
