from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from shared.domain import faults
from shared.domain.clinics import Clinic, Configuration, Iis
from shared.domain.lifecycle import Event, State
from shared.domain.model import Finding
from shared.domain.submission import Attempt, Strategy, Submission
from shared.ports.queues import OutboxMessage
from shared.replaced import replace
from shared.usecases.correction.triage import ROUNDS, Triage, Triaged, may_be_retried
from shared.usecases.delivery.sweep import Sweep, Swept
from tests.conftest import NOON, a_submission
from tests.fakes.configurations import Fixed
from tests.fakes.ledger import MemoryLedger

LADDER = len(faults.LADDERS[Strategy.CHECK_IIS])


class Clock:
    time = NOON

    def now(self) -> datetime:
        return self.time


class Queue:
    def __init__(self) -> None:
        self.sent: list[OutboxMessage] = []

    def send(self, messages: Sequence[OutboxMessage]) -> None:
        self.sent += messages


CLINICS = {key: Clinic(key, key, "F", "ORG", f"ID-{key}", key) for key in ("elm", "oak")}
CONFIGURATION = Configuration("v1", "Example", "VAXLINE", Iis("http://127.0.0.1:1/"), CLINICS, {})


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


@pytest.fixture
def outbox() -> Queue:
    return Queue()


@pytest.fixture
def triage(ledger: MemoryLedger, outbox: Queue) -> Triage:
    return Triage(
        submissions=ledger.submissions,
        outcomes=ledger.outcomes,
        worklist=ledger.worklist,
        backlog=ledger.backlog,
        outbox=outbox,
        clock=Clock(),
    )


@pytest.fixture
def sweep(ledger: MemoryLedger, outbox: Queue) -> Sweep:
    return Sweep(
        backlog=ledger.backlog,
        stops=ledger.stops,
        outbox=outbox,
        configurations=Fixed(CONFIGURATION),
        clock=Clock(),
        after=3600,
    )


def used_up(fault: str, tries: int) -> Submission:
    attempts = tuple(Attempt(number, NOON, 0.1, State.QUEUED, fault=fault) for number in range(1, tries + 1))
    return replace(a_submission(), attempts=attempts, attempt_count=tries, waiting_since=None)


def test_a_held_submission_enters_the_worklist_under_the_codes_of_its_errors(
    ledger: MemoryLedger, triage: Triage
) -> None:
    findings = (Finding("RACE-MISSING"), Finding("LOT-MISSING"), Finding("LOT-MISSING"))
    ledger.submissions.add(replace(a_submission("HELD", state=State.HELD), findings=findings))
    assert triage("HELD") == Triaged("HELD", "elm", "worklist", ("LOT-MISSING",))
    assert [entry.causes for entry in ledger.worklist.entries()] == [("LOT-MISSING",)]


def test_a_replaced_submission_does_not_enter_the_worklist(ledger: MemoryLedger, triage: Triage) -> None:
    ledger.submissions.add(a_submission("OLD", state=State.REFUSED))
    ledger.submissions.name_replacement("OLD", "NEW")
    assert triage("OLD").outcome == "replaced meanwhile"
    assert list(ledger.worklist.entries()) == []


def test_an_accepted_or_unknown_msh_10_needs_nothing(ledger: MemoryLedger, triage: Triage) -> None:
    ledger.submissions.add(a_submission("DONE", state=State.ACCEPTED))
    assert triage("DONE").outcome == "nothing to do: ACCEPTED"
    assert triage("NEVER").outcome == "unknown MSH-10"


def test_a_submission_is_retried_while_rounds_are_left() -> None:
    assert may_be_retried(used_up("CONNECT-REFUSED", LADDER))
    assert not may_be_retried(used_up("CONNECT-REFUSED", ROUNDS * LADDER))


def test_tries_that_met_a_closed_valve_use_up_no_round() -> None:
    submission = used_up("CONNECT-REFUSED", 2 * ROUNDS * LADDER)
    free = tuple(replace(attempt, free=attempt.number > LADDER) for attempt in submission.attempts)
    assert may_be_retried(replace(submission, attempts=free))


def test_a_fault_that_needs_a_person_is_not_retried() -> None:
    assert not may_be_retried(used_up("SECURITY-FAULT", 1))
    assert not may_be_retried(replace(used_up("CONNECT-REFUSED", 1), state=State.REFUSED))


