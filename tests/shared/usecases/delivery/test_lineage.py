"""The chain of corrections, and queueing a submission again."""

from __future__ import annotations

import pytest

from shared.domain.lifecycle import State
from shared.ports.queues import OutboxMessage
from shared.replaced import replace
from shared.settings import OUTBOX
from shared.usecases.delivery.lineage import is_overtaken, supersede_predecessors
from shared.usecases.delivery.requeue import By, requeue
from tests.conftest import a_submission
from tests.fakes.ledger import MemoryLedger
from tests.fakes.queues import MemoryOutbox, MemorySqs
from tests.shared.usecases.submit_setup import Clock


def chain(*states: State) -> MemoryLedger:
    """A ledger with a chain of corrections, the oldest first: M0 is replaced by M1, and so on."""
    ledger = MemoryLedger()
    for number, state in enumerate(states):
        made = a_submission(f"M{number}", replaces=f"M{number - 1}" if number else "")
        newer = f"M{number + 1}" if number + 1 < len(states) else ""
        ledger.submissions.add(replace(made, state=state, replaced_by=newer))
    return ledger


def state_of(ledger: MemoryLedger, msh_10: str) -> State:
    found = ledger.submissions.get(msh_10)
    assert found is not None
    return found.state


def test_all_predecessors_are_superseded_through_one_that_cannot_be() -> None:
    ledger = chain(State.REFUSED, State.CLOSED, State.UNKNOWN, State.ACCEPTED)
    newest = ledger.submissions.get("M3")
    assert newest is not None
    supersede_predecessors(ledger.submissions, ledger.states, newest)
    states = [state_of(ledger, f"M{number}") for number in range(4)]
    assert states == [State.SUPERSEDED, State.CLOSED, State.SUPERSEDED, State.ACCEPTED]


@pytest.mark.parametrize(
    ("corrections", "overtaken"),
    [
        ([], False),
        ([State.QUEUED], False),
        ([State.HELD, State.CLOSED], False),
        ([State.SENDING], True),
        ([State.UNKNOWN], True),
        ([State.CLOSED, State.ACCEPTED], True),
    ],
)
def test_a_submission_is_overtaken_once_any_correction_was_sent(corrections: list[State], overtaken: bool) -> None:
    ledger = chain(State.QUEUED, *corrections)
    oldest = ledger.submissions.get("M0")
    assert oldest is not None
    assert is_overtaken(ledger.submissions, oldest) is overtaken


def test_a_correction_that_is_not_in_the_ledger_overtakes_nothing() -> None:
    assert not is_overtaken(MemoryLedger().submissions, replace(a_submission("M0"), replaced_by="GONE"))


@pytest.mark.parametrize("by", By)
def test_a_requeued_submission_has_all_its_retries_and_is_no_duplicate_for_sqs(by: By) -> None:
    clock = Clock()
    ledger, sqs = MemoryLedger(), MemorySqs(OUTBOX, clock, lambda: 1.0)
    ledger.submissions.add(replace(a_submission("M0"), attempt_count=6, deferrals=6, waiting_since=None))
    queued = ledger.submissions.get("M0")
    assert queued is not None
    outbox = MemoryOutbox(sqs)
    outbox.send([OutboxMessage("M0", queued.clinic, queued.patient_group)])
    (first,) = outbox.receive()
    outbox.remove([first.receipt])
    requeue(ledger.backlog, outbox, queued, by, clock.now())
    after = ledger.submissions.get("M0")
    assert after is not None
    assert (after.state, after.deferrals, after.waiting_since) == (State.QUEUED, 0, clock.now())
    assert [received.message.msh_10 for received in outbox.receive()] == ["M0"]
