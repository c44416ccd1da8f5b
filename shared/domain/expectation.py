"""How often files of a source are expected, as clinics.toml writes it: `1 day`, `26 hours`, `1 weekday`, `2 weeks`.

Weekdays are Monday to Friday in the IIS's time zone: the file after Friday's is due on Monday.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

import msgspec

GRACE: Final = timedelta(hours=2)
"""How much later than its interval a file may come before it counts as late."""

_INTERVAL: Final = re.compile(r"(?P<count>[1-9]\d{0,2}) (?P<unit>hour|day|weekday|week)s?")
_SPANS: Final = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
_SATURDAY: Final = 5


class FileInterval(msgspec.Struct, frozen=True):
    """`count` times `unit` (hour, day, weekday or week)."""

    count: int
    unit: str

    def due_after(self, last: datetime, time_zone: str) -> datetime:
        """Return the time from which the file after the one that came at `last` is late."""
        if self.unit != "weekday":
            return last + self.count * _SPANS[self.unit] + GRACE
        from zoneinfo import ZoneInfo  # noqa: PLC0415 - every function loads this module, few compute a due time

        local = last.astimezone(ZoneInfo(time_zone))
        left = self.count
        while left:
            local += timedelta(days=1)
            left -= local.weekday() < _SATURDAY
        return local + GRACE


def parse_interval(text: str) -> FileInterval | None:
    """Return the interval that a text names; None where it names none."""
    match = _INTERVAL.fullmatch(text.strip())
    return FileInterval(int(match["count"]), match["unit"]) if match else None
