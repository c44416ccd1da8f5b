"""The versions of a record, by exports and by corrections."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.domain import records
from shared.domain.lifecycle import State
from shared.domain.model import Dose, Patient, Visit
from shared.domain.submission import Record, Submission

EARLY, LATE = "2026-03-01T00:00:00.000000+00:00", "2026-03-02T00:00:00.000000+00:00"
RECORD = Record(
    "KEY", 3, 2, "M2", as_of=EARLY, doses=(("A", "a1", "M1"), ("B", "b1", "M2")), history=(("F", "M2", ""),)
)
VISIT = Visit("demo", Patient("SYN-1"), "20260301", doses=(Dose("A"), Dose("B"), Dose("C")))


def made(msh_10: str, *, state: State = State.QUEUED, replaces: str = "", revision: int = 2) -> Submission:
    return Submission(
        msh_10,
        state,
        "demo",
        "elm",
        "KEY",
        "GROUP",
        "FILE",
        "a.csv",
        1,
        "v1",
        datetime(2026, 3, 2, tzinfo=UTC),
        VISIT,
        revision=revision,
        replaces=replaces,
    )


def test_a_visit_that_changes_a_dose_is_sent_as_a_whole() -> None:
    assert records.news(RECORD, VISIT, {"A": "a2", "B": "b1"}, LATE) is VISIT


def test_a_visit_with_known_fingerprints_has_no_news() -> None:
    assert records.news(RECORD, VISIT, {"A": "a1", "B": "b1"}, LATE) is None


def test_an_export_that_arrived_before_the_record_was_written_brings_only_doses_that_the_record_lacks() -> None:
    before = "2026-02-28T00:00:00.000000+00:00"
    news = records.news(RECORD, VISIT, {"A": "a0", "B": "b0", "C": "c1"}, before)
    assert news is not None
    assert [dose.id for dose in news.doses] == ["C"]
    assert records.news(RECORD, VISIT, {"A": "a0"}, before) is None


@pytest.mark.parametrize(("fingerprints", "expected"), [({"A": "a1"}, False), ({"B": "b2"}, True)])
def test_a_submission_replaces_the_newest_one_only_with_all_its_doses(
    fingerprints: dict[str, str], expected: bool
) -> None:
    assert records.covers_current(RECORD, fingerprints) is expected


def test_a_new_record_has_nothing_to_replace() -> None:
    assert not records.covers_current(Record("KEY"), {"A": "a1"})


def test_an_export_makes_the_next_version_with_its_fingerprints() -> None:
    after = records.after_export(RECORD, made("M3", replaces="M2"), {"B": "b2", "C": "c1"}, LATE)
    assert (after.version, after.revision, after.current, after.held, after.as_of) == (4, 3, "M3", False, LATE)
    assert after.doses == (("A", "a1", "M1"), ("B", "b2", "M3"), ("C", "c1", "M3"))
    assert after.history == (("F", "M2", ""), ("FILE", "M3", "M2"))


def test_a_late_export_does_not_make_a_record_older_and_a_record_names_its_last_submissions_only() -> None:
    record = RECORD
    for number in range(30):
        record = records.after_export(record, made(f"N{number}"), {"C": str(number)}, "2026-02-01")
    assert record.as_of == EARLY
    assert [msh_10 for _, msh_10, _ in record.history] == [f"N{number}" for number in range(10, 30)]


def test_a_correction_keeps_the_fingerprints_of_the_export() -> None:
    after = records.after_correction(RECORD, made("C1", state=State.HELD, replaces="M2", revision=5))
    assert (after.version, after.revision, after.current, after.held) == (4, 6, "C1", True)
    assert after.doses == (("A", "a1", "M1"), ("B", "b1", "C1"))


def test_a_correction_of_an_older_submission_leaves_the_newest_one_in_place() -> None:
    after = records.after_correction(RECORD, made("C1", state=State.HELD, replaces="M1"))
    assert (after.current, after.held) == ("M2", False)
    assert after.doses == (("A", "a1", "C1"), ("B", "b1", "M2"))
