"""A moment in UTC is of the day that it is where the source is, in every format that may have times."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from shared.adapters.configuration.reader import read_configuration
from shared.exports import moments
from tests.shared.usecases.intake.feeds import Feeds, a_csv, row
from tests.shared.usecases.intake.test_wrong_kind import CLINICS

HARTFORD = ZoneInfo("America/New_York")
IN_HARTFORD = CLINICS.replace('format = "csv"\n', 'format = "csv"\ntime_zone = "America/New_York"\n').replace(
    'format = "hl7"\n', 'format = "hl7"\ntime_zone = "America/New_York"\n'
)
DAYS = {
    "2026-11-03T02:30:00Z": "20261102",
    "2026-11-03 02:30:00+00:00": "20261102",
    "2026-07-01T03:59:59.5Z": "20260630",
    "2026-07-01T04:00:00Z": "20260701",
    "2026-11-03T23:30:00Z": "20261103",
    "20261103023000+0000": "20261102",
    "202607010359-0000": "20260630",
}
WRITTEN = (
    "2026-11-03T00:00:00Z",
    "20261103000000+0000",
    "2026-11-03T02:30:00-05:00",
    "2026-11-03",
    "20261103023000",
    "x",
)

MESSAGE = """\
MSH|^~\\&|EHR|X|||20260303||VXU^V04^VXU_V04|1|P|2.5.1
PID|1||SYN-1^^^X^MR||Sampleton^Ada^^^^^L||19900506|F
ORC|RE||D1^X
RXA|0|1|20260303023000+0000||115^Tdap^CVX|0.5|mL^^UCUM||00^^NIP001||||||AB123||SKB^^MVX|||CP|A
"""


@pytest.mark.parametrize(("text", "day"), DAYS.items())
def test_a_moment_in_utc_is_of_the_day_in_the_zone(text: str, day: str) -> None:
    assert moments.day_in(HARTFORD, text) == day


@pytest.mark.parametrize("text", WRITTEN)
def test_midnight_other_offsets_and_mere_days_are_left_as_they_are_written(text: str) -> None:
    assert moments.day_in(HARTFORD, text) is None


@pytest.mark.parametrize(("toml", "day"), [(CLINICS, "20260303"), (IN_HARTFORD, "20260302")], ids=["without", "with"])
def test_a_csv_dose_of_the_evening_is_of_its_own_day_with_a_time_zone(toml: str, day: str) -> None:
    feeds = Feeds(toml)
    feeds.file("elm/doses.csv", a_csv(row("SYN-1", "D1", day="2026-03-03T02:30:00Z")))
    feeds.file("elm/more.csv", a_csv(row("SYN-2", "D2", day="2026-03-03T00:00:00Z")))
    assert [dose.date for one in feeds.made() for dose in one.visit.doses] == [day, "20260303"]


@pytest.mark.parametrize(("toml", "day"), [(CLINICS, "20260303"), (IN_HARTFORD, "20260302")], ids=["without", "with"])
def test_an_hl7_dose_of_the_evening_is_of_its_own_day_with_a_time_zone(toml: str, day: str) -> None:
    feeds = Feeds(toml)
    feeds.file("messages/doses.hl7", MESSAGE.replace("\n", "\r").encode())
    (made,) = feeds.made()
    assert (made.visit.date, made.visit.doses[0].date) == (day, day)


def test_the_key_is_taken_for_sources_of_every_format() -> None:
    sources = read_configuration(IN_HARTFORD).sources
    assert [sources[name].time_zone for name in ("elm", "messages")] == ["America/New_York"] * 2
