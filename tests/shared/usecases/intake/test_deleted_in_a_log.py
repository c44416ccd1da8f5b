"""A file that is a log: it reports a dose, and deletes it in a later row."""

from __future__ import annotations

import pytest

from shared.domain.lifecycle import State
from tests.shared.usecases.intake.feeds import COLUMNS, Feeds, a_csv, row

CLINICS = """
[organization]
name = "Example Health"
sending_application = "VAXLINE"
[iis]
endpoint = "https://iis.example/"
[clinics.elm]
name = "Elm Example Clinic"
facility = "CT9001"
sending_facility = "CT9000"
facility_id = "ID-ELM"
[sources.log]
format = "csv"
clinic = "elm"
"""


@pytest.fixture
def feeds() -> Feeds:
    return Feeds(CLINICS)


def log(*rows: tuple[str, str]) -> bytes:
    """A file with an action for each row."""
    lines = [f"{COLUMNS},action", *(f"{text},{action}" for text, action in rows), ""]
    return "\n".join(lines).encode()


def deletion(dose_id: str, day: str = "") -> tuple[str, str]:
    columns = COLUMNS.split(",")
    values = {"patient_id": "SYN-1", "dose_id": dose_id, "dose_date": day}
    return ",".join(values.get(column, "") for column in columns), "D"


def test_a_dose_that_a_later_row_deletes_is_deleted(feeds: Feeds) -> None:
    feeds.file("log/1.csv", a_csv(row("SYN-1", "D1")))
    [sent] = feeds.made()
    feeds.end(sent, State.ACCEPTED)
    summary = feeds.file("log/2.csv", log((row("SYN-1", "D1", lot="NEW1"), "A"), deletion("D1")))
    assert (summary.unchanged, summary.submitted) == (1, {State.QUEUED: 1})
    gone = feeds.made()[-1]
    assert [(dose.id, dose.action.value, dose.lot) for dose in gone.visit.doses] == [("D1", "D", "AB123")]


def test_a_dose_that_is_reported_and_deleted_in_one_file_is_not_sent(feeds: Feeds) -> None:
    summary = feeds.file("log/1.csv", log((row("SYN-1", "D1"), "A"), deletion("D1")))
    assert (summary.rows, summary.unchanged) == (2, 2)
    assert [finding.code for finding in summary.findings] == ["DELETE-NOTHING"]
    assert feeds.outbox.sent == []


def test_a_dose_that_an_earlier_row_deletes_moved(feeds: Feeds) -> None:
    feeds.file("log/1.csv", a_csv(row("SYN-1", "D1")))
    feeds.end(feeds.made()[0], State.ACCEPTED)
    feeds.file("log/2.csv", log(deletion("D1", "2026-03-02"), (row("SYN-1", "D1", day="2026-03-01"), "A")))
    newest = feeds.made()[-1]
    assert [(dose.action.value, dose.date) for dose in newest.visit.doses] == [("A", "20260301")]
