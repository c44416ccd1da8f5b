"""Shared parts of a report's sheets: their input, orders of states, labels and percentages."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Final

from shared.domain.clinics import Configuration
from shared.domain.lifecycle import State
from shared.usecases.reporting.tally import Tally

FAILED: Final = (State.PARTLY_ACCEPTED, State.REFUSED, State.UNKNOWN)
OUTCOME_STATES: Final = (State.ACCEPTED, State.ACCEPTED_WITH_WARNINGS, *FAILED, State.HELD)
"""The states of outcomes, in the order of reports."""

MAX_ROWS: Final = 50
"""Most rows of a sheet whose number of rows is not bounded."""


@dataclass(frozen=True, slots=True)
class SheetInput:
    """The input of a sheet: the tally of the days from `since` to `until`, and the configuration in force."""

    counts: Tally
    configuration: Configuration
    since: date
    until: date


def clinic_label(key: str) -> str:
    """Return the key of a clinic as a report shows it."""
    return key or "(no clinic)"


def most_frequent_first(counts: Counter[tuple[str, ...]]) -> list[tuple[tuple[str, ...], int]]:
    """Sort counts in descending order; equal counts by key, so that a report is reproducible."""
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
