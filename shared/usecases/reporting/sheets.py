"""What reports are made of: sheets of plain numbers and words, without patient data."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Final

from shared.domain.clinics import Configuration
from shared.domain.lifecycle import State
from shared.usecases.reporting.tally import Tally

FAILED: Final = (State.PARTLY_ACCEPTED, State.REFUSED, State.UNKNOWN)
OUTCOMES: Final = (State.ACCEPTED, State.ACCEPTED_WITH_WARNINGS, *FAILED, State.HELD)
"""The states of outcomes, in the order of reports."""

TOP: Final = 50
"""So many rows of a sheet that could have any number."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the makers of sheets work from."""

    counts: Tally
    configuration: Configuration
    since: date
    until: date


def share(part: int, whole: int) -> str:
    """A part of a whole in per cent; empty where there is no whole."""
    return f"{100 * part / whole:.1f} %" if whole else ""


def clinic_name(key: str) -> str:
    """A clinic's key as a report shows it."""
    return key or "(no clinic)"


def ranked(counts: Counter[tuple[str, ...]]) -> list[tuple[tuple[str, ...], int]]:
    """The commonest first; equal counts in the order of their keys, so that a report reads the same every time."""
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
