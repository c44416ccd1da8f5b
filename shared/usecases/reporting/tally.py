"""Tallies: all counts that reports need, in one table of numbers.

The key of a count is (measure, clinic, and what the measure distinguishes). Tallies of two days add up to the tally of
both. The number of keys grows with codes and days, not with messages. Days and hours are those of the IIS's time zone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import date, tzinfo
from typing import Final

from shared.domain.local_days import utc_days
from shared.domain.outcome import ADMINISTERED, DELETED, DOSE_FIELDS, PATIENT_FIELDS, DoseOutcome, Outcome
from shared.ports.ledger import Outcomes
from shared.replaced import replace

Tally = Counter[tuple[str, ...]]

_INDEX: Final = re.compile(r"\[[0-9]+\]")
_SECONDS: Final = ((0.5, "0.5 s"), (1.0, "1 s"), (2.0, "2 s"), (5.0, "5 s"), (10.0, "10 s"), (30.0, "30 s"))
SECONDS: Final = (*(f"up to {label}" for _, label in _SECONDS), "longer")
"""Bands of the IIS's answer time."""

_DELAYS: Final = ((1, "up to 1 day"), (3, "2 to 3 days"), (7, "4 to 7 days"), (30, "8 to 30 days"))
LATE_DELAY: Final = "more than 30 days"
DELAYS: Final = (*(label for _, label in _DELAYS), LATE_DELAY, "in the future", "not known")
"""Bands of the days between a dose that was administered here and its report."""


def _seconds_band(outcome: Outcome) -> str:
    return next((f"up to {label}" for limit, label in _SECONDS if outcome.seconds <= limit), SECONDS[-1])


def _delay_band(dose: DoseOutcome) -> str:
    if dose.delay is None:
        return "not known"
    if dose.delay < 0:
        return "in the future"
    return next((label for limit, label in _DELAYS if dose.delay <= limit), LATE_DELAY)


def _field_presence(outcome: Outcome) -> Iterator[tuple[str, ...]]:
    """Yield (field, present or absent): a patient's fields per message, a dose's per dose administered here."""
    for field in PATIENT_FIELDS:
        yield field, "absent" if field in outcome.absent else "present"
    for dose in _administered(outcome):
        for field in DOSE_FIELDS:
            yield field, "absent" if field in dose.absent else "present"


def _administered(outcome: Outcome) -> Iterator[DoseOutcome]:
    return (dose for dose in outcome.doses if dose.kind == ADMINISTERED)


_Measure = Callable[[Outcome], Iterable[tuple[str, ...]]]
MEASURES: Final[dict[str, _Measure]] = {
    "answers": lambda outcome: [(outcome.day.isoformat(), outcome.state)],
    "hours": lambda outcome: [(f"{outcome.when:%H}",)] if outcome.attempts else (),
    "seconds": lambda outcome: [(_seconds_band(outcome),)] if outcome.attempts else (),
    "attempts": lambda outcome: [(str(outcome.attempts),)] if outcome.attempts else (),
    "causes": lambda outcome: [
        (cause, outcome.state, outcome.day.isoformat()) for cause in dict.fromkeys(outcome.causes)
    ],
    "errors": lambda outcome: dict.fromkeys(
        (severity, code, _INDEX.sub("", path)) for severity, code, path in outcome.errors
    ),
    "msa_1": lambda outcome: [(outcome.msa_1 or "none",)] if outcome.attempts else (),
    "faults": lambda outcome: [(outcome.fault,)] if outcome.fault else (),
    "facilities": lambda outcome: [(outcome.facility, outcome.state)] if outcome.facility else (),
    "profiles": lambda outcome: [(outcome.profile or "no message", outcome.state)],
    "kinds_of_message": lambda outcome: [("correction" if outcome.is_correction else "first",)],
    "doses": lambda outcome: [(outcome.day.isoformat(), dose.kind) for dose in outcome.doses],
    "vaccines": lambda outcome: [(dose.vaccine, dose.kind) for dose in outcome.doses if dose.kind != DELETED],
    "lots": lambda outcome: [(dose.lot, dose.vaccine) for dose in _administered(outcome) if dose.lot],
    "eligibility": lambda outcome: [(dose.age, dose.eligibility) for dose in _administered(outcome)],
    "delays": lambda outcome: [(_delay_band(dose),) for dose in _administered(outcome)],
    "fields": _field_presence,
}
"""Measure → the keys that it counts for one outcome, without measure and clinic. A repeated key counts repeatedly."""


def tally(outcomes: Iterable[Outcome], zone: tzinfo) -> Tally:
    """Count outcomes, on the days and hours of a time zone."""
    counts: Tally = Counter()
    for outcome in outcomes:
        _count(counts, _in_zone(outcome, zone))
    return counts


def count_days(outcomes: Outcomes, days: Collection[date], zone: tzinfo, clinic: str = "") -> dict[date, Tally]:
    """Count the outcomes of some days, for one clinic or all. Reads each UTC day that they touch once.

    Args:
        outcomes: the ledger's outcomes.
        days: the days of the time zone.
        zone: the time zone.
        clinic: the clinic's key; empty for all clinics.

    Returns:
        The tally of each of the days.
    """
    counts: dict[date, Tally] = {day: Counter() for day in days}
    for utc_day in sorted({utc_day for day in days for utc_day in utc_days(day, zone)}):
        for outcome in outcomes.of_day(utc_day, clinic):
            local = _in_zone(outcome, zone)
            if local.day in counts:
                _count(counts[local.day], local)
    return counts


def _count(counts: Tally, outcome: Outcome) -> None:
    for name, measure in MEASURES.items():
        for key in measure(outcome):
            counts[name, outcome.clinic, *key] += 1


def _in_zone(outcome: Outcome, zone: tzinfo) -> Outcome:
    """Return an outcome with its time, day and delays on the clock of a time zone."""
    when = outcome.when.astimezone(zone)
    shift = (when.date() - outcome.day).days
    if not shift:
        return replace(outcome, when=when)
    doses = (dose if dose.delay is None else replace(dose, delay=dose.delay + shift) for dose in outcome.doses)
    return replace(outcome, when=when, doses=tuple(doses))


def of_clinic(counts: Tally, clinic: str) -> Tally:
    """Return the counts of one clinic."""
    return Counter({key: count for key, count in counts.items() if key[1] == clinic})


def totals(counts: Tally, measure: str, *positions: int) -> Counter[tuple[str, ...]]:
    """Sum the counts of one measure by some parts of its key.

    Args:
        counts: the tally.
        measure: key of `MEASURES`.
        *positions: the parts of the key to keep; 0 is the clinic, 1 the first part that the measure distinguishes.
    """
    sums: Counter[tuple[str, ...]] = Counter()
    for key, count in counts.items():
        if key[0] == measure:
            sums[tuple(key[position + 1] for position in positions)] += count
    return sums
