"""How often a source's files are expected, as clinics.toml has it: `1 day`, `26 hours`, `1 weekday`, `2 weeks`.

Weekdays are Monday to Friday on the IIS's clock: a feed that rests at the weekend is expected again on Monday.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

import msgspec

GRACE: Final = timedelta(hours=2)
"""A file may come this much later than the last one did, before anybody is told."""

_EVERY: Final = re.compile(r"(?P<count>[1-9]\d{0,2}) (?P<unit>hour|day|weekday|week)s?")
_SPANS: Final = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
_SATURDAY: Final = 5


class Every(msgspec.Struct, frozen=True):
    """`count` times `unit` (hour, day, weekday or week)."""

    count: int
    unit: str

    def after(self, last: datetime, time_zone: str) -> datetime:
        """The latest time at which the file after one of that time is in time."""
        if self.unit != "weekday":
            return last + self.count * _SPANS[self.unit] + GRACE
        from zoneinfo import ZoneInfo  # noqa: PLC0415 - every function reads clinics.toml, few ask when a file is due

        local = last.astimezone(ZoneInfo(time_zone))
        left = self.count
        while left:
            local += timedelta(days=1)
            left -= local.weekday() < _SATURDAY
        return local + GRACE


def every(text: str) -> Every | None:
    """What a text means; None where it means nothing."""
    found = _EVERY.fullmatch(text.strip())
    return Every(int(found["count"]), found["unit"]) if found else None
