"""Maintenance windows of an IIS, as clinics.toml has them: `Sun 02:00-06:00`, `Mon-Fri 23:30-00:30`.

Days are the days on which a window begins, in the IIS's own time zone; a window that ends before it begins ends on the
next day. What counts is the clock on the wall, so a window keeps its hours when daylight saving time changes.
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
    """One row: `days` on which it begins (Monday is 0), `start` and `end` in minutes of the day, `text` as written."""

    days: frozenset[int]
    start: int
    end: int
    text: str

    def holds(self, local: datetime) -> bool:
        """Whether a time of the IIS's own zone lies in the window; its end is outside."""
        minute = local.hour * 60 + local.minute
        today = local.weekday()
        if self.start < self.end:
            return today in self.days and self.start <= minute < self.end
        return (today in self.days and minute >= self.start) or ((today - 1) % 7 in self.days and minute < self.end)


def window(text: str) -> Window | None:
    """The window that a text means; None where it means none."""
    found = _WINDOW.fullmatch(text.strip())
    if found is None or (found["first"] == "daily" and found["last"]):
        return None
    start, end = _minutes(found["start"]), _minutes(found["end"])
    if start >= _DAY_MINUTES or end > _DAY_MINUTES or start == end:
        return None
    return Window(_days(found["first"], found["last"] or found["first"]), start, end, text.strip())


def current(windows: tuple[Window, ...], time_zone: str, now: datetime) -> Window | None:
    """The window in which `now` (with a zone) lies."""
    if not windows:
        return None
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only an IIS with windows pays for its time zones

    local = now.astimezone(ZoneInfo(time_zone))
    return next((one for one in windows if one.holds(local)), None)


def _days(first: str, last: str) -> frozenset[int]:
    if first == "daily":
        return frozenset(range(7))
    begin, end = _DAYS.index(first), _DAYS.index(last)
    return frozenset((begin + step) % 7 for step in range((end - begin) % 7 + 1))


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)
