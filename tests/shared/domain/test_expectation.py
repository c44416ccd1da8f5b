from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.expectation import GRACE, FileInterval, parse_interval

NEW_YORK = "America/New_York"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1 day", FileInterval(1, "day")),
        ("26 hours", FileInterval(26, "hour")),
        (" 1 weekday ", FileInterval(1, "weekday")),
        ("2 weeks", FileInterval(2, "week")),
    ],
)
def test_an_interval_is_read(text: str, meant: FileInterval) -> None:
    assert parse_interval(text) == meant


@pytest.mark.parametrize("text", ["", "daily", "0 days", "-1 day", "1.5 days", "1 month", "1000 days", "1 day 2 hours"])
def test_text_that_is_no_interval_is_none(text: str) -> None:
    assert parse_interval(text) is None


def test_a_file_is_late_two_hours_after_its_interval() -> None:
    last = datetime(2026, 3, 2, 23, tzinfo=UTC)
    assert FileInterval(1, "day").due_after(last, NEW_YORK) == datetime(2026, 3, 4, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("last", "due"),
    [
        ("2026-03-05 18:00", "2026-03-06 20:00"),  # Thursday → Friday
        ("2026-03-06 18:00", "2026-03-09 20:00"),  # Friday → Monday, over the change to daylight saving time
        ("2026-03-07 18:00", "2026-03-09 20:00"),  # Saturday → Monday
    ],
)
def test_a_feed_that_rests_at_the_weekend_is_due_on_monday(last: str, due: str) -> None:
    zone = ZoneInfo(NEW_YORK)
    found = FileInterval(1, "weekday").due_after(
        datetime.fromisoformat(last).replace(tzinfo=zone).astimezone(UTC), NEW_YORK
    )
    assert found == datetime.fromisoformat(due).replace(tzinfo=zone)


@given(
    st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2030, 1, 1)),
    st.integers(1, 40),
    st.sampled_from(["hour", "day", "weekday", "week"]),
)
def test_the_next_file_is_due_later_than_the_last_came_and_weekdays_never_end_on_a_weekend(
    last: datetime, count: int, unit: str
) -> None:
    due = FileInterval(count, unit).due_after(last.replace(tzinfo=UTC), "UTC")
    assert due > last.replace(tzinfo=UTC) + timedelta(hours=count)
    assert unit != "weekday" or (due - GRACE).weekday() < 5
