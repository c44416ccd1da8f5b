"""Readiness for production as values: CT WiZ's test phases, clean days, checklist."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

CLEAN_DAYS_REQUIRED: Final = 14
"""Days without an error or a warning that CT WiZ asks for before production."""

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
        date: the day (UTC) of the answers.
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
class Readiness:
    """The readiness of one clinic, or of the whole interface.

    Attributes:
        clinic: the clinic's key; empty for the whole interface.
        days: the days shown, oldest first, from the first on which anything was sent or held.
        clean_since: first day of the current clean run; None before any message.
        could_end: the day on which the run has `CLEAN_DAYS_REQUIRED` days, silent ones included.
        is_ready: whether `could_end` is reached.
        streak: days of the run up to today.
        silent: days of the run without a message.
        broken_on: the last day with a warning or an error.
        phases: CT WiZ's test phases.
    """

    clinic: str
    days: tuple[Day, ...]
    clean_since: date | None
    could_end: date | None
    is_ready: bool
    streak: int = 0
    silent: int = 0
    broken_on: Day | None = None
    phases: tuple[Phase, ...] = ()


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """One line of the checklist before going live. `is_done` is None where only people know."""

    words: str
    is_done: bool | None = None
