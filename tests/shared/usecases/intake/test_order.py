"""Exports count in the order in which they were made, as far as they say it, and else in that of their arrival."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from shared.domain.submission import FileSummary
from tests.shared.usecases.intake.feeds import START, Feeds, a_csv, row

CLINICS = """
[organization]
name = "Sampleton Health"
sending_facility = "CT9000"
[iis]
endpoint = "http://127.0.0.1:9/"
[clinics.elm]
name = "Elm"
facility = "CT9001"
[sources.elm]
format = "csv"
clinic = "elm"
file_date = "doses-%Y-%m-%d*.csv"
[sources.bulk]
format = "fhir"
clinic = "elm"
id_prefix = "F-"
"""


@pytest.fixture
def feeds() -> Feeds:
    return Feeds(CLINICS)


def lots(feeds: Feeds) -> dict[str, str]:
    """The lot of each dose in the last message that has it."""
    return {dose.id: dose.lot for one in feeds.made() for dose in one.visit.doses}


def test_an_older_file_that_comes_later_undoes_nothing_and_brings_what_is_missing(feeds: Feeds) -> None:
    feeds.file("elm/doses-2026-11-01.csv", a_csv(row("SYN-1", "D1", lot="NEW1")))
    late = feeds.file("elm/doses-2026-10-30.csv", a_csv(row("SYN-1", "D1", lot="OLD1"), row("SYN-1", "D2", lot="LOT2")))
    assert lots(feeds) == {"D1": "NEW1", "D2": "LOT2"}
    assert [dose.id for dose in feeds.made()[-1].visit.doses] == ["D2"]
    assert sum(late.submitted.values()) == 2, "the message stands for both rows"


def test_an_older_file_with_nothing_new_is_unchanged(feeds: Feeds) -> None:
    feeds.file("elm/doses-2026-11-01.csv", a_csv(row("SYN-1", "D1", lot="NEW1")))
    late = feeds.file("elm/doses-2026-10-30.csv", a_csv(row("SYN-1", "D1", lot="OLD1")))
    assert (late.unchanged, len(feeds.made())) == (1, 1)


def test_two_files_of_one_day_count_in_the_order_of_their_arrival(feeds: Feeds) -> None:
    feeds.file("elm/doses-2026-11-01.csv", a_csv(row("SYN-1", "D1", lot="ONE")))
    feeds.file("elm/doses-2026-11-01-again.csv", a_csv(row("SYN-1", "D1", lot="TWO")))
    assert lots(feeds) == {"D1": "TWO"}
    feeds.file("elm/doses-2026-10-31.csv", a_csv(row("SYN-1", "D1", lot="OLD")))
    assert lots(feeds) == {"D1": "TWO"}


def test_the_event_of_a_newer_file_that_comes_first_wins_over_one_of_the_same_day(feeds: Feeds) -> None:
    first, second = "inbox/elm/doses-2026-11-01.csv", "inbox/elm/doses-2026-11-01-b.csv"
    feeds.bucket.put(first, a_csv(row("SYN-1", "D1", lot="ONE")), START)
    feeds.bucket.put(second, a_csv(row("SYN-1", "D1", lot="TWO")), START + timedelta(minutes=1))
    feeds.convert(second)
    feeds.convert(first)
    assert lots(feeds) == {"D1": "TWO"}


def test_a_file_without_a_date_counts_as_of_its_arrival_and_says_so(feeds: Feeds) -> None:
    feeds.file("elm/doses-2026-11-01.csv", a_csv(row("SYN-1", "D1", lot="ONE")))
    undated = feeds.file("elm/doses.csv", a_csv(row("SYN-1", "D1", lot="TWO")))
    assert [finding.code for finding in undated.findings] == ["FILE-DATE-MISSING"]
    assert lots(feeds) == {"D1": "TWO"}


def test_a_file_dated_in_the_future_does_not_make_every_later_one_old(feeds: Feeds) -> None:
    typo = feeds.file("elm/doses-2062-11-02.csv", a_csv(row("SYN-1", "D1", lot="ONE")))
    assert [finding.code for finding in typo.findings] == ["FILE-DATE-FUTURE"]
    feeds.file("elm/doses.csv", a_csv(row("SYN-1", "D1", lot="TWO")))
    assert lots(feeds) == {"D1": "TWO"}


# FHIR -----------------------------------------------------------------------------------------------------------------


def a_set(feeds: Feeds, name: str, transaction: str, lot: str) -> FileSummary:
    patient = {
        "resourceType": "Patient", "id": "p1", "birthDate": "1990-05-06", "gender": "female",
        "identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": "SYN-9"}],
        "name": [{"family": "Sampleton", "given": ["Cleo"]}],
    }  # fmt: skip
    dose = {
        "resourceType": "Immunization", "id": "i1", "status": "completed", "patient": {"reference": "Patient/p1"},
        "occurrenceDateTime": "2026-03-02", "primarySource": True, "lotNumber": lot,
        "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "115"}]},
    }  # fmt: skip
    names = ["Patient.ndjson", "Immunization.ndjson"]
    manifest = {"transactionTime": transaction, "output": [{"url": f"https://ehr.example/{one}"} for one in names]}
    feeds.put(f"bulk/{name}/{names[0]}", json.dumps(patient).encode())
    feeds.put(f"bulk/{name}/{names[1]}", json.dumps(dose).encode())
    converted = feeds.put(f"bulk/{name}/manifest.json", json.dumps(manifest).encode())
    assert isinstance(converted, FileSummary)
    return converted


def test_a_set_that_was_exported_before_another_undoes_nothing_of_it(feeds: Feeds) -> None:
    a_set(feeds, "tuesday", "2026-11-01T23:00:00-05:00", "NEW1")
    late = a_set(feeds, "monday", "2026-11-02T03:59:59Z", "OLD1")
    assert lots(feeds) == {"i1": "NEW1"}
    assert late.unchanged == 1
