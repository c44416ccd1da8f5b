from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.maintenance import current, window

EASTERN = "America/New_York"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def is_in(text: str, moment: str) -> bool:
    found = window(text)
    assert found is not None
    return current((found,), EASTERN, at(moment)) is found


@pytest.mark.parametrize(
    ("text", "moment", "inside"),
    [
        # Sunday 1 March 2026 in New York is UTC-5.
        ("Sun 02:00-06:00", "2026-03-01 07:00", True),
        ("Sun 02:00-06:00", "2026-03-01 06:59", False),
        ("Sun 02:00-06:00", "2026-03-01 11:00", False),
        ("Sun 02:00-06:00", "2026-03-02 07:00", False),
        # From 8 March on it is UTC-4: the same local hours, other hours of UTC.
        ("Sun 02:00-06:00", "2026-03-15 06:00", True),
        ("Sun 02:00-06:00", "2026-03-15 10:00", False),
        # Over midnight: the days are those on which the window begins.
        ("Mon-Fri 23:30-00:30", "2026-03-07 05:15", True),
        ("Mon-Fri 23:30-00:30", "2026-03-08 05:15", False),
        ("Fri-Mon 10:00-11:00", "2026-03-02 15:30", True),
        ("Fri-Mon 10:00-11:00", "2026-03-03 15:30", False),
        ("daily 03:00-24:00", "2026-03-04 04:59", True),
    ],
)
def test_a_window_follows_the_local_time_of_the_iis(text: str, moment: str, inside: bool) -> None:
    assert is_in(text, moment) is inside


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Sun",
        "Sunday 02:00-06:00",
        "Sun 2:00-6:00",
        "Sun 02:00-02:00",
        "Sun 24:00-01:00",
        "daily-Mon 01:00-02:00",
        "Sun 02:60-03:00",
    ],
)
def test_a_text_that_is_no_window_is_none(text: str) -> None:
    assert window(text) is None


@given(st.integers(0, 60 * 24 * 14 - 1), st.integers(0, 1439), st.integers(1, 1440))
def test_a_daily_window_lasts_its_length_every_day(minute: int, start: int, length: int) -> None:
    end = (start + length) % 1440 or 1440
    found = window(f"daily {start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}")
    if found is None:
        assert start == end
        return
    moment = datetime(2026, 6, 1 + minute // 1440, minute // 60 % 24, minute % 60, tzinfo=UTC)
    held = current((found,), "UTC", moment) is not None
    assert held == ((minute % 1440 - start) % 1440 < ((end - start) % 1440 or 1440))


def test_without_windows_no_time_zone_is_looked_up() -> None:
    assert current((), "No/Such", at("2026-03-01 07:00")) is None
