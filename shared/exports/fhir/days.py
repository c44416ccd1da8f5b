"""The day of a FHIR dateTime.

A time with an offset, such as `2026-10-05T21:30:00-04:00`, tells its own day. A time in UTC, such as
`2026-10-06T01:30:00Z`, is of the evening before in Connecticut: it needs the time zone of the source. Midnight in UTC
is how many systems write a mere date, and stays that date.
"""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Final

from shared.exports import values

_IN_UTC: Final = re.compile(r"\d{4}-\d\d-\d\dT(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(?:Z|[+-]00:00)")
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
    if zone is None or day is None or not _is_moment_in_utc(text):
        return day
    try:
        return datetime.fromisoformat(text).astimezone(zone).strftime("%Y%m%d")
    except (ValueError, OverflowError):
        return day


def needs_zone(text: str) -> bool:
    """Tell whether a dateTime in UTC may be of the day before where it was written."""
    return _is_moment_in_utc(text) and int(text[11:13]) < _LAST_HOUR_OF_DAY_BEFORE


def _is_moment_in_utc(text: str) -> bool:
    match = _IN_UTC.fullmatch(text)
    return match is not None and any(part is not None and part != "00" for part in match.groups())


def zone_of(name: str) -> tzinfo | None:
    """Return the time zone of a source (`time_zone` in clinics.toml); None if it has none."""
    if not name:
        return None
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - few sources have times in UTC

    return ZoneInfo(name)
