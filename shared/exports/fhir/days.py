"""The day of a FHIR dateTime.

A time with an offset, such as `2026-10-05T21:30:00-04:00`, tells its own day. A time in UTC needs the time zone of the
source (`moments`).
"""

from __future__ import annotations

from datetime import tzinfo
from functools import lru_cache
from typing import Final

from shared.exports import moments, values

# In no time zone of the United States is a later hour in UTC of the day before.
_LAST_HOUR_OF_DAY_BEFORE: Final = 12


@lru_cache(maxsize=8192)
def local_day(text: str, zone: tzinfo | None) -> str | None:
    """Return the day of a date or dateTime as `YYYYMMDD`; None if it does not tell one.

    Args:
        text: The date or dateTime.
        zone: The time zone in which times in UTC are read; None if the day that is written counts.
    """
    day = values.iso_day(text)
    if zone is None or day is None:
        return day
    return moments.day_in(zone, text) or day


def needs_zone(text: str) -> bool:
    """Tell whether a dateTime in UTC may be of the day before where it was written."""
    return moments.is_in_utc(text) and int(text[11:13]) < _LAST_HOUR_OF_DAY_BEFORE
