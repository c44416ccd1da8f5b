"""The date of an export: in its file's name, or in the manifest of a FHIR set."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.clinics import Source
from shared.exports.arrivals import exported_at
from shared.exports.file_dates import Pattern
from tests.fakes.bucket import MemoryBucket

HARTFORD = ZoneInfo("America/New_York")
ARRIVED = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("pattern", "name", "time"),
    [
        ("doses-%Y-%m-%d.csv", "doses-2026-11-02.csv", "2026-11-02T00:00-05:00"),
        ("doses-%Y-%m-%d.csv", "DOSES-2026-11-02.CSV.gz", "2026-11-02T00:00-05:00"),
        ("*_%Y%m%d%H%M%S_*.hl7", "VXU_20260702031500_000017.hl7", "2026-07-02T03:15-04:00"),
        ("%d%b%y*", "02Nov26 (1).csv", "2026-11-02T00:00-05:00"),
        ("export %B %d, %Y.csv", "export November 2, 2026.csv", "2026-11-02T00:00-05:00"),
        ("%Y.%j", "2026.306", "2026-11-02T00:00-05:00"),
        ("100%%-%Y%m%d", "100%-20261102", "2026-11-02T00:00-05:00"),
        ("a(b)[c].%Y%m%d", "a(b)[c].20261102", "2026-11-02T00:00-05:00"),
    ],
)
def test_the_date_in_a_name_is_read_on_the_clock_of_the_iis(pattern: str, name: str, time: str) -> None:
    found = Pattern(pattern).time_in(name, HARTFORD)
    assert found is not None
    assert found.isoformat(timespec="minutes") == time


@pytest.mark.parametrize(
    "name",
    ["doses.csv", "doses-2026-13-02.csv", "doses-2026-02-30.csv", "doses-2026-11-02.csv.part", "0001", "doses-0001-11-02.csv"],
)  # fmt: skip
def test_a_name_that_does_not_match_or_holds_no_date_has_none(name: str) -> None:
    assert Pattern("doses-%Y-%m-%d.csv").time_in(name, HARTFORD) is None


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("doses.csv", "year, month and day"),
        ("%Y-%m", "year, month and day"),
        ("%m-%d", "year, month and day"),
        ("%Y%Y%m%d", "twice"),
        ("%x", "%x has no meaning"),
        ("%Y%m%d%", "% has no meaning"),
        ("in/%Y%m%d", "folder"),
        ("*****%Y%m%d", "asterisks"),
    ],
)
def test_a_pattern_without_a_full_date_or_with_other_parts_is_refused(pattern: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Pattern(pattern)


@given(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)), st.text("aB-_.%( é", max_size=5))
def test_a_name_that_was_written_by_a_pattern_is_read_by_it(time: datetime, text: str) -> None:
    name = time.strftime(f"{text.replace('%', '%%')}-%Y%m%d-%H%M%S.csv")
    pattern = f"{text.replace('%', '%%').replace('/', '_')}-%Y%m%d-%H%M%S.csv"
    expected = time.replace(microsecond=0, tzinfo=UTC)
    assert Pattern(pattern).time_in(name.replace("/", "_"), UTC) == expected


# Of an export ---------------------------------------------------------------------------------------------------------


def of_set(manifest: object, folder: str = "inbox/bulk/2026/", **source: str) -> tuple[datetime | None, list[str]]:
    bucket = MemoryBucket()
    text = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    parts = [
        bucket.put(f"{folder}Immunization-20261030.ndjson", b"{}", ARRIVED - timedelta(minutes=1)),
        bucket.put(f"{folder}manifest.json", text, ARRIVED),
    ]
    time, findings = exported_at(Source("bulk", "fhir", **source), parts, bucket, "America/New_York")
    return time, [finding.code for finding in findings]


def test_a_set_is_as_of_the_transaction_time_of_its_manifest() -> None:
    stated = {"output": [], "transactionTime": "2026-11-01T23:30:00.5-05:00"}
    time = datetime(2026, 11, 1, 23, 30, 0, 500_000, timezone(timedelta(hours=-5)))
    assert of_set(stated) == (time, [])
    assert of_set(stated, file_date="*-%Y%m%d.ndjson") == (time, [])


def test_a_set_without_transaction_time_is_as_of_the_date_in_a_name() -> None:
    october = datetime(2026, 10, 30, tzinfo=HARTFORD)
    assert of_set({"output": []}) == (None, [])
    assert of_set({"output": []}, file_date="*-%Y%m%d.ndjson") == (october, [])
    assert of_set({"output": []}, "inbox/bulk/2026-10-31/", file_date="%Y-%m-%d") == (
        october + timedelta(days=1), [],
    )  # fmt: skip
    assert of_set({"output": []}, file_date="%Y-%m-%d") == (None, ["FILE-DATE-MISSING"])


@pytest.mark.parametrize(
    "time", ["yesterday", "2026-11-01", "2026-11-01T10:00:00", 20261101, "0001-01-01T00:00:00+14:00"]
)
def test_a_transaction_time_that_is_no_instant_is_said(time: object) -> None:
    assert of_set({"output": [], "transactionTime": time}) == (None, ["MANIFEST-TIME-UNREADABLE"])


def test_a_manifest_that_is_no_json_says_no_time_and_its_reader_says_why() -> None:
    assert of_set(b"<html>") == (None, [])


@pytest.mark.parametrize(("ahead", "counts"), [(timedelta(minutes=30), True), (timedelta(hours=2), False)])
def test_an_export_from_the_future_counts_as_of_its_arrival(ahead: timedelta, counts: bool) -> None:
    time = ARRIVED + ahead
    found = of_set({"output": [], "transactionTime": time.isoformat()})
    assert found == ((time, []) if counts else (None, ["FILE-DATE-FUTURE"]))
