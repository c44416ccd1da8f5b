"""CT WiZ's test phases and its two clean weeks, as values: days, phases, checklist."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

WINDOW: Final = 14
"""Days without an error or a warning that CT WiZ asks for before production."""

IN_PRODUCTION: Final = (
    "Every working day: `vaxline worklist`, correct and resubmit; `vaxline files`: did every feed arrive?",
    "Every week: `vaxline report acks` and `vaxline report quality`, and talk to the clinics that they name.",
    "When a clinic, a vaccine or an EHR changes: `vaxline check` on its first file before it goes into the inbox.",
    "Before a password runs out: the new one into the clinic's secret, then `vaxline valve list`.",
)
"""What stays to be done once the interface is live."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day: messages that the IIS answered (or may have stored), those with warnings, those with errors.

    `held` are what vaxline kept back on that day. `causes` are the worklist's causes of its warnings and errors, the
    commonest first.
    """

    date: date
    messages: int = 0
    warnings: int = 0
    errors: int = 0
    held: int = 0
    causes: tuple[str, ...] = ()

    @property
    def is_broken(self) -> bool:
        return self.warnings + self.errors > 0

    @property
    def word(self) -> str:
        """`broken`, `clean`, or `silent` where nothing was sent."""
        return "broken" if self.is_broken else "clean" if self.messages else "silent"


@dataclass(frozen=True, slots=True)
class Phase:
    """One of CT WiZ's test phases: what it asks, whether the last days show it, and what shows it."""

    title: str
    asks: str
    is_passed: bool
    evidence: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """The days shown, oldest first, from the first that had anything.

    `clean_since` is the first day of the current clean run (None before any message), `streak` counts its days up to
    today, `silent` those of them without a message. `broken_on` is the last day with a warning or an error. `could_end`
    is the day on which the run is fourteen days long, silent days included; `is_ready` once it was reached with today's
    messages.
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
class Item:
    """One line of a checklist; `is_done` is None where only people know."""

    words: str
    is_done: bool | None = None
