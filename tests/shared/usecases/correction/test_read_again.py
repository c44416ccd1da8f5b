"""Rows that wait for a decision about a column are read again once clinics.toml decides it."""

from __future__ import annotations

import pytest

from shared.adapters.configuration.reader import read_configuration
from shared.domain.lifecycle import State
from shared.exports.csv.again import UNDECIDED, read_again
from shared.replaced import replace
from shared.usecases.correction.correct import NotResubmitted, Resubmitted
from tests.shared.usecases.intake.feeds import COLUMNS, Feeds, row
from tests.shared.usecases.intake.test_wrong_kind import CLINICS

MAPPED = CLINICS.replace("[sources.elm]\n", '[sources.elm]\ncolumns = { event_status = "Vax Status" }\n')
IGNORED = CLINICS.replace("[sources.elm]\n", '[sources.elm]\nignore = ["vax status"]\n')
MISSED = CLINICS.replace("[sources.elm]\n", '[sources.elm]\ncolumns = { missed_appointment = "Vax Status" }\n')


def a_file(*words: str, delimiter: str = ",") -> bytes:
    """Doses of one patient on one day and of others, with a column that vaxline does not know."""
    lines = [f"{COLUMNS},Vax Status"]
    for number, word in enumerate(words):
        mrn = "SYN-1" if number < 2 else f"SYN-{number}"
        lines.append(f"{row(mrn, f'D{number}', day=f'2026-03-0{2 + number // 2}')},{word}")
    return "\n".join((*lines, "")).replace(",", delimiter).encode()


@pytest.fixture
def feeds() -> Feeds:
    return Feeds(CLINICS)


def decided(feeds: Feeds, clinics_toml: str) -> list[Resubmitted | NotResubmitted]:
    """Resubmit all that is held, under a changed clinics.toml."""
    held = [one for one in feeds.made() if one.state is State.HELD]
    assert all(UNDECIDED in {finding.code for finding in one.findings} for one in held)
    feeds.configurations.configuration = read_configuration(clinics_toml)
    return [feeds.correct(one.msh_10, {}) for one in held]


def sent(feeds: Feeds, results: list[Resubmitted | NotResubmitted]) -> dict[str, tuple[str, str]]:
    """Completion status and lot by the id of the dose, of what is queued."""
    assert all(isinstance(one, Resubmitted) and one.state is State.QUEUED for one in results), results
    made = feeds.ledger.submissions.many(one.msh_10 for one in results)
    return {dose.id: (dose.completion.value, dose.lot) for one in made for dose in one.visit.doses}


def test_a_mapped_column_counts_for_the_held_rows(feeds: Feeds) -> None:
    feeds.file("elm/doses.csv", a_file("Given", "Patient refused", "Completed", "", "Not given"))
    results = decided(feeds, MAPPED)
    made = feeds.ledger.submissions.many(one.msh_10 for one in results if isinstance(one, Resubmitted))
    found = {dose.id: (dose.completion.value, one.state) for one in made for dose in one.visit.doses}
    # A dose that was not given has no lot, so the checks hold it; its column no longer does.
    assert not any(UNDECIDED in one.causes for one in results if isinstance(one, Resubmitted))
    assert found == {
        "D0": ("CP", State.HELD),
        "D1": ("RE", State.HELD),
        "D2": ("CP", State.QUEUED),
        "D3": ("CP", State.QUEUED),
        "D4": ("NA", State.HELD),
    }


@pytest.mark.parametrize("delimiter", [",", ";", "|"])
def test_an_ignored_column_releases_every_row_as_it_stands(feeds: Feeds, delimiter: str) -> None:
    feeds.file("elm/doses.csv", a_file("Yes", "No", "x", delimiter=delimiter))
    assert set(sent(feeds, decided(feeds, IGNORED)).values()) == {("CP", "AB123")}
    assert feeds.outbox.sent


def test_what_was_sent_so_is_unchanged_in_the_next_export(feeds: Feeds) -> None:
    feeds.file("elm/doses.csv", a_file("Yes", "No", "x"))
    results = decided(feeds, IGNORED)
    for one in feeds.ledger.submissions.many(result.msh_10 for result in results):
        feeds.end(one, State.ACCEPTED)
    assert feeds.file("elm/again.csv", a_file("Yes", "No", "x")).unchanged == 3


def test_the_rows_keep_their_numbers(feeds: Feeds) -> None:
    feeds.file("elm/doses.csv", a_file("Given", "Given", "Cancelled"))
    results = decided(feeds, MAPPED)
    rows = {}
    for one in feeds.ledger.submissions.many(result.msh_10 for result in results if isinstance(result, Resubmitted)):
        assert one.visit.rows == tuple((dose.part, dose.row) for dose in one.visit.doses)
        rows |= {dose.id: dose.row for dose in one.visit.doses}
        assert {finding.row for finding in one.findings if finding.code == "CODE-UNMAPPED"} <= {4}
    assert rows == {"D0": 2, "D1": 3, "D2": 4}


def test_a_column_that_is_still_undecided_holds_again(feeds: Feeds) -> None:
    feeds.file("elm/doses.csv", a_file("Given"))
    (result,) = decided(feeds, CLINICS)
    assert isinstance(result, Resubmitted)
    assert (result.state, result.causes) == (State.HELD, (UNDECIDED,))


@pytest.mark.parametrize(
    ("word", "toml", "reason"),
    [("Deleted", MAPPED, "delete doses now; close it"), ("Y", MISSED, "report no dose now (ROW-APPOINTMENT-MISSED)")],
    ids=["deleted", "nobody came"],
)
def test_rows_that_report_no_dose_are_not_sent_and_it_is_said_what_to_do(
    feeds: Feeds, word: str, toml: str, reason: str
) -> None:
    text = a_file(word)
    feeds.file("elm/doses.csv", text if word != "Y" else text.replace(b"AB123", b""))
    (result,) = decided(feeds, toml)
    assert isinstance(result, NotResubmitted)
    assert reason in result.reason
    assert feeds.outbox.sent == []


def test_a_correction_beside_the_decision_counts_too(feeds: Feeds) -> None:
    feeds.file("elm/doses.csv", a_file("Given"))
    feeds.configurations.configuration = read_configuration(IGNORED)
    (held,) = feeds.made()
    result = feeds.correct(held.msh_10, {"lot": "ZZ9"})
    assert sent(feeds, [result]) == {"D0": ("CP", "ZZ9")}


def test_a_submission_that_was_held_before_rows_were_kept_says_to_store_the_file_again(feeds: Feeds) -> None:
    feeds.file("elm/doses.csv", a_file("Given", "Given"))
    (held,) = feeds.made()
    cut = feeds.ledger.submissions.get(held.msh_10)
    assert cut is not None

    source = read_configuration(IGNORED).sources["elm"]
    said = read_again(replace(cut.visit, raw=""), source)
    assert isinstance(said, str)
    assert "store the file again" in said
