"""Tallies by day: read from a stored file where the day is settled, else counted from the ledger's outcomes.

A day is a day of the IIS's time zone, and touches one or two UTC days, on which the ledger keeps the outcomes. It is
settled once a whole UTC day has passed after the last of them. Its stored tally is valid as long as no outcome was
added to one of them later: the ledger counts late outcomes, and the stored tally has that count (ADR 0011).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from shared.domain.local_days import days_between, utc_days
from shared.ports.clock import Clock
from shared.ports.configuration import Configurations
from shared.ports.ledger import Outcomes
from shared.ports.objects import FileStore
from shared.usecases.reporting.tally import Tally, count_days, of_clinic

SETTLED_AFTER_DAYS: Final = 1
"""Whole UTC days after which a day is settled. Clocks differ by less, so any later outcome is counted as late."""

_JSON: Final = "application/json"


class _StoredTally(msgspec.Struct, frozen=True):
    """The tally of a day of a time zone; `late` counts the late outcomes that were added before it was counted."""

    late: int
    zone: str
    counts: list[tuple[tuple[str, ...], int]]


class DayTallies:
    """Counts days of the IIS's time zone, and stores the tallies of settled ones as `tallies/<day>.json`."""

    def __init__(self, *, outcomes: Outcomes, store: FileStore, configurations: Configurations, clock: Clock) -> None:
        self._outcomes = outcomes
        self._store = store
        self._configurations = configurations
        self._clock = clock

    def count(self, since: date, until: date, clinic: str = "") -> Tally:
        """Count some days (both included), for one clinic or all, without storing anything."""
        counts: Tally = Counter()
        for of_day in self.count_each(since, until, clinic).values():
            counts.update(of_day)
        return counts

    def count_each(self, since: date, until: date, clinic: str = "", *, store: bool = False) -> dict[date, Tally]:
        """Count each of some days.

        Args:
            since: the first day.
            until: the last day, included.
            clinic: the clinic's key; empty for all clinics.
            store: whether the tallies of settled days that have none are stored; only where all clinics are counted.

        Returns:
            The tally of each day, the first one first.
        """
        zone = ZoneInfo(self._configurations.current().iis.time_zone)
        days = tuple(days_between(since, until))
        # Late outcomes are counted first: one that comes in between makes the stored tally invalid.
        late = self._late(days, zone)
        stored = {day: counts for day in days if (counts := self._stored(day, late[day], zone)) is not None}
        counted = count_days(self._outcomes, [day for day in days if day not in stored], zone, clinic)
        if store and not clinic:
            for day, counts in counted.items():
                if self._is_settled(day, zone):
                    content = _StoredTally(late[day], zone.key, sorted(counts.items()))
                    self._store.put(_file_name(day), msgspec.json.encode(content), _JSON)
        of_stored = {day: of_clinic(counts, clinic) if clinic else counts for day, counts in stored.items()}
        return {day: (of_stored | counted)[day] for day in days}

    def _late(self, days: tuple[date, ...], zone: ZoneInfo) -> Mapping[date, int]:
        """Return how many late outcomes the UTC days of each day got."""
        if not days:
            return {}
        touched = {day: utc_days(day, zone) for day in days}
        late = self._outcomes.late(touched[days[0]][0], touched[days[-1]][-1])
        return {day: sum(late.get(utc_day, 0) for utc_day in touched[day]) for day in days}

    def _stored(self, day: date, late: int, zone: ZoneInfo) -> Tally | None:
        """Return the stored tally of a settled day; None where there is none or it is not valid any more."""
        content = self._store.get(_file_name(day)) if self._is_settled(day, zone) else None
        if content is None:
            return None
        try:
            stored = msgspec.json.decode(content, type=_StoredTally)
        except msgspec.DecodeError:
            # Written by a version with another shape.
            return None
        return Counter(dict(stored.counts)) if (stored.late, stored.zone) == (late, zone.key) else None

    def _is_settled(self, day: date, zone: ZoneInfo) -> bool:
        today = self._clock.now().astimezone(UTC).date()
        return utc_days(day, zone)[-1] < today - timedelta(days=SETTLED_AFTER_DAYS)


def _file_name(day: date) -> str:
    return f"tallies/{day}.json"
