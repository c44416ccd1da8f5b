"""The day of a moment that is written in UTC, such as `2026-10-06T01:30:00Z`: in Connecticut the evening before.

Midnight in UTC is how many systems write a mere date, and stays that date. Every format reads its times so.
"""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from typing import Final

_ISO: Final = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(?:Z|[+-]00:?00)")
_HL7: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(?:\.\d+)?[+-]0000")


def is_in_utc(text: str) -> bool:
    """Tell whether a text in ISO 8601 is a moment in UTC, and not midnight."""
    match = _ISO.fullmatch(text)
    return match is not None and any(part not in (None, "00") for part in match.groups()[1:])


def day_in(zone: tzinfo, text: str) -> str | None:
    """Return the day in a time zone of a moment in UTC, `YYYYMMDD`; None for any other text.

    Args:
        zone: The time zone.
        text: A time in ISO 8601 or in HL7's form (DTM).
    """
    hl7 = _HL7.fullmatch(text)
    if hl7:
        year, month, day, hour, minute, second = hl7.groups()
        text = f"{year}-{month}-{day}T{hour}:{minute}:{second or '00'}Z"
    if not is_in_utc(text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(zone).strftime("%Y%m%d")
    except (ValueError, OverflowError):
        return None


def zone_of(name: str) -> tzinfo | None:
    """Return the time zone of a source (`time_zone` in clinics.toml); None if it has none."""
    if not name:
        return None
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - few sources have times in UTC

    return ZoneInfo(name)