def test_a_retried_submission_is_queued_again_and_waits_for_delivery(
    ledger: MemoryLedger, triage: Triage, outbox: Queue
) -> None:
    ledger.submissions.add(a_submission())
    for _ in range(LADDER + 1):
        claimed = ledger.states.claim("MSG1", NOON)
        assert isinstance(claimed, Submission)
        attempt = Attempt(claimed.attempt_count, NOON, 0.1, State.QUEUED, fault="CONNECT-REFUSED")
        ledger.states.finish(claimed, Event.DEFER, attempt, causes=("CONNECT-REFUSED",))
    assert triage("MSG1").outcome == "queued again"
    assert [message.msh_10 for message in outbox.sent] == ["MSG1"]
    again = ledger.submissions.get("MSG1")
    assert again is not None
    assert (again.deferrals, again.waiting_since) == (0, NOON)


def waits(ledger: MemoryLedger, msh_10: str, since: datetime, *, group: str, clinic: str = "elm", age: int = 0) -> None:
    made = replace(a_submission(msh_10), waiting_since=since, patient_group=group, clinic=clinic)
    ledger.submissions.add(replace(made, created=NOON - timedelta(days=age)))


def test_the_sweep_queues_an_overdue_submission_once_an_hour(ledger: MemoryLedger, sweep: Sweep, outbox: Queue) -> None:
    waits(ledger, "LOST", NOON - timedelta(hours=2), group="A")
    waits(ledger, "FRESH", NOON - timedelta(minutes=5), group="B")
    ledger.submissions.add(a_submission("DONE", state=State.ACCEPTED))
    assert sweep() == Swept(queued=1, stopped=0)
    assert sweep() == Swept(queued=0, stopped=0)
    assert [message.msh_10 for message in outbox.sent] == ["LOST"]


def test_the_sweep_queues_only_the_first_submission_of_each_patient(
    ledger: MemoryLedger, sweep: Sweep, outbox: Queue
) -> None:
    long_ago = NOON - timedelta(hours=9)
    for number, group in ((0, "LOST"), (1, "LOST"), (1, "LADDER"), (2, "LADDER")):
        waits(ledger, f"{group}{number}", long_ago, group=group, age=9 - number)
    waits(ledger, "LADDER0", NOON + timedelta(hours=3), group="LADDER", age=9)
    assert sweep() == Swept(queued=1, stopped=0)
    assert [message.msh_10 for message in outbox.sent] == ["LOST0"]


def test_a_stopped_facility_does_not_hold_back_the_patients_messages_of_another(
    ledger: MemoryLedger, sweep: Sweep, outbox: Queue
) -> None:
    waits(ledger, "ELM", NOON - timedelta(hours=3), group="A", age=2)
    waits(ledger, "OAK", NOON - timedelta(hours=2), group="A", clinic="oak", age=1)
    ledger.stops.stop_facility("ID-elm", "SECURITY-FAULT", NOON)
    assert sweep() == Swept(queued=1, stopped=1)
    assert [message.msh_10 for message in outbox.sent] == ["OAK"]


def test_the_sweep_skips_a_stopped_facility_and_queues_an_opened_one_at_once(
    ledger: MemoryLedger, sweep: Sweep, outbox: Queue
) -> None:
    old = NOON - timedelta(hours=2)
    ledger.submissions.add(replace(a_submission("ELM"), waiting_since=old))
    ledger.submissions.add(replace(a_submission("OAK"), clinic="oak", waiting_since=NOON - timedelta(minutes=1)))
    ledger.stops.stop_facility("ID-elm", "SECURITY-FAULT", NOON)
    assert sweep() == Swept(queued=0, stopped=1)
    ledger.stops.open_facility("ID-elm")
    assert sweep(facility="ID-elm") == Swept(queued=1, stopped=0)
    assert [message.msh_10 for message in outbox.sent] == ["ELM"]


def test_opening_a_facility_that_no_clinic_has_any_more_queues_what_waits(
    ledger: MemoryLedger, sweep: Sweep, outbox: Queue
) -> None:
    waits(ledger, "ELM", NOON - timedelta(minutes=5), group="A")
    waits(ledger, "OAK", NOON - timedelta(minutes=5), group="B", clinic="oak")
    waits(ledger, "RETRY", NOON + timedelta(minutes=5), group="C")
    ledger.stops.stop_facility("ID-oak", "SECURITY-FAULT", NOON)
    assert sweep(facility="CODE-BEFORE-IT-WAS-CORRECTED") == Swept(queued=1, stopped=1)
    assert [message.msh_10 for message in outbox.sent] == ["ELM"]
