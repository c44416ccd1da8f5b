"""Weekly windows of an IIS in clinics.toml (`iis.maintenance`, `iis.query_hours`), such as `Sun 02:00-06:00`.

The days are those on which the window begins, in the IIS's time zone. A window whose end is before its start ends on
the next day. Times are local wall-clock times, so a window keeps its hours when daylight saving time changes.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

import msgspec

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY: Final = "|".join(_DAYS)
_WINDOW: Final = re.compile(
    rf"(?P<first>{_DAY}|daily)(?:-(?P<last>{_DAY}))? (?P<start>\d\d:[0-5]\d)-(?P<end>\d\d:[0-5]\d)"
)
_DAY_MINUTES: Final = 24 * 60


class Window(msgspec.Struct, frozen=True):
    """One window: the weekdays on which it begins (Monday is 0), start and end in minutes of the day, and its text."""

    days: frozenset[int]
    start: int
    end: int
    text: str

    def holds(self, local: datetime) -> bool:
        """Whether a time in the IIS's time zone lies in the window. The end is exclusive."""
        minute = local.hour * 60 + local.minute
        today = local.weekday()
        if self.start < self.end:
            return today in self.days and self.start <= minute < self.end
        return (today in self.days and minute >= self.start) or ((today - 1) % 7 in self.days and minute < self.end)


def window(text: str) -> Window | None:
    """Parse a window such as `Mon-Fri 23:30-00:30`. Return None if the text is not a window."""
    match = _WINDOW.fullmatch(text.strip())
    if match is None or (match["first"] == "daily" and match["last"]):
        return None
    start, end = _minutes(match["start"]), _minutes(match["end"])
    if start >= _DAY_MINUTES or end > _DAY_MINUTES or start == end:
        return None
    return Window(_days(match["first"], match["last"] or match["first"]), start, end, text.strip())


def current(windows: tuple[Window, ...], time_zone: str, now: datetime) -> Window | None:
    """Return the window that `now` (with a time zone) lies in, or None."""
    if not windows:
        return None
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only an IIS with windows needs time zones

    local = now.astimezone(ZoneInfo(time_zone))
    return next((window for window in windows if window.holds(local)), None)


def _days(first: str, last: str) -> frozenset[int]:
    if first == "daily":
        return frozenset(range(7))
    begin, end = _DAYS.index(first), _DAYS.index(last)
    return frozenset((begin + step) % 7 for step in range((end - begin) % 7 + 1))


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)
