"""The day of a dose is the day where it was given."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest

from shared.domain.clinics import Source
from shared.domain.model import Visit
from shared.exports.fhir.days import local_day
from tests.shared.exports.fhir.build import a_bundle, a_patient, an_immunization, codes_of, findings_of, lines

Read = Callable[..., list[Visit]]
BULK = Source("bulk", "fhir", clinic="elm")
HARTFORD = Source("bulk", "fhir", clinic="elm", time_zone="America/New_York")
ZONE = ZoneInfo("America/New_York")
EVENING = "2026-10-06T01:30:00Z"


@pytest.mark.parametrize(
    ("text", "day"),
    [
        (EVENING, "20261005"),
        ("2026-10-06T01:30:00.250+00:00", "20261005"),
        ("2026-10-06T01:30Z", "20261005"),
        # Winter: five hours instead of four.
        ("2026-12-06T04:59:59Z", "20261205"),
        ("2026-10-06T04:00:00Z", "20261006"),
        ("2026-10-06T23:59:59Z", "20261006"),
        ("2026-10-06T00:00:00Z", "20261006"),
        ("2026-10-06T00:00:00.000Z", "20261006"),
        ("2026-10-06T00:00:01Z", "20261005"),
        ("2026-10-06T01:30:00-04:00", "20261006"),
        ("2026-10-06T01:30:00+02:00", "20261006"),
        ("2026-10-06T01:30:00", "20261006"),
        ("2026-10-06", "20261006"),
        ("0001-01-01T01:00:00Z", None),
        ("2026-10-06T25:30:00Z", "20261006"),
        ("2026-10", None),
        ("", None),
    ],
)
def test_a_time_in_utc_is_read_in_the_source_s_zone(text: str, day: str | None) -> None:
    assert local_day(text, ZONE) == day


@pytest.mark.parametrize("nest", [False, True])
def test_the_evening_s_dose_is_of_the_evening(read: Read, nest: bool) -> None:
    resources = [a_patient(deceasedDateTime="2026-11-02T02:00:00Z"), an_immunization(occurrenceDateTime=EVENING)]
    body = lines(a_bundle(*resources)) if nest else lines(*resources)
    [visit] = read(HARTFORD, {"x": body})
    assert (visit.date, visit.doses[0].date, visit.patient.death_date) == ("20261005", "20261005", "20261101")
    assert not codes_of([visit])


def test_without_a_zone_the_day_as_written_counts_and_that_is_said_once(read: Read) -> None:
    doses = [an_immunization(str(number), occurrenceDateTime=EVENING) for number in range(3)]
    visits = read(BULK, {"x": lines(a_patient(), *doses)})
    assert {visit.date for visit in visits if visit.rows} == {"20261006"}
    assert [(f.code, f.row, f.value) for f in findings_of(visits)] == [("TIMES-IN-UTC", 2, f"x: {EVENING}")]


@pytest.mark.parametrize(
    "time", ["2026-10-06", "2026-10-06T00:00:00Z", "2026-10-06T20:00:00Z", "2026-10-05T21:30:00-04:00"]
)
def test_times_of_which_the_day_is_sure_need_no_word(read: Read, time: str) -> None:
    assert not codes_of(read(BULK, {"x": lines(a_patient(), an_immunization(occurrenceDateTime=time))}))
