"""What can be counted of outcomes, counted once: a tally is one table of numbers that every report reads.

A key is (measure, clinic, and what the measure tells apart); tallies of two days add up to the tally of both. The keys
are bounded by codes and days, not by messages.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from typing import Final

from shared.domain.outcome import ADMINISTERED, DELETED, DOSE_FIELDS, PATIENT_FIELDS, DoseOutcome, Outcome
from shared.ports.ledger import Outcomes

Tally = Counter[tuple[str, ...]]

_INDEX: Final = re.compile(r"\[[0-9]+\]")
_SECONDS: Final = ((0.5, "0.5 s"), (1.0, "1 s"), (2.0, "2 s"), (5.0, "5 s"), (10.0, "10 s"), (30.0, "30 s"))
SECONDS: Final = (*(f"up to {words}" for _, words in _SECONDS), "longer")
"""Bands of the IIS's answer time."""

_DELAYS: Final = ((1, "up to 1 day"), (3, "2 to 3 days"), (7, "4 to 7 days"), (30, "8 to 30 days"))
DELAYS: Final = (*(words for _, words in _DELAYS), "more than 30 days", "in the future", "not known")
"""Bands of the days from a dose that was administered here to its report."""


def _seconds(one: Outcome) -> str:
    return next((f"up to {words}" for limit, words in _SECONDS if one.seconds <= limit), SECONDS[-1])


def _delay(dose: DoseOutcome) -> str:
    if dose.delay is None:
        return "not known"
    if dose.delay < 0:
        return "in the future"
    return next((words for limit, words in _DELAYS if dose.delay <= limit), "more than 30 days")


def _asked(one: Outcome) -> Iterator[tuple[str, ...]]:
    """(field, present or absent), once per message for the patient's and per dose administered here for the dose's."""
    for field in PATIENT_FIELDS:
        yield field, "absent" if field in one.absent else "present"
    for dose in one.doses:
        if dose.kind == ADMINISTERED:
            for field in DOSE_FIELDS:
                yield field, "absent" if field in dose.absent else "present"


def _here(one: Outcome) -> Iterator[DoseOutcome]:
    return (dose for dose in one.doses if dose.kind == ADMINISTERED)


_Measure = Callable[[Outcome], Iterable[tuple[str, ...]]]
MEASURES: Final[dict[str, _Measure]] = {
    "answers": lambda one: [(one.day.isoformat(), one.state)],
    "hours": lambda one: [(f"{one.when:%H}",)] if one.attempts else (),
    "seconds": lambda one: [(_seconds(one),)] if one.attempts else (),
    "attempts": lambda one: [(str(one.attempts),)] if one.attempts else (),
    "causes": lambda one: [(cause, one.state, one.day.isoformat()) for cause in dict.fromkeys(one.causes)],
    "errors": lambda one: dict.fromkeys((level, code, _INDEX.sub("", path)) for level, code, path in one.errors),
    "msa_1": lambda one: [(one.msa_1 or "none",)] if one.attempts else (),
    "faults": lambda one: [(one.fault,)] if one.fault else (),
    "facilities": lambda one: [(one.facility, one.state)] if one.facility else (),
    "profiles": lambda one: [(one.profile or "no message", one.state)],
    "kinds_of_message": lambda one: [("correction" if one.is_correction else "first",)],
    "doses": lambda one: [(one.day.isoformat(), dose.kind) for dose in one.doses],
    "vaccines": lambda one: [(dose.vaccine, dose.kind) for dose in one.doses if dose.kind != DELETED],
    "lots": lambda one: [(dose.lot, dose.vaccine) for dose in _here(one) if dose.lot],
    "eligibility": lambda one: [(dose.age, dose.eligibility) for dose in _here(one)],
    "delays": lambda one: [(_delay(dose),) for dose in _here(one)],
    "fields": _asked,
}
"""Each measure's keys for one outcome, without measure and clinic; a key that comes twice counts twice."""


def tally(found: Iterable[Outcome]) -> Tally:
    """The tally of some outcomes."""
    counts: Tally = Counter()
    for one in found:
        for name, measure in MEASURES.items():
            for key in measure(one):
                counts[name, one.clinic, *key] += 1
    return counts


def days(since: date, until: date) -> Iterator[date]:
    """Each day from the first to the last, both included."""
    for number in range((until - since).days + 1):
        yield since + timedelta(days=number)


def tally_of(outcomes: Outcomes, since: date, until: date, clinic: str = "") -> Tally:
    """The tally of some days (UTC, both included), of one clinic or of all. Reads each day's outcomes once."""
    counts: Tally = Counter()
    for day in days(since, until):
        counts.update(tally(outcomes.of_day(day, clinic)))
    return counts


def by(counts: Tally, measure: str, *places: int) -> Counter[tuple[str, ...]]:
    """One measure, added up over everything but the places of its key that are named (0 is the clinic)."""
    found: Counter[tuple[str, ...]] = Counter()
    for key, count in counts.items():
        if key[0] == measure:
            found[tuple(key[place + 1] for place in places)] += count
    return found
