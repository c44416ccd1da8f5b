"""The chain of corrections, and queueing a submission again."""

from __future__ import annotations

from datetime import datetime

import pytest

from shared.domain.chart import Chart, DoseState, Made, Work, correction_of
from shared.domain.lifecycle import State
from shared.domain.submission import Attempt, Submission
from shared.ports.queues import OutboxMessage
from shared.replaced import replace
from shared.settings import OUTBOX
from shared.usecases.delivery.lineage import Standing, standing_of, supersede_predecessors
from shared.usecases.delivery.requeue import By, requeue
from tests.conftest import NOON, a_submission
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


def carried(ledger: MemoryLedger, **doses: tuple[str, ...]) -> None:
    """Write the chart of the submissions, with the submissions that carried each dose, the newest last."""
    states = tuple(DoseState(dose, "elm", "20260301", "1:f", "2026", carriers) for dose, carriers in doses.items())
    assert ledger.charts.save(Chart(a_submission().chart, version=1, doses=states))


def standing(ledger: MemoryLedger, msh_10: str) -> Standing:
    found = ledger.submissions.get(msh_10)
    assert found is not None
    return standing_of(ledger.charts, ledger.submissions, found)


@pytest.mark.parametrize(
    ("newer", "overtaken"),
    [
        ([], False),
        ([State.HELD, State.CLOSED], False),
        ([State.QUEUED], True),
        ([State.SENDING], True),
        ([State.UNKNOWN], True),
        ([State.CLOSED, State.ACCEPTED], True),
    ],
)
def test_a_submission_is_overtaken_once_newer_content_is_on_its_way(newer: list[State], overtaken: bool) -> None:
    ledger = chain(State.SENDING, *newer)
    carried(ledger, D1=tuple(f"M{number}" for number in range(len(newer) + 1)))
    assert standing(ledger, "M0").is_overtaken is overtaken


def test_a_submission_waits_for_a_newer_one_that_a_conversion_is_about_to_write() -> None:
    ledger = chain(State.SENDING)
    carried(ledger, D1=("M0", "NEW"))
    assert standing(ledger, "M0") == Standing(waits=True)


def test_a_submission_does_not_wait_for_a_correction_that_was_cut_off_before_it_was_written() -> None:
    ledger = chain(State.SENDING)
    carried(ledger, D1=("M0", "GONE"))
    [chart] = ledger.memory.charts.values()
    ledger.memory.charts[chart.key] = chart.with_work(Work(correction_of("M"), (Made("GONE", 1, 0, ("D1",)),)))
    assert standing(ledger, "M0") == Standing()


def test_a_submission_without_a_chart_is_sent() -> None:
    assert standing(chain(State.SENDING), "M0") == Standing()


def test_of_several_doses_only_those_with_newer_content_are_outdated() -> None:
    ledger = chain(State.SENDING, State.ACCEPTED)
    carried(ledger, D1=("M0", "M1"), D2=("M0",))
    assert standing(ledger, "M0") == Standing(frozenset({"D1"}))


def deletion(ledger: MemoryLedger, state: State, *newer: Submission) -> Standing:
    """The standing of a deletion of what a submission in this state brought."""
    attempt = Attempt(1, NOON, 1.0, state)
    sent = replace(a_submission("SENT"), state=state, attempts=(attempt,) if state is not State.QUEUED else ())
    gone = replace(a_submission("GONE"), state=State.SENDING, deletes=("SENT",))
    for one in (sent, gone, *newer):
        ledger.submissions.add(one)
    carried(ledger, D1=("SENT", "GONE", *(one.msh_10 for one in newer)))
    return standing(ledger, "GONE")


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (State.QUEUED, Standing(is_overtaken=True)),
        (State.REFUSED, Standing(is_overtaken=True)),
        (State.SENDING, Standing(waits=True)),
        (State.UNKNOWN, Standing()),
        (State.PARTLY_ACCEPTED, Standing()),
        (State.ACCEPTED, Standing()),
    ],
)
def test_a_deletion_is_sent_if_the_iis_may_have_the_doses(state: State, expected: Standing) -> None:
    assert deletion(MemoryLedger(), state) == expected


@pytest.mark.parametrize(("clinic", "overtaken"), [("elm", True), ("oak", False)])
def test_a_deletion_at_an_old_place_is_overtaken_only_if_the_dose_came_back(clinic: str, overtaken: bool) -> None:
    newer = replace(a_submission("NEWER"), clinic=clinic)
    assert deletion(MemoryLedger(), State.ACCEPTED, newer).is_overtaken is overtaken


@pytest.mark.parametrize(
    ("state", "since", "waits"),
    [
        (State.QUEUED, NOON, True),
        (State.SENDING, None, True),
        (State.UNKNOWN, NOON, True),
        (State.UNKNOWN, None, False),
        (State.REFUSED, None, False),
        (State.ACCEPTED, None, False),
    ],
)
def test_a_submission_waits_until_the_deletion_before_it_is_decided(
    state: State, since: datetime | None, waits: bool
) -> None:
    ledger = MemoryLedger()
    ledger.submissions.add(replace(a_submission("GONE"), state=state, waiting_since=since))
    ledger.submissions.add(replace(a_submission("NEW"), after="GONE"))
    assert standing(ledger, "NEW").waits is waits


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
