"""Closing and reopening, alone and together: what is chosen, what stays, and that nothing is lost from sight."""

from __future__ import annotations

import pytest

from shared.domain.clinics import Clinic, Configuration, Iis, Source
from shared.domain.lifecycle import TRANSITIONS, Event, State
from shared.domain.model import Dose, Finding
from shared.domain.submission import Attempt, FileSummary
from shared.replaced import replace
from shared.usecases.correction.closing import Closed, Closing, Selection
from tests.conftest import NOON, a_submission
from tests.fakes.ledger import MemoryLedger

CLINICS = {key: Clinic(key, key, "F", "ORG", f"ID-{key}", key) for key in ("elm", "oak")}
SOURCES = {key: Source(key, "csv", clinic=key) for key in CLINICS}
CONFIGURATION = Configuration("v1", "Example", "VAXLINE", Iis("http://127.0.0.1:1/"), CLINICS, SOURCES)
WRONG = FileSummary(
    "F9", "inbox/oak/b.csv", "oak", NOON, 0, 0, complete=True, findings=(Finding("FILE-WRONG-KIND", column="file"),)
)


def waits(ledger: MemoryLedger, msh_10: str, *causes: str, clinic: str = "elm", file_id: str = "F1") -> None:
    attempt = Attempt(1, NOON, 0.1, State.REFUSED)
    made = replace(a_submission(msh_10, state=State.REFUSED), clinic=clinic, file_id=file_id, attempts=(attempt,))
    ledger.submissions.add(replace(made, causes=causes))
    ledger.worklist.enter(msh_10, causes)


@pytest.fixture
def ledger() -> MemoryLedger:
    made = MemoryLedger()
    waits(made, "A1", "LOT")
    waits(made, "A2", "LOT", "SEX", file_id="F2")
    waits(made, "A3", "SEX", clinic="oak")
    made.files.save(WRONG)
    return made


@pytest.fixture
def closing(ledger: MemoryLedger) -> Closing:
    return Closing(submissions=ledger.submissions, states=ledger.states, worklist=ledger.worklist, files=ledger.files)


def listed(ledger: MemoryLedger) -> list[str]:
    return sorted(entry.msh_10 for entry in ledger.worklist.entries())


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        (Selection(), ()),
        (Selection("LOT"), ("A1", "A2")),
        (Selection("SEX"), ("A2", "A3")),
        (Selection("SEX", "oak"), ("A3",)),
        (Selection(clinic="oak"), ("A3", "F9")),
        (Selection(files=("F1",)), ("A1", "A3")),
        (Selection("LOT", files=("F2",)), ("A2",)),
        (Selection("FILE-WRONG-KIND"), ("F9",)),
        (Selection(files=("F9",)), ("F9",)),
        (Selection("NO-SUCH"), ()),
    ],
)
def test_a_selection_means_what_meets_all_its_criteria(
    closing: Closing, selection: Selection, chosen: tuple[str, ...]
) -> None:
    assert closing.select(selection, CONFIGURATION).subjects == chosen


def test_what_may_be_stored_is_counted_before_it_is_closed(ledger: MemoryLedger, closing: Closing) -> None:
    attempt = Attempt(1, NOON, 0.1, State.UNKNOWN)
    unknown = replace(a_submission("U1", state=State.UNKNOWN), attempts=(attempt,), causes=("LOT",))
    ledger.submissions.add(replace(unknown, visit=replace(unknown.visit, doses=(Dose("d1"),))))
    ledger.worklist.enter("U1", ("LOT",))
    assert closing.select(Selection("LOT"), CONFIGURATION).in_doubt == 1
    assert "nothing proves" in closing.close("U1", "given up").in_doubt


def test_what_is_closed_and_reopened_is_in_the_worklist_as_it_was(ledger: MemoryLedger, closing: Closing) -> None:
    before, entries = ledger.submissions.get("A2"), list(ledger.worklist.entries())
    assert closing.close("A2", "on paper") == Closed("A2", closed=True)
    assert closing.close("A2", "again").reason_against == "it is CLOSED"
    assert listed(ledger) == ["A1", "A3"]
    assert closing.reopen("A2").state is State.REFUSED
    assert ledger.submissions.get("A2") == before
    assert list(ledger.worklist.entries()) == entries


@pytest.mark.parametrize("state", sorted(TRANSITIONS[Event.CLOSE]))
def test_every_state_that_can_be_closed_comes_back(ledger: MemoryLedger, closing: Closing, state: State) -> None:
    findings = (Finding("LOT-MISSING"),) if state is State.HELD else ()
    ledger.submissions.add(replace(a_submission("B1", state=state), findings=findings))
    assert closing.close("B1", "on paper").closed
    reopened = closing.reopen("B1")
    assert (reopened.reopened, reopened.state) == (True, state)
    (entry,) = [entry for entry in ledger.worklist.entries() if entry.msh_10 == "B1"]
    assert entry.causes == (("LOT-MISSING",) if state is State.HELD else ())


def test_a_reopening_that_was_cut_off_before_the_worklist_is_completed(ledger: MemoryLedger, closing: Closing) -> None:
    closing.close("A1", "on paper")
    ledger.states.reopen("A1")
    assert listed(ledger) == ["A2", "A3"]
    assert closing.reopen("A1").reopened
    assert listed(ledger) == ["A1", "A2", "A3"]


def test_what_was_replaced_accepted_or_never_there_is_not_reopened(ledger: MemoryLedger, closing: Closing) -> None:
    closing.close("A1", "on paper")
    ledger.submissions.name_replacement("A1", "A9")
    assert closing.reopen("A1").reason_against == "it was replaced by A9"
    ledger.submissions.add(a_submission("OK", state=State.ACCEPTED))
    assert closing.reopen("OK").reason_against == "it is ACCEPTED"
    assert closing.reopen("NEVER").reason_against
    assert not closing.close("NEVER", "x").closed
    assert listed(ledger) == ["A2", "A3"]


def test_a_file_is_closed_and_reopened(ledger: MemoryLedger, closing: Closing) -> None:
    assert not closing.reopen("F9").reopened
    assert closing.close("F9", "the EHR was down").closed
    assert closing.select(Selection(files=("F9",)), CONFIGURATION).files == ()
    assert closing.reopen("F9").reopened
    assert closing.select(Selection(files=("F9",)), CONFIGURATION).files == (WRONG,)
    assert ledger.files.summary("F9") == WRONG
