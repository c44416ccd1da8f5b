"""Tallies by day: read from a stored file where the day is settled, else counted from the ledger's outcomes.

A day is settled once a whole day has passed after its end. Its stored tally is valid as long as no outcome was added to
the day later: the ledger counts late outcomes, and the stored tally has that count (ADR 0011).
"""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Final

import msgspec

from shared.ports.clock import Clock
from shared.ports.ledger import Outcomes
from shared.ports.objects import FileStore
from shared.usecases.reporting.tally import Tally, days_between, of_clinic, tally

SETTLED_AFTER_DAYS: Final = 1
"""Whole days after which a day is settled. Clocks differ by less, so any later outcome is counted as late."""

_JSON: Final = "application/json"


class _StoredTally(msgspec.Struct, frozen=True):
    """The tally of a day; `late` is the number of late outcomes that were added before it was counted."""

    late: int
    counts: list[tuple[tuple[str, ...], int]]


class DayTallies:
    """Counts days, and stores the tallies of settled ones as `tallies/<day>.json`."""

    def __init__(self, *, outcomes: Outcomes, store: FileStore, clock: Clock) -> None:
        self._outcomes = outcomes
        self._store = store
        self._clock = clock

    def count(self, since: date, until: date, clinic: str = "") -> Tally:
        """Count some days (UTC, both included), for one clinic or all, without storing anything."""
        late = self._outcomes.late(since, until)
        counts: Tally = Counter()
        for day in days_between(since, until):
            stored = self._stored(day, late.get(day, 0))
            if stored is None:
                counts.update(tally(self._outcomes.of_day(day, clinic)))
            else:
                counts.update(of_clinic(stored, clinic) if clinic else stored)
        return counts

    def count_and_store(self, since: date, until: date) -> dict[date, Tally]:
        """Count some days (UTC, both included) for all clinics; store the settled ones that are not stored yet."""
        # Late outcomes are counted first: one that comes in between makes the stored tally invalid.
        late = self._outcomes.late(since, until)
        return {day: self._count_and_store(day, late.get(day, 0)) for day in days_between(since, until)}

    def _count_and_store(self, day: date, late: int) -> Tally:
        counts = self._stored(day, late)
        if counts is None:
            counts = tally(self._outcomes.of_day(day))
            if self._is_settled(day):
                stored = _StoredTally(late, sorted(counts.items()))
                self._store.put(_file_name(day), msgspec.json.encode(stored), _JSON)
        return counts

    def _stored(self, day: date, late: int) -> Tally | None:
        """Return the stored tally of a settled day; None where there is none or it is not valid any more."""
        content = self._store.get(_file_name(day)) if self._is_settled(day) else None
        if content is None:
            return None
        try:
            stored = msgspec.json.decode(content, type=_StoredTally)
        except msgspec.DecodeError:
            # Written by a version that did not count late outcomes.
            return None
        return Counter(dict(stored.counts)) if stored.late == late else None

    def _is_settled(self, day: date) -> bool:
        return day < self._clock.now().date() - timedelta(days=SETTLED_AFTER_DAYS)


def _file_name(day: date) -> str:
    return f"tallies/{day}.json"
