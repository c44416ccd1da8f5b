"""What is late and what runs out."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from shared.domain.clinics import Configuration, Source
from shared.domain.expectation import FileInterval
from shared.domain.submission import FileSummary
from shared.replaced import replace
from shared.usecases.reporting.expectations import CredentialsDue, Expectations, read_expectations
from tests.fakes.ledger import MemoryLedger
from tests.shared.usecases.submit_setup import CONFIGURATION

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAILY = replace(
    CONFIGURATION,
    sources={"demo": Source("demo", "csv", expected_every=FileInterval(1, "day")), "rare": Source("rare", "csv")},
)


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


def look(ledger: MemoryLedger, now: datetime, configuration: Configuration = DAILY) -> Expectations:
    return read_expectations(ledger.sources, ledger.stops, configuration, now, noting=True)


def late(ledger: MemoryLedger, now: datetime) -> list[str]:
    return [source.source for source in look(ledger, now).sources if source.late]


def arrive(ledger: MemoryLedger, when: datetime, source: str = "demo") -> None:
    ledger.files.save(FileSummary(f"F{when:%d%H}", "inbox/demo/a.csv", source, when, 1, 1, complete=True))


def test_a_source_is_late_from_its_pace_after_its_last_file_until_the_next_one(ledger: MemoryLedger) -> None:
    arrive(ledger, NOW)
    assert late(ledger, NOW + timedelta(hours=26)) == []
    assert late(ledger, NOW + timedelta(hours=26, minutes=1)) == ["demo"]
    arrive(ledger, NOW + timedelta(hours=27))
    assert late(ledger, NOW + timedelta(hours=28)) == []


def test_a_new_source_counts_from_when_it_was_first_looked_at(ledger: MemoryLedger) -> None:
    assert late(ledger, NOW) == []
    assert late(ledger, NOW + timedelta(hours=25)) == []
    assert late(ledger, NOW + timedelta(hours=27)) == ["demo"]


def test_a_person_who_looks_changes_nothing(ledger: MemoryLedger) -> None:
    read_expectations(ledger.sources, ledger.stops, DAILY, NOW)
    assert ledger.sources.quiet_since() == {}


def test_an_older_file_that_is_converted_later_does_not_turn_the_clock_back(ledger: MemoryLedger) -> None:
    arrive(ledger, NOW)
    arrive(ledger, NOW - timedelta(days=3))
    assert ledger.sources.quiet_since() == {"demo": NOW}


def test_a_file_of_no_source_is_nobody_s_arrival(ledger: MemoryLedger) -> None:
    arrive(ledger, NOW, source="")
    assert ledger.sources.quiet_since() == {}


def test_a_facility_s_credentials_are_named_once_with_their_first_day_on_the_clock_of_the_iis(
    ledger: MemoryLedger,
) -> None:
    elm, oak = CONFIGURATION.clinics["elm"], CONFIGURATION.clinics["oak"]
    clinics = {
        "elm": replace(elm, credentials_expire=date(2026, 3, 20)),
        "elm2": replace(elm, key="elm2", credentials_expire=date(2026, 3, 10)),
        "oak": replace(oak, credentials_expire=date(2026, 3, 1)),
    }
    # 02:00 UTC on 4 March is still the evening of 3 March in Connecticut.
    now = datetime(2026, 3, 4, 2, tzinfo=UTC)
    assert look(ledger, now, replace(CONFIGURATION, clinics=clinics)).credentials == (
        CredentialsDue("ID-oak", "oak", date(2026, 3, 1), -2),
        CredentialsDue("ID-elm", "elm", date(2026, 3, 10), 7),
    )


def test_what_is_stopped_is_told(ledger: MemoryLedger) -> None:
    ledger.stops.stop_facility("ID-elm", "SECURITY-FAULT", NOW)
    assert dict(look(ledger, NOW).stopped) == {"ID-elm": "SECURITY-FAULT"}
