"""What is to be done about files: which errors of theirs are open, and what ends them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.domain.model import Finding
from shared.domain.submission import FileSummary
from shared.replaced import replace
from shared.usecases.correction.file_problems import close_file, file_groups, has_failed, open_problems
from tests.conftest import NOON
from tests.fakes.ledger import MemoryLedger
from tests.shared.usecases.intake.feeds import Feeds


def a_file(
    name: str, *codes: str, minute: int = 0, rows: int = 0, source: str = "elm", complete: bool = True
) -> FileSummary:
    findings = tuple(Finding(code, column="file", value=f"{code} in words") for code in codes)
    arrived = NOON + timedelta(minutes=minute)
    file_id = f"{source}-{name}-{minute}-{rows}"
    return FileSummary(
        file_id, f"inbox/{source}/{name}", source, arrived, rows, rows, complete=complete, findings=findings
    )


WRONG = a_file("a.csv", "FILE-WRONG-KIND")


def codes_left(*files: FileSummary) -> dict[str, tuple[str, ...]]:
    return {file.name.rpartition("/")[2]: codes for file, codes in open_problems(files)}


def test_a_file_of_the_wrong_kind_is_open_until_a_later_file_of_its_source_is_read() -> None:
    assert codes_left(WRONG) == {"a.csv": ("FILE-WRONG-KIND",)}
    assert codes_left(WRONG, a_file("b.csv", minute=1, rows=3)) == {}
    assert codes_left(a_file("b.csv", minute=1, rows=3), WRONG) == {}


@pytest.mark.parametrize(
    "other",
    [
        a_file("b.csv", minute=-1, rows=3),
        a_file("b.csv", minute=0, rows=3),
        a_file("b.csv", minute=1, rows=3, source="oak"),
        a_file("b.csv", minute=1, rows=3, complete=False),
        a_file("b.csv", "FILE-EMPTY", minute=1),
    ],
    ids=["earlier", "in the same second", "of another source", "not read yet", "empty"],
)
def test_nothing_else_ends_it(other: FileSummary) -> None:
    assert "a.csv" in codes_left(WRONG, other)


def test_the_same_file_stored_again_in_the_same_second_ends_it() -> None:
    assert codes_left(WRONG, a_file("a.csv", minute=0, rows=3)) == {}


def test_another_wrong_file_is_open_beside_the_first() -> None:
    assert set(codes_left(WRONG, a_file("b.csv", "FILE-WRONG-KIND", minute=1))) == {"a.csv", "b.csv"}


def test_an_error_of_a_file_that_was_read_in_part_ends_with_a_file_without_it() -> None:
    cut = a_file("a.csv", "FILE-CUT-OFF", rows=10)
    assert codes_left(cut) == {"a.csv": ("FILE-CUT-OFF",)}
    assert set(codes_left(cut, a_file("b.csv", "FILE-CUT-OFF", minute=1, rows=9))) == {"a.csv", "b.csv"}
    assert codes_left(cut, a_file("b.csv", "COLUMN-TWICE", minute=1, rows=9)) == {"b.csv": ("COLUMN-TWICE",)}
    assert not has_failed(cut)
    assert has_failed(WRONG)


def test_a_warning_is_nothing_to_do_and_a_file_that_is_being_read_may_still_be_well() -> None:
    assert codes_left(a_file("a.csv", "FILE-EMPTY"), a_file("b.csv", "FILE-WRONG-KIND", complete=False)) == {}


@pytest.mark.parametrize(("code", "source"), [("FOLDER-MISSING", ""), ("SOURCE-UNKNOWN", "elmm")])
def test_a_file_in_a_wrong_folder_ends_when_it_is_read_from_the_right_one(code: str, source: str) -> None:
    misplaced = a_file("a.csv", code, source=source)
    assert codes_left(misplaced, a_file("b.csv", minute=1, rows=3)) == {"a.csv": (code,)}
    assert codes_left(misplaced, a_file("a.csv", minute=1, rows=3)) == {}


# The worklist ---------------------------------------------------------------------------------------------------------

CLINICS = """
[organization]
name = "Sampleton Health"
sending_facility = "CT9000"
[iis]
endpoint = "http://127.0.0.1:9/"
[clinics.elm]
name = "Elm"
facility = "CT9001"
[clinics.oak]
name = "Oak"
facility = "CT9002"
[sources.elm]
format = "csv"
clinic = "elm"
[sources.all]
format = "csv"
id_prefix = "A-"
"""
CONFIGURATION = Feeds(CLINICS).configurations.configuration


def a_ledger(*files: FileSummary) -> MemoryLedger:
    ledger = MemoryLedger()
    for file in files:
        ledger.files.save(file)
    return ledger


def test_files_of_one_source_with_one_error_are_one_entry_with_what_to_do() -> None:
    ledger = a_ledger(WRONG, a_file("b.csv", "FILE-WRONG-KIND", minute=1))
    (group,) = file_groups(ledger.files, CONFIGURATION)
    assert (group.cause, group.clinic, group.submissions, group.rows) == ("FILE-WRONG-KIND", "elm", 0, 0)
    assert [name for _, name in group.files] == ["inbox/elm/b.csv", "inbox/elm/a.csv"]
    assert group.values == (("FILE-WRONG-KIND in words", 2),)
    assert group.oldest == NOON
    assert group.explained is not None
    assert "Store the right file" in group.explained.fix


def test_a_clinic_sees_the_files_of_its_source_and_those_that_may_be_its_own() -> None:
    files = (WRONG, a_file("b.csv", "FILE-WRONG-KIND", source="all"), a_file("c.csv", "SOURCE-UNKNOWN", source="x"))
    ledger = a_ledger(*files)

    def seen(clinic: str) -> set[str]:
        groups = file_groups(ledger.files, CONFIGURATION, clinic)
        return {name.rpartition("/")[2] for group in groups for _, name in group.files}

    assert seen("elm") == {"a.csv", "b.csv", "c.csv"}
    assert seen("oak") == {"b.csv", "c.csv"}


def test_a_person_closes_a_file_once_with_a_reason() -> None:
    ledger = a_ledger(WRONG, a_file("b.csv", rows=3, minute=-1))
    assert close_file(ledger.files, WRONG.file_id, "the EHR was down")
    assert file_groups(ledger.files, CONFIGURATION) == ()
    kept = ledger.files.summary(WRONG.file_id)
    assert kept == replace(WRONG, closed_reason="the EHR was down")
    assert not close_file(ledger.files, WRONG.file_id, "again")
    assert not close_file(ledger.files, "nothing", "no such file")
    assert not close_file(ledger.files, "elm-b.csv--1-3", "nothing is wrong with it")
