"""A file of the wrong kind is one thing to do about the file, and the right file ends it."""

from __future__ import annotations

import pytest

from shared.domain.lifecycle import State
from shared.domain.submission import FileSummary
from shared.usecases.correction.file_problems import file_groups, has_failed
from tests.shared.usecases.intake.feeds import Feeds, a_csv, row

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
[sources.bulk]
format = "fhir"
clinic = "elm"
id_prefix = "F-"
[sources.messages]
format = "hl7"
clinic = "elm"
id_prefix = "M-"
"""
RIGHT = a_csv(*(row(f"SYN-{number}", f"D{number}") for number in range(300)))
PAGE = b"<!DOCTYPE html><html><body>" + b"<p>Please sign in</p>\n" * 300
OTHER_LAYOUT = RIGHT.replace(b"patient_id,last_name", b"Pt MRN,Pt Last").replace(b"dose_date", b"Given On")


@pytest.fixture
def feeds() -> Feeds:
    return Feeds(CLINICS)


def causes(feeds: Feeds) -> list[str]:
    return [group.cause for group in file_groups(feeds.ledger.files, feeds.configurations.configuration)]


@pytest.mark.parametrize(
    ("key", "body", "code"),
    [
        ("elm/doses.csv", PAGE, "FILE-WRONG-KIND"),
        ("elm/doses.csv", OTHER_LAYOUT, "COLUMN-MISSING"),
        ("elm/doses.csv", RIGHT.partition(b"\n")[2], "FILE-HEADER-UNKNOWN"),
        ("messages/doses.hl7", RIGHT, "FILE-WRONG-KIND"),
    ],
    ids=["page", "layout", "no header", "csv as hl7"],
)
def test_a_wrong_file_makes_no_submission_and_one_entry_of_the_worklist(
    feeds: Feeds, key: str, body: bytes, code: str
) -> None:
    summary = feeds.file(key, body)
    assert (summary.rows, summary.held, summary.submitted) == (0, 0, {})
    assert [finding.code for finding in summary.findings] == [code]
    assert has_failed(summary)
    assert (feeds.made(), feeds.resubmission.sent) == ([], [])
    assert causes(feeds) == [code]


def test_a_wrong_set_makes_no_submission_and_one_entry(feeds: Feeds) -> None:
    feeds.put("bulk/1/Immunization.ndjson", PAGE)
    feeds.put("bulk/1/Patient.ndjson", PAGE)
    summary = feeds.put("bulk/1/_SUCCESS", b"")
    assert isinstance(summary, FileSummary)
    assert (summary.rows, [finding.code for finding in summary.findings]) == (0, ["FILE-WRONG-KIND"])
    assert causes(feeds) == ["FILE-WRONG-KIND"]


def test_the_right_file_is_sent_and_ends_the_entry(feeds: Feeds) -> None:
    feeds.file("elm/doses.csv", PAGE)
    right = feeds.file("elm/doses.csv", RIGHT)
    assert right.submitted == {State.QUEUED: 300}
    assert causes(feeds) == []


def test_a_wrong_file_after_a_right_one_is_an_entry_and_undoes_nothing(feeds: Feeds) -> None:
    feeds.file("elm/monday.csv", RIGHT)
    feeds.file("elm/tuesday.csv", PAGE)
    assert causes(feeds) == ["FILE-WRONG-KIND"]
    again = feeds.file("elm/wednesday.csv", RIGHT)
    assert (again.unchanged, causes(feeds)) == (300, [])
