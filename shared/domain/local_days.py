"""Days of the IIS's time zone. The ledger keeps times and the days of outcomes in UTC; people see local days."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

_SATURDAY: Final = 5


def days_between(since: date, until: date) -> Iterator[date]:
    """Yield each day from the first to the last, both included."""
    for number in range((until - since).days + 1):
        yield since + timedelta(days=number)


def utc_days(day: date, zone: tzinfo) -> tuple[date, ...]:
    """Return the UTC days that share a moment with a local day, the first one first.

    Args:
        day: the local day; it has 23 or 25 hours where daylight-saving time begins or ends.
        zone: the time zone.
    """
    begin = datetime.combine(day, time(), zone).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC) - timedelta.resolution
    return tuple(days_between(begin.date(), end.date()))


def last_working_day(before: date, holidays: Collection[date]) -> date:
    """Return the last day before a day that is no Saturday, Sunday or holiday."""
    day = before - timedelta(days=1)
    while day.weekday() >= _SATURDAY or day in holidays:
        day -= timedelta(days=1)
    return day
